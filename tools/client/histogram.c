#include "tools/client/histogram.h"

#include <math.h>

#define STEPS_PER_OCTAVE (1U << HISTOGRAM_STEP_BITS)
#define VALUE_MAX        ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)

/* Values below 1024 have a step each; above, the ten bits after the leading one choose it. */
static uint32_t step_of(uint64_t value)
{
    if (value < STEPS_PER_OCTAVE) return (uint32_t)value;
    const uint32_t leading = 63U - (uint32_t)__builtin_clzll(value);
    const uint32_t shift = leading - HISTOGRAM_STEP_BITS;
    return ((shift + 1) << HISTOGRAM_STEP_BITS) +
           (uint32_t)((value >> shift) & (STEPS_PER_OCTAVE - 1));
}

/* Largest value that falls into the step. */
static uint64_t edge_of(uint32_t step)
{
    if (step < STEPS_PER_OCTAVE) return step;
    const uint32_t shift = (step >> HISTOGRAM_STEP_BITS) - 1;
    const uint64_t base = STEPS_PER_OCTAVE + (step & (STEPS_PER_OCTAVE - 1));
    return ((base + 1) << shift) - 1;
}

/* The middle of the step: what its values are on average. */
static double middle_of(uint32_t step)
{
    const uint64_t least = step == 0 ? 0 : edge_of(step - 1) + 1;
    return ((double)least + (double)edge_of(step)) / 2;
}

void histogram_add(struct histogram *histogram, uint64_t value, uint64_t count)
{
    if (count == 0) return;
    if (value > histogram->max) histogram->max = value;
    histogram->counts[step_of(value > VALUE_MAX ? VALUE_MAX : value)] += count;
    histogram->total += count;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    for (uint32_t i = 0; i < HISTOGRAM_STEPS; i++) {
        into->counts[i] += from->counts[i];
    }
    into->total += from->total;
    if (from->max > into->max) into->max = from->max;
}

uint64_t histogram_quantile(const struct histogram *histogram, uint32_t per_million)
{
    if (histogram->total == 0) return 0;

    /* Rank of the wanted value, rounded up, at least the first; 128 bits: no overflow. */
    const unsigned __int128 scaled = (unsigned __int128)histogram->total * per_million;
    uint64_t rank = (uint64_t)((scaled + 999999) / 1000000);
    if (rank == 0) rank = 1;

    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_STEPS; i++) {
        seen += histogram->counts[i];
        if (seen >= rank) {
            const uint64_t edge = edge_of(i);
            return edge < histogram->max ? edge : histogram->max;
        }
    }
    return histogram->max;
}

/* ---- .hgrm ---- */

#define TICKS_PER_HALF 5 /* Lines for each halving of the distance to 100 %, as others have it. */

/* The percentile of the next line: the nearer to 100, the smaller the steps. */
static double next_level(double level)
{
    const double halvings = floor(log2(100.0 / (100.0 - level))) + 1;
    return level + 100.0 / (TICKS_PER_HALF * exp2(halvings));
}

static void write_moments(const struct histogram *histogram, double unit, FILE *out)
{
    double sum = 0;
    double squares = 0;
    const double total = histogram->total == 0 ? 1 : (double)histogram->total;
    for (uint32_t i = 0; i < HISTOGRAM_STEPS; i++)
        sum += middle_of(i) * (double)histogram->counts[i];
    const double mean = sum / total;
    for (uint32_t i = 0; i < HISTOGRAM_STEPS; i++) {
        const double off = middle_of(i) - mean;
        squares += off * off * (double)histogram->counts[i];
    }
    fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean / unit,
            sqrt(squares / total) / unit);
    fprintf(out, "#[Max     = %12.3f, Total count    = %12llu]\n", (double)histogram->max / unit,
            (unsigned long long)histogram->total);
    fprintf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n",
            HISTOGRAM_VALUE_BITS - HISTOGRAM_STEP_BITS + 1, 1 << HISTOGRAM_STEP_BITS);
}

bool histogram_write_hgrm(const struct histogram *histogram, double unit, FILE *out)
{
    double level = 0;
    uint64_t seen = 0;
    fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount",
            "1/(1-Percentile)");
    for (uint32_t i = 0; i < HISTOGRAM_STEPS && seen < histogram->total; i++) {
        if (histogram->counts[i] == 0) continue;
        seen += histogram->counts[i];
        const uint64_t edge = edge_of(i) < histogram->max ? edge_of(i) : histogram->max;
        const double reached = 100.0 * (double)seen / (double)histogram->total;
        while (reached >= level && level < 100.0) {
            fprintf(out, "%12.3f %2.12f %10llu %14.2f\n", (double)edge / unit, level / 100,
                    (unsigned long long)seen, 100.0 / (100.0 - level));
            level = next_level(level);
            if (seen == histogram->total) break; /* The last line says it. */
        }
    }
    if (histogram->total > 0) {
        fprintf(out, "%12.3f %2.12f %10llu\n", (double)histogram->max / unit, 1.0,
                (unsigned long long)histogram->total);
    }
    write_moments(histogram, unit, out);
    return !ferror(out);
}
