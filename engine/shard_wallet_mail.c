/* shard_wallet_mail -- what mail of other shards does here: persons who are told something,
 * messages for the outboxes at home here. Several items share an entry. */
#include "codec/mail.h"
#include "shard_wallet_work.h"
#include "types/ensure.h"

/* -- mail ------------------------------------------------------------------------------------ */

bool mail_item_sound(const struct shard *shard, uint16_t op, struct bytes data)
{
    struct outgoing out;
    if (op == OP_EFFECT) {
        if (!effect_sound(data)) return false;
        const struct psn_key to = effect_to(data);
        return route_shard(to.bytes, shard->config.shards) == shard->config.shard;
    }
    if (op != OP_OUT || data.size != sizeof out) return false;
    memcpy(&out, data.data, sizeof out);
    return out.dest < OUTBOX_COUNT &&
           outbox_shard(out.dest, shard->config.shards) == shard->config.shard;
}

static void judge_effect(const struct shard *shard, struct wallet_work *w, struct bytes data)
{
    struct effect effect; /* Of its lots those it carries. */
    ENSURE(effect_sound(data));
    memcpy(&effect, data.data, data.size);
    wallet_decision_begin(&w->decision);
    work_load(shard, w, &effect.to);
    wallet_receive(&effect, shard->params, w->entry.stamp_ms, &w->after, &w->decision);
    if (w->decision.plain == PLAIN_NONE) work_refer_to_ended(shard, w);
}

/* True when an entry says of it no more than rows and mail: it may share one. */
static bool plain(const struct wallet_work *w)
{
    const struct wallet_decision *d = &w->decision;
    return w->entry.orig_seq == 0 && d->debt_count + d->id_count + d->used_count == 0 &&
           !d->put_institution && !d->put_rule && !work_said_something(&d->said);
}

/* A person once in an entry, so that each item is judged by what stood before it. */
static bool may_join(const struct wallet_work *w, const struct psn_key *person)
{
    if (w->put_count == ENTRY_PERSONS_MAX) return false;
    if (sizeof w->packed - w->packed_size < PERSON_PACKED_MAX) return false;
    for (uint32_t i = 0; i < w->put_count; i++) {
        if (psn_same(&w->puts[i].key, person)) return false;
    }
    return true;
}

/* The next position of a destination. */
static uint64_t queue_position(const struct shard *shard, struct wallet_work *w, uint32_t dest)
{
    return shard->counters.out_next[dest] + w->queued[dest]++;
}

static void queue_item(const struct shard *shard, struct wallet_work *w, struct bytes data)
{
    struct outgoing out;
    memcpy(&out, data.data, sizeof out);
    out.position = queue_position(shard, w, out.dest);
    ops_put(&w->ops, OP_QUEUE, 0, &out, sizeof out);
}

/* Adds an item to the entry; false when it needs one of its own. */
static bool join_item(const struct shard *shard, struct wallet_work *w, uint16_t op,
                      struct bytes data)
{
    if (op == OP_OUT) {
        queue_item(shard, w, data);
        return true;
    }
    const struct psn_key to = effect_to(data);
    if (!may_join(w, &to)) return false;
    judge_effect(shard, w, data);
    if (!plain(w)) return false;
    ops_put_person(&w->ops, work_before(w), &w->after, true);
    work_write_decision(&w->ops, w);
    return true;
}

/* The batch with its first items alone, their bytes up to `end`. */
static struct bytes cut_batch(const struct mail_batch *batch, uint32_t count, const uint8_t *end,
                              uint8_t out[MAIL_BATCH_MAX])
{
    const size_t size = (size_t)(end - batch->items.data);
    struct mail_batch head = *batch;
    ENSURE(size <= MAIL_BATCH_MAX - MAIL_HEAD_SIZE);
    head.count = count;
    mail_write_head(&head, out);
    if (size != 0) memcpy(out + MAIL_HEAD_SIZE, batch->items.data, size);
    return (struct bytes){out, MAIL_HEAD_SIZE + size};
}

static void begin_mail(struct wallet_work *w, int64_t now_ms)
{
    work_begin(w);
    w->entry.stamp_ms = now_ms;
    w->ops = (struct ops_writer){.out = w->ops_bytes, .room = sizeof w->ops_bytes};
    memset(w->queued, 0, sizeof w->queued);
}

/* The entry of items that share one, or of none. */
static void finish_mail(struct wallet_work *w, struct bytes message)
{
    struct ops_writer writer;
    ops_begin(&writer, w->body, sizeof w->body, REQUEST_MAIL, message, (struct bytes){0});
    ops_put_all(&writer, (struct bytes){w->ops.out, w->ops.size});
    ENSURE(!writer.full);
    wallet_decision_begin(&w->decision); /* Of what was judged last and has no place here. */
    w->entry.kind = ENTRY_WALLET;
    w->entry.orig_seq = w->entry.prev_seq = 0;
    work_take_body(w, &writer);
    w->writes = true;
}

