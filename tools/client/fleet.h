/* fleet -- one pipelined connection for every shard, kept alive.
 *
 * WHAT    Connects, says hello, learns how many shards there are and opens lanes so that every
 *         record travels on a connection of its home shard. A lane that is lost is connected again
 *         for a while and sends again what is open.
 *
 * INVARIANT (F1) All messages of one person travel on the same lane, in order (with L1).
 *
 * Must not know files or what to do about a refusal. */
#ifndef CLIENT_FLEET_H
#define CLIENT_FLEET_H

#include "tools/client/lane.h"
#include "types/settlement.h"

#define FLEET_LANES_MAX 1024

struct fleet_options {
    struct client_address address;
    uint32_t province; /* Two digits, 0: the centre. */
    uint32_t lanes;    /* Connections; 0: one for each shard. */
    uint32_t batch;    /* Records in a frame. */
    uint32_t window;   /* Frames under way on each connection. */
    uint32_t body_max; /* Bytes of the longest body, where that is known; 0: LANE_BODY_MAX. */
    int64_t retry_ns;  /* How long to try after a connection is lost; 0: not at all. */
    lane_answered *answered;
    void *owner; /* Of `answered`. */
};

struct fleet {
    struct fleet_options options;
    struct lane *lanes;
    int64_t *lost_ns;  /* When each lane was lost; 0: it has been answered since. */
    int64_t *heard_ns; /* When each lane last had an answer or nothing open. */
    uint32_t lane_count;
    uint32_t shards;
    uint8_t store_id[16];
    int64_t engine_ms;    /* The engine's clock at the hello, */
    int64_t engine_at_ns; /* which was then. */
    bool manual_clock;
    char text[CLIENT_TEXT_SIZE]; /* Why the last call failed, for people. */
};

/* Connects. 0, or negative errno with fleet->text; then fleet_close() need not be called. */
int fleet_open(struct fleet *fleet, const struct fleet_options *options);
void fleet_close(struct fleet *fleet);

/* The lane a person's messages travel on. */
struct lane *fleet_lane(const struct fleet *fleet, const uint8_t psn_key[PSN_KEY_SIZE]);

/* Sends what is sealed, waits at most `wait_ns` for something to happen, receives. `answered` is
 * called from here. Lost lanes are mended here, which may take retry_ns. 0, or negative errno with
 * fleet->text: what is open stays without an answer. */
int fleet_pump(struct fleet *fleet, int64_t wait_ns);

/* Ends the batches being filled, on all lanes. */
void fleet_seal(struct fleet *fleet);

/* Records and messages handed over and not answered. */
uint64_t fleet_open_records(const struct fleet *fleet);

#endif
