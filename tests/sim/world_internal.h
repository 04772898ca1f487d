/* world_internal -- what world.c, centre.c and wire.c share; nobody else includes it. */
#ifndef TESTS_SIM_WORLD_INTERNAL_H
#define TESTS_SIM_WORLD_INTERNAL_H

#include <setjmp.h>

#include "tests/sim/disk.h"
#include "tests/sim/store.h"
#include "tests/sim/world.h"
#include "util/checksum.h"
#include "world/linux/files.h"
#include "world/linux/journal_writer.h"

#define SESSIONS_MAX    128 /* Of one home. */
#define CONNECTIONS_MAX 512
#define SIM_SHARDS_MAX  16
#define MILLION         1000000

enum sim_event_kind {
    SIM_START,    /* The centre, if it is down. */
    SIM_TURN,     /* A home. */
    SIM_TICK,     /* A home's second. */
    SIM_WRITTEN,  /* The write of a block has come back, with `value`. */
    SIM_SYNCED,   /* So has its sync. */
    SIM_PREPARE,  /* The keeper makes a segment … */
    SIM_PREPARED, /* … and says so, with `value`. */
    SIM_MERGE,
    SIM_MERGED,
    SIM_OPEN,       /* A connection arrives at the centre. */
    SIM_UP,         /* `value` bytes of it do. */
    SIM_UP_END,     /* Its client has hung up. */
    SIM_DOWN,       /* `value` bytes arrive at the client. */
    SIM_DOWN_END,   /* The centre has closed it. */
    SIM_FULL_END,   /* There is room on the disk again. */
    SIM_CLOCK_GOES, /* The clock goes on. */
    SIM_WAKE,       /* Somebody's alarm. */
};

struct sim_event {
    uint64_t at_us;
    uint64_t order; /* Among those of the same time. */
    uint64_t life;  /* The centre's or the connection's: another one's event is void. */
    enum sim_event_kind kind;
    uint32_t index; /* Shard or connection. */
    int64_t value;
};

/* Bytes in the order they came; taken off the front. */
struct pipe {
    uint8_t *data;
    size_t start;
    size_t size; /* From start on. */
    size_t room;
};

void pipe_add(struct pipe *pipe, struct bytes bytes);
void pipe_take(struct pipe *pipe, size_t size);
void pipe_free(struct pipe *pipe);

static inline struct bytes pipe_bytes(const struct pipe *pipe)
{
    if (pipe->size == 0) return (struct bytes){0}; /* Perhaps there is no memory yet. */
    return (struct bytes){pipe->data + pipe->start, pipe->size};
}

/* A connection, seen from both ends. */
struct connection {
    bool used;   /* Until the client has hung up and the centre has let go. */
    bool client; /* The client holds it. */
    bool ended;  /* The client knows that there is nobody at the other end. */
    uint64_t life;
    uint32_t shard;
    struct pipe up;    /* On its way to the centre. */
    struct pipe down;  /* On its way to the client. */
    struct pipe inbox; /* With the client. */
    struct pipe lent;  /* What the client was given last. */
    uint64_t up_us;    /* Nothing overtakes what was sent before: it arrives no earlier. */
    uint64_t down_us;

    /* The centre's end, as sessions.c has it. */
    bool open;
    bool end_of_input;
    bool close_after;
    bool waiting; /* Frames that the home could not take. */
    bool dirty;   /* Something to send. */
    uint32_t session;
    size_t held;     /* Bytes of `up` that have arrived and were not read: back-pressure. */
    struct pipe in;  /* Read, not yet taken. */
    struct pipe out; /* Queued. */
};

struct sim_shard {
    struct sim_world *world;
    uint32_t index;
    char path[32]; /* Of the journal. */
    struct journal_folder folder;
    struct store *store;
    struct journal_view *view; /* Of this life. */
    struct home *home;         /* NULL: down. */
    struct journal_writer writer;
    struct keeper keeper; /* Of it only the address is used: who is asked. */
    struct merge *merge;  /* Asked for. */
    uint64_t last_block;  /* Where the last durable block begins … */
    uint32_t last_segment;
    uint64_t commit_errors; /* Of the store, when it started. */
    bool turning;           /* A turn is to come. */
    bool ready;
    int64_t checkpoint_ms;
    uint32_t sessions[SESSIONS_MAX]; /* Connection of each. */
    uint32_t free_sessions[SESSIONS_MAX];
    uint32_t free_count;
};

