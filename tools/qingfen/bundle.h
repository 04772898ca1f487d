/* bundle -- all documents of a clearing month in folders, by a few processes at once.
 *
 * Everything that can be tied is tied before the first file; the folder gets its name when all of
 * it is on the disk. Says on stderr what went wrong. Must not know options. */
#ifndef QINGFEN_BUNDLE_H
#define QINGFEN_BUNDLE_H

#include "tools/client/client.h"

struct bundle_order {
    struct client_address address;
    uint32_t as;       /* Two digits of the province that asks; 0: the centre. */
    uint32_t period;   /* yyyymm */
    uint32_t version;  /* Of the batch: only the tables of that version; 0: all of the present. */
    uint32_t province; /* Two digits; 0: all, and the national table. */
    int format;        /* enum document_format, or -1: each document in its own formats. */
    uint32_t jobs;     /* Processes at once; 0: one a processor, four at most. */
    const char *out;   /* A folder that is not there or empty. */
};

/* An exit status. */
int bundle_make(const struct bundle_order *order);

#endif
