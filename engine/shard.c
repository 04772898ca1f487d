/* shard -- the way of one message through one shard; see shard.h.
 *
 * INVARIANTS kept here
 *   (J1) A result leaves only when durable_seq has reached every entry its judgement knew of:
 *        results wait in order, each with the last number taken when it was judged.
 *   (S1) At most one block is on its way to the device. A torn write can therefore only ever be the
 *        last block of the journal.
 *   (S2) A checkpoint holds exactly the entries up to the end of one written block. */
#include "shard.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "codec/wallet.h"
#include "shard_internal.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/large.h"
#include "util/le.h"

#define GROUP_SIZE    (SEGMENT_HEAD_SIZE + 1024 * 1024) /* A multiple of BLOCK_ALIGN. */
#define RUN_IDS_ROOM  (2 * 65536)
#define CELL_SCAN_KEY 8

_Static_assert(RUN_IDS_ROOM >= PERSON_RUN_SEAL, "either run fits into the merge's scratch");

void shard_config_init(struct shard_config *config)
{
    memset(config, 0, sizeof *config);
    config->shards = 1;
    config->delta_entries = 262144;
    config->delta_bytes = 96u * 1024 * 1024;
    config->shelf_bytes = 64u * 1024 * 1024;
    config->directory_ids = 4u * 1024 * 1024;
    config->cells = SHARD_CELLS_MONTH * 48;
}

/* -- opening -------------------------------------------------------------------------------- */

void shard_free(struct shard *shard)
{
    if (shard == NULL) return;
    for (uint32_t i = 0; i < shard->control_count; i++)
        free(shard->controls[i].result.data); /* Nobody received it. */
    for (uint64_t i = shard->waiting_head; i < shard->waiting_tail; i++)
        free(shard->results[i % RESULTS_MAX].data);
    free(shard->params);
    free(shard->dues.list);
    free(shard->applied);
    free(shard->work);
    free(shard->mail_ring);
    free(shard->recent);
    book_free(shard->book);
    directory_free(shard->directory);
    delta_free(shard->active);
    delta_free(shard->frozen);
    shelf_free(shard->shelf);
    shelf_free(shard->shelf_frozen);
    free(shard->groups[0].buffer);
    free(shard->merge_cells);
    free(shard->merge.ids);
    free(shard->merge.ids_sorted);
    free(shard->merge.tallies);
    free(shard->results);
    free(shard->waits);
    free(shard->failures);
    free(shard->scratch);
    free(shard->opened);
    free(shard->unread);
    free(shard);
}

static struct shard *shard_new(const struct shard_config *config)
{
    struct shard *shard = calloc(1, sizeof *shard);
    if (shard == NULL) return NULL;
    shard->config = *config;
    shard->tables = config->tables;
    shard->store = config->store;
    shard->journal = config->journal;
    shard->book = book_new(config->cells);
    shard->directory = directory_new(config->directory_ids);
    shard->active = delta_new(config->delta_entries, config->delta_bytes);
    shard->frozen = delta_new(config->delta_entries, config->delta_bytes);
    shard->shelf = shelf_new(config->shelf_bytes);
    shard->shelf_frozen = shelf_new(config->shelf_bytes);
    shard->groups[0].buffer = large_new(2 * GROUP_SIZE);
    shard->merge_cells = malloc(sizeof *shard->merge_cells * config->cells);
    shard->merge.ids_room = config->delta_entries * IDS_PER_ENTRY + RUN_IDS_ROOM;
    shard->merge.ids = malloc(sizeof *shard->merge.ids * shard->merge.ids_room);
    shard->merge.ids_sorted = malloc(sizeof *shard->merge.ids * shard->merge.ids_room);
    shard->merge.tallies = malloc(sizeof *shard->merge.tallies);
    shard->merge.store = config->store;
    shard->results = calloc(RESULTS_MAX, sizeof *shard->results);
    shard->waits = calloc(RESULTS_MAX, sizeof *shard->waits);
    shard->failures = malloc(sizeof *shard->failures * FAILURES_RING);
    shard->scratch = malloc(sizeof *shard->scratch * STRETCH);
    shard->opened = malloc(sizeof *shard->opened * STRETCH);
    shard->params = malloc(sizeof *shard->params);
    shard->dues.list = malloc(sizeof *shard->dues.list * DUES_MAX);
    shard->applied = malloc(sizeof *shard->applied);
    shard->work = malloc(sizeof *shard->work);
    shard->mail_ring = mail_ring_new(config->shards);
    shard->recent = recent_new();
    shard->unread = calloc(1, sizeof *shard->unread);
    if (shard->book == NULL || shard->directory == NULL || shard->active == NULL ||
        shard->frozen == NULL || shard->shelf == NULL || shard->shelf_frozen == NULL ||
        shard->groups[0].buffer == NULL || shard->merge_cells == NULL || shard->merge.ids == NULL ||
        shard->merge.ids_sorted == NULL || shard->merge.tallies == NULL || shard->results == NULL ||
        shard->waits == NULL || shard->failures == NULL || shard->scratch == NULL ||
        shard->params == NULL || shard->dues.list == NULL || shard->applied == NULL ||
        shard->work == NULL || shard->opened == NULL || shard->mail_ring == NULL ||
        shard->recent == NULL || shard->unread == NULL) {
        shard_free(shard);
        return NULL;
    }
    shard->groups[1].buffer = shard->groups[0].buffer + GROUP_SIZE;
    return shard;
}

