/* check_questions -- (H10) of check.h: what persons were told of their settlements while a history
 * went on, against the model's list of each (tests/model/model_questions.h). */
#ifndef TESTS_SIM_CHECK_QUESTIONS_H
#define TESTS_SIM_CHECK_QUESTIONS_H

#include "tests/model/model.h"
#include "tests/sim/asks.h"

/* One person's list as it was lived, all of it; the person's wallet is in lived_wallets.h. */
struct questioned {
    const struct asks *asks;
    const struct evidence_shard *shard;
    uint32_t shard_index;
    bool manual_clock;
    struct model *model;  /* Looked at in shorter forms, and left as it was. */
    const uint64_t *seqs; /* By item: its number in the shard's journal. */
};

/* Judges asks->questions from `begin` to `end`, which are all of that person's. */
bool judge_questions(const struct questioned *about, uint32_t begin, uint32_t end,
                     struct finding *finding);

#endif
