/* workload: the laws W1 to W4, the identities, and the mix it promises. */
#include <stdlib.h>
#include <string.h>

#include "codec/csv.h"
#include "tests/lib/unit.h"
#include "tools/workload/summary.h"
#include "tools/workload/tables.h"
#include "types/civil.h"
#include "util/checksum.h"

#define MONTH   202503
#define RECORDS 100000

/* What the tests keep of every settlement and refund of a month. */
struct kept {
    uint64_t setl_key; /* Hash of insured area and setl_id. */
    uint64_t orig_key; /* Of a refund. */
    uint64_t msg_key;
    uint64_t row; /* Hash of the whole line. */
    int64_t time_ms;
    int64_t amounts[AMOUNT_COUNT];
    uint32_t refunds;
    bool is_refund;
    bool is_partial;
    bool is_corrected;
};

struct month {
    struct workload workload;
    struct workload_summary summary;
    struct kept *kept; /* By record. */
    uint64_t extra;    /* Refunds of an earlier month. */
};

static uint64_t key_of(uint32_t area, struct bytes id)
{
    return checksum_hash64(area, id.data, id.size);
}

static uint64_t row_hash(uint64_t seed, const struct workload_item *item)
{
    char line[CSV_LINE_MAX];
    const size_t size = item->kind == WORKLOAD_CORRECTION
                            ? csv_write_correction(&item->correction, item->psn_no,
                                                   item->settlement.insu_admdvs, line)
                            : csv_write_settlement(&item->settlement, item->psn_no, true, line);
    return checksum_hash64(seed, line, size);
}

static void keep(const struct workload_item *item, struct kept *kept)
{
    const struct settlement *settlement = &item->settlement;
    kept->setl_key = key_of(settlement->insu_admdvs, settlement->setl_id);
    kept->orig_key = key_of(settlement->insu_admdvs, settlement->orig_setl_id);
    kept->msg_key = key_of(0, settlement->msgid);
    kept->row = row_hash(0, item);
    kept->time_ms = settlement->setl_time;
    kept->is_refund = settlement->refd_setl_flag;
    memcpy(kept->amounts, settlement->amounts, sizeof(kept->amounts));
}

static struct month *month_new(struct workload_config config)
{
    struct month *month = calloc(1, sizeof(*month));
    const struct workload_item *item;
    uint64_t next = 0;

    assert_non_null(month);
    month->kept = calloc(config.count, sizeof(*month->kept));
    assert_non_null(month->kept);
    workload_init(&month->workload, &config);
    while ((item = workload_next(&month->workload)) != NULL) {
        workload_summary_add(&month->summary, item);
        if (item->kind == WORKLOAD_CORRECTION || item->is_duplicate) continue;
        if (item->settlement.setl_id.data[0] == 'B') {
            month->extra++;
            continue;
        }
        assert_int_equal(item->index, next);
        keep(item, &month->kept[next++]);
    }
    assert_int_equal(next, config.count);
    return month;
}

static void month_free(struct month *month)
{
    free(month->kept);
    free(month);
}

static struct workload_config config_of(uint64_t seed, uint64_t count)
{
    return (struct workload_config){.month = MONTH, .seed = seed, .count = count};
}

static void assert_identities(const struct settlement *settlement)
{
    const int64_t *amounts = settlement->amounts;
    int64_t fund = 0;
    for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++)
        fund += amounts[i];
    assert_int_equal(amounts[AMOUNT_FUND_SUM], fund); /* E1 */
    assert_int_equal(amounts[AMOUNT_MEDFEE],
                     fund + amounts[AMOUNT_PSN_PART] + amounts[AMOUNT_HOSP_PART]); /* E2 */
    assert_int_equal(amounts[AMOUNT_PSN_PART], amounts[AMOUNT_ACCT] + amounts[AMOUNT_MULAID] +
                                                   amounts[AMOUNT_WLT] + amounts[AMOUNT_CASH]);
    for (int i = 0; i < AMOUNT_COUNT; i++) { /* E5 */
        if (settlement->refd_setl_flag) assert_true(amounts[i] <= 0);
        if (!settlement->refd_setl_flag) assert_true(amounts[i] >= 0);
    }
    assert_true(amounts[AMOUNT_MEDFEE] != 0);
}

