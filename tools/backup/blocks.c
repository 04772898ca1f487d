#include "tools/backup/blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal/entry.h"

#define WINDOW_BYTES (UINT64_C(4) << 20)
#define BLOCK_MAX    (BLOCK_HEAD_SIZE + BLOCK_PAYLOAD_MAX)

_Static_assert(WINDOW_BYTES > 2 * BLOCK_MAX, "a window holds any block");

int blocks_open(struct blocks *blocks, const struct journal_folder *folder,
                const struct journal_position *start, int64_t stamp_ms, bool past_cache,
                struct problem *problem)
{
    *blocks = (struct blocks){
        .folder = *folder,
        .position = *start,
        .stamp_ms = stamp_ms,
        .past_cache = past_cache,
        .fd = -1,
    };
    void *window = NULL;
    if (posix_memalign(&window, BLOCK_ALIGN, WINDOW_BYTES) != 0)
        return problem_set(problem, -ENOMEM, "not enough memory");
    blocks->window = window;
    return 0;
}

static void close_segment(struct blocks *blocks)
{
    if (blocks->fd >= 0) close(blocks->fd);
    blocks->fd = -1;
    blocks->open = 0;
    blocks->window_size = 0;
}

void blocks_close(struct blocks *blocks)
{
    close_segment(blocks);
    free(blocks->window);
    blocks->window = NULL;
}

const char *blocks_path(const struct blocks *blocks, uint32_t segment)
{
    static _Thread_local char path[SEGMENT_PATH_MAX];
    segment_path(blocks->folder.path, segment, path);
    return path;
}

#define DAMAGE(blocks, segment, offset, format, ...)                  \
    problem_set(problem, -EUCLEAN, "%s, offset %" PRIu64 ": " format, \
                blocks_path(blocks, segment), (uint64_t)(offset), ##__VA_ARGS__)

/* ---- bytes ---------------------------------------------------------------------------------- */

/* 1, 0 when there is no such file, or an error. */
static int open_segment(struct blocks *blocks, uint32_t segment, struct problem *problem)
{
    if (blocks->open == segment) return 1;
    close_segment(blocks);
    const char *path = blocks_path(blocks, segment);
    const int flags = O_RDONLY | O_CLOEXEC;
    blocks->fd = open(path, flags | (blocks->past_cache ? O_DIRECT : 0));
    if (blocks->fd < 0 && errno == EINVAL) blocks->fd = open(path, flags); /* No O_DIRECT here. */
    if (blocks->fd < 0 && errno == ENOENT) return 0;
    struct stat status;
    if (blocks->fd < 0 || fstat(blocks->fd, &status) != 0)
        return problem_set(problem, -errno, "%s: cannot open the segment: %s", path,
                           strerror(errno));
    blocks->open = segment;
    blocks->size = (uint64_t)status.st_size;
    return 1;
}

/* Reads the window from `offset`, a multiple of BLOCK_ALIGN, on. */
static int load(struct blocks *blocks, uint64_t offset, struct problem *problem)
{
    blocks->window_at = offset;
    blocks->window_size = 0;
    while (blocks->window_size < WINDOW_BYTES) {
        const ssize_t got =
            pread(blocks->fd, blocks->window + blocks->window_size,
                  WINDOW_BYTES - blocks->window_size, (off_t)(offset + blocks->window_size));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0)
            return problem_set(problem, -errno, "%s, offset %" PRIu64 ": cannot read: %s",
                               blocks_path(blocks, blocks->open), offset + blocks->window_size,
                               strerror(errno));
        blocks->window_size += (uint64_t)got;
        /* The end; or less than was asked for, and past the cache it cannot go on from there. */
        if (got == 0 || blocks->window_size % BLOCK_ALIGN != 0) break;
    }
    return 0;
}

/* As much of the open segment from `offset` on as a block may need; less at its end. `again`: what
 * was read before may be old. */
static int look(struct blocks *blocks, uint64_t offset, bool again, struct bytes *ret_bytes,
                struct problem *problem)
{
    const uint64_t rest = offset < blocks->size ? blocks->size - offset : 0;
    const uint64_t want = rest < BLOCK_MAX ? rest : BLOCK_MAX;
    const bool inside =
        offset >= blocks->window_at && offset + want <= blocks->window_at + blocks->window_size;
    if (!inside || again) {
        const int r = load(blocks, offset, problem);
        if (r != 0) return r;
    }
    const uint64_t skip = offset - blocks->window_at;
    const uint64_t there = blocks->window_size > skip ? blocks->window_size - skip : 0;
    *ret_bytes = (struct bytes){blocks->window + skip, there < want ? there : want};
    return 0;
}

/* ---- judging -------------------------------------------------------------------------------- */

