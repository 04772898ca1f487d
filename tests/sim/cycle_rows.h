/* cycle_rows -- the rows of the engine's cycle beside those of the model. */
#ifndef TESTS_SIM_CYCLE_ROWS_H
#define TESTS_SIM_CYCLE_ROWS_H

#include "cycle/cycle.h"
#include "tests/model/desk_model.h"
#include "tools/verify/finding.h"

/* Every row that a decision has put (packed as in cycle.h) is the model's; `cycle` has applied it.
 */
bool rows_agree(const struct cycle *cycle, const struct desk_model *model, struct bytes decision,
                uint64_t seq, struct finding *finding);

/* All rows, totals of batches and balances of the book at the end. */
bool ends_agree(const struct cycle *cycle, const struct desk_model *model, struct finding *finding);

/* Balances of the cycle's book, debit positive, as far as the model knows them: DUE stands for all
 * accounts behind the notices, PREFUND_DUE for what is on its way, too; others are left at 0. */
typedef int64_t book[PROVINCE_COUNT][PROVINCE_COUNT][FUND_COUNT][CYCLE_ACCOUNT_COUNT];
void book_make(const struct desk_model *model, book ret_sums);

#endif
