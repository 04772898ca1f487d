/* What the desk gathers from shards that never rest: each question finds thousands of entries more,
 * and another checkpoint. It has to come to an end, and to tell of one moment of each shard. */
#include <stdlib.h>

#include "proto/cycle.pb-c.h"
#include "shard.h"
#include "tests/lib/unit.h"
#include "tests/unit/engine/fake_shard.h"
#include "types/record_facts.h"

#define DAY         20250314
#define SLICE       4096 /* Entries of a scan's step. */
#define QUICK       5000 /* Entries that come between two questions. */
#define ROUNDS_MAX  1000
#define PAIRS       (PROVINCE_COUNT * PROVINCE_COUNT)
#define LINES       5
#define OF_A_PAIR   (LINES * INSURANCE_COUNT)
#define TALLIES     (PAIRS * OF_A_PAIR) /* Of a shard: five slices. */
#define LATER_FUND  100                 /* Of each record that came after a checkpoint. */
#define CHECKPOINTS 3                   /* Questions, and as many make a checkpoint. */

static struct {
    uint64_t last_seq[RIG_SHARDS];
    uint64_t checkpoint[RIG_SHARDS]; /* Last entry that the tallies hold. */
    uint32_t asked[RIG_SHARDS];
    bool checkpoints; /* One after the other. */
} quick;

static void give(struct result *result, const void *data, size_t size)
{
    result->data = malloc(size + 1);
    assert_non_null(result->data);
    if (size != 0) memcpy(result->data, data, size);
    result->data_size = size;
}

/* The row of that place among all of a shard, in the order of their keys. */
static struct tally tally_at(uint32_t place)
{
    struct tally tally = {
        .key = {.kind = TALLY_DAY, .period = DAY / 100, .part = DAY},
        .count = 1,
        .checksum = 1,
    };
    const uint32_t pair = place / OF_A_PAIR;
    tally.key.payer = (uint8_t)(pair / PROVINCE_COUNT);
    tally.key.payee = (uint8_t)(pair % PROVINCE_COUNT);
    tally.key.line = (uint8_t)(place % OF_A_PAIR / INSURANCE_COUNT);
    tally.key.insurance = (uint8_t)(place % INSURANCE_COUNT);
    return tally;
}

static uint32_t place_of(const struct tally_key *key)
{
    const uint32_t pair = (uint32_t)key->payer * PROVINCE_COUNT + key->payee;
    return (pair * LINES + key->line) * INSURANCE_COUNT + key->insurance;
}

static void answer_tallies_of(const struct seen *seen, struct result *result)
{
    struct tally_question question;
    static struct tally rows[TALLIES];
    uint32_t count = 0;
    memcpy(&question, seen->body, sizeof question);
    uint32_t place = question.after.kind == 0 ? 0 : place_of(&question.after) + 1;
    for (; place < TALLIES && (question.rows_max == 0 || count < question.rows_max); place++)
        rows[count++] = tally_at(place);
    give(result, rows, count * sizeof rows[0]);
    result->seq = quick.checkpoint[seen->shard];
}

/* One record a step, of Beijing's at Tianjin. */
static void answer_scan_of(const struct seen *seen, struct result *result)
{
    struct scan_question question;
    const uint64_t newest = quick.last_seq[seen->shard];
    memcpy(&question, seen->body, sizeof question);
    const bool all = question.to_seq == 0 || question.to_seq > newest;
    const uint64_t last = all ? newest : question.to_seq;
    const struct record_facts record = {
        .seq = question.from_seq,
        .period = DAY / 100,
        .day = DAY,
        .payer = 0,
        .payee = 1,
        .kind = RECORD_SETTLEMENT,
        .funds = {[FUND_POOL] = LATER_FUND},
        .content_hash = 1,
    };
    give(result, &record, question.from_seq <= last ? sizeof record : 0);
    result->seq = question.from_seq + SLICE <= last ? question.from_seq + SLICE : 0;
}

