#include "tools/verify/chain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

const char *chain_place_text(place_t place)
{
    static _Thread_local char text[64];
    snprintf(text, sizeof text, "journal/%08u.qfj, byte %u", (unsigned)(place >> 32) + 1,
             (unsigned)place);
    return text;
}

static place_t place_of(uint32_t segment, size_t offset)
{
    return (uint64_t)segment << 32 | (uint32_t)offset;
}

/* Maps one file. Gives 1, 0 when there is no such file, -1 with a finding. */
static int map_segment(const char *path, struct segment_map *ret_map, struct finding *finding)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return 0;
    if (fd < 0) {
        finding_set(finding, "%s: %s", path, strerror(errno));
        return -1;
    }
    struct stat stat;
    if (fstat(fd, &stat) != 0 || stat.st_size < SEGMENT_HEAD_SIZE || stat.st_size > UINT32_MAX) {
        finding_set(finding, "%s: not the size of a segment", path);
        close(fd);
        return -1;
    }
    void *data = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (data == MAP_FAILED) {
        finding_set(finding, "%s: %s", path, strerror(errno));
        return -1;
    }
    madvise(data, (size_t)stat.st_size, MADV_SEQUENTIAL);
    *ret_map = (struct segment_map){data, (size_t)stat.st_size};
    return 1;
}

/* Checks a segment's head. It may still be zero: the file was made ready and not used, or the write
 * of head and first block was cut off between the two. */
static bool check_head(const struct chain *chain, const struct segment_map *map, uint32_t index,
                       struct finding *finding)
{
    struct segment_head head;
    const struct bytes source = {map->data, SEGMENT_HEAD_SIZE};
    const place_t place = place_of(index, 0);

    if (!segment_head_decode(source, &head)) {
        if (bytes_all_zero(map->data, SEGMENT_HEAD_SIZE)) return true;
        return finding_set(finding, "shard %u, %s: no sound segment head", chain->shard,
                           chain_place_text(place));
    }
    if (memcmp(head.store_id, chain->store_id, STORE_ID_SIZE) != 0 || head.shard != chain->shard ||
        head.segment != index + 1) {
        return finding_set(finding, "shard %u, %s: the segment is another store's or shard's",
                           chain->shard, chain_place_text(place));
    }
    return true;
}

/* Segments are without gaps: none has a greater number than the last one that was mapped. */
static bool none_beyond(const struct chain *chain, struct finding *finding)
{
    DIR *folder = opendir(chain->folder);
    if (folder == NULL) return finding_set(finding, "%s: %s", chain->folder, strerror(errno));
    uint32_t greatest = 0;
    for (const struct dirent *file; (file = readdir(folder)) != NULL;) {
        if (strspn(file->d_name, "0123456789") != 8 || strcmp(file->d_name + 8, ".qfj") != 0)
            continue;
        const uint32_t number = (uint32_t)strtoul(file->d_name, NULL, 10);
        if (number > greatest) greatest = number;
    }
    closedir(folder);
    if (greatest <= chain->segment_count) return true;
    return finding_set(finding, "shard %u, journal/%08u.qfj: the segment is missing; there is %08u",
                       chain->shard, chain->segment_count + 1, greatest);
}

bool chain_open(struct chain *chain, const char *folder, const uint8_t store_id[STORE_ID_SIZE],
                uint32_t shard, struct finding *finding)
{
    memset(chain, 0, sizeof *chain);
    snprintf(chain->folder, sizeof chain->folder, "%s", folder);
    memcpy(chain->store_id, store_id, STORE_ID_SIZE);
    chain->shard = shard;
    chain->offset = SEGMENT_HEAD_SIZE;
    chain->next_block = 1;
    chain->next_seq = 1;
    chain->stamp_ms = INT64_MIN;
    block_chain_start(store_id, shard, chain->previous);

    for (uint32_t index = 0;; index++) {
        char path[sizeof chain->folder + 32];
        struct segment_map map;
        snprintf(path, sizeof path, "%s/%08u.qfj", folder, index + 1);
        const int there = map_segment(path, &map, finding);
        if (there <= 0) return there == 0 && none_beyond(chain, finding);
        if (index > 0 && map.size != chain->segments[0].size) {
            munmap((void *)(uintptr_t)map.data, map.size);
            return finding_set(finding, "%s: %zu bytes, segment 1 has %zu", path, map.size,
                               chain->segments[0].size);
        }

        void *more = realloc(chain->segments, (index + 1) * sizeof *chain->segments);
        if (more == NULL) return finding_set(finding, "out of memory");
        chain->segments = more;
        chain->segments[index] = map;
        chain->segment_count = index + 1;
        if (!check_head(chain, &map, index, finding)) return false;
    }
}

