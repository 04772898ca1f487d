/* shard -- one shard: puts the rooms in a row, and reads like the way of the data.
 *
 *   request -> form and rules -> ids and originals -> decision -> entry -> book, ids, delta
 *                                                                   -> block -> result
 *
 * One thread at a time may call in. Nothing here knows files, sockets or a clock (world/world.h);
 * after shard_open() no step allocates memory, except an answer to the desk. */
#ifndef SHARD_H
#define SHARD_H

#include "journal/block.h"
#include "journal/entry.h"
#include "ledger/tables.h"
#include "types/cell.h"
#include "types/province.h"
#include "types/record_facts.h"
#include "types/stage.h"
#include "world/store.h"
#include "world/world.h"

struct journal_view;
struct params;
struct shard;

/* A manual clock of a new store stands here: 2025-01-01T00:00:00+08:00. */
#define MANUAL_CLOCK_START_MS INT64_C(1735660800000)

struct shard_config {
    uint32_t shard;  /* This one, 0-based. */
    uint32_t shards; /* Of how many. */
    uint8_t store_id[STORE_ID_SIZE];
    uint64_t hash_seed;          /* Secret of the store: ids are hashed with it in memory. */
    const struct tables *tables; /* Borrowed for the shard's life. */
    const struct params
        *params;         /* Borrowed too: the rows of the store's table (wallet/params.h). */
    struct store *store; /* Borrowed; only this shard uses it. */
    struct journal_view *journal; /* The same: its own, as far as it is durable. */
    bool manual_clock;
    uint32_t delta_entries; /* Entries between two checkpoints, at most. */
    size_t delta_bytes;     /* Their bytes, at most. */
    size_t shelf_bytes;     /* Of rows changed between two checkpoints, at most. (P1) in
                             * shard_internal.h: never less than the journal was written with. */
    uint64_t directory_ids; /* Ids there is room for in memory (ledger/directory.h). */

    /* Told of the memory that every message goes through, before it is touched, to lay it on large
     * pages; NULL: nobody. `whole`: all of it will be in use, it may be touched at once. */
    void (*memory_made)(struct bytes memory, bool whole);

    uint32_t cells; /* Of all months: what needs one more is refused (3034). None ever goes. */
};

/* Cells of a month in which every province has people in every other: four lines of care in two
 * classes of insurance, three of wallets. The few in other classes are not counted. */
#define SHARD_CELLS_MONTH (PROVINCE_COUNT * (PROVINCE_COUNT - 1) * (4 * 2 + 3))

/* Defaults for everything that is not identity: 393,216 entries, 144 MiB, 128 MiB of rows,
 * 4 million ids, the cells of four years. */
void shard_config_init(struct shard_config *config);

/* Where the journal has to be read from after shard_open(). */
struct replay_start {
    uint64_t next_seq;
    uint64_t next_block;
    uint32_t segment; /* 0: there is no segment yet. */
    uint32_t offset;
    uint8_t hash[BLOCK_HASH_SIZE]; /* Of the block before. */
};

/* Reads the state from the store. 0, -ENOMEM, -EUCLEAN when the store makes no sense (*ret_why, a
 * static text, says what), or the store's error. */
int shard_open(const struct shard_config *config, struct shard **ret_shard,
               struct replay_start *ret_from, const char **ret_why);
void shard_free(struct shard *shard); /* NULL is fine. */

/* Applies a block of the journal again, before any step. It stands in `segment` from `offset` to
 * `end`. 0, or a negative errno; checkpoints by itself when the delta is full. */
int shard_replay(struct shard *shard, const struct block *block,
                 const uint8_t hash[BLOCK_HASH_SIZE], uint32_t segment, uint32_t offset,
                 uint32_t end);

/* Judges an entry again, as if its message had just come, and says in *ret_what (static text) what
 * today's rules and tables would decide otherwise; NULL when nothing. To be called with the state
 * as it was before the entry: replay in blocks of one entry, or watch through shard_watch(). */
const char *shard_judge_again(const struct shard *shard, const struct entry *entry);

/* Called by shard_replay() before each entry is applied. */
typedef void shard_watch_fn(void *context, const struct shard *shard, const struct entry *entry);
void shard_watch(struct shard *shard, shard_watch_fn *watch, void *context);

/* Writes everything that is durable into the store, on the caller's thread: at the end of a replay
 * and when the engine stops. Nothing may be unwritten or merging. */
int shard_checkpoint(struct shard *shard);

void shard_step(struct shard *shard, const struct event *event, struct effects *ret_effects);

/* True when a step could have to wait: a merge is going on. */
bool shard_merging(const struct shard *shard);

/* True when entries wait to be written or to be known as written. */
bool shard_unwritten(const struct shard *shard);

