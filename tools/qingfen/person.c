#include "tools/qingfen/person.h"

#include <errno.h>
#include <stdio.h>

struct psn_key_maker *person_open(const char *command, const char *path)
{
    uint8_t secret[PSN_KEY_SECRET_SIZE];
    enum psn_key_origin origin;
    const char *looked_at = NULL;
    const int r = psn_key_find_secret(path, secret, &origin, &looked_at);
    if (r != 0) {
        fprintf(stderr, "qingfen %s: cannot read the key file '%s': %s\n", command,
                looked_at == NULL ? "" : looked_at,
                r == -EINVAL ? "it does not hold 64 hexadecimal digits" : strerror(-r));
        return NULL;
    }
    if (origin == PSN_KEY_DEMONSTRATION) fprintf(stderr, "%s\n", psn_key_warning);
    struct psn_key_maker *maker = psn_key_new(secret);
    explicit_bzero(secret, sizeof(secret));
    if (maker == NULL) fprintf(stderr, "qingfen %s: no HMAC-SM3 in libcrypto\n", command);
    return maker;
}
