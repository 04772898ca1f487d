/* checksum -- the sums of this engine, each from a library that does it at the machine's speed.
 *
 * CRC32C (Castagnoli) guards frames, entries and blocks; SHA-256 chains blocks and seals tables;
 * XXH3 is for tables in memory and for the order-independent sums of cells. */
#ifndef UTIL_CHECKSUM_H
#define UTIL_CHECKSUM_H

#include "types/bytes.h"

#define SHA256_SIZE 32

/* CRC32C of the bytes, going on from `crc`: 0 to begin. */
uint32_t checksum_crc32c(uint32_t crc, const void *data, size_t size);

/* SHA-256 of two stretches as if they were one; the second may be empty. */
void checksum_sha256(struct bytes first, struct bytes second, uint8_t ret_hash[SHA256_SIZE]);

/* A long body is cut into pieces of so many bytes, the last one as long as is left. */
#define SHA256_PIECE      8192
#define SHA256_PIECES_MAX 128

/* SHA-256 of `head` and, behind it, of the SHA-256 of each piece of `body` in order. Pieces know
 * nothing of each other, so processors that can hash two at a time do. `body` has at most
 * SHA256_PIECES_MAX pieces; an empty one has none. */
void checksum_sha256_pieces(struct bytes head, struct bytes body, uint8_t ret_hash[SHA256_SIZE]);

/* Give back what checksum_sha256() and checksum_sha256_pieces() keep for the calling thread: for
 * threads that end. */
void checksum_thread_done(void);
void checksum_pieces_thread_done(void);

/* XXH3, 64 bits, seeded. The same on every machine. */
uint64_t checksum_hash64(uint64_t seed, const void *data, size_t size);

#endif