/* Rows fill a shelf from the front, and where merges keep up no more than half of it. */
static struct bytes front_half(struct bytes memory)
{
    return (struct bytes){memory.data, memory.size / 2};
}

/* What is looked into anywhere, by judging and by sorting for a merge, and what is written all the
 * time: of the first no page shall have to be searched for, of none one be made while there is
 * work. Of the cells nobody knows how many will be used. The entries of the deltas are not among
 * them: they come in their order, and a large page is cleared in one go. */
static void tell_of_memory(const struct shard *shard)
{
    const struct merge *merge = &shard->merge;
    const size_t ids_size = merge->ids_room * sizeof *merge->ids;
    const struct {
        struct bytes memory;
        bool whole;
    } list[] = {
        {directory_table(shard->directory), true},
        {delta_tables(shard->active), true},
        {delta_tables(shard->frozen), true},
        {delta_mark_table(shard->active), true},
        {delta_mark_table(shard->frozen), true},
        {shelf_table(shard->shelf), true},
        {shelf_table(shard->shelf_frozen), true},
        {front_half(shelf_rows(shard->shelf)), true},
        {front_half(shelf_rows(shard->shelf_frozen)), true},
        {{(const uint8_t *)merge->ids, ids_size}, true},
        {{(const uint8_t *)merge->ids_sorted, ids_size}, true},
        {{shard->groups[0].buffer, large_size(2 * GROUP_SIZE)}, true},
        {book_memory(shard->book), false},
    };
    if (shard->config.memory_made == NULL) return;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        shard->config.memory_made(list[i].memory, list[i].whole);
}

static int read_cells(struct shard *shard, const char **ret_why)
{
    uint8_t key[CELL_SCAN_KEY] = {0};
    struct bytes found;
    struct bytes value;
    int r;

    while ((r = store_ceiling(shard->store, STORE_CELL, (struct bytes){key, sizeof key}, &found,
                              &value)) == 0) {
        struct cell cell;
        if (!cell_read(found, value, &cell)) {
            *ret_why = "a cell in the store makes no sense";
            return -EUCLEAN;
        }
        if (!book_restore(shard->book, &cell)) {
            *ret_why = "a cell in the store does not balance or has no place";
            return -EUCLEAN;
        }
        /* The next possible key: count up the eight bytes. */
        be_store64(key, be_load64(found.data) + 1);
    }
    return r == -ENOENT ? 0 : r;
}

static int read_ids(struct shard *shard, const char **ret_why)
{
    uint8_t key[12] = {0};
    struct bytes found;
    struct bytes value;
    int r;

    while ((r = store_ceiling(shard->store, STORE_ID, (struct bytes){key, sizeof key}, &found,
                              &value)) == 0) {
        const uint32_t run = found.size == sizeof key ? be_load32(found.data) : 0;
        if (run == 0 || run > DIRECTORY_RUN_MAX || value.size % sizeof(struct id) != 0) {
            *ret_why = "a chunk of ids in the store makes no sense";
            return -EUCLEAN;
        }
        for (size_t i = 0; i < value.size; i += sizeof(struct id)) {
            directory_add(shard->directory, le_load64(value.data + i), run);
        }
        const uint64_t hash = be_load64(found.data + 4);
        be_store32(key, hash == UINT64_MAX ? run + 1 : run);
        be_store64(key + 4, hash + 1);
    }
    return r == -ENOENT ? 0 : r;
}

/* Nothing is known: the journal is read from its first block. */
static int begin_empty(struct shard *shard)
{
    shard->next_block = 1;
    block_chain_start(shard->config.store_id, shard->config.shard, shard->hash);
    if (shard->config.manual_clock) shard->stamp_ms = MANUAL_CLOCK_START_MS;
    delta_reset(shard->active, 1, 1);
    return 0;
}

/* A store without a position: it was never written to, or has lost it. Rows it may hold would be
 * counted a second time, so they go. */
static int begin_without_position(struct shard *shard)
{
    struct bytes key, value;
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        int r = store_ceiling(shard->store, (enum store_table)table, (struct bytes){NULL, 0}, &key,
                              &value);
        if (r == 0) {
            r = store_clear(shard->store);
            return r == 0 ? begin_empty(shard) : r;
        }
        if (r != -ENOENT) return r;
    }
    return begin_empty(shard);
}

static int read_state(struct shard *shard, const char **ret_why)
{
    struct bytes value;
    struct shard_meta meta;
    int r = store_refresh(shard->store);
    if (r != 0) return r;

    r = store_get(shard->store, STORE_META, bytes_of("meta"), &value);
    if (r == -ENOENT) return begin_without_position(shard);
    if (r != 0) return r;
    if (value.size != sizeof meta) {
        *ret_why = "the store's position has the wrong size";
        return -EUCLEAN;
    }
    memcpy(&meta, value.data, sizeof meta);
    if (shard_meta_is_old(meta.format) && meta.shard == shard->config.shard) {
        r = store_clear(shard->store); /* It lacks much of its records: made anew. */
        return r == 0 ? begin_empty(shard) : r;
    }
    if (meta.format != SHARD_META_FORMAT || meta.shard != shard->config.shard || meta.run == 0 ||
        meta.run > DIRECTORY_RUN_MAX) {
        *ret_why = "the store's position is of another format or shard";
        return -EUCLEAN;
    }
    shard->last_seq = shard->durable_seq = shard->checkpoint_seq = meta.seq;
    shard->stamp_ms = meta.stamp_ms;
    shard->next_block = meta.next_block;
    shard->segment = meta.segment;
    shard->offset = meta.offset;
    memcpy(shard->hash, meta.hash, sizeof shard->hash);
    shard->cut_through = meta.cut_through;
    shard->closed_year = meta.closed_year;
    shard->cuts = meta.cuts;
    shard->run_ids = meta.run_ids;
    shard->journal_bytes = meta.journal_bytes;
    delta_reset(shard->active, meta.seq + 1, meta.run);
    r = read_cells(shard, ret_why);
    return r == 0 ? read_ids(shard, ret_why) : r;
}

