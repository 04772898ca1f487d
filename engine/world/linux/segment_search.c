/* segment_search -- see segment_search.h. */
#include "world/linux/segment_search.h"

#include <errno.h>

#include "types/ensure.h"

_Static_assert(SEGMENT_HEAD_SIZE == BLOCK_ALIGN, "a segment's head is one page of the search");

void position_check(const struct journal_folder *folder, const struct journal_position *position)
{
    ENSURE(position->segment != 0);
    ENSURE(position->offset % BLOCK_ALIGN == 0);
    ENSURE(position->offset <= folder->segment_bytes);
    ENSURE(position->next_block != 0);
    ENSURE(position->next_seq != 0);
}

bool segment_is_ours(const struct journal_folder *folder, const uint8_t store_id[STORE_ID_SIZE],
                     uint32_t shard)
{
    return shard == folder->shard && memcmp(store_id, folder->store_id, STORE_ID_SIZE) == 0;
}

int segment_judge_head(struct walk *walk, const struct segment_head *head)
{
    if (memcmp(head->store_id, walk->folder->store_id, STORE_ID_SIZE) != 0)
        return DAMAGE(walk, 0, "the segment belongs to another store");
    if (head->shard != walk->folder->shard)
        return DAMAGE(walk, 0, "the segment belongs to shard %" PRIu32 ", not to shard %" PRIu32,
                      head->shard, walk->folder->shard);
    if (head->segment != walk->segment)
        return DAMAGE(walk, 0, "the segment's head says that it is segment %" PRIu32,
                      head->segment);
    return 0;
}

void segment_head_of(const struct journal_folder *folder, uint32_t segment, uint64_t first_block,
                     uint8_t ret_page[SEGMENT_HEAD_SIZE])
{
    struct segment_head head = {
        .shard = folder->shard,
        .segment = segment,
        .first_block = first_block,
    };
    memcpy(head.store_id, folder->store_id, STORE_ID_SIZE);
    segment_head_encode(&head, ret_page);
}

/* ---- the search ------------------------------------------------------------------------------ */

static void search_hit(struct search *search, const struct walk *walk, uint64_t offset,
                       uint64_t number)
{
    search->evidence = true;
    search->segment = walk->segment;
    search->offset = offset;
    search->number = number;
}

/* One page that is not zero. */
static int search_page(struct walk *walk, struct search *search, uint64_t offset,
                       const uint8_t *page)
{
    struct segment_head head;
    struct block block;
    uint8_t hash[BLOCK_HASH_SIZE];
    if (offset == 0 && segment_head_decode((struct bytes){page, BLOCK_ALIGN}, &head)) {
        int r = segment_judge_head(walk, &head);
        if (r != 0) return r;
        /* A head is written with its first block, and that after the one before was durable. */
        if (head.first_block > search->next_block) search_hit(search, walk, 0, head.first_block);
        return 0;
    }
    if (!block_begins(page)) return 0;
    struct bytes source;
    int r = walk_look_block(walk, offset, &source);
    if (r != 0) return r;
    if (block_open(source, &block, hash) != BLOCK_SOUND) return 0;
    if (!segment_is_ours(walk->folder, block.store_id, block.shard)) return 0;
    if (block.number >= search->next_block) search_hit(search, walk, offset, block.number);
    return 0;
}

int search_segment(struct walk *walk, struct search *search, uint64_t offset)
{
    while (offset < walk->folder->segment_bytes && !search->evidence) {
        struct bytes page;
        int r = walk_look(walk, offset, BLOCK_ALIGN, &page);
        if (r != 0) return r;
        search->walked_bytes += BLOCK_ALIGN;
        walk->done_bytes += BLOCK_ALIGN;
        if (!bytes_all_zero(page.data, BLOCK_ALIGN)) {
            search->used_bytes = search->walked_bytes;
            r = search_page(walk, search, offset, page.data);
            if (r != 0) return r;
        }
        offset += BLOCK_ALIGN;
    }
    return 0;
}

int search_behind(struct walk *walk, uint32_t segment, uint64_t offset, uint64_t next_block,
                  struct search *ret_search)
{
    struct search search = {.next_block = next_block};
    for (size_t i = 0; i < walk->list.count && !search.evidence; i++) {
        uint32_t number = walk->list.numbers[i];
        if (number < segment) continue;
        int r = walk_open(walk, number);
        if (r != 0) return r;
        uint64_t used = search.used_bytes;
        r = search_segment(walk, &search, number == segment ? offset : 0);
        if (r != 0) return r;
        if (number > segment && search.used_bytes != used && search.used_segment == 0)
            search.used_segment = number;
    }
    *ret_search = search;
    return 0;
}
