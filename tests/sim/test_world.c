/* The simulated world does what it says: the same seed is the same history, a centre in it works,
 * and what it was told to have acknowledged is there after any number of crashes. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/lib/unit.h"
#include "tests/sim/plain.h"
#include "types/cell.h"

#define TURNS_MAX 200000000

static void play(struct sim_world *world, struct plain *plain)
{
    for (uint64_t turns = 0; plain_turn(plain); turns++) {
        if (!sim_turn(world) && *sim_refusal(world) != '\0') fail_msg("%s", sim_refusal(world));
        if (*plain_wrong(plain) != '\0') fail_msg("%s", plain_wrong(plain));
        if (turns == TURNS_MAX) fail_msg("no end");
    }
}

static int compare_cells(const void *a, const void *b)
{
    const struct cell *first = a, *second = b;
    return memcmp(&first->key, &second->key, sizeof first->key);
}

static struct cell *sorted_cells(const struct shard *shard, uint32_t *ret_count)
{
    const struct cell *cells = shard_cells(shard, ret_count);
    struct cell *copy = malloc((*ret_count + 1) * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, cells, *ret_count * sizeof *copy);
    qsort(copy, *ret_count, sizeof *copy, compare_cells);
    return copy;
}

/* A replay of the journal alone comes to the same. */
static void assert_replay_equal(struct sim_world *world, uint32_t messages)
{
    uint64_t entries = 0;
    while (!sim_quiet(world))
        (void)sim_turn(world);
    for (uint32_t i = 0; i < sim_shards(world); i++) {
        struct sim_replay *replay = sim_replay_new(world, i);
        if (replay == NULL) fail_msg("%s", sim_refusal(world));
        struct shard_status here, there;
        uint32_t count, again;
        shard_get_status(sim_shard(world, i), &here);
        shard_get_status(sim_replay_shard(replay), &there);
        assert_int_equal(here.last_seq, there.last_seq);
        assert_int_equal(here.stamp_ms, there.stamp_ms);
        struct cell *cells = sorted_cells(sim_shard(world, i), &count);
        struct cell *cells_again = sorted_cells(sim_replay_shard(replay), &again);
        assert_int_equal(count, again);
        assert_memory_equal(cells, cells_again, count * sizeof *cells);
        entries += here.last_seq;
        free(cells);
        free(cells_again);
        sim_replay_free(replay);
    }
    assert_int_equal(entries, messages); /* Each once, and nothing else. */
}

struct outcome {
    uint64_t digest;
    struct sim_counts counts;
};

static struct outcome history(const struct sim_config *config, uint32_t messages, uint32_t lines,
                              uint32_t batch)
{
    struct outcome outcome;
    struct sim_world *world = sim_world_new(config);
    struct plain *plain = plain_new(world, messages, lines, batch);
    play(world, plain);
    sim_calm(world);
    sim_crash(world);
    plain_again(plain);
    play(world, plain);
    assert_replay_equal(world, messages);
    outcome.digest = sim_digest(world);
    sim_get_counts(world, &outcome.counts);
    plain_free(plain);
    sim_world_free(world);
    return outcome;
}

/* All that can be survived; crashes in parts per million of the events. */
static struct sim_faults faults_with(uint32_t crash)
{
    if (crash == 0) return (struct sim_faults){0};
    return (struct sim_faults){
        .crash = crash,
        .torn_write = 300000,
        .cut = 1000,
        .stall = 1000,
        .split = 50000,
        .slow_disk = 1000,
        .short_write = 10000,
        .short_read = 20000,
        .read_error = 200,
        .write_error = 100,
        .sync_error = 100,
        .full = 20,
        .clock_forward = 20,
        .clock_back = 20,
        .clock_stop = 100,
    };
}

static void a_centre_works(void **state)
{
    (void)state;
    for (uint32_t shards = 1; shards <= 4; shards += 3) {
        const struct sim_config config = {.seed = 1, .shards = shards};
        const struct outcome outcome = history(&config, 3000, 8, 1);
        assert_true(outcome.counts.blocks > 100);
        history(&config, 20000, 4, 100);
    }
}

int main(int argc, char **argv)
{
    if (argc == 6) { /* A history by hand: SEED MESSAGES SHARDS BATCH CRASHES */
        const struct sim_config config = {.seed = strtoull(argv[1], NULL, 10),
                                          .shards = (uint32_t)atoi(argv[3]),
                                          .faults = faults_with((uint32_t)atoi(argv[5]))};
        const clock_t began = clock();
        const struct outcome outcome =
            history(&config, (uint32_t)atoi(argv[2]), 4 * config.shards, (uint32_t)atoi(argv[4]));
        printf(
            "digest %016llx, %llu events, %llu blocks, %llu crashes, %llu faults, %.2f s\n",
            (unsigned long long)outcome.digest, (unsigned long long)outcome.counts.events,
            (unsigned long long)outcome.counts.blocks, (unsigned long long)outcome.counts.crashes,
            (unsigned long long)outcome.counts.faults, (double)(clock() - began) / CLOCKS_PER_SEC);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_centre_works),
    };
    return cmocka_run_group_tests_name("sim/world", tests, NULL, NULL);
}
