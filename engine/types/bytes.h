/* bytes -- a borrowed view of memory. Who owns it is said where one is handed over. */
#ifndef TYPES_BYTES_H
#define TYPES_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t size; /* Bytes. */
};

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* True when there is no byte that is not zero. */
static inline bool bytes_all_zero(const uint8_t *data, size_t size)
{
    /* Equal to itself one byte further on: every byte is the first one. */
    return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

/* The bytes of a string, without its end mark. */
static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

#endif
