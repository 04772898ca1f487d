/* lived_tales -- what a person reads of the wallet's past (proto/person.proto, WltRecord): the
 * words for what a message, a piece of mail or an end of a transfer did, from what the model was
 * told and said. lived_wallets.h collects them. */
#ifndef TESTS_SIM_LIVED_TALES_H
#define TESTS_SIM_LIVED_TALES_H

#include "tests/model/wallet_steps.h"

#define TALE_TEXT_SIZE 48

struct tale {
    uint64_t seq; /* Of the entry. */
    int64_t at_ms;
    const char *kind; /* transfer, payment, premium, usage, relation, wallet */
    const char *what;
    char id[TALE_TEXT_SIZE];
    char ref[TALE_TEXT_SIZE];
    int64_t amount;
    uint32_t admdvs;
};

/* Each gives false for what nobody is told of. */
bool tale_of_order(const struct wallet_order *order, const struct steps_answer *made,
                   struct tale *ret_tale);
bool tale_of_effect(const struct effect *effect, struct tale *ret_tale);

/* A settlement with `wlt_pay`, or the correction that took one back. */
void tale_of_inline(const struct settlement *settlement, bool corrects,
                    const struct steps_answer *made, struct tale *ret_tale);

/* The transfer that ended in the entry and was not accepted. */
bool tale_of_end(const struct steps_answer *made, struct tale *ret_tale);

#endif
