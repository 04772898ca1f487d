/* entry -- see entry.h. Pure: bytes in, bytes out; no memory is taken and nothing else is known. */
#include "journal/entry.h"

#include "types/cell.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"

enum {
    OFFSET_SIZE = 0,
    OFFSET_BODY_SIZE = 4,
    OFFSET_SEQ = 8,
    OFFSET_STAMP = 16,
    OFFSET_KIND = 24,
    OFFSET_FLAGS = 26,
    OFFSET_PERIOD = 28,
    OFFSET_ORIG_PERIOD = 32,
    OFFSET_SENDER = 36,
    OFFSET_LINE = 38,
    OFFSET_INSURANCE = 39,
    OFFSET_ORIG_SEQ = 40,
    OFFSET_PREV_SEQ = 48,
    OFFSET_RESERVED = 56,
    OFFSET_CRC = 60,
};

_Static_assert(OFFSET_CRC + 4 == ENTRY_HEAD_SIZE, "the sum is the last field of the head");
_Static_assert(ENTRY_BODY_MAX % 8 == 0, "the largest body needs no padding");

size_t entry_size(size_t body_size)
{
    ENSURE(body_size <= ENTRY_BODY_MAX);
    return (ENTRY_HEAD_SIZE + body_size + 7) & ~(size_t)7;
}

size_t entry_size_said(struct bytes head)
{
    const size_t size = head.size < ENTRY_HEAD_SIZE ? 0 : le_load32(head.data + OFFSET_SIZE);
    return size >= ENTRY_HEAD_SIZE && size <= ENTRY_SIZE_MAX ? size : 0;
}

/* Over the head without the sum itself, then over the body and its padding. */
static uint32_t entry_crc(const uint8_t *bytes, size_t size)
{
    uint32_t crc = checksum_crc32c(0, bytes, OFFSET_CRC);
    return checksum_crc32c(crc, bytes + ENTRY_HEAD_SIZE, size - ENTRY_HEAD_SIZE);
}

void entry_write(const struct entry *entry, uint8_t *out)
{
    /* What entry_decode() refuses must never be written: it would be durable and unreadable. */
    ENSURE(entry->kind >= ENTRY_SETTLEMENT);
    ENSURE(entry->kind < ENTRY_KIND_END);
    ENSURE(entry->seq != 0);
    ENSURE((entry->flags & ~ENTRY_FLAGS_ALL) == 0);
    ENSURE(entry->line < LINE_END);
    ENSURE(entry->insurance < INSURANCE_COUNT);

    size_t size = entry_size(entry->body.size);
    le_store64(out + size - 8, 0); /* The padding; the body overwrites what is not. */
    le_store32(out + OFFSET_SIZE, (uint32_t)size);
    le_store32(out + OFFSET_BODY_SIZE, (uint32_t)entry->body.size);
    le_store64(out + OFFSET_SEQ, entry->seq);
    le_store64(out + OFFSET_STAMP, (uint64_t)entry->stamp_ms);
    le_store16(out + OFFSET_KIND, entry->kind);
    le_store16(out + OFFSET_FLAGS, entry->flags);
    le_store32(out + OFFSET_PERIOD, entry->period);
    le_store32(out + OFFSET_ORIG_PERIOD, entry->orig_period);
    le_store16(out + OFFSET_SENDER, entry->sender);
    out[OFFSET_LINE] = entry->line;
    out[OFFSET_INSURANCE] = entry->insurance;
    le_store64(out + OFFSET_ORIG_SEQ, entry->orig_seq);
    le_store64(out + OFFSET_PREV_SEQ, entry->prev_seq);
    le_store32(out + OFFSET_RESERVED, 0);
    if (entry->body.size != 0) memcpy(out + ENTRY_HEAD_SIZE, entry->body.data, entry->body.size);
}

void entry_seal(uint8_t *written)
{
    le_store32(written + OFFSET_CRC, entry_crc(written, le_load32(written + OFFSET_SIZE)));
}

void entry_encode(const struct entry *entry, uint8_t *out)
{
    entry_write(entry, out);
    entry_seal(out);
}

/* Everything that can be said about an entry without its sum; its size, or 0. */
static size_t entry_measure(struct bytes source)
{
    if (source.size < ENTRY_HEAD_SIZE) return 0;
    const uint8_t *in = source.data;
    size_t size = le_load32(in + OFFSET_SIZE);
    size_t body_size = le_load32(in + OFFSET_BODY_SIZE);
    if (body_size > ENTRY_BODY_MAX) return 0;
    if (size != entry_size(body_size)) return 0;
    if (size > source.size) return 0;

    uint32_t kind = le_load16(in + OFFSET_KIND);
    if (kind < ENTRY_SETTLEMENT || kind >= ENTRY_KIND_END) return 0;
    if (le_load64(in + OFFSET_SEQ) == 0) return 0;
    if ((le_load16(in + OFFSET_FLAGS) & ~ENTRY_FLAGS_ALL) != 0) return 0;
    if (in[OFFSET_LINE] >= LINE_END || in[OFFSET_INSURANCE] >= INSURANCE_COUNT) return 0;
    if (le_load32(in + OFFSET_RESERVED) != 0) return 0;
    for (size_t i = ENTRY_HEAD_SIZE + body_size; i < size; i++) {
        if (in[i] != 0) return 0; /* (J3): equal entries are equal bytes. */
    }
    return size;
}

static void entry_read(const uint8_t *in, struct entry *ret_entry)
{
    *ret_entry = (struct entry){
        .seq = le_load64(in + OFFSET_SEQ),
        .stamp_ms = (int64_t)le_load64(in + OFFSET_STAMP),
        .orig_seq = le_load64(in + OFFSET_ORIG_SEQ),
        .prev_seq = le_load64(in + OFFSET_PREV_SEQ),
        .period = le_load32(in + OFFSET_PERIOD),
        .orig_period = le_load32(in + OFFSET_ORIG_PERIOD),
        .kind = le_load16(in + OFFSET_KIND),
        .flags = le_load16(in + OFFSET_FLAGS),
        .sender = le_load16(in + OFFSET_SENDER),
        .line = in[OFFSET_LINE],
        .insurance = in[OFFSET_INSURANCE],
        .body = {in + ENTRY_HEAD_SIZE, le_load32(in + OFFSET_BODY_SIZE)},
    };
}

size_t entry_decode(struct bytes source, struct entry *ret_entry)
{
    size_t size = entry_measure(source);
    if (size == 0) return 0;
    if (le_load32(source.data + OFFSET_CRC) != entry_crc(source.data, size)) return 0;
    entry_read(source.data, ret_entry);
    return size;
}

size_t entry_decode_trusted(struct bytes source, struct entry *ret_entry)
{
    size_t size = entry_measure(source);
    if (size == 0) return 0;
    entry_read(source.data, ret_entry);
    return size;
}
