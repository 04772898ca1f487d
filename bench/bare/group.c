#include "bench/bare/group.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/bare/bare.h"
#include "types/ensure.h"
#include "util/le.h"
#include "world/linux/journal_writer.h"

static void *need_aligned(size_t size)
{
    void *memory = aligned_alloc(GROUP_ALIGN, size);
    NEED_MEMORY(memory);
    memset(memory, 0, size); /* Touched now and not while it is measured. */
    return memory;
}

/* Zeros to the end, durable: what is written over them later allocates nothing. */
static void write_zeros(int fd, uint64_t bytes, uint8_t *zeros)
{
    for (uint64_t at = 0; at < bytes; at += GROUP_BYTES) {
        const ssize_t n = pwrite(fd, zeros, GROUP_BYTES, (off_t)at);
        if (n != (ssize_t)GROUP_BYTES) bare_give_up("cannot write the file's zeros", errno);
    }
    if (fsync(fd) != 0) bare_give_up("cannot sync the file", errno);
}

void group_writer_open(struct group_writer *writer, const char *path, uint64_t file_bytes,
                       bool dsync)
{
    struct stat info;
    ENSURE(file_bytes % GROUP_BYTES == 0);
    *writer = (struct group_writer){.file_bytes = file_bytes, .dsync = dsync};
    for (uint32_t i = 0; i < 2; i++) {
        struct group *group = &writer->groups[i];
        group->data = need_aligned(GROUP_BYTES);
        group->size = GROUP_HEAD_SIZE;
        group->answers = calloc(GROUP_FRAMES_MAX, sizeof *group->answers);
        NEED_MEMORY(group->answers);
    }
    writer->fd = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
    if (writer->fd < 0) bare_give_up("cannot open the file", errno);
    if (fstat(writer->fd, &info) != 0) bare_give_up("cannot look at the file", errno);
    if ((uint64_t)info.st_size != file_bytes) {
        if (ftruncate(writer->fd, 0) != 0) bare_give_up("cannot empty the file", errno);
        write_zeros(writer->fd, file_bytes, writer->groups[0].data);
    }
}

void group_writer_close(struct group_writer *writer)
{
    close(writer->fd);
    for (uint32_t i = 0; i < 2; i++) {
        free(writer->groups[i].data);
        free(writer->groups[i].answers);
    }
}

bool group_has_room(const struct group_writer *writer, size_t frame_size)
{
    const struct group *group = &writer->groups[writer->filling];
    return group->answer_count < GROUP_FRAMES_MAX && GROUP_BYTES - group->size >= frame_size;
}

void group_add(struct group_writer *writer, struct bytes frame, const struct answer *answer)
{
    struct group *group = &writer->groups[writer->filling];
    memcpy(group->data + group->size, frame.data, frame.size);
    group->size += frame.size;
    group->answers[group->answer_count++] = *answer;
    group->records += answer->records;
}

void group_empty(struct group *group)
{
    group->size = GROUP_HEAD_SIZE;
    group->answer_count = 0;
    group->records = 0;
}

static void write_head(const struct group_writer *writer, struct group *group)
{
    memset(group->data, 0, GROUP_HEAD_SIZE);
    memcpy(group->data, "QFGROUP1", 8);
    le_store64(group->data + 8, writer->number);
    le_store64(group->data + 16, group->size);
    le_store64(group->data + 24, group->records);
}

void group_start(struct group_writer *writer)
{
    struct group *group = &writer->groups[writer->filling];
    if (writer->due != 0 || group->answer_count == 0) return;

    const size_t whole = (group->size + GROUP_ALIGN - 1) & ~(size_t)(GROUP_ALIGN - 1);
    write_head(writer, group);
    memset(group->data + group->size, 0, whole - group->size);
    if (writer->at + whole > writer->file_bytes) writer->at = 0;

    /* bare.h: the queue has room for a whole turn, so a link is never cut in two. */
    struct io_uring_sqe *sqe = io_uring_get_sqe(writer->ring);
    ENSURE(sqe != NULL);
    io_uring_prep_write(sqe, writer->fd, group->data, (unsigned)whole, writer->at);
    io_uring_sqe_set_data64(sqe, writer->write_tag);
    writer->due = 1;
    if (writer->dsync || whole >= LARGE_BLOCK) {
        sqe->rw_flags = RWF_DSYNC;
    } else {
        sqe->flags |= IOSQE_IO_LINK;
        sqe = io_uring_get_sqe(writer->ring);
        ENSURE(sqe != NULL);
        io_uring_prep_fsync(sqe, writer->fd, IORING_FSYNC_DATASYNC);
        io_uring_sqe_set_data64(sqe, writer->sync_tag);
        writer->due = 2;
    }
    writer->at += whole;
    writer->writing = whole;
    writer->number++;
    writer->device_bytes += whole;
    writer->filling ^= 1;
}

struct group *group_completed(struct group_writer *writer, uint64_t tag, int result)
{
    ENSURE(writer->due > 0);
    if (result < 0) bare_give_up("cannot write or sync the file", -result);
    if (tag == writer->write_tag && (size_t)result != writer->writing) {
        bare_give_up("the file took a part of a group", EIO);
    }
    return --writer->due == 0 ? &writer->groups[writer->filling ^ 1] : NULL;
}
