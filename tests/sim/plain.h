/* plain -- a client that knows one thing: settlements, each sent until it is answered.
 *
 * For the tests of the world itself; the clients of a whole centre are workload.h's. It remembers
 * what it was told, and a second answer about the same message must be the first one again. */
#ifndef TESTS_SIM_PLAIN_H
#define TESTS_SIM_PLAIN_H

#include "tests/sim/world.h"

struct plain;

/* `messages` settlements over `lines` connections, up to `batch` in one frame. */
struct plain *plain_new(struct sim_world *world, uint32_t messages, uint32_t lines, uint32_t batch);
void plain_free(struct plain *plain);

/* Acts on what has come, and sends. False when everything was answered. */
bool plain_turn(struct plain *plain);

/* Begins again with the first message: every answer must now be an old one. */
void plain_again(struct plain *plain);

/* How many of the second time it could not be told of: their records are damaged. */
uint32_t plain_unread(const struct plain *plain);

/* What it was told that cannot be true; empty: nothing. */
const char *plain_wrong(const struct plain *plain);

#endif
