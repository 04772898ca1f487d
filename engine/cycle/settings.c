/* settings -- what is known of each setting, and the order that changes one (docs/rules.md,
 * Settings of the cycle).
 *
 * Must not know what a setting is for. */
#include "cycle/settings.h"

#include "cycle/cycle_internal.h"
#include "types/civil.h"

static const struct setting_info infos[SETTING_COUNT] = {
#define X(symbol, text, first, low, high) \
    [SETTING_##symbol] = {.name = (text), .value = (first), .least = (low), .greatest = (high)},
#include "types/settings.def"
#undef X
};

const struct setting_info *setting_info(enum setting setting)
{
    return &infos[setting];
}

enum setting setting_by_name(const char *name)
{
    int setting = 0;
    while (setting < SETTING_COUNT && strcmp(infos[setting].name, name) != 0)
        setting++;
    return (enum setting)setting;
}

void settings_init(struct setting_values *ret_values)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        ret_values->value[i] = infos[i].value;
}

bool judge_setting(struct judgement *j)
{
    const struct order *order = j->order;
    if (!must_be_centre(j)) return false;

    const enum setting setting = setting_by_name(order->bank_ref);
    if (setting == SETTING_COUNT) {
        return refuse(j, ERROR_SETTING, "no setting is called '%s'", order->bank_ref);
    }
    const struct setting_info *info = &infos[setting];
    const int64_t from_ms = order->at_ms == 0 ? j->now_ms : order->at_ms;
    struct setting_row row = {.effective_ms = from_ms, .value = order->amount, .set_ms = j->now_ms};
    memcpy(row.name, info->name, strlen(info->name));

    /* Before the deadline: the same change sent again may be late by now. */
    const struct setting_row *before = cycle_find(j->cycle, ROW_SETTING, &row);
    if (before != NULL && before->value == row.value) {
        j->decision->dup = true;
        memcpy(j->decision->ref, before->name, sizeof before->name);
        return true;
    }
    if (from_ms < j->now_ms) {
        char from[CIVIL_DATETIME_SIZE];
        char now[CIVIL_DATETIME_SIZE];
        civil_format_datetime(from_ms, from);
        civil_format_datetime(j->now_ms, now);
        return refuse(j, ERROR_SETTING, "%s cannot be changed for the past: %s is before %s",
                      info->name, from, now);
    }
    if (from_ms > CIVIL_LATEST_MS) { /* It would be taken, and never hold. */
        return refuse(j, ERROR_SETTING,
                      "%s would change behind the year 2099: %lld are no milliseconds", info->name,
                      (long long)from_ms);
    }
    if (row.value < info->least || row.value > info->greatest) {
        return refuse(j, ERROR_SETTING, "%s is %lld to %lld, not %lld", info->name,
                      (long long)info->least, (long long)info->greatest, (long long)row.value);
    }
    if (!setting_day_sound(setting, row.value)) {
        return refuse(j, ERROR_SETTING, "%s is a day of the year (mmdd), not %lld", info->name,
                      (long long)row.value);
    }
    decision_put(j->decision, ROW_SETTING, &row);
    return done(j, info->name);
}
