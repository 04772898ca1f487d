/* check_lists -- (H9) of check.h, questions: what the clearing cycle's lists of notices and
 * disputes say, against the desk's model as it stands. */
#ifndef TESTS_SIM_CHECK_LISTS_H
#define TESTS_SIM_CHECK_LISTS_H

#include "tests/model/desk_model.h"
#include "tests/sim/history.h"

/* A question whose answer is judged here. */
bool is_list(uint16_t type);

/* It asks for nothing but what the simulated clients ask for: the rest is nonsense that somebody
 * sent, of which it is enough that nobody dies of it. */
bool list_is_plain(const struct sim_said *said);

/* Would the model answer so at that time, as it stands now? */
bool list_is(const struct desk_model *model, const struct sim_said *said, int64_t now_ms);

#endif
