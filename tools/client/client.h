/* client -- a connection to the engine, from the other side: connect, say hello, ask, answer.
 *
 * WHAT    Whole frames over one TCP socket. Synchronous questions (client_ask) for commands, and
 * the pieces that a pipelined sender needs (client_receive, client_next); lane.h builds on them.
 *
 * DOUBT   A question has three ends: a reply; -ECONNREFUSED and the like from client_connect, then
 *         nothing was asked; or -ECONNRESET and -ETIMEDOUT after it was sent, then nobody knows
 *         whether it was done. Asking again is safe: the engine recognises what it has answered.
 *
 * Must not know files, people or what the messages mean. One thread. */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "admit/frame.h"
#include "session.pb-c.h"

#define CLIENT_TEXT_SIZE 384 /* Bytes, a message for people with its end mark. */

struct client_address {
    char host[256]; /* Name or number, brackets of an IPv6 address taken off. */
    char port[8];
};

/* "HOST:PORT", "[::1]:7040", "HOST" (port 7040), ":PORT" (127.0.0.1). False: not of that form. */
bool client_address_parse(const char *text, struct client_address *ret_address);

struct client {
    struct client_address address;
    int fd;           /* Nonblocking; -1: not connected. */
    uint64_t last_id; /* Request id given last by client_ask. */
    uint8_t *in;      /* Received and not yet taken; owned. */
    size_t in_begin;  /* Bytes; in[in_begin..in_end) is there. */
    size_t in_end;
    size_t in_room;
    char text[CLIENT_TEXT_SIZE]; /* Why the last call failed, for people, without a full stop. */
};

/* A client that is not connected. Ended by client_done(). */
void client_init(struct client *client, const struct client_address *address);

/* Closes the connection, if there is one, and frees what belongs to it. */
void client_done(struct client *client);

/* Closes the connection; received bytes that were not taken are dropped. */
void client_close(struct client *client);

/* Connects, once per address of the host; when `deadline_ns` (clock_ns) is in the future, tries
 * again until then. 0, or negative errno with client->text set: then nothing was sent. */
int client_connect(struct client *client, int64_t deadline_ns);

/* Says who speaks (`province`, 0: the centre) and where the connection wants to live (`home_shard`
 * is the shard plus 1, 0: any). 0 and the reply, freed by the caller with
 * qingfen__v1__hello_reply__free_unpacked; or negative errno with client->text set: -EPERM when
 * the engine said no to who speaks, -EBUSY when it closes the connection instead, for what
 * client->text names, as where there are too many. */
int client_hello(struct client *client, uint32_t province, uint32_t home_shard,
                 Qingfen__V1__HelloReply **ret_reply);

/* Sends one message and waits `timeout_ns` for its reply. 0 and the reply, borrowed until the next
 * call on this client; or negative errno with client->text set: the outcome is unknown. */
int client_ask(struct client *client, uint16_t type, struct bytes payload, int64_t timeout_ns,
               struct frame *ret_reply);

/* Takes what the socket holds, without waiting. Bytes (0: nothing there now), or negative errno
 * with client->text set: the connection is lost. Ends the views client_next() gave. */
int64_t client_receive(struct client *client);

/* The next whole frame that was received. 1 and the frame, borrowed until client_receive(); 0: not
 * all of it is there; negative errno with client->text set: the stream is broken. */
int client_next(struct client *client, struct frame *ret_frame);

#endif
