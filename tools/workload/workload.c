#include "tools/workload/workload.h"

#include <string.h>

#include "tools/workload/tables.h"
#include "types/civil.h"
#include "types/ensure.h"

#define SHARE_1      UINT64_C(4294967296) /* Thresholds are out of 2^32. */
#define MS_PER_HOUR  INT64_C(3600000)
#define MS_PER_MONTH (31 * MS_PER_DAY)

/* A block of records holds one refund, in its second half; originals stand in first halves. Which
 * place of a first half is for which distance is a rotation, so no original has two refunds. */
#define REFUND_BLOCK       98 /* 1.2 % of records x 85 % in their own month. */
#define REFUND_HALF        49
#define REFUND_SAME_DAY    24 /* Distances before this one are tried for the same day. */
#define REFUND_AFTER       (REFUND_HALF - WORKLOAD_DISTANCES) /* Later months that find originals. */
#define AFTER_BLOCK        556                                /* 1.2 % x 15 % */
#define AFTER_STRIDE       5 /* Refund blocks per after-block, rounded down. */
#define DUPLICATE_BLOCK    200
#define CORRECTION_BLOCK   1000
#define ID_WIDTH           7
#define ID_WIDTH_WIDE      10
#define ID_WIDTH_COUNT_MAX 200000000 /* Records whose busiest day still fits seven digits. */

const struct workload_published workload_published[WORKLOAD_CLASS_COUNT] = {
    {"inpatient", 514, 1023900},
    {"outpatient", 5736, 17200},
    {"chronic", 460, 42000},
    {"pharmacy", 3290, 9000},
};

/* clang-format off -- a table is read as a table */

static const uint8_t weekday_weights[7] = {125, 112, 108, 106, 105, 80, 64}; /* Monday first. */

/* How far a refund stands from its original: the first 24 in 1/1440 of a day, the others in days.
 */
static const uint16_t distance_steps[WORKLOAD_DISTANCES] = {
    5,   7,   9,   12,  15,  18,  22, 27, 33, 40, 48, 57, 67, 80, 95, 110, 130, 150,
    175, 205, 240, 280, 330, 400, 1,  2,  3,  4,  5,  6,  8,  10, 13, 16,  19,  23,
};
/* clang-format on */

/* What the dice of a block or record are for. */
enum purpose {
    FOR_RECORD,
    FOR_TIME,
    FOR_REFUND,
    FOR_SECOND,
    FOR_DUPLICATE,
    FOR_FIX,
    FOR_AFTER
};

static inline uint64_t chance_of(const struct workload_month *month, enum purpose purpose,
                                 uint64_t number)
{
    return mix(month->seed + (uint64_t)purpose * UINT64_C(0xd1342543de82ef95) + number * DICE_STEP);
}

/* ---- A settlement of a draft ---- */

/* Everything of the settlement that a draft says; ids and time are the caller's. */
static void fill_settlement(const struct draft *draft, int64_t sign, struct workload_text *text,
                            struct workload_item *item)
{
    struct settlement *settlement = &item->settlement;
    char *end;

    memset(settlement, 0, sizeof(*settlement));
    item->kind = WORKLOAD_SETTLEMENT;
    item->care = draft->care;
    item->is_duplicate = item->is_early = false;

    draft_amounts(draft, sign, settlement->amounts);
    settlement->insu_admdvs = draft->insured_area;
    settlement->mdtrtarea_admvs = draft->treating_area;
    settlement->insutype = draft_insutype(draft);
    settlement->med_type = draft->med_type;
    settlement->clr_type = draft_clr_type(draft);
    if (draft->care == WORKLOAD_CHRONIC)
        settlement->dise_codg = (struct bytes){(const uint8_t *)draft_disease(draft), 6};

    end = draft_institution(draft, text->fixmedins_code);
    settlement->fixmedins_code = view(text->fixmedins_code, end);
    end = put_digits(text->psn_no, draft->insured_area, 6);
    end = put_digits(end, draft->person, 12);
    item->psn_no = view(text->psn_no, end);
}
/* ---- A month's plan ---- */

