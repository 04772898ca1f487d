/* segment_prepare -- a segment is made before it is needed: see segments.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "types/ensure.h"
#include "world/linux/crash_point.h"
#include "world/linux/files.h"
#include "world/linux/segments.h"

#define ZEROS_BYTES (UINT64_C(1) << 20) /* Of one write. */

static int write_zeros(int file, const void *zeros, uint64_t offset, uint64_t size,
                       const struct segment_pause *pause)
{
    int r = 0;
    for (uint64_t end = offset + size; offset < end && r == 0; offset += ZEROS_BYTES) {
        uint64_t rest = end - offset;
        r = file_write_all(file, zeros, rest < ZEROS_BYTES ? rest : ZEROS_BYTES, offset);
        if (pause != NULL) pause->call(pause->context);
    }
    return r;
}

/* Past the page cache where the file system lets us: these zeros are of no use in memory. */
static int write_all_zeros(int file, uint64_t segment_bytes, const struct segment_pause *pause)
{
    void *zeros = NULL;
    if (posix_memalign(&zeros, BLOCK_ALIGN, ZEROS_BYTES) != 0) return -ENOMEM;
    memset(zeros, 0, ZEROS_BYTES);
    int r = write_zeros(file, zeros, 0, segment_bytes, pause);
    /* O_DIRECT was taken but is not done here. */
    if (r == -EINVAL && file_cached(file) == 0)
        r = write_zeros(file, zeros, 0, segment_bytes, pause);
    free(zeros);
    return r;
}

static int fill_segment(const char *path, uint64_t segment_bytes, enum segment_fill fill,
                        const struct segment_pause *pause)
{
    int file = -1;
    int r = file_open(path, FILE_MAKE, &file);
    /* One extent if there is one; a full disk is found before the work. */
    if (r == 0) r = file_reserve(file, segment_bytes);
    if (r == -EOPNOTSUPP || (r == 0 && fill == SEGMENT_ZEROED))
        r = write_all_zeros(file, segment_bytes, pause);
    crash_point("segment-filled");
    if (r == 0) r = file_sync(file);
    if (file >= 0) {
        int closed = file_close(file);
        if (r == 0) r = closed;
    }
    return r;
}

int segment_prepare(const char *folder, uint32_t number, uint64_t segment_bytes,
                    enum segment_fill fill, const struct segment_pause *pause)
{
    ENSURE(number != 0);
    ENSURE(segment_bytes % BLOCK_ALIGN == 0);
    char path[SEGMENT_PATH_MAX], new_path[SEGMENT_PATH_MAX + 8];
    segment_path(folder, number, path);
    snprintf(new_path, sizeof new_path, "%s.new", path);
    if (file_exists(path)) return -EEXIST;

    int r = fill_segment(new_path, segment_bytes, fill, pause);
    crash_point("segment-synced");
    if (r == 0) r = file_rename(new_path, path);
    if (r != 0) {
        (void)file_remove(new_path);
        return r;
    }
    crash_point("segment-renamed");
    r = folder_sync(folder);
    /* Under its name the next attempt would take it for whole. */
    if (r != 0) (void)file_remove(path);
    return r;
}
