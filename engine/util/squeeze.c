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
