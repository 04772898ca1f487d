/* settings -- the numbers of the cycle that a decree may change, with the date they hold from.
 *
 * The first values come from the store's settings.csv (ledger/tables.h keeps them by name); every
 * later one is a setting_row, journaled with its effective date. */
#ifndef CYCLE_SETTINGS_H
#define CYCLE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum setting {
#define X(symbol, name, value, least, greatest) SETTING_##symbol,
#include "cycle/settings.def"
#undef X
    SETTING_COUNT
};

struct setting_values {
    int64_t value[SETTING_COUNT];
};

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