static void month_init_hours(struct workload_month *month)
{
    const uint32_t first_weekday = (uint32_t)civil_weekday(month->start_ms);
    uint64_t weights[WORKLOAD_HOURS_MAX];
    uint64_t total = 0, before = 0;

    month->hours = (uint32_t)civil_month_days(month->yyyymm) * 24;
    for (uint32_t hour = 0; hour < month->hours; hour++) {
        weights[hour] = (uint64_t)workload_hour_weights[hour % 24] *
                        weekday_weights[(first_weekday + hour / 24) % 7];
        total += weights[hour];
    }
    for (uint32_t hour = 0; hour < month->hours; hour++) {
        month->hour_first[hour] = month->count * before / total; /* < 2^31 * 2^24 */
        before += weights[hour];
    }
    month->hour_first[month->hours] = month->count;
}

static void month_init(struct workload_month *month, const struct workload_config *config,
                       uint32_t yyyymm)
{
    memset(month, 0, sizeof(*month));
    month->yyyymm = yyyymm;
    month->count = config->count;
    month->seed = mix(mix(config->seed + DICE_STEP) + yyyymm);
    month->start_ms = civil_month_start_ms(yyyymm);
    month->id_width = config->count > ID_WIDTH_COUNT_MAX ? ID_WIDTH_WIDE : ID_WIDTH;
    month->id_modulus = month->id_width == ID_WIDTH ? UINT64_C(10000000) : UINT64_C(10000000000);
    /* Files of one month with different seeds should seldom meet in an id. */
    month->id_offset = mix(config->seed) % month->id_modulus;
    source_init(&month->source, config->count, yyyymm);
    month_init_hours(month);

    const uint64_t days = month->hours / 24;
    ENSURE(days > 0);
    for (uint32_t i = 0; i < WORKLOAD_DISTANCES; i++) {
        const uint64_t blocks = month->count / REFUND_BLOCK * distance_steps[i] / days;
        month->distances[i] = i < REFUND_SAME_DAY ? blocks / 1440 : blocks;
    }
}

/* Hour of the month in which record k is settled. */
static uint32_t hour_of(struct workload_month *month, uint64_t k)
{
    uint32_t low = month->hint;
    if (month->hour_first[low] <= k && k < month->hour_first[low + 1]) return low;
    low = 0;
    uint32_t high = month->hours;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (month->hour_first[middle] <= k)
            low = middle;
        else
            high = middle;
    }
    month->hint = low;
    return low;
}

/* The second in which record k is settled, ms since the epoch; never falls as k rises. */
static int64_t time_of(struct workload_month *month, uint64_t k, uint32_t *ret_hour)
{
    const uint32_t hour = hour_of(month, k);
    const uint64_t first = month->hour_first[hour];
    const uint64_t records = month->hour_first[hour + 1] - first;  /* < 2^31 */
    const uint64_t fraction = chance_of(month, FOR_TIME, k) >> 54; /* Ten bits. */
    const uint64_t second = (((k - first) << 10) + fraction) * 3600 / (records << 10);

    *ret_hour = hour % 24;
    return month->start_ms + hour * MS_PER_HOUR + (int64_t)second * MS_PER_SECOND;
}

/* ---- Ids ---- */

/* "yyyyMMdd" and, when `with_time`, "HHmmss" of an instant of the month. */
static char *put_time(char *out, const struct workload_month *month, int64_t time_ms,
                      bool with_time)
{
    const uint32_t seconds = (uint32_t)((time_ms - month->start_ms) / MS_PER_SECOND);
    const uint32_t of_day = seconds % 86400;

    out = put_digits(out, (uint64_t)month->yyyymm * 100 + 1 + seconds / 86400, 8);
    if (!with_time) return out;
    return put_digits(out, of_day / 3600 * 10000 + of_day / 60 % 60 * 100 + of_day % 60, 6);
}

/* Institution, second, and four places that tell apart what happens there in that second. */
static struct bytes put_msgid(char *out, const struct workload_text *text,
                              const struct workload_month *month, int64_t time_ms, char letter,
                              uint64_t number)
{
    memcpy(out, text->fixmedins_code, sizeof(text->fixmedins_code));
    char *end = put_time(out + sizeof(text->fixmedins_code), month, time_ms, true);
    if (letter != 0) *end++ = letter;
    end = put_digits(end, number, letter != 0 ? 3 : 4);
    return view(out, end);
}