static void assert_codes(const struct settlement *settlement)
{
    const uint8_t payer = province_of_area(settlement->insu_admdvs);
    const uint8_t payee = province_of_area(settlement->mdtrtarea_admvs);
    const uint32_t med_type = settlement->med_type;

    assert_int_not_equal(payer, PROVINCE_NONE);
    assert_int_not_equal(payee, PROVINCE_NONE);
    assert_int_not_equal(payer, payee);
    assert_true(settlement->insutype == 310 || settlement->insutype == 390);
    assert_true(med_type == 11 || med_type == 13 || med_type == 14 || med_type == 21 ||
                med_type == 22 || med_type == 24 || med_type == 41 || med_type == 52);
    assert_int_equal(settlement->clr_type, med_type < 20 ? 11 : med_type == 41 ? 41 : 21);
    assert_int_equal(settlement->dise_codg.size, med_type == 14 ? 6 : 0);
    assert_int_equal(settlement->fixmedins_code.size, 12);
    assert_int_equal(settlement->fixmedins_code.data[0], med_type == 41 ? 'P' : 'H');
    assert_int_equal(settlement->msgid.size, 30);
    assert_memory_equal(settlement->msgid.data, settlement->fixmedins_code.data, 12);
    assert_int_equal(settlement->setl_id.size, 20);
    assert_int_equal(settlement->mdtrt_id.size, 20);
    assert_int_equal(settlement->orig_setl_id.size, settlement->refd_setl_flag ? 20 : 0);
}

static void every_record_is_sound(void **state)
{
    (void)state;
    static struct workload workload;
    const struct workload_config config = config_of(3, RECORDS);
    const struct workload_item *item;
    int64_t last_ms = civil_month_start_ms(MONTH);

    workload_init(&workload, &config);
    while ((item = workload_next(&workload)) != NULL) {
        const struct settlement *settlement = &item->settlement;
        assert_int_equal(item->kind, WORKLOAD_SETTLEMENT);
        assert_identities(settlement);
        assert_codes(settlement);
        assert_int_equal(item->psn_no.size, 18);
        assert_int_equal(settlement->setl_time % MS_PER_SECOND, 0);
        if (item->is_duplicate) continue;
        assert_true(settlement->setl_time >= last_ms);
        last_ms = settlement->setl_time;
    }
    assert_true(last_ms < civil_month_start_ms(civil_month_next(MONTH)));
    assert_null(workload_next(&workload));
}

static int compare_u64(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void assert_unique(uint64_t *keys, size_t count)
{
    qsort(keys, count, sizeof(keys[0]), compare_u64);
    for (size_t i = 1; i < count; i++)
        assert_true(keys[i - 1] != keys[i]);
}

static void ids_are_unique(void **state) /* (W4) */
{
    (void)state;
    struct workload_config config = config_of(4, RECORDS);
    config.corrections = true;
    config.after = 202501;
    static struct workload workload;
    const struct workload_item *item;
    uint64_t *msgids = calloc(RECORDS * 2, sizeof(*msgids));
    uint64_t *setl_ids = calloc(RECORDS * 2, sizeof(*setl_ids));
    size_t msgid_count = 0, setl_id_count = 0;

    workload_init(&workload, &config);
    while ((item = workload_next(&workload)) != NULL) {
        if (item->is_duplicate) continue;
        if (item->kind == WORKLOAD_CORRECTION) {
            msgids[msgid_count++] = key_of(0, item->correction.msgid);
            continue;
        }
        msgids[msgid_count++] = key_of(0, item->settlement.msgid);
        setl_ids[setl_id_count++] = key_of(item->settlement.insu_admdvs, item->settlement.setl_id);
    }
    assert_true(setl_id_count > RECORDS);
    assert_unique(msgids, msgid_count);
    assert_unique(setl_ids, setl_id_count);
    free(msgids);
    free(setl_ids);
}

/* The seconds of a full national month are crowded: the densest hours of 26 million records. */
static void ids_are_unique_in_a_full_month(void **state) /* (W4) */
{
    (void)state;
    static struct workload workload;
    const struct workload_config config = config_of(4, 26000000);
    uint64_t *msgids = calloc(RECORDS, sizeof(*msgids));
    uint64_t *setl_ids = calloc(RECORDS, sizeof(*setl_ids));

    workload_init(&workload, &config);
    for (uint64_t i = 0; i < RECORDS; i++) {
        const struct workload_item *item = workload_record(&workload, 2400000 + i);
        msgids[i] = key_of(0, item->settlement.msgid);
        setl_ids[i] = key_of(item->settlement.insu_admdvs, item->settlement.setl_id);
        assert_identities(&item->settlement);
    }
    assert_unique(msgids, RECORDS);
    assert_unique(setl_ids, RECORDS);
    free(msgids);
    free(setl_ids);
}

static void same_seed_same_bytes(void **state) /* (W1) */
{
    (void)state;
    static struct workload workload;
    const struct workload_config config = {
        .month = MONTH, .after = 202502, .seed = 1, .count = 10000, .corrections = true};
    const struct workload_item *item;
    uint64_t hash = 0;

    workload_init(&workload, &config);
    while ((item = workload_next(&workload)) != NULL)
        hash = row_hash(hash, item);
    /* Golden: changes only on purpose, and then every published digest of a month changes too. */
    assert_int_equal(hash, UINT64_C(0x9e15f145f13bcff3));
}

static void record_k_alone_is_record_k(void **state) /* (W2) */
{
    (void)state;
    struct month *month = month_new(config_of(9, 20000));
    static struct workload workload;
    const struct workload_config config = config_of(9, 20000);

    workload_init(&workload, &config);
    for (uint64_t i = 0; i < 20000; i++) {
        const uint64_t k = i * 7919 % 20000;
        assert_int_equal(row_hash(0, workload_record(&workload, k)), month->kept[k].row);
    }
    month_free(month);
}

/* Record by its key, or NULL; a walk over a sorted copy would be faster and is not needed. */
struct index {
    uint64_t key;
    uint64_t record;
};

static int compare_index(const void *a, const void *b)
{
    return compare_u64(a, b);
}

static struct index *index_new(const struct month *month, bool by_msgid)
{
    const uint64_t count = month->workload.config.count;
    struct index *index = calloc(count, sizeof(*index));
    for (uint64_t i = 0; i < count; i++)
        index[i] = (struct index){by_msgid ? month->kept[i].msg_key : month->kept[i].setl_key, i};
    qsort(index, count, sizeof(*index), compare_index);
    return index;
}

static struct kept *index_find(struct month *month, const struct index *index, uint64_t key)
{
    const struct index wanted = {key, 0};
    const struct index *found =
        bsearch(&wanted, index, month->workload.config.count, sizeof(wanted), compare_index);
    return found == NULL ? NULL : &month->kept[found->record];
}

/* Takes a refund off its original's amounts; line by line nothing may fall below zero (W3). */
static void take_off(struct kept *original, const int64_t *refund)
{
    assert_false(original->is_refund);
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++) {
        original->amounts[i] += refund[i];
        assert_true(original->amounts[i] >= 0);
    }
    original->refunds++;
}

