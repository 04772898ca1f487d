/* Blocks: what is sealed opens, the hash follows, and no spoilt byte gets through. */
#include <stdlib.h>

#include "journal/block.h"
#include "journal/entry.h"
#include "tests/lib/unit.h"
#include "util/checksum.h"
#include "util/le.h"

/* Seals a block with `payload_size` bytes that look like entries by their number only. */
static size_t seal_form(uint8_t *out, size_t payload_size, bool whole,
                        uint8_t hash[BLOCK_HASH_SIZE])
{
    for (size_t i = 0; i < payload_size; i++)
        out[BLOCK_HEAD_SIZE + i] = (uint8_t)(i * 7 + 1);
    struct block block = {
        .shard = 3,
        .epoch = 1,
        .number = 9,
        .first_seq = 1000,
        .entry_count = (uint32_t)(payload_size / ENTRY_HEAD_SIZE),
        .payload = {out + BLOCK_HEAD_SIZE, payload_size},
        .whole = whole,
    };
    memcpy(block.store_id, "0123456789abcdef", STORE_ID_SIZE);
    memset(block.previous, 0x42, BLOCK_HASH_SIZE);
    block_seal(&block, out, hash);
    return block_size_on_disk(payload_size);
}

static size_t seal(uint8_t *out, size_t payload_size, uint8_t hash[BLOCK_HASH_SIZE])
{
    return seal_form(out, payload_size, false, hash);
}

static enum block_state open_state(const uint8_t *bytes, size_t size)
{
    struct block block;
    uint8_t hash[BLOCK_HASH_SIZE];
    return block_open((struct bytes){bytes, size}, &block, hash);
}

static void mend(uint8_t *bytes)
{
    le_store32(bytes + 92, checksum_crc32c(0, bytes, 92));
}

static void what_is_sealed_opens(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 64, 72, 3999, 4000, 4001, 100000, BLOCK_PAYLOAD_MAX};
    uint8_t *out = malloc(1024 * 1024 + 1);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(out, 0xaa, 1024 * 1024 + 1);
        uint8_t sealed[BLOCK_HASH_SIZE], opened[BLOCK_HASH_SIZE], hash[BLOCK_HASH_SIZE];
        size_t size = seal(out, sizes[i], sealed);
        assert_int_equal(size % BLOCK_ALIGN, 0);
        assert_int_equal(out[size], 0xaa);

        struct block block;
        assert_int_equal(block_open((struct bytes){out, size}, &block, opened), BLOCK_SOUND);
        assert_memory_equal(sealed, opened, BLOCK_HASH_SIZE);
        checksum_sha256_pieces((struct bytes){out, BLOCK_HEAD_SIZE},
                               (struct bytes){out + BLOCK_HEAD_SIZE, sizes[i]}, hash);
        assert_memory_equal(sealed, hash, BLOCK_HASH_SIZE);
        assert_false(block.whole);
        assert_int_equal(block.shard, 3);
        assert_int_equal(block.epoch, 1);
        assert_true(block.number == 9);
        assert_true(block.first_seq == 1000);
        assert_int_equal(block.entry_count, sizes[i] / ENTRY_HEAD_SIZE);
        assert_int_equal(block.payload.size, sizes[i]);
        assert_ptr_equal(block.payload.data, out + BLOCK_HEAD_SIZE);
        assert_memory_equal(block.store_id, "0123456789abcdef", STORE_ID_SIZE);
        assert_int_equal(block.previous[31], 0x42);
    }
    assert_int_equal(block_size_on_disk(BLOCK_PAYLOAD_MAX), 1024 * 1024);
    free(out);
}