/* Letter, insured area, yyMMdd, and a number that is unique within the day. */
static struct bytes put_id(char *out, char letter, const struct workload_month *month,
                           uint32_t area, int64_t time_ms, uint64_t number)
{
    char date[8];
    *out = letter;
    char *end = put_digits(out + 1, area, 6);
    put_time(date, month, time_ms, false);
    memcpy(end, date + 2, 6);
    end = put_digits(end + 6, (number + month->id_offset) % month->id_modulus, month->id_width);
    return view(out, end);
}

/* ---- Records of a month ---- */

static void draw_record(struct workload_month *month, uint64_t k, struct draft *ret_draft,
                        int64_t *ret_time_ms)
{
    struct dice dice = {chance_of(month, FOR_RECORD, k)};
    uint32_t hour;

    *ret_time_ms = time_of(month, k, &hour);
    draft_draw(&month->source, &dice, hour, ret_draft);
}

/* The record of the block's first half that is the original of refunds at distance number `way`. */
static uint64_t original_of(const struct workload_month *month, uint64_t block, uint32_t way)
{
    const uint64_t turn = chance_of(month, FOR_REFUND, block) >> 40;
    return block * REFUND_BLOCK + (turn + way) % REFUND_HALF;
}

/* The one record of the block that may be a refund. */
static uint64_t refund_place(const struct workload_month *month, uint64_t block)
{
    const uint64_t chance = chance_of(month, FOR_REFUND, block) & 0xffffff;
    return block * REFUND_BLOCK + REFUND_HALF + chance % REFUND_HALF;
}

struct refund {
    uint64_t original;
    uint32_t part; /* Out of 1024. */
};

/* The original that block `block` refunds as a first refund. Where the wished distance leads out
 * of the day or the month a shorter one is taken. False when there is none. */
static bool first_refund(struct workload_month *month, uint64_t block, struct refund *ret_refund)
{
    const uint64_t chance = chance_of(month, FOR_SECOND, block);
    const bool same_day = chance % 85 < 60;
    uint32_t unused;
    const int64_t time_ms = time_of(month, refund_place(month, block), &unused);
    const int64_t day = (time_ms - month->start_ms) / MS_PER_DAY;
    uint32_t way = same_day ? (uint32_t)(chance >> 8) % REFUND_SAME_DAY
                            : REFUND_SAME_DAY +
                                  (uint32_t)(chance >> 8) % (WORKLOAD_DISTANCES - REFUND_SAME_DAY);
    for (;; way--) {
        if (month->distances[way] <= block) {
            const uint64_t original = original_of(month, block - month->distances[way], way);
            const int64_t original_ms = time_of(month, original, &unused);
            const bool on_day = (original_ms - month->start_ms) / MS_PER_DAY == day;
            if (original_ms < time_ms && (on_day || !same_day || way == 0)) {
                const bool partial = (chance >> 32) % 5 == 0;
                ret_refund->original = original;
                ret_refund->part = partial ? 100 + (uint32_t)(chance >> 40) % 413 : 1024;
                return true;
            }
        }
        if (way == 0) return false;
    }
}

/* Now and then the refund after a partial one takes back another part of the same original. */
static bool wants_second(const struct workload_month *month, uint64_t block)
{
    return (chance_of(month, FOR_SECOND, block) >> 56) < 13; /* 5 %; of these a fifth find one. */
}

static bool refund_of(struct workload_month *month, uint64_t k, struct refund *ret_refund)
{
    const uint64_t block = k / REFUND_BLOCK;
    if (k % REFUND_BLOCK < REFUND_HALF || k != refund_place(month, block)) return false;

    const bool second = block != 0 && wants_second(month, block) &&
                        !wants_second(month, block - 1) &&
                        first_refund(month, block - 1, ret_refund) && ret_refund->part < 1024;
    return second || first_refund(month, block, ret_refund);
}