int shard_open(const struct shard_config *config, struct shard **ret_shard,
               struct replay_start *ret_from, const char **ret_why)
{
    struct shard *shard = shard_new(config);
    *ret_why = NULL;
    if (shard == NULL) return -ENOMEM;
    tell_of_memory(shard);
    int r = read_state(shard, ret_why);
    if (r == 0) r = persons_open(shard, ret_why);
    if (r != 0) {
        shard_free(shard);
        return r;
    }
    ret_from->next_seq = shard->last_seq + 1;
    ret_from->next_block = shard->next_block;
    ret_from->segment = shard->segment;
    ret_from->offset = shard->offset;
    memcpy(ret_from->hash, shard->hash, sizeof ret_from->hash);
    *ret_shard = shard;
    return 0;
}

/* -- results -------------------------------------------------------------------------------- */

static uint64_t waiting_room(const struct shard *shard)
{
    return RESULTS_MAX - (shard->waiting_tail - shard->waiting_done);
}

static uint64_t failures_room(const struct shard *shard)
{
    return FAILURES_RING - (shard->failures_tail - shard->failures_head);
}

/* A place for `count` failures that does not wrap; what is skipped counts as used. */
static struct failure *failures_put(struct shard *shard, const struct failure *list, uint32_t count)
{
    const uint64_t at = shard->failures_tail % FAILURES_RING;
    if (at + count > FAILURES_RING) shard->failures_tail += FAILURES_RING - at;
    struct failure *place = &shard->failures[shard->failures_tail % FAILURES_RING];
    memcpy(place, list, count * sizeof *list);
    shard->failures_tail += count;
    return place;
}

static void put_result(struct shard *shard, const struct request *request,
                       const struct verdict *verdict)
{
    const uint64_t place = shard->waiting_tail++ % RESULTS_MAX;
    struct result *result = &shard->results[place];

    *result = (struct result){
        .ticket = request->ticket,
        .index = request->index,
        .type = request->type,
        .code = verdict->code,
        .dup = verdict->dup,
    };
    if (verdict->code == ERROR_OK) {
        result->state = verdict->state;
        result->period = verdict->entry.period;
        result->orig_period = verdict->entry.orig_period;
        result->seq = verdict->entry.seq;
        result->stamp_ms = verdict->entry.stamp_ms;
    } else {
        result->failure_count = verdict->failures.count;
        result->failures = failures_put(shard, verdict->failures.list, verdict->failures.count);
    }
    shard->waits[place] = (struct wait){shard->last_seq, shard->failures_tail};
}

struct result *put_answer(struct shard *shard, const struct request *request, uint32_t code)
{
    const uint64_t place = shard->waiting_tail++ % RESULTS_MAX;
    struct result *result = &shard->results[place];
    *result = (struct result){
        .ticket = request->ticket,
        .index = request->index,
        .type = request->type,
        .code = (uint16_t)code,
        .stamp_ms = shard->stamp_ms,
    };
    shard->waits[place] = (struct wait){shard->last_seq, shard->failures_tail};
    return result;
}

void put_unread(struct shard *shard, const struct request *request, const struct failure *failure)
{
    const struct failure *kept = failures_put(shard, failure, 1);
    struct result *result = put_answer(shard, request, failure->code);
    result->failure_count = 1;
    result->failures = kept;
}

/* The desk's answers have a queue of their own: they pass what a cut holds back. */
static struct result *put_control(struct shard *shard, const struct request *request, uint32_t code)
{
    ENSURE(shard->control_count < CONTROLS_MAX);
    struct control *control = &shard->controls[shard->control_count++];
    control->need_seq = shard->last_seq;
    control->result = (struct result){
        .ticket = request->ticket,
        .index = request->index,
        .type = request->type,
        .code = (uint16_t)code,
        .stamp_ms = shard->stamp_ms,
        .seq = shard->last_seq,
    };
    return &control->result;
}

/* Takes the memory of the results lent out with the last effects back. */
static void reclaim_results(struct shard *shard)
{
    if (shard->waiting_done == shard->waiting_head) return;
    shard->failures_head = shard->waits[(shard->waiting_head - 1) % RESULTS_MAX].failures_end;
    shard->waiting_done = shard->waiting_head;
}

/* True when the first result that waits may leave. */
static bool may_leave(const struct shard *shard)
{
    const struct wait *wait = &shard->waits[shard->waiting_head % RESULTS_MAX];
    if (shard->waiting_head == shard->waiting_tail) return false;
    if (shard->holding && shard->waiting_head >= shard->hold_from) return false;
    return wait->need_seq <= shard->durable_seq; /* (J1) */
}