static void blocks_from_before_the_pieces_open(void **state)
{
    (void)state;
    uint8_t *out = malloc(100 * BLOCK_ALIGN);
    uint8_t sealed[BLOCK_HASH_SIZE], opened[BLOCK_HASH_SIZE], hash[BLOCK_HASH_SIZE];
    const size_t size = seal_form(out, 100000, true, sealed);
    assert_memory_equal(out, "QFBLOCK1", 8);
    struct block block;
    assert_int_equal(block_open((struct bytes){out, size}, &block, opened), BLOCK_SOUND);
    assert_true(block.whole);
    checksum_sha256((struct bytes){out, BLOCK_HEAD_SIZE + 100000}, (struct bytes){NULL, 0}, hash);
    assert_memory_equal(sealed, hash, BLOCK_HASH_SIZE);
    assert_memory_equal(opened, hash, BLOCK_HASH_SIZE);
    seal(out, 100000, sealed);
    assert_memory_not_equal(sealed, hash, BLOCK_HASH_SIZE);
    free(out);
}

static void bytes_stand_where_the_table_says(void **state)
{
    (void)state;
    static uint8_t out[BLOCK_ALIGN];
    uint8_t hash[BLOCK_HASH_SIZE];
    seal(out, 130, hash);
    assert_memory_equal(out,
                        "QFBLOCK20123456789abcdef\3\0\0\0\202\0\0\0\11\0\0\0\0\0\0\0"
                        "\350\3\0\0\0\0\0\0\2\0\0\0",
                        52);
    assert_int_equal(le_load32(out + 52), checksum_crc32c(0, out + 96, 130));
    assert_int_equal(out[56], 0x42);
    assert_int_equal(out[87], 0x42);
    assert_int_equal(le_load32(out + 88), 1);
    assert_int_equal(le_load32(out + 92), checksum_crc32c(0, out, 92));
}

static void no_flipped_bit_gets_through(void **state) /* (J2) */
{
    (void)state;
    static uint8_t out[BLOCK_ALIGN];
    uint8_t hash[BLOCK_HASH_SIZE];
    seal(out, 200, hash);
    for (size_t bit = 0; bit < sizeof out * 8; bit++) { /* The padding as well. */
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(open_state(out, sizeof out), BLOCK_BROKEN);
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(open_state(out, sizeof out), BLOCK_SOUND);
}

static void zeros_are_empty_and_little_is_broken(void **state)
{
    (void)state;
    static uint8_t out[2 * BLOCK_ALIGN];
    uint8_t hash[BLOCK_HASH_SIZE];
    assert_int_equal(open_state(out, BLOCK_ALIGN), BLOCK_EMPTY);
    assert_int_equal(open_state(out, BLOCK_ALIGN - 1), BLOCK_BROKEN);
    assert_int_equal(open_state(NULL, 0), BLOCK_BROKEN);
    out[BLOCK_ALIGN] = 1;
    assert_int_equal(open_state(out, sizeof out), BLOCK_EMPTY);
    out[BLOCK_ALIGN - 1] = 1;
    assert_int_equal(open_state(out, sizeof out), BLOCK_BROKEN);
    size_t size = seal(out, 5000, hash);
    assert_int_equal(size, sizeof out);
    assert_int_equal(open_state(out, size), BLOCK_SOUND);
    assert_int_equal(open_state(out, size - 1), BLOCK_BROKEN);
    assert_int_equal(open_state(out, BLOCK_ALIGN), BLOCK_BROKEN);
}

static void hostile_heads_are_refused_even_with_a_right_sum(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint32_t value;
    } cases[] = {
        {28, 0},
        {28, UINT32_MAX},
        {28, BLOCK_PAYLOAD_MAX + 1},
        {28, BLOCK_PAYLOAD_MAX},
        {28, 64},
        {28, 4001},
        {48, 0},
        {48, 4},
        {48, UINT32_MAX},
        {32, 0},
        {40, 0},
    };
    static uint8_t out[BLOCK_ALIGN], spoilt[BLOCK_ALIGN];
    uint8_t hash[BLOCK_HASH_SIZE];
    seal(out, 200, hash);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(spoilt, out, sizeof out);
        le_store32(spoilt + cases[i].offset, cases[i].value);
        mend(spoilt);
        assert_int_equal(open_state(spoilt, sizeof spoilt), BLOCK_BROKEN);
    }
}

