/* schedule -- how the kernel lets one of our threads run beside the others. */
#ifndef WORLD_LINUX_SCHEDULE_H
#define WORLD_LINUX_SCHEDULE_H

#include <sched.h>
#include <stdint.h>

/* The slice of the calling thread, and of those it makes: nanoseconds, the least there is. A thread
 * that wakes gets the core of one whose slice has run out, and waits for the rest of it otherwise:
 * of the usual slice, 1.4 to 3 ms. A block's way from a loop to the disk and back is through
 * several threads of the kernel, and each of them would wait so long where all cores are busy.
 * Kernels before 6.12 do not ask. */
#define SCHEDULE_SLICE_NS 100000

/* Gives the calling thread that slice, and adds 0 to 19 to its niceness. Where the kernel will not,
 * the niceness alone, and where it will not that either, nothing is lost. */
void schedule_this_thread(int nicer);

/* The processor that shard `index` of `shards` is to stay on, of those `allowed`; -1: any of them.
 *
 * With a processor for each shard and none to spare for each keeper, a keeper that merges makes its
 * processor look busy, however nice it is, and a shard that wakes stays with the other shards and
 * the clients: for as long as the merge lasts they share what is left. On processors of their own
 * they take it from the keeper at once. Where there are more, one is idle and the kernel finds it;
 * where there are fewer, it has to share them out. */
int schedule_place(const cpu_set_t *allowed, uint32_t index, uint32_t shards);

/* Keeps the calling thread, shard `index` of `shards`, there. Where the kernel will not, nothing is
 * lost but time. */
void schedule_stay(uint32_t index, uint32_t shards);

#endif
