/* block -- see block.h. Pure: bytes in, bytes out; files are world/linux/segments.h. */
#include "journal/block.h"

#include "journal/entry.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"

enum {
    OFFSET_MAGIC = 0,
    OFFSET_STORE_ID = 8,
    OFFSET_SHARD = 24,
    OFFSET_PAYLOAD_SIZE = 28,
    OFFSET_NUMBER = 32,
    OFFSET_FIRST_SEQ = 40,
    OFFSET_ENTRY_COUNT = 48,
    OFFSET_PAYLOAD_CRC = 52,
    OFFSET_PREVIOUS = 56,
    OFFSET_EPOCH = 88,
    OFFSET_HEAD_CRC = 92,

    OFFSET_SEGMENT = 28,
    OFFSET_FIRST_BLOCK = 32,
    OFFSET_SEGMENT_CRC = 40,
    SEGMENT_FIELDS_SIZE = 44,
};

_Static_assert(OFFSET_HEAD_CRC + 4 == BLOCK_HEAD_SIZE, "the sum is the last field of the head");
_Static_assert(BLOCK_HASH_SIZE == SHA256_SIZE, "the chain is SHA-256");

_Static_assert(BLOCK_PAYLOAD_MAX <= SHA256_PIECES_MAX * SHA256_PIECE,
               "payloads are hashed by pieces");

static const uint8_t block_magic[8] = "QFBLOCK2";
static const uint8_t whole_magic[8] = "QFBLOCK1"; /* struct block's `whole`. */
static const uint8_t segment_magic[8] = "QFSEGMT1";

size_t block_size_on_disk(size_t payload_size)
{
    ENSURE(payload_size <= BLOCK_PAYLOAD_MAX);
    return (BLOCK_HEAD_SIZE + payload_size + BLOCK_ALIGN - 1) & ~(size_t)(BLOCK_ALIGN - 1);
}

/* Entries have a least size, and only an empty payload has none. */
static bool count_fits(size_t entry_count, size_t payload_size)
{
    if ((entry_count == 0) != (payload_size == 0)) return false;
    return entry_count <= payload_size / ENTRY_HEAD_SIZE;
}

bool block_begins(const uint8_t *bytes)
{
    return memcmp(bytes, block_magic, sizeof block_magic) == 0 ||
           memcmp(bytes, whole_magic, sizeof whole_magic) == 0;
}

/* The hash of the block whose head stands at `in`, with its payload behind it. */
static void hash_block(const uint8_t *in, size_t payload_size, bool whole,
                       uint8_t ret_hash[BLOCK_HASH_SIZE])
{
    const struct bytes head = {in, BLOCK_HEAD_SIZE};
    const struct bytes payload = {in + BLOCK_HEAD_SIZE, payload_size};
    if (whole)
        checksum_sha256(head, payload, ret_hash);
    else
        checksum_sha256_pieces(head, payload, ret_hash);
}

void block_seal(const struct block *block, uint8_t *out, uint8_t ret_hash[BLOCK_HASH_SIZE])
{
    /* What block_open() refuses must never be written: it would be durable and unreadable. */
    ENSURE(block->payload.data == out + BLOCK_HEAD_SIZE);
    ENSURE(block->payload.size <= BLOCK_PAYLOAD_MAX);
    ENSURE(block->number != 0);
    ENSURE(block->first_seq != 0);
    ENSURE(count_fits(block->entry_count, block->payload.size));

    memcpy(out + OFFSET_MAGIC, block->whole ? whole_magic : block_magic, sizeof block_magic);
    memcpy(out + OFFSET_STORE_ID, block->store_id, STORE_ID_SIZE);
    le_store32(out + OFFSET_SHARD, block->shard);
    le_store32(out + OFFSET_PAYLOAD_SIZE, (uint32_t)block->payload.size);
    le_store64(out + OFFSET_NUMBER, block->number);
    le_store64(out + OFFSET_FIRST_SEQ, block->first_seq);
    le_store32(out + OFFSET_ENTRY_COUNT, block->entry_count);
    le_store32(out + OFFSET_PAYLOAD_CRC,
               checksum_crc32c(0, block->payload.data, block->payload.size));
    memcpy(out + OFFSET_PREVIOUS, block->previous, BLOCK_HASH_SIZE);
    le_store32(out + OFFSET_EPOCH, block->epoch);
    le_store32(out + OFFSET_HEAD_CRC, checksum_crc32c(0, out, OFFSET_HEAD_CRC));

    size_t used = BLOCK_HEAD_SIZE + block->payload.size;
    memset(out + used, 0, block_size_on_disk(block->payload.size) - used);
    hash_block(out, block->payload.size, block->whole, ret_hash);
}

