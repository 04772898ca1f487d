#include "tools/workload/workload.h"

#include <string.h>

#include "tools/workload/tables.h"
#include "types/civil.h"
#include "types/ensure.h"

#define FUJIAN       35     /* 福建 */
#define LIVE_SINCE   202511 /* Live records are as of then. */
#define FUJIAN_SINCE 202511 /* Its switch for pharmacies elsewhere. */
#define PPM          1000000u
#define SHARE_1      UINT64_C(4294967296) /* Thresholds are out of 2^32. */
#define GOLDEN       UINT64_C(0x9e3779b97f4a7c15)
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
#define PEOPLE_MIN         64
#define PEOPLE_LIVE        16000000
#define DISEASES_BEFORE    5 /* Conditions 6 to 10 came in December 2024. */
#define DISEASES_SINCE     202412
#define DISEASE_COUNT      10
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

/* Employees' share of the records out of 65536: 45 %, 47.52 % (so that all make 64 %), 98 %. */
static const uint32_t employee_share[WORKLOAD_CLASS_COUNT] = {29491, 31143, 31143, 64225};

/* Cash beside the cleared amount, in 1/1024 of it: from, and how much more at most. */
static const uint32_t cash_share[WORKLOAD_CLASS_COUNT][2] = {
    {300, 850},
    {200, 600},
    {50, 300},
    {0, 140},
};

/* Areas (GB/T 2260, and 66 of the XPCC) per province: the busiest place of treatment first. */
#define AREAS_MAX 8
static const uint32_t areas[PROVINCE_COUNT][AREAS_MAX] = {
    {110000},
    {120000},
    {130100, 130200, 130400, 130600, 130700, 130900, 131000, 131100},
    {140100, 140200, 140400, 140700, 140800, 141000},
    {150100, 150200, 150400, 150500, 150600, 150900},
    {210100, 210200, 210300, 210600, 210700, 211300},
    {220100, 220200, 220300, 220500, 222400},
    {230100, 230200, 230600, 230800, 231000},
    {310000},
    {320100, 320200, 320300, 320400, 320500, 320600, 320900, 321000},
    {330100, 330200, 330300, 330400, 330600, 330700},
    {340100, 340200, 340300, 340500, 340800, 341100, 341200, 341500},
    {350100, 350200, 350300, 350500, 350600},
    {360100, 360400, 360700, 361000, 361100},
    {370100, 370200, 370300, 370600, 370700, 371300, 371700},
    {410100, 410300, 410500, 410700, 411300, 411400, 411500, 411600},
    {420100, 420300, 420500, 420600, 421000, 421100},
    {430100, 430200, 430400, 430500, 430600, 430700},
    {440100, 440300, 440400, 440600, 441300, 441900},
    {450100, 450200, 450300, 450400, 450900},
    {460100, 460200, 460400},
    {500000},
    {510100, 510500, 510700, 511000, 511300, 511500, 511700},
    {520100, 520200, 520300, 520500},
    {530100, 530300, 530400, 530600, 532900},
    {540100, 540200, 540300, 540400},
    {610100, 610300, 610400, 610500, 610700},
    {620100, 620500, 620700, 620800, 620900},
    {630100, 630200, 632800},
    {640100, 640200, 640300, 640400},
    {650100, 650200, 652300, 653100, 654000},
    {660100, 660400, 660600, 660700, 660800},
};
static const uint8_t area_counts[PROVINCE_COUNT] = {
    1, 1, 8, 6, 6, 6, 5, 5, 1, 8, 6, 8, 5, 5, 7, 8, 6, 6, 6, 5, 3, 1, 7, 4, 5, 4, 5, 5, 3, 4, 5, 5,
};

/* The ten chronic conditions (门诊慢特病) and their shares in percent. */
static const char diseases[DISEASE_COUNT][6] = {
    "M03900", "M01600", "M00500", "M07801", "M08300",
    "M05300", "M06900", "M04600", "M00200", "M07200",
};
static const uint8_t disease_shares[DISEASE_COUNT] = {24, 22, 14, 12, 5, 4, 4, 10, 3, 2};