void chain_close(struct chain *chain)
{
    for (uint32_t i = 0; i < chain->segment_count; i++)
        munmap((void *)(uintptr_t)chain->segments[i].data, chain->segments[i].size);
    free(chain->segments);
    chain->segments = NULL;
    chain->segment_count = 0;
}

/* Is there a sound block of this store at or after the place, in any segment? Then what stands at
 * the place is no torn tail. */
static bool block_follows(const struct chain *chain, uint32_t segment, size_t offset,
                          place_t *ret_place)
{
    for (uint32_t s = segment; s < chain->segment_count; s++) {
        const struct segment_map *map = &chain->segments[s];
        for (size_t o = s == segment ? offset : SEGMENT_HEAD_SIZE; o + BLOCK_HEAD_SIZE <= map->size;
             o += BLOCK_ALIGN) {
            struct block block;
            uint8_t hash[BLOCK_HASH_SIZE];
            const struct bytes source = {map->data + o, map->size - o};
            if (bytes_all_zero(source.data, 8) || block_open(source, &block, hash) != BLOCK_SOUND)
                continue;
            if (memcmp(block.store_id, chain->store_id, STORE_ID_SIZE) != 0) continue;
            *ret_place = place_of(s, o);
            return true;
        }
    }
    return false;
}

/* The block that comes next stands at the place but for one bit. A torn write is never like that:
 * it misses whole sectors. False with a finding. */
static bool no_flip(const struct chain *chain, uint32_t segment, size_t offset,
                    struct finding *finding)
{
    if (segment >= chain->segment_count || offset >= chain->segments[segment].size) return true;
    const struct segment_map *map = &chain->segments[segment];
    const struct bytes source = {map->data + offset, map->size - offset};
    uint64_t bit;
    if (!block_find_flip(source, &bit)) return true;
    return finding_set(finding,
                       "shard %u, %s: bit %u of this byte is wrong; block %" PRIu64
                       " is whole but for it",
                       chain->shard, chain_place_text(place_of(segment, offset + bit / 8)),
                       (unsigned)(bit % 8), chain->next_block);
}

/* What is not zero behind the last block. */
struct rest {
    uint64_t bits;  /* Set. */
    place_t first;  /* Byte that is not zero, */
    place_t beyond; /* and the first one where no write can have been under way; 0: none. */
};

static void add_rest(struct rest *rest, const struct segment_map *map, uint32_t segment,
                     size_t offset, size_t reach)
{
    for (; offset < map->size; offset += BLOCK_ALIGN) {
        if (bytes_all_zero(map->data + offset, BLOCK_ALIGN)) continue;
        for (size_t i = offset; i < offset + BLOCK_ALIGN; i++) {
            if (map->data[i] == 0) continue;
            if (rest->bits == 0) rest->first = place_of(segment, i);
            if (rest->beyond == 0 && i >= reach) rest->beyond = place_of(segment, i);
            rest->bits += (unsigned)__builtin_popcount(map->data[i]);
        }
    }
}

/* Everything behind the last block, to the end of the last segment. A write that was under way
 * went to the next place in this segment, or with its head to the front of the next one. */
