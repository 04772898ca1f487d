/* ensure -- the ways to end the process at once, also in production: what was acknowledged is in
 * the journal, and recovery is tested anyway. Independent of NDEBUG on purpose.
 *
 * ENSURE is for a bug: an invariant of ours is broken. One condition per ENSURE, so that the
 * message says which one. NEED is for what the world did not give (memory, a store that can be
 * read) at a place where nothing can be taken back: no bug, so no core and no alarm about one, but
 * a sentence that says what was missing, and exit code 1. damage_found() is for what was durable
 * and is not any more as it was written. */
#ifndef TYPES_ENSURE_H
#define TYPES_ENSURE_H

/* Prints the condition and its place to stderr and aborts. Tests link another one. */
_Noreturn void ensure_failed(const char *condition, const char *file, int line,
                             const char *function);

/* Says what was missing, with `error` (a negative errno, or 0) in words, and ends with code 1. */
_Noreturn void need_failed(const char *what, int error, const char *file, int line);

/* Says the sentence and ends with code 1. */
_Noreturn void damage_found(const char *sentence);

#define ENSURE(cond) ((cond) ? (void)0 : ensure_failed(#cond, __FILE__, __LINE__, __func__))

/* `what` completes "there is no ...". */
#define NEED(cond, what) \
    ((cond) ? (void)0 : need_failed("there is no " what, 0, __FILE__, __LINE__))

/* After an allocation whose failure nobody can be told of. */
#define NEED_MEMORY(pointer) NEED((pointer) != NULL, "memory left")

/* After a call of the store (world/store.h) that cannot be repeated: `what` is what it was to do.
 */
#define NEED_STORE(call, what)                                                      \
    do {                                                                            \
        const int need_status = (call);                                             \
        if (need_status != 0)                                                       \
            need_failed("the state cannot " what, need_status, __FILE__, __LINE__); \
    } while (0)

#endif
