/* ends -- where the journals of a store end that no engine has open; see backup.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/backup/backup.h"
#include "tools/backup/blocks.h"

/* The position before the first block of a segment, by the segment itself: 1; 0 when it is not
 * begun, or what begins it is a torn write, so that the segment before decides. */
static int segment_start(const struct journal_folder *folder, uint32_t segment,
                         struct journal_position *ret_position, struct problem *problem)
{
    char path[SEGMENT_PATH_MAX];
    const size_t size = SEGMENT_HEAD_SIZE + BLOCK_HEAD_SIZE + BLOCK_PAYLOAD_MAX;
    segment_path(folder->path, segment, path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *page = malloc(size);
    ssize_t got = fd < 0 || page == NULL ? -1 : pread(fd, page, size, 0);
    struct segment_head head;
    struct block block;
    uint8_t hash[BLOCK_HASH_SIZE];
    int r = 0;
    if (got < 0) {
        r = problem_set(problem, page == NULL ? -ENOMEM : -errno, "%s: cannot read the segment",
                        path);
    } else if (got > SEGMENT_HEAD_SIZE &&
               segment_head_decode((struct bytes){page, SEGMENT_HEAD_SIZE}, &head)) {
        const struct bytes source = {page + SEGMENT_HEAD_SIZE, (size_t)got - SEGMENT_HEAD_SIZE};
        if (block_open(source, &block, hash) == BLOCK_SOUND && block.number == head.first_block) {
            *ret_position = (struct journal_position){
                .segment = segment,
                .offset = SEGMENT_HEAD_SIZE,
                .next_block = block.number,
                .next_seq = block.first_seq,
            };
            memcpy(ret_position->previous, block.previous, BLOCK_HASH_SIZE);
            r = 1;
        }
    }
    if (fd >= 0) close(fd);
    free(page);
    return r;
}

static bool has_segment(const struct journal_folder *folder, uint32_t segment)
{
    char path[SEGMENT_PATH_MAX];
    segment_path(folder->path, segment, path);
    return access(path, F_OK) == 0;
}

/* What was read may so far stand in the device's cache only; a start syncs it, too. */
static int sync_segment(const struct journal_folder *folder, uint32_t segment,
                        struct problem *problem)
{
    char path[SEGMENT_PATH_MAX];
    segment_path(folder->path, segment, path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const int r = fd < 0 || fdatasync(fd) != 0 ? -errno : 0;
    if (fd >= 0) close(fd);
    if (r == 0) return 0;
    return problem_set(problem, r, "%s: cannot sync the segment: %s", path, strerror(-r));
}

/* The last entry of one journal, and what a start would mend before it, by the engine's own rule
 * for its tail (segments.h). */
static int find_end(const struct journal_folder *folder, uint64_t *ret_seq, uint32_t *ret_headless,
                    struct problem *problem)
{
    struct journal_position start;
    struct journal_scan scan;
    const struct journal_reader reader = {0};
    uint32_t segment = 1;
    int r = 0;
    while (has_segment(folder, segment))
        segment++;
    while (r == 0 && --segment != 0)
        r = segment_start(folder, segment, &start, problem);
    if (r < 0) return r;
    if (r == 0) journal_start(folder, &start);
    r = journal_scan(folder, &start, &reader, &scan, problem);
    if (r != 0) return r;
    *ret_seq = scan.tail.next_seq - 1;
    *ret_headless = scan.headless;
    if (scan.tail.offset == 0) return 0;
    return sync_segment(folder, scan.tail.segment, problem);
}

int backup_ends(const struct layout *layout, struct backup_engine *engine, struct problem *problem)
{
    engine->stopped = true;
    for (uint32_t s = 0; s < layout->shards; s++) {
        char path[LAYOUT_PATH_MAX];
        const struct journal_folder folder = journal_folder_of(path, layout->store_id, s);
        layout_journal_path(layout, s, path);
        const int r = find_end(&folder, &engine->durable_seq[s], &engine->headless[s], problem);
        if (r != 0) return r;
    }
    return 0;
}
