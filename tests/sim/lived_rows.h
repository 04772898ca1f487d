/* lived_rows -- a person's rows as the journal has them against those of the model. */
#ifndef TESTS_SIM_LIVED_ROWS_H
#define TESTS_SIM_LIVED_ROWS_H

#include "tests/model/wallet_steps.h"
#include "tools/verify/wallet_rows.h"

/* NULL when they are the same but for what is not the model's; else what differs, static text. */
const char *lived_rows_differ(const struct steps_person *p, const struct kept_person *kept);

#endif
