/* lane -- one connection as a pipeline: many batches under way, nothing lost, order kept.
 *
 * WHAT    Records are laid into slots, each a whole frame (a SetlBatch, or a message of its own).
 * Up to `window` slots are filled, sent and unanswered at a time. A slot keeps its bytes until it
 * is answered, so after a lost connection the lane sends again what is still open, in the old
 * order; the engine recognises what it had already done.
 *
 * INVARIANT (L1) Slots are first sent, and sent again, in the order in which they were filled: a
 *         person's messages never overtake each other on one lane.
 *
 * Must not know files, rules or what to do about a refusal: the owner's `answered` decides. */
#ifndef CLIENT_LANE_H
#define CLIENT_LANE_H

#include "tools/client/client.h"

struct lane_slot {
    uint8_t *frame;   /* Head and payload; room for the largest the lane makes. */
    size_t size;      /* Bytes, head included. */
    uint32_t *ends;   /* Where each record's body ends in `frame`, bytes. */
    uint32_t *starts; /* Where it starts. */
    uint64_t *tags;   /* The owner's word for each record. */
    uint8_t *fates;   /* The owner's notes on each record; 0 when the slot is new. */
    uint32_t count;   /* Records. */
    uint16_t type;    /* enum message_type of the frame. */
    bool answered;    /* Nothing of it is open any more. */
    bool again;       /* The engine asked to have it later. */
    uint64_t request_id;
    int64_t since_ns; /* When its first record came, or what the owner says. */
};

struct lane {
    struct client client;
    struct lane_slot *slots; /* window of them; sequence s lives in slots[s % window]. */
    uint32_t window;
    uint32_t batch;         /* Records in a full batch; 1: every record is a frame of its own. */
    uint64_t oldest;        /* Sequences: oldest <= sending <= filling. Oldest one unanswered. */
    uint64_t sending;       /* The next to go out, sent_size bytes of it have. */
    uint64_t filling;       /* The one being filled; those before are sealed. */
    size_t sent_size;       /* Bytes. */
    uint32_t body_max;      /* Bytes. */
    size_t slot_room;       /* Bytes of a slot's frame. */
    uint8_t *memory;        /* Of all slots. */
    struct lane_slot *fill; /* The slot of `filling`, in use or free. */
    uint64_t open_records;  /* Records in slots that are not answered. */
    uint32_t held;          /* Slots to be sent again; nothing new goes out meanwhile. */
    int64_t received_ns;    /* clock_ns() when the replies now handed to `answered` were there. */
};

/* Of one reply: the slot it answers. Returns true when nothing of the slot is open, false to have
 * it sent again later: the lane then starts no new frame until lane_again(). `slot` is NULL for an
 * ErrorReply to a frame that the engine could not read; true then means that the lane is lost. */
typedef bool lane_answered(void *owner, struct lane *lane, struct lane_slot *slot,
                           const struct frame *reply);

#define LANE_BODY_MAX 4096 /* Bytes; a settlement within its limits has at most 1024. */

/* A lane that is not connected. `batch` 1..BATCH_RECORDS_MAX, `window` >= 1 slots of that size;
 * no body will have more than `body_max` bytes, 1..LANE_BODY_MAX. */
void lane_init(struct lane *lane, const struct client_address *address, uint32_t batch,
               uint32_t window, uint32_t body_max);
void lane_done(struct lane *lane);

/* True when one more record or message can be taken. */
bool lane_has_room(const struct lane *lane);

/* Takes the next SetlPost; lane_has_room() must be true, body.size <= body_max. The batch is
 * sealed when it is full. Gives the slot it went to. */
struct lane_slot *lane_add(struct lane *lane, struct bytes body, uint64_t tag);

/* The same without a copy: a place of body_max bytes in the frame being filled, into which the
 * caller writes a SetlPost, and then lane_commit() with its size. lane_has_room() must be true; no
 * other call on this lane in between. */
uint8_t *lane_reserve(struct lane *lane);
struct lane_slot *lane_commit(struct lane *lane, size_t size, uint64_t tag);

/* Takes a message of its own kind and frame, behind all records before it. lane_has_room() must
 * be true, and is again asked for room if a batch is open: call lane_seal() first. */
struct lane_slot *lane_post(struct lane *lane, uint16_t type, struct bytes body, uint64_t tag);

/* Ends the batch being filled, if it holds a record, so that it goes out. */
void lane_seal(struct lane *lane);

/* Sends what is sealed, as far as the socket takes it. 0, or negative errno: the connection is
 * lost (client.text says why). */
int lane_send(struct lane *lane);

/* True when sealed bytes wait for the socket. */
bool lane_wants_send(const struct lane *lane);

/* Receives what is there and hands every reply to `answered`. 0, or negative errno as above; an
 * answer to nothing that is open is passed over. */
int lane_receive(struct lane *lane, lane_answered *answered, void *owner);

/* True when the engine asked to have something later and nothing else is under way: after a pause,
 * call lane_again(). */
bool lane_is_held(const struct lane *lane);

/* Everything that is sealed and open goes out (again), from the oldest on: after a reconnect, or
 * when lane_is_held(). */
void lane_again(struct lane *lane);

/* True when nothing is filled, sent or open. */
bool lane_is_empty(const struct lane *lane);

#endif