/* The results that may leave are lent where they stand: one stretch of the ring, or two. */
static void release_results(struct shard *shard, struct effects *effects)
{
    const uint64_t from = shard->waiting_head;
    const uint64_t at = from % RESULTS_MAX;
    while (may_leave(shard))
        shard->waiting_head++;
    const uint64_t count = shard->waiting_head - from;
    const uint64_t first = count < RESULTS_MAX - at ? count : RESULTS_MAX - at;
    effects->results[0] = (struct result_span){shard->results + at, (uint32_t)first};
    effects->results[1] = (struct result_span){shard->results, (uint32_t)(count - first)};

    uint32_t controls = 0;
    uint32_t left = 0;
    for (uint32_t i = 0; i < shard->control_count; i++) {
        if (shard->controls[i].need_seq <= shard->durable_seq) { /* (J1) */
            shard->control_out[controls++] = shard->controls[i].result;
        } else {
            shard->controls[left++] = shard->controls[i];
        }
    }
    shard->control_count = left;
    effects->results[2] = (struct result_span){shard->control_out, controls};
}

/* -- decisions into entries ----------------------------------------------------------------- */

static bool group_has_room(const struct shard *shard, size_t size)
{
    return BLOCK_PAYLOAD_MAX - shard->groups[shard->filling].payload >= size;
}

bool has_entry_room(const struct shard *shard, uint32_t entries, size_t size, uint32_t ids,
                    uint32_t marks)
{
    const struct shard_config *config = &shard->config;
    uint32_t used_marks;
    (void)delta_marks(shard->active, &used_marks);
    return group_has_room(shard, size) && delta_has_room(shard->active, size) &&
           delta_count(shard->active) + entries <= config->delta_entries &&
           used_marks + marks <= config->delta_entries &&
           delta_ids(shard->active) + ids <= config->delta_entries * IDS_PER_ENTRY;
}

void append(struct shard *shard, struct entry *entry, const struct record *record)
{
    struct group *group = &shard->groups[shard->filling];
    uint8_t *place = group->buffer + SEGMENT_HEAD_SIZE + BLOCK_HEAD_SIZE + group->payload;
    const size_t size = entry_size(entry->body.size);

    ENSURE(!unread_any(shard)); /* (R1) */
    entry->seq = shard->last_seq + 1;
    if (group->entries == 0) group->first_seq = entry->seq;
    entry_encode(entry, place);
    group->payload += size;
    group->entries++;
    state_apply(shard, entry, record, (struct bytes){place, size});
}

/* Nothing is in the block and still there is no room: only a checkpoint can make some. */
static void want_room(struct shard *shard)
{
    if (shard->groups[shard->filling].entries == 0 && !shard->frozen_used &&
        delta_count(shard->active) != 0) {
        shard->checkpoint_wanted = true;
    }
}

/* A verdict that was found without a record which cannot be read is none. */
static void refuse_unread(const struct shard *shard, struct verdict *verdict)
{
    struct failure failure;
    if (!unread_take(shard, &failure)) return;
    verdict->code = failure.code;
    verdict->dup = false;
    verdict->failures.count = 1;
    verdict->failures.list[0] = failure;
}

/* False when it pays from a wallet and there is no room for all that this takes: nothing happened,
 * it has to come again. */
static bool take_message(struct shard *shard, const struct request *request,
                         const struct message *message, int64_t now_ms)
{
    uint8_t out[SETTLEMENT_ENCODED_MAX];
    struct verdict verdict;
    uint64_t soft = 0;

    judge(shard, message, now_ms, out, &verdict, &soft);
    refuse_unread(shard, &verdict);
    const bool accepted = verdict.code == ERROR_OK && !verdict.dup;
    const bool wallet = accepted && verdict.wallet;
    if (wallet && !wallets_have_room(shard, 1, 0)) {
        want_room(shard);
        return false;
    }
    shard->status.soft_failures += soft;
    if (verdict.code != ERROR_OK) {
        shard->status.rejected++;
    } else if (verdict.dup) {
        shard->status.duplicate++;
    } else {
        shard->status.accepted++;
        append(shard, &verdict.entry, verdict.record.settlement != NULL ? &verdict.record : NULL);
        if (wallet) append_wallet(shard); /* In the same block: one fate. */
    }
    put_result(shard, request, &verdict);
    return true;
}

/* -- the desk's requests -------------------------------------------------------------------- */

static void append_control(struct shard *shard, enum entry_kind kind, uint32_t period,
                           int64_t now_ms, struct bytes body)
{
    struct entry entry = {
        .stamp_ms = now_ms,
        .kind = (uint16_t)kind,
        .period = period,
        .orig_period = period,
        .body = body,
    };
    append(shard, &entry, NULL);
}

/* A part of what the desk decided; the shard only keeps it. */
static void take_cycle(struct shard *shard, const struct request *request, int64_t now_ms)
{
    ENSURE(shard->config.shard == 0);
    if (request->body.size > ENTRY_BODY_MAX) {
        put_control(shard, request, ERROR_MALFORMED);
        return;
    }
    struct entry entry = {
        .stamp_ms = now_ms,
        .kind = ENTRY_CYCLE,
        .period = request->period,
        .orig_period = request->period,
        .sender = request->province,
        .body = request->body,
    };
    append(shard, &entry, NULL);
    put_control(shard, request, ERROR_OK);
}

