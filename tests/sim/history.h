/* history -- what the clients of a simulated centre asked and were told, in order.
 *
 * One row an order or question: when it was first sent, when it was answered, what was answered. An
 * order without an answer may have happened or not; one with an answer has, at one point between
 * the two times. check.h holds the whole against the journals and the models. */
#ifndef TESTS_SIM_HISTORY_H
#define TESTS_SIM_HISTORY_H

#include <stdbool.h>

#include "types/bytes.h"

struct sim_said {
    uint64_t sent;     /* Place in the order of everything sent and heard; never 0. Later times
                        * were the same bytes. */
    uint64_t answered; /* The same; 0: never. */
    int64_t sent_ms;   /* The system's clock at the first sending, and at the answer. */
    int64_t answered_ms;
    int64_t latest_ms;    /* The latest it had shown by then: a clock may go back. */
    uint16_t type;        /* enum message_type of the request. */
    uint16_t province;    /* The session spoke for, 0: the centre. */
    uint16_t answer_type; /* 0: never answered. */
    uint16_t client;
    uint32_t attempts;
    struct bytes body;   /* The request's payload; the history owns it, and the next. */
    struct bytes answer; /* The reply's payload; empty without one. */
};

struct sim_history;

struct sim_history *sim_history_new(void);
void sim_history_free(struct sim_history *history);

/* Notes an order or question as it leaves for the first time; copies the body. Gives its number,
 * from 0. The clock is the client's own, and what row->sent_ms is. */
uint32_t sim_history_ask(struct sim_history *history, const struct sim_said *row);

/* Notes the answer; copies it. Each row is answered once at most. */
void sim_history_answer(struct sim_history *history, uint32_t number, uint16_t type,
                        struct bytes answer, int64_t now_ms);

uint32_t sim_history_count(const struct sim_history *history);

/* Borrowed until the next sim_history_ask(). */
struct sim_said *sim_history_at(struct sim_history *history, uint32_t number);

/* Says that a client saw something that must not be; only the first is kept. */
__attribute__((format(printf, 2, 3))) void sim_complain(struct sim_history *history,
                                                        const char *format, ...);

/* What was complained about; NULL when nothing was. */
const char *sim_complaint(const struct sim_history *history);

#endif