static void refunds_stay_within_their_originals(void **state) /* (W3) */
{
    (void)state;
    struct month *month = month_new(config_of(5, RECORDS));
    struct index *index = index_new(month, false);
    uint64_t refunds = 0, same_day = 0, full = 0, second = 0;

    for (struct kept *refund = month->kept; refund != month->kept + RECORDS; refund++) {
        if (!refund->is_refund) continue;
        struct kept *original = index_find(month, index, refund->orig_key);
        assert_non_null(original);
        assert_true(original < refund);
        assert_true(original->time_ms < refund->time_ms);
        take_off(original, refund->amounts);
        refunds++;
        full += original->amounts[AMOUNT_MEDFEE] == 0;
        second += original->refunds == 2;
        assert_true(original->refunds <= 2);
        const int64_t start_ms = civil_month_start_ms(MONTH);
        same_day += (original->time_ms - start_ms) / MS_PER_DAY ==
                    (refund->time_ms - start_ms) / MS_PER_DAY;
    }
    assert_in_range(refunds, RECORDS / 98 * 9 / 10, RECORDS / 98 + 1);
    assert_in_range(full * 100 / refunds, 72, 86);
    assert_in_range(same_day * 100 / refunds, 50, 75);
    assert_in_range(second, 1, refunds / 25);
    assert_int_equal(refunds, month->summary.refunds);
    free(index);
    month_free(month);
}

static void duplicates_are_the_same_message(void **state)
{
    (void)state;
    struct month *month = month_new(config_of(6, RECORDS));
    static struct workload workload;
    const struct workload_config config = config_of(6, RECORDS);
    const struct workload_item *item;
    uint64_t last = 0, duplicates = 0;

    workload_init(&workload, &config);
    while ((item = workload_next(&workload)) != NULL) {
        if (!item->is_duplicate) {
            last = item->index;
            continue;
        }
        assert_true(item->index < last);
        assert_int_equal(row_hash(0, item), month->kept[item->index].row);
        duplicates++;
    }
    assert_in_range(duplicates, RECORDS / 200 - 2, RECORDS / 200);
    month_free(month);
}

/* Refunds of an earlier month hit records of it that neither it nor another later month refunds,
 * also when the months are not of one size, and the month's own records are what they are without
 * them. */
