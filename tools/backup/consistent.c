#include "tools/backup/consistent.h"

#include <stdlib.h>

#include "codec/mail.h"
#include "dispatch/route.h"
#include "shard_wallet.h"
#include "types/ensure.h"
#include "types/wire.h"
#include "util/checksum.h"
#include "util/le.h"
#include "wallet/ops.h"
#include "world/world.h"

/* Numbers of entries, in order. */
struct list {
    uint64_t *seqs;
    size_t count;
    size_t room;
};

/* What an entry rests on: the `index`th of a list of another shard. */
enum rests_on {
    ON_SENT,    /* Mail of `other` to this shard. */
    ON_TAKEN,   /* Mail of this shard that `other` took. */
    ON_CUT,     /* A cut of `other`. */
    ON_YEAR,    /* A closed year of `other`. */
    ON_MESSAGE, /* The entry of `other` about the message with the hash `index`, if there is one. */
};

struct need {
    uint64_t group; /* Where the shard is cut when it lacks. */
    uint64_t seq;
    uint64_t index;
    uint32_t other;
    uint32_t on; /* enum rests_on */
};

/* A message that other shards follow. */
struct message {
    uint64_t hash;
    uint64_t seq;
};

struct lane {
    struct list sent[LAYOUT_SHARDS_MAX];  /* To each shard, item by item: the entry that made it. */
    struct list taken[LAYOUT_SHARDS_MAX]; /* From each shard: the entry that took it. */
    struct list cuts;
    struct list years;
    struct need *needs; /* In the order of seq. */
    size_t need_count;
    size_t need_room;
    struct message *messages; /* As added; by hash once the cut is asked for. */
    size_t message_count;
    size_t message_room;
    uint64_t cuts_needed; /* By decisions of the cycle so far. */
    uint64_t group;       /* Of the entry before. */
    uint64_t record;      /* Hash of the body of the entry before, if it was a record; else 0. */
};

struct consistent {
    uint32_t shards;
    struct lane lanes[];
};

struct consistent *consistent_new(uint32_t shards)
{
    struct consistent *c = calloc(1, sizeof *c + shards * sizeof c->lanes[0]);
    if (c != NULL) c->shards = shards;
    return c;
}

void consistent_free(struct consistent *consistent)
{
    for (uint32_t s = 0; consistent != NULL && s < consistent->shards; s++) {
        struct lane *lane = &consistent->lanes[s];
        for (uint32_t other = 0; other < LAYOUT_SHARDS_MAX; other++) {
            free(lane->sent[other].seqs);
            free(lane->taken[other].seqs);
        }
        free(lane->cuts.seqs);
        free(lane->years.seqs);
        free(lane->needs);
        free(lane->messages);
    }
    free(consistent);
}

/* ---- lists ---------------------------------------------------------------------------------- */

/* Room for one more of `size` bytes; there is no going on without memory. */
static void *grow(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room) return list;
    *room = *room == 0 ? 64 : 2 * *room;
    void *more = realloc(list, *room * size);
    ENSURE(more != NULL);
    return more;
}

static void list_add(struct list *list, uint64_t seq)
{
    list->seqs = grow(list->seqs, list->count, &list->room, sizeof *list->seqs);
    list->seqs[list->count++] = seq;
}

static void need_add(struct lane *lane, uint64_t seq, enum rests_on on, uint32_t other,
                     uint64_t index)
{
    lane->needs = grow(lane->needs, lane->need_count, &lane->need_room, sizeof *lane->needs);
    lane->needs[lane->need_count++] = (struct need){lane->group, seq, index, other, on};
}

static void message_add(struct lane *lane, uint64_t seq, uint64_t hash)
{
    lane->messages =
        grow(lane->messages, lane->message_count, &lane->message_room, sizeof *lane->messages);
    lane->messages[lane->message_count++] = (struct message){hash, seq};
}

/* ---- what entries say ----------------------------------------------------------------------- */

static uint64_t message_hash(uint16_t type, struct bytes message)
{
    return checksum_hash64(type, message.data, message.size);
}

