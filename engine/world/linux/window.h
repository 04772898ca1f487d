/* window -- a stretch of a file in memory, and the one behind it on its way from the device.
 *
 * For files of one size that are read once, from front to back, past the page cache: filling that
 * took a fifth of a replay, and what is read often stays in it. Of files shorter than a window
 * nothing is asked ahead. Knows files and offsets, and not what stands there. Offsets are multiples
 * of WINDOW_ALIGN. */
#ifndef WORLD_LINUX_WINDOW_H
#define WORLD_LINUX_WINDOW_H

#include "world/linux/files.h"

#define WINDOW_ALIGN 4096
#define WINDOW_BYTES (UINT64_C(8) << 20)
#define WINDOW_FRONT (UINT64_C(1) << 20) /* What may stand on both sides of a window's end. */

struct window {
    uint8_t *rooms; /* Two, each a front and a window; heap. */
    uint64_t front; /* 0 when a window shows the whole file. */
    uint64_t bytes; /* Of a window. */
    uint64_t file_bytes;
    unsigned room; /* The one in sight. */
    uint8_t *data; /* Bytes `start` to `start + size` of the file: borrowed until window_show(). */
    uint64_t start, size;
    struct file_reading ahead; /* Into the other room. */
    bool asked;
};

/* For files of `file_bytes`; nothing is in sight. -ENOMEM. */
int window_init(struct window *window, uint64_t file_bytes);
void window_done(struct window *window);

/* How such a file is to be opened. */
enum file_use window_use(const struct window *window);

/* Puts the bytes from `offset` on in sight: as many as a window has, or up to the file's end, and
 * at most WINDOW_FRONT more. What was asked for is waited for. Negative errno of the read at
 * `*ret_failed` that failed; -ENODATA when the file is shorter than it was. */
int window_show(struct window *window, int file, uint64_t offset, uint64_t *ret_failed);

/* Lets the device read the window that begins at `offset` while the one in sight is used. */
void window_ask(struct window *window, int file, uint64_t offset);

/* Nothing is in sight or on its way. When the file was written. */
void window_forget(struct window *window);

/* The same of all but `file`, of which what was asked for still comes. Before another file is
 * closed. */
void window_turn(struct window *window, int file);

#endif
