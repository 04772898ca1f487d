/* model_questions -- what a person is told of settlements (docs/rules.md, Questions of persons),
 * worked out anew from the model's list, which is that of one person. Each asks the list as far as
 * it counts: to look back, make it shorter. */
#ifndef TESTS_MODEL_MODEL_QUESTIONS_H
#define TESTS_MODEL_MODEL_QUESTIONS_H

#include "tests/model/model.h"

/* A settlement or refund that stands, lies in that range of setl_time (0: no limit), and that the
 * session (two digits, 0: everybody's) may see. */
bool model_is_shown(const struct model *model, int item, uint32_t session, int64_t from_ms,
                    int64_t to_ms);

/* What one settlement is in its year after all that followed it. Fen. */
struct model_year {
    uint64_t count; /* 0: wholly refunded. */
    int64_t medfee;
    int64_t fund;
    int64_t in_scope;
    int64_t full;
};

/* Year of setl_time in Shanghai; 0 for what is no settlement. */
uint32_t model_year_of(const struct model *model, int item);

/* Zeros for one that was taken back. */
struct model_year model_year_part(const struct model *model, int item);

struct model_sums {
    int64_t medfee;
    int64_t fund;
    int64_t acct;
    int64_t wlt;
    int64_t cash;
};

/* A row of a statement: something that followed the settlement. */
struct model_step {
    int item; /* Which says when, and in which month. */
    struct bytes id;
    const char *what; /* refund, adjustment, correction */
    struct model_sums sums;
};

#define MODEL_STEPS_MAX 256

/* What followed a settlement, oldest first; gives its number. */
uint32_t model_chain(const struct model *model, int item, struct model_step out[MODEL_STEPS_MAX]);

/* What stands of it. */
struct model_sums model_left(const struct model *model, int item);

#endif