static const uint8_t weekday_weights[7] = {125, 112, 108, 106, 105, 80, 64}; /* Monday first. */

/* How far a refund stands from its original: the first 24 in 1/1440 of a day, the others in days.
 */
static const uint16_t distance_steps[WORKLOAD_DISTANCES] = {
    5,   7,   9,   12,  15,  18,  22, 27, 33, 40, 48, 57, 67, 80, 95, 110, 130, 150,
    175, 205, 240, 280, 330, 400, 1,  2,  3,  4,  5,  6,  8,  10, 13, 16,  19,  23,
};
/* clang-format on */

/* ---- Chance: a counter through a mixer (SplitMix64), so that record k needs no record before ----
 */

static inline uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

struct dice {
    uint64_t state;
};

static inline uint64_t dice_roll(struct dice *dice)
{
    dice->state += GOLDEN;
    return mix(dice->state);
}

/* A number below `bound` from 32 bits of chance. */
static inline uint32_t below(uint32_t chance, uint32_t bound)
{
    return (uint32_t)((uint64_t)chance * bound >> 32);
}

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
    return mix(month->seed + (uint64_t)purpose * UINT64_C(0xd1342543de82ef95) + number * GOLDEN);
}

/* ---- Digits ---- */

static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324"
                                     "25262728293031323334353637383940414243444546474849"
                                     "50515253545556575859606162636465666768697071727374"
                                     "75767778798081828384858687888990919293949596979899";

/* The last `width` digits of a number, zeros in front. */
static inline char *put_digits(char *out, uint64_t number, uint32_t width)
{
    uint32_t at = width;
    for (; at >= 2; at -= 2) {
        memcpy(out + at - 2, digit_pairs + number % 100 * 2, 2);
        number /= 100;
    }
    if (at == 1) out[0] = (char)('0' + number % 10);
    return out + width;
}

static inline struct bytes view(const char *text, const char *end)
{
    return (struct bytes){(const uint8_t *)text, (size_t)(end - text)};
}

/* ---- The source: who goes where ---- */

/* Walker's alias method in whole numbers: every column holds PPM of weight, the flows are
 * multiplied by the number of columns, so that it comes out even. */
static void source_init(struct workload_source *source, uint64_t people, uint32_t yyyymm)
{
    source->fujian_switch = yyyymm >= FUJIAN_SINCE;
    uint64_t weights[WORKLOAD_COLUMNS];
    uint16_t small[WORKLOAD_COLUMNS], large[WORKLOAD_COLUMNS];
    uint32_t small_count = 0, large_count = 0;

    for (uint32_t i = 0; i < WORKLOAD_COLUMNS; i++) {
        weights[i] = (uint64_t)workload_flow_ppm[i] * WORKLOAD_COLUMNS;
        if (weights[i] < PPM)
            small[small_count++] = (uint16_t)i;
        else
            large[large_count++] = (uint16_t)i;
    }
    while (small_count != 0 && large_count != 0) {
        const uint16_t i = small[--small_count];
        const uint16_t donor = large[large_count - 1];
        source->columns[i].threshold = (uint32_t)weights[i];
        source->columns[i].below = i;
        source->columns[i].above = donor;
        weights[donor] -= PPM - weights[i];
        if (weights[donor] < PPM) {
            large_count--;
            small[small_count++] = donor;
        }
    }
    ENSURE(small_count == 0); /* Whole numbers: the last columns come out exactly full. */
    while (large_count != 0) {
        const uint16_t i = large[--large_count];
        source->columns[i].threshold = PPM;
        source->columns[i].below = source->columns[i].above = i;
    }
    for (uint32_t i = 0; i < PROVINCE_COUNT; i++) {
        uint64_t row = 0;
        for (uint32_t j = 0; j < PROVINCE_COUNT; j++)
            row += workload_flow_ppm[i * PROVINCE_COUNT + j];
        const uint64_t share = people * row / PPM;
        source->people[i] = (uint32_t)(share < PEOPLE_MIN ? PEOPLE_MIN : share);
    }
    source->diseases = yyyymm < DISEASES_SINCE ? DISEASES_BEFORE : DISEASE_COUNT;
}

