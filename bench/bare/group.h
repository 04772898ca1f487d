/* group -- frames on their way to the disk: one group being filled, at most one being written.
 *
 * FILE    Written once with zeros when it is made, then over and over from its beginning: no block
 *         is allocated and no size changes while it is measured. A group begins at a multiple of
 *         4096 bytes with 64 bytes, little-endian:
 *           0  8  magic "QFGROUP1"
 *           8  8  number, from 0
 *          16  8  bytes of the group with these 64 and without the padding
 *          24  8  records
 *         then its frames as they came, then zeros up to the next multiple of 4096.
 *
 * INVARIANT (G1) A group counts as durable when its write and the sync linked behind it, or the one
 *         write with RWF_DSYNC, have come back whole. Anything else ends the program.
 *
 * Must not know sockets or what is in a frame. */
#ifndef BENCH_BARE_GROUP_H
#define BENCH_BARE_GROUP_H

#include <liburing.h>

#include "types/bytes.h"

#define GROUP_BYTES       (4u << 20) /* With its head; room for a frame of any size. */
#define GROUP_FRAMES_MAX  65536u
#define GROUP_HEAD_SIZE   64
#define GROUP_ALIGN       4096
#define GROUP_COMPLETIONS 2 /* At most, for one group. */

/* A frame that is answered when its group is durable. */
struct answer {
    uint64_t request_id;
    uint32_t connection;
    uint32_t generation; /* Of the connection: its place may have been given away meanwhile. */
    uint32_t records;
    uint16_t type; /* Of the request. */
};

struct group {
    uint8_t *data; /* Aligned; GROUP_BYTES of room. */
    size_t size;   /* Used, with the head. */
    struct answer *answers;
    uint32_t answer_count;
    uint64_t records;
};

struct group_writer {
    struct io_uring *ring;
    uint64_t write_tag; /* user_data of the completions. */
    uint64_t sync_tag;
    uint64_t file_bytes;
    uint64_t at; /* Where the next group goes. */
    struct group groups[2];
    uint32_t filling; /* Which of them. */
    uint32_t due;     /* Completions to come; 0: nothing is being written. */
    size_t writing;   /* Bytes of the write under way. */
    uint64_t number;  /* Groups written, all of them and their bytes. */
    uint64_t device_bytes;
    int fd;
    bool dsync;
};

/* Opens the file at `path`, makes it and writes its zeros where it is not there in that size.
 * `file_bytes` is a multiple of GROUP_BYTES. Ends the program on failure. */
void group_writer_open(struct group_writer *writer, const char *path, uint64_t file_bytes,
                       bool dsync);
void group_writer_close(struct group_writer *writer);

/* True when a frame of that size can be added to the group being filled. */
bool group_has_room(const struct group_writer *writer, size_t frame_size);

/* Copies the frame and notes its answer. There must be room. */
void group_add(struct group_writer *writer, struct bytes frame, const struct answer *answer);

/* Begins to write what was filled, unless there is nothing or a group is being written. The
 * operations stand in the ring and are submitted by the caller, all at once. */
void group_start(struct group_writer *writer);

/* One of its completions. The group when that made it durable, else NULL; it is to be emptied with
 * group_empty() before the next group_start(). */
struct group *group_completed(struct group_writer *writer, uint64_t tag, int result);
void group_empty(struct group *group);

#endif
