/* workload -- the clients of a simulated centre: provinces, the APP, the operator, outbox readers.
 *
 * Each is a small machine that sends, waits, gives up, connects again and sends the same once more,
 * as the documents tell a client to. Between them they send every type of message there is. Each
 * remembers what it was answered (history.h): that is the evidence the check judges by. */
#ifndef TESTS_SIM_WORKLOAD_H
#define TESTS_SIM_WORKLOAD_H

#include "tests/sim/history.h"
#include "tests/sim/world.h"

struct sim_workload;

struct sim_workload *sim_workload_new(struct sim_world *world, struct sim_history *history,
                                      uint32_t messages);
void sim_workload_free(struct sim_workload *workload);

/* Lets the clients act on what has come and send what is next. False when all of them have sent
 * what they wanted and have been answered. */
bool sim_workload_turn(struct sim_workload *workload);

#endif
