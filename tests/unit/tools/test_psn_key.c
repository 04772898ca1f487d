/* psn_key: known answers (from `openssl mac -digest SM3 ... HMAC`), the memo, the key's sources. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/unit.h"
#include "tools/edge/psn_key.h"

static void secret_of(const char *path, int want, uint8_t secret[PSN_KEY_SECRET_SIZE],
                      enum psn_key_origin *origin)
{
    const char *looked_at;
    assert_int_equal(psn_key_find_secret(path, secret, origin, &looked_at), want);
}

static void known_answers(void **state)
{
    (void)state;
    static const uint8_t want[PSN_KEY_SIZE] = {0x95, 0x21, 0x0b, 0x86, 0x0f, 0x1a, 0x06, 0xef,
                                               0xfc, 0x88, 0xc2, 0xc5, 0x6c, 0x7c, 0x6e, 0x52};
    static const uint8_t want_empty[PSN_KEY_SIZE] = {0xfd, 0xa7, 0xc7, 0x8d, 0x15, 0x98,
                                                     0x4d, 0x87, 0x71, 0xf5, 0x9f, 0x20,
                                                     0xa6, 0x9d, 0x19, 0x5c};
    static const uint8_t want_long[PSN_KEY_SIZE] = {0x07, 0x7b, 0x08, 0xd3, 0xc9, 0xc2, 0x37, 0xd0,
                                                    0x13, 0x03, 0xf8, 0x9e, 0xe4, 0x04, 0x29, 0xbb};
    uint8_t secret[PSN_KEY_SECRET_SIZE], key[PSN_KEY_SIZE];
    char text[101] = "";

    for (int i = 0; i < PSN_KEY_SECRET_SIZE; i++)
        secret[i] = (uint8_t)i;
    memset(text, 'x', 100);
    struct psn_key_maker *maker = psn_key_new(secret);
    assert_non_null(maker);
    for (int round = 0; round < 3; round++) { /* The second from the memo. */
        psn_key_make(maker, bytes_of("340100000000000001"), key);
        assert_memory_equal(key, want, sizeof(want));
        psn_key_make(maker, bytes_of(""), key);
        assert_memory_equal(key, want_empty, sizeof(want_empty));
        psn_key_make(maker, bytes_of(text), key);
        assert_memory_equal(key, want_long, sizeof(want_long));
    }
    psn_key_free(maker);
}

/* More persons than the memo has slots: a slot that was taken over must not answer for the old. */
static void memo_never_answers_for_another(void **state)
{
    (void)state;
    uint8_t secret[PSN_KEY_SECRET_SIZE], first[PSN_KEY_SIZE], key[PSN_KEY_SIZE];
    enum psn_key_origin origin;
    secret_of(NULL, 0, secret, &origin);
    struct psn_key_maker *maker = psn_key_new(secret);
    struct psn_key_maker *fresh = psn_key_new(secret);
    char text[32];

    for (int i = 0; i < 70000; i++) {
        snprintf(text, sizeof(text), "110000%012d", i);
        psn_key_make(maker, bytes_of(text), key);
    }
    for (int i = 0; i < 70000; i += 997) {
        snprintf(text, sizeof(text), "110000%012d", i);
        psn_key_make(maker, bytes_of(text), key);
        psn_key_make(fresh, bytes_of(text), first);
        assert_memory_equal(key, first, PSN_KEY_SIZE);
    }
    psn_key_free(maker);
    psn_key_free(fresh);
}

static void write_file(char *path, const char *text)
{
    strcpy(path, "/tmp/test_psn_key_XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void key_files(void **state)
{
    (void)state;
    static const char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F";
    uint8_t secret[PSN_KEY_SECRET_SIZE];
    enum psn_key_origin origin = PSN_KEY_FROM_FILE;
    char path[64], text[256];

    unsetenv(PSN_KEY_FILE_ENV);
    secret_of(NULL, 0, secret, &origin);
    assert_int_equal(origin, PSN_KEY_DEMONSTRATION);

    snprintf(text, sizeof(text), "  %s\r\n", hex);
    write_file(path, text);
    secret_of(path, 0, secret, &origin);
    assert_int_equal(origin, PSN_KEY_FROM_FILE);
    for (int i = 0; i < PSN_KEY_SECRET_SIZE; i++)
        assert_int_equal(secret[i], i);

    setenv(PSN_KEY_FILE_ENV, path, 1);
    memset(secret, 0, sizeof(secret));
    secret_of(NULL, 0, secret, &origin);
    assert_int_equal(origin, PSN_KEY_FROM_FILE);
    assert_int_equal(secret[31], 31);
    unlink(path);
    secret_of(NULL, -ENOENT, secret, &origin);
    unsetenv(PSN_KEY_FILE_ENV);

    static const char *const bad[] = {
        "", "00", "zz0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_file(path, bad[i]);
        secret_of(path, -EINVAL, secret, &origin);
        unlink(path);
    }
    snprintf(text, sizeof(text), "%s00", hex);
    write_file(path, text);
    secret_of(path, -EINVAL, secret, &origin);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(memo_never_answers_for_another),
        cmocka_unit_test(key_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