/* What is about more than rows and mail, by itself. */
static void judge_alone(const struct shard *shard, struct wallet_work *w, struct bytes data,
                        struct bytes message)
{
    begin_mail(w, w->entry.stamp_ms);
    judge_effect(shard, w, data);
    work_assign_period(shard, w);
    work_finish(shard, w, REQUEST_MAIL, message);
    ENSURE(w->writes);
}

/* -- all of it plain --------------------------------------------------------------------------- */

_Static_assert(MAIL_BATCH_MAX / offsetof(struct effect, lots) <= PLAIN_ITEMS_MAX, "a whole batch");

enum taken {
    TAKEN,      /* Into the entry. */
    TAKEN_NEXT, /* It begins the next one. */
    NOT_PLAIN,
};

static enum taken take_plain_item(const struct shard *shard, struct wallet_work *w, uint16_t op,
                                  struct bytes data, struct plain_item *ret_item)
{
    ret_item->data = data.data;
    if (op == OP_OUT) {
        ret_item->kind = PLAIN_NONE;
        ret_item->dest = le_load32(data.data + offsetof(struct outgoing, dest));
        ret_item->position = queue_position(shard, w, ret_item->dest);
        return TAKEN;
    }
    const struct psn_key to = effect_to(data);
    if (!may_join(w, &to)) return TAKEN_NEXT;
    judge_effect(shard, w, data);
    ret_item->kind = w->decision.plain;
    ret_item->last_seq = w->after.head.last_seq;
    switch (w->decision.plain) {
    case PLAIN_OFFERED:
        ret_item->offer = w->after.offers[w->after.offer_count - 1];
        return TAKEN;
    case PLAIN_CREDITED:
        ret_item->wallet = w->after.wallet;
        ret_item->lot = w->after.lots[w->after.lot_count - 1];
        return TAKEN;
    default:
        return NOT_PLAIN;
    }
}

/* judge_mail() where no item says more than plain things; 0 where one does. Of the same items the
 * same entries are made as by way of ops: so what an entry would take in words is counted. */
static uint32_t judge_plain_mail(const struct shard *shard, const struct mail_batch *batch,
                                 int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    struct bytes rest = batch->items;
    uint8_t head[MAIL_HEAD_SIZE];
    size_t ops_size = 0;
    uint32_t count = 0;
    struct bytes data;
    uint16_t op;

    begin_mail(w, now_ms);
    while (count < PLAIN_ITEMS_MAX && mail_next(&rest, &op, &data)) {
        struct plain_item *item = &w->items[count];
        const enum taken taken = take_plain_item(shard, w, op, data, item);
        if (taken == NOT_PLAIN) return 0;
        if (taken == TAKEN_NEXT) break;
        ops_size += plain_item_size(item->kind);
        const size_t message = MAIL_HEAD_SIZE + (size_t)(rest.data - batch->items.data);
        if (WALLET_BODY_HEAD + message + ops_size > WALLET_BODY_MAX) break;
        if (op == OP_EFFECT) work_keep_person(w);
        count++;
    }
    if (count == 0) return 0;
    w->batch = *batch;
    w->batch.count = count;
    mail_write_head(&w->batch, head);
    const size_t size = plain_write_mail(REQUEST_MAIL, (struct bytes){head, sizeof head}, w->items,
                                         count, w->shortened);
    if (size == 0) return 0;
    w->entry.kind = ENTRY_WALLET;
    w->entry.body = (struct bytes){w->shortened, size};
    w->way = BODY_PLAIN_MAIL;
    w->writes = true;
    return count;
}

/* -- any mail ---------------------------------------------------------------------------------- */

static uint32_t judge_any_mail(const struct shard *shard, const struct mail_batch *batch,
                               int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    struct bytes rest = batch->items;
    uint8_t message[MAIL_BATCH_MAX];
    const uint8_t *end = rest.data;
    uint32_t count = 0;
    struct bytes data;
    uint16_t op;

    begin_mail(w, now_ms);
    while (mail_next(&rest, &op, &data)) {
        const size_t size = w->ops.size;
        const bool joined = join_item(shard, w, op, data);
        if (!joined && count == 0) {
            judge_alone(shard, w, data, cut_batch(batch, 1, rest.data, message));
            return 1;
        }
        const size_t head =
            WALLET_BODY_HEAD + MAIL_HEAD_SIZE + (size_t)(rest.data - batch->items.data);
        if (!joined || w->ops.full || head + w->ops.size > WALLET_BODY_MAX) {
            w->ops.size = size; /* The next entry's. */
            break;
        }
        if (op == OP_EFFECT) work_keep_person(w);
        count++;
        end = rest.data;
    }
    ENSURE(count != 0 || batch->count == 0);
    finish_mail(w, cut_batch(batch, count, end, message));
    return count;
}

uint32_t judge_mail(const struct shard *shard, const struct mail_batch *batch, int64_t now_ms)
{
    const uint32_t plain = shard->work->in_words ? 0 : judge_plain_mail(shard, batch, now_ms);
    return plain != 0 ? plain : judge_any_mail(shard, batch, now_ms);
}
