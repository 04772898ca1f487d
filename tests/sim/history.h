/* history -- what the clients of a simulated centre asked and were told, in order.
 *
 * One row an order or question: when it was first sent, when it was answered, what was answered. An
 * order without an answer may have happened or not; one with an answer has, at one point between
 * the two times. check.c holds the whole against the models. */
#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

#include "types/bytes.h"

struct sim_said {
    uint64_t sent_us;     /* First time; later times were the same bytes. */
    uint64_t answered_us; /* 0: never. */
    uint16_t type;        /* enum message_type of the request. */
    uint16_t province;    /* The session spoke for, 0: the centre. */
    uint32_t client;
    uint32_t attempts;
    struct bytes body;   /* The request's payload; the history owns it. */
    struct bytes answer; /* The reply's payload; empty without one. */
    uint16_t answer_type;
};

struct sim_history;

struct sim_history *sim_history_new(void);
void sim_history_free(struct sim_history *history);

#endif
