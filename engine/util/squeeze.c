#include "util/squeeze.h"

#include "util/le.h"

enum run {
    RUN_ZEROS = 0,
    RUN_SAME = 1,
    RUN_NEAR = 2,
    RUN_FAR = 3,
    RUN_NUMBERS = 4, /* 4..7: of 1..4 bytes. */
};

#define KIND_SHIFT 5
#define COUNT_MASK 31u
#define RUN_BYTES  ((size_t)(COUNT_MASK + 1) * SQUEEZE_WORD)
#define SEEN_BITS  7
#define WORTH      0x10000 /* Smaller words are as short as where to find them. */

static inline uint8_t run_head(unsigned kind, size_t bytes)
{
    return (uint8_t)(kind << KIND_SHIFT | (bytes / SQUEEZE_WORD - 1));
}

/* Where a run from `at` on ends at the latest. */
static inline const uint8_t *run_limit(const uint8_t *at, const uint8_t *end)
{
    return (size_t)(end - at) < RUN_BYTES ? end : at + RUN_BYTES;
}

static inline const uint8_t *skip_zeros(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *limit = run_limit(at, end);
    do {
        at += SQUEEZE_WORD;
    } while (at < limit && le_load32(at) == 0);
    return at;
}

static inline const uint8_t *skip_same(const uint8_t *at, const uint8_t *end, size_t distance)
{
    const uint8_t *limit = run_limit(at, end);
    do {
        at += SQUEEZE_WORD;
    } while (at < limit && le_load32(at) == le_load32(at - distance));
    return at;
}

static inline uint32_t slot_of(uint32_t word)
{
    return word * UINT32_C(0x9e3779b1) >> (32 - SEEN_BITS);
}

size_t squeeze(struct bytes source, uint8_t *out)
{
    uint16_t seen[1 << SEEN_BITS] = {0}; /* By hash: where a word stands, in bytes. */
    const uint8_t *from = source.data;
    const uint8_t *end = from + source.size;
    uint8_t *to = out;
    uint8_t *head = out;        /* Of the run of numbers that is being written, … */
    unsigned numbers = 0;       /* … and what stands there; 0: none is. */
    size_t distance = SIZE_MAX; /* In bytes. */

    while (from < end) {
        const size_t at = (size_t)(from - source.data);
        const uint32_t word = le_load32(from);
        const uint8_t *next;
        if (word == 0) {
            next = skip_zeros(from, end);
            *to++ = run_head(RUN_ZEROS, (size_t)(next - from));
            from = next;
            numbers = 0;
            continue;
        }
        if (distance <= at && le_load32(from - distance) == word) {
            next = skip_same(from, end, distance);
            *to++ = run_head(RUN_SAME, (size_t)(next - from));
            from = next;
            numbers = 0;
            continue;
        }
        if (word >= WORTH) {
            uint16_t *slot = &seen[slot_of(word)];
            const size_t before = *slot;
            *slot = (uint16_t)at;
            if (before < at && le_load32(source.data + before) == word) {
                distance = at - before;
                next = skip_same(from, end, distance);
                const size_t words = distance / SQUEEZE_WORD;
                const bool near = words <= UINT8_MAX;
                *to = run_head(near ? RUN_NEAR : RUN_FAR, (size_t)(next - from));
                le_store16(to + 1, (uint16_t)words);
                to += near ? 2 : 3;
                from = next;
                numbers = 0;
                continue;
            }
        }
        const unsigned size = (unsigned)(SQUEEZE_WORD - __builtin_clz(word) / 8);
        const unsigned first = (RUN_NUMBERS + size - 1) << KIND_SHIFT;
        if (numbers - first >= COUNT_MASK) { /* None, of another size, or full. */
            head = to++;
            numbers = first;
        } else {
            numbers++;
        }
        *head = (uint8_t)numbers;
        le_store32(to, word);
        to += size;
        from += SQUEEZE_WORD;
    }
    return (size_t)(to - out);
}

/* Reads a run's numbers of `size` bytes each. */
static inline void take_numbers(const uint8_t *from, unsigned size, uint8_t *to, const uint8_t *end)
{
    for (; to < end; to += SQUEEZE_WORD, from += size) {
        uint32_t number = 0;
        memcpy(&number, from, size);
        le_store32(to, LE_SWAP(32, number));
    }
}

bool unsqueeze(struct bytes source, uint8_t *out, size_t size)
{
    const uint8_t *from = source.data;
    const uint8_t *from_end = from + source.size;
    uint8_t *to = out;
    const uint8_t *to_end = out + size;
    size_t distance = SIZE_MAX;

    if (size % SQUEEZE_WORD != 0) return false;
    while (to < to_end && from < from_end) {
        const unsigned kind = *from >> KIND_SHIFT;
        const size_t bytes = ((size_t)(*from & COUNT_MASK) + 1) * SQUEEZE_WORD;
        const uint8_t *end = to + bytes;
        from++;
        if (bytes > (size_t)(to_end - to)) return false;
        if (kind >= RUN_NUMBERS) {
            const unsigned each = kind - RUN_NUMBERS + 1;
            const size_t taken = bytes / SQUEEZE_WORD * each;
            if (taken > (size_t)(from_end - from)) return false;
            switch (each) { /* So that the compiler knows the size. */
            case 1:
                take_numbers(from, 1, to, end);
                break;
            case 2:
                take_numbers(from, 2, to, end);
                break;
            case 3:
                take_numbers(from, 3, to, end);
                break;
            default:
                take_numbers(from, SQUEEZE_WORD, to, end);
            }
            from += taken;
            to += bytes;
            continue;
        }
        if (kind == RUN_ZEROS) {
            for (; to < end; to += SQUEEZE_WORD)
                le_store32(to, 0);
            continue;
        }
        if (kind != RUN_SAME) {
            const size_t each = kind - RUN_NEAR + 1;
            if (each > (size_t)(from_end - from)) return false;
            distance = SQUEEZE_WORD * (each == 1 ? *from : (size_t)le_load16(from));
            from += each;
        }
        if (distance == 0 || distance > (size_t)(to - out)) return false;
        for (; to < end; to += SQUEEZE_WORD)
            le_store32(to, le_load32(to - distance));
    }
    return to == to_end && from == from_end;
}