/* ---- A draft: what chance decides about one settlement ---- */

struct draft {
    enum workload_class care;
    bool is_employee;
    uint8_t disease;
    uint32_t insured_area;
    uint32_t treating_area;
    uint32_t med_type;
    uint32_t institution;
    uint64_t person; /* Twelve digits. */
    /* Fen; the totals follow from these. */
    int64_t hifp, cvlserv, hifmi, hifob, maf, acct, cash, hosp;
};

static uint32_t draw_med_type(enum workload_class care, uint32_t percent)
{
    switch (care) {
    case WORKLOAD_INPATIENT:
        return percent < 90 ? 21 : percent < 96 ? 24 : percent < 99 ? 22 : 52;
    case WORKLOAD_OUTPATIENT:
        return percent < 92 ? 11 : 13;
    case WORKLOAD_CHRONIC:
        return 14;
    default:
        return 41;
    }
}

static uint8_t draw_disease(const struct workload_source *source, uint32_t chance)
{
    uint32_t total = 0;
    for (uint32_t i = 0; i < source->diseases; i++)
        total += disease_shares[i];
    ENSURE(total > 0);
    uint32_t left = chance % total;
    uint8_t i = 0;
    while (left >= disease_shares[i])
        left -= disease_shares[i++];
    return i;
}

static void draw_amounts(struct draft *draft, uint32_t chance, uint32_t cash_chance)
{
    const uint32_t *nodes =
        workload_amount_quantiles + (uint32_t)draft->care * (WORKLOAD_CELLS + 1) + (chance >> 22);
    const int64_t rise = (int64_t)nodes[1] - nodes[0];
    const int64_t cleared = nodes[0] + (rise * (int64_t)(chance & 0x3fffff) >> 22);
    const uint32_t *cash = cash_share[draft->care];

    draft->cvlserv = draft->hifmi = draft->hifob = draft->maf = draft->acct = draft->hosp = 0;
    if (draft->care == WORKLOAD_PHARMACY && draft->is_employee) {
        draft->acct = cleared; /* Medicine from a pharmacy is account money. */
    } else if (draft->is_employee) {
        draft->acct = cleared * 12 / 100;
        draft->hifob = cleared * 4 / 100;
        draft->cvlserv = cleared * 2 / 100;
    } else {
        draft->hifmi = cleared * 9 / 100;
        draft->maf = cleared * 3 / 100;
    }
    /* What rounding leaves goes to the pool. */
    draft->hifp = cleared - draft->acct - draft->hifob - draft->cvlserv - draft->hifmi - draft->maf;
    draft->cash = cleared * (cash[0] + below(cash_chance << 16, cash[1] + 1)) >> 10;
    if (draft->care == WORKLOAD_INPATIENT && (cash_chance >> 16) % 500 == 0)
        draft->hosp = cleared / 100;
}

static void draw_draft(const struct workload_source *source, struct dice *dice, uint32_t hour,
                       struct draft *ret_draft)
{
    /* Pair of provinces, and places in them. */
    uint64_t roll = dice_roll(dice);
    const uint32_t column = (uint32_t)(roll >> 54);
    const uint32_t pair = below((uint32_t)roll, PPM) < source->columns[column].threshold
                              ? source->columns[column].below
                              : source->columns[column].above;
    const uint32_t insured = pair / PROVINCE_COUNT;
    const uint32_t treating = pair % PROVINCE_COUNT;
    const uint32_t place = (uint32_t)(roll >> 32) & 0xffff;
    /* Half of the patients go to the capital. */
    const uint32_t treating_place = place & 1 ? 0 : (place >> 1) % area_counts[treating];
    ret_draft->treating_area = areas[treating][treating_place];