/* Payload size by a sound head at the front of `source`, or -1. */
static int64_t head_check(struct bytes source)
{
    const uint8_t *in = source.data;
    if (!block_begins(in)) return -1;
    if (le_load32(in + OFFSET_HEAD_CRC) != checksum_crc32c(0, in, OFFSET_HEAD_CRC)) return -1;

    size_t payload_size = le_load32(in + OFFSET_PAYLOAD_SIZE);
    if (payload_size > BLOCK_PAYLOAD_MAX) return -1;
    if (block_size_on_disk(payload_size) > source.size) return -1;
    if (!count_fits(le_load32(in + OFFSET_ENTRY_COUNT), payload_size)) return -1;
    if (le_load64(in + OFFSET_NUMBER) == 0) return -1;
    if (le_load64(in + OFFSET_FIRST_SEQ) == 0) return -1;
    return (int64_t)payload_size;
}

enum block_state block_open(struct bytes source, struct block *ret_block,
                            uint8_t ret_hash[BLOCK_HASH_SIZE])
{
    if (source.size < BLOCK_ALIGN) return BLOCK_BROKEN;
    const uint8_t *in = source.data;
    if (bytes_all_zero(in, BLOCK_ALIGN)) return BLOCK_EMPTY;
    int64_t checked = head_check(source);
    if (checked < 0) return BLOCK_BROKEN;

    struct bytes payload = {in + BLOCK_HEAD_SIZE, (size_t)checked};
    size_t used = BLOCK_HEAD_SIZE + payload.size;
    if (le_load32(in + OFFSET_PAYLOAD_CRC) != checksum_crc32c(0, payload.data, payload.size))
        return BLOCK_BROKEN;
    if (!bytes_all_zero(in + used, block_size_on_disk(payload.size) - used)) return BLOCK_BROKEN;

    struct block block = {
        .shard = le_load32(in + OFFSET_SHARD),
        .epoch = le_load32(in + OFFSET_EPOCH),
        .number = le_load64(in + OFFSET_NUMBER),
        .first_seq = le_load64(in + OFFSET_FIRST_SEQ),
        .entry_count = le_load32(in + OFFSET_ENTRY_COUNT),
        .payload = payload,
        .whole = memcmp(in + OFFSET_MAGIC, whole_magic, sizeof whole_magic) == 0,
    };
    memcpy(block.store_id, in + OFFSET_STORE_ID, STORE_ID_SIZE);
    memcpy(block.previous, in + OFFSET_PREVIOUS, BLOCK_HASH_SIZE);
    *ret_block = block;
    hash_block(in, payload.size, block.whole, ret_hash);
    return BLOCK_SOUND;
}

/* ---- one wrong bit -------------------------------------------------------------------------- */

#define CRC32C_POLYNOMIAL 0x82f63b78u /* Castagnoli's, lowest bit first. */
#define SECTOR_SIZE       512 /* The smallest that devices write; a divisor of larger ones. */

/* The bit of `data` that alone makes its sum differ from the right one by `difference`: a flip
 * changes a CRC by an amount that depends on its distance from the end, and on nothing else. */
static bool find_flip_by_sum(struct bytes data, uint32_t difference, uint64_t *ret_bit)
{
    uint32_t change = CRC32C_POLYNOMIAL; /* Of the last byte's highest bit. */
    for (uint64_t bit = 8 * (uint64_t)data.size; bit-- > 0;) {
        if (change == difference) {
            *ret_bit = bit;
            return true;
        }
        change = (change >> 1) ^ ((change & 1) != 0 ? CRC32C_POLYNOMIAL : 0);
    }
    return false;
}

/* The only bit that is set; false when none or several are. */
static bool find_only_bit(struct bytes zeros, uint64_t *ret_bit)
{
    bool found = false;
    for (size_t i = 0; i < zeros.size; i++) {
        if (zeros.data[i] == 0) continue;
        if (found || (zeros.data[i] & (zeros.data[i] - 1)) != 0) return false;
        *ret_bit = 8 * (uint64_t)i + (unsigned)__builtin_ctz(zeros.data[i]);
        found = true;
    }
    return found;
}

