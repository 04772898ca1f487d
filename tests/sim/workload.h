/* workload -- the clients of a simulated centre: provinces, the APP, the operator, outbox readers.
 *
 * Each is a small machine that sends, waits, gives up, connects again and sends the same once more,
 * as the documents tell a client to. Between them they send every type of message there is. Each
 * remembers what it was answered (history.h): that is the evidence the check judges by. */
#ifndef TESTS_SIM_WORKLOAD_H
#define TESTS_SIM_WORKLOAD_H

#include "tests/sim/history.h"
#include "tests/sim/town.h"
#include "tests/sim/world.h"

/* What the clients are to do. The same one makes the same messages as long as the world answers the
 * same. */
struct sim_load {
    uint64_t seed;
    uint32_t messages; /* In all, kept back or not; each record of a batch is one. */
    uint32_t persons;  /* 0: as fits so many messages. */
    uint32_t shards;
    bool manual_clock;
    bool heavy;                    /* Nearly all of them settlements in batches. */
    uint32_t absent;               /* Bits: clients that stay away. The operator, 0, never does. */
    const struct town_picks *only; /* Borrowed. The others are made and kept back, so that what
                                    * a client says next is what it was. NULL: all are sent. */
    uint64_t mute[TOWN_TYPES_WORDS]; /* The same for types, by town_type_index(). */
    struct town_picks *said;         /* Borrowed: where it is noted which messages were sent. */
};

struct sim_workload;

struct sim_workload *sim_workload_new(struct sim_world *world, struct sim_history *history,
                                      const struct sim_load *load);
void sim_workload_free(struct sim_workload *workload);

/* Lets the clients act on what has come and send what is next; `idle`: nothing else happens in the
 * world. False when all of them have sent what they wanted and have been answered. */
bool sim_workload_turn(struct sim_workload *workload, bool idle);

/* Nobody begins anything new; what is under way is still asked for until it is answered. */
void sim_workload_calm(struct sim_workload *workload);

/* What the clients know and counted. */
const struct sim_town *sim_workload_town(const struct sim_workload *workload);

/* Of some message that still waits for its answer: who sent what; static memory. */
const char *sim_workload_waiting(const struct sim_workload *workload);

/* Persons of a town for so many messages. */
uint32_t sim_workload_persons(uint32_t messages);

/* Clients there are, and what the client of that number is: "operator". */
uint32_t sim_workload_clients(void);
const char *sim_workload_client(uint32_t number);

#endif
