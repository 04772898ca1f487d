/* schedule -- how the kernel lets one of our threads run beside the others. */
#ifndef WORLD_LINUX_SCHEDULE_H
#define WORLD_LINUX_SCHEDULE_H

/* The slice of the calling thread, and of those it makes: nanoseconds, the least there is. A thread
 * that wakes gets the core of one whose slice has run out, and waits for the rest of it otherwise:
 * of the usual slice, 1.4 to 3 ms. A block's way from a loop to the disk and back is through
 * several threads of the kernel, and each of them would wait so long where all cores are busy.
 * Kernels before 6.12 do not ask. */
#define SCHEDULE_SLICE_NS 100000

/* Gives the calling thread that slice, and adds 0 to 19 to its niceness. Where the kernel will not,
 * the niceness alone, and where it will not that either, nothing is lost. */
void schedule_this_thread(int nicer);

#endif
