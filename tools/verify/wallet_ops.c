/* wallet_ops -- the ops of an entry and the mail it takes, put into the lane; which form they must
 * have. Must not know why a transfer or a payment may be: that is the other files'. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/verify/list.h"
#include "tools/verify/wallet_reading.h"
#include "util/le.h"
#include "wallet/ops.h"

#define BATCH_HEAD 24

/* Adds what stands at `data` in the entry. */
static bool items_add(const struct reading *r, struct items *items, const uint8_t *data)
{
    if (!list_grow((void **)&items->list, items->count, &items->room, sizeof *items->list))
        return false;
    items->list[items->count++] = place_in(r->its, r->entry->body.size, data);
    return true;
}

/* -- books ---------------------------------------------------------------------------------- */

void reading_put(void *context, enum book book, const struct psn_key *giver,
                 const struct psn_key *holder, int64_t amount)
{
    struct reading *r = context;
    for (uint32_t i = 0; i < r->account_count; i++) {
        struct standing *a = &r->accounts[i];
        if (a->book != (uint32_t)book || !kept_same_key(&a->giver, giver) ||
            !kept_same_key(&a->holder, holder)) {
            continue;
        }
        a->amount += amount;
        return;
    }
    if (r->account_count == ACCOUNTS_MAX) {
        r->accounts_full = true;
        return;
    }
    r->accounts[r->account_count++] =
        (struct standing){.book = book, .giver = *giver, .holder = *holder, .amount = amount};
}

void reading_put_area(struct reading *r, const struct psn_key *giver, uint32_t area, int64_t amount)
{
    struct psn_key key = {{0}};
    le_store32(key.bytes, area);
    reading_put(r, BOOK_AREA, giver, &key, amount);
}

/* -- reading ops ---------------------------------------------------------------------------- */

static bool touch_person(struct reading *r, struct bytes data)
{
    struct psn_key key;
    if (data.size != PSN_KEY_SIZE + 8) return reading_wrong(r, NULL, "OP_PERSON of a wrong size");
    memcpy(&key, data.data, sizeof key);
    if (route_shard(key.bytes, r->lane->shards) != r->lane->shard)
        return reading_wrong(r, &key, "the person is at home in another shard");
    struct kept_person *person = kept_map_for(&r->lane->persons, &key);
    if (person == NULL) return reading_wrong(r, &key, "out of memory");
    for (uint32_t i = 0; i < r->person_count; i++) {
        if (!kept_same_key(&r->persons[i].key, &key)) continue;
        const struct touched again = r->persons[i]; /* It becomes the one at hand, the last. */
        memmove(&r->persons[i], &r->persons[i + 1],
                (r->person_count - i - 1) * sizeof r->persons[0]);
        r->persons[r->person_count - 1] = again;
        return true;
    }
    if (le_load64(data.data + PSN_KEY_SIZE) != kept_last_seq(person))
        return reading_wrong(r, &key, "its entry before this one is not the one named");
    if (r->person_count == BATCH_PERSONS)
        return reading_wrong(r, &key, "too many persons in one entry");
    struct touched *t = &r->persons[r->person_count++];
    *t = (struct touched){.key = key, .before_size = person->size};
    if (person->size == 0) return true;
    t->before = malloc(person->size);
    if (t->before == NULL) return reading_wrong(r, &key, "out of memory");
    memcpy(t->before, person->packed, person->size);
    return true;
}

static bool transfer_changed(struct reading *r, const struct psn_key *giver, struct bytes old,
                             struct bytes new)
{
    struct transfer_row a = {0};
    struct transfer_row b = {0};
    if (old.size > sizeof a || new.size > sizeof b)
        return reading_wrong(r, giver, "a transfer of a wrong size");
    if (old.size != 0) memcpy(&a, old.data, old.size);
    if (new.size != 0) memcpy(&b, new.data, new.size);
    if (old.size == 0) return reading_submitted(r, giver, &b);
    if (new.size == 0) {
        r->accepted = a;
        r->has_accepted = true;
        return true;
    }
    if (b.amount != a.amount || b.exp_ms != a.exp_ms || b.src != a.src ||
        !kept_same_key(&a.receiver, &b.receiver) || b.submitted_ms != a.submitted_ms) {
        return reading_wrong(r, giver, "a transfer under way becomes another one");
    }
    if (a.state == TRANSFER_PENDING && b.state != TRANSFER_PENDING)
        return reading_wrong(r, giver, "a pending transfer goes back to holding");
    return true;
}

