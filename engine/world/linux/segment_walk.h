/* segment_walk -- a shard's segments, one of them open, read through a window (window.h).
 *
 * For scanning and mending alone (segments.c, segment_search.c, segment_mend.c). Knows where files
 * and blocks begin and end; what stands there is judged by who looks. */
#ifndef WORLD_LINUX_SEGMENT_WALK_H
#define WORLD_LINUX_SEGMENT_WALK_H

#include <inttypes.h>

#include "world/linux/segments.h"
#include "world/linux/window.h"

struct segment_list {
    uint32_t *numbers; /* Ascending; heap. */
    size_t count;
    size_t room;
};

/* A scan at work: one open segment and a window into it; the next one is opened when the window
 * reaches the end. */
struct walk {
    const struct journal_folder *folder;
    const struct journal_reader *reader;
    struct problem *problem;
    struct segment_list list;

    uint32_t segment; /* The open one; 0: none. */
    int file;
    char path[SEGMENT_PATH_MAX];
    uint32_t next_segment; /* Opened ahead; 0: none. */
    int next_file;
    struct window window;

    uint64_t done_bytes, total_bytes;
    struct journal_scan scan;
};

/* Damage at a place in the open segment. */
#define DAMAGE(walk, offset, format, ...)                                                   \
    problem_set((walk)->problem, -EUCLEAN, "%s, offset %" PRIu64 ": " format, (walk)->path, \
                (uint64_t)(offset), ##__VA_ARGS__)

/* Lists the folder's segments; none is open. 0, or a negative errno and a problem. */
int walk_init(struct walk *walk, const struct journal_folder *folder, struct problem *problem);
void walk_done(struct walk *walk);

/* True when there is a segment of that number. */
bool walk_has(const struct walk *walk, uint32_t number);

/* Opens a segment that is in the list, and checks its size. */
int walk_open(struct walk *walk, uint32_t number);

/* Bytes of the open segment from `offset`: `size` of them or up to its end. Borrowed until the next
 * call. */
int walk_look(struct walk *walk, uint64_t offset, uint64_t size, struct bytes *ret_bytes);

/* Bytes from `offset`: as many as the block there says it has, at least a page. */
int walk_look_block(struct walk *walk, uint64_t offset, struct bytes *ret_bytes);

/* Tells the reader, if there is one that asks, how much is done. */
void walk_report(const struct walk *walk);

#endif
