/* asks -- a history as single questions: each record of a batch by itself, found by person; and the
 * order of things as far as clients can know it. */
#ifndef TESTS_SIM_ASKS_H
#define TESTS_SIM_ASKS_H

#include "tests/sim/evidence.h"
#include "tests/sim/history.h"
#include "tools/verify/idset.h"
#include "types/settlement.h"

/* One message about settlements, and its answer. */
struct ask {
    uint8_t psn[PSN_KEY_SIZE];
    const struct sim_said *said;
    uint16_t type;       /* MESSAGE_SETL_POST for a record of a batch. */
    struct bytes body;   /* Its own, without the batch. */
    struct bytes answer; /* Reply; empty when there is none. */
    bool answered;
};

/* Of one shard, by seq - 1: in the history's order, 0 when nobody sent or heard. */
struct order_times {
    uint64_t *asked; /* First time somebody sent it. */
    uint64_t *acked; /* First time somebody was told of it. */
    bool *claimed;   /* By an answer that was no duplicate. */
    uint64_t count;
    uint64_t *asked_upto; /* By asks_order(): the latest of all up to here, */
    uint64_t *acked_from; /* the earliest of all from here on. */
};

struct asks {
    struct ask *list; /* Sorted by person, then as they were sent. */
    uint32_t count;
    struct ask *questions; /* Of persons about themselves, sorted in the same way. */
    uint32_t question_count;
    struct idset rows; /* Hash of type and body -> row + 1: everything that is no settlement. */
    struct order_times times[EVIDENCE_SHARDS_MAX];
};

/* Borrows both for the life of the result. */
void asks_read(struct asks *asks, const struct evidence *evidence, struct sim_history *history);
void asks_done(struct asks *asks);

/* Of a message's bytes. */
uint64_t ask_hash(uint16_t type, struct bytes body);

/* Fields of a Reply or WalletReply; they agree in these. */
uint32_t reply_code(struct bytes answer);

/* The wallet's part of a settlement's refusal: codes of wallets, and the settlement's number that
 * was paid with another amount. `failure` is a FieldError. */
bool is_of_wallet(struct bytes failure);

/* When all `asked` are there: makes asks_window() quick. */
void asks_order(struct asks *asks);

/* The numbers between which an order was decided that was first sent and answered at those places
 * of the history: behind *ret_after, before *ret_before. */
void asks_window(const struct asks *asks, uint32_t shard, uint64_t sent, uint64_t answered,
                 uint64_t *ret_after, uint64_t *ret_before);

#endif