static bool add_mail(struct consistent *c, uint32_t shard, uint64_t seq, struct bytes message)
{
    struct lane *lane = &c->lanes[shard];
    struct mail_batch batch;
    if (!mail_decode(message, &batch) || batch.from >= c->shards) return false;
    struct list *taken = &lane->taken[batch.from];
    if (batch.count != 0 && batch.first != taken->count + 1) return false;
    for (uint32_t i = 0; i < batch.count; i++)
        list_add(taken, seq);
    if (batch.from == shard) return true; /* In order by itself. */
    if (batch.count != 0) need_add(lane, seq, ON_SENT, batch.from, taken->count);
    if (batch.has != 0) need_add(lane, seq, ON_TAKEN, batch.from, batch.has);
    return true;
}

/* Mail that the entry makes, item by item, as the shard numbers it. */
static bool add_ops(struct consistent *c, uint32_t shard, uint64_t seq, struct bytes ops)
{
    struct lane *lane = &c->lanes[shard];
    struct op op;
    bool bad = false;
    while (ops_next(&ops, &op, &bad)) {
        struct outgoing out;
        if (op.op == OP_EFFECT) {
            if (!effect_sound(op.data)) return false;
            const struct psn_key to = effect_to(op.data);
            list_add(&lane->sent[route_shard(to.bytes, c->shards)], seq);
        } else if (op.op == OP_OUT) {
            if (op.data.size != sizeof out) return false;
            memcpy(&out, op.data.data, sizeof out);
            list_add(&lane->sent[outbox_shard(out.dest, c->shards)], seq);
        }
    }
    return !bad;
}

/* Whom the fact of an entry is about. */
static void add_fact(struct consistent *c, uint32_t shard, uint64_t seq,
                     const struct wallet_entry *its)
{
    struct wallet_fact fact;
    if (its->fact.size != sizeof fact) return;
    memcpy(&fact, its->fact.data, sizeof fact);
    const uint32_t other = route_shard(fact.psn_key.bytes, c->shards);
    if (other == shard) return; /* In order by itself. */
    need_add(&c->lanes[shard], seq, ON_MESSAGE, other, message_hash(its->type, its->message));
}

static bool add_wallet(struct consistent *c, uint32_t shard, const struct entry *entry)
{
    struct lane *lane = &c->lanes[shard];
    struct wallet_entry its;
    if (!wallet_entry_decode(entry->body, &its)) return false;
    switch (its.type) {
    case REQUEST_MAIL:
        if (!add_mail(c, shard, entry->seq, its.message)) return false;
        break;
    case REQUEST_WALLET_FACT: /* A claim: the type and the message that makes it. */
        if (its.message.size < 2) return false;
        message_add(lane, entry->seq,
                    message_hash(le_load16(its.message.data),
                                 (struct bytes){its.message.data + 2, its.message.size - 2}));
        break;
    case MESSAGE_RULE_PUSH:
    case MESSAGE_INST_DIR_PUSH: {
        const uint64_t hash = message_hash(its.type, its.message);
        if (shard == 0) {
            message_add(lane, entry->seq, hash);
        } else {
            need_add(lane, entry->seq, ON_MESSAGE, 0, hash);
        }
        break;
    }
    default:
        add_fact(c, shard, entry->seq, &its);
    }
    return add_ops(c, shard, entry->seq, its.ops);
}

/* All shards up to their `count`th of something. */
static void need_all(struct consistent *c, uint32_t shard, uint64_t seq, enum rests_on on,
                     uint64_t count)
{
    for (uint32_t other = 0; other < c->shards && count != 0; other++) {
        if (other != shard) need_add(&c->lanes[shard], seq, on, other, count);
    }
}

/* ---- groups --------------------------------------------------------------------------------- */

/* A wallet's entry can follow from it, in the same block. */
static bool may_move_a_wallet(const struct entry *entry)
{
    return entry->kind == ENTRY_SETTLEMENT || entry->kind == ENTRY_REFUND ||
           entry->kind == ENTRY_CORRECTION;
}

/* A debt stands behind its wallet's entry; a wallet's entry that a record made, behind the record,
 * whose body it repeats as its message. */
static bool joins(const struct lane *lane, const struct entry *entry)
{
    struct wallet_entry its;
    if (entry->kind == ENTRY_DEBT) return true;
    if (entry->kind != ENTRY_WALLET || lane->record == 0) return false;
    return wallet_entry_decode(entry->body, &its) && message_hash(0, its.message) == lane->record;
}

