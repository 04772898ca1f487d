/* cycle_internal -- what the chapters of the cycle share; nobody else includes it.
 *
 * One file a chapter: recon.c, confirm.c, dispute.c, cut.c, batch.c, notice.c, payment.c,
 * unwind.c, prefund.c, settings.c; areas.c, agenda.c and check.c only look. rows.c keeps the rows,
 * sound.c lets them in, cycle.c is the state, orders.c hands orders to their chapters. A chapter
 * judges against the state before the decision: rows it has put are not seen until cycle_apply().
 */
#ifndef CYCLE_CYCLE_INTERNAL_H
#define CYCLE_CYCLE_INTERNAL_H

#include "cycle/calendar.h"
#include "cycle/cycle.h"
#include "cycle/settings.h"
#include "netting/netting.h"
#include "types/province.h"

/* Rows of one kind: an array in the order they came, and a hash table by key. */
struct row_set {
    uint8_t *rows;
    uint32_t count;
    uint32_t room;
    uint32_t *index; /* Row number + 1; 0: free. A power of two places. */
    uint32_t index_room;
};

struct cycle {
    const struct calendar *calendar;
    struct setting_values first;
    struct row_set sets[ROW_KIND_END];
    /* Made from the rows as they are put, for questions that must not walk all of them. */
    struct row_set recon_sums;       /* struct recon_sum: what the recon rows of days add up to. */
    struct row_set recon_months;     /* struct recon_month: those of the cells in recon_sums. */
    struct row_set line_sums;        /* struct line_sum: what the lines of a pair add up to. */
    struct row_set difference_lists; /* struct difference_list */
    struct row_set difference_links; /* struct difference_link: one for each row, in their order. */
    int64_t balance[PROVINCE_COUNT][PROVINCE_COUNT][FUND_COUNT][CYCLE_ACCOUNT_COUNT];
};

/* -- rows.c ----------------------------------------------------------------------------------- */

struct row_info {
    uint16_t size;
    uint16_t key_size; /* 0: not kept. */
};
extern const struct row_info row_infos[ROW_KIND_END];

/* Puts a row; false without memory. */
bool rows_put(struct row_set *set, const struct row_info *info, const void *row);
const void *rows_find(const struct row_set *set, const struct row_info *info, const void *key);
void rows_free(struct row_set *set);

/* -- sound.c ---------------------------------------------------------------------------------- */

/* The row may be put: what others take for granted of it is so. */
bool row_sound(const struct cycle *cycle, enum row_kind kind, const void *row);

/* -- rows by themselves ----------------------------------------------------------------------- */

/* A notice for a pair's prefund, of whatever occasion; else it is about a batch. */
static inline bool is_prefund(const struct notice_row *notice)
{
    return notice->kind == NOTICE_PREFUND_OPENING || notice->kind == NOTICE_PREFUND_YEAR ||
           notice->kind == NOTICE_PREFUND_EMERGENCY;
}

/* -- cycle.c: for the chapters ------------------------------------------------------------------
 */

/* What a chapter judges by and with. */
struct judgement {
    const struct cycle *cycle;
    const struct order *order;
    const struct facts *facts;
    int64_t now_ms;
    uint32_t today; /* yyyymmdd */
    struct decision *decision;
};

struct yuan {
    char text[24];
};

/* Fen as people read them, "-123.45", for the text of a refusal. */
struct yuan yuan_of(int64_t fen);

