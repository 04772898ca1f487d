/* load_threshold -- `--threshold 'p99<5ms'`: what a run must keep to.
 *
 * WHAT    QUANTITY OPERATOR NUMBER[UNIT]. Quantities: p50 p90 p99 p999 p9999 max (latencies),
 *         settlements_per_s, errors. Operators: < <= > >=. Units of latencies: us (when none is
 *         said), ms, s; the others have none. A number may have a fraction; blanks may stand
 *         between the parts.
 *
 * Must not know options or files. */
#ifndef QINGFEN_LOAD_THRESHOLD_H
#define QINGFEN_LOAD_THRESHOLD_H

#include "tools/qingfen/load_result.h"

enum threshold_relation {
    THRESHOLD_BELOW,
    THRESHOLD_AT_MOST,
    THRESHOLD_ABOVE,
    THRESHOLD_AT_LEAST,
};

/* Behind the latencies of enum load_quantile. */
enum {
    THRESHOLD_RATE = LOAD_QUANTILE_COUNT,
    THRESHOLD_ERRORS,
    THRESHOLD_QUANTITY_COUNT,
};

struct threshold {
    const char *text;  /* As it was written, borrowed. */
    uint32_t quantity; /* enum load_quantile, or one of the two above. */
    enum threshold_relation relation;
    uint64_t thousandths; /* Of a nanosecond for latencies, else of one. */
};

#define THRESHOLD_WHY_SIZE 160

/* Reads `text`. False, with what is wrong with it in `ret_why`. */
bool threshold_parse(const char *text, struct threshold *ret_threshold,
                     char ret_why[THRESHOLD_WHY_SIZE]);

/* True when the run keeps to it. */
bool threshold_holds(const struct threshold *threshold, const struct load_result *result);

/* What the run had, as text with its unit: "p99 was 7.204 ms". */
void threshold_found(const struct threshold *threshold, const struct load_result *result,
                     char ret_text[THRESHOLD_WHY_SIZE]);

#endif
