#include "util/checksum.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>

#include "types/ensure.h"

/* xxhash.h inlines itself: the hot path pays no call. */
#define XXH_INLINE_ALL
#include <xxhash.h>

uint32_t checksum_crc32c(uint32_t crc, const void *data, size_t size)
{
    /* The library's function takes and gives the inner state, and does not write to the buffer in
     * spite of its signature. */
    return ~crc32_iscsi((unsigned char *)(uintptr_t)data, (int)size, ~crc);
}

/* One context a thread, kept: looking the algorithm up costs more than a small hash. */
static _Thread_local EVP_MD_CTX *context;

void checksum_thread_done(void)
{
    EVP_MD_CTX_free(context);
    context = NULL;
}

/* libcrypto allocates where one would not think it does. */
static void need_sha256(int done)
{
    NEED(done == 1, "memory left for SHA-256");
}

void checksum_sha256(struct bytes first, struct bytes second, uint8_t ret_hash[SHA256_SIZE])
{
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        NEED_MEMORY(context);
        need_sha256(EVP_DigestInit_ex(context, EVP_sha256(), NULL));
    }
    need_sha256(EVP_DigestInit_ex(context, NULL, NULL));
    need_sha256(EVP_DigestUpdate(context, first.data, first.size));
    need_sha256(EVP_DigestUpdate(context, second.data, second.size));
    need_sha256(EVP_DigestFinal_ex(context, ret_hash, NULL));
}

uint64_t checksum_hash64(uint64_t seed, const void *data, size_t size)
{
    return XXH3_64bits_withSeed(data, size, seed);
}
