/* psn_key -- the keyed hash that stands for a person inside the centre.
 *
 * WHAT    psn_key = first 16 bytes of HMAC-SM3(key, psn_no). It is made at the edge, where the
 * number is known, with a key that the store does not hold: who has the store alone cannot tell
 *         whose a record is, and the same person always has the same psn_key.
 *
 * KEY     A file of 64 hexadecimal digits (32 bytes), white space around them allowed: the one
 * named on the command line, else the one named by QINGFEN_PSN_KEY_FILE, else a built-in
 *         demonstration key that everybody knows and that protects nobody.
 *
 * NOT     Must not know messages, files of settlements or connections. */
#ifndef EDGE_PSN_KEY_H
#define EDGE_PSN_KEY_H

#include "types/settlement.h"

#define PSN_KEY_SECRET_SIZE 32 /* Bytes of the key. */
#define PSN_KEY_FILE_ENV    "QINGFEN_PSN_KEY_FILE"

/* Not for two threads at once: it holds a context and a memo of the persons seen last. */
struct psn_key_maker;

/* On the heap; NULL when the crypto library has no HMAC-SM3 or memory is short. */
struct psn_key_maker *psn_key_new(const uint8_t secret[PSN_KEY_SECRET_SIZE]);
void psn_key_free(struct psn_key_maker *maker);

/* The psn_key of a number; any bytes of any length will do. */
void psn_key_make(struct psn_key_maker *maker, struct bytes psn_no,
                  uint8_t ret_psn_key[PSN_KEY_SIZE]);

enum psn_key_origin {
    PSN_KEY_FROM_FILE,
    PSN_KEY_DEMONSTRATION, /* The caller prints psn_key_warning once on stderr. */
};

extern const char *const psn_key_warning;

/* Finds the key: `path` (may be NULL), the environment, the demonstration key. 0, or a negative
 * errno and nothing set: the file's own, -EINVAL when it does not hold 64 hexadecimal digits.
 * *ret_path is the file it looked at, or NULL; borrowed. */
int psn_key_find_secret(const char *path, uint8_t ret_secret[PSN_KEY_SECRET_SIZE],
                        enum psn_key_origin *ret_origin, const char **ret_path);

#endif
