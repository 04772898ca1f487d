/* bodies -- what is measured, in C, apart from how it is measured.
 *
 * A body does `count` operations and returns a checksum of its work, so that the compiler must do
 * it and so that a faster body with other results is noticed. The test runs every body once with a
 * small count (no benchmark rots unseen); Google Benchmark runs them for real. */
#ifndef BENCH_BODIES_H
#define BENCH_BODIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Who measures: a body stops the clock around what is not its subject. Both may be NULL. */
struct bench_clock {
    void (*pause)(void *context);
    void (*resume)(void *context);
    void *context;
};

struct bench_body {
    const char *name;
    uint64_t count; /* Operations of one run when it is measured for real. */
    bool once;      /* What was prepared is used up by a run. */

    /* Not measured: everything for runs of `count` operations. Stops the program on failure. */
    void *(*prepare)(uint64_t count);
    uint64_t (*run)(void *prepared, uint64_t count, const struct bench_clock *clock);
    void (*finish)(void *prepared);
};

/* The stages one by one, the shard as a whole, the clearing cycle, and wallet transfers. */
extern const struct bench_body bench_bodies[];
extern const size_t bench_body_count;

/* shard_bodies.c */
void *bench_shard_prepare(uint64_t count);
void *bench_replay_prepare(uint64_t count);
uint64_t bench_shard_run(void *prepared, uint64_t count, const struct bench_clock *clock);
uint64_t bench_shard_merge_run(void *prepared, uint64_t count, const struct bench_clock *clock);
uint64_t bench_replay_run(void *prepared, uint64_t count, const struct bench_clock *clock);
void bench_shard_finish(void *prepared);
void *bench_merge_prepare(uint64_t count);
uint64_t bench_merge_run(void *prepared, uint64_t count, const struct bench_clock *clock);
void bench_merge_finish(void *prepared);

/* transfer_bodies.c */
void *bench_transfer_prepare(uint64_t count);
uint64_t bench_transfer_run(void *prepared, uint64_t count, const struct bench_clock *clock);
void bench_transfer_finish(void *prepared);

/* cycle_bodies.c */
void *bench_cut_prepare(uint64_t count);
uint64_t bench_cut_run(void *prepared, uint64_t count, const struct bench_clock *clock);
void *bench_payment_prepare(uint64_t count);
uint64_t bench_payment_run(void *prepared, uint64_t count, const struct bench_clock *clock);
void bench_cycle_finish(void *prepared);

#ifdef __cplusplus
}
#endif

#endif
