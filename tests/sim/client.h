/* client -- one client of a simulated centre: a connection, a few messages under way, patience.
 *
 * It does what docs/wire.md tells a client to: Hello first, answers matched by request_id, a
 * bounded number in flight; without an answer it hangs up, connects again and sends the same bytes
 * once more, until there is one. What to say and what to make of an answer is its role's (town.h).
 */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "tests/sim/history.h"
#include "tests/sim/pb.h"
#include "tests/sim/world.h"

#define SIM_WINDOW    32             /* Messages under way, at most. */
#define SIM_DRAFT_MAX (512u * 1024u) /* Bytes of a message. */

struct sim_town;
struct sim_client;

/* A message before it is sent. */
struct sim_draft {
    uint16_t type;
    struct pb pb;
};

struct sim_role {
    const char *name;
    /* Writes the next message; false when the client has nothing to say now. */
    bool (*next)(struct sim_client *client, struct sim_draft *draft);
    /* An answer has come. NULL: nothing to learn. */
    void (*heard)(struct sim_client *client, const struct sim_said *said);
};

/* Where a client is with its connection. */
enum sim_standing {
    CLIENT_AWAY,
    CLIENT_GREETING, /* Hello is sent, its answer is awaited. */
    CLIENT_READY,
};

struct sim_waiting {
    uint32_t row;     /* In the history; also the request_id. */
    uint32_t records; /* Messages it counts for. */
    bool on_way;      /* Sent on this connection. */
};

struct sim_client {
    struct sim_world *world;
    struct sim_history *history;
    struct sim_town *town;
    const struct sim_role *role;
    struct prng prng; /* Its own, so that a message less leaves the others' choices alone. */
    uint16_t number;
    uint16_t province; /* It speaks for; 0: the centre. */
    uint32_t shard;    /* Whose home it connects to. */
    uint32_t window;   /* Messages under way, at most SIM_WINDOW. */

    enum sim_standing standing;
    int connection;
    uint64_t wake_us; /* When patience ends: connect, or hang up. */
    struct sim_waiting waiting[SIM_WINDOW];
    uint32_t waiting_count;
    uint8_t *stream; /* What came and is no whole frame yet. */
    size_t stream_size;
    size_t stream_room;

    int place; /* The role's own: what it does next. */
    uint64_t memory[4];
};

/* False without memory is not an answer here: it ends the program. */
void sim_client_open(struct sim_client *client);
void sim_client_done(struct sim_client *client);

/* Reads what has come and sends again what must be. `idle`: nothing else happens in this world, so
 * who is to connect again does it now. */
void sim_client_turn(struct sim_client *client, bool idle);

/* Room for one more message now. */
bool sim_client_may_send(const struct sim_client *client);

/* Sends a message for the first time. */
void sim_client_say(struct sim_client *client, const struct sim_draft *draft);

/* Half a message, a spoiled frame or another client's version: the connection is lost by it, and
 * nothing else is. */
void sim_client_babble(struct sim_client *client);

/* Chance that is this client's. */
uint32_t sim_below(struct sim_client *client, uint32_t limit);
bool sim_chance(struct sim_client *client, uint32_t of_1000);

#endif
