/* draft -- what chance decides about one settlement: who goes where, for what, at what cost.
 *
 * WHAT    The part that a month (workload.c) and a stream without end (live.c) share: dice, the
 *         flows between provinces, the amounts, and the digits of ids.
 *
 * LAWS    Integers only, no clock, no floating point, no locale: the same seed gives the same
 *         drafts on every machine (W1 of workload.h).
 *
 * Must not know times, ids, files or the wire. */
#ifndef WORKLOAD_DRAFT_H
#define WORKLOAD_DRAFT_H

#include "types/province.h"
#include "types/settlement.h"

enum workload_class {
    WORKLOAD_INPATIENT,
    WORKLOAD_OUTPATIENT,
    WORKLOAD_CHRONIC,
    WORKLOAD_PHARMACY,
    WORKLOAD_CLASS_COUNT,
};

#define WORKLOAD_COLUMNS 1024 /* Of the alias table of flows. */

/* Pairs of provinces by their flow (Walker's alias method), and the people. */
struct workload_source {
    struct {
        uint32_t threshold; /* Out of 1,000,000. */
        uint16_t below;     /* insured * PROVINCE_COUNT + treating */
        uint16_t above;
    } columns[WORKLOAD_COLUMNS];
    uint32_t people[PROVINCE_COUNT]; /* Insured people who travel, per insurance type. */
    uint32_t diseases;               /* Of the ten chronic conditions, those in force. */
    bool fujian_switch;              /* Persons of Fujian do not buy in pharmacies elsewhere. */
    uint16_t only_pair;              /* The one pair there is, as in `columns`; 0: all of them. */
};

struct draft {
    enum workload_class care;
    bool is_employee;
    uint8_t disease; /* Of a chronic one: for draft_disease(). */
    uint32_t insured_area;
    uint32_t treating_area;
    uint32_t med_type;
    uint32_t institution; /* Five digits: within its area. */
    uint64_t person;      /* Twelve digits. */
    uint32_t neighbours;  /* People of the same area and insurance, for draft_neighbour(). */
    /* Fen; the totals follow from these. */
    int64_t hifp, cvlserv, hifmi, hifob, maf, acct, cash, hosp;
};

/* The flows of a month as of yyyymm, with `people` insured people who travel in all. */
void source_init(struct workload_source *source, uint64_t people, uint32_t yyyymm);

/* ---- Chance: a counter through a mixer (SplitMix64), so that record k needs no record before ----
 */

#define DICE_STEP UINT64_C(0x9e3779b97f4a7c15)

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
    dice->state += DICE_STEP;
    return mix(dice->state);
}

/* A settlement of the hour 0..23 of a day. */
void draft_draw(const struct workload_source *source, struct dice *dice, uint32_t hour,
                struct draft *ret_draft);

/* Amounts of a partial refund, `part` out of 1024: every line is rounded down on its own and the
 * totals follow, so two parts of at most a half each stay within the original (W3). */
void draft_scale(struct draft *draft, int64_t part);

/* A number for one of the people of the draft's area and insurance, by 64 bits of chance: up to
 * twice as often the one as the other. Unlike `person` it is a person's own only with its area. */
uint64_t draft_neighbour(uint32_t neighbours, bool is_employee, uint64_t chance);

/* All amounts of the draft times `sign`, 1 or -1, the totals by the identities E1 to E3. */
void draft_amounts(const struct draft *draft, int64_t sign, int64_t ret_amounts[AMOUNT_COUNT]);

/* Code of a chronic condition, six characters, static memory. */
const char *draft_disease(const struct draft *draft);

static inline uint32_t draft_insutype(const struct draft *draft)
{
    return draft->is_employee ? 310 : 390;
}

static inline uint32_t draft_clr_type(const struct draft *draft)
{
    return draft->care == WORKLOAD_INPATIENT ? 21 : draft->care == WORKLOAD_PHARMACY ? 41 : 11;
}

#define INSTITUTION_SIZE 12

/* Letter, area and number of the institution; gives the place after it. */
char *draft_institution(const struct draft *draft, char out[INSTITUTION_SIZE]);

/* ---- Digits ---- */

extern const char digit_pairs[201]; /* "00" to "99". */

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

#endif