static uint32_t check_cut(const struct shard *shard, uint32_t period, uint32_t *ret_blocking)
{
    *ret_blocking = 0;
    if (!civil_month_valid(period)) return ERROR_MALFORMED;
    if (period <= shard->cut_through) return ERROR_OK; /* Again: the same answer. */
    return book_open_before(shard->book, period, ret_blocking) ? ERROR_PERIOD_ORDER : ERROR_OK;
}

/* Between the check and the cut other shards are asked, and the cycle: meanwhile a record of an
 * earlier month may have come, the first of it. Behind a later month's cut it would be in no batch.
 */
static void take_cut_check(struct shard *shard, const struct request *request)
{
    uint32_t blocking;
    const uint32_t code = check_cut(shard, request->period, &blocking);
    const bool closes = request->type == REQUEST_CUT_CLOSE && code == ERROR_OK;
    struct result *result = put_control(shard, request, code);
    shard->closing = closes ? request->period : 0;
    result->period = blocking;
    result->orig_period = shard->cut_through;
}

static void take_cut(struct shard *shard, const struct request *request, int64_t now_ms)
{
    shard->closing = 0;
    if (request->period > shard->cut_through) {
        append_control(shard, ENTRY_CUT, request->period, now_ms, request->body);
    }
    /* From here on nobody hears of a later record before every shard has cut: so no answer can
     * make somebody send a record that another shard still puts into the old month. */
    if (!shard->holding) shard->hold_from = shard->waiting_tail;
    shard->holding = true;
    put_control(shard, request, ERROR_OK);
}

static void take_clock(struct shard *shard, const struct request *request)
{
    uint32_t code = ERROR_OK;
    if (request->type == REQUEST_CLOCK_LEVEL) {
        if (request->instant_ms > shard->stamp_ms && shard->config.manual_clock) {
            append_control(shard, ENTRY_CLOCK, 0, request->instant_ms, request->body);
        }
    } else if (!shard->config.manual_clock || request->instant_ms < shard->stamp_ms) {
        code = ERROR_CLOCK;
    } else {
        append_control(shard, ENTRY_CLOCK, 0, request->instant_ms, request->body);
    }
    put_control(shard, request, code);
}

static void take_year_close(struct shard *shard, const struct request *request, int64_t now_ms)
{
    uint32_t code = ERROR_OK;
    if (request->period / 100 > shard->closed_year) {
        if (shard->cut_through < request->period) {
            code = ERROR_PERIOD_ORDER;
        } else if (request->type == REQUEST_YEAR_CLOSE) {
            append_control(shard, ENTRY_YEAR_CLOSE, request->period, now_ms, request->body);
        }
    }
    put_control(shard, request, code)->period = shard->cut_through;
}

static void take_cells(struct shard *shard, const struct request *request)
{
    uint32_t count;
    uint32_t wanted = 0;
    const struct cell *cells = book_cells(shard->book, &count);
    struct cell *copy = malloc(sizeof *copy * (count + 1));
    NEED_MEMORY(copy); /* A report without one shard's cells would be a wrong one. */

    struct result *result = put_control(shard, request, ERROR_OK);
    result->period = shard->cut_through;
    result->orig_period = shard->closed_year;
    for (uint32_t i = 0; i < count; i++) {
        if (request->period == 0 || cells[i].key.period == request->period)
            copy[wanted++] = cells[i];
    }
    result->data = copy;
    result->data_size = wanted * sizeof *copy;
}

/* A growing answer; `data` is NULL once there was no memory. */
struct found {
    uint8_t *data;
    size_t size;
    size_t room;
};

static void found_add(struct found *found, const struct found_entry *head,
                      const struct entry *entry)
{
    const size_t size = entry_size(entry->body.size);
    if (found->room - found->size < sizeof *head + size) {
        found->room = 2 * (found->room + sizeof *head + size);
        uint8_t *more = realloc(found->data, found->room);
        NEED_MEMORY(more);
        found->data = more;
    }
    memcpy(found->data + found->size, head, sizeof *head);
    entry_encode(entry, found->data + found->size + sizeof *head);
    found->size += sizeof *head + size;
}

#define HISTORY_MAX 1000 /* Entries that refer to one record, listed at most; latest first. */

static void find_record(const struct shard *shard, const struct entry *entry,
                        const struct settlement *s, struct found *found)
{
    const struct posting posting = posting_of(entry, s);
    const struct cell *cell = book_find(shard->book, posting.key);
    const struct mark mark = mark_of(shard, entry->seq);
    struct found_entry head = {
        .size = (uint32_t)entry_size(entry->body.size),
        .reversed = (mark.flags & MARK_REVERSED) != 0,
        .cut = cell != NULL && cell->cut != 0,
        .refunded_fen = mark.refunds != 0 ? mark.changes[AMOUNT_MEDFEE] : 0,
    };
    found_add(found, &head, entry);

    uint64_t seq = mark.last_seq;
    for (int i = 0; i < HISTORY_MAX && seq != 0 && seq != entry->seq; i++) {
        struct entry item;
        if (!entry_at(shard, seq, &item)) return;
        head = (struct found_entry){
            .size = (uint32_t)entry_size(item.body.size),
            .history = 1,
            .reversed = (mark_of(shard, seq).flags & MARK_REVERSED) != 0,
        };
        found_add(found, &head, &item);
        seq = item.prev_seq;
    }
}

