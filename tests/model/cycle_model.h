/* cycle_model -- the clearing cycle the simplest way: record by record, nothing kept that can be
 * counted.
 *
 * It knows of each record whether it is held, differs, is disputed, what is deducted, and which
 * batch holds it; every balance is summed up anew from that. It shares no code with the engine but
 * the nouns. The walk (tests/unit/cycle/test_walk.c) tells it what the engine accepted. */
#ifndef TESTS_MODEL_CYCLE_MODEL_H
#define TESTS_MODEL_CYCLE_MODEL_H

#include <stdbool.h>

#include "types/clearing.h"

#define MODEL_RECORDS_MAX 4096
#define MODEL_BATCHES_MAX 256
#define MODEL_EXTRAS_MAX  512
#define MODEL_PROVINCES   4

struct model_record {
    struct record_facts facts;
    bool differs[2]; /* By enum side. */
    bool held;
    bool disputed;
    bool voided;
    bool noticed;       /* It was in a batch when its notices went out: final but for recoveries. */
    int64_t deducted;   /* Fen, >= 0. */
    bool deduct_posted; /* The book has it. */
    uint32_t batch;     /* Id, 0: none. */
    int64_t recovered;  /* Fen, so far. */
};

/* What stands in a batch beside records: recoveries, and in gross mode negative pairs. */
struct model_extra {
    uint8_t payer;
    uint8_t payee;
    int64_t amount; /* Fen to clear, < 0. */
    uint32_t batch; /* Id, 0: it waits. */
    bool noticed;
};

struct model_batch {
    uint32_t period;
    uint8_t state; /* enum batch_state */
    bool noticed;
};

struct cycle_model {
    struct model_record records[MODEL_RECORDS_MAX];
    uint32_t record_count;
    struct model_extra extras[MODEL_EXTRAS_MAX];
    uint32_t extra_count;
    struct model_batch batches[MODEL_BATCHES_MAX + 1]; /* By id. */
    uint32_t batch_count;
    uint32_t cut_through;
    bool gross; /* Negative pairs are carried. */
};

/* What the record clears, all funds together. */
int64_t model_amount(const struct model_record *record);

/* True when it must not be cleared now. */
bool model_blocked(const struct model_record *record);

/* A month is cut: what is not blocked goes into the new batch `id`. */
void model_cut(struct cycle_model *model, uint32_t period, uint32_t id);

/* A record leaves the batch it is in, before the notices. */
void model_take_out(struct model_record *record);

void model_abort(struct cycle_model *model, uint32_t id);

/* A province leaves a batch that has its notices: what is of its pairs waits again. */
void model_unwind(struct cycle_model *model, uint32_t id, uint8_t province);

/* The notices of a batch go out. */
void model_notice(struct cycle_model *model, uint32_t id);

/* What the pair clears in a batch. */
int64_t model_pair(const struct cycle_model *model, uint32_t id, uint8_t payer, uint8_t payee);

/* What the account of a pair must hold over all funds: debit positive. For the accounts from
 * MISMATCHED to CLEARING; and for DUE the sum of DUE, NETTED, TRANSIT and SETTLED. */
int64_t model_balance(const struct cycle_model *model, uint8_t payer, uint8_t payee,
                      enum cycle_account account);

#endif