static void failure_leaves_the_outputs_alone(void **state)
{
    (void)state;
    static uint8_t out[BLOCK_ALIGN];
    uint8_t hash[BLOCK_HASH_SIZE] = {1, 2, 3};
    struct block block = {.number = 4711};
    out[0] = 'Q';
    assert_int_equal(block_open((struct bytes){out, sizeof out}, &block, hash), BLOCK_BROKEN);
    assert_true(block.number == 4711);
    assert_memory_equal(hash, "\1\2\3\0", 4);
}

static void what_could_not_be_read_is_not_written(void **state)
{
    (void)state;
    static uint8_t out[BLOCK_ALIGN];
    uint8_t hash[BLOCK_HASH_SIZE];
    const struct block good = {
        .number = 1, .first_seq = 1, .entry_count = 1, .payload = {out + BLOCK_HEAD_SIZE, 64}};
    struct block block = good;
    block.number = 0;
    expect_assert_failure(block_seal(&block, out, hash));
    block = good;
    block.first_seq = 0;
    expect_assert_failure(block_seal(&block, out, hash));
    block = good;
    block.entry_count = 2;
    expect_assert_failure(block_seal(&block, out, hash));
    block = good;
    block.payload.data = out;
    expect_assert_failure(block_seal(&block, out, hash));
    expect_assert_failure(block_size_on_disk(BLOCK_PAYLOAD_MAX + 1));
}

static void the_chain_starts_with_store_and_shard(void **state)
{
    (void)state;
    const uint8_t id[STORE_ID_SIZE] = "0123456789abcdef";
    uint8_t start[BLOCK_HASH_SIZE], other[BLOCK_HASH_SIZE], plain[BLOCK_HASH_SIZE];
    block_chain_start(id, 0x01020304, start);
    checksum_sha256(bytes_of("0123456789abcdef\4\3\2\1"), (struct bytes){NULL, 0}, plain);
    assert_memory_equal(start, plain, BLOCK_HASH_SIZE);
    block_chain_start(id, 1, other);
    assert_memory_not_equal(start, other, BLOCK_HASH_SIZE);
}

static void segment_heads_come_back_and_spoilt_ones_do_not(void **state)
{
    (void)state;
    static uint8_t out[SEGMENT_HEAD_SIZE];
    struct segment_head head = {.shard = 5, .segment = 7, .first_block = 1234567890123}, back;
    memcpy(head.store_id, "0123456789abcdef", STORE_ID_SIZE);
    memset(out, 0xaa, sizeof out);
    segment_head_encode(&head, out);
    assert_memory_equal(out, "QFSEGMT10123456789abcdef\5\0\0\0\7\0\0\0", 32);
    assert_true(segment_head_decode((struct bytes){out, sizeof out}, &back));
    assert_memory_equal(back.store_id, head.store_id, STORE_ID_SIZE);
    assert_int_equal(back.shard, 5);
    assert_int_equal(back.segment, 7);
    assert_true(back.first_block == head.first_block);
    for (size_t bit = 0; bit < sizeof out * 8; bit++) {
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(segment_head_decode((struct bytes){out, sizeof out}, &back));
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_false(segment_head_decode((struct bytes){out, sizeof out - 1}, &back));
    memset(out, 0, sizeof out);
    assert_false(segment_head_decode((struct bytes){out, sizeof out}, &back));
    head.segment = 0;
    expect_assert_failure(segment_head_encode(&head, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_opens),
        cmocka_unit_test(blocks_from_before_the_pieces_open),
        cmocka_unit_test(bytes_stand_where_the_table_says),
        cmocka_unit_test(no_flipped_bit_gets_through),
        cmocka_unit_test(zeros_are_empty_and_little_is_broken),
        cmocka_unit_test(hostile_heads_are_refused_even_with_a_right_sum),
        cmocka_unit_test(failure_leaves_the_outputs_alone),
        cmocka_unit_test(what_could_not_be_read_is_not_written),
        cmocka_unit_test(the_chain_starts_with_store_and_shard),
        cmocka_unit_test(segment_heads_come_back_and_spoilt_ones_do_not),
    };
    return cmocka_run_group_tests_name("journal/block", tests, NULL, NULL);
}