/* Fills everything of a refund but its own ids and time. */
static void fill_refund(struct workload *workload, struct workload_month *month,
                        const struct refund *refund)
{
    struct workload_text *text = &workload->text;
    struct settlement *settlement = &workload->item.settlement;
    struct draft draft;
    int64_t original_ms;

    draw_record(month, refund->original, &draft, &original_ms);
    if (refund->part < 1024) draft_scale(&draft, refund->part);
    fill_settlement(&draft, -1, text, &workload->item);
    settlement->refd_setl_flag = true;
    settlement->orig_setl_id =
        put_id(text->orig_setl_id, 'A', month, draft.insured_area, original_ms, refund->original);
    settlement->mdtrt_id =
        put_id(text->mdtrt_id, 'S', month, draft.insured_area, original_ms, refund->original);
}

static void fill_record(struct workload *workload, uint64_t k)
{
    struct workload_month *month = &workload->month;
    struct workload_text *text = &workload->text;
    struct settlement *settlement = &workload->item.settlement;
    struct refund refund;
    struct draft draft;
    uint32_t hour;
    int64_t time_ms;

    if (refund_of(month, k, &refund)) {
        fill_refund(workload, month, &refund);
        time_ms = time_of(month, k, &hour);
    } else {
        draw_record(month, k, &draft, &time_ms);
        fill_settlement(&draft, 1, text, &workload->item);
        settlement->mdtrt_id = put_id(text->mdtrt_id, 'S', month, draft.insured_area, time_ms, k);
    }
    workload->item.index = k;
    settlement->setl_time = time_ms;
    settlement->setl_id = put_id(text->setl_id, 'A', month, settlement->insu_admdvs, time_ms, k);
    settlement->msgid = put_msgid(text->msgid, text, month, time_ms, 0, k);
}

/* ---- What may follow a record ---- */

/* The correction of a block, if it has one: given after record *ret_at, of record *ret_target. Its
 * target is no refund, and in a second half, where no refund looks for an original. */
static bool correction_of(const struct workload *workload, uint64_t block, uint64_t *ret_at,
                          uint64_t *ret_target)
{
    const struct workload_month *month = &workload->month;
    const uint64_t chance = chance_of(month, FOR_FIX, block);
    const bool early = chance % 10 == 0;
    const uint64_t at = block * CORRECTION_BLOCK + 500 + (chance >> 8) % 300;
    const uint64_t distance = (chance >> 32) % (early ? 60 : 400);
    uint64_t target = early ? at + 1 + distance : at - distance;

    while (target % REFUND_BLOCK < REFUND_HALF ||
           target == refund_place(month, target / REFUND_BLOCK))
        target += early ? 1 : UINT64_MAX; /* Or one back. */
    *ret_at = at;
    *ret_target = target;
    return workload->config.corrections && target < month->count;
}

static bool step_correction(struct workload *workload, uint64_t k)
{
    const uint64_t block = k / CORRECTION_BLOCK;
    uint64_t at, target;
    uint32_t hour;

    if (!workload->config.corrections || !correction_of(workload, block, &at, &target) || at != k)
        return false;

    struct workload_text *text = &workload->text;
    struct workload_item *item = &workload->item;
    static const char oinfno[WORKLOAD_CLASS_COUNT][4] = {"2304", "2207", "2207", "2102"};

    fill_record(workload, target);
    memcpy(text->omsgid, text->msgid, sizeof(text->omsgid));
    item->kind = WORKLOAD_CORRECTION;
    item->is_early = target > k;
    item->correction = (struct correction){
        .inf_time = time_of(&workload->month, k, &hour),
        .omsgid = {(const uint8_t *)text->omsgid, sizeof(text->omsgid)},
        .oinfno = {(const uint8_t *)oinfno[item->care], 4},
        .sender_admdvs = item->settlement.mdtrtarea_admvs,
    };
    item->correction.msgid =
        put_msgid(text->msgid, text, &workload->month, item->correction.inf_time, 'C', block);
    return true;
}

