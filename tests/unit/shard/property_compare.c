/* What the shard answers and holds, against what the model says it must. */
#include <stdio.h>

#include "tests/lib/unit.h"
#include "tests/unit/shard/property_world.h"

static uint64_t codes_of(const struct rig_result *result)
{
    uint64_t codes = 0;
    for (uint32_t i = 0; i < result->result.failure_count; i++)
        codes |= model_code_bit(result->failures[i].code);
    return codes;
}

static void compare_result(const struct rig_result *got, const struct expected *want)
{
    const struct result *r = &got->result;
    const uint64_t codes = codes_of(got);
    if (r->type != want->type || codes != want->answer.codes ||
        (r->code == ERROR_OK) != (codes == 0)) {
        fail_msg("type %x: code %u, codes %lx where the model has %lx", r->type, r->code,
                 (unsigned long)codes, (unsigned long)want->answer.codes);
    }
    assert_true(want->known_seq <= world.rig.durable_seq); /* (J1) */
    counts.answered[r->code != ERROR_OK]++;
    if (r->code != ERROR_OK) {
        assert_int_equal(r->code, got->failures[0].code);
        return;
    }
    assert_int_equal(r->dup, want->answer.dup);
    assert_int_equal(r->seq, want->seq);
    assert_int_equal(r->stamp_ms, want->stamp_ms);
    assert_int_equal(r->period, want->period);
    assert_int_equal(r->orig_period, want->orig_period);
}

/* Every decision of the model's is there, in order, with its body. */
static bool compare_decision(void *context, struct bytes body, uint64_t seq)
{
    int *next = context;
    char text[32];
    while (*next < world.model.count && world.model.items[*next].kind != MODEL_DECISION)
        ++*next;
    assert_int_equal(seq, *next + 1);
    snprintf(text, sizeof text, "decision %d", *next);
    assert_true(bytes_equal(body, bytes_of(text)));
    ++*next;
    return true;
}

void compare_decisions(void)
{
    int next = 0;
    assert_true(shard_each_cycle(world.rig.shard, compare_decision, &next));
    for (; next < world.model.count; next++)
        assert_int_not_equal(world.model.items[next].kind, MODEL_DECISION);
}

void compare_answers(void)
{
    for (uint32_t i = 0; i < world.rig.result_count; i++) {
        assert_true(world.results_seen < world.results_made);
        compare_result(&world.rig.results[i], &world.results[world.results_seen++ % EXPECTED_MAX]);
    }
    for (uint32_t i = 0; i < world.rig.control_count; i++) {
        assert_true(world.controls_seen < world.controls_made);
        const struct expected *want = &world.controls[world.controls_seen++ % EXPECTED_MAX];
        assert_int_equal(world.rig.controls[i].result.type, want->type);
        const struct result *got = &world.rig.controls[i].result;
        assert_int_equal(got->code == 0 ? 0 : model_code_bit(got->code), want->answer.codes);
        assert_true(want->known_seq <= world.rig.durable_seq); /* (J1) */
        if (got->type == REQUEST_TALLIES) {
            assert_true(i + 1 < world.rig.control_count);
            compare_tallies(got, &world.rig.controls[i + 1].result, want);
        } else if (got->type == REQUEST_CYCLE) {
            assert_int_equal(got->seq, want->seq);
            assert_int_equal(got->stamp_ms, want->stamp_ms);
        }
    }
    rig_forget(&world.rig);
}

void compare_cells(void)
{
    static struct cell want[MODEL_CELLS_MAX];
    uint32_t count;
    const uint32_t wanted = model_cells(&world.model, want);
    const struct cell *cells = shard_cells(world.rig.shard, &count);
    assert_int_equal(count, wanted);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = 0;
        while (k < wanted && memcmp(&want[k].key, &cells[i].key, sizeof want[k].key) != 0)
            k++;
        assert_true(k < wanted);
        assert_memory_equal(&cells[i], &want[k], sizeof want[k]);
    }
}