/* Refuses: drops rows put so far, sets code and text (printf-like). Gives false, always. */
bool refuse(struct judgement *j, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts a posting; nothing for an amount of 0. */
void post(struct judgement *j, uint8_t payer, uint8_t payee, uint8_t fund, enum cycle_account debit,
          enum cycle_account credit, int64_t amount, uint32_t batch, uint32_t period);

/* The same for all fund classes. */
void post_funds(struct judgement *j, uint8_t payer, uint8_t payee, enum cycle_account debit,
                enum cycle_account credit, const int64_t funds[FUND_COUNT], uint32_t batch,
                uint32_t period);

int64_t funds_sum(const int64_t funds[FUND_COUNT]);

/* The order's own row, but for time and ref. */
struct order_row order_key(const struct order *order);

/* Puts the order's own row (idempotency) and the answer's ref; every chapter ends with it. True,
 * always. */
bool done(struct judgement *j, const char *ref);

/* The acting province must be `wanted` (an index) or the centre itself; else 5006. */
bool must_be(struct judgement *j, uint8_t wanted);

/* Only the centre's own session; else 1004. */
bool must_be_centre(struct judgement *j);

/* Not in a closed year; else 2009. */
bool must_be_open_year(struct judgement *j, uint32_t period);

/* The one record of a ref in the facts; NULL after refusing (6001, 5015). */
const struct record_facts *one_record(struct judgement *j, const struct record_ref *ref);

/* The exception of a ref as it stands, or a new one made of the record's facts; not put. */
struct exception_row exception_of(const struct cycle *cycle, const struct record_facts *record);

/* Codes. */
uint32_t province_of(uint8_t index); /* Two digits; 0 for PROVINCE_ACCOUNT and PROVINCE_CENTRE. */

/* -- chapters: each judges its orders; true when accepted ----------------------------------------
 */

bool judge_recon_day(struct judgement *j);       /* recon.c */
bool judge_recon_list(struct judgement *j);      /* recon.c */
bool judge_confirm(struct judgement *j);         /* confirm.c */
bool judge_withdraw(struct judgement *j);        /* confirm.c */
bool judge_recovery(struct judgement *j);        /* confirm.c */
bool judge_dispute_open(struct judgement *j);    /* dispute.c */
bool judge_dispute_reply(struct judgement *j);   /* dispute.c */
bool judge_dispute_resolve(struct judgement *j); /* dispute.c */
bool judge_cut(struct judgement *j);             /* cut.c */
bool judge_batch_step(struct judgement *j);      /* batch.c */
bool judge_batch_sign(struct judgement *j);      /* batch.c */
bool judge_notice_reissue(struct judgement *j);  /* notice.c */
bool judge_pay_report(struct judgement *j);      /* payment.c */
bool judge_receipt_report(struct judgement *j);  /* payment.c */
bool judge_prefund_set(struct judgement *j);     /* prefund.c */
bool judge_prefund_apply(struct judgement *j);   /* prefund.c */
bool judge_prefund_decide(struct judgement *j);  /* prefund.c */
bool judge_setting(struct judgement *j);         /* settings.c */
bool judge_year_close(struct judgement *j);      /* batch.c: is everything of the year cleared? */

/* recon.c, of a list that comes again: its counts, as they were kept with the order in `ref`. */
void recon_list_again(struct decision *decision);

/* -- states.c: cells ----------------------------------------------------------------------------
 */

/* The order of cells in facts: by period, payer, payee, line, insurance. */
int cell_key_compare(const struct cell_key *a, const struct cell_key *b);

/* The days that a side has reconciled of a cell, added up; day 0 is not among them. Kept beside the
 * rows by cycle_apply(), so that a cut asks one row a cell and not all days of a month. */
struct recon_sum {
    struct cell_key cell;
    uint8_t side; /* enum side */
    uint8_t pad[3];
    uint32_t pad2;
    /* key: 16 */
    uint64_t count;
    uint64_t checksum;
};

/* A month that cells were reconciled in by days. */
struct recon_month {
    uint32_t period; /* yyyymm */
    /* key: 4 */
};

/* Takes a recon row into the sums and the months; called before the row itself is put. False
 * without memory. */
bool recon_sum_put(struct cycle *cycle, const struct recon_row *row);

/* The payee has confirmed the cell with this count and checksum and has not withdrawn it. */
bool cell_confirmed(const struct cycle *cycle, const struct cell_key *key, uint64_t count,
                    uint64_t checksum);

/* It may go into a batch: reconciled and confirmed as far as the settings at `now_ms` require
 * (docs/rules.md, Confirmation). */
bool cell_eligible(const struct cycle *cycle, const struct cell_key *key, uint64_t count,
                   uint64_t checksum, int64_t now_ms);

/* The sides alone, for the account of a cell that waits: as recon.required asks at `now_ms`. */
bool cell_reconciled_enough(const struct cycle *cycle, const struct cell_key *key, uint64_t count,
                            uint64_t checksum, int64_t now_ms);

/* -- exceptions.c: single records ----------------------------------------------------------------
 */

/* The cell of a record. */
struct cell_key record_cell(const struct record_facts *record);

/* Where an exception's money stands by its flags, once carved out: MISMATCHED, DISPUTED, HELD,
 * CONFIRMED in this order; COST for VOID and REVERSED, which clear nothing. */
enum cycle_account account_of(const struct exception_row *exception);

/* What stands in that account, by fund: the record's funds, less its deduction once posted. */
void exception_money(const struct exception_row *exception, int64_t ret_funds[FUND_COUNT]);

/* The batch that holds the record by itself or in its cell, not aborted; NULL: none, or the record
 * was taken back and its cell went on without it. */
const struct batch_row *batch_of_record(const struct cycle *cycle,
                                        const struct exception_row *exception);

/* The order brings a number that a row can hold; else 1001. */
bool must_have_number(struct judgement *j);

/* True for the kinds of deduction there are: 10, 20, 30, 40, 99. */
bool deduction_known(uint32_t det_type);

/* Splits 0 <= amount <= sum of funds over the funds in the order POOL, SUPPLEMENT, ASSISTANCE,
 * OTHER, ACCOUNT, never more than a fund has; a larger amount gives at least as much of each. */
void split_deduction(const int64_t funds[FUND_COUNT], int64_t amount,
                     int64_t ret_split[FUND_COUNT]);

/* Puts an exception that has changed, with what the change moves in the cycle's book: nothing
 * before the handover; a new blocking flag carves the record out of its cell or its batch. Refuses
 * (5011) a blocking flag on a record whose batch has its notices. Sets since_ms when flags change.
 */
bool change_exception(struct judgement *j, struct exception_row *after);

/* -- between chapters
 * ------------------------------------------------------------------------------ */

/* cut.c: takes a record out of a batch that holds it, directly or in its cell, before the notices:
 * the batch's line in a new version, postings CLEARING -> `to`, the exception carved out; marks the
 * batch stale. `exception` is put by the caller, with carved and batch set by this. */
void take_out_of_batch(struct judgement *j, const struct batch_row *batch,
                       struct exception_row *exception, enum cycle_account to);

/* notice.c: puts a new notice of version 1 (or after `replaces`) with its due days counted from
 * now; the number is made of kind, period, parties and version. Fills in `notice`. */
void issue_notice(struct judgement *j, struct notice_row *notice,
                  const struct notice_row *replaces);

/* prefund.c: a prefund notice was settled: amount moves from pending to the deposit; postings. */
void prefund_settled(struct judgement *j, const struct notice_row *notice);

/* prefund.c: the last day the payee may ask for an emergency increase; 0 when it has not signed. */
uint32_t prefund_apply_due(const struct cycle *cycle, const struct batch_row *batch, uint8_t payee,
                           int64_t now_ms);

/* cut.c: a row as this decision leaves it: the one it has put last, else the cycle's; a copy to
 * `out`. False when there is none. For what several records of one order change together. */
bool row_so_far(const struct judgement *j, enum row_kind kind, const void *key, void *out);

/* notice.c: the notices of a signed batch. True when accepted. */
bool notice_batch(struct judgement *j, const struct batch_row *batch);

/* unwind.c: leaves a province that cannot pay out of a noticed batch. True when accepted. */
bool unwind_batch(struct judgement *j, const struct batch_row *batch, uint8_t province);

/* unwind.c: what the batch holds of a province's (PROVINCE_CENTRE: of everybody's) waits again; its
 * lines stay as history, its deductions posted. Puts the rows, posts nothing. */
void release_from_batch(struct judgement *j, uint32_t id, uint8_t province);

/* batch.c: the last day a province may sign or object to the published version (docs/rules.md,
 * Batches); 0 when it was never published. */
uint32_t batch_sign_due(const struct cycle *cycle, const struct batch_row *batch);

/* lines.c: walks the lines of a batch in a version by number, empty ones too. The next line, or
 * NULL behind the last one. Begin with `number` 0. */
struct line_walk {
    const struct cycle *cycle;
    uint32_t batch; /* Id. */
    uint32_t version;
    uint32_t number; /* Of the line given last. */
    uint32_t place;  /* Where the line may be looked for first. */
};
const struct line_row *line_next(struct line_walk *walk);

/* lines.c: true for a line that has neither records nor money any more. */
bool line_is_empty(const struct line_row *line);

/* lines.c: SHA-256 over the lines of a version; docs/formats.md, The batch digest. */
void batch_digest(const struct cycle *cycle, const struct batch_row *batch, uint32_t version,
                  uint8_t ret_digest[32]);

/* lines.c: the same as it will be without the lines of some provinces (bit by index). */
void batch_digest_without(const struct cycle *cycle, const struct batch_row *batch,
                          uint32_t version, uint32_t without, uint8_t ret_digest[32]);

/* lines.c: bit by province index: it has a line in the version. */
uint32_t batch_provinces(const struct cycle *cycle, const struct batch_row *batch,
                         uint32_t version);

/* lines.c: the batch's total of every ordered pair and fund, in a version. */
struct pair_total {
    int64_t funds[FUND_COUNT];
    uint64_t count;
};
void batch_totals(const struct cycle *cycle, const struct batch_row *batch, uint32_t version,
                  struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT]);

