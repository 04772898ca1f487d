/* fake_chapters -- the chapters that the tests of notices, payments and unwinding do without: their
 * orders are refused, working days are Monday to Friday, settings have their defaults. */
#include "cycle/cycle_internal.h"
#include "types/civil.h"

#define REFUSES(name)                                          \
    __attribute__((weak)) bool name(struct judgement *j)       \
    {                                                          \
        return refuse(j, ERROR_UNKNOWN_TYPE, "not this test"); \
    }

REFUSES(judge_recon_day)
REFUSES(judge_recon_list)
REFUSES(judge_confirm)
REFUSES(judge_withdraw)
REFUSES(judge_recovery)
REFUSES(judge_dispute_open)
REFUSES(judge_dispute_reply)
REFUSES(judge_dispute_resolve)
REFUSES(judge_prefund_set)
REFUSES(judge_prefund_apply)
REFUSES(judge_prefund_decide)
REFUSES(judge_setting)

__attribute__((weak)) const struct setting_info *setting_info(enum setting setting)
{
    static const struct setting_info infos[SETTING_COUNT] = {
#define X(symbol, text, first, low, high) \
    [SETTING_##symbol] = {.name = (text), .value = (first), .least = (low), .greatest = (high)},
#include "types/settings.def"
#undef X
    };
    return &infos[setting];
}

__attribute__((weak)) uint32_t calendar_day(int64_t at_ms)
{
    const struct civil civil = civil_from_ms(at_ms);
    return (uint32_t)(civil.year * 10000 + civil.month * 100 + civil.day);
}

__attribute__((weak)) uint32_t calendar_add(const struct calendar *calendar, uint32_t day,
                                            uint32_t count)
{
    (void)calendar;
    const struct civil civil = {.year = (int32_t)(day / 10000),
                                .month = (int32_t)(day / 100 % 100),
                                .day = (int32_t)(day % 100)};
    int64_t at_ms = 0;
    (void)civil_to_ms(&civil, &at_ms);
    while (count > 0) {
        at_ms += MS_PER_DAY;
        if (civil_weekday(at_ms) < 5) count--;
    }
    return calendar_day(at_ms);
}

__attribute__((weak)) uint32_t calendar_month_day(uint32_t month, uint32_t day)
{
    return month * 100 + day;
}

__attribute__((weak)) uint32_t calendar_month_add(uint32_t month, int32_t count)
{
    while (count-- > 0)
        month = civil_month_next(month);
    return month;
}

/* What prefund.c does to the book and the row, and no more. */
__attribute__((weak)) void prefund_settled(struct judgement *j, const struct notice_row *notice)
{
    const bool back = notice->new_amount < notice->old_amount;
    const int64_t change = notice->new_amount - notice->old_amount;
    const struct prefund_row key = {.payer = back ? notice->payee : notice->payer,
                                    .payee = back ? notice->payer : notice->payee};
    struct prefund_row row = *(const struct prefund_row *)cycle_find(j->cycle, ROW_PREFUND, &key);
    row.amount += change;
    row.pending -= change;
    decision_put(j->decision, ROW_PREFUND, &row);
    post(j, row.payer, row.payee, FUND_POOL, CYCLE_PREFUND, CYCLE_PREFUND_TRANSIT, change, 0,
         notice->period);
}
