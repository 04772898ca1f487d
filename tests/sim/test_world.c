/* The simulated world does what it says: the same seed is the same history, a centre in it works,
 * and what it was told to have acknowledged is there after any number of crashes. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/lib/unit.h"
#include "tests/sim/plain.h"
#include "types/cell.h"

#define TURNS_MAX 200000000

/* Until everything was answered; false when the centre refuses to start, with reason. */
static bool play(struct sim_world *world, struct plain *plain)
{
    for (uint64_t turns = 0; plain_turn(plain); turns++) {
        if (!sim_turn(world) && sim_refused(world)) {
            if (!sim_damaged(world)) fail_msg("%s", sim_refusal(world));
            return false;
        }
        if (*plain_wrong(plain) != '\0') fail_msg("%s", plain_wrong(plain));
        if (turns == TURNS_MAX) fail_msg("no end");
    }
    return true;
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
        if (replay == NULL) {
            if (!sim_damaged(world)) fail_msg("%s", sim_refusal(world));
            return;
        }
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

/* A start is slow where every byte of its memory is watched. */
#define CRASHES 200
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#undef CRASHES
#define CRASHES 20
#endif
#endif

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
    bool up = play(world, plain);
    if (up) {
        sim_calm(world);
        sim_crash(world);
        plain_again(plain);
        up = play(world, plain);
    }
    if (up) assert_replay_equal(world, messages);
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
        .write_error = 300,
        .sync_error = 5000,
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

static void everything_acknowledged_survives(void **state)
{
    (void)state;
    uint64_t crashes = 0;
    for (uint64_t seed = 1; crashes < CRASHES; seed++) {
        const struct sim_config config = {
            .seed = seed, .shards = 1 + (uint32_t)(seed % 4), .faults = faults_with(6000)};
        crashes += history(&config, 1500, 8, 1).counts.crashes;
        crashes += history(&config, 4000, 4, 20).counts.crashes;
    }
}

static void damage_is_named_or_does_no_harm(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct sim_config config = {.seed = seed, .shards = 2, .faults = faults_with(3000)};
        config.faults.rot = 200;
        config.faults.misdirected = 500;
        history(&config, 1000, 8, 1);
    }
}

/* No start looks there: who sends a message again asks for the record it made, which is not as it
 * was. Nobody is answered from it, and everybody else is served: others hear what they heard
 * before, and after a start it is the same. */
static void an_old_record_that_rotted(void **state)
{
    (void)state;
    struct sim_config config = {.seed = 11, .shards = 1, .faults.rot = 20000};
    struct sim_world *world = sim_world_new(&config);
    struct plain *plain = plain_new(world, 8000, 4, 20);
    struct sim_counts counts;
    assert_true(play(world, plain));
    sim_get_counts(world, &counts);
    assert_true(sim_damaged(world) && counts.crashes == 0);
    sim_calm(world);
    plain_again(plain);
    assert_true(play(world, plain));
    const uint32_t unread = plain_unread(plain);
    assert_in_range(unread, 1, 100);
    sim_get_counts(world, &counts);
    assert_int_equal(counts.crashes, 0);
    assert_int_equal(counts.records_unread, unread);
    plain_again(plain);
    assert_true(play(world, plain));
    assert_int_equal(plain_unread(plain), 2 * unread);
    struct sim_replay *replay = sim_replay_new(world, 0); /* Who reads all of it finds it. */
    assert_null(replay);
    assert_non_null(strstr(sim_refusal(world), ".qfj"));
    plain_free(plain);
    sim_world_free(world);
}

/* One seed, one history; whatever stands in memory that nobody wrote to. */
static void a_seed_is_a_history(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        const uint32_t batch = 1 + 10 * (uint32_t)seed;
        struct sim_config config = {.seed = seed, .shards = 2, .faults = faults_with(1000)};
        mallopt(M_PERTURB, 0x5a);
        const uint64_t first = history(&config, 1200, 8, batch).digest;
        mallopt(M_PERTURB, 0);
        assert_true(first == history(&config, 1200, 8, batch).digest);
        config.seed += 1000;
        assert_true(first != history(&config, 1200, 8, batch).digest);
    }
}

/* The state has room for nothing, and the journal more than a delta holds. */
static void a_start_on_a_full_disk_says_so(void **state)
{
    (void)state;
    struct sim_config config = {.seed = 5, .shards = 1};
    struct sim_world *world = sim_world_new(&config);
    struct plain *plain = plain_new(world, 6000, 4, 50);
    struct sim_counts counts;
    while (sim_connect(world, 0) < 0)
        (void)sim_turn(world);
    sim_fill_disk(world, true); /* Nothing is merged from here on. */
    for (uint32_t turns = 0; turns < 3000 && plain_turn(plain); turns++)
        (void)sim_turn(world);
    sim_crash(world);
    do {
        (void)sim_turn(world);
        sim_get_counts(world, &counts);
    } while (counts.starts < 3);
    assert_non_null(strstr(sim_refusal(world), strerror(ENOSPC)));
    sim_fill_disk(world, false);
    assert_true(play(world, plain));
    assert_replay_equal(world, 6000);
    plain_free(plain);
    sim_world_free(world);
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
        cmocka_unit_test(everything_acknowledged_survives),
        cmocka_unit_test(damage_is_named_or_does_no_harm),
        cmocka_unit_test(an_old_record_that_rotted),
        cmocka_unit_test(a_seed_is_a_history),
        cmocka_unit_test(a_start_on_a_full_disk_says_so),
    };
    return cmocka_run_group_tests_name("sim/world", tests, NULL, NULL);
}
