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

#endif