/* True when so much has changed since the last checkpoint that one is due. */
bool shard_dirty(const struct shard *shard);

struct shard_status {
    uint64_t last_seq;
    uint64_t durable_seq;
    uint64_t checkpoint_seq;
    uint64_t journal_bytes;
    uint64_t accepted; /* This and the following: since shard_open(). */
    uint64_t duplicate;
    uint64_t rejected;
    uint64_t blocks;
    uint64_t checkpoints;
    uint64_t soft_failures;
    uint64_t unreadable;   /* Refused because an old record cannot be read. */
    uint64_t memory_bytes; /* Reserved: deltas, directory, cells, buffers. */
    uint64_t faded_ids;    /* For which directory_ids was too small: they are slow to look up. */
    uint64_t sessions;     /* Filled in by the home: connections it owns, … */
    struct stage_timing timings[STAGE_COUNT]; /* … and what its driver's threads did since start. */
    int64_t stamp_ms;                         /* The shard's time. */
    uint32_t cut_through;
    uint32_t closed_year;
};

void shard_get_status(const struct shard *shard, struct shard_status *ret_status);

/* All cells, for digests; borrowed until the next step. */
const struct cell *shard_cells(const struct shard *shard, uint32_t *ret_count);

/* Answer to REQUEST_FIND: a packed row of these, each followed by its entry's bytes (entry_size)
 * and that padded to 8; history rows come behind their record. */
struct found_entry {
    uint32_t size;        /* Of the entry's bytes. */
    uint32_t history;     /* 0: a record; 1: something that refers to the record before. */
    uint32_t reversed;    /* The record was cancelled by a correction. */
    uint32_t cut;         /* Its cell is cut. */
    int64_t refunded_fen; /* medfee_sumamt of its refunds, <= 0. */
};

/* Question of REQUEST_TALLIES. The answer is packed struct tally, ascending by key, as the last
 * checkpoint left them; result.seq is the last entry they hold. What came after it is found with
 * REQUEST_SCAN from the next one on, SCAN_CHANGES. A tally whose records were all taken back is
 * there with zeros. first_seq and last_seq hold every record that ever was in it. An answer of
 * rows_max tallies may have more behind it: ask again after its last key, and from the beginning
 * when result.seq is another one then. */
struct tally_question {
    uint32_t kind;          /* enum tally_kind */
    uint32_t period;        /* yyyymm */
    uint32_t every_month;   /* Not 0: that one `part` in every month, and nothing else counts. */
    uint32_t part;          /* 0: all. */
    uint32_t part_last;     /* Parts up to this one; 0: that one alone. */
    uint32_t rows_max;      /* 0: all. */
    struct tally_key after; /* kind 0: from the first one on. */
};

enum scan_mode {
    /* Records that stand: what a correction took back is left out. Flags: RECORD_CUT, RECORD_LATE.
     */
    SCAN_RECORDS = 0,
    /* Every record, and with RECORD_TAKEN_BACK, in the correction's place but under its own number,
     * what a correction took back. Nothing is said of what came later: of flags only RECORD_LATE.
     */
    SCAN_CHANGES = 1,
};

#define SCAN_ANY 0xff /* Instead of a province index. */

/* Entries that one step of a scan looks at, about two milliseconds, so that the loop goes on. */
#define SCAN_ENTRIES 4096

/* Question of REQUEST_SCAN. One step looks at SCAN_ENTRIES entries; the answer is packed struct
 * record_facts in the order of the entries, result.seq the number to go on from, 0 at the end. */
struct scan_question {
    uint64_t from_seq; /* 0: the first. */
    uint64_t to_seq;   /* 0: the last entry there is. */
    uint32_t mode;     /* enum scan_mode */
    uint32_t period;   /* 0: any. */
    uint32_t day;      /* 0: any. */
    uint8_t payer;     /* Province index, or SCAN_ANY. */
    uint8_t payee;
    uint8_t pad[2];
};

/* REQUEST_FACTS. The question is packed struct record_ref; the answer packed struct record_facts of
 * the settlements and refunds with that area and setl_id, those taken back with RECORD_REVERSED, in
 * the order of the refs. Two persons may carry the same setl_id. Adjustments are not found: their
 * numbers are a person's, and a ref names none. result.seq is the last entry there is. */

/* Calls `visit` for the body of each ENTRY_CYCLE this shard holds, oldest first: when the engine
 * starts, after the replay and before any step. Stops when it gives false; gives that back. */
typedef bool shard_cycle_fn(void *context, struct bytes body, uint64_t seq);
bool shard_each_cycle(const struct shard *shard, shard_cycle_fn *visit, void *context);

#endif
