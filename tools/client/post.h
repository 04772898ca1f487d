/* post -- messages handed over one by one, and one word on each when it is durable or refused.
 *
 * WHAT    A fleet with its answers read: the owner gives settlements or other messages with a tag
 *         of his own, and `told` is called once for each when the engine has answered. What the
 *         engine had no room for (1007) is sent again by itself.
 *
 * INVARIANTS
 *         (T1) `told` is called exactly once for every message that was taken, in any order, from
 *              within the calls below and never from another thread; or not at all when a call
 *              failed, and then nobody knows what became of those still open: sending them again
 *              is safe.
 *         (T2) Messages of one person are sent in the order in which they were given (F1).
 *         (T3) A record's own refusal is told only when its frame does not go again, for the engine
 *              judges all of that anew: when no record of the frame is for later, and none was
 *              refused while a message of the same person in an earlier frame is open. A refund
 *              hears of its original, not of 1007. What refuses a frame as a whole is told at
 *              once. And a 2601 correction is taken without its original, which then hears that it
 *              is cancelled.
 *
 * Must not know files or rules. */
#ifndef CLIENT_POST_H
#define CLIENT_POST_H

#include "tools/client/fleet.h"

/* What became of one message. The views are good until `told` returns. */
struct post_outcome {
    uint64_t tag;
    uint16_t type;     /* enum message_type that it was sent as. */
    uint32_t code;     /* enum error_code; 0: done, and durable. */
    bool dup;          /* Done, at an earlier time. */
    const char *text;  /* Why it was refused, for people, every failed check; NULL when done. */
    struct bytes body; /* As it was sent. */
};

typedef void post_told(void *owner, const struct post_outcome *outcome);

struct post {
    struct fleet fleet;
    post_told *told;
    void *owner;
};

/* Connects. 0, or negative errno with post->fleet.text; then post_close() need not be called.
 * `options` without answered and owner, which are set here. */
int post_open(struct post *post, struct fleet_options options, post_told *told, void *owner);

/* Closes the connections; what is open is dropped without a word. */
void post_close(struct post *post);

/* Gives one settlement or refund. Waits while the window of its connection is full. 0, or negative
 * errno with post->fleet.text: the connection is lost for good. */
int post_settlement(struct post *post, const struct settlement *settlement, uint64_t tag);

/* The same for a message that is encoded already, at most LANE_BODY_MAX bytes: a SetlPost goes into
 * a batch, others into a frame of their own, behind everything given before. `type` is one that is
 * answered by a Reply (docs/wire.md). */
int post_message(struct post *post, uint16_t type, const uint8_t psn_key[PSN_KEY_SIZE],
                 struct bytes body, uint64_t tag);

/* Sends what waits in full batches and takes answers, waiting at most `wait_ns` for one. 0 or
 * negative errno as above. */
int post_pump(struct post *post, int64_t wait_ns);

/* Sends everything, also batches that are not full, and waits for every answer. 0 or negative errno
 * as above. */
int post_finish(struct post *post);

#endif