static struct rest rest_of(const struct chain *chain)
{
    const size_t block_max = BLOCK_HEAD_SIZE + BLOCK_PAYLOAD_MAX;
    struct rest rest = {0};
    for (uint32_t s = chain->segment; s < chain->segment_count; s++) {
        const size_t from = s == chain->segment ? chain->offset : 0;
        const size_t reach = s == chain->segment       ? from + block_max
                             : s == chain->segment + 1 ? SEGMENT_HEAD_SIZE + block_max
                                                       : 0;
        add_rest(&rest, &chain->segments[s], s, from, reach);
    }
    return rest;
}

/* Looks at what stands where no sound block stands any more. */
static enum chain_step end_of_chain(struct chain *chain, struct finding *finding)
{
    const struct segment_map *map = &chain->segments[chain->segment];
    place_t here = place_of(chain->segment, chain->offset);
    place_t later;
    if (block_follows(chain, chain->segment, chain->offset, &later)) {
        char text[64];
        /* This segment ends as it should: the damaged one is the next one's first. */
        if (later >> 32 != chain->segment &&
            bytes_all_zero(map->data + chain->offset, map->size - chain->offset))
            here = place_of(chain->segment + 1, SEGMENT_HEAD_SIZE);
        snprintf(text, sizeof text, "%s", chain_place_text(later));
        finding_set(finding, "shard %u, %s: block %llu is damaged, a later one stands at %s",
                    chain->shard, chain_place_text(here), (unsigned long long)chain->next_block,
                    text);
        return CHAIN_BROKEN;
    }
    if (!no_flip(chain, chain->segment, chain->offset, finding) ||
        !no_flip(chain, chain->segment + 1, SEGMENT_HEAD_SIZE, finding)) {
        return CHAIN_BROKEN;
    }
    const struct rest rest = rest_of(chain);
    if (rest.bits == 1 || rest.beyond != 0) {
        finding_set(finding, "shard %u, %s: not zero, and nothing was ever written here",
                    chain->shard, chain_place_text(rest.bits == 1 ? rest.first : rest.beyond));
        return CHAIN_BROKEN;
    }
    chain->torn = rest.bits != 0;
    return CHAIN_END;
}

static bool check_block(const struct chain *chain, const struct block *block,
                        struct finding *finding)
{
    const char *what = NULL;
    if (memcmp(block->store_id, chain->store_id, STORE_ID_SIZE) != 0) {
        what = "belongs to another store";
    } else if (block->shard != chain->shard) {
        what = "belongs to another shard";
    } else if (block->number != chain->next_block) {
        what = "has not the next number";
    } else if (block->first_seq != chain->next_seq) {
        what = "does not begin with the next entry";
    } else if (memcmp(block->previous, chain->previous, BLOCK_HASH_SIZE) != 0) {
        what = "does not follow by hash the block before it";
    } else if (block->entry_count == 0) {
        what = "is empty";
    }
    if (what == NULL) return true;
    return finding_set(finding, "shard %u, %s: block %llu %s (want block %llu, seq %llu)",
                       chain->shard, chain_place_text(place_of(chain->segment, chain->offset)),
                       (unsigned long long)block->number, what,
                       (unsigned long long)chain->next_block, (unsigned long long)chain->next_seq);
}

/* The next segment begins with the block that should follow. */
static bool goes_on(const struct chain *chain)
{
    if (chain->segment + 1 >= chain->segment_count) return false;
    const struct segment_map *map = &chain->segments[chain->segment + 1];
    const struct bytes source = {map->data + SEGMENT_HEAD_SIZE, map->size - SEGMENT_HEAD_SIZE};
    struct block block;
    uint8_t hash[BLOCK_HASH_SIZE];
    return source.size >= BLOCK_HEAD_SIZE && block_open(source, &block, hash) == BLOCK_SOUND &&
           block.number == chain->next_block;
}