    roll = dice_roll(dice);
    const uint32_t *thresholds = workload_class_thresholds + hour * 3;
    const uint32_t share = (uint32_t)(roll >> 32);
    enum workload_class care = (enum workload_class)(
        (share >= thresholds[0]) + (share >= thresholds[1]) + (share >= thresholds[2]));
    if (care == WORKLOAD_PHARMACY && source->fujian_switch && province_codes[insured] == FUJIAN) {
        care = WORKLOAD_OUTPATIENT; /* Nobody there has switched it on. */
    }
    ret_draft->care = care;
    ret_draft->is_employee = (roll & 0xffff) < employee_share[care];
    ret_draft->med_type = draw_med_type(care, (uint32_t)(roll >> 16 & 0xffff) % 100);

    /* Some people travel up to twice as often as others; squared chance makes large institutions.
     */
    roll = dice_roll(dice);
    const uint32_t often = (uint32_t)((roll >> 33) + ((roll >> 32) * (roll >> 32) >> 33));
    const uint64_t person =
        (uint64_t)below(often, source->people[insured]) * 2 + !ret_draft->is_employee;
    const uint32_t home = (uint32_t)(mix(person) >> 32);
    ret_draft->insured_area = areas[insured][below(home, area_counts[insured])];
    /* Odd and no multiple of five: different people stay different modulo 10^12. */
    ret_draft->person = (person * 611953 + UINT64_C(271828182845)) % UINT64_C(1000000000000);
    const uint32_t large = (uint32_t)((roll & 0xffffffff) * (roll & 0xffffffff) >> 32);
    ret_draft->institution = 1 + below(large, care == WORKLOAD_PHARMACY ? 4000 : 600);

    roll = dice_roll(dice);
    draw_amounts(ret_draft, (uint32_t)(roll >> 32), (uint32_t)roll);
    ret_draft->disease =
        care == WORKLOAD_CHRONIC ? draw_disease(source, (uint32_t)(dice_roll(dice) >> 40)) : 0;
}

/* Amounts of a partial refund: every line is rounded down on its own and the totals follow, so two
 * parts of at most a half each stay within the original (W3). */
static void scale_draft(struct draft *draft, int64_t part)
{
    int64_t *lines[] = {&draft->hifp, &draft->cvlserv, &draft->hifmi, &draft->hifob,
                        &draft->maf,  &draft->acct,    &draft->cash,  &draft->hosp};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        *lines[i] = *lines[i] * part >> 10;
}

/* Everything of the settlement that a draft says; ids and time are the caller's. */
static void fill_settlement(const struct draft *draft, int64_t sign, struct workload_text *text,
                            struct workload_item *item)
{
    struct settlement *settlement = &item->settlement;
    int64_t *amounts = settlement->amounts;
    char *end;

    memset(settlement, 0, sizeof(*settlement));
    item->kind = WORKLOAD_SETTLEMENT;
    item->care = draft->care;
    item->is_duplicate = item->is_early = false;

    const int64_t fund = draft->hifp + draft->cvlserv + draft->hifmi + draft->hifob + draft->maf;
    amounts[AMOUNT_HIFP] = sign * draft->hifp;
    amounts[AMOUNT_CVLSERV] = sign * draft->cvlserv;
    amounts[AMOUNT_HIFMI] = sign * draft->hifmi;
    amounts[AMOUNT_HIFOB] = sign * draft->hifob;
    amounts[AMOUNT_MAF] = sign * draft->maf;
    amounts[AMOUNT_FUND_SUM] = sign * fund;                        /* E1 */
    amounts[AMOUNT_PSN_PART] = sign * (draft->acct + draft->cash); /* E3 */
    amounts[AMOUNT_MEDFEE] =                                       /* E2 */
        sign * (fund + draft->acct + draft->cash + draft->hosp);
    amounts[AMOUNT_ACCT] = sign * draft->acct;
    amounts[AMOUNT_CASH] = sign * draft->cash;
    amounts[AMOUNT_HOSP_PART] = sign * draft->hosp;

