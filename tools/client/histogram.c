#include "tools/client/histogram.h"

#define STEPS_PER_OCTAVE (1U << HISTOGRAM_STEP_BITS)
#define VALUE_MAX        ((UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1)

/* Values below 128 have a step each; above, the seven bits after the leading one choose it. */
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