/* The bit that makes a sound block of it. */
static bool find_flip(struct bytes source, uint64_t *ret_bit)
{
    if (source.size < BLOCK_ALIGN) return false;
    uint8_t head[BLOCK_HEAD_SIZE];
    memcpy(head, source.data, sizeof head);
    int64_t payload_size = head_check((struct bytes){head, source.size});
    uint64_t bit = 0;
    const bool head_wrong = payload_size < 0;
    for (; payload_size < 0 && bit < 8 * sizeof head; bit++) {
        head[bit / 8] ^= (uint8_t)(1u << bit % 8);
        payload_size = head_check((struct bytes){head, source.size});
        if (payload_size >= 0) break;
        head[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    if (payload_size < 0) return false;

    const struct bytes payload = {source.data + BLOCK_HEAD_SIZE, (size_t)payload_size};
    const size_t used = BLOCK_HEAD_SIZE + payload.size;
    const struct bytes padding = {source.data + used, block_size_on_disk(payload.size) - used};
    const uint32_t difference =
        le_load32(head + OFFSET_PAYLOAD_CRC) ^ checksum_crc32c(0, payload.data, payload.size);
    const bool padded = bytes_all_zero(padding.data, padding.size);
    if (head_wrong) {
        *ret_bit = bit;
        return difference == 0 && padded;
    }
    if (difference == 0) {
        if (!find_only_bit(padding, ret_bit)) return false;
        *ret_bit += 8 * (uint64_t)used;
        return true;
    }
    if (!padded || !find_flip_by_sum(payload, difference, ret_bit)) return false;
    *ret_bit += 8 * (uint64_t)BLOCK_HEAD_SIZE;
    return true;
}

bool block_find_flip(struct bytes source, uint64_t *ret_bit)
{
    if (!find_flip(source, ret_bit)) return false;
    const size_t byte = *ret_bit / 8;
    const size_t sector_end = (byte / SECTOR_SIZE + 1) * SECTOR_SIZE;
    return !bytes_all_zero(source.data + byte, sector_end - byte);
}

/* ---- chains and segments -------------------------------------------------------------------- */

void block_chain_start(const uint8_t store_id[STORE_ID_SIZE], uint32_t shard,
                       uint8_t ret_hash[BLOCK_HASH_SIZE])
{
    uint8_t number[4];
    le_store32(number, shard);
    checksum_sha256((struct bytes){store_id, STORE_ID_SIZE}, (struct bytes){number, sizeof number},
                    ret_hash);
}

void segment_head_encode(const struct segment_head *head, uint8_t *out)
{
    ENSURE(head->segment != 0);
    ENSURE(head->first_block != 0);
    memset(out, 0, SEGMENT_HEAD_SIZE);
    memcpy(out + OFFSET_MAGIC, segment_magic, sizeof segment_magic);
    memcpy(out + OFFSET_STORE_ID, head->store_id, STORE_ID_SIZE);
    le_store32(out + OFFSET_SHARD, head->shard);
    le_store32(out + OFFSET_SEGMENT, head->segment);
    le_store64(out + OFFSET_FIRST_BLOCK, head->first_block);
    le_store32(out + OFFSET_SEGMENT_CRC, checksum_crc32c(0, out, OFFSET_SEGMENT_CRC));
}

bool segment_head_decode(struct bytes source, struct segment_head *ret_head)
{
    if (source.size < SEGMENT_HEAD_SIZE) return false;
    const uint8_t *in = source.data;
    if (memcmp(in + OFFSET_MAGIC, segment_magic, sizeof segment_magic) != 0) return false;
    if (le_load32(in + OFFSET_SEGMENT_CRC) != checksum_crc32c(0, in, OFFSET_SEGMENT_CRC))
        return false;
    if (!bytes_all_zero(in + SEGMENT_FIELDS_SIZE, SEGMENT_HEAD_SIZE - SEGMENT_FIELDS_SIZE))
        return false;

    struct segment_head head = {
        .shard = le_load32(in + OFFSET_SHARD),
        .segment = le_load32(in + OFFSET_SEGMENT),
        .first_block = le_load64(in + OFFSET_FIRST_BLOCK),
    };
    if (head.segment == 0 || head.first_block == 0) return false;
    memcpy(head.store_id, in + OFFSET_STORE_ID, STORE_ID_SIZE);
    *ret_head = head;
    return true;
}
