#include "tools/workload/draft.h"

#include "tools/workload/tables.h"
#include "types/ensure.h"

#define FUJIAN          35     /* 福建 */
#define FUJIAN_SINCE    202511 /* Its switch for pharmacies elsewhere. */
#define PPM             1000000u
#define PEOPLE_MIN      64
#define DISEASES_BEFORE 5 /* Conditions 6 to 10 came in December 2024. */
#define DISEASES_SINCE  202412
#define DISEASE_COUNT   10

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
/* clang-format on */

const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324"
                              "25262728293031323334353637383940414243444546474849"
                              "50515253545556575859606162636465666768697071727374"
                              "75767778798081828384858687888990919293949596979899";

/* A number below `bound` from 32 bits of chance. */
static inline uint32_t below(uint32_t chance, uint32_t bound)
{
    return (uint32_t)((uint64_t)chance * bound >> 32);
}

/* ---- The source: who goes where ---- */

/* Walker's alias method in whole numbers: every column holds PPM of weight, the flows are
 * multiplied by the number of columns, so that it comes out even. */
void source_init(struct workload_source *source, uint64_t people, uint32_t yyyymm)
{
    source->only_pair = 0;
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

/* Chance of 32 bits that favours small numbers, from the upper half of a roll. */
static uint32_t often_of(uint64_t roll)
{
    return (uint32_t)((roll >> 33) + ((roll >> 32) * (roll >> 32) >> 33));
}

uint64_t draft_neighbour(uint32_t neighbours, bool is_employee, uint64_t chance)
{
    return (uint64_t)below(often_of(chance), neighbours) * 2 + !is_employee;
}

void draft_draw(const struct workload_source *source, struct dice *dice, uint32_t hour,
                struct draft *ret_draft)
{
    /* Pair of provinces, and places in them. */
    uint64_t roll = dice_roll(dice);
    const uint32_t column = (uint32_t)(roll >> 54);
    const uint32_t flow = below((uint32_t)roll, PPM) < source->columns[column].threshold
                              ? source->columns[column].below
                              : source->columns[column].above;
    const uint32_t pair = source->only_pair != 0 ? source->only_pair : flow;
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
    const uint32_t often = often_of(roll);
    const uint64_t person =
        (uint64_t)below(often, source->people[insured]) * 2 + !ret_draft->is_employee;
    const uint32_t home = (uint32_t)(mix(person) >> 32);
    ret_draft->insured_area = areas[insured][below(home, area_counts[insured])];
    ret_draft->neighbours = source->people[insured] / area_counts[insured];
    /* Odd and no multiple of five: different people stay different modulo 10^12. */
    ret_draft->person = (person * 611953 + UINT64_C(271828182845)) % UINT64_C(1000000000000);
    const uint32_t large = (uint32_t)((roll & 0xffffffff) * (roll & 0xffffffff) >> 32);
    ret_draft->institution = 1 + below(large, care == WORKLOAD_PHARMACY ? 4000 : 600);

    roll = dice_roll(dice);
    draw_amounts(ret_draft, (uint32_t)(roll >> 32), (uint32_t)roll);
    ret_draft->disease =
        care == WORKLOAD_CHRONIC ? draw_disease(source, (uint32_t)(dice_roll(dice) >> 40)) : 0;
}

void draft_scale(struct draft *draft, int64_t part)
{
    int64_t *lines[] = {&draft->hifp, &draft->cvlserv, &draft->hifmi, &draft->hifob,
                        &draft->maf,  &draft->acct,    &draft->cash,  &draft->hosp};
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        *lines[i] = *lines[i] * part >> 10;
}

void draft_amounts(const struct draft *draft, int64_t sign, int64_t ret_amounts[AMOUNT_COUNT])
{
    const int64_t fund = draft->hifp + draft->cvlserv + draft->hifmi + draft->hifob + draft->maf;
    memset(ret_amounts, 0, AMOUNT_COUNT * sizeof(ret_amounts[0]));
    ret_amounts[AMOUNT_HIFP] = sign * draft->hifp;
    ret_amounts[AMOUNT_CVLSERV] = sign * draft->cvlserv;
    ret_amounts[AMOUNT_HIFMI] = sign * draft->hifmi;
    ret_amounts[AMOUNT_HIFOB] = sign * draft->hifob;
    ret_amounts[AMOUNT_MAF] = sign * draft->maf;
    ret_amounts[AMOUNT_FUND_SUM] = sign * fund;                        /* E1 */
    ret_amounts[AMOUNT_PSN_PART] = sign * (draft->acct + draft->cash); /* E3 */
    ret_amounts[AMOUNT_MEDFEE] =                                       /* E2 */
        sign * (fund + draft->acct + draft->cash + draft->hosp);
    ret_amounts[AMOUNT_ACCT] = sign * draft->acct;
    ret_amounts[AMOUNT_CASH] = sign * draft->cash;
    ret_amounts[AMOUNT_HOSP_PART] = sign * draft->hosp;
}

const char *draft_disease(const struct draft *draft)
{
    return diseases[draft->disease];
}

char *draft_institution(const struct draft *draft, char out[INSTITUTION_SIZE])
{
    out[0] = draft->care == WORKLOAD_PHARMACY ? 'P' : 'H';
    char *end = put_digits(out + 1, draft->treating_area, 6);
    return put_digits(end, draft->institution, 5);
}
