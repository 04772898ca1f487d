#include "world/linux/journal_view.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "types/ensure.h"
#include "world/linux/files.h"
#include "world/linux/read_try.h"

/* One segment's file in memory. */
struct mapped {
    struct bytes bytes;
    uint32_t shard;
    uint32_t segment;
    struct mapped *next_own;       /* Of the same view. */
    _Atomic(struct mapped *) next; /* Of all in the process, of whichever view. */
};

#define PLACES_SAID 64 /* Of one journal; who has more bad places knows that its disk is dying. */

struct place {
    uint32_t segment;
    uint32_t offset;
};

struct journal_view {
    char path[SEGMENT_PATH_MAX];
    uint32_t shard;
    uint32_t said_count;
    struct place said[PLACES_SAID]; /* What could not be read there was told. */
    struct bytes *segments;         /* By number - 1; size 0: not asked for so far. */
    uint32_t room;
    struct mapped *own;
};

/* All there are, for journal_view_find(). Changed under the lock, read without it. */
static _Atomic(struct mapped *) first_mapped;
static pthread_mutex_t mapped_lock = PTHREAD_MUTEX_INITIALIZER;

struct journal_view *journal_view_new(const struct journal_folder *folder)
{
    struct journal_view *view = calloc(1, sizeof *view);
    if (view == NULL) return NULL;
    snprintf(view->path, sizeof view->path, "%s", folder->path);
    view->shard = folder->shard;
    return view;
}

static void list_add(struct mapped *mapped)
{
    pthread_mutex_lock(&mapped_lock);
    atomic_store(&mapped->next, atomic_load(&first_mapped));
    atomic_store(&first_mapped, mapped);
    pthread_mutex_unlock(&mapped_lock);
}

static void list_remove(struct mapped *mapped)
{
    pthread_mutex_lock(&mapped_lock);
    _Atomic(struct mapped *) *link = &first_mapped;
    while (atomic_load(link) != mapped)
        link = &atomic_load(link)->next;
    atomic_store(link, atomic_load(&mapped->next));
    pthread_mutex_unlock(&mapped_lock);
}

void journal_view_free(struct journal_view *view)
{
    if (view == NULL) return;
    while (view->own != NULL) {
        struct mapped *mapped = view->own;
        view->own = mapped->next_own;
        list_remove(mapped);
        munmap((void *)(uintptr_t)mapped->bytes.data, mapped->bytes.size);
        free(mapped);
    }
    free(view->segments);
    free(view);
}

/* Maps the whole file of a segment. */
static int map_file(const char *folder, uint32_t segment, struct bytes *ret_bytes)
{
    char path[SEGMENT_PATH_MAX];
    uint64_t size;
    int file;
    segment_path(folder, segment, path);
    int r = file_open(path, FILE_READ, &file);
    if (r != 0) return r;
    r = file_size(file, &size);
    if (r == 0 && size == 0) r = -ERANGE;
    if (r == 0) {
        void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
        if (data == MAP_FAILED) r = -errno;
        *ret_bytes = (struct bytes){data, size};
    }
    (void)file_close(file);
    return r;
}

static int make_room(struct journal_view *view, uint32_t segment)
{
    uint32_t room = view->room == 0 ? 64 : view->room;
    while (room < segment)
        room *= 2;
    if (room == view->room) return 0;
    struct bytes *more = realloc(view->segments, room * sizeof *more);
    if (more == NULL) return -ENOMEM;
    memset(more + view->room, 0, (room - view->room) * sizeof *more);
    view->segments = more;
    view->room = room;
    return 0;
}

/* A segment that was not asked for before. Its file is opened first: a number that makes no sense
 * must not ask for memory. */
static int map_segment(struct journal_view *view, uint32_t segment)
{
    struct mapped *mapped = calloc(1, sizeof *mapped);
    if (mapped == NULL) return -ENOMEM;
    mapped->shard = view->shard;
    mapped->segment = segment;
    int r = map_file(view->path, segment, &mapped->bytes);
    if (r != 0) {
        free(mapped);
        return r;
    }
    r = make_room(view, segment);
    if (r != 0) {
        munmap((void *)(uintptr_t)mapped->bytes.data, mapped->bytes.size);
        free(mapped);
        return r;
    }
    view->segments[segment - 1] = mapped->bytes;
    mapped->next_own = view->own;
    view->own = mapped;
    list_add(mapped);
    return 0;
}

int journal_bytes(struct journal_view *view, uint32_t segment, uint32_t offset, size_t size,
                  struct bytes *ret_bytes)
{
    if (segment == 0) return -ENOENT;
    if (segment > view->room || view->segments[segment - 1].size == 0) {
        const int r = map_segment(view, segment);
        if (r != 0) return r;
    }
    const struct bytes whole = view->segments[segment - 1];
    if (offset >= whole.size) return -ERANGE;
    const size_t rest = whole.size - offset;
    *ret_bytes = (struct bytes){whole.data + offset, size < rest ? size : rest};
    return read_try(*ret_bytes);
}

/* A sentence without its end. */
static void say_unread(const struct journal_view *view, uint32_t segment, uint32_t offset,
                       uint64_t seq, int error, char *ret_text, size_t size)
{
    char path[SEGMENT_PATH_MAX];
    segment_path(view->path, segment, path);
    if (error == -EUCLEAN) {
        snprintf(ret_text, size,
                 "shard %" PRIu32 ": %s, offset %" PRIu32 ": entry %" PRIu64
                 " does not stand here as it was written: the journal is damaged, or the state "
                 "names the wrong place; qingfen verify says which",
                 view->shard, path, offset, seq);
    } else {
        snprintf(ret_text, size,
                 "shard %" PRIu32 ": %s, offset %" PRIu32 ": cannot read entry %" PRIu64 ": %s",
                 view->shard, path, offset, seq, strerror(-error));
    }
}

static bool was_said(const struct journal_view *view, uint32_t segment, uint32_t offset)
{
    for (uint32_t i = 0; i < view->said_count; i++) {
        if (view->said[i].segment == segment && view->said[i].offset == offset) return true;
    }
    return false;
}

void journal_unread(struct journal_view *view, uint32_t segment, uint32_t offset, uint64_t seq,
                    int error)
{
    char text[SEGMENT_PATH_MAX + 256];
    if (view->said_count == PLACES_SAID || was_said(view, segment, offset)) return;
    view->said[view->said_count++] = (struct place){segment, offset};
    say_unread(view, segment, offset, seq, error, text, sizeof text);
    fprintf(stderr, "qingfend: %s; who needs it is refused%s\n", text,
            view->said_count < PLACES_SAID ? ""
                                           : ". There may be more such places: no more is said");
}

_Noreturn void journal_lost(const struct journal_view *view, uint32_t segment, uint32_t offset,
                            uint64_t seq, int error)
{
    char text[SEGMENT_PATH_MAX + 256];
    say_unread(view, segment, offset, seq, error, text, sizeof text);
    damage_found(text);
}

bool journal_view_find(const void *address, uint32_t *ret_shard, uint32_t *ret_segment,
                       uint64_t *ret_offset)
{
    const uintptr_t at = (uintptr_t)address;
    const struct mapped *mapped = atomic_load(&first_mapped);
    for (; mapped != NULL; mapped = atomic_load(&mapped->next)) {
        const uintptr_t start = (uintptr_t)mapped->bytes.data;
        if (at < start || at - start >= mapped->bytes.size) continue;
        *ret_shard = mapped->shard;
        *ret_segment = mapped->segment;
        *ret_offset = at - start;
        return true;
    }
    return false;
}
