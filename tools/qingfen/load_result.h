/* load_result -- what one run of `qingfen load` gave, and the forms in which it is told: a table
 * and the last line for people and scripts, JSON, and HdrHistogram's text.
 *
 * Must not know connections or records. */
#ifndef QINGFEN_LOAD_RESULT_H
#define QINGFEN_LOAD_RESULT_H

#include "tools/client/histogram.h"

/* X(symbol, quantile in millionths, name in JSON) */
#define LOAD_QUANTILES(X)      \
    X(P50, 500000, "p50_us")   \
    X(P90, 900000, "p90_us")   \
    X(P99, 990000, "p99_us")   \
    X(P999, 999000, "p999_us") \
    X(P9999, 999900, "p9999_us")

enum load_quantile {
#define X(symbol, per_million, name) LOAD_##symbol,
    LOAD_QUANTILES(X)
#undef X
    LOAD_MAX,
    LOAD_QUANTILE_COUNT,
};

struct load_result {
    uint64_t offered_per_s;     /* 0: closed loop. */
    uint64_t settlements_per_s; /* Records done as they should be, over span_ns. */
    uint64_t records;           /* Those. */
    uint64_t errors;            /* All others: refused, not recognised, not answered, not sent. */
    int64_t span_ns;            /* From the start to the last answer. */
    int64_t cpu_ns;             /* Processor time of this process meanwhile, user and system. */
    int64_t late_p99_ns;        /* Open loop: how late records were handed over. */
    uint64_t latency_ns[LOAD_QUANTILE_COUNT];
};

/* Takes the quantiles and the maximum out of the histogram. */
void load_result_latencies(struct load_result *result, const struct histogram *latency_ns);

/* Processor time a record, in microseconds. */
double load_result_cpu_us(const struct load_result *result);

/* The table of all runs and, for the last of them, the line that scripts read, on stdout. */
void load_result_print(const struct load_result *results, uint32_t count);

/* One string or number of the options that were in force, for JSON. */
struct load_fact {
    const char *name;
    const char *text; /* NULL: `number` counts. */
    uint64_t number;
};

/* Writes all runs into `path` as one JSON object; `facts` ends with a NULL name. 0 or negative
 * errno. */
int load_result_write_json(const char *path, const struct load_fact *facts,
                           const struct load_result *results, uint32_t count);

/* Writes a run's latencies in microseconds into `path` (.hgrm); when the run is one of several, its
 * rate stands before the ending: load-20000.hgrm. 0 or negative errno. */
int load_result_write_hgrm(const char *path, bool one_of_several, const struct load_result *result,
                           const struct histogram *latency_ns);

#endif
