/* world -- a whole centre in one process: homes, shards, disks, connections and a clock, all from
 * one seed.
 *
 * The engine in it is the real one from engine.h down: homes, shards, judges, entries, blocks, and
 * the reading back and mending of journals (segments.h) over a disk in memory (disk.h) and a store
 * in memory (store.c). What is not real is everything that could be different the second time:
 * threads, files, sockets, time. One thread takes one event after the other, chosen by the seed, so
 * a seed is a history, to the byte: sim_digest() tells two of them apart.
 *
 * The world breaks things as its faults say and never tells; clients see what clients see: bytes
 * that do not come, connections that end, a centre that does not answer for a while. What a client
 * was told is the client's to remember (workload.h); what must be true in the end is asked by
 * check.h. Knows no message and no rule. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "engine.h"
#include "tests/lib/prng.h"

/* How often each thing goes wrong, in parts per million of the chances it has. */
struct sim_faults {
    uint32_t crash; /* Of all shards at once, at any event; the next start follows. */
    uint32_t
        torn_write;     /* At a crash, of each unsynced sector: lost, landed, or another's bytes. */
    uint32_t cut;       /* A connection ends, of each delivery. */
    uint32_t stall;     /* A connection delivers nothing for a while. */
    uint32_t split;     /* A delivery is cut in two. */
    uint32_t slow_disk; /* A write or sync takes a hundred times as long. */
    uint32_t short_write; /* A write ends after a part. */
    uint32_t short_read;  /* A read while starting gives a part. */
    uint32_t read_error;  /* A read while starting fails: the start must stop with a sentence. */
    uint32_t write_error; /* A write fails: the centre stops, as after a crash. */
    uint32_t sync_error;  /* A sync fails: the same, and what it was to cover may be lost. */
    uint32_t full;        /* The disk is full for a while: no new segment, no commit. */
    uint32_t rot;         /* A bit of something durable flips; the next start or verify names it. */
    uint32_t misdirected; /* A write lands at another place of the same file. */
    uint32_t clock_forward; /* The system's clock jumps by up to a day. */
    uint32_t clock_back;
    uint32_t clock_stop; /* It stands still for a while. */
    /* Kinds of crashes that are left out. */
    bool no_power;  /* The process always dies alone; */
    bool no_kill;   /* the power always goes with it. Both: no crash after an event. */
    bool no_inside; /* None within a start, a merge or the making of a segment. */
};

struct sim_config {
    uint64_t seed;
    uint32_t shards;
    bool manual_clock;
    struct sim_faults faults;
};

struct sim_world;

struct sim_world *sim_world_new(const struct sim_config *config);
void sim_world_free(struct sim_world *world);

/* The world's next event. False when nothing can happen any more without a client: what still comes
 * then are the ticks of idle shards, and they come in every further turn. */
bool sim_turn(struct sim_world *world);

/* Sees to it that the world takes an event after so many microseconds at the latest: time goes on
 * for a client that waits. */
void sim_wake_after(struct sim_world *world, uint64_t us);

/* The random numbers of everybody in this history. */
struct prng *sim_prng(struct sim_world *world);

uint32_t sim_shards(const struct sim_world *world);

/* Microseconds since the history began; and the system's clock as the engine would read it. */
uint64_t sim_now_us(const struct sim_world *world);
int64_t sim_clock_ms(const struct sim_world *world);

/* The latest that the system's clock has shown so far. */
int64_t sim_clock_latest_ms(const struct sim_world *world);

/* -- a client's side ------------------------------------------------------------------------- */

/* A connection to the home of a shard: its number, or -1 while the centre is down. */
int sim_connect(struct sim_world *world, uint32_t shard);

/* The client lets go, also of a connection that has ended: the number is then another one's. */
void sim_hang_up(struct sim_world *world, int connection);

/* False when the connection has ended, from either side. */
bool sim_connected(const struct sim_world *world, int connection);

/* Puts bytes on their way; they may arrive late, in pieces, or not at all when it is cut. */
void sim_send(struct sim_world *world, int connection, struct bytes bytes);

/* Takes what has come back: borrowed until the next call about this connection. */
struct bytes sim_receive(struct sim_world *world, int connection);

/* -- the end of a history ---------------------------------------------------------------------- */

/* Stops breaking things. A centre that is down comes up again in later turns, unless it refuses. */
void sim_calm(struct sim_world *world);

/* Cuts the power now: what was not synced may be lost. The next start follows in later turns. */
void sim_crash(struct sim_world *world);

/* What the centre said when it last refused to start; empty once it started. A centre that refuses
 * because of damage stays down: the history ends there and is judged by whether it had to. After
 * any other refusal it is started again, as a service would be. */
const char *sim_refusal(const struct sim_world *world);

/* True when it refused because of damage, and stays down. */
bool sim_refused(const struct sim_world *world);

/* The disk is full, until it is said otherwise. */
void sim_fill_disk(struct sim_world *world, bool full);

/* True when the disk was really damaged: a refusal is right then, and anything else must still be
 * no lie. */
bool sim_damaged(const struct sim_world *world);

/* NULL while the centre is down. */
struct shard *sim_shard(struct sim_world *world, uint32_t shard);

/* A second shard, made of nothing but the journal of the first: what verify and a lost store rely
 * on. NULL when the journal cannot be read; sim_refusal() then says why. To be asked for when the
 * world is calm, the centre is up and nothing is under way; to be given back with
 * sim_replay_free(). */
struct sim_replay;
struct sim_replay *sim_replay_new(struct sim_world *world, uint32_t shard);
struct shard *sim_replay_shard(struct sim_replay *replay);
void sim_replay_free(struct sim_replay *replay); /* NULL is fine. */

/* True when nothing the centre took is still under way, in no shard and on no disk. */
bool sim_quiet(const struct sim_world *world);

/* Everything that happened, as one number. */
uint64_t sim_digest(const struct sim_world *world);

struct sim_counts {
    uint64_t events;
    uint64_t crashes;
    uint64_t starts;
    uint64_t blocks;
    uint64_t faults;         /* Of all kinds. */
    uint64_t read_errors;    /* Of the faults, those of files: at starts, and of old records. */
    uint64_t records_unread; /* Times that an old record could not be read. */
};
void sim_get_counts(const struct sim_world *world, struct sim_counts *ret_counts);

#endif
