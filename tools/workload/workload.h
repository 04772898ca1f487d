/* workload -- a national month of cross-province settlements, made from a seed.
 *
 * WHAT    Settlements, refunds, duplicates and (when asked for) 2601 corrections of one month in
 * the order in which a centre would receive them: flows between provinces, classes of care,
 *         amounts, fund split, hours and weekdays as docs/rules.md (Workload) tells. Every record
 *         satisfies the identities E1-E6 and the code tables, so an engine refuses none of them;
 *         corrections that come before their original are the one exception.
 *
 * LAWS    (W1) The same configuration gives the same items on every machine: integers only, no
 *              clock, no floating point, no locale.
 *         (W2) Record k of a month is known without the k before it. So another month's file can
 *              hold refunds of it without having kept it.
 *         (W3) Refunds of one original together are never above it, line by line, and come later,
 *              in time and in the stream.
 *         (W4) msgid and (insu_admdvs, setl_id) are unique in a month, duplicates apart.
 *
 * SIZES   Of `count` records 1 in 98 is a refund of an earlier one (1.2 % of all records are
 * refunded, 85 % of these in their own month, 60 % on the same day); a fifth of the refunds are
 * partial and 1 % are a second part. On top of `count` come 0.5 % duplicates, and 0.1 % corrections
 *         and the refunds of an earlier month (0.18 %) when asked for.
 *
 * NOT     Must not know files, sockets, protobuf or CSV. Persons are numbers of a made-up form. */
#ifndef WORKLOAD_WORKLOAD_H
#define WORKLOAD_WORKLOAD_H

#include "tools/workload/draft.h"

#define WORKLOAD_COUNT_MAX UINT64_C(2000000000) /* Records of one month. */

enum workload_kind {
    WORKLOAD_SETTLEMENT, /* Read `settlement`; a refund has its refd_setl_flag set. */
    WORKLOAD_CORRECTION, /* Read `correction`. */
};

struct workload_item {
    enum workload_kind kind;
    enum workload_class care;     /* Of the settlement, or of the one that is corrected. */
    bool is_duplicate;            /* The very message was given before. */
    bool is_early;                /* A correction whose original comes after it. */
    uint64_t index;               /* 0-based record of the month; of a correction: of its target. */
    struct settlement settlement; /* Without psn_key. */
    struct correction correction; /* Without psn_key. */
    struct bytes psn_no;          /* 18 digits: insured area and twelve more. */
};

struct workload_config {
    uint32_t month; /* yyyymm */
    uint32_t after; /* 0, or an earlier yyyymm some of whose records are refunded in `month`. */
    uint64_t seed;  /* Also of the month `after`. */
    uint64_t count; /* Settlements and refunds of the month, */
    uint64_t after_count; /* and of the month `after`; 0: as many. */
    bool corrections;     /* With 2601 corrections. */
};

/* ---- What follows inside the structs is workload.c's own business. ---- */

#define WORKLOAD_HOURS_MAX (31 * 24)
#define WORKLOAD_DISTANCES 36 /* Of a refund from its original. */

struct workload_text {
    char msgid[30];
    char setl_id[30];
    char mdtrt_id[30];
    char orig_setl_id[30];
    char omsgid[30];
    char fixmedins_code[12];
    char psn_no[18];
};

/* One month's plan: which record stands at which second. */
struct workload_month {
    struct workload_source source;
    uint64_t seed;
    uint64_t count;
    uint64_t id_modulus; /* Settlement ids have as many digits as the month needs. */
    uint64_t id_offset;
    uint64_t hour_first[WORKLOAD_HOURS_MAX + 1]; /* First record of each hour. */
    uint64_t distances[WORKLOAD_DISTANCES];      /* In refund blocks. */
    int64_t start_ms;
    uint32_t yyyymm;
    uint32_t hours;
    uint32_t id_width;
    uint32_t hint; /* Hour looked at last. */
};

/* An iterator over one month; about 50 KB, the caller's memory. */
struct workload {
    struct workload_config config;
    struct workload_month month;
    struct workload_month after;
    struct workload_text text;
    struct workload_item item;
    uint64_t at;    /* Record that is next, or was last while stage > 0. */
    uint32_t stage; /* What may follow that record. */
    uint32_t months_between;
};

/* NULL when the configuration is sound, else an English sentence that says what is wrong. */
const char *workload_config_check(const struct workload_config *config);

/* Stands before the first item. The configuration must be sound. */
void workload_init(struct workload *workload, const struct workload_config *config);

/* The next item, good until the next call; NULL behind the last one. */
const struct workload_item *workload_next(struct workload *workload);

/* Record `index` (below count) on its own, in place of the item last given; where the iterator
 * stands does not change. */
const struct workload_item *workload_record(struct workload *workload, uint64_t index);

/* The national figures of 2025 that a month is measured against (docs/rules.md, Workload). */
struct workload_published {
    const char *name;
    uint32_t share_bp; /* Share of records in 1/10000. */
    int64_t mean_fen;  /* Mean cleared amount of a settlement. */
};
extern const struct workload_published workload_published[WORKLOAD_CLASS_COUNT];

#endif