static void answer(const struct seen *seen, struct result *result)
{
    const uint32_t shard = seen->shard;
    struct shard_status status = {0};
    quick.last_seq[shard] += QUICK;
    if (quick.checkpoints && ++quick.asked[shard] % CHECKPOINTS == 0) {
        quick.checkpoint[shard] = quick.last_seq[shard] - QUICK;
    }
    switch (seen->type) {
    case REQUEST_STATUS:
        status.last_seq = quick.last_seq[shard];
        give(result, &status, sizeof status);
        break;
    case REQUEST_TALLIES:
        answer_tallies_of(seen, result);
        break;
    case REQUEST_SCAN:
        answer_scan_of(seen, result);
        break;
    default:
        break;
    }
}

static int setup(void **state)
{
    memset(&quick, 0, sizeof quick);
    if (rig_setup(state) != 0) return -1;
    rig.answer = answer;
    return 0;
}

/* -- the list of a day --------------------------------------------------------------------------
 */

#define MONTHS_LATER 10000000 /* Entries that came between the day's own and a late one. */
#define OWN_ENTRIES  6000

/* The day's own records stand together; one came in a later month, one since the checkpoint. */
static void answer_late(const struct seen *seen, struct result *result)
{
    const uint64_t late = OWN_ENTRIES + MONTHS_LATER;
    const struct tally tallies[] = {
        {.key = {.kind = TALLY_DAY, .period = 202503, .part = DAY, .payer = 0, .payee = 1},
         .count = 2,
         .first_seq = 1,
         .last_seq = OWN_ENTRIES},
        {.key = {.kind = TALLY_DAY, .period = 202506, .part = DAY, .payer = 0, .payee = 1},
         .count = 1,
         .first_seq = late,
         .last_seq = late},
        {.key = {.kind = TALLY_DAY, .period = 202506, .part = DAY, .payer = 5, .payee = 6},
         .count = 1,
         .first_seq = 1,
         .last_seq = late}, /* Another pair's. */
    };
    if (seen->type == REQUEST_TALLIES) {
        give(result, tallies, seen->shard == 1 ? sizeof tallies : 0);
        result->seq = late + SLICE;
    } else {
        quick.last_seq[seen->shard] = late + 2 * SLICE - QUICK;
        answer(seen, result);
    }
}

/* What stands between a day's own records and one that came months later is left alone. */
static void a_late_record_does_not_make_a_day_long(void **state)
{
    (void)state;
    const uint64_t late = OWN_ENTRIES + MONTHS_LATER;
    uint64_t looked[RIG_SHARDS] = {0};
    Qingfen__V1__ReconList order = QINGFEN__V1__RECON_LIST__INIT;
    char msgid[] = "L1";
    order.msgid = msgid;
    order.province = order.payer = 11;
    order.payee = 12;
    order.date = DAY;
    order.part = order.parts = 1;
    rig.answer = answer_late;
    assert_int_equal(rig_frame(0, MESSAGE_RECON_LIST, 1, &order), HOME_TAKEN);
    for (int i = 0; i < ROUNDS_MAX && rig_answer_of(1) == NULL; i++)
        rig_turn();
    assert_non_null(rig_answer_of(1));
    for (uint32_t i = 0; i < rig.seen_count; i++) {
        struct scan_question question;
        if (rig.seen[i].type != REQUEST_SCAN) continue;
        memcpy(&question, rig.seen[i].body, sizeof question);
        assert_true(question.to_seq == OWN_ENTRIES || question.from_seq >= late);
        assert_in_range(question.to_seq, 1, late + 2 * SLICE);
        looked[rig.seen[i].shard]++;
    }
    assert_int_equal(looked[0], 1); /* Since the checkpoint. */
    assert_int_equal(looked[1], 2 + 1 + 1);
    assert_int_equal(looked[2], 1);
}

/* -- a day's figures ----------------------------------------------------------------------------
 */

