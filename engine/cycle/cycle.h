/* cycle -- the clearing cycle (清算周期) after the records: a pure state machine over rows.
 *
 * Reconciliation, confirmation, disputes, batches, notices, payments and prefunds of all provinces.
 * The cycle never sees a record that does not differ: months are cells, and only what differs is an
 * exception (docs/rules.md, The clearing cycle). It reads like this:
 *
 *   order -> cycle_needs(): which facts? -> the desk asks the shards -> cycle_judge(): refused, or
 * a decision (rows to put) -> journaled in shard 0 -> durable -> cycle_apply() -> answered
 *
 * The state changes only through cycle_apply(), live and on replay: so replay is exact whatever
 * today's rules are. Knows no clock, socket, file, shard or protobuf.
 *
 * INVARIANTS (docs/rules.md, Invariants)
 *   (K1) Every posting is balanced by its form: one debit, one credit, same pair and fund class.
 *   (K2) A record's money is in at most one batch that is not aborted.
 *   (K3) A published table never changes; a correction is a new version.
 *   (K4) A prefund changes through notices only.
 *   (K5) An order that is refused changes nothing. */
#ifndef CYCLE_CYCLE_H
#define CYCLE_CYCLE_H

#include "cycle/settings.h"
#include "types/bytes.h"
#include "types/error.h"
#include "types/order.h"
#include "types/report.h"

struct cycle;
struct calendar; /* cycle/calendar.h */

/* An empty cycle. The calendar is borrowed. `first` are the values in force before any setting row
 * exists (changed later by SettingSet only): decisions carry what they used, so replay does not ask
 * them. NULL without memory. */
struct cycle *cycle_new(const struct calendar *calendar, const struct setting_values *first);
void cycle_free(struct cycle *cycle); /* NULL is fine. */

/* -- decisions ------------------------------------------------------------------------------- */

/* Rows to put, packed: kind (2), size (2), the row, padded to 4 together; then the next. */
struct decision {
    uint8_t *data; /* malloc'ed */
    size_t size;
    size_t room;
    uint32_t rows;
    /* What the answer says. */
    uint16_t code; /* enum error_code */
    bool dup;
    char ref[NUMBER_SIZE]; /* What was made or changed: a notice's number, a batch "202603-1" … */
    char text[200];        /* Why it was refused, or what was done; English. */
    /* As the message's reply says. ReconDay: totals equal, different. ReconList: matched, then by
     * enum difference. ClrConfirm: cells confirmed; records held, released, with a deduction.
     * PeriodCut: the month's records that stay out, the low and the high half of their amount in
     * fen, the batch's lines. */
    uint32_t counts[8];
};

void decision_init(struct decision *decision);
void decision_free(struct decision *decision);

/* Appends a row of its kind's size. */
void decision_put(struct decision *decision, enum row_kind kind, const void *row);

/* Applies the rows of a whole decision. -EUCLEAN when they make no sense (unknown kind, wrong
 * size, a province or an id there is not, a text without an end, a sum that overflows); then the
 * cycle is of no use any more. After 0 every view below may be asked, whatever the rows say. */
int cycle_apply(struct cycle *cycle, struct bytes rows);

/* -- facts ------------------------------------------------------------------------------------ */

/* What is to be known before an order can be judged. */
struct needs {
    bool cells;      /* All cells of `period`, merged over shards. */
    uint32_t period; /* 0: of all months that are not handed over yet. */
    bool tallies;    /* TALLY_DAY of `period`, day `part` (0: all its days). */
    uint32_t part;
    const uint32_t *months; /* Tallies of these instead of `period`; malloc'ed, freed as refs. */
    uint32_t month_count;   /* 0: of `period`. */
    bool day;               /* Facts of all records of day `part` between the pair (below). */
    uint8_t payer;          /* PROVINCE_CENTRE: any. */
    uint8_t payee;
    const struct record_ref *refs; /* malloc'ed by cycle_needs(); the caller frees it. */
    uint32_t ref_count;
};

