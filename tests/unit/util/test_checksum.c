/* The hash of a body by its pieces, against the plain one of each. */
#include <stdlib.h>

#include "tests/lib/unit.h"
#include "util/checksum.h"

static const struct bytes nothing = {NULL, 0};

/* As docs/formats.md says it, with one SHA-256 after the other. */
static void expected_hash(struct bytes head, struct bytes body, uint8_t ret_hash[SHA256_SIZE])
{
    uint8_t *all = malloc(head.size + SHA256_PIECES_MAX * SHA256_SIZE);
    memcpy(all, head.data, head.size);
    size_t size = head.size;
    while (body.size != 0) {
        const size_t piece = body.size < SHA256_PIECE ? body.size : SHA256_PIECE;
        checksum_sha256((struct bytes){body.data, piece}, nothing, all + size);
        size += SHA256_SIZE;
        body = (struct bytes){body.data + piece, body.size - piece};
    }
    checksum_sha256((struct bytes){all, size}, nothing, ret_hash);
    free(all);
}

static void pieces_are_those_of_one_after_the_other(void **state)
{
    (void)state;
    static const size_t sizes[] = {
        0,
        1,
        63,
        64,
        SHA256_PIECE - 1,
        SHA256_PIECE,
        SHA256_PIECE + 1,
        2 * SHA256_PIECE,
        2 * SHA256_PIECE + 55,
        3 * SHA256_PIECE + 56,
        7 * SHA256_PIECE + 4096,
        SHA256_PIECES_MAX * SHA256_PIECE - 1,
        SHA256_PIECES_MAX * SHA256_PIECE,
    };
    const struct bytes head = {(const uint8_t *)"the head of a block", 19};
    uint8_t *body = malloc(SHA256_PIECES_MAX * SHA256_PIECE + 1);
    for (size_t i = 0; i < SHA256_PIECES_MAX * SHA256_PIECE; i++)
        body[i] = (uint8_t)(i * 2654435761u >> 13);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t expected[SHA256_SIZE], hash[SHA256_SIZE];
        expected_hash(head, (struct bytes){body, sizes[i]}, expected);
        checksum_sha256_pieces(head, (struct bytes){body, sizes[i]}, hash);
        assert_memory_equal(hash, expected, SHA256_SIZE);
        if (sizes[i] == 0) continue;
        body[sizes[i] - 1] ^= 1;
        checksum_sha256_pieces(head, (struct bytes){body, sizes[i]}, hash);
        assert_memory_not_equal(hash, expected, SHA256_SIZE);
        body[sizes[i] - 1] ^= 1;
    }
    const size_t too_long = SHA256_PIECES_MAX * SHA256_PIECE + 1;
    uint8_t hash[SHA256_SIZE];
    expect_assert_failure(checksum_sha256_pieces(head, (struct bytes){body, too_long}, hash));
    free(body);
    checksum_pieces_thread_done();
    checksum_thread_done();
}

/* By another program: hashlib of Python, 20,000 bytes that count up behind a head "head". */
static void the_hash_is_known(void **state)
{
    (void)state;
    static const uint8_t known[SHA256_SIZE] = {
        0x42, 0x84, 0x62, 0x05, 0x76, 0xac, 0x70, 0x9e, 0x9a, 0x73, 0x19,
        0x2d, 0x45, 0xb3, 0x7d, 0x09, 0x92, 0x86, 0x51, 0xf1, 0x08, 0x09,
        0xf4, 0xd0, 0x42, 0x2d, 0xbd, 0xf4, 0x3a, 0xe2, 0x00, 0x80,
    };
    static uint8_t body[20000];
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (uint8_t)i;
    uint8_t hash[SHA256_SIZE];
    checksum_sha256_pieces((struct bytes){(const uint8_t *)"head", 4},
                           (struct bytes){body, sizeof body}, hash);
    assert_memory_equal(hash, known, SHA256_SIZE);
    checksum_pieces_thread_done();
    checksum_sha256_pieces((struct bytes){(const uint8_t *)"head", 4},
                           (struct bytes){body, sizeof body}, hash);
    assert_memory_equal(hash, known, SHA256_SIZE);
    checksum_pieces_thread_done();
    checksum_thread_done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_those_of_one_after_the_other),
        cmocka_unit_test(the_hash_is_known),
    };
    return cmocka_run_group_tests_name("util/checksum", tests, NULL, NULL);
}