/* Tells the desk which record cannot be read: the data is a text. */
static void put_control_unread(struct shard *shard, const struct request *request,
                               const struct failure *failure)
{
    char text[160];
    failure_text(request->type, failure, text, sizeof text);
    struct result *result = put_control(shard, request, failure->code);
    result->data = strdup(text);
    NEED_MEMORY(result->data);
    result->data_size = strlen(text) + 1;
}

static void take_find(struct shard *shard, const struct request *request)
{
    struct found found = {0};
    struct failure failure;
    struct lookup lookup;
    struct entry entry;

    lookup_begin(shard, hash_setl_id(shard, request->area, request->body), &lookup);
    while (lookup_next(shard, &lookup, &entry)) {
        struct settlement s;
        uint32_t field;
        if (!is_settlement(&entry)) continue;
        if (!settlement_decode(entry.body, &s, &field)) continue;
        if (s.insu_admdvs == request->area && bytes_equal(s.setl_id, request->body)) {
            find_record(shard, &entry, &s, &found);
        }
    }
    if (unread_take(shard, &failure)) {
        free(found.data);
        put_control_unread(shard, request, &failure);
        return;
    }
    struct result *result = put_control(shard, request, ERROR_OK);
    result->data = found.data;
    result->data_size = found.size;
}

/* Hands on what shard_answers.c says. */
static void take_question(struct shard *shard, const struct request *request, answer_fn *answer)
{
    struct answer said = {0};
    const uint32_t code = answer(shard, request->body, &said);
    struct failure failure;
    if (unread_take(shard, &failure)) {
        free(said.data);
        put_control_unread(shard, request, &failure);
        return;
    }
    struct result *result = put_control(shard, request, code);
    if (code != ERROR_OK) return;
    result->seq = said.seq;
    result->data = said.data;
    result->data_size = said.size;
}

static void take_status(struct shard *shard, const struct request *request)
{
    struct shard_status *status = malloc(sizeof *status);
    NEED_MEMORY(status);
    struct result *result = put_control(shard, request, ERROR_OK);
    shard_get_status(shard, status);
    result->data = status;
    result->data_size = sizeof *status;
}

static void take_control(struct shard *shard, const struct request *request, int64_t now_ms)
{
    switch (request->type) {
    case REQUEST_CUT_CHECK:
    case REQUEST_CUT_CLOSE:
        take_cut_check(shard, request);
        return;
    case REQUEST_CUT:
        take_cut(shard, request, now_ms);
        return;
    case REQUEST_CUT_RELEASE:
        shard->holding = false;
        put_control(shard, request, ERROR_OK);
        return;
    case REQUEST_CLOCK:
    case REQUEST_CLOCK_LEVEL:
        take_clock(shard, request);
        return;
    case REQUEST_YEAR_CHECK:
    case REQUEST_YEAR_CLOSE:
        take_year_close(shard, request, now_ms);
        return;
    case REQUEST_CELLS:
        take_cells(shard, request);
        return;
    case REQUEST_FIND:
        take_find(shard, request);
        return;
    case REQUEST_STATUS:
        take_status(shard, request);
        return;
    case REQUEST_TALLIES:
        take_question(shard, request, answer_tallies);
        return;
    case REQUEST_SCAN:
        take_question(shard, request, answer_scan);
        return;
    case REQUEST_FACTS:
        take_question(shard, request, answer_facts);
        return;
    case REQUEST_CYCLE:
        take_cycle(shard, request, now_ms);
        return;
    default:
        put_control(shard, request, ERROR_UNKNOWN_TYPE);
    }
}

/* -- the step ------------------------------------------------------------------------------- */

/* A reversal's entry holds the refund it stands for: longer than what was sent. */
static size_t entry_size_bound(const struct request *request)
{
    const size_t body = request->type == MESSAGE_SETL_REVERSE ? SETTLEMENT_ENCODED_MAX
                        : request->body.size > ENTRY_BODY_MAX ? 0
                                                              : request->body.size;
    return entry_size(body);
}

static bool is_control(const struct request *request)
{
    return (request->type & 0xff00) == REQUEST_CONTROL;
}

/* Settlements, and what follows them. */
static bool is_record_message(const struct request *request)
{
    return (request->type & 0xff00) == (MESSAGE_SETL_POST & 0xff00);
}

/* Wallet messages, and questions for a fact about one. */
static bool is_order(const struct request *request)
{
    return request->type == REQUEST_WALLET_FACT || wallet_type(request->type);
}

/* Room for all that a request about persons may write. */
static bool persons_have_room(const struct shard *shard, const struct request *request)
{
    switch (request->type) {
    case REQUEST_PERSON:
        return true;
    case REQUEST_MAIL:
        return mail_has_room(shard, request->body);
    case REQUEST_WALLET_FACT:
        return wallets_have_room(shard, 1, 0);
    default:
        return !wallet_type(request->type) || wallet_has_room(shard, request->type);
    }
}

/* True when the request, alone in the block, can become an entry. */
static bool may_append(const struct request *request)
{
    return is_record_message(request) || request->type == REQUEST_CUT ||
           request->type == REQUEST_CLOCK || request->type == REQUEST_CLOCK_LEVEL ||
           request->type == REQUEST_YEAR_CLOSE || request->type == REQUEST_CYCLE;
}

/* An order of the desk needs no place among the senders' results: the release of a cut must get
 * through when everything that the cut holds back has filled them. */