static bool lot_changed(struct reading *r, const struct psn_key *holder, struct bytes old,
                        struct bytes new)
{
    struct lot a;
    struct lot b;
    if (old.size != sizeof a || new.size != sizeof b) return true;
    memcpy(&a, old.data, sizeof a);
    memcpy(&b, new.data, sizeof b);
    if (a.origin_admdvs != b.origin_admdvs || !kept_same_key(&a.origin, &b.origin) ||
        !kept_same_key(&a.from, &b.from)) {
        return reading_wrong(r, holder, "a lot becomes another giver's");
    }
    return true;
}

static bool change_row(struct reading *r, const struct read_op *op)
{
    uint8_t room[sizeof(struct transfer_row)];
    struct bytes old;
    struct touched *t = reading_person(r);
    const struct bytes new = op->op == OP_PUT ? op->data : (struct bytes){NULL, 0};

    if (t == NULL) return reading_wrong(r, NULL, "a row of nobody is changed");
    struct kept_person *person = kept_map_find(&r->lane->persons, &t->key);
    const char *bad = op->op == OP_PUT ? kept_put(person, op->kind, op->data, room, &old)
                                       : kept_drop(person, op->kind, op->data, room, &old);
    if (bad != NULL) return reading_wrong(r, &t->key, bad);
    const enum person_row kind = (enum person_row)op->kind;
    if (old.size != 0) books_row(kind, old, &t->key, -1, reading_put, r);
    if (new.size != 0) books_row(kind, new, &t->key, 1, reading_put, r);
    if (kind == PERSON_HOLD || kind == PERSON_LOT || kind == PERSON_TRANSFER ||
        kind == PERSON_HOLDER || kind == PERSON_WALLET) {
        t->money = true;
    }
    if (kind == PERSON_TRANSFER) return transfer_changed(r, &t->key, old, new);
    if (kind == PERSON_LOT) return lot_changed(r, &t->key, old, new);
    return true;
}

static bool emit_effect(struct reading *r, struct bytes data)
{
    if (r->emitted_count == EMITTED_MAX) return reading_wrong(r, NULL, "too many effects");
    struct effect *effect = &r->emitted[r->emitted_count++];
    if (!read_effect(data, effect)) return reading_wrong(r, NULL, "an effect of no known form");
    books_effect(effect, 1, reading_put, r);
    if (effect->kind == EFFECT_HELD && effect->why == HELD_RELEASED)
        reading_put_area(r, &effect->to, effect->admdvs, effect->amount);
    const uint32_t to = route_shard(effect->to.bytes, r->lane->shards);
    return items_add(r, &r->lane->sent[to], data.data) || reading_wrong(r, NULL, "out of memory");
}

static bool read_outgoing(struct reading *r, struct bytes data, struct outgoing *ret_outgoing)
{
    if (data.size != sizeof *ret_outgoing)
        return reading_wrong(r, NULL, "a message of a wrong size");
    memcpy(ret_outgoing, data.data, sizeof *ret_outgoing);
    if (ret_outgoing->dest >= OUTBOXES) return reading_wrong(r, NULL, "a message for nobody");
    return true;
}

static bool emit_outgoing(struct reading *r, struct bytes data)
{
    struct outgoing out = {0};
    if (!read_outgoing(r, data, &out)) return false;
    if (out.position != 0)
        return reading_wrong(r, NULL, "a message has a position before its outbox");
    if (r->outgoing_count == EMITTED_MAX) return reading_wrong(r, NULL, "too many messages");
    r->outgoing[r->outgoing_count++] = out;
    return items_add(r, &r->lane->sent[out.dest % r->lane->shards], data.data) ||
           reading_wrong(r, NULL, "out of memory");
}

