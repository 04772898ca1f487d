/* ensure -- the assertion that stays on.
 *
 * A broken invariant in a clearing engine must stop the process at once, also in production: what
 * was acknowledged is in the journal, and recovery is tested anyway. Independent of NDEBUG on
 * purpose. One condition per ENSURE, so that the message says which one. */
#ifndef TYPES_ENSURE_H
#define TYPES_ENSURE_H

/* Prints the condition and its place to stderr and aborts. Tests link another one. */
_Noreturn void ensure_failed(const char *condition, const char *file, int line,
                             const char *function);

#define ENSURE(cond) ((cond) ? (void)0 : ensure_failed(#cond, __FILE__, __LINE__, __func__))

#endif