/* lines.c: the same without what wallets paid (lines 5 and up). */
void batch_care_totals(const struct cycle *cycle, const struct batch_row *batch, uint32_t version,
                       struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT]);

/* lines.c: the same of one pair in the batch's latest version, without walking its lines. */
struct pair_total batch_pair_total(const struct cycle *cycle, uint32_t batch, uint8_t payer,
                                   uint8_t payee);

/* lines.c: takes a line into its pair's sum. False without memory. */
struct line_sum {
    uint32_t batch; /* Id. */
    uint8_t payer;
    uint8_t payee;
    uint8_t pad[2];
    /* key: 8 */
    struct pair_total total;
};
bool line_sum_put(struct cycle *cycle, const struct line_row *line);

/* recon.c: chains a new difference to the others of its day, pair and side. False without memory.
 */
struct difference_list {
    uint32_t day;
    uint8_t payer;
    uint8_t payee;
    uint8_t side;
    uint8_t pad;
    /* key: 8 */
    uint32_t latest; /* Row number + 1. */
};
struct difference_link {
    uint32_t number; /* Of the row. */
    /* key: 4 */
    uint32_t before; /* Row number + 1 of the one before; 0: none. */
};
bool difference_link_put(struct cycle *cycle, const struct difference_row *row);

/* lines.c: what the totals come to in all modes, into the batch's row. NULL, or what is broken: a
 * text of netting_check(). */
const char *batch_net(struct batch_row *batch,
                      const struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT]);

/* notice.c: the month whose year must be open for a notice; a prefund's is its year's last. */
uint32_t notice_month(const struct notice_row *notice);

/* notice.c: how the pairs' totals stand in netting/. False after refusing (2005). */
bool net_totals(struct judgement *j, struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT],
                struct netting *ret_netting);

/* notice.c: postings of the totals of all pairs from one account to another. */
void post_totals(struct judgement *j, const struct batch_row *batch,
                 struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT], enum cycle_account debit,
                 enum cycle_account credit);

#endif
