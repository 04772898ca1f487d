/* segment_walk -- see segment_walk.h. */
#include "world/linux/segment_walk.h"

#include <errno.h>
#include <stdlib.h>

#include "types/ensure.h"
#include "util/le.h"
#include "world/linux/files.h"

_Static_assert(WINDOW_FRONT >= BLOCK_HEAD_SIZE + BLOCK_PAYLOAD_MAX, "a block is seen in one piece");
_Static_assert(BLOCK_ALIGN == WINDOW_ALIGN, "blocks begin where a window may");

/* ---- the files there are ------------------------------------------------------------------- */

static int compare_numbers(const void *a, const void *b)
{
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    return (first > second) - (first < second);
}

/* Number by a file's name, 0 when it is none of ours (a half-made ".new", a stray copy). */
static uint32_t number_of_name(const char *name)
{
    if (strspn(name, "0123456789") != 8 || strcmp(name + 8, ".qfj") != 0) return 0;
    return (uint32_t)strtoul(name, NULL, 10);
}

static void list_add(void *context, const char *name)
{
    struct segment_list *list = context;
    uint32_t number = number_of_name(name);
    if (number == 0) return;
    if (list->count == list->room) {
        list->room = list->room == 0 ? 64 : 2 * list->room;
        uint32_t *more = realloc(list->numbers, list->room * sizeof *more);
        NEED_MEMORY(more);
        list->numbers = more;
    }
    list->numbers[list->count++] = number;
}

static int list_segments(const char *folder, struct segment_list *ret_list, struct problem *problem)
{
    struct segment_list list = {NULL, 0, 0};
    int r = folder_list(folder, list_add, &list);
    if (r != 0) {
        free(list.numbers);
        return problem_set(problem, r, "%s: cannot read the folder: %s", folder, strerror(-r));
    }
    if (list.count > 0) qsort(list.numbers, list.count, sizeof list.numbers[0], compare_numbers);
    *ret_list = list;
    return 0;
}

bool walk_has(const struct walk *walk, uint32_t number)
{
    const struct segment_list *list = &walk->list;
    return list->count > 0 &&
           bsearch(&number, list->numbers, list->count, sizeof number, compare_numbers) != NULL;
}

/* ---- reading ------------------------------------------------------------------------------- */

int walk_init(struct walk *walk, const struct journal_folder *folder, struct problem *problem)
{
    ENSURE(folder->segment_bytes % BLOCK_ALIGN == 0);
    ENSURE(folder->segment_bytes >= 2 * BLOCK_ALIGN);
    *walk = (struct walk){.folder = folder, .problem = problem, .file = -1, .next_file = -1};
    int r = window_init(&walk->window, folder->segment_bytes);
    if (r != 0) return problem_set(problem, r, "not enough memory");
    r = list_segments(folder->path, &walk->list, problem);
    if (r != 0) window_done(&walk->window);
    return r;
}

static void close_next(struct walk *walk)
{
    if (walk->next_file >= 0) (void)file_close(walk->next_file);
    walk->next_file = -1;
    walk->next_segment = 0;
}

void walk_done(struct walk *walk)
{
    window_done(&walk->window);
    if (walk->file >= 0) (void)file_close(walk->file);
    close_next(walk);
    free(walk->list.numbers);
}

void walk_report(const struct walk *walk)
{
    if (walk->reader == NULL || walk->reader->progress == NULL) return;
    uint64_t done = walk->done_bytes < walk->total_bytes ? walk->done_bytes : walk->total_bytes;
    walk->reader->progress(walk->reader->context, done, walk->total_bytes);
}

int walk_open(struct walk *walk, uint32_t number)
{
    if (walk->segment == number) return 0;
    const bool ahead = walk->next_segment == number;
    window_turn(&walk->window, ahead ? walk->next_file : -1);
    if (walk->file >= 0) (void)file_close(walk->file);
    walk->file = ahead ? walk->next_file : -1;
    walk->segment = 0;
    if (ahead) walk->next_file = -1;
    close_next(walk);
    segment_path(walk->folder->path, number, walk->path);
    uint64_t size = 0;
    int r = ahead ? 0 : file_open(walk->path, window_use(&walk->window), &walk->file);
    if (r == 0) r = file_size(walk->file, &size);
    if (r != 0)
        return problem_set(walk->problem, r, "%s: cannot open the segment: %s", walk->path,
                           strerror(-r));
    if (size != walk->folder->segment_bytes)
        return DAMAGE(walk, size, "the file ends here; a segment has %" PRIu64 " bytes",
                      walk->folder->segment_bytes);
    walk->segment = number;
    return 0;
}

/* Asks for what comes behind the window, in the next segment if need be. */
static void ask_ahead(struct walk *walk)
{
    const uint64_t end = walk->window.start + walk->window.size;
    if (end < walk->folder->segment_bytes) {
        window_ask(&walk->window, walk->file, end);
        return;
    }
    const uint32_t next = walk->segment + 1;
    if (walk->next_segment != next) {
        close_next(walk);
        if (!walk_has(walk, next)) return;
        char path[SEGMENT_PATH_MAX];
        segment_path(walk->folder->path, next, path);
        /* Whoever needs it and cannot have it will say so. */
        if (file_open(path, window_use(&walk->window), &walk->next_file) != 0) return;
        walk->next_segment = next;
    }
    window_ask(&walk->window, walk->next_file, 0);
}

/* Loads the window from `offset` on. */
static int load_window(struct walk *walk, uint64_t offset)
{
    uint64_t failed = offset;
    const int r = window_show(&walk->window, walk->file, offset, &failed);
    if (r != 0)
        return problem_set(walk->problem, r == -ENODATA ? -EIO : r,
                           "%s, offset %" PRIu64 ": cannot read: %s", walk->path, failed,
                           r == -ENODATA ? "the file became shorter" : strerror(-r));
    ask_ahead(walk);
    return 0;
}

int walk_look(struct walk *walk, uint64_t offset, uint64_t size, struct bytes *ret_bytes)
{
    uint64_t rest = walk->folder->segment_bytes - offset;
    if (size > rest) size = rest;
    const struct window *window = &walk->window;
    const bool inside = window->size > 0 && offset >= window->start &&
                        offset + size <= window->start + window->size;
    if (!inside) {
        int r = load_window(walk, offset);
        if (r != 0) return r;
        walk_report(walk);
    }
    *ret_bytes = (struct bytes){window->data + (offset - window->start), size};
    return 0;
}

int walk_look_block(struct walk *walk, uint64_t offset, struct bytes *ret_bytes)
{
    int r = walk_look(walk, offset, BLOCK_ALIGN, ret_bytes);
    if (r != 0 || !block_begins(ret_bytes->data)) return r;
    uint32_t payload_size = le_load32(ret_bytes->data + 28);
    if (payload_size > BLOCK_PAYLOAD_MAX) return 0; /* block_open() refuses it. */
    return walk_look(walk, offset, block_size_on_disk(payload_size), ret_bytes);
}
