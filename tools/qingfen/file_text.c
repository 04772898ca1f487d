#include "tools/qingfen/file_text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST (64 * 1024)

/* Reads until the end. 0 or negative errno; `*data` is the caller's in any case. */
static int read_all(FILE *file, uint8_t **data, size_t *size)
{
    size_t room = 0;
    for (;;) {
        if (*size == room) {
            if (room >= FILE_TEXT_MAX) return -EFBIG;
            room = room == 0 ? ROOM_FIRST : room * 2;
            uint8_t *larger = realloc(*data, room);
            if (larger == NULL) return -ENOMEM;
            *data = larger;
        }
        const size_t n = fread(*data + *size, 1, room - *size, file);
        *size += n;
        if (n > 0) continue;
        return ferror(file) ? -EIO : 0;
    }
}

int file_text_read(const char *path, struct bytes *ret_text)
{
    const bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    if (file == NULL) return -errno;

    uint8_t *data = NULL;
    size_t size = 0;
    const int r = read_all(file, &data, &size);
    if (!is_stdin) fclose(file);
    if (r != 0) {
        free(data);
        return r;
    }
    *ret_text = (struct bytes){data, size};
    return 0;
}
