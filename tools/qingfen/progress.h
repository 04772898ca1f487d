/* progress -- a line that tells people how far something is, when it takes more than a second and
 * somebody is looking (stderr is a terminal). */
#ifndef QINGFEN_PROGRESS_H
#define QINGFEN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    int64_t start_ns;
    int64_t shown_ns;
    bool is_watched;
    bool is_drawn;
};

/* Begins now. */
void progress_begin(struct progress *progress);

/* `done` of `whole` (0: nobody knows) and a count of records; draws a few times a second. */
void progress_show(struct progress *progress, uint64_t done, uint64_t whole, uint64_t records);

/* The same for whoever reports to a function: `progress` is a struct progress. */
void progress_tell(void *progress, uint64_t done, uint64_t whole, uint64_t records);

/* Wipes the line. */
void progress_end(struct progress *progress);

#endif