static bool step_duplicate(struct workload *workload, uint64_t k)
{
    const uint64_t block = k / DUPLICATE_BLOCK;
    const uint64_t chance = chance_of(&workload->month, FOR_DUPLICATE, block);
    uint64_t at, target;

    if (block == 0 || k % DUPLICATE_BLOCK != (chance & 0xffff) % DUPLICATE_BLOCK) return false;
    uint64_t again = (block - 1) * DUPLICATE_BLOCK + (chance >> 32) % DUPLICATE_BLOCK;
    /* Not what a correction is about: its answer would depend on which came first. */
    if (correction_of(workload, again / CORRECTION_BLOCK, &at, &target) && target == again)
        again ^= 1;
    fill_record(workload, again);
    workload->item.is_duplicate = true;
    return true;
}

/* A refund of a record of the month `after`. */
static bool step_after(struct workload *workload, uint64_t k)
{
    if (workload->config.after == 0 || k % AFTER_BLOCK != AFTER_BLOCK / 2) return false;

    struct workload_month *month = &workload->month;
    struct workload_text *text = &workload->text;
    struct settlement *settlement = &workload->item.settlement;
    const uint64_t number = k / AFTER_BLOCK;
    const uint64_t chance = chance_of(&workload->after, FOR_AFTER, number);
    /* Each later month looks in a place of its own, so none refunds what another did. */
    const uint32_t way = WORKLOAD_DISTANCES + workload->months_between - 1;
    const uint64_t block = number * AFTER_STRIDE + (chance >> 32) % AFTER_STRIDE;
    const struct refund refund = {
        .original = original_of(&workload->after, block, way),
        .part = chance % 5 == 0 ? 100 + (uint32_t)(chance >> 8) % 413 : 1024,
    };
    uint32_t hour;
    if (refund.original >= workload->after.count) return false;

    fill_refund(workload, &workload->after, &refund);
    workload->item.index = k;
    settlement->setl_time = time_of(month, k, &hour);
    settlement->setl_id =
        put_id(text->setl_id, 'B', month, settlement->insu_admdvs, settlement->setl_time, number);
    settlement->msgid = put_msgid(text->msgid, text, month, settlement->setl_time, 'R', number);
    return true;
}

/* ---- The iterator ---- */

static uint32_t month_number(uint32_t yyyymm)
{
    return yyyymm / 100 * 12 + yyyymm % 100;
}

const char *workload_config_check(const struct workload_config *config)
{
    if (!civil_month_valid(config->month)) return "the month is not a month of 2000 to 2999";
    if (config->count == 0 || config->count > WORKLOAD_COUNT_MAX)
        return "the count is not 1 to 2000000000";
    if (config->after_count > WORKLOAD_COUNT_MAX)
        return "the count of the month after is above 2000000000";
    if (config->after == 0) return NULL;
    if (!civil_month_valid(config->after)) return "the month after is not a month of 2000 to 2999";
    if (config->after >= config->month ||
        month_number(config->month) - month_number(config->after) > REFUND_AFTER)
        return "the month after is not 1 to 13 months before the month";
    return NULL;
}

void workload_init(struct workload *workload, const struct workload_config *config)
{
    ENSURE(workload_config_check(config) == NULL);
    memset(workload, 0, sizeof(*workload));
    workload->config = *config;
    month_init(&workload->month, config, config->month);
    if (config->after == 0) return;
    struct workload_config after = *config;
    if (config->after_count != 0) after.count = config->after_count;
    month_init(&workload->after, &after, config->after);
    workload->months_between = month_number(config->month) - month_number(config->after);
}

const struct workload_item *workload_next(struct workload *workload)
{
    static bool (*const steps[])(struct workload *, uint64_t) = {step_correction, step_duplicate,
                                                                 step_after};
    const uint32_t stage_count = 1 + sizeof(steps) / sizeof(steps[0]);

    while (workload->stage != 0) {
        const uint32_t stage = workload->stage++;
        if (stage == stage_count) {
            workload->stage = 0;
            workload->at++;
        } else if (steps[stage - 1](workload, workload->at)) {
            return &workload->item;
        }
    }
    if (workload->at == workload->month.count) return NULL;
    fill_record(workload, workload->at);
    workload->stage = 1;
    return &workload->item;
}

const struct workload_item *workload_record(struct workload *workload, uint64_t index)
{
    ENSURE(index < workload->month.count);
    fill_record(workload, index);
    return &workload->item;
}