static void later_months_refund_earlier_ones(void **state) /* (W2), (W3) */
{
    (void)state;
    struct month *first = month_new(config_of(7, RECORDS));
    struct index *index = index_new(first, false);
    struct workload_config config = config_of(7, RECORDS);
    static struct workload workload;
    const struct workload_item *item;

    for (struct kept *refund = first->kept; refund != first->kept + RECORDS; refund++)
        if (refund->is_refund)
            take_off(index_find(first, index, refund->orig_key), refund->amounts);
    config.after_count = RECORDS;
    for (config.month = 202504; config.month <= 202506; config.month++) {
        config.count = RECORDS / (config.month - MONTH);
        config.after = 0;
        struct month *plain = month_new(config);
        uint64_t extra = 0;
        config.after = MONTH;
        workload_init(&workload, &config);
        while ((item = workload_next(&workload)) != NULL) {
            if (item->is_duplicate) continue;
            if (item->settlement.setl_id.data[0] != 'B') {
                assert_int_equal(row_hash(0, item), plain->kept[item->index].row);
                continue;
            }
            struct kept *original = index_find(
                first, index, key_of(item->settlement.insu_admdvs, item->settlement.orig_setl_id));
            assert_non_null(original);
            assert_int_equal(original->refunds, 0);
            assert_identities(&item->settlement);
            take_off(original, item->settlement.amounts);
            extra++;
        }
        assert_in_range(extra, config.count / 556 - 2, config.count / 556 + 1);
        month_free(plain);
    }
    free(index);
    month_free(first);
}

static void corrections_name_their_message(void **state)
{
    (void)state;
    struct workload_config config = config_of(8, RECORDS);
    config.corrections = true;
    struct month *month = month_new(config);
    struct index *index = index_new(month, true);
    struct index *by_setl_id = index_new(month, false);
    static struct workload workload;
    const struct workload_item *item;
    uint64_t last = 0, early = 0, count = 0;

    workload_init(&workload, &config);
    while ((item = workload_next(&workload)) != NULL) {
        if (item->kind == WORKLOAD_SETTLEMENT) {
            if (!item->is_duplicate) last = item->index;
            continue;
        }
        struct kept *target = index_find(month, index, key_of(0, item->correction.omsgid));
        assert_non_null(target);
        assert_false(target->is_refund);
        assert_false(target->is_corrected);
        assert_int_equal(item->is_early, target > month->kept + last);
        target->is_corrected = true;
        early += item->is_early;
        count++;
    }
    assert_in_range(count, RECORDS / 1000 - 2, RECORDS / 1000);
    assert_in_range(early, 1, RECORDS / 1000 / 4);
    /* What was cancelled is not refunded and not sent again. */
    for (struct kept *refund = month->kept; refund != month->kept + RECORDS; refund++)
        if (refund->is_refund)
            assert_false(index_find(month, by_setl_id, refund->orig_key)->is_corrected);
    workload_init(&workload, &config);
    while ((item = workload_next(&workload)) != NULL)
        if (item->is_duplicate) assert_false(month->kept[item->index].is_corrected);
    free(index);
    free(by_setl_id);
    month_free(month);
}

static void mix_is_the_published_one(void **state)
{
    (void)state;
    struct month *month = month_new(config_of(2, 400000));
    const struct workload_summary *summary = &month->summary;
    uint64_t settlements = 0;
    int64_t money = 0;

    for (int i = 0; i < WORKLOAD_CLASS_COUNT; i++) {
        settlements += summary->settlements[i];
        money += summary->cleared_fen[i];
    }
    for (int i = 0; i < WORKLOAD_CLASS_COUNT; i++) {
        const uint64_t share = summary->settlements[i] * 10000 / settlements;
        const int64_t mean = summary->cleared_fen[i] / (int64_t)summary->settlements[i];
        const uint32_t published = workload_published[i].share_bp;
        assert_in_range(share, published - published / 40, published + published / 40);
        assert_in_range(mean, workload_published[i].mean_fen * 97 / 100,
                        workload_published[i].mean_fen * 103 / 100);
    }
    /* First quarter of 2025: 3.6389 of 70.75 million records, 365.37 of 469.92 in money. */
    assert_in_range(summary->settlements[WORKLOAD_INPATIENT] * 10000 / settlements, 490, 540);
    assert_in_range(summary->cleared_fen[WORKLOAD_INPATIENT] * 1000 / money, 760, 800);
    assert_true(settlements + summary->refunds == 400000);
    month_free(month);
}

