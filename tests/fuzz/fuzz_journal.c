/* The journal's readers against any bytes. Laws, each asked with ENSURE:
 *   - what decodes encodes back to the same bytes, entry and block and segment head (J3);
 *   - what the trusting reader refuses the other one refuses as well;
 *   - nothing outside the source is read or lent out.
 * A fuzzer does not guess a CRC32C, so every input is read twice: as it is, and with its sums made
 * right, which takes it past the first gate without a hook in the engine. */
#include <stdlib.h>

#include "journal/block.h"
#include "journal/entry.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"

#define INPUT_SIZE_MAX (4u << 20) /* Some blocks of the largest size. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_entries(struct bytes source)
{
    static uint8_t again[ENTRY_SIZE_MAX];
    while (source.size > 0) {
        struct entry entry, trusted;
        size_t size = entry_decode(source, &entry);
        size_t trusted_size = entry_decode_trusted(source, &trusted);
        if (size == 0) return;
        ENSURE(size == trusted_size);
        ENSURE(size <= source.size);
        ENSURE(size == entry_size(entry.body.size));
        ENSURE(entry.body.data == source.data + ENTRY_HEAD_SIZE);
        ENSURE(bytes_equal(entry.body, trusted.body));
        entry_encode(&entry, again); /* (J3) */
        ENSURE(memcmp(again, source.data, size) == 0);
        source = (struct bytes){source.data + size, source.size - size};
    }
}

static void read_block(struct bytes source)
{
    struct block block;
    uint8_t hash[BLOCK_HASH_SIZE], again_hash[BLOCK_HASH_SIZE];
    if (block_open(source, &block, hash) != BLOCK_SOUND) return;
    size_t size = block_size_on_disk(block.payload.size);
    ENSURE(size <= source.size);
    ENSURE(block.payload.data == source.data + BLOCK_HEAD_SIZE);
    read_entries(block.payload);

    uint8_t *again = malloc(size);
    ENSURE(again != NULL);
    memset(again, 0xaa, size);
    memcpy(again + BLOCK_HEAD_SIZE, block.payload.data, block.payload.size);
    block.payload.data = again + BLOCK_HEAD_SIZE;
    block_seal(&block, again, again_hash);
    ENSURE(memcmp(again, source.data, size) == 0);
    ENSURE(memcmp(hash, again_hash, sizeof hash) == 0);
    free(again);
}

static void read_head(struct bytes source)
{
    static uint8_t again[SEGMENT_HEAD_SIZE];
    struct segment_head head;
    if (!segment_head_decode(source, &head)) return;
    segment_head_encode(&head, again);
    ENSURE(memcmp(again, source.data, sizeof again) == 0);
}

/* Sums of entries from `at` on, as far as their lengths lead. */
static void mend_entries(uint8_t *data, size_t size)
{
    for (size_t at = 0; size - at >= ENTRY_HEAD_SIZE;) {
        size_t own = le_load32(data + at);
        if (own < ENTRY_HEAD_SIZE || own > size - at || own > ENTRY_SIZE_MAX) return;
        uint32_t crc = checksum_crc32c(0, data + at, 60);
        crc = checksum_crc32c(crc, data + at + ENTRY_HEAD_SIZE, own - ENTRY_HEAD_SIZE);
        le_store32(data + at + 60, crc);
        at += own;
    }
}

static void mend_block(uint8_t *data, size_t size)
{
    if (size < BLOCK_HEAD_SIZE) return;
    size_t payload_size = le_load32(data + 28);
    if (payload_size <= size - BLOCK_HEAD_SIZE) {
        mend_entries(data + BLOCK_HEAD_SIZE, payload_size);
        le_store32(data + 52, checksum_crc32c(0, data + BLOCK_HEAD_SIZE, payload_size));
    }
    le_store32(data + 92, checksum_crc32c(0, data, 92));
}

/* A padded copy, so that short inputs can be whole blocks too; heap, of exactly that size. */
static uint8_t *padded(const uint8_t *data, size_t size, size_t *ret_size)
{
    *ret_size = (size + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    if (*ret_size == 0) *ret_size = BLOCK_ALIGN;
    uint8_t *copy = calloc(1, *ret_size);
    ENSURE(copy != NULL);
    if (size > 0) memcpy(copy, data, size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_SIZE_MAX) return 0;
    struct bytes source = {data, size};
    read_entries(source);
    read_block(source);
    read_head(source);

    size_t copy_size;
    uint8_t *copy = padded(data, size, &copy_size);
    mend_entries(copy, size);
    read_entries((struct bytes){copy, size});
    free(copy);

    copy = padded(data, size, &copy_size);
    mend_block(copy, copy_size);
    read_block((struct bytes){copy, copy_size});
    free(copy);

    copy = padded(data, size, &copy_size);
    le_store32(copy + 40, checksum_crc32c(0, copy, 40));
    read_head((struct bytes){copy, copy_size});
    free(copy);
    return 0;
}