/* A message gets its place in the outbox: the next of its batch, with the next position. */
static bool queue_outgoing(struct reading *r, struct bytes data)
{
    struct outgoing out = {0};
    struct outgoing sent;
    if (!read_outgoing(r, data, &out)) return false;
    if (out.dest % r->lane->shards != r->lane->shard)
        return reading_wrong(r, NULL, "an outbox is at home in another shard");
    struct numbers *outbox = &r->lane->out[out.dest];
    if (out.position != outbox->count + 1) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64 ", outbox %u: position %" PRIu64
                           " follows %" PRIu64,
                           r->lane->shard, r->entry->seq, out.dest, out.position, outbox->count);
    }
    if (r->queued == r->to_queue.count)
        return reading_wrong(r, NULL, "an outbox gets what nobody sent");
    memcpy(&sent, place_open(&r->to_queue.list[r->queued++], r->its), sizeof sent);
    sent.position = out.position;
    if (memcmp(&sent, &out, sizeof out) != 0)
        return reading_wrong(r, NULL, "an outbox gets another message than was sent");
    if (!list_grow((void **)&outbox->list, outbox->count, &outbox->room, sizeof *outbox->list))
        return reading_wrong(r, NULL, "out of memory");
    outbox->list[outbox->count++] = r->entry->seq;
    return true;
}

static bool take_ack(struct reading *r, struct bytes data)
{
    if (data.size != 16) return reading_wrong(r, NULL, "an acknowledgement of a wrong size");
    const uint32_t dest = le_load32(data.data);
    const uint64_t upto = le_load64(data.data + 8);
    if (dest >= OUTBOXES || dest % r->lane->shards != r->lane->shard)
        return reading_wrong(r, NULL, "an acknowledgement for another shard's outbox");
    if (upto > r->lane->out[dest].count || upto < r->lane->out_acked[dest]) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64 ", outbox %u: acknowledged up to %" PRIu64
                           " of %" PRIu64 ", before up to %" PRIu64,
                           r->lane->shard, r->entry->seq, dest, upto, r->lane->out[dest].count,
                           r->lane->out_acked[dest]);
    }
    r->lane->out_acked[dest] = upto;
    return true;
}

static bool note_id(struct reading *r, const struct read_op *op)
{
    if (op->data.size < 4) return reading_wrong(r, NULL, "an id of a wrong size");
    const struct bytes text = {op->data.data + 4, op->data.size - 4};
    const struct touched *t = reading_person(r);
    if (op->kind == 'p') r->pay_hash = wallet_pay_hash(text);
    if (op->kind == 'q' && t != NULL)
        r->setl_hash = wallet_setl_hash(le_load32(op->data.data), &t->key, text);
    if (op->kind == 'v' && t != NULL) {
        const uint64_t hash = wallet_setl_hash(le_load32(op->data.data), &t->key, text);
        return idset_add(&r->lane->reversals, hash, 1) || reading_wrong(r, NULL, "out of memory");
    }
    return true;
}

static bool take_rule(struct reading *r, struct bytes data)
{
    struct rule_row row;
    if (data.size != sizeof row) return reading_wrong(r, NULL, "a provincial rule of a wrong size");
    memcpy(&row, data.data, sizeof row);
    if (row.param >= PARAM_COUNT) return reading_wrong(r, NULL, "an unknown provincial rule");
    return lane_put_rule(r->lane, &row) || reading_wrong(r, NULL, "out of memory");
}

/* The institution in place of the one with its code. */
static bool take_institution(struct reading *r, struct bytes data)
{
    struct lane *lane = r->lane;
    struct institution row;
    if (data.size != sizeof row) return reading_wrong(r, NULL, "an institution of a wrong size");
    memcpy(&row, data.data, sizeof row);
    for (uint32_t i = 0; i < lane->institution_count; i++) {
        struct institution *its = &lane->institutions[i];
        if (memcmp(its->fixmedins_code, row.fixmedins_code, sizeof row.fixmedins_code) != 0)
            continue;
        *its = row;
        return true;
    }
    if (!list_grow32((void **)&lane->institutions, lane->institution_count, &lane->institution_room,
                     sizeof row)) {
        return reading_wrong(r, NULL, "out of memory");
    }
    lane->institutions[lane->institution_count++] = row;
    return true;
}

static bool take_used(struct reading *r, struct bytes data)
{
    if (data.size != sizeof(struct lot) || r->used_count == PAY_LOTS_MAX)
        return reading_wrong(r, NULL, "used lots of a wrong size or number");
    memcpy(&r->used[r->used_count++], data.data, data.size);
    return true;
}

static bool take_said(struct reading *r, struct bytes data)
{
    if (data.size != sizeof r->said || r->has_said)
        return reading_wrong(r, NULL, "said twice, or not so");
    memcpy(&r->said, data.data, sizeof r->said);
    r->said.id[WALLET_ID_SIZE - 1] = 0;
    r->has_said = true;
    return true;
}