bool consistent_add(struct consistent *consistent, uint32_t shard, const struct entry *entry)
{
    struct lane *lane = &consistent->lanes[shard];
    if (!joins(lane, entry)) lane->group = entry->seq;
    lane->record = may_move_a_wallet(entry) ? message_hash(0, entry->body) : 0;
    switch (entry->kind) {
    case ENTRY_WALLET:
        return add_wallet(consistent, shard, entry);
    case ENTRY_CUT:
        need_all(consistent, shard, entry->seq, ON_CUT, lane->cuts.count);
        list_add(&lane->cuts, entry->seq);
        return true;
    case ENTRY_YEAR_CLOSE:
        need_all(consistent, shard, entry->seq, ON_YEAR, lane->years.count);
        list_add(&lane->years, entry->seq);
        return true;
    case ENTRY_CYCLE:
        if (lane->cuts_needed == lane->cuts.count) return true;
        lane->cuts_needed = lane->cuts.count; /* Said once: what follows comes after it. */
        need_all(consistent, shard, entry->seq, ON_CUT, lane->cuts.count);
        return true;
    default:
        return true;
    }
}

uint64_t consistent_group(const struct consistent *consistent, uint32_t shard)
{
    return consistent->lanes[shard].group;
}

/* ---- the cut -------------------------------------------------------------------------------- */

static bool list_reaches(const struct list *list, uint64_t index, uint64_t end)
{
    return index <= list->count && list->seqs[index - 1] <= end;
}

static int by_hash(const void *a, const void *b)
{
    const struct message *first = a;
    const struct message *second = b;
    if (first->hash != second->hash) return first->hash < second->hash ? -1 : 1;
    return (first->seq > second->seq) - (first->seq < second->seq);
}

/* True when it is there, or when nobody has it: then nothing was to be waited for. */
static bool message_there(const struct lane *lane, uint64_t hash, uint64_t end)
{
    size_t least = 0;
    size_t most = lane->message_count;
    while (least < most) { /* The first one with that hash. */
        const size_t middle = least + (most - least) / 2;
        if (lane->messages[middle].hash < hash) {
            least = middle + 1;
        } else {
            most = middle;
        }
    }
    return least == lane->message_count || lane->messages[least].hash != hash ||
           lane->messages[least].seq <= end;
}

static bool is_met(const struct consistent *c, uint32_t shard, const struct need *need,
                   const uint64_t ends[])
{
    const struct lane *other = &c->lanes[need->other];
    const uint64_t end = ends[need->other];
    switch ((enum rests_on)need->on) {
    case ON_SENT:
        return list_reaches(&other->sent[shard], need->index, end);
    case ON_TAKEN:
        return list_reaches(&other->taken[shard], need->index, end);
    case ON_CUT:
        return list_reaches(&other->cuts, need->index, end);
    case ON_YEAR:
        return list_reaches(&other->years, need->index, end);
    case ON_MESSAGE:
        return message_there(other, need->index, end);
    }
    return false;
}

/* Cuts one shard before the first entry that lacks something; true when it did. */
static bool cut_lane(const struct consistent *c, uint32_t shard, uint64_t ends[])
{
    const struct lane *lane = &c->lanes[shard];
    for (size_t i = 0; i < lane->need_count && lane->needs[i].seq <= ends[shard]; i++) {
        if (is_met(c, shard, &lane->needs[i], ends)) continue;
        ends[shard] = lane->needs[i].group - 1;
        return true;
    }
    return false;
}

void consistent_cut(struct consistent *consistent, uint64_t ends[LAYOUT_SHARDS_MAX])
{
    bool again = true;
    for (uint32_t s = 0; s < consistent->shards; s++) {
        struct lane *lane = &consistent->lanes[s];
        if (lane->message_count != 0)
            qsort(lane->messages, lane->message_count, sizeof lane->messages[0], by_hash);
    }
    while (again) { /* Each turn takes at least one entry away: it ends. */
        again = false;
        for (uint32_t s = 0; s < consistent->shards; s++)
            again |= cut_lane(consistent, s, ends);
    }
}
