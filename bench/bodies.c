/* bodies -- the stages of a settlement's way one by one; the whole shard is
 * shard_bodies.c, the clearing cycle cycle_bodies.c, wallets transfer_bodies.c. */
#include "bench/bodies.h"

#include <stdlib.h>

#include "bench/corpus.h"
#include "codec/messages.h"
#include "journal/block.h"
#include "journal/entry.h"
#include "ledger/book.h"
#include "ledger/delta.h"
#include "ledger/directory.h"
#include "ledger/rules.h"
#include "netting/netting.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/le.h"

#define SAMPLES       1024 /* Settlements gone round and round; a power of two. */
#define STRETCH       32   /* Ids asked for ahead, as in the shard. */
#define DIRECTORY_IDS (4u * 1024 * 1024)
#define DELTA_ENTRIES 262144 /* Fixed, whatever a shard has: so builds can be compared. */
#define DELTA_BYTES   (96u * 1024 * 1024)
#define BLOCK_ENTRIES 512
#define BOOK_CELLS    131072
#define GOLDEN        UINT64_C(0x9e3779b97f4a7c15)
#define MATRIX_SPARSE 3 /* Every third ordered pair owes nothing. */

/* What most bodies work on. */
struct samples {
    struct corpus *corpus;
    uint64_t count;
    struct settlement settlements[SAMPLES];
    struct bytes bodies[SAMPLES]; /* As sent. */
    struct posting postings[SAMPLES];
    struct entry entries[SAMPLES];
    struct tables tables;
    struct book *book;
    struct delta *delta;
    uint8_t *buffer; /* A block. */
};

static void sample_entries(struct samples *samples)
{
    for (uint64_t i = 0; i < SAMPLES; i++) {
        const struct settlement *s = &samples->settlements[i];
        const struct decided decided = rules_decide(&samples->tables, s);
        rules_posting(s, decided, 0, &samples->postings[i]);
        samples->postings[i].key.period = CORPUS_MONTH;
        samples->entries[i] = (struct entry){
            .seq = i + 1,
            .stamp_ms = CORPUS_NOW_MS,
            .period = CORPUS_MONTH,
            .orig_period = CORPUS_MONTH,
            .kind = ENTRY_SETTLEMENT,
            .sender = (uint16_t)(s->mdtrtarea_admvs / 10000),
            .line = decided.line,
            .insurance = decided.insurance,
            .body = samples->bodies[i],
        };
    }
}

static void *samples_prepare(uint64_t count)
{
    (void)count;
    struct samples *samples = calloc(1, sizeof *samples);
    ENSURE(samples != NULL);
    samples->corpus = corpus_new(SAMPLES, false);
    for (uint64_t i = 0; i < SAMPLES; i++)
        samples->bodies[i] = samples->corpus->list[i].body;
    ENSURE(corpus_settlements(samples->corpus, samples->settlements, SAMPLES) == SAMPLES);
    corpus_tables(&samples->tables);
    sample_entries(samples);
    return samples;
}

static void samples_finish(void *prepared)
{
    struct samples *samples = prepared;
    corpus_free(samples->corpus);
    book_free(samples->book);
    delta_free(samples->delta);
    free(samples->buffer);
    free(samples);
}

/* -- codec ---------------------------------------------------------------------------------- */

static uint64_t decode_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    const struct samples *samples = prepared;
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t i = 0; i < count; i++) {
        struct settlement s;
        uint32_t field;
        sum += settlement_decode(samples->bodies[i % SAMPLES], &s, &field);
        sum = sum * 31 + (uint64_t)s.amounts[AMOUNT_MEDFEE] + s.setl_id.size;
    }
    return sum;
}

static uint64_t encode_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    const struct samples *samples = prepared;
    uint8_t out[SETTLEMENT_ENCODED_MAX];
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t i = 0; i < count; i++) {
        const size_t size = settlement_encode(&samples->settlements[i % SAMPLES], out);
        sum = sum * 31 + size + out[size - 1];
    }
    return sum;
}

static uint64_t content_hash_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    const struct samples *samples = prepared;
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t i = 0; i < count; i++)
        sum += settlement_content_hash(&samples->settlements[i % SAMPLES]);
    return sum;
}

/* -- rules and book ------------------------------------------------------------------------- */

static uint64_t rules_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    const struct samples *samples = prepared;
    const struct rule_time time = {.now_ms = CORPUS_NOW_MS, .known = true};
    struct failures failures;
    uint64_t soft = 0;
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t i = 0; i < count; i++) {
        failures.count = 0;
        rules_check_settlement(&samples->tables, &samples->settlements[i % SAMPLES], time,
                               &failures, &soft);
        sum += failures.count + 1;
    }
    return sum + soft;
}

