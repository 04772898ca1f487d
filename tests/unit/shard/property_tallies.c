/* Tallies, counted from the model's list the plain way, against those of the last checkpoint with
 * what a scan adds to them. */
#include "codec/messages.h"
#include "tests/lib/unit.h"
#include "tests/unit/shard/property_world.h"

#define TALLIES_MAX 2048

void ask_tallies(void)
{
    struct shard_status status;
    shard_get_status(world.rig.shard, &status);
    const struct tally_question tallies = {.kind = TALLY_DAY + below(3), .period = some_month()};
    const struct scan_question scan = {
        .from_seq = status.checkpoint_seq + 1,
        .mode = SCAN_CHANGES,
        .period = tallies.period,
        .payer = SCAN_ANY,
        .payee = SCAN_ANY,
    };
    struct request requests[2] = {rig_control(REQUEST_TALLIES, 0), rig_control(REQUEST_SCAN, 0)};
    requests[0].body = (struct bytes){(const uint8_t *)&tallies, sizeof tallies};
    requests[1].body = (struct bytes){(const uint8_t *)&scan, sizeof scan};
    if (rig_give(&world.rig, requests, 2) != 2) fail_msg("no room for questions");
    for (int i = 0; i < 2; i++) {
        struct expected *e = &world.controls[world.controls_made++ % EXPECTED_MAX];
        *e = (struct expected){
            .type = requests[i].type,
            .known_seq = (uint64_t)world.model.count,
            .period = tallies.period,
            .tally_kind = tallies.kind,
        };
    }
}

/* Finds or makes. */
static struct tally *tally_in(struct tally *list, uint32_t *count, struct tally_key key)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (memcmp(&list[i].key, &key, sizeof key) == 0) return &list[i];
    }
    assert_true(*count < TALLIES_MAX);
    list[*count] = (struct tally){.key = key};
    return &list[(*count)++];
}

static void add_record(struct tally *t, const struct record_facts *r, int sign)
{
    t->count += (uint64_t)sign;
    t->refund_count += r->kind == RECORD_REFUND ? (uint64_t)sign : 0;
    t->medfee += sign * r->medfee;
    for (int fund = 0; fund < FUND_COUNT; fund++)
        t->funds[fund] += sign * r->funds[fund];
    t->checksum += (uint64_t)sign * r->content_hash;
    if (sign < 0) return;
    if (t->first_seq == 0 || r->seq < t->first_seq) t->first_seq = r->seq;
    if (r->seq > t->last_seq) t->last_seq = r->seq;
}

static struct tally_key key_of(const struct record_facts *r, uint32_t kind)
{
    return (struct tally_key){
        .kind = kind,
        .period = r->period,
        .part = kind == TALLY_DAY          ? r->day
                : kind == TALLY_PAYER_AREA ? r->ref.insu_admdvs
                                           : r->mdtrtarea_admvs,
        .payer = r->payer,
        .payee = r->payee,
        .line = r->line,
        .insurance = r->insurance,
    };
}

/* An item's number is its entry's. */
static struct record_facts facts_of_item(int index)
{
    return model_facts(&world.model.items[index], (uint64_t)index + 1);
}

/* Counted from the model's list as it was with `known` items. */
static uint32_t true_tallies(uint64_t known, uint32_t kind, uint32_t period, struct tally *out)
{
    uint32_t count = 0;
    for (int i = 0; i < (int)known; i++) {
        const struct model_item *item = &world.model.items[i];
        const bool takes_back = item->kind == MODEL_CORRECTION && item->target >= 0;
        if (item->kind > MODEL_ADJUSTMENT && !takes_back) continue;
        const struct record_facts r = facts_of_item(takes_back ? item->target : i);
        if (r.period != period) continue;
        add_record(tally_in(out, &count, key_of(&r, kind)), &r, takes_back ? -1 : 1);
    }
    return count;
}

void compare_tallies(const struct result *stored, const struct result *scanned,
                     const struct expected *want)
{
    static struct tally got[TALLIES_MAX];
    static struct tally truth[TALLIES_MAX];
    const struct record_facts *changes = scanned->data;
    const size_t change_count = scanned->data_size / sizeof *changes;
    uint32_t count = (uint32_t)(stored->data_size / sizeof *got);

    assert_int_equal(scanned->seq, 0); /* The end was reached. */
    assert_true(count < TALLIES_MAX);
    if (count != 0) memcpy(got, stored->data, stored->data_size);
    for (uint32_t i = 1; i < count; i++)
        assert_true(got[i - 1].key.part <= got[i].key.part);
    for (size_t i = 0; i < change_count; i++) {
        const struct record_facts *c = &changes[i];
        const bool takes_back = (c->flags & RECORD_TAKEN_BACK) != 0;
        struct record_facts mine = facts_of_item((int)c->seq - 1);
        if (takes_back) mine.flags |= RECORD_TAKEN_BACK;
        assert_true(takes_back || c->seq > stored->seq);
        assert_memory_equal(c, &mine, sizeof mine);
        add_record(tally_in(got, &count, key_of(c, want->tally_kind)), c, takes_back ? -1 : 1);
    }
    const uint32_t true_count =
        true_tallies(want->known_seq, want->tally_kind, want->period, truth);
    assert_int_equal(count, true_count);
    for (uint32_t i = 0; i < true_count; i++) {
        uint32_t again = count;
        const struct tally *t = tally_in(got, &again, truth[i].key);
        assert_int_equal(again, count);
        assert_memory_equal(t, &truth[i], sizeof *t);
    }
    counts.tallies += count;
    counts.changes += change_count;
}

void compare_sums(void)
{
    uint32_t cell_count;
    const struct cell *cells = shard_cells(world.rig.shard, &cell_count);
    for (uint32_t i = 0; i < cell_count; i++) {
        const struct cell *cell = &cells[i];
        for (uint32_t kind = TALLY_DAY; kind <= TALLY_PAYEE_AREA; kind++) {
            const struct tally_question question = {.kind = kind, .period = cell->key.period};
            struct request request = rig_control(REQUEST_TALLIES, 0);
            request.body = (struct bytes){(const uint8_t *)&question, sizeof question};
            const struct rig_result got = rig_order(&world.rig, request);
            const struct tally *list = got.result.data;
            struct tally sum = {0};
            for (size_t k = 0; k < got.result.data_size / sizeof *list; k++) {
                const struct tally *t = &list[k];
                if (t->key.payer != cell->key.payer || t->key.payee != cell->key.payee ||
                    t->key.line != cell->key.line || t->key.insurance != cell->key.insurance) {
                    continue;
                }
                sum.count += t->count;
                sum.refund_count += t->refund_count;
                sum.medfee += t->medfee;
                sum.checksum += t->checksum;
                for (int fund = 0; fund < FUND_COUNT; fund++)
                    sum.funds[fund] += t->funds[fund];
            }
            assert_int_equal(sum.count, cell->count);
            assert_int_equal(sum.refund_count, cell->refund_count);
            assert_int_equal(sum.medfee, cell->medfee_sum);
            assert_int_equal(sum.checksum, cell->checksum);
            assert_memory_equal(sum.funds, cell->balance[ACCOUNT_COST], sizeof sum.funds);
        }
    }
}
