/* workload against the engine's own rules: with every strict switch on, nothing is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/embedded_tables.h"
#include "ledger/rules.h"
#include "ledger/tables.h"
#include "tests/lib/unit.h"
#include "tools/workload/workload.h"
#include "types/civil.h"

static struct tables tables; /* Too large for a comfortable stack. */
static const uint8_t psn_key[PSN_KEY_SIZE] = {1};

static int load_tables(void **state)
{
    (void)state;
    struct table_error error = {0, ""};
    tables_init(&tables);
    for (int file = 0; file < TABLE_FILE_COUNT; file++) {
        const struct bytes text = {embedded_tables[file].data, embedded_tables[file].size};
        assert_true(tables_load(&tables, (enum table_file)file, text, &error));
    }
    tables.strict_area_table = true;
    tables.strict_code_tables = true;
    tables.chronic_code_required = true;
    return 0;
}

static void expect_sound(struct settlement *settlement)
{
    const struct rule_time time = {settlement->setl_time, true};
    struct failures failures = {0};
    uint64_t soft = 0;

    settlement->psn_key = (struct bytes){psn_key, sizeof(psn_key)};
    rules_check_settlement(&tables, settlement, time, &failures, &soft);
    if (failures.count != 0)
        fail_msg("msgid %.30s: code %u, field %u, check %u", (const char *)settlement->msgid.data,
                 failures.list[0].code, failures.list[0].field, failures.list[0].check);
    assert_int_equal(soft, 0);
}

static void no_record_is_refused(void **state)
{
    (void)state;
    static struct workload workload;
    static const uint32_t months[] = {202402, 202411, 202412, 202502};
    for (size_t i = 0; i < sizeof(months) / sizeof(months[0]); i++) {
        const struct workload_config config = {
            .month = months[i], .after = 202401, .seed = i, .count = 50000, .corrections = true};
        const struct workload_item *item;
        workload_init(&workload, &config);
        while ((item = workload_next(&workload)) != NULL) {
            struct settlement settlement = item->settlement;
            expect_sound(&settlement);
            if (item->kind == WORKLOAD_SETTLEMENT) continue;
            struct correction correction = item->correction;
            struct failures failures = {0};
            correction.psn_key = (struct bytes){psn_key, sizeof(psn_key)};
            rules_check_correction(&correction, &failures);
            assert_int_equal(failures.count, 0);
        }
    }
}

/* Records are found again by their setl_id's number, which rises by one from record to record. */
static uint64_t number_of(struct bytes setl_id)
{
    char digits[8] = "";
    memcpy(digits, setl_id.data + 13, 7);
    return strtoull(digits, NULL, 10);
}

static void no_refund_is_refused(void **state)
{
    (void)state;
    static struct workload workload, originals;
    const struct workload_config config = {.month = 202503, .seed = 1, .count = 100000};
    int64_t(*changes)[AMOUNT_REFUNDABLE_COUNT] = calloc(config.count, sizeof(*changes));
    const struct workload_item *item;

    assert_non_null(changes);
    workload_init(&workload, &config);
    workload_init(&originals, &config);
    const uint64_t first = number_of(workload_record(&originals, 0)->settlement.setl_id);
    while ((item = workload_next(&workload)) != NULL) {
        const struct settlement *refund = &item->settlement;
        if (!refund->refd_setl_flag || item->is_duplicate) continue;
        const uint64_t record =
            (number_of(refund->orig_setl_id) + UINT64_C(10000000) - first) % UINT64_C(10000000);
        struct failures failures = {0};
        const struct settlement *original = &workload_record(&originals, record)->settlement;
        assert_true(bytes_equal(original->setl_id, refund->orig_setl_id));
        rules_check_refund(&tables, refund, original, changes[record], &failures);
        assert_int_equal(failures.count, 0);
        for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++)
            changes[record][i] += refund->amounts[i];
    }
    free(changes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_record_is_refused),
        cmocka_unit_test(no_refund_is_refused),
    };
    return cmocka_run_group_tests(tests, load_tables, NULL);
}