    settlement->insu_admdvs = draft->insured_area;
    settlement->mdtrtarea_admvs = draft->treating_area;
    settlement->insutype = draft->is_employee ? 310 : 390;
    settlement->med_type = draft->med_type;
    settlement->clr_type = draft->care == WORKLOAD_INPATIENT  ? 21
                           : draft->care == WORKLOAD_PHARMACY ? 41
                                                              : 11;
    if (draft->care == WORKLOAD_CHRONIC)
        settlement->dise_codg = (struct bytes){(const uint8_t *)diseases[draft->disease], 6};

    text->fixmedins_code[0] = draft->care == WORKLOAD_PHARMACY ? 'P' : 'H';
    end = put_digits(text->fixmedins_code + 1, draft->treating_area, 6);
    end = put_digits(end, draft->institution, 5);
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
    month->seed = mix(mix(config->seed + GOLDEN) + yyyymm);
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
    draw_draft(&month->source, &dice, hour, ret_draft);
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
    if (refund->part < 1024) scale_draft(&draft, refund->part);
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

/* ---- Live ---- */

void workload_live_init(struct workload_live *live, uint64_t seed, uint32_t run, uint32_t lane)
{
    memset(live, 0, sizeof(*live));
    source_init(&live->source, PEOPLE_LIVE, LIVE_SINCE);
    live->seed = mix(mix(seed + GOLDEN) + ((uint64_t)run << 10) + lane);
    live->run = run;
    live->lane = lane;
}

/* Run (ten digits), lane (three) and counter (nine) behind what makes the id look like one; 30
 * bytes at most. */
static char *put_run(char *out, const struct workload_live *live, uint32_t run_width)
{
    out = put_digits(out, live->run, run_width);
    out = put_digits(out, live->lane, 3);
    return put_digits(out, live->sequence, 9);
}

const struct workload_item *workload_live_next(struct workload_live *live, int64_t now_ms)
{
    struct workload_text *text = &live->text;
    struct workload_item *item = &live->item;
    struct settlement *settlement = &item->settlement;
    struct dice dice = {live->seed + live->sequence * UINT64_C(0xd1342543de82ef95)};
    struct draft draft;
    char *end;

    draw_draft(&live->source, &dice, 10, &draft);
    fill_settlement(&draft, 1, text, item);
    item->index = live->sequence;
    settlement->setl_time = now_ms - now_ms % MS_PER_SECOND;

    /* Twelve of institution and eighteen: run (six), lane, counter. */
    memcpy(text->msgid, text->fixmedins_code, sizeof(text->fixmedins_code));
    end = put_run(text->msgid + sizeof(text->fixmedins_code), live, 6);
    settlement->msgid = view(text->msgid, end);
    text->setl_id[0] = 'L';
    end = put_digits(text->setl_id + 1, draft.insured_area, 6);
    settlement->setl_id = view(text->setl_id, put_run(end, live, 10));
    text->mdtrt_id[0] = 'S';
    end = put_digits(text->mdtrt_id + 1, draft.insured_area, 6);
    settlement->mdtrt_id = view(text->mdtrt_id, put_run(end, live, 10));

    const uint64_t person = mix((uint64_t)draft.insured_area << 40 ^ draft.person);
    const uint64_t halves[2] = {mix(person + GOLDEN), mix(person + 2 * GOLDEN)};
    for (int i = 0; i < PSN_KEY_SIZE; i++)
        text->psn_key[i] = (uint8_t)(halves[i / 8] >> i % 8 * 8);
    settlement->psn_key = (struct bytes){text->psn_key, PSN_KEY_SIZE};
    live->sequence++;
    return item;
}
