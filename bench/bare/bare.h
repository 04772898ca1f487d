/* bare -- the loop that does what a clearing engine cannot do without, and nothing else: a
 * yardstick.
 *
 * WHAT    Receives frames of the wire protocol (docs/wire.md), checks each frame's sum, copies it
 *         into a group, writes the group durably and answers every record of it "accepted". It
 *         decodes no settlement, knows no duplicate and posts nothing: what an engine costs above
 *         it is what those cost.
 *
 * HOW     A thread for each shard, named shard-0, shard-1, ...; the main thread accepts, answers
 *         Hello and hands the connection to the shard that it asked for. */
#ifndef BENCH_BARE_BARE_H
#define BENCH_BARE_BARE_H

#include <stdbool.h>
#include <stdint.h>

struct bare_options {
    const char *folder;  /* The shards' files are made in it. */
    uint64_t file_bytes; /* Of each. */
    uint32_t shards;
    bool dsync; /* RWF_DSYNC instead of a linked fdatasync, for small groups too. */
    bool terse; /* Answers to batches hold the counts and no result for each record. */
};

/* One thread and what it did; all numbers are final when it has ended. */
struct bare_shard {
    const struct bare_options *options;
    uint32_t index;
    int inbox[2]; /* A pipe: the main thread writes an int, a connection or BARE_STOP. */
    uint64_t records;
    uint64_t frames;
    uint64_t frame_bytes;
    uint64_t groups;
    uint64_t device_bytes;
    uint64_t cpu_ns; /* Of the thread, from its start. */
};

#define BARE_STOP (-1)

/* Says to the main thread that the calling shard takes connections. */
void bare_shard_ready(void);

/* A thread's whole life. `context` is a struct bare_shard. */
void *bare_shard_run(void *context);

/* Says what failed and ends the program: a yardstick that goes on after an error measures nothing.
 */
_Noreturn void bare_give_up(const char *what, int error);

#endif
