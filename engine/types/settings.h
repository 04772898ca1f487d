/* settings -- the numbers of the clearing cycle that a decree may change, as nouns.
 *
 * The list itself is types/settings.def. The rules' tables read first values for them
 * (ledger/tables.h), the cycle judges by them (cycle/settings.h). */
#ifndef TYPES_SETTINGS_H
#define TYPES_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum setting {
#define X(symbol, name, value, least, greatest) SETTING_##symbol,
#include "types/settings.def"
#undef X
    SETTING_COUNT
};

/* One value for every setting. */
struct setting_values {
    int64_t value[SETTING_COUNT];
};

/* False where the value is in its range and still no day of a year (mmdd): 0230 stands for the
 * last of February, but 0200 and 0299 for nothing. */
static inline bool setting_day_sound(enum setting setting, int64_t value)
{
    if (setting != SETTING_YEAR_CUT && setting != SETTING_PREFUND_YEAR_DAY) return true;
    return value % 100 >= 1 && value % 100 <= 31;
}

#endif