/* Steps to the next block, over a segment's unused end where there is one. */
static enum chain_step next_block(struct chain *chain, struct finding *finding)
{
    for (;;) {
        if (chain->segment >= chain->segment_count) return CHAIN_END;
        const struct segment_map *map = &chain->segments[chain->segment];
        const struct bytes source = {map->data + chain->offset, map->size - chain->offset};
        struct block block;
        uint8_t hash[BLOCK_HASH_SIZE];
        const enum block_state state =
            source.size < BLOCK_HEAD_SIZE ? BLOCK_EMPTY : block_open(source, &block, hash);

        if (state == BLOCK_SOUND) {
            if (!check_block(chain, &block, finding)) return CHAIN_BROKEN;
            chain->payload = block.payload;
            chain->payload_offset = chain->offset + BLOCK_HEAD_SIZE;
            chain->entries_left = block.entry_count;
            const size_t size = block_size_on_disk(block.payload.size);
            const size_t used = BLOCK_HEAD_SIZE + block.payload.size;
            if (size > source.size || !bytes_all_zero(source.data + used, size - used)) {
                finding_set(finding, "shard %u, %s: padding of block %llu is not zero",
                            chain->shard, chain_place_text(place_of(chain->segment, chain->offset)),
                            (unsigned long long)block.number);
                return CHAIN_BROKEN;
            }
            memcpy(chain->previous, hash, BLOCK_HASH_SIZE);
            chain->offset += size;
            chain->bytes += size;
            chain->next_block++;
            return CHAIN_ENTRY;
        }

        if (!goes_on(chain)) return end_of_chain(chain, finding);
        size_t used = 0;
        while (used < source.size && source.data[used] == 0)
            used++;
        if (used < source.size) {
            finding_set(finding, "shard %u, %s: the unused end of the segment is not zero",
                        chain->shard,
                        chain_place_text(place_of(chain->segment, chain->offset + used)));
            return CHAIN_BROKEN;
        }
        chain->segment++;
        chain->offset = SEGMENT_HEAD_SIZE;
    }
}

enum chain_step chain_next(struct chain *chain, struct entry *ret_entry, place_t *ret_place,
                           struct finding *finding)
{
    if (chain->entries_left == 0) {
        const enum chain_step step = next_block(chain, finding);
        if (step != CHAIN_ENTRY) return step;
    }
    /* The block stands before chain->offset; it may be the last of its segment. */
    const place_t place = place_of(chain->segment, chain->payload_offset);
    const size_t size = entry_decode(chain->payload, ret_entry);
    const char *what = NULL;
    if (size == 0) {
        what = "no sound entry";
    } else if (ret_entry->seq != chain->next_seq) {
        what = "the number does not follow";
    } else if (ret_entry->stamp_ms < chain->stamp_ms) {
        what = "the time goes back";
    } else if (ret_entry->kind == 0 || ret_entry->kind >= ENTRY_KIND_END) {
        what = "an unknown kind";
    } else if ((ret_entry->flags & ~ENTRY_FLAGS_ALL) != 0) {
        what = "an unknown flag";
    } else if (chain->entries_left == 1 && size != chain->payload.size) {
        what = "bytes follow the last entry of its block";
    }
    if (what != NULL) {
        finding_set(finding, "shard %u, %s, seq %llu: %s", chain->shard, chain_place_text(place),
                    (unsigned long long)chain->next_seq, what);
        return CHAIN_BROKEN;
    }
    chain->payload.data += size;
    chain->payload.size -= size;
    chain->payload_offset += size;
    chain->entries_left--;
    chain->next_seq++;
    chain->stamp_ms = ret_entry->stamp_ms;
    chain->entries++;
    *ret_place = place;
    return CHAIN_ENTRY;
}

struct entry chain_entry(const struct chain *chain, place_t place)
{
    struct entry entry = {0};
    const struct segment_map *map = &chain->segments[place >> 32];
    const size_t offset = (uint32_t)place;
    (void)entry_decode_trusted((struct bytes){map->data + offset, map->size - offset}, &entry);
    return entry;
}

struct bytes chain_entry_bytes(const struct chain *chain, place_t place)
{
    struct entry entry;
    const struct segment_map *map = &chain->segments[place >> 32];
    const size_t offset = (uint32_t)place;
    const size_t size =
        entry_decode_trusted((struct bytes){map->data + offset, map->size - offset}, &entry);
    return (struct bytes){map->data + offset, size};
}
