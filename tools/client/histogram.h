/* histogram -- many latencies in little memory, with a bounded relative error.
 *
 * WHAT    Log-linear, as HdrHistogram with three digits: every power of two is cut into 1024 equal
 *         steps, so a value is known to better than 0.1 %, from 0 to 2^40 (18 minutes in ns; more
 *         counts as 2^40 - 1). Quantiles give the upper edge of the step that holds them: never
 *         flattering.
 *
 * Must not know where the values come from or their unit. */
#ifndef CLIENT_HISTOGRAM_H
#define CLIENT_HISTOGRAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define HISTOGRAM_STEP_BITS  10
#define HISTOGRAM_VALUE_BITS 40
#define HISTOGRAM_STEPS      ((HISTOGRAM_VALUE_BITS - HISTOGRAM_STEP_BITS + 1) << HISTOGRAM_STEP_BITS)

struct histogram {
    uint64_t total; /* Values added. */
    uint64_t max;   /* Largest value added, exact. */
    uint64_t counts[HISTOGRAM_STEPS];
};

/* Adds `value`, `count` times. A zeroed struct is an empty histogram. */
void histogram_add(struct histogram *histogram, uint64_t value, uint64_t count);

/* Adds everything of `from` to `into`. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* Smallest recorded edge that `per_million` millionths of the values do not exceed; 0 when empty.
 */
uint64_t histogram_quantile(const struct histogram *histogram, uint32_t per_million);

/* Writes the distribution as text in HdrHistogram's percentile format (.hgrm), which its plotter
 * and others read; values are divided by `unit`. False: the stream has an error. */
bool histogram_write_hgrm(const struct histogram *histogram, double unit, FILE *out);

#endif
