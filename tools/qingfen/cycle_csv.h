/* cycle_csv -- the lists of the clearing cycle as people keep them: CSV texts into rows.
 *
 * Totals (3201 对总账), lists of records (3202 对明细账) and confirmations (3261). Columns by name,
 * in any order, others passed over: the settlements CSV of `qingfen send` is a list of records,
 * too. Amounts are yuan in the text and fen in the rows. Pure. */
#ifndef QINGFEN_CYCLE_CSV_H
#define QINGFEN_CYCLE_CSV_H

#include "tools/client/csv_pick.h"

#define SETL_ID_SIZE 31 /* C30 and its end mark. */

/* One province's totals of a cell. */
struct total_row {
    uint32_t payer; /* Two digits. */
    uint32_t payee;
    uint32_t line;
    uint32_t insutype;
    uint64_t count;
    int64_t medfee; /* Fen. */
    int64_t fund;
    int64_t acct;
};

/* One record of a province's list. */
struct item_row {
    uint32_t insu_admdvs;
    char setl_id[SETL_ID_SIZE];
    uint32_t refund; /* refd_setl_flag, 0 or 1 */
    int64_t medfee;  /* Fen. */
    int64_t fund;
    int64_t acct;
};

/* Which of a file's records are meant: those of the pair and the day, as far as the file says where
 * and when (mdtrtarea_admvs, setl_time). */
struct item_filter {
    uint32_t payer; /* Two digits. */
    uint32_t payee;
    uint32_t day; /* yyyymmdd */
};

/* One confirmation. */
struct record_row {
    uint32_t insu_admdvs;
    char setl_id[SETL_ID_SIZE];
    uint32_t cnfm_flag; /* 0 or 1 */
    uint32_t det_type;  /* 0: none */
    int64_t deduct;     /* Fen, >= 0 */
};

/* Each begins a text; false with pick->text when its header has not the columns. */
bool totals_begin(struct csv_pick *pick, struct bytes text);
bool items_begin(struct csv_pick *pick, struct bytes text);
bool confirms_begin(struct csv_pick *pick, struct bytes text);

/* Each gives the next row as csv_pick_next() does: CSV_PICK_BAD with pick->text ("column: why") and
 * pick->line. items_next() passes over the rows that the filter does not mean, and corrections
 * (infno 2601), and counts them in *passed. */
enum csv_pick_status totals_next(struct csv_pick *pick, struct total_row *ret_row);
enum csv_pick_status items_next(struct csv_pick *pick, const struct item_filter *filter,
                                uint64_t *passed, struct item_row *ret_row);
enum csv_pick_status confirms_next(struct csv_pick *pick, struct record_row *ret_row);

#endif
