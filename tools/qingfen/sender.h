/* sender -- records on their way to the engine, and what became of each.
 *
 * INVARIANT (S1) Every record that was given is counted once: accepted, duplicate or rejected;
 * those still open when a connection is lost for good are counted as none of them.
 *
 * Must not know file formats. */
#ifndef QINGFEN_SENDER_H
#define QINGFEN_SENDER_H

#include "tools/client/post.h"
#include "tools/qingfen/progress.h"
#include "tools/qingfen/rejects.h"

struct sender {
    struct post post;
    struct rejects rejects;
    struct progress progress;
    char *const *files; /* Names, for rejects. */
    uint32_t file;      /* The one being read. */
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t rejected;
    uint64_t done_bytes; /* Read so far, for the progress bar. */
    uint64_t all_bytes;  /* 0: not known. */
};

/* Connects. 0, or negative errno with post.fleet.text. `options` without answered and owner. */
int sender_open(struct sender *sender, const struct fleet_options *options);

/* Hands over one message (SetlPost goes into a batch, others into a frame of their own) of a
 * person, from `line` of the current file. 0, or negative errno: the connection is lost for good,
 * post.fleet.text says why. */
int sender_give(struct sender *sender, uint16_t type, const uint8_t psn_key[PSN_KEY_SIZE],
                struct bytes body, uint64_t line);

/* Refuses a record here; it is never sent. */
void sender_refuse(struct sender *sender, uint64_t line, uint32_t code, const char *text,
                   struct bytes msgid, struct bytes setl_id);

/* Sends what is there while nothing comes from `fd`: returns 0 when it can be read. */
int sender_wait(struct sender *sender, int fd);

/* Sends everything and waits for all answers. 0 or negative errno as above. */
int sender_finish(struct sender *sender);

#endif