/* What Beijing's one cell at Tianjin is told to be, and how many of them there are. */
static void ask_day(uint64_t *ret_count, int64_t *ret_fund)
{
    Qingfen__V1__ReconDay order = QINGFEN__V1__RECON_DAY__INIT;
    order.province = 11;
    order.payer = 11;
    order.payee = 12;
    order.period = DAY / 100;
    order.date = DAY;
    assert_int_equal(rig_frame(0, MESSAGE_RECON_DAY, 1, &order), HOME_TAKEN);
    for (int i = 0; i < ROUNDS_MAX && rig_answer_of(1) == NULL; i++)
        rig_turn();
    const struct sent *sent = rig_answer_of(1);
    assert_non_null(sent); /* Else it goes on as long as the shards do. */
    Qingfen__V1__ReconDayReply *reply =
        qingfen__v1__recon_day_reply__unpack(NULL, sent->size, sent->payload);
    assert_non_null(reply);
    assert_int_equal(reply->code, 0);
    *ret_count = 0;
    *ret_fund = 0;
    for (size_t i = 0; i < reply->n_cells; i++) {
        *ret_count += reply->cells[i]->centre->count;
        *ret_fund += reply->cells[i]->centre->fund_pay_sumamt;
    }
    qingfen__v1__recon_day_reply__free_unpacked(reply, NULL);
}

/* How many scans there were, each of which has found a record; none goes beyond what its shard had
 * when it was first asked for its last entry. */
static uint32_t scans_seen(void)
{
    uint32_t scans = 0;
    uint64_t bound[RIG_SHARDS] = {0};
    for (uint32_t i = 0; i < rig.seen_count; i++) {
        const struct seen *seen = &rig.seen[i];
        struct scan_question question;
        if (seen->type != REQUEST_SCAN) continue;
        memcpy(&question, seen->body, sizeof question);
        if (bound[seen->shard] == 0) bound[seen->shard] = question.to_seq;
        assert_int_not_equal(question.to_seq, 0);
        assert_int_equal(question.to_seq, bound[seen->shard]);
        scans++;
    }
    return scans;
}

static void a_scan_ends_though_its_shard_writes_as_fast(void **state)
{
    (void)state;
    uint64_t count;
    int64_t fund;
    quick.last_seq[1] = 10 * SLICE; /* A shard that has something to look at in any case. */
    ask_day(&count, &fund);
    const uint32_t scans = scans_seen();
    assert_in_range(scans, 11, 200);
    assert_int_equal(fund, scans * LATER_FUND);
    assert_int_equal(count, RIG_SHARDS * OF_A_PAIR + scans); /* Of tallies, and these. */
}

static void tallies_are_told_of_one_moment_though_checkpoints_go_on(void **state)
{
    (void)state;
    uint64_t count;
    int64_t fund;
    quick.checkpoints = true;
    ask_day(&count, &fund);
    const uint32_t scans = scans_seen();
    assert_int_equal(fund, scans * LATER_FUND);
    assert_int_equal(count, RIG_SHARDS * OF_A_PAIR + scans); /* None twice, none left out. */
}

/* A shard whose tallies have everything is not scanned at all. */
static void nothing_new_is_not_looked_for(void **state)
{
    (void)state;
    uint64_t count;
    int64_t fund;
    for (uint32_t i = 0; i < RIG_SHARDS; i++)
        quick.checkpoint[i] = UINT64_MAX / 2;
    ask_day(&count, &fund);
    assert_int_equal(scans_seen(), 0);
    assert_int_equal(count, RIG_SHARDS * OF_A_PAIR);
    assert_int_equal(fund, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_scan_ends_though_its_shard_writes_as_fast, setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(tallies_are_told_of_one_moment_though_checkpoints_go_on,
                                        setup, rig_teardown),
        cmocka_unit_test_setup_teardown(nothing_new_is_not_looked_for, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_late_record_does_not_make_a_day_long, setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests_name("engine/facts", tests, NULL, NULL);
}
