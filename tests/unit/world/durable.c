#include "tests/unit/world/durable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "tests/lib/unit.h"

void durable_begin(struct durable *durable)
{
    memset(durable, 0, sizeof *durable);
    durable->segment = 1;
    durable->offset = SEGMENT_HEAD_SIZE;
}

void durable_end(struct durable *durable)
{
    for (uint32_t i = 0; i < FAKE_SEGMENTS_MAX; i++)
        free(durable->segments[i]);
    free(durable->writes);
}

static const uint8_t *segment(struct durable *durable, uint32_t number)
{
    if (durable->segments[number] == NULL) {
        durable->segments[number] = calloc(1, DURABLE_SEGMENT_BYTES);
        assert_non_null(durable->segments[number]);
    }
    return durable->segments[number];
}

/* The sound block there with the next number; false when there is none. */
static bool next_block(struct durable *durable, uint32_t number, uint64_t offset)
{
    struct block block;
    uint8_t hash[BLOCK_HASH_SIZE];
    if (offset >= DURABLE_SEGMENT_BYTES) return false;
    const struct bytes rest = {segment(durable, number) + offset, DURABLE_SEGMENT_BYTES - offset};
    if (block_open(rest, &block, hash) != BLOCK_SOUND || block.number != durable->block + 1)
        return false;
    durable->segment = number;
    durable->offset = offset + block_size_on_disk(block.payload.size);
    durable->block = block.number;
    durable->seq = block.first_seq + block.entry_count - 1;
    return true;
}

/* A new segment counts when its head is there. */
static bool next_segment(struct durable *durable)
{
    const uint32_t number = durable->segment + 1;
    struct segment_head head;
    if (number >= FAKE_SEGMENTS_MAX) return false;
    const struct bytes page = {segment(durable, number), SEGMENT_HEAD_SIZE};
    if (!segment_head_decode(page, &head) || head.first_block != durable->block + 1) return false;
    return next_block(durable, number, SEGMENT_HEAD_SIZE);
}

static void make_durable(struct durable *durable, const struct durable_write *write)
{
    assert_true(write->offset + write->size <= DURABLE_SEGMENT_BYTES);
    (void)segment(durable, write->segment);
    memcpy(durable->segments[write->segment] + write->offset, write->bytes, write->size);
    while (next_block(durable, durable->segment, durable->offset) || next_segment(durable)) {
    }
}

static void note_started(struct durable *durable, const struct fake_event *event)
{
    uint32_t i = 0;
    while (durable->started[i].op != 0)
        assert_in_range(++i, 0, DURABLE_SYNCS_MAX - 1);
    durable->started[i].op = event->op;
    durable->started[i].bytes = event->bytes;
}

static void write_ended(struct durable *durable, const struct fake_event *event)
{
    uint32_t i = 0;
    while (durable->started[i].op != event->op)
        assert_in_range(++i, 0, DURABLE_SYNCS_MAX - 1);
    durable->started[i].op = 0;
    if (event->result <= 0) return;
    const struct durable_write write = {event->segment, event->offset, (size_t)event->result,
                                        durable->started[i].bytes};
    if ((event->rw_flags & RWF_DSYNC) != 0) make_durable(durable, &write);
    if (durable->write_count == durable->write_room) {
        durable->write_room = durable->write_room * 2 + 256;
        durable->writes = realloc(durable->writes, durable->write_room * sizeof *durable->writes);
        assert_non_null(durable->writes);
    }
    durable->writes[durable->write_count++] = write;
}

static void sync_started(struct durable *durable, const struct fake_event *event)
{
    uint32_t i = 0;
    while (durable->syncs[i].op != 0)
        assert_in_range(++i, 0, DURABLE_SYNCS_MAX - 1);
    durable->syncs[i] = (struct durable_sync){event->op, durable->write_count};
}

static void sync_ended(struct durable *durable, const struct fake_event *event)
{
    uint32_t i = 0;
    while (i < DURABLE_SYNCS_MAX && durable->syncs[i].op != event->op)
        i++;
    if (i == DURABLE_SYNCS_MAX) return; /* Cancelled before it began. */
    durable->syncs[i].op = 0;
    if (event->result != 0) return;
    bool all = true;
    for (size_t w = durable->first; w < durable->syncs[i].mark; w++) {
        if (durable->writes[w].segment != event->segment) {
            all = false; /* Another file's: not this sync's matter. */
            continue;
        }
        make_durable(durable, &durable->writes[w]);
    }
    if (all && durable->first < durable->syncs[i].mark) durable->first = durable->syncs[i].mark;
}

void durable_event(struct durable *durable, const struct fake_event *event)
{
    if (event->segment == 0) return;
    if (event->opcode == IORING_OP_WRITE) {
        if (event->kind == FAKE_START) note_started(durable, event);
        if (event->kind == FAKE_END) write_ended(durable, event);
    } else if (event->opcode == IORING_OP_FSYNC) {
        if (event->kind == FAKE_START) sync_started(durable, event);
        if (event->kind == FAKE_END) sync_ended(durable, event);
    }
}
