#include "world/linux/journal_writer.h"

#include <errno.h>
#include <stdio.h>

#include "types/ensure.h"
#include "world/linux/crash_point.h"
#include "world/linux/files.h"
#include "world/linux/journal_ring.h"

static int open_segment(const struct journal_writer *writer, uint32_t segment)
{
    char path[SEGMENT_PATH_MAX];
    segment_path(writer->folder.path, segment, path);
    int file = -1;
    const int r = file_open(path, FILE_WRITE_DIRECT, &file);
    return r != 0 ? r : file;
}

static void ask_segment(struct journal_writer *writer)
{
    if (!writer->preparing && writer->prepared <= writer->segment) {
        writer->preparing = true;
        keeper_ask_segment(writer->keeper, writer->segment + 1);
    }
    if (writer->waits_for_segment) keeper_hurry(writer->keeper);
}

int journal_writer_start(struct journal_writer *writer, const struct journal_scan *scan)
{
    writer->fd = -1;
    writer->segment = scan->tail.segment;
    writer->offset = scan->tail.offset;
    writer->prepared = scan->tail_exists ? writer->segment : writer->segment - 1;
    if (scan->next_prepared) writer->prepared = writer->segment + 1;
    if (!scan->tail_exists) {
        const int r = segment_prepare(writer->folder.path, writer->segment,
                                      writer->folder.segment_bytes, SEGMENT_ZEROED, NULL);
        if (r != 0 && r != -EEXIST) return r;
        writer->prepared = writer->segment;
    }
    writer->fd = open_segment(writer, writer->segment);
    if (writer->fd < 0) return writer->fd;
    ask_segment(writer);
    return 0;
}

void journal_writer_stop(struct journal_writer *writer)
{
    if (writer->fd >= 0) (void)file_close(writer->fd);
    writer->fd = -1;
}

static void submit_write(struct journal_writer *writer)
{
    writer->written = writer->synced = writer->split = false;
    writer->in_one = writer->dsync || writer->block.size >= LARGE_BLOCK;
    writer->completions_due = writer->in_one ? 1 : 2;
    journal_ring_submit(writer);
}

/* Goes to the next segment: its head is written together with its first block. */
static bool begin_segment(struct journal_writer *writer)
{
    if (writer->prepared <= writer->segment) {
        writer->waits_for_segment = true;
        ask_segment(writer);
        return false;
    }
    crash_point("segment-change");
    (void)file_close(writer->fd);
    writer->segment++;
    writer->offset = 0;
    writer->at = 0;
    writer->fd = open_segment(writer, writer->segment);
    if (writer->fd < 0) journal_ring_give_up(writer, "cannot open", -writer->fd);
    crash_point("segment-changed");
    return true;
}

static void start_block(struct journal_writer *writer)
{
    const uint64_t start = writer->offset == 0 ? SEGMENT_HEAD_SIZE : writer->offset;
    if (start + writer->block.size > writer->folder.segment_bytes && !begin_segment(writer)) return;

    writer->data = writer->block.data;
    writer->size = writer->block.size;
    writer->at = writer->offset;
    if (writer->offset == 0) {
        struct segment_head head = {
            .shard = writer->folder.shard,
            .segment = writer->segment,
            .first_block = writer->block_number,
        };
        memcpy(head.store_id, writer->folder.store_id, sizeof head.store_id);
        writer->data -= SEGMENT_HEAD_SIZE;
        writer->size += SEGMENT_HEAD_SIZE;
        segment_head_encode(&head, (uint8_t *)(uintptr_t)writer->data);
    }
    crash_point("block-sealed");
    submit_write(writer);
    crash_point("write-queued");
}

void journal_writer_append(struct journal_writer *writer, struct bytes block, uint64_t number)
{
    ENSURE(writer->block.size == 0);
    writer->block = block;
    writer->block_number = number;
    start_block(writer);
}

bool journal_writer_completed(struct journal_writer *writer, uint64_t tag, int result)
{
    ENSURE(writer->completions_due > 0);
    writer->completions_due--;
    if (tag == writer->write_tag) {
        if (result == 0) journal_ring_give_up(writer, "nothing could be written to", EIO);
        if (result < 0) journal_ring_give_up(writer, "cannot write", -result);
        if ((size_t)result == writer->size) {
            writer->written = true;
            crash_point("written");
        } else { /* A short write: the rest follows; the sync linked to this one is cancelled. */
            const size_t whole = (size_t)result & ~(size_t)(BLOCK_ALIGN - 1);
            writer->data += whole;
            writer->size -= whole;
            writer->at += whole;
        }
    } else if (result == 0) {
        writer->synced = true;
        crash_point("synced");
    } else if (result != -ECANCELED) {
        journal_ring_give_up(writer, "cannot sync", -result);
    }
    if (writer->completions_due != 0) return false;
    /* After a split the sync may have run beside the write, covering nothing: both again. */
    if (!writer->written || writer->split || (!writer->in_one && !writer->synced)) {
        submit_write(writer);
        return false;
    }
    const uint64_t start = writer->offset == 0 ? SEGMENT_HEAD_SIZE : writer->offset;
    writer->offset = start + writer->block.size;
    writer->durable =
        (struct block_place){writer->segment, (uint32_t)start, (uint32_t)writer->offset};
    writer->block = (struct bytes){0};
    ask_segment(writer);
    return true;
}

void journal_writer_prepared(struct journal_writer *writer, int status)
{
    writer->preparing = false;
    if (status != 0) {
        /* A full disk is no reason to stop: what is durable stays, and nobody is answered until
         * there is room again. */
        if (!writer->full_told) {
            fprintf(stderr,
                    "qingfend: shard %u: cannot prepare journal segment %08u: %s; trying on\n",
                    writer->folder.shard, writer->segment + 1, strerror(-status));
        }
        writer->full_told = true;
        ask_segment(writer);
        return;
    }
    writer->full_told = false;
    writer->prepared = writer->segment + 1;
    if (writer->waits_for_segment) {
        writer->waits_for_segment = false;
        start_block(writer);
    }
}
