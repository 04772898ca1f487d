/* shard -- the way of one message through one shard; see shard.h.
 *
 * INVARIANTS kept here
 *   (J1) A result leaves only when durable_seq has reached every entry its judgement knew of:
 *        results wait in order, each with the last number taken when it was judged.
 *   (S1) At most one block is on its way to the device. A torn write can therefore only ever be the
 *        last block of the journal.
 *   (S2) A checkpoint holds exactly the entries up to the end of one written block.
 * How a shard is opened stands in shard_open.c, what the desk asks of it in shard_control.c. */
#include "shard.h"

#include <errno.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "codec/wallet.h"
#include "shard_internal.h"
#include "types/ensure.h"

/* -- requests ---------------------------------------------------------------------------------- */

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

/* True when the request, alone in the block, can become an entry. */
static bool may_append(const struct request *request)
{
    return is_record_message(request) || request->type == REQUEST_CUT ||
           request->type == REQUEST_CLOCK || request->type == REQUEST_CLOCK_LEVEL ||
           request->type == REQUEST_YEAR_CLOSE || request->type == REQUEST_CYCLE;
}

/* Up to when everything due has to be done before the request: its own time, or the one it sets. */
static int64_t due_before_request(const struct shard *shard, const struct request *request,
                                  int64_t now_ms)
{
    const bool sets = request->type == REQUEST_CLOCK || request->type == REQUEST_CLOCK_LEVEL;
    return sets && shard->config.manual_clock && request->instant_ms > now_ms ? request->instant_ms
                                                                              : now_ms;
}

/* -- room -------------------------------------------------------------------------------------- */

static uint64_t waiting_room(const struct shard *shard)
{
    return RESULTS_MAX - (shard->waiting_tail - shard->waiting_done);
}

static uint64_t failures_room(const struct shard *shard)
{
    return FAILURES_RING - (shard->failures_tail - shard->failures_head);
}

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

/* A reversal's entry holds the refund it stands for: longer than what was sent. */
static size_t entry_size_bound(const struct request *request)
{
    const size_t body = request->type == MESSAGE_SETL_REVERSE ? SETTLEMENT_ENCODED_MAX
                        : request->body.size > ENTRY_BODY_MAX ? 0
                                                              : request->body.size;
    return entry_size(body);
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

/* Nothing is in the block and still there is no room: only a checkpoint can make some. */
static void want_room(struct shard *shard)
{
    if (shard->groups[shard->filling].entries == 0 && !shard->frozen_used &&
        delta_count(shard->active) != 0) {
        shard->checkpoint_wanted = true;
    }
}

/* -- results that wait ------------------------------------------------------------------------- */

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

struct result *put_control(struct shard *shard, const struct request *request, uint32_t code)
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

/* -- decisions into entries -------------------------------------------------------------------- */

/* The sum of an entry is made when the next one has been written, or the block is whole; until then
 * nobody asks for it: what is not in the journal yet is read without. */
static void seal_newest(struct group *group)
{
    if (group->unsealed != NULL) entry_seal(group->unsealed);
    group->unsealed = NULL;
}

void append(struct shard *shard, struct entry *entry, const struct record *record)
{
    struct group *group = &shard->groups[shard->filling];
    uint8_t *place = group->buffer + SEGMENT_HEAD_SIZE + BLOCK_HEAD_SIZE + group->payload;
    const size_t size = entry_size(entry->body.size);

    ENSURE(!unread_any(shard)); /* (R1) */
    entry->seq = shard->last_seq + 1;
    if (group->entries == 0) group->first_seq = entry->seq;
    entry_write(entry, place);
    seal_newest(group);
    group->unsealed = place;
    group->payload += size;
    group->entries++;
    state_apply(shard, entry, record, (struct bytes){place, size});
}

/* A verdict that was found without a record which cannot be read is none. */
static void verdict_refuse_unread(const struct shard *shard, struct verdict *verdict)
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
    verdict_refuse_unread(shard, &verdict);
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

/* -- entries into blocks, blocks into a checkpoint --------------------------------------------- */

/* How much of a delta's room is used when a checkpoint is due. It writes all rows of each person
 * who had an entry: where there are many of those it comes later, and so writes each less often. */
static size_t part_due(const struct shard *shard, size_t room)
{
    const bool persons = shelf_used(shard->shelf) >= shard->config.shelf_bytes / 8;
    return persons ? part_of_persons(room) : room / 2;
}

bool shard_dirty(const struct shard *shard)
{
    const size_t due = part_due(shard, shard->config.delta_entries);
    uint32_t marks;
    (void)delta_marks(shard->active, &marks);
    return delta_count(shard->active) >= due || marks >= due ||
           delta_used(shard->active) >= part_due(shard, shard->config.delta_bytes) ||
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
    seal_newest(group);
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
    ENSURE(shard->shelf_spent <= shelf_block_max(shard)); /* (P1) */
    shelf_spend_anew(shard);
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

/* -- results that leave ------------------------------------------------------------------------ */

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

/* -- the step ---------------------------------------------------------------------------------- */

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
    ret_status->memory_bytes = shard_memory(shard);
}

const struct cell *shard_cells(const struct shard *shard, uint32_t *ret_count)
{
    return book_cells(shard->book, ret_count);
}