static uint64_t posting_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    const struct samples *samples = prepared;
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t i = 0; i < count; i++) {
        const struct settlement *s = &samples->settlements[i % SAMPLES];
        struct posting posting;
        rules_posting(s, rules_decide(&samples->tables, s), 0, &posting);
        posting.key.period = civil_month(s->setl_time);
        sum = sum * 31 + (uint64_t)posting_total(&posting) + posting.key.period + posting.key.line;
    }
    return sum;
}

static void *book_prepare(uint64_t count)
{
    struct samples *samples = samples_prepare(count);
    samples->book = book_new(BOOK_CELLS);
    ENSURE(samples->book != NULL);
    return samples;
}

static uint64_t book_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct samples *samples = prepared;
    uint32_t cells;
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t i = 0; i < count; i++) {
        const struct posting *posting = &samples->postings[i % SAMPLES];
        ENSURE(book_fits(samples->book, posting));
        book_post(samples->book, posting, (struct posting_kind){.content_hash = i * GOLDEN});
    }
    const struct cell *cell = book_cells(samples->book, &cells);
    for (uint32_t i = 0; i < cells; i++)
        sum += cell[i].checksum ^ cell[i].count ^ (uint64_t)cell[i].medfee_sum;
    return sum;
}

/* -- ids ------------------------------------------------------------------------------------ */

static uint64_t id_hash(uint64_t number)
{
    uint64_t x = (number + 1) * GOLDEN;
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ x >> 27;
}

static void *directory_prepare(uint64_t count)
{
    (void)count;
    struct directory *directory = directory_new(DIRECTORY_IDS);
    ENSURE(directory != NULL);
    return directory;
}

static uint64_t directory_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct directory *directory = prepared;
    uint16_t runs[DIRECTORY_HITS_MAX];
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t done = 0; done < count; done += STRETCH) {
        const uint64_t end = count - done < STRETCH ? count : done + STRETCH;
        for (uint64_t i = done; i < end; i++)
            directory_prefetch(directory, id_hash(i));
        for (uint64_t i = done; i < end; i++) {
            sum = sum * 31 + directory_find(directory, id_hash(i), runs);
            directory_add(directory, id_hash(i), 1);
        }
    }
    return sum + directory_bytes(directory);
}

static void directory_finish(void *prepared)
{
    directory_free(prepared);
}

static void *delta_prepare(uint64_t count)
{
    struct samples *samples = samples_prepare(count);
    samples->delta = delta_new(DELTA_ENTRIES, DELTA_BYTES);
    samples->buffer = calloc(STRETCH, ENTRY_SIZE_MAX);
    ENSURE(samples->delta != NULL);
    ENSURE(samples->buffer != NULL);
    return samples;
}

/* An entry and its two ids; half full it is emptied, as at a checkpoint. */
static uint64_t delta_run_body(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct samples *samples = prepared;
    struct delta *delta = samples->delta;
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t done = 0; done < count; done += STRETCH) {
        const uint64_t end = count - done < STRETCH ? count : done + STRETCH;
        if (delta_count(delta) + STRETCH > DELTA_ENTRIES / 2) delta_reset(delta, done + 1, 1);
        for (uint64_t i = done; i < end; i++) {
            delta_prefetch(delta, id_hash(2 * i));
            delta_prefetch(delta, id_hash(2 * i + 1));
        }
        uint8_t *place = samples->buffer;
        for (uint64_t i = done; i < end; i++) {
            uint64_t cursor = 0;
            const size_t size = entry_size(samples->bodies[i % SAMPLES].size);
            sum += delta_find_id(delta, id_hash(2 * i), &cursor);
            cursor = 0;
            sum += delta_find_id(delta, id_hash(2 * i + 1), &cursor);
            delta_append(delta, (struct bytes){place, size});
            place += size;
            delta_add_id(delta, id_hash(2 * i), i + 1);
            delta_add_id(delta, id_hash(2 * i + 1), i + 1);
        }
        delta_keep(delta);
    }
    sum += delta_used(delta) + delta_ids(delta);
    delta_reset(delta, 1, 1);
    return sum;
}

/* -- journal -------------------------------------------------------------------------------- */

static void *journal_prepare(uint64_t count)
{
    struct samples *samples = samples_prepare(count);
    samples->buffer = aligned_alloc(BLOCK_ALIGN, block_size_on_disk(BLOCK_PAYLOAD_MAX));
    ENSURE(samples->buffer != NULL);
    return samples;
}

static size_t fill_block(struct samples *samples, uint64_t entries)
{
    size_t used = 0;
    for (uint64_t i = 0; i < entries; i++) {
        entry_encode(&samples->entries[i % SAMPLES], samples->buffer + BLOCK_HEAD_SIZE + used);
        used += entry_size(samples->bodies[i % SAMPLES].size);
    }
    return used;
}

