/* corpus -- the messages that are measured with: a month of the workload, encoded beforehand.
 *
 * The same count gives the same bytes on every machine. psn_key is a cheap hash of the number here,
 * not the HMAC of a real sender. */
#ifndef BENCH_CORPUS_H
#define BENCH_CORPUS_H

#include "ledger/tables.h"
#include "types/settlement.h"
#include "world/world.h"

#define CORPUS_MONTH  202503
#define CORPUS_NOW_MS INT64_C(1743436800000) /* 2025-04-01T00:00:00+08:00, when all have come. */

struct corpus {
    struct request *list; /* As a driver gives them; bodies are in `bytes`. */
    uint64_t count;
    uint8_t *bytes;
};

/* The first `count` messages: settlements, refunds, duplicates, and 2601 corrections where wanted.
 * Stops the program without memory. */
struct corpus *corpus_new(uint64_t count, bool corrections);
void corpus_free(struct corpus *corpus); /* NULL is fine. */

/* Its settlements and refunds decoded again; views point into the corpus. Gives their number, at
 * most `room`. */
uint64_t corpus_settlements(const struct corpus *corpus, struct settlement *out, uint64_t room);

/* The code tables the program was built with. */
void corpus_tables(struct tables *ret_tables);

#endif
