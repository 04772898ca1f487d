/* rejects -- the records that were not taken, for the people who have to mend them.
 *
 * FORM    CSV (RFC 4180), header `line,code,text,msgid,setl_id,file`; line is the line of the CSV
 *         file, or the number of the frame in a pb file, from 1. Never a person's number. */
#ifndef QINGFEN_REJECTS_H
#define QINGFEN_REJECTS_H

#include <stdio.h>

#include "types/bytes.h"

struct rejects {
    FILE *out;      /* NULL: the first few go to stderr. */
    uint64_t count; /* So far. */
};

struct reject {
    const char *file;
    uint64_t line;
    uint32_t code;
    const char *text;
    struct bytes msgid;
    struct bytes setl_id;
};

/* Opens `path` and writes the header; NULL: the first REJECTS_SHOWN go to stderr. 0 or -errno. */
int rejects_open(struct rejects *rejects, const char *path);

/* Closes it; negative errno when not everything could be written. */
int rejects_close(struct rejects *rejects);

void rejects_add(struct rejects *rejects, const struct reject *reject);

#define REJECTS_SHOWN 10

#endif