static bool has_room(const struct shard *shard, const struct request *request)
{
    const size_t size = entry_size_bound(request);
    if (may_append(request) &&
        !(group_has_room(shard, size) && delta_has_room(shard->active, size))) {
        return false;
    }
    if (is_control(request)) return shard->control_count < CONTROLS_MAX;
    if (!is_record_message(request) && !persons_have_room(shard, request)) return false;
    return waiting_room(shard) > 0 && failures_room(shard) > 2 * FAILURES_MAX;
}

/* A piece of a question about a person, as shard_questions.c answers it. */
static void take_person(struct shard *shard, const struct request *request, int64_t now_ms)
{
    struct answer said = {0};
    bool more = false;
    uint32_t code = person_answer(shard, request, now_ms, &said, &more);
    struct failure failure;
    if (unread_take(shard, &failure)) {
        free(said.data);
        code = person_unread(&failure, &said);
        more = false;
    }
    struct result *result = put_answer(shard, request, code);
    if (more) result->state = STATE_MORE;
    result->seq = said.seq;
    result->data = said.data;
    result->data_size = said.size;
}

/* Wallets, mail between shards, questions about persons. */
static void take_between(struct shard *shard, const struct request *request,
                         const struct opened *opened, int64_t now_ms)
{
    switch (request->type) {
    case REQUEST_MAIL:
        take_mail(shard, request, now_ms);
        return;
    case REQUEST_WALLET_FACT:
        take_wallet_fact(shard, request, opened, now_ms);
        return;
    case REQUEST_PAY_ID:
        take_pay_id(shard, request);
        return;
    case REQUEST_PERSON:
        take_person(shard, request, now_ms);
        return;
    default:
        if (wallet_type(request->type) && request->type != MESSAGE_OUTBOX_GET) {
            take_wallet(shard, request, opened, now_ms);
        } else {
            put_answer(shard, request, ERROR_UNKNOWN_TYPE);
        }
    }
}

/* Up to when everything due has to be done before the request: its own time, or the one it sets. */
static int64_t due_before_request(const struct shard *shard, const struct request *request,
                                  int64_t now_ms)
{
    const bool sets = request->type == REQUEST_CLOCK || request->type == REQUEST_CLOCK_LEVEL;
    return sets && shard->config.manual_clock && request->instant_ms > now_ms ? request->instant_ms
                                                                              : now_ms;
}

/* False when it has to be given again. */
static bool take_request(struct shard *shard, const struct request *request,
                         const struct message *message, const struct opened *opened, int64_t now_ms)
{
    const int64_t due_ms = due_before_request(shard, request, now_ms);
    if (shard_next_due(shard) <= due_ms && !sweep(shard, due_ms)) return false;
    if (!has_room(shard, request)) return false;
    bool taken = true;
    if (is_record_message(request)) {
        taken = take_message(shard, request, message, now_ms);
    } else if (is_control(request)) {
        take_control(shard, request, now_ms);
    } else {
        take_between(shard, request, opened, now_ms);
    }
    ENSURE(!unread_any(shard)); /* (R1) */
    return taken;
}

static void take_requests(struct shard *shard, const struct request *list, uint32_t count,
                          int64_t now_ms, struct effects *effects)
{
    while (effects->taken < count) {
        const struct request *stretch = list + effects->taken;
        uint32_t length = count - effects->taken < STRETCH ? count - effects->taken : STRETCH;
        bool orders = false;
        for (uint32_t i = 0; i < length; i++) {
            if (!is_record_message(&stretch[i])) {
                orders |= is_order(&stretch[i]);
                shard->scratch[i].settles = false;
                continue;
            }
            message_open(shard, stretch[i].type, stretch[i].province, stretch[i].body,
                         &shard->scratch[i]);
        }
        messages_ahead(shard, shard->scratch, length);
        if (orders) orders_open(shard, stretch, length, shard->opened);
        for (uint32_t i = 0; i < length; i++) {
            if (!take_request(shard, &stretch[i], &shard->scratch[i], &shard->opened[i], now_ms)) {
                if (!is_record_message(&stretch[i])) want_room(shard);
                return;
            }
            if (shard->config.manual_clock) now_ms = shard->stamp_ms;
            effects->taken++;
        }
    }
}

bool shard_dirty(const struct shard *shard)
{
    uint32_t marks;
    (void)delta_marks(shard->active, &marks);
    return delta_count(shard->active) >= shard->config.delta_entries / 2 ||
           marks >= shard->config.delta_entries / 2 ||
           delta_used(shard->active) >= shard->config.delta_bytes / 2 ||
           shelf_used(shard->shelf) + shard->mail_unshelved >= shard->config.shelf_bytes / 2;
}

/* Begins the merge of what is frozen, on the thread that reads: the store's map may have to move.
 */
static void start_merge(struct shard *shard, struct effects *effects)
{
    shard->merge_waits = false;
    shard->merge_runs = true;
    shard->merge.meta.segment = shard->segment;
    shard->merge.meta.offset = shard->offset;
    shard->merge.meta.journal_bytes = shard->journal_bytes;
    NEED_STORE(store_reserve(shard->store, merge_estimate(&shard->merge)), "grow");
    effects->merge = &shard->merge;
}

static void freeze_if_due(struct shard *shard)
{
    if (shard->frozen_used || delta_count(shard->active) == 0) return;
    if (!shard->checkpoint_wanted && !shard_dirty(shard)) return;
    shard->checkpoint_wanted = false;
    state_freeze(shard); /* (S2): every entry is in a sealed block. */
    shard->merge_waits = true;
}

