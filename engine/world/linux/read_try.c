#include "world/linux/read_try.h"

#include <errno.h>
#include <setjmp.h>
#include <stdatomic.h>

#define LOOK_EVERY 4096 /* No page is smaller. */

/* What a thread is trying; size 0: nothing. */
static _Thread_local struct {
    struct bytes bytes;
    sigjmp_buf back;
} trial;

/* The compiler may not move it into the looking, or out of it: a signal may come there. */
static void set_trial(struct bytes bytes)
{
    atomic_signal_fence(memory_order_seq_cst);
    trial.bytes = bytes;
    atomic_signal_fence(memory_order_seq_cst);
}

static void look(const volatile uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size; at += LOOK_EVERY)
        (void)data[at];
    (void)data[size - 1];
}

int read_try(struct bytes bytes)
{
    if (bytes.size == 0) return 0;
    /* The signals' mask is not kept, that costs a call of the kernel: the handler blocks none. */
    if (sigsetjmp(trial.back, 0) != 0) {
        set_trial((struct bytes){0});
        return -EIO;
    }
    set_trial(bytes);
    look(bytes.data, bytes.size);
    set_trial((struct bytes){0});
    return 0;
}

void read_try_failed(const void *address)
{
    const uintptr_t at = (uintptr_t)address;
    const uintptr_t from = (uintptr_t)trial.bytes.data;
    if (at >= from && at - from < trial.bytes.size) siglongjmp(trial.back, 1);
}
