#include "tools/edge/psn_key.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "types/ensure.h"
#include "util/checksum.h"

#define SM3_SIZE 32 /* Bytes. */

/* One slot per person, newest wins: a person's settlements come close together, and a hash costs
 * ten times a look. */
#define MEMO_COUNT    65536
#define PSN_NO_MAX    30 /* C30; longer ones are not remembered. */
#define MEMO_SEED     UINT64_C(0x70736e5f6b657921)
#define HEX_DIGITS    (PSN_KEY_SECRET_SIZE * 2)
#define FILE_SIZE_MAX 256 /* Bytes looked at; a key file is far shorter. */

struct memo {
    uint8_t size; /* 0: empty. */
    uint8_t psn_no[PSN_NO_MAX];
    uint8_t psn_key[PSN_KEY_SIZE];
};

struct psn_key_maker {
    EVP_MAC *hmac;
    EVP_MAC_CTX *context; /* Holds the key; started anew for every number. */
    struct memo memos[MEMO_COUNT];
};

const char *const psn_key_warning =
    "psn_key is made with the built-in demonstration key; for real numbers name a key file, "
    "see --help, or set " PSN_KEY_FILE_ENV;

static const uint8_t demonstration_secret[PSN_KEY_SECRET_SIZE] = "qingfen demonstration psn_key 1";

struct psn_key_maker *psn_key_new(const uint8_t secret[PSN_KEY_SECRET_SIZE])
{
    char digest[] = "SM3";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    struct psn_key_maker *maker = calloc(1, sizeof(*maker));

    if (maker == NULL) return NULL;
    maker->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    if (maker->hmac != NULL) maker->context = EVP_MAC_CTX_new(maker->hmac);
    if (maker->context != NULL &&
        EVP_MAC_init(maker->context, secret, PSN_KEY_SECRET_SIZE, params) == 1)
        return maker;
    psn_key_free(maker);
    return NULL;
}

void psn_key_free(struct psn_key_maker *maker)
{
    if (maker == NULL) return;
    EVP_MAC_CTX_free(maker->context);
    EVP_MAC_free(maker->hmac);
    free(maker);
}

void psn_key_make(struct psn_key_maker *maker, struct bytes psn_no,
                  uint8_t ret_psn_key[PSN_KEY_SIZE])
{
    const bool fits = psn_no.size > 0 && psn_no.size <= PSN_NO_MAX;
    struct memo *memo = NULL;

    if (fits) {
        memo = &maker->memos[checksum_hash64(MEMO_SEED, psn_no.data, psn_no.size) % MEMO_COUNT];
        if (memo->size == psn_no.size && memcmp(memo->psn_no, psn_no.data, psn_no.size) == 0) {
            memcpy(ret_psn_key, memo->psn_key, PSN_KEY_SIZE);
            return;
        }
    }

    uint8_t hash[SM3_SIZE];
    size_t hash_size = 0;
    /* No key: the one it has, whose padded halves are hashed already. A failure here would be one
     * of memory inside the library, and a wrong key would give one person two names. */
    ENSURE(EVP_MAC_init(maker->context, NULL, 0, NULL) == 1);
    ENSURE(EVP_MAC_update(maker->context, psn_no.data, psn_no.size) == 1);
    ENSURE(EVP_MAC_final(maker->context, hash, &hash_size, sizeof(hash)) == 1);
    ENSURE(hash_size == SM3_SIZE);
    memcpy(ret_psn_key, hash, PSN_KEY_SIZE);
    if (!fits) return;
    memo->size = (uint8_t)psn_no.size;
    memcpy(memo->psn_no, psn_no.data, psn_no.size);
    memcpy(memo->psn_key, hash, PSN_KEY_SIZE);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static int parse_secret(const char *text, size_t size, uint8_t ret_secret[PSN_KEY_SECRET_SIZE])
{
    while (size != 0 && isspace((unsigned char)text[size - 1]))
        size--;
    while (size != 0 && isspace((unsigned char)*text)) {
        text++;
        size--;
    }
    if (size != HEX_DIGITS) return -EINVAL;
    uint8_t secret[PSN_KEY_SECRET_SIZE];
    for (int i = 0; i < PSN_KEY_SECRET_SIZE; i++) {
        const int high = hex_value(text[i * 2]);
        const int low = hex_value(text[i * 2 + 1]);
        if (high < 0 || low < 0) return -EINVAL;
        secret[i] = (uint8_t)(high << 4 | low);
    }
    memcpy(ret_secret, secret, sizeof(secret));
    return 0;
}

int psn_key_find_secret(const char *path, uint8_t ret_secret[PSN_KEY_SECRET_SIZE],
                        enum psn_key_origin *ret_origin, const char **ret_path)
{
    char text[FILE_SIZE_MAX];

    if (path == NULL) path = getenv(PSN_KEY_FILE_ENV);
    if (path != NULL && *path == '\0') path = NULL;
    *ret_path = path;
    if (path == NULL) {
        memcpy(ret_secret, demonstration_secret, PSN_KEY_SECRET_SIZE);
        *ret_origin = PSN_KEY_DEMONSTRATION;
        return 0;
    }

    FILE *file = fopen(path, "re");
    if (file == NULL) return -errno;
    const size_t size = fread(text, 1, sizeof(text), file);
    const int r = ferror(file) ? -EIO : parse_secret(text, size, ret_secret);
    fclose(file);
    if (r == 0) *ret_origin = PSN_KEY_FROM_FILE;
    return r;
}