/* Every entry of the block, by its own sum; numbers and times go on from the ones before. */
static const char *check_entries(const struct blocks *blocks, const struct block *block,
                                 struct found_block *found)
{
    struct bytes rest = block->payload;
    int64_t stamp_ms = blocks->stamp_ms;
    for (uint32_t i = 0; i < block->entry_count; i++) {
        struct entry entry;
        const size_t size = entry_decode(rest, &entry);
        if (size == 0) return "an entry in it does not match its checksum";
        if (entry.seq != block->first_seq + i) return "the numbers of its entries have a gap";
        if (entry.stamp_ms < stamp_ms) return "the time of its entries goes back";
        stamp_ms = entry.stamp_ms;
        if (i == 0) found->first_stamp_ms = stamp_ms;
        rest.data += size;
        rest.size -= size;
    }
    if (block->entry_count == 0) return "it has no entries";
    found->stamp_ms = stamp_ms;
    return rest.size == 0 ? NULL : "bytes follow its last entry";
}

/* What is wrong with a sound block as the next one; NULL: nothing. */
static const char *check_block(const struct blocks *blocks, const struct block *block)
{
    const struct journal_position *at = &blocks->position;
    if (memcmp(block->store_id, blocks->folder.store_id, STORE_ID_SIZE) != 0 ||
        block->shard != blocks->folder.shard)
        return "this block belongs to another store or shard";
    if (block->number != at->next_block) return "this block has not the number that comes next";
    if (memcmp(block->previous, at->previous, BLOCK_HASH_SIZE) != 0)
        return "this block does not follow the block before it: the hash chain is broken";
    if (block->first_seq != at->next_seq) return "this block does not begin with the next entry";
    return NULL;
}

/* A segment's head as the engine writes it before block `first_block`; nothing else counts. */
static bool head_is(const struct blocks *blocks, struct bytes page, uint32_t segment,
                    uint64_t first_block)
{
    uint8_t want[SEGMENT_HEAD_SIZE];
    struct segment_head head = {
        .shard = blocks->folder.shard,
        .segment = segment,
        .first_block = first_block,
    };
    memcpy(head.store_id, blocks->folder.store_id, STORE_ID_SIZE);
    segment_head_encode(&head, want);
    return page.size >= sizeof want && memcmp(page.data, want, sizeof want) == 0;
}

/* Takes the block at {segment, offset} of the open file if it is the next one: 1, else 0. */
static int take(struct blocks *blocks, uint64_t offset, bool again, struct found_block *ret_found,
                struct problem *problem)
{
    struct bytes source;
    struct block block;
    uint8_t hash[BLOCK_HASH_SIZE];
    int r = look(blocks, offset, again, &source, problem);
    if (r != 0) return r;
    if (block_open(source, &block, hash) != BLOCK_SOUND) return 0;
    if (block.number < blocks->position.next_block) return 0; /* A remnant of a torn write. */

    const char *wrong = check_block(blocks, &block);
    if (wrong == NULL) wrong = check_entries(blocks, &block, ret_found);
    if (wrong != NULL)
        return DAMAGE(blocks, blocks->open, offset, "%s (block %" PRIu64 " is expected)", wrong,
                      blocks->position.next_block);
    const size_t size = block_size_on_disk(block.payload.size);
    ret_found->block = block;
    ret_found->bytes = (struct bytes){source.data, size};
    ret_found->segment = blocks->open;
    ret_found->offset = offset;
    blocks->stamp_ms = ret_found->stamp_ms;
    blocks->position.segment = blocks->open;
    blocks->position.offset = offset + size;
    blocks->position.next_block = block.number + 1;
    blocks->position.next_seq = block.first_seq + block.entry_count;
    memcpy(blocks->position.previous, hash, BLOCK_HASH_SIZE);
    return 1;
}

/* The first block of a segment, with the head before it. */
static int enter(struct blocks *blocks, uint32_t segment, struct found_block *ret_found,
                 struct problem *problem)
{
    struct bytes page;
    int r = open_segment(blocks, segment, problem);
    if (r <= 0) return r;
    r = look(blocks, 0, true, &page, problem);
    if (r != 0) return r;
    if (segment != blocks->headless && !head_is(blocks, page, segment, blocks->position.next_block))
        return 0;
    return take(blocks, SEGMENT_HEAD_SIZE, false, ret_found, problem);
}

/* ---- the walk ------------------------------------------------------------------------------- */

int blocks_next(struct blocks *blocks, struct found_block *ret_found, struct problem *problem)
{
    const uint32_t segment = blocks->position.segment;
    const uint64_t offset = blocks->position.offset;
    if (offset == 0) return enter(blocks, segment, ret_found, problem);

    int r = open_segment(blocks, segment, problem);
    if (r <= 0) return r;
    r = take(blocks, offset, false, ret_found, problem);
    if (r == 0) r = take(blocks, offset, true, ret_found, problem);
    return r != 0 ? r : enter(blocks, segment + 1, ret_found, problem);
}

int blocks_missing(const struct blocks *blocks, uint64_t want_seq, struct problem *problem)
{
    const struct journal_position *at = &blocks->position;
    const uint64_t offset = at->offset;
    return DAMAGE(blocks, at->segment, offset,
                  "block %" PRIu64 " should stand here, or begin the next segment, and is missing "
                  "or damaged; entries up to %" PRIu64 " must be there",
                  at->next_block, want_seq);
}