static uint64_t entry_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct samples *samples = prepared;
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t done = 0; done < count; done += BLOCK_ENTRIES) {
        const uint64_t entries = count - done < BLOCK_ENTRIES ? count - done : BLOCK_ENTRIES;
        sum += fill_block(samples, entries) + le_load32(samples->buffer + BLOCK_HEAD_SIZE + 60);
    }
    return sum;
}

static void *seal_prepare(uint64_t count)
{
    struct samples *samples = journal_prepare(count);
    (void)fill_block(samples, BLOCK_ENTRIES);
    return samples;
}

static uint64_t seal_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct samples *samples = prepared;
    uint8_t hash[BLOCK_HASH_SIZE] = {0};
    (void)clock;
    for (uint64_t done = 0; done < count; done += BLOCK_ENTRIES) {
        const uint64_t entries = count - done < BLOCK_ENTRIES ? count - done : BLOCK_ENTRIES;
        struct block block = {.epoch = 1, .number = 1 + done, .first_seq = 1 + done};
        block.entry_count = (uint32_t)entries;
        block.payload.data = samples->buffer + BLOCK_HEAD_SIZE;
        for (uint64_t i = 0; i < entries; i++)
            block.payload.size += entry_size(samples->bodies[i].size);
        memcpy(block.previous, hash, sizeof hash);
        block_seal(&block, samples->buffer, hash);
        /* The padding wrote zeros over the entry behind a short block. */
        if (entries != BLOCK_ENTRIES) (void)fill_block(samples, BLOCK_ENTRIES);
    }
    return le_load64(hash);
}

/* -- netting -------------------------------------------------------------------------------- */

static void *netting_prepare(uint64_t count)
{
    (void)count;
    struct netting *netting = malloc(sizeof *netting);
    ENSURE(netting != NULL);
    netting_init(netting);
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            const uint64_t pair = (uint64_t)payer * PROVINCE_COUNT + payee;
            if (payer == payee || pair % MATRIX_SPARSE == 0) continue;
            const int64_t amount = (int64_t)(id_hash(pair) % 1000000000);
            ENSURE(netting_add(netting, payer, payee, amount, 1 + pair));
        }
    }
    return netting;
}

/* A matrix into its payments, in each of the four modes. */
static uint64_t netting_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    static struct payments payments;
    uint64_t sum = 0;
    (void)clock;
    for (uint64_t i = 0; i < count; i++) {
        for (int mode = 0; mode < NETTING_MODE_COUNT; mode++) {
            ENSURE(netting_payments(prepared, (enum netting_mode)mode, &payments));
            sum = sum * 31 + (uint64_t)payments.total + payments.count;
        }
    }
    return sum;
}

/* ------------------------------------------------------------------------------------------- */

/* clang-format off -- a table is read as a table */
const struct bench_body bench_bodies[] = {
    {"settlement_decode", 16384, false, samples_prepare, decode_run, samples_finish},
    {"settlement_encode", 16384, false, samples_prepare, encode_run, samples_finish},
    {"content_hash", 16384, false, samples_prepare, content_hash_run, samples_finish},
    {"rules_check", 16384, false, samples_prepare, rules_run, samples_finish},
    {"posting", 16384, false, samples_prepare, posting_run, samples_finish},
    {"book_post", 16384, false, book_prepare, book_run, samples_finish},
    {"directory_find_add", 2097152, true, directory_prepare, directory_run, directory_finish},
    {"delta_append_ids", 524288, false, delta_prepare, delta_run_body, samples_finish},
    {"entry_encode", 16384, false, journal_prepare, entry_run, samples_finish},
    {"block_seal", 16384, false, seal_prepare, seal_run, samples_finish},
    {"netting_four_modes", 64, false, netting_prepare, netting_run, free},
    {"store_merge", 131072, true, bench_merge_prepare, bench_merge_run, bench_merge_finish},
    {"shard", 524288, true, bench_shard_prepare, bench_shard_run, bench_shard_finish},
    {"shard_and_merge", 524288, true, bench_shard_prepare, bench_shard_merge_run,
     bench_shard_finish},
    {"shard_replay", 524288, true, bench_replay_prepare, bench_replay_run, bench_shard_finish},
    {"cycle_cut", 500000, true, bench_cut_prepare, bench_cut_run, bench_cycle_finish},
    {"cycle_payment", 1984, true, bench_payment_prepare, bench_payment_run, bench_cycle_finish},
    {"transfer", 65536, true, bench_transfer_prepare, bench_transfer_run, bench_transfer_finish},
};
/* clang-format on */
const size_t bench_body_count = sizeof bench_bodies / sizeof bench_bodies[0];