static void flows_follow_the_matrix(void **state)
{
    (void)state;
    static uint32_t seen[PROVINCE_COUNT * PROVINCE_COUNT];
    static struct workload workload;
    const struct workload_config config = config_of(2, 300000);
    const struct workload_item *item;
    const uint32_t hebei_beijing = 2 * PROVINCE_COUNT + 0;
    uint32_t sum = 0, employees = 0, all = 0;

    for (uint32_t i = 0; i < PROVINCE_COUNT * PROVINCE_COUNT; i++) {
        sum += workload_flow_ppm[i];
        assert_true(workload_flow_ppm[i] <= workload_flow_ppm[hebei_beijing]);
        assert_int_equal(workload_flow_ppm[i] == 0, i / PROVINCE_COUNT == i % PROVINCE_COUNT);
    }
    assert_int_equal(sum, 1000000);
    assert_int_equal(workload_flow_ppm[hebei_beijing], 31512);

    workload_init(&workload, &config);
    while ((item = workload_next(&workload)) != NULL) {
        seen[province_of_area(item->settlement.insu_admdvs) * PROVINCE_COUNT +
             province_of_area(item->settlement.mdtrtarea_admvs)]++;
        employees += item->settlement.insutype == 310;
        all++;
    }
    for (uint32_t i = 0; i < PROVINCE_COUNT * PROVINCE_COUNT; i++) {
        const uint32_t want = (uint32_t)((uint64_t)workload_flow_ppm[i] * all / 1000000);
        if (want >= 1000) assert_in_range(seen[i], want - want / 8, want + want / 8);
    }
    assert_in_range(employees * 1000ull / all, 630, 650);
}

static void small_and_odd_months(void **state)
{
    (void)state;
    static struct workload workload;
    for (uint64_t count = 1; count < 400; count += 3) {
        for (uint32_t month = 202402; month <= 202403; month++) {
            const struct workload_config config = {.month = month,
                                                   .after = 202401,
                                                   .seed = count,
                                                   .count = count,
                                                   .corrections = true};
            uint64_t records = 0;
            const struct workload_item *item;
            workload_init(&workload, &config);
            while ((item = workload_next(&workload)) != NULL)
                records += item->kind == WORKLOAD_SETTLEMENT && !item->is_duplicate &&
                           item->settlement.setl_id.data[0] == 'A';
            assert_int_equal(records, count);
        }
    }
    assert_null(workload_config_check(&(struct workload_config){.month = 202501, .count = 1}));
    assert_non_null(workload_config_check(&(struct workload_config){.month = 202513, .count = 1}));
    assert_non_null(workload_config_check(&(struct workload_config){.month = 202501, .count = 0}));
    assert_non_null(workload_config_check(
        &(struct workload_config){.month = 202501, .count = 1, .after = 202501}));
    assert_non_null(workload_config_check(
        &(struct workload_config){.month = 202503, .count = 1, .after = 202401}));
    assert_null(workload_config_check(
        &(struct workload_config){.month = 202502, .count = 1, .after = 202401}));
    assert_non_null(workload_config_check(&(struct workload_config){
        .month = 202502, .count = 1, .after = 202401, .after_count = UINT64_MAX}));
}

/* Conditions 6 to 10 are in force from December 2024 on. */
static void diseases_come_with_their_month(void **state)
{
    (void)state;
    static struct workload workload;
    for (uint32_t month = 202411; month <= 202412; month++) {
        const struct workload_config config = {.month = month, .seed = 1, .count = 50000};
        const struct workload_item *item;
        bool later = false;
        workload_init(&workload, &config);
        while ((item = workload_next(&workload)) != NULL)
            if (item->settlement.dise_codg.size != 0)
                later |= memcmp(item->settlement.dise_codg.data, "M04600", 6) == 0;
        assert_int_equal(later, month == 202412);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_is_sound),
        cmocka_unit_test(ids_are_unique),
        cmocka_unit_test(ids_are_unique_in_a_full_month),
        cmocka_unit_test(same_seed_same_bytes),
        cmocka_unit_test(record_k_alone_is_record_k),
        cmocka_unit_test(refunds_stay_within_their_originals),
        cmocka_unit_test(duplicates_are_the_same_message),
        cmocka_unit_test(later_months_refund_earlier_ones),
        cmocka_unit_test(corrections_name_their_message),
        cmocka_unit_test(mix_is_the_published_one),
        cmocka_unit_test(flows_follow_the_matrix),
        cmocka_unit_test(small_and_odd_months),
        cmocka_unit_test(diseases_come_with_their_month),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
