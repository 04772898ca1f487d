/* desk_model -- the orders of the clearing cycle, judged the simplest way.
 *
 * Where the engine works with cells and lines, the model works with records: each knows whether
 * something holds it back, what is taken off it and which batch it is in; totals are added up anew
 * each time they are asked for. It says docs/rules.md from Exceptions to Prefund once more, for
 * what the simulator's orders use: recon.required and confirm.required are 0 in its world, so every
 * cell may be cleared. It shares nothing with engine/cycle but the nouns (types/clearing.h,
 * types/order.h), and takes its days from the C library.
 *
 * An order is asked either to be decided or only to hear what would be answered; the second leaves
 * everything as it is. */
#ifndef TESTS_MODEL_DESK_MODEL_H
#define TESTS_MODEL_DESK_MODEL_H

#include "types/order.h"
#include "types/province.h"
#include "types/settings.h"

#define DESK_SHARDS_MAX 8

/* A list that grows; give it back with free(). */
#define DESK_LIST(type) \
    struct {            \
        type *list;     \
        uint32_t count; \
        uint32_t room;  \
    }

/* A settlement, refund or adjustment; or, with count above 0 and no id, what wallets have left in
 * a cell of a month. */
struct desk_record {
    struct record_facts facts;
    uint64_t count;      /* 1 */
    uint64_t taken_back; /* Number of the correction in its shard; 0: it stands. */
    uint32_t batch;      /* Id, 0: none. */
    uint32_t next;       /* Another one under the same hash, + 1. */
};

/* What is said of a single record. Flags as types/clearing.h has them. */
struct desk_exception {
    struct record_ref ref;
    uint32_t record; /* Its place in the list. */
    uint32_t flags;
    bool carved; /* It has left its cell. */
    bool posted; /* Its deduction is in the book. */
    uint8_t det_type;
    uint8_t diff_kind;
    uint32_t held_since;
    int64_t deducted[FUND_COUNT];
    int64_t since_ms;
    char dispute_no[MSGID_SIZE];
};

struct desk_total {
    int64_t funds[FUND_COUNT];
    uint64_t count;
};

struct desk_batch {
    struct batch_row row;             /* digest and totals of lines: see desk_totals(). */
    uint32_t touched[PROVINCE_COUNT]; /* Version in which a province's lines changed last. */
    uint32_t lines;                   /* Of an aborted one: who had some, bit by province. */

    /* Of the version that is shown when the present one is not: the latest published, and of an
     * aborted batch the last. Malloc'ed, NULL: the present one; who has lines, bit by province. */
    struct desk_total (*shown)[PROVINCE_COUNT];
    uint32_t shown_lines;
};

/* What is known when an order is asked. */
struct desk_view {
    const uint64_t *upto; /* By shard: the entries that count. */
    uint32_t cut_through;
    uint32_t closed_year;
    int64_t now_ms;
    /* A confirmation of an open month's cells that happened: what it was told of them; NULL else.
     */
    const struct confirm_row *confirms;
    uint32_t confirm_count;
};

struct desk_answer {
    uint32_t code; /* enum error_code */
    bool dup;
    char ref[NUMBER_SIZE];
    uint32_t counts[8]; /* ReconDay: equal, different. ReconList: matched, then by kind. */
};

/* A day that is worked though it is a weekend's, or is not though it is none. */
struct desk_day {
    uint32_t day; /* yyyymmdd */
    bool working;
};

#define DESK_HASHES 4096

struct desk_model {
    DESK_LIST(struct desk_day) days;
    DESK_LIST(struct desk_record) records;
    DESK_LIST(struct record_facts) debts; /* What wallets owe, one by one: for areas alone. */
    uint32_t heads[DESK_HASHES];          /* Of the records by id, + 1. */
    DESK_LIST(struct desk_exception) exceptions;
    DESK_LIST(struct desk_batch) batches;
    DESK_LIST(struct order_row) orders;
    DESK_LIST(struct setting_row) settings;
    DESK_LIST(struct recon_row) recons;
    DESK_LIST(struct difference_row) differences;
    DESK_LIST(struct confirm_row) confirms;
    DESK_LIST(struct dispute_row) disputes;
    DESK_LIST(struct recovery_row) recoveries;
    DESK_LIST(struct frozen_row) cells; /* Of months that were handed over. */
    DESK_LIST(struct sign_row) signs;
    DESK_LIST(struct carry_row) carries;
    DESK_LIST(struct notice_row) notices;
    DESK_LIST(struct payment_row) payments;
    DESK_LIST(struct prefund_row) prefunds;
    DESK_LIST(struct application_row) applications;

    /* Of the order at hand. */
    const struct order *order;
    const struct desk_view *view;
    uint32_t today;
    bool decide;
    struct desk_answer answer;
};

struct desk_model *desk_model_new(void);
void desk_model_free(struct desk_model *model);

/* Before any order; records by shard and number. */
void desk_add_day(struct desk_model *model, uint32_t day, bool working);
void desk_add_record(struct desk_model *model, const struct desk_record *record);
void desk_add_debt(struct desk_model *model, const struct record_facts *debt);

/* The cell of a record; is it the same id? */
struct cell_key desk_cell(const struct record_facts *facts);
bool desk_same_ref(const struct record_ref *a, const struct record_ref *b);

/* Judges an order; with `decide` it also happens, when it is accepted and no duplicate. */
struct desk_answer desk_ask(struct desk_model *model, const struct order *order,
                            const struct desk_view *view, bool decide);

/* The latest batch of a month; NULL: none. By its id, 0: NULL. Its name: "202603-1". */
const struct desk_batch *desk_batch_of(const struct desk_model *model, uint32_t period);
struct desk_batch *desk_batch_by_id(const struct desk_model *model, uint32_t id);
void desk_batch_name(const struct desk_batch *batch, char out[NUMBER_SIZE]);

/* NULL: it has not said anything of that batch. */
const struct sign_row *desk_sign_of(const struct desk_model *model, uint32_t batch,
                                    uint8_t province);

int64_t desk_setting(const struct desk_model *model, enum setting setting, int64_t at_ms);
bool desk_month_valid(uint32_t period);
int64_t desk_sum(const int64_t funds[FUND_COUNT]);

/* Days: yyyymmdd, Shanghai. */
uint32_t desk_day(int64_t ms);
uint32_t desk_days_later(uint32_t day, int64_t days);
uint32_t desk_working_days_later(const struct desk_model *model, uint32_t day, int64_t days);
bool desk_is_worked(const struct desk_model *model, uint32_t day);

/* What each ordered pair clears in a batch now, by fund, and how many records that are. */
void desk_totals(const struct desk_model *model, uint32_t batch, bool wallets,
                 struct desk_total totals[PROVINCE_COUNT][PROVINCE_COUNT]);

/* The confirmation means that cell. */
bool desk_names(const struct order *order, const struct cell_key *cell);

/* The record stands among the entries that the view counts. */
bool desk_stands(const struct desk_view *view, const struct desk_record *record);

/* NULL: nothing is said of it. */
const struct desk_exception *desk_exception_of(const struct desk_model *model,
                                               const struct record_ref *ref);

/* What an exception's row would be, but for the facts that it repeats. */
struct exception_row desk_exception_row(const struct desk_model *model,
                                        const struct desk_exception *exception);

#endif
