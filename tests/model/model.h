/* model -- the rules of docs/rules.md once more, slow and obvious, to hold the engine against.
 *
 * The model is one list of what was accepted, in order. It keeps nothing else: whether a record is
 * cancelled, what is left of it, which month is cut, what a cell holds is worked out again from the
 * list at every question. Forgetting what a crash lost is making the list shorter. It shares no
 * code with the ledger and the shard, and takes its calendar from the C library. */
#ifndef TESTS_MODEL_MODEL_H
#define TESTS_MODEL_MODEL_H

#include "types/cell.h"
#include "types/record_facts.h"
#include "types/settlement.h"

#define MODEL_ITEMS_MAX 4096
#define MODEL_CELLS_MAX 512

enum model_hold {
    MODEL_HARD,
    MODEL_SOFT,
    MODEL_OFF
};

/* One province's switches. */
struct model_switches {
    enum model_hold identity[6]; /* E1..E5 at [1]..[5]. */
    bool mulaid_in_acct;
    bool acct_in_fund;
    bool clear_mulaid;
};

struct model_rules {
    struct model_switches of[100]; /* By two-digit code. */
    bool partial_refunds;
    bool chronic_code_required;
    int64_t future_ms;
    int64_t tombstone_ttl_ms;
    uint32_t first_month;
};

enum model_kind {
    MODEL_SETTLEMENT,
    MODEL_REFUND,
    MODEL_ADJUSTMENT,
    MODEL_CORRECTION,
    MODEL_CUT,
    MODEL_CLOCK,
    MODEL_YEAR_CLOSE,
    MODEL_DECISION, /* Of the clearing cycle; nothing else of the model's looks at it. */
};

/* One accepted thing. Views point to what the test owns for good. */
struct model_item {
    enum model_kind kind;
    int64_t stamp_ms;
    uint32_t sender;
    uint32_t period;
    uint32_t orig_period;
    int target;                     /* Item it refers to, -1: none. */
    struct model_switches switches; /* As they were, for records; the original's for the rest. */
    enum line line;
    enum insurance insurance;
    struct settlement s;
    struct adjustment a;
    struct correction c;
};

struct model {
    struct model_rules rules;
    bool manual_clock;
    int64_t first_stamp_ms; /* Where the clock begins. */
    int count;
    struct model_item items[MODEL_ITEMS_MAX];
};

/* What is answered. */
struct model_answer {
    uint64_t codes; /* Bit i: the i-th code of types/error.def that is no wallet's. 0: accepted. */
    bool dup;
    int item; /* The item that answers: its number is the engine's less one. */
};

uint64_t model_code_bit(uint32_t code);

int64_t model_clock(const struct model *model);
uint32_t model_cut_through(const struct model *model);
uint32_t model_closed_year(const struct model *model);

/* Each judges and, when accepted, adds to the list. `session` is a province or 0. */
struct model_answer model_post(struct model *model, uint32_t session, const struct settlement *s,
                               int64_t now_ms);
struct model_answer model_reverse(struct model *model, uint32_t session, const struct reversal *r,
                                  int64_t now_ms);
struct model_answer model_adjust(struct model *model, uint32_t session, const struct adjustment *a,
                                 int64_t now_ms);
struct model_answer model_correct(struct model *model, uint32_t session, const struct correction *c,
                                  int64_t now_ms);

/* The desk's. */
bool model_may_cut(const struct model *model, uint32_t period);
void model_cut(struct model *model, uint32_t period, int64_t now_ms);
bool model_set_clock(struct model *model, int64_t to_ms);
bool model_close_year(struct model *model, uint32_t year, int64_t now_ms);
void model_decide(struct model *model, uint32_t period, int64_t now_ms);

/* The cell of a settlement, refund or adjustment, and what it clears there. */
struct cell_key model_key(const struct model_item *item);
void model_funds(const struct model_item *item, int64_t ret_funds[FUND_COUNT]);

/* The same in the engine's noun, as it came, whatever was done to it since; `seq` is its entry's.
 */
struct record_facts model_facts(const struct model_item *item, uint64_t seq);

/* -- what else the list says; places in it stand for items -- */

/* yyyymmdd and yyyymm in Shanghai. */
uint32_t model_day_of(int64_t ms);
uint32_t model_month_of(int64_t ms);

/* The settlement or refund of an id, -1: none. */
int model_find_setl_id(const struct model *model, uint32_t insu_admdvs, struct bytes setl_id,
                       struct bytes psn);

bool model_is_cancelled(const struct model *model, int i);

/* One amount of a settlement after refunds and adjustments that stand. */
int64_t model_left_of(const struct model *model, int record, int amount);

/* The number of the first cut after item `i` that takes its period; 0: none yet. */
uint64_t model_cut_after(const struct model *model, int i);

/* All cells, in no particular order; gives their number. */
uint32_t model_cells(const struct model *model, struct cell *out);

#endif
