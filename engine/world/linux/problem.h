/* problem -- one English sentence for the operator: which file, where, what is wrong.
 *
 * Faults of the outer world travel as negative errno; where a person has to act on one, a sentence
 * travels beside it. It names paths and numbers, never a record's content. */
#ifndef WORLD_LINUX_PROBLEM_H
#define WORLD_LINUX_PROBLEM_H

#define PROBLEM_SIZE 1024

struct problem {
    char text[PROBLEM_SIZE]; /* Without a newline; cut off when it is too long. */
};

/* Sets the sentence and returns `code`, so that a failure is told and returned in one line. A NULL
 * problem is not written. */
__attribute__((format(printf, 3, 4))) int problem_set(struct problem *problem, int code,
                                                      const char *format, ...);

/* The system's `error` (an errno, above 0) at `path`: "PATH: WHAT: why". Returns -error. */
int problem_of_system(struct problem *problem, int error, const char *path, const char *what);

#endif
