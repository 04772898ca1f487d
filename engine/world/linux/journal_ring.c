/* journal_ring -- see journal_ring.h. */
#include "world/linux/journal_ring.h"

#include <liburing.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "world/linux/crash_point.h"
#include "world/linux/submission.h"

_Noreturn void journal_ring_give_up(const struct journal_writer *writer, const char *what,
                                    int error)
{
    fprintf(stderr,
            "qingfend: shard %u: %s journal segment %08u at %llu: %s; stopping, so that nothing is "
            "answered that is not durable\n",
            writer->folder.shard, what, writer->segment, (unsigned long long)writer->at,
            strerror(error));
    _exit(1);
}

void journal_ring_submit(struct journal_writer *writer)
{
    /* A link must not be cut in two by a submission in between. */
    submission_make_room(writer->ring, writer->in_one ? 1 : 2);
    struct io_uring_sqe *sqe = io_uring_get_sqe(writer->ring);
    io_uring_prep_write(sqe, writer->fd, writer->data, (unsigned)writer->size, writer->at);
    io_uring_sqe_set_data64(sqe, writer->write_tag);
    if (writer->in_one) {
        sqe->rw_flags = RWF_DSYNC;
        return;
    }
    sqe->flags |= IOSQE_IO_LINK;
    writer->sync_place = writer->ring->sq.sqe_tail;
    sqe = io_uring_get_sqe(writer->ring);
    io_uring_prep_fsync(sqe, writer->fd, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(sqe, writer->sync_tag);
}

void journal_ring_submitted(struct journal_writer *writer)
{
    if (writer->in_one || writer->completions_due != 2) return;
    const unsigned taken = writer->ring->sq.sqe_tail - io_uring_sq_ready(writer->ring);
    if (taken == writer->sync_place) writer->split = true;
}

static bool read_word(const char *path, char *word, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return false;
    const bool read = fgets(word, (int)size, file) != NULL;
    fclose(file);
    return read;
}

/* One word of the device's queue in sysfs; a partition's queue is its disk's. */
static bool read_queue(const struct stat *info, const char *name, char *word, size_t size)
{
    char path[128];
    const unsigned major_number = major(info->st_dev);
    const unsigned minor_number = minor(info->st_dev);
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/queue/%s", major_number, minor_number, name);
    if (read_word(path, word, size)) return true;
    snprintf(path, sizeof path, "/sys/dev/block/%u:%u/../queue/%s", major_number, minor_number,
             name);
    return read_word(path, word, size);
}

bool journal_device_has_fua(const char *folder)
{
    struct stat info;
    char word[32];
    if (crash_like_fua()) return true;
    if (stat(folder, &info) != 0) return false;
    if (read_queue(&info, "fua", word, sizeof word) && word[0] == '1') return true;
    return read_queue(&info, "write_cache", word, sizeof word) &&
           strncmp(word, "write through", 13) == 0;
}
