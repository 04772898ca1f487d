/* Frames: whole, cut off at every length, and no flipped bit goes through. */
#include <stdlib.h>

#include "admit/frame.h"
#include "tests/lib/unit.h"
#include "util/checksum.h"
#include "util/le.h"

#define PAYLOAD "a payload of some length"
#define SIZE    (FRAME_HEAD_SIZE + sizeof PAYLOAD - 1)

static void make(uint8_t out[SIZE])
{
    memcpy(out + FRAME_HEAD_SIZE, PAYLOAD, sizeof PAYLOAD - 1);
    frame_write_head(out, MESSAGE_SETL_POST, UINT64_C(0x1122334455667788), bytes_of(PAYLOAD));
}

/* Reads from memory that ends exactly where the stream does, so that a sanitizer sees any look
 * beyond. */
static enum frame_state read_exact(const uint8_t *data, size_t size, struct frame *ret_frame,
                                   size_t *ret_size)
{
    uint8_t *copy = malloc(size + (size == 0));
    assert_non_null(copy);
    memcpy(copy, data, size);
    const enum frame_state state = frame_read((struct bytes){copy, size}, ret_frame, ret_size);
    free(copy);
    return state;
}

static void a_whole_frame_comes_back(void **state)
{
    uint8_t out[SIZE + 10] = {0};
    struct frame frame;
    size_t size = 0;
    (void)state;
    make(out);
    assert_int_equal(frame_read((struct bytes){out, sizeof out}, &frame, &size), FRAME_WHOLE);
    assert_int_equal(size, SIZE); /* What follows is the next one's. */
    assert_int_equal(frame.type, MESSAGE_SETL_POST);
    assert_int_equal(frame.version, FRAME_VERSION);
    assert_true(frame.request_id == UINT64_C(0x1122334455667788));
    assert_true(bytes_equal(frame.payload, bytes_of(PAYLOAD)));
}

static void an_empty_payload_is_a_frame(void **state)
{
    uint8_t out[FRAME_HEAD_SIZE];
    struct frame frame;
    size_t size;
    (void)state;
    frame_write_head(out, MESSAGE_STATUS_GET, 1, (struct bytes){0});
    assert_int_equal(read_exact(out, sizeof out, &frame, &size), FRAME_WHOLE);
    assert_int_equal(frame.payload.size, 0);
}

static void the_head_stands_as_the_format_says(void **state)
{
    uint8_t out[SIZE];
    (void)state;
    make(out);
    assert_memory_equal(out, "QF01", 4);
    assert_int_equal(le_load32(out + 4), sizeof PAYLOAD - 1);
    assert_int_equal(out[8], 0x88);
    assert_int_equal(le_load16(out + 16), 0x0101);
    assert_int_equal(out[18], 1);
    assert_int_equal(out[19], 0);
    uint32_t crc = checksum_crc32c(0, out, 20);
    crc = checksum_crc32c(crc, PAYLOAD, sizeof PAYLOAD - 1);
    assert_int_equal(le_load32(out + 20), crc);
}

static void cut_off_anywhere_it_is_partial(void **state)
{
    uint8_t out[SIZE];
    struct frame frame;
    (void)state;
    make(out);
    for (size_t there = 0; there < SIZE; there++) {
        size_t size = 0;
        assert_int_equal(read_exact(out, there, &frame, &size), FRAME_PARTIAL);
        assert_int_equal(size, there < FRAME_HEAD_SIZE ? FRAME_HEAD_SIZE : SIZE);
    }
}

static void no_flipped_bit_goes_through(void **state)
{
    uint8_t out[SIZE];
    struct frame frame;
    size_t size;
    (void)state;
    for (size_t bit = 0; bit < SIZE * 8; bit++) {
        make(out);
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const enum frame_state got = read_exact(out, SIZE, &frame, &size);
        assert_int_not_equal(got, FRAME_WHOLE);
        if (bit / 8 < 4) assert_int_equal(got, FRAME_BAD_MAGIC);
        if (bit / 8 >= 8 && bit / 8 != 18) assert_int_equal(got, FRAME_BAD_CRC);
    }
}

static void a_bad_magic_is_seen_at_the_first_byte(void **state)
{
    static const uint8_t http[] = "GET / HTTP/1.1\r\n";
    static const uint8_t near[] = "QF02";
    struct frame frame;
    size_t size;
    (void)state;
    for (size_t there = 1; there < sizeof http; there++)
        assert_int_equal(read_exact(http, there, &frame, &size), FRAME_BAD_MAGIC);
    assert_int_equal(read_exact(near, 3, &frame, &size), FRAME_PARTIAL);
    assert_int_equal(read_exact(near, 4, &frame, &size), FRAME_BAD_MAGIC);
}

static void a_bad_head_is_seen_without_its_payload(void **state)
{
    uint8_t out[SIZE];
    struct frame frame;
    size_t size = 0;
    (void)state;
    make(out);
    out[18] = 2;
    assert_int_equal(read_exact(out, FRAME_HEAD_SIZE, &frame, &size), FRAME_BAD_VERSION);
    assert_true(frame.request_id == UINT64_C(0x1122334455667788));
    make(out);
    le_store32(out + 4, FRAME_PAYLOAD_MAX);
    assert_int_equal(read_exact(out, FRAME_HEAD_SIZE, &frame, &size), FRAME_PARTIAL);
    assert_int_equal(size, FRAME_HEAD_SIZE + FRAME_PAYLOAD_MAX);
    le_store32(out + 4, FRAME_PAYLOAD_MAX + 1);
    assert_int_equal(read_exact(out, FRAME_HEAD_SIZE, &frame, &size), FRAME_TOO_LONG);
    assert_int_equal(size, FRAME_PAYLOAD_MAX + 1);
    le_store32(out + 4, UINT32_MAX);
    assert_int_equal(read_exact(out, FRAME_HEAD_SIZE, &frame, &size), FRAME_TOO_LONG);
}

static void the_sum_is_castagnolis(void **state)
{
    (void)state;
    assert_int_equal(checksum_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(checksum_crc32c(checksum_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_frame_comes_back),
        cmocka_unit_test(an_empty_payload_is_a_frame),
        cmocka_unit_test(the_head_stands_as_the_format_says),
        cmocka_unit_test(cut_off_anywhere_it_is_partial),
        cmocka_unit_test(no_flipped_bit_goes_through),
        cmocka_unit_test(a_bad_magic_is_seen_at_the_first_byte),
        cmocka_unit_test(a_bad_head_is_seen_without_its_payload),
        cmocka_unit_test(the_sum_is_castagnolis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