static void flush(struct shard *shard, struct effects *effects)
{
    if (shard->writing) return; /* (S1) */
    struct group *group = &shard->groups[shard->filling];
    if (group->entries == 0) {
        freeze_if_due(shard);
        if (shard->merge_waits) start_merge(shard, effects);
        return;
    }
    struct block block = {
        .shard = shard->config.shard,
        .epoch = 1,
        .number = shard->next_block,
        .first_seq = group->first_seq,
        .entry_count = group->entries,
        .payload = {group->buffer + SEGMENT_HEAD_SIZE + BLOCK_HEAD_SIZE, group->payload},
    };
    memcpy(block.store_id, shard->config.store_id, sizeof block.store_id);
    memcpy(block.previous, shard->hash, sizeof block.previous);
    block_seal(&block, group->buffer + SEGMENT_HEAD_SIZE, shard->hash);
    delta_keep(shard->active); /* The block's memory will be another one's. */
    effects->append =
        (struct bytes){group->buffer + SEGMENT_HEAD_SIZE, block_size_on_disk(group->payload)};
    effects->append_number = block.number;
    shard->next_block++;
    shard->writing = true;
    shard->written_first = group->first_seq;
    shard->written_seq = shard->last_seq;
    mail_seal(shard);
    shard->written_bytes = effects->append.size;
    group->payload = 0;
    group->entries = 0;
    shard->shelf_spent = 0;
    shard->filling ^= 1;
    freeze_if_due(shard);
}

static void written(struct shard *shard, const struct block_place *place, struct effects *effects)
{
    ENSURE(shard->writing);
    ENSURE(place->end - place->offset == shard->written_bytes);
    shard->writing = false;
    shard->durable_seq = shard->written_seq;
    mail_durable(shard);
    note_block(shard, shard->written_first, place->segment, place->offset);
    shard->segment = place->segment;
    shard->offset = place->end;
    shard->journal_bytes += shard->written_bytes;
    shard->status.blocks++;
    if (shard->merge_waits) start_merge(shard, effects);
}

static void merged(struct shard *shard, int status, struct effects *effects)
{
    ENSURE(shard->merge_runs);
    if (status == -ENOSPC) { /* The estimate was too small: more room, and again. */
        NEED_STORE(store_reserve(shard->store, 4 * merge_estimate(&shard->merge)), "grow");
        effects->merge = &shard->merge;
        return;
    }
    /* A checkpoint that fails leaves the truth in the journal: stop. */
    NEED_STORE(status, "take a checkpoint");
    shard->merge_runs = false;
    state_merged(shard);
}

void shard_step(struct shard *shard, const struct event *event, struct effects *ret_effects)
{
    int64_t now_ms = shard->stamp_ms;
    if (!shard->config.manual_clock && event->now_ms > now_ms) now_ms = event->now_ms;

    *ret_effects = (struct effects){0};
    reclaim_results(shard);
    switch (event->kind) {
    case EVENT_REQUESTS:
        take_requests(shard, event->requests.list, event->requests.count, now_ms, ret_effects);
        break;
    case EVENT_FLUSH:
        if (shard_next_due(shard) <= now_ms && !sweep(shard, now_ms)) want_room(shard);
        flush(shard, ret_effects);
        break;
    case EVENT_WRITTEN:
        written(shard, &event->written, ret_effects);
        break;
    case EVENT_CHECKPOINT:
        shard->checkpoint_wanted = true;
        break;
    case EVENT_MERGED:
        merged(shard, event->status, ret_effects);
        break;
    }
    release_results(shard, ret_effects);
}

bool shard_merging(const struct shard *shard)
{
    return shard->frozen_used;
}

bool shard_unwritten(const struct shard *shard)
{
    return shard->writing || shard->groups[shard->filling].entries != 0 ||
           shard->waiting_head != shard->waiting_tail || shard->control_count != 0;
}

void shard_get_status(const struct shard *shard, struct shard_status *ret_status)
{
    *ret_status = shard->status;
    ret_status->last_seq = shard->last_seq;
    ret_status->durable_seq = shard->durable_seq;
    ret_status->checkpoint_seq = shard->checkpoint_seq;
    ret_status->journal_bytes = shard->journal_bytes;
    ret_status->stamp_ms = shard->stamp_ms;
    ret_status->cut_through = shard->cut_through;
    ret_status->closed_year = shard->closed_year;
    ret_status->faded_ids = directory_faded(shard->directory);
    ret_status->unreadable = shard->unread->count;
    ret_status->memory_bytes =
        2 * delta_bytes(shard->active) + 2 * shelf_bytes(shard->shelf) +
        directory_bytes(shard->directory) + 2 * sizeof(struct cell) * shard->config.cells +
        2 * GROUP_SIZE + RESULTS_MAX * (sizeof(struct result) + sizeof(struct wait)) +
        FAILURES_RING * sizeof(struct failure) + 2 * shard->merge.ids_room * sizeof(struct id) +
        sizeof *shard->merge.tallies + DUES_MAX * sizeof(struct due) + sizeof *shard->params +
        sizeof *shard->work + sizeof *shard->applied + mail_ring_bytes(shard->config.shards) +
        recent_bytes();
}

const struct cell *shard_cells(const struct shard *shard, uint32_t *ret_count)
{
    return book_cells(shard->book, ret_count);
}