/* The answers. Everything is borrowed. */
struct facts {
    const struct cell *cells; /* Ascending by key. */
    size_t cell_count;
    uint32_t cut_through; /* Latest month cut on all shards. */
    uint32_t closed_year;
    const struct tally *tallies; /* Summed over shards, ascending by key. */
    size_t tally_count;
    const struct record_facts *records; /* For refs: those found, ascending by ref; a ref may be
                                         * there twice. For a day: all, ascending by ref. */
    size_t record_count;
};

void cycle_needs(const struct cycle *cycle, const struct order *order, struct needs *ret_needs);

/* Judges an order. Fills *ret_decision (initialised): a code other than OK with text and no rows,
 * or dup, or the rows. Every accepted order puts its own order_row. */
void cycle_judge(const struct cycle *cycle, const struct order *order, const struct facts *facts,
                 int64_t now_ms, struct decision *ret_decision);

/* The cut: facts hold the cells of the period as frozen on all shards, and the records of its
 * exceptions (needs of a MESSAGE_PERIOD_CUT). cycle_judge() does it for a MESSAGE_PERIOD_CUT order;
 * this says whether a cut month has no batch yet, so that a start after a crash can go on with it:
 * the earliest such month <= cut_through that `facts` has cells of, or 0. */
uint32_t cycle_unfinished_cut(const struct cycle *cycle, const struct facts *facts);

/* -- views: for answers. Rows are borrowed until the next cycle_apply(). ------------------------
 */

/* Number of rows of a kind, and the nth in the order they first came. */
uint32_t cycle_count(const struct cycle *cycle, enum row_kind kind);
const void *cycle_row(const struct cycle *cycle, enum row_kind kind, uint32_t index);

/* The row with that key (as many bytes as its key has), or NULL. */
const void *cycle_find(const struct cycle *cycle, enum row_kind kind, const void *key);

/* Balance of an account, fen, debit positive. */
int64_t cycle_balance(const struct cycle *cycle, uint8_t payer, uint8_t payee, uint8_t fund,
                      enum cycle_account account);

/* The value of a setting in force at `at_ms`. */
int64_t setting_at(const struct cycle *cycle, enum setting setting, int64_t at_ms);

/* The order of facts and rows by record: by area, then size, then bytes of the setl_id. */
int record_ref_compare(const struct record_ref *a, const struct record_ref *b);

/* "MISMATCHED", "HELD", "DISPUTED", "VOID", "REVERSED", "BATCHED", "CONFIRMED"; static memory. */
const char *exception_state(const struct cycle *cycle, const struct exception_row *exception);

/* "202603-1" of a batch. */
void batch_name(const struct batch_row *batch, char out[NUMBER_SIZE]);

/* The live batch of a month (not aborted), or its latest aborted one; NULL: none. */
const struct batch_row *cycle_batch(const struct cycle *cycle, uint32_t period);
const struct batch_row *cycle_batch_by_id(const struct cycle *cycle, uint32_t id);

/* The lines of a batch in a version, ascending by line number, to `out` (room for `room`); gives
 * their number, which may be larger than room. Lines of zero count and amount are left out. */
uint32_t cycle_lines(const struct cycle *cycle, uint32_t batch, uint32_t version,
                     struct line_row *out, uint32_t room);

/* What a batch was in one of its versions: version, totals and digest are that version's, all else
 * is as it is now. */
struct batch_row cycle_batch_at(const struct cycle *cycle, const struct batch_row *batch,
                                uint32_t version);

/* States of a cell (docs/rules.md, States of a cell). */
struct cell_state {
    struct cell_key cell;
    uint64_t count;     /* All records. */
    int64_t amount;     /* Fen, all records. */
    bool reconciled[2]; /* By enum side: the centre's figures are those it agreed to. */
    bool confirmed;
    bool stale;          /* It was confirmed, but records have come since. */
    uint32_t exceptions; /* Blocking ones. */
    int64_t blocked;     /* Their amount. */
    int64_t deducted;
    uint8_t batch_state; /* enum batch_state of its batch; BATCH_OPEN: none. */
    uint32_t batch;      /* Id, 0: none. */
};

/* The side's recon rows cover the cell as it is: one of day 0 with this count and checksum, or days
 * that add up to them. An empty cell is always reconciled. One look-up a call. */
bool cell_reconciled(const struct cycle *cycle, const struct cell_key *key, uint64_t count,
                     uint64_t checksum, enum side side);

