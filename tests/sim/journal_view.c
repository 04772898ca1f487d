/* journal_view -- world/journal.h over the disk in memory.
 *
 * As a mapping has it: one place of memory for each place of a segment, and what is borrowed shows
 * what the disk held when somebody last asked for it. Each question reads the disk again, so errors
 * and damage come as they do to a page that had to be read. */
#include "tests/sim/journal_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/world_internal.h"
#include "types/ensure.h"
#include "world/journal.h"

struct journal_view {
    const struct journal_folder *folder;
    uint8_t **segments; /* By number - 1; NULL: not asked for so far. */
    uint32_t room;
};

struct journal_view *sim_view_new(const struct journal_folder *folder)
{
    struct journal_view *view = calloc(1, sizeof *view);
    ENSURE(view != NULL);
    view->folder = folder;
    return view;
}

void sim_view_free(struct journal_view *view)
{
    if (view == NULL) return;
    for (uint32_t i = 0; i < view->room; i++)
        free(view->segments[i]);
    free(view->segments);
    free(view);
}

static uint8_t *memory_of(struct journal_view *view, uint32_t segment)
{
    if (segment > view->room) {
        const uint32_t room = 2 * segment;
        view->segments = realloc(view->segments, room * sizeof *view->segments);
        ENSURE(view->segments != NULL);
        memset(view->segments + view->room, 0, (room - view->room) * sizeof *view->segments);
        view->room = room;
    }
    uint8_t **memory = &view->segments[segment - 1];
    if (*memory == NULL) *memory = calloc(1, view->folder->segment_bytes);
    ENSURE(*memory != NULL);
    return *memory;
}

static int read_whole(int file, uint8_t *out, size_t size, uint64_t offset)
{
    while (size != 0) {
        const int64_t got = file_read(file, out, size, offset);
        if (got < 0) return (int)got;
        if (got == 0) return -ERANGE;
        out += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

int journal_bytes(struct journal_view *view, uint32_t segment, uint32_t offset, size_t size,
                  struct bytes *ret_bytes)
{
    char path[SEGMENT_PATH_MAX];
    int file;
    if (offset >= view->folder->segment_bytes) return -ERANGE;
    const uint64_t rest = view->folder->segment_bytes - offset;
    if (size > rest) size = rest;
    segment_path(view->folder->path, segment, path);
    int r = file_open(path, FILE_READ, &file);
    if (r != 0) return r;
    uint8_t *memory = memory_of(view, segment) + offset;
    r = read_whole(file, memory, size, offset);
    (void)file_close(file);
    *ret_bytes = (struct bytes){memory, size};
    return r;
}

/* Who asked is refused, and asks again: an error of the disk passes. What was damaged never comes
 * back. */
void journal_unread(struct journal_view *view, uint32_t segment, uint32_t offset, uint64_t seq,
                    int error)
{
    struct sim_world *world = sim_current;
    (void)view, (void)segment, (void)offset, (void)seq;
    if (world != NULL) world->counts.records_unread++;
    if (error == -EIO || (world != NULL && sim_damaged(world))) return;
    ensure_failed("an entry stands where the state says", __FILE__, __LINE__, __func__);
}

/* The engine ends. It may: after an error of the disk, which passes; and for good when the disk was
 * damaged, for the entry is asked for again after every start. */
_Noreturn void journal_lost(const struct journal_view *view, uint32_t segment, uint32_t offset,
                            uint64_t seq, int error)
{
    struct sim_world *world = sim_current;
    if (error == -EIO) need_failed("a part of the journal", error, __FILE__, __LINE__);
    if (world != NULL && world->in_event && sim_damaged(world)) {
        snprintf(world->refusal, sizeof world->refusal,
                 "shard %u: %08u.qfj, offset %u: entry %llu is not there: %d", view->folder->shard,
                 segment, offset, (unsigned long long)seq, error);
        world->refused = true;
        longjmp(world->stop, 1);
    }
    ensure_failed("an entry stands where the state says", __FILE__, __LINE__, __func__);
}
