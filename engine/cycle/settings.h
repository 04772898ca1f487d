/* settings -- the numbers of the cycle that a decree may change, with the date they hold from.
 *
 * The first values come from the store's settings.csv (ledger/tables.h keeps them); every later one
 * is a setting_row, journaled with its effective date. */
#ifndef CYCLE_SETTINGS_H
#define CYCLE_SETTINGS_H

#include "types/settings.h"

struct setting_info {
    const char *name;
    int64_t value; /* Default. */
    int64_t least;
    int64_t greatest;
};

/* What is known of a setting; static memory. */
const struct setting_info *setting_info(enum setting setting);

/* The setting of a name, or SETTING_COUNT. */
enum setting setting_by_name(const char *name);

/* The defaults. */
void settings_init(struct setting_values *ret_values);

#endif
