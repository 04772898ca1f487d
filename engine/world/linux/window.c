/* window -- see window.h. */
#include "world/linux/window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "types/ensure.h"
#include "world/linux/large_pages.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int window_init(struct window *window, uint64_t file_bytes)
{
    ENSURE(file_bytes % WINDOW_ALIGN == 0);
    const uint64_t bytes = least(file_bytes, WINDOW_BYTES);
    const uint64_t front = file_bytes > bytes ? WINDOW_FRONT : 0;
    const size_t size = 2 * (front + bytes);
    *window = (struct window){.bytes = bytes, .front = front, .file_bytes = file_bytes};
    window->rooms = aligned_alloc(WINDOW_ALIGN, size);
    if (window->rooms == NULL) return -ENOMEM;
    large_pages_lay((struct bytes){window->rooms, size}, false);
    return 0;
}

void window_done(struct window *window)
{
    window_forget(window);
    file_reading_done(&window->ahead);
    free(window->rooms);
    window->rooms = NULL;
}

enum file_use window_use(const struct window *window)
{
    return window->file_bytes >= WINDOW_BYTES ? FILE_READ_DIRECT : FILE_READ;
}

void window_forget(struct window *window)
{
    window->size = 0;
    if (window->asked) (void)file_read_end(&window->ahead);
    window->asked = false;
}

void window_turn(struct window *window, int file)
{
    window->size = 0;
    if (window->asked && window->ahead.file != file) window_forget(window);
}

/* Where a window's first byte goes in a room: behind what is carried over from the other one. */
static uint8_t *room_at(const struct window *window, unsigned room)
{
    return window->rooms + room * (window->front + window->bytes) + window->front;
}

/* Bytes in sight from `offset` on that can stand before what was asked for; false when that is
 * something else. */
static bool follows(const struct window *window, int file, uint64_t offset, uint64_t *ret_carried)
{
    const uint64_t end = window->start + window->size;
    const bool in_sight = window->size != 0 && offset >= window->start && offset < end;
    *ret_carried = in_sight ? end - offset : 0;
    return window->asked && window->ahead.file == file &&
           window->ahead.offset == offset + *ret_carried && *ret_carried <= window->front;
}

/* How many bytes of it came; 0 of what could not be read, which is then read once more. */
static uint64_t take_asked(struct window *window)
{
    const int64_t n = file_read_end(&window->ahead);
    window->asked = false;
    return n < 0 ? 0 : (uint64_t)n;
}

int window_show(struct window *window, int file, uint64_t offset, uint64_t *ret_failed)
{
    const unsigned room = 1 - window->room;
    uint8_t *data = room_at(window, room);
    uint64_t carried, got = 0;
    ENSURE(offset % WINDOW_ALIGN == 0);
    if (follows(window, file, offset, &carried)) {
        got = take_asked(window);
        if (carried != 0) memcpy(data - carried, window->data + (offset - window->start), carried);
    } else {
        window_forget(window);
        carried = 0;
    }
    window->size = 0;
    const uint64_t from = offset + carried;
    const uint64_t size = least(window->file_bytes - from, window->bytes);
    while (got < size) {
        const int64_t n = file_read(file, data + got, size - got, from + got);
        *ret_failed = from + got;
        if (n <= 0) return n < 0 ? (int)n : -ENODATA;
        got += (uint64_t)n;
    }
    window->room = room;
    window->data = data - carried;
    window->start = offset;
    window->size = carried + size;
    return 0;
}

void window_ask(struct window *window, int file, uint64_t offset)
{
    if (window->asked || window_use(window) != FILE_READ_DIRECT) return;
    window->asked = true;
    file_read_begin(&window->ahead, file, room_at(window, 1 - window->room),
                    least(window->file_bytes - offset, window->bytes), offset);
}
