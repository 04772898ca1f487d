/* segment_mend -- what a scan has found is made ready to be gone on from: see segments.h. */
#include <errno.h>
#include <stdio.h>

#include "world/linux/crash_point.h"
#include "world/linux/files.h"
#include "world/linux/segment_search.h"

static int open_to_write(const char *path, int *ret_file, struct problem *problem)
{
    int r = file_open(path, FILE_WRITE, ret_file);
    if (r == 0) return 0;
    return problem_set(problem, r, "%s: cannot open the segment to mend it: %s", path,
                       strerror(-r));
}

static int close_written(int file, int r, const char *path, struct problem *problem)
{
    if (r == 0) r = file_sync(file);
    (void)file_close(file);
    if (r == 0) return 0;
    return problem_set(problem, r, "%s: cannot write to the segment: %s", path, strerror(-r));
}

/* Zeroes the pages of the open segment from `offset` on that are not zero. */
static int zero_rest(struct walk *walk, uint64_t offset)
{
    static const uint8_t zeros[BLOCK_ALIGN];
    int file = -1;
    int r = open_to_write(walk->path, &file, walk->problem);
    if (r != 0) return r;
    int written = 0;
    for (; offset < walk->folder->segment_bytes && written == 0; offset += BLOCK_ALIGN) {
        struct bytes page;
        r = walk_look(walk, offset, BLOCK_ALIGN, &page);
        if (r != 0) {
            (void)file_close(file);
            return r;
        }
        if (!bytes_all_zero(page.data, BLOCK_ALIGN))
            written = file_write_all(file, zeros, BLOCK_ALIGN, offset);
        crash_point("mend-zeroing");
    }
    window_forget(&walk->window); /* What it shows is no longer there. */
    crash_point("mend-zeroed");
    return close_written(file, written, walk->path, walk->problem);
}

/* Removes the open segment unless it is all zero and so still a prepared one. */
static int remove_used(struct walk *walk)
{
    struct search search = {.next_block = UINT64_MAX};
    int r = search_segment(walk, &search, 0);
    if (r != 0) return r;
    if (search.used_bytes == 0) return 0;
    r = file_remove(walk->path);
    if (r == 0) return 0;
    return problem_set(walk->problem, r, "%s: cannot remove the segment: %s", walk->path,
                       strerror(-r));
}

static int sync_names(const struct journal_folder *folder, struct problem *problem)
{
    int r = folder_sync(folder->path);
    if (r == 0) return 0;
    return problem_set(problem, r, "%s: cannot sync the folder: %s", folder->path, strerror(-r));
}

static int cut(struct walk *walk, const struct journal_position *position)
{
    struct search search;
    int r = search_behind(walk, position->segment, position->offset, position->next_block, &search);
    if (r != 0) return r;
    if (search.evidence) {
        segment_path(walk->folder->path, search.segment, walk->path);
        return DAMAGE(walk, search.offset, "block %" PRIu64 " stands here and will not be cut away",
                      search.number);
    }
    if (search.used_bytes == 0) return 0;
    /* From the end to the front: stopped half-way, what is left is still a torn tail. */
    for (size_t i = walk->list.count; i-- > 0 && r == 0;) {
        uint32_t number = walk->list.numbers[i];
        if (number < position->segment) break;
        r = walk_open(walk, number);
        if (r != 0) return r;
        r = number == position->segment ? zero_rest(walk, position->offset) : remove_used(walk);
    }
    return r != 0 ? r : sync_names(walk->folder, walk->problem);
}

int segment_cut_tail(const struct journal_folder *folder, const struct journal_position *position,
                     struct problem *problem)
{
    position_check(folder, position);
    struct walk walk;
    int r = walk_init(&walk, folder, problem);
    if (r != 0) return r;
    r = cut(&walk, position);
    walk_done(&walk);
    return r;
}

/* Writes the head that a torn write left out or unfinished; the block behind it is the segment's
 * only one. */
static int write_head(const struct journal_folder *folder, const struct journal_scan *scan,
                      struct problem *problem)
{
    uint8_t page[SEGMENT_HEAD_SIZE];
    segment_head_of(folder, scan->headless, scan->tail.next_block - 1, page);
    char path[SEGMENT_PATH_MAX];
    segment_path(folder->path, scan->headless, path);
    int file = -1;
    int r = open_to_write(path, &file, problem);
    if (r != 0) return r;
    r = file_write_all(file, page, sizeof page, 0);
    return close_written(file, r, path, problem);
}

/* The last block may so far stand in a cache only, and answers to resends rest on it (J1). When its
 * sync has failed, the kernel holds it for written and another sync does nothing: so it is written
 * again as it stands, with the segment's head when it is the first. The blocks before it are
 * durable: none is written sooner. */
static int write_last_again(const struct journal_folder *folder, const struct journal_scan *scan,
                            struct problem *problem)
{
    if (scan->last_offset == 0) return 0;
    struct walk walk;
    int r = walk_init(&walk, folder, problem);
    if (r != 0) return r;
    uint64_t from = scan->last_offset == SEGMENT_HEAD_SIZE ? 0 : scan->last_offset;
    struct bytes bytes;
    int file = -1;
    r = walk_open(&walk, scan->tail.segment);
    if (r == 0) r = walk_look(&walk, from, scan->tail.offset - from, &bytes);
    if (r == 0) r = open_to_write(walk.path, &file, problem);
    if (r == 0) {
        r = file_write_all(file, bytes.data, bytes.size, from);
        r = close_written(file, r, walk.path, problem);
    }
    walk_done(&walk);
    return r;
}

int journal_mend(const struct journal_folder *folder, const struct journal_scan *scan,
                 struct problem *problem)
{
    int r = scan->headless != 0 ? write_head(folder, scan, problem) : 0;
    crash_point("mend-head");
    if (r == 0 && scan->end == JOURNAL_TORN) r = segment_cut_tail(folder, &scan->tail, problem);
    crash_point("mend-cut");
    if (r == 0) r = write_last_again(folder, scan, problem);
    return r != 0 ? r : sync_names(folder, problem);
}