/* States of the cells of a period; `cells` as in facts (of a handed-over month the frozen rows are
 * used instead). malloc'ed, *ret_count of them, ascending by key; NULL without memory. */
struct cell_state *cycle_cell_states(const struct cycle *cycle, uint32_t period,
                                     const struct cell *cells, size_t cell_count,
                                     size_t *ret_count);

/* The months whose cells the batch holds: its own, and those of cells that had to wait. malloc'ed,
 * *ret_count of them; NULL without memory. */
uint32_t *cycle_area_months(const struct cycle *cycle, const struct batch_row *batch,
                            uint32_t *ret_count);

/* A province's second level: what it owes (side payer, by insured area) or is owed (side payee, by
 * area of treatment) in the month's batch, by area, counterpart, line, insurance and fund: the
 * tallies of cycle_area_months(), exceptions and deductions taken off, carried records added; cells
 * that are not in the batch left out. tally.key.part is the area. malloc'ed, ascending by key. */
struct tally *cycle_area_rows(const struct cycle *cycle, const struct batch_row *batch,
                              uint8_t province, enum side side, const struct tally *tallies,
                              size_t tally_count, size_t *ret_count);

/* How much of a prefund a month's clearing is (预付金使用率). */
enum prefund_alert {
    PREFUND_CALM = 0,
    PREFUND_YELLOW = 1, /* At least prefund.yellow_bp. */
    PREFUND_RED = 2,    /* At least prefund.red_bp: the payee may ask for an increase. */
};

#define PREFUND_USE_NONE UINT32_MAX /* There is no prefund to be used. */

struct prefund_use {
    uint8_t payer; /* PROVINCE_CENTRE: all payers at the payee together. */
    uint8_t payee;
    uint8_t alert;       /* enum prefund_alert */
    uint8_t application; /* enum application_state of the month's, 0: none. Pairs only. */
    uint32_t use_bp;     /* Basis points, rounded down, PREFUND_USE_NONE, or one less: too many. */
    int64_t amount;      /* Fen, what is there. */
    int64_t pending;     /* Changes noticed and not settled. */
    int64_t cleared;     /* The month's cleared amount, 0 before its batch is computed. */
    int64_t applied;     /* What the application asks for. */
};

/* Uses of all pairs that have a prefund or cleared something in the month, ascending by payer and
 * payee, then those of all payees that have, ascending. *period 0 becomes the latest month that is
 * computed (and stays 0 when none is). Limits as in force at `now_ms`. malloc'ed, *ret_pairs and
 * then *ret_payees of them; NULL without memory. docs/rules.md, Prefund. */
struct prefund_use *cycle_prefund_uses(const struct cycle *cycle, uint32_t *period, int64_t now_ms,
                                       size_t *ret_pairs, size_t *ret_payees);

/* What is due, late or to be watched, and who must act; for `qingfen calendar` (docs/rules.md,
 * Agenda). */
struct agenda_item {
    uint32_t day; /* yyyymmdd it is due. */
    uint32_t period;
    uint8_t who;      /* Province index or PROVINCE_CENTRE. */
    uint8_t severity; /* 0 done, 1 to come, 2 due today, 3 late, 4 alarm */
    char what[40];    /* Key: "recon", "confirm", "compute", "sign", "objection", "notice", "file",
                       * "transfer", "feedback", "dispute-reply", "dispute-resolve",
                       * "hold-overage", "prefund-year", "prefund-yellow", "prefund-red",
                       * "emergency-window", "emergency", "year-cut" */
    char ref[NUMBER_SIZE];
    uint64_t count;
    int64_t amount;
};

/* The agenda of a month (yyyymm, 200001..299912): what falls due in it and, when it is the month of
 * now, what is late and the alarms. `facts` hold the cells of the months that are not handed over;
 * malloc'ed, ascending by day, what and who; NULL without memory. */
struct agenda_item *cycle_agenda(const struct cycle *cycle, uint32_t month, int64_t now_ms,
                                 const struct facts *facts, size_t *ret_count);

/* Whole-state checks (docs/rules.md, Invariants 3-7, 10, 11, 15), for tests and `verify`: NULL,
 * or a static text that names the broken one. */
const char *cycle_check(const struct cycle *cycle);

#endif
