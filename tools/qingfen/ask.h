/* ask -- one question to the engine and its answer, for the commands that need no more. */
#ifndef QINGFEN_ASK_H
#define QINGFEN_ASK_H

#include <protobuf-c/protobuf-c.h>

#include "tools/client/client.h"

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

/* Says on stderr "COMMAND: CODE text (中文)" when the code is not 0. Gives the exit status. */
int ask_status(const char *command, uint32_t code, const char *text);

/* Prints a message as one line of JSON on stdout. */
void print_json(const ProtobufCMessage *message);

#endif