struct sim_world {
    struct sim_config config;
    struct prng prng;
    bool calm;
    struct sim_counts counts;
    uint64_t digest;

    uint64_t now_us;
    int64_t clock_ms;     /* The system's clock when the history began. */
    int64_t clock_off_ms; /* What it has jumped since. */
    bool clock_stands;
    int64_t clock_stood_ms;  /* Where. */
    int64_t clock_latest_ms; /* The latest that it showed, before it last could move. */

    struct sim_event *events; /* A heap. */
    uint32_t event_count;
    uint32_t event_room;
    uint64_t event_order;
    uint32_t idle_events; /* Of these, ticks: they go on for ever. */

    uint8_t store_id[STORE_ID_SIZE];
    uint64_t hash_seed;
    uint64_t segment_bytes;
    uint32_t delta_entries;
    size_t delta_bytes;
    size_t shelf_bytes;
    bool dsync;          /* The disk writes through. */
    bool any_name_order; /* Its file system keeps no order of names. */

    struct disk *disk;
    struct engine *engine; /* NULL: down. */
    struct sim_shard shards[SIM_SHARDS_MAX];
    uint64_t life; /* Of the centre: one more at each start. */
    bool accepting;
    bool full; /* The disk is. */
    bool starting;
    bool refused; /* For good: there is damage. */
    char refusal[PROBLEM_SIZE];
    bool in_event; /* stop can be jumped to. */
    jmp_buf stop;

    struct connection connections[CONNECTIONS_MAX];
    uint32_t connection_count; /* None beyond was ever used. */
    bool dirty;                /* One of them at least is. */
};

/* -- world.c ---------------------------------------------------------------------------------- */

/* The world at work: for what the engine calls without saying for whom. */
extern struct sim_world *sim_current;

void sim_schedule(struct sim_world *world, uint64_t after_us, enum sim_event_kind kind,
                  uint32_t index, uint64_t life, int64_t value);

/* True in so many of a million cases, while the world is not calm; counts as a fault. */
bool sim_happens(struct sim_world *world, uint32_t of_million);

/* Whether a crash cuts the power, in so many of 1,000 cases, and not the process alone. */
bool sim_takes_power(struct sim_world *world, uint32_t of_1000);

/* least .. least + spread - 1 */
uint64_t sim_between(struct sim_world *world, uint64_t least, uint64_t spread);

/* Part of what happened, into the digest. */
void sim_note(struct sim_world *world, uint64_t value);
void sim_note_bytes(struct sim_world *world, struct bytes bytes);

/* -- centre.c: homes, shards, their disks ------------------------------------------------------ */

void centre_init(struct sim_world *world);
void centre_done(struct sim_world *world);

/* Starts it; on failure it is down, and perhaps another start is on its way. */
void centre_start(struct sim_world *world);

/* The process is gone, and with `power` what was not synced. Starts again by and by. */
void centre_down(struct sim_world *world, bool power);

/* True when something has gone wrong after which the engine has to stop. */
bool centre_may_stop(const struct sim_world *world);

/* A home's turn will come. */
void centre_wake(struct sim_shard *shard);

void centre_event(struct sim_world *world, const struct sim_event *event);

/* Sets the faults of disk and stores to what the world's are now. */
void centre_set_faults(struct sim_world *world);

/* No room on the disk, or room again. */
void centre_set_full(struct sim_world *world, bool full);

/* A bit of a journal flips. */
void centre_rot(struct sim_world *world);

/* -- wire.c: connections ----------------------------------------------------------------------- */

void wire_init_shard(struct sim_shard *shard);
void wire_done(struct sim_world *world);

/* What a home asks for. */
void wire_queue(struct sim_shard *shard, uint32_t session, struct bytes frame);
void wire_close_after(struct sim_shard *shard, uint32_t session);

/* Goes on with connections whose frames had to wait; true when one did. */
bool wire_take_waiting(struct sim_shard *shard);

/* Puts what was queued in this event on its way. */
void wire_flush(struct sim_world *world);

/* The centre is gone: every connection ends, and what was on its way to a client may arrive. */
void wire_down(struct sim_world *world);

void wire_event(struct sim_world *world, const struct sim_event *event);

#endif