static bool take_op(struct reading *r, const struct read_op *op)
{
    switch ((enum op_kind)op->op) {
    case OP_PERSON:
        return touch_person(r, op->data);
    case OP_PUT:
    case OP_DROP:
        return change_row(r, op);
    case OP_SAID:
        return take_said(r, op->data);
    case OP_USED:
        return take_used(r, op->data);
    case OP_EFFECT:
        return emit_effect(r, op->data);
    case OP_OUT:
        return emit_outgoing(r, op->data);
    case OP_QUEUE:
        return queue_outgoing(r, op->data);
    case OP_ACK:
        return take_ack(r, op->data);
    case OP_INSTITUTION:
        return take_institution(r, op->data);
    case OP_RULE:
        return take_rule(r, op->data);
    case OP_ID:
        return note_id(r, op);
    case OP_KIND_END:
        break;
    }
    return reading_wrong(r, NULL, "an unknown op");
}

/* -- mail ----------------------------------------------------------------------------------- */

static bool take_item(struct reading *r, uint32_t from, uint16_t op, struct bytes data)
{
    struct outgoing out;
    if (!items_add(r, &r->lane->taken[from], data.data))
        return reading_wrong(r, NULL, "out of memory");
    if (op == OP_OUT) {
        return read_outgoing(r, data, &out) &&
               (items_add(r, &r->to_queue, data.data) || reading_wrong(r, NULL, "out of memory"));
    }
    if (op != OP_EFFECT || r->arrived_count == EMITTED_MAX)
        return reading_wrong(r, NULL, "mail of no known form");
    struct effect *effect = &r->arrived[r->arrived_count++];
    if (!read_effect(data, effect))
        return reading_wrong(r, NULL, "mail with an effect of no known form");
    if (route_shard(effect->to.bytes, r->lane->shards) != r->lane->shard)
        return reading_wrong(r, &effect->to, "mail for a person of another shard");
    books_effect(effect, -1, reading_put, r);
    return true;
}

/* A batch: from, count, first, has, items. */
bool reading_mail(struct reading *r)
{
    struct bytes m = r->message;
    if (m.size < BATCH_HEAD) return reading_wrong(r, NULL, "a batch of mail without a head");
    const uint32_t from = le_load32(m.data);
    const uint32_t count = le_load32(m.data + 4);
    const uint64_t first = le_load64(m.data + 8);
    const uint64_t has = le_load64(m.data + 16);
    if (from >= r->lane->shards)
        return reading_wrong(r, NULL, "mail from a shard that is not there");
    struct lane *lane = r->lane;
    if (count != 0 && first != lane->taken[from].count + 1) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64 ": mail %" PRIu64
                           " from shard %u is taken after %" PRIu64,
                           lane->shard, r->entry->seq, first, from, lane->taken[from].count);
    }
    if (has > lane->sent[from].count || has < lane->acked[from]) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64 ": shard %u says it has mail up to %" PRIu64
                           " of %" PRIu64 ", before up to %" PRIu64,
                           lane->shard, r->entry->seq, from, has, lane->sent[from].count,
                           lane->acked[from]);
    }
    lane->acked[from] = has;
    m.data += BATCH_HEAD;
    m.size -= BATCH_HEAD;
    for (uint32_t i = 0; i < count; i++) {
        if (m.size < 4 || m.size - 4 < le_load16(m.data))
            return reading_wrong(r, NULL, "a batch of mail is cut off");
        const size_t size = le_load16(m.data);
        if (!take_item(r, from, le_load16(m.data + 2), (struct bytes){m.data + 4, size}))
            return false;
        m.data += 4 + size;
        m.size -= 4 + size;
    }
    return m.size == 0 || reading_wrong(r, NULL, "bytes behind a batch of mail");
}

/* -- all of them ------------------------------------------------------------------------------ */

bool reading_ops(struct reading *r)
{
    struct bytes ops = r->ops;
    struct read_op op;
    bool bad;
    while (read_op(&ops, &op, &bad)) {
        if (!take_op(r, &op)) return false;
    }
    if (bad) return reading_wrong(r, NULL, "bytes that are no op");
    return r->queued == r->to_queue.count ||
           reading_wrong(r, NULL, "a message for an outbox was taken and not put into it");
}
