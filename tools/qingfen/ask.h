/* ask -- one question to the engine and its answer, for the commands that need no more. */
#ifndef QINGFEN_ASK_H
#define QINGFEN_ASK_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "tools/client/client.h"

/* A conversation: one connection over which a command asks more than once. */
struct talk {
    const char *command;
    struct client client;
    int64_t now; /* The engine's clock when it said hello, ms. */
};

/* Connects and says hello for the province (0: the centre). False, and why was said on stderr; then
 * it is closed already. */
bool talk_open(struct talk *talk, const char *command, const struct client_address *address,
               uint32_t province);
void talk_close(struct talk *talk);

/* Asks. The reply, freed by the caller with protobuf_c_message_free_unpacked(reply, NULL); or NULL,
 * and why was said on stderr: the engine did not understand, or the connection is of no use any
 * more. */
ProtobufCMessage *talk_ask(struct talk *talk, const ProtobufCMessage *request, uint16_t type,
                           const ProtobufCMessageDescriptor *reply);

/* Connects, asks and closes; `province` 0: as the centre. The reply, freed by the caller with
 * protobuf_c_message_free_unpacked(reply, NULL); or NULL, and why was said on stderr after
 * "qingfen COMMAND: ". A reply with a code is a reply. */
ProtobufCMessage *ask_once(const char *command, const struct client_address *address,
                           uint32_t province, const ProtobufCMessage *request, uint16_t type,
                           const ProtobufCMessageDescriptor *reply);

/* The same over a connection that is there. The reply may also be an ErrorReply: look at its
 * descriptor. NULL: the connection is of no use any more. */
ProtobufCMessage *ask_over(const char *command, struct client *client,
                           const ProtobufCMessage *request, uint16_t type,
                           const ProtobufCMessageDescriptor *reply);

/* Says on stderr "COMMAND: CODE text (中文)" when the code is not 0, and what to do about it on a
 * line of its own. Gives the exit status. */
int ask_status(const char *command, uint32_t code, const char *text);

/* Prints a value of JSON on one line on stdout; it stays the caller's. */
void print_json_value(const json_t *json);

/* Prints a message as one line of JSON on stdout. */
void print_json(const ProtobufCMessage *message);

#endif
