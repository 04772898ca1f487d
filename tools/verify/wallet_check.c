#include "tools/verify/wallet_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/premium.pb-c.h"
#include "proto/wallet.pb-c.h"
#include "shard.h"
#include "tools/verify/list.h"
#include "tools/verify/wallet_lane.h"
#include "types/cell.h"
#include "types/civil.h"
#include "types/wire.h"
#include "util/checksum.h"
#include "util/le.h"
#include "wallet/ops.h"
#include "wallet/wallet.h"
#include "world/world.h"

#define ACCOUNTS_MAX  2048
#define EMITTED_MAX   256
#define BATCH_HEAD    24
#define BATCH_PERSONS 64

/* What makes a standing: book, giver and holder, without the gap behind them. */
#define STANDING_KEY_SIZE (offsetof(struct standing, holder) + PSN_KEY_SIZE)

/* A person an entry changes, as it was before. */
struct touched {
    struct psn_key key;
    uint8_t *before; /* malloc'ed: packed; NULL: nothing was known. */
    uint32_t before_size;
    bool money; /* Rows that (I3) to (I5) are about were changed. */
};

/* What verify knows of an ENTRY_WALLET while it looks at it. */
struct reading {
    struct lane *lane;
    const struct entry *entry;
    struct finding *finding;
    struct opened *its; /* Its body. */
    uint16_t type;
    struct bytes message;
    struct bytes fact;
    struct bytes ops;
    struct touched persons[BATCH_PERSONS];
    uint32_t person_count;
    struct wallet_said said;
    bool has_said;
    struct lot used[PAY_LOTS_MAX];
    uint32_t used_count;
    struct effect *emitted; /* EMITTED_MAX */
    uint32_t emitted_count;
    struct effect *arrived; /* EMITTED_MAX; of a batch of mail */
    uint32_t arrived_count;
    struct outgoing *outgoing; /* EMITTED_MAX; OP_OUT of this entry */
    uint32_t outgoing_count;
    struct items to_queue; /* OP_OUT of a batch, waiting for their OP_QUEUE. */
    uint64_t queued;
    struct standing *accounts; /* ACCOUNTS_MAX */
    uint32_t account_count;
    bool accounts_full;
    struct transfer_row accepted; /* A transfer that was dropped by this entry, the last one. */
    bool has_accepted;
    uint64_t pay_hash; /* Of OP_ID 'p' and 'q'; 0: none. */
    uint64_t setl_hash;
};

static bool wrong(const struct reading *r, const struct psn_key *person, const char *what)
{
    return finding_set(r->finding, "shard %u, seq %" PRIu64 ", %s: %s", r->lane->shard,
                       r->entry->seq, person == NULL ? "wallet" : person_text(person), what);
}

/* Adds what stands at `data` in the entry. */
static bool items_add(const struct reading *r, struct items *items, const uint8_t *data)
{
    if (!list_grow((void **)&items->list, items->count, &items->room, sizeof *items->list))
        return false;
    items->list[items->count++] = place_in(r->its, r->entry->body.size, data);
    return true;
}

/* -- making --------------------------------------------------------------------------------- */

static bool lane_init(struct lane *lane, uint32_t shard, uint32_t shards)
{
    lane->shard = shard;
    lane->shards = shards;
    return kept_map_init(&lane->persons) && idset_init(&lane->payment_ids) &&
           idset_init(&lane->payment_setls) && idset_init(&lane->reversals) &&
           arena_init(&lane->arena);
}

static void lane_done(struct lane *lane)
{
    kept_map_done(&lane->persons);
    for (uint32_t s = 0; s < SHARDS_MAX; s++) {
        free(lane->sent[s].list);
        free(lane->taken[s].list);
    }
    for (uint32_t d = 0; d < OUTBOXES; d++)
        free(lane->out[d].list);
    free(lane->institutions);
    free(lane->rules);
    free(lane->payments);
    free(lane->debts);
    free(lane->endings);
    idset_done(&lane->payment_ids);
    idset_done(&lane->payment_setls);
    idset_done(&lane->reversals);
    arena_done(&lane->arena);
}

struct wallet_check *wallet_check_new(uint32_t shards)
{
    struct wallet_check *check = calloc(1, sizeof *check + shards * sizeof check->lanes[0]);
    if (check == NULL) return NULL;
    check->shards = shards;
    bool good = true;
    for (uint32_t s = 0; s < shards; s++)
        good = lane_init(&check->lanes[s], s, shards) && good;
    if (good) return check;
    wallet_check_free(check);
    return NULL;
}

void wallet_check_free(struct wallet_check *check)
{
    if (check == NULL) return;
    for (uint32_t s = 0; s < check->shards; s++)
        lane_done(&check->lanes[s]);
    free(check);
}

/* A row in place of one with the same area, param and time. */
static bool put_rule(struct lane *lane, const struct rule_row *row)
{
    for (uint32_t i = 0; i < lane->rule_count; i++) {
        struct rule_row *its = &lane->rules[i];
        if (its->admdvs != row->admdvs || its->param != row->param || its->eff_ms != row->eff_ms)
            continue;
        if (i >= lane->rules_given) {
            *its = *row;
            return true;
        }
    }
    if (!list_grow32((void **)&lane->rules, lane->rule_count, &lane->rule_room,
                     sizeof *lane->rules))
        return false;
    lane->rules[lane->rule_count++] = *row;
    return true;
}

bool wallet_check_rule(struct wallet_check *check, const struct rule_row *row)
{
    for (uint32_t s = 0; s < check->shards; s++) {
        if (!put_rule(&check->lanes[s], row)) return false;
        check->lanes[s].rules_given = check->lanes[s].rule_count;
    }
    return true;
}

/* -- books ---------------------------------------------------------------------------------- */

static void put_account(void *context, enum book book, const struct psn_key *giver,
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

static void put_area(struct reading *r, const struct psn_key *giver, uint32_t area, int64_t amount)
{
    struct psn_key key = {{0}};
    le_store32(key.bytes, area);
    put_account(r, BOOK_AREA, giver, &key, amount);
}

/* -- reading ops ---------------------------------------------------------------------------- */

static bool touch_person(struct reading *r, struct bytes data)
{
    struct psn_key key;
    if (data.size != PSN_KEY_SIZE + 8) return wrong(r, NULL, "OP_PERSON of a wrong size");
    memcpy(&key, data.data, sizeof key);
    if (route_shard(key.bytes, r->lane->shards) != r->lane->shard)
        return wrong(r, &key, "the person is at home in another shard");
    struct kept_person *person = kept_map_for(&r->lane->persons, &key);
    if (person == NULL) return wrong(r, &key, "out of memory");
    for (uint32_t i = 0; i < r->person_count; i++) {
        if (!kept_same_key(&r->persons[i].key, &key)) continue;
        const struct touched again = r->persons[i]; /* It becomes the one at hand, the last. */
        memmove(&r->persons[i], &r->persons[i + 1],
                (r->person_count - i - 1) * sizeof r->persons[0]);
        r->persons[r->person_count - 1] = again;
        return true;
    }
    if (le_load64(data.data + PSN_KEY_SIZE) != kept_last_seq(person))
        return wrong(r, &key, "its entry before this one is not the one named");
    if (r->person_count == BATCH_PERSONS) return wrong(r, &key, "too many persons in one entry");
    struct touched *t = &r->persons[r->person_count++];
    *t = (struct touched){.key = key, .before_size = person->size};
    if (person->size == 0) return true;
    t->before = malloc(person->size);
    if (t->before == NULL) return wrong(r, &key, "out of memory");
    memcpy(t->before, person->packed, person->size);
    return true;
}

static struct touched *at_hand(struct reading *r)
{
    return r->person_count == 0 ? NULL : &r->persons[r->person_count - 1];
}

/* The person as it was before the entry; borrowed. */
static struct kept_person before_of(const struct touched *touched)
{
    return (struct kept_person){
        .key = touched->key, .packed = touched->before, .size = touched->before_size};
}

static bool submitted(struct reading *r, const struct psn_key *giver,
                      const struct transfer_row *transfer);

static bool transfer_changed(struct reading *r, const struct psn_key *giver, struct bytes old,
                             struct bytes new)
{
    struct transfer_row a = {0};
    struct transfer_row b = {0};
    if (old.size > sizeof a || new.size > sizeof b)
        return wrong(r, giver, "a transfer of a wrong size");
    if (old.size != 0) memcpy(&a, old.data, old.size);
    if (new.size != 0) memcpy(&b, new.data, new.size);
    if (old.size == 0) return submitted(r, giver, &b);
    if (new.size == 0) {
        r->accepted = a;
        r->has_accepted = true;
        return true;
    }
    if (b.amount != a.amount || b.exp_ms != a.exp_ms || b.src != a.src ||
        !kept_same_key(&a.receiver, &b.receiver) || b.submitted_ms != a.submitted_ms) {
        return wrong(r, giver, "a transfer under way becomes another one");
    }
    if (a.state == TRANSFER_PENDING && b.state != TRANSFER_PENDING)
        return wrong(r, giver, "a pending transfer goes back to holding");
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
        return wrong(r, holder, "a lot becomes another giver's");
    }
    return true;
}

static bool change_row(struct reading *r, const struct read_op *op)
{
    uint8_t room[sizeof(struct transfer_row)];
    struct bytes old;
    struct touched *t = at_hand(r);
    const struct bytes new = op->op == OP_PUT ? op->data : (struct bytes){NULL, 0};

    if (t == NULL) return wrong(r, NULL, "a row of nobody is changed");
    struct kept_person *person = kept_map_find(&r->lane->persons, &t->key);
    const char *bad = op->op == OP_PUT ? kept_put(person, op->kind, op->data, room, &old)
                                       : kept_drop(person, op->kind, op->data, room, &old);
    if (bad != NULL) return wrong(r, &t->key, bad);
    const enum person_row kind = (enum person_row)op->kind;
    if (old.size != 0) books_row(kind, old, &t->key, -1, put_account, r);
    if (new.size != 0) books_row(kind, new, &t->key, 1, put_account, r);
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
    if (r->emitted_count == EMITTED_MAX) return wrong(r, NULL, "too many effects");
    struct effect *effect = &r->emitted[r->emitted_count++];
    if (!read_effect(data, effect)) return wrong(r, NULL, "an effect of no known form");
    books_effect(effect, 1, put_account, r);
    if (effect->kind == EFFECT_HELD && effect->why == HELD_RELEASED)
        put_area(r, &effect->to, effect->admdvs, effect->amount);
    const uint32_t to = route_shard(effect->to.bytes, r->lane->shards);
    return items_add(r, &r->lane->sent[to], data.data) || wrong(r, NULL, "out of memory");
}

static bool read_outgoing(struct reading *r, struct bytes data, struct outgoing *ret_outgoing)
{
    if (data.size != sizeof *ret_outgoing) return wrong(r, NULL, "a message of a wrong size");
    memcpy(ret_outgoing, data.data, sizeof *ret_outgoing);
    if (ret_outgoing->dest >= OUTBOXES) return wrong(r, NULL, "a message for nobody");
    return true;
}

static bool emit_outgoing(struct reading *r, struct bytes data)
{
    struct outgoing out = {0};
    if (!read_outgoing(r, data, &out)) return false;
    if (out.position != 0) return wrong(r, NULL, "a message has a position before its outbox");
    if (r->outgoing_count == EMITTED_MAX) return wrong(r, NULL, "too many messages");
    r->outgoing[r->outgoing_count++] = out;
    return items_add(r, &r->lane->sent[out.dest % r->lane->shards], data.data) ||
           wrong(r, NULL, "out of memory");
}

/* A message gets its place in the outbox: the next of its batch, with the next position. */
static bool queue_outgoing(struct reading *r, struct bytes data)
{
    struct outgoing out = {0};
    struct outgoing sent;
    if (!read_outgoing(r, data, &out)) return false;
    if (out.dest % r->lane->shards != r->lane->shard)
        return wrong(r, NULL, "an outbox is at home in another shard");
    struct numbers *outbox = &r->lane->out[out.dest];
    if (out.position != outbox->count + 1) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64 ", outbox %u: position %" PRIu64
                           " follows %" PRIu64,
                           r->lane->shard, r->entry->seq, out.dest, out.position, outbox->count);
    }
    if (r->queued == r->to_queue.count) return wrong(r, NULL, "an outbox gets what nobody sent");
    memcpy(&sent, place_open(&r->to_queue.list[r->queued++], r->its), sizeof sent);
    sent.position = out.position;
    if (memcmp(&sent, &out, sizeof out) != 0)
        return wrong(r, NULL, "an outbox gets another message than was sent");
    if (!list_grow((void **)&outbox->list, outbox->count, &outbox->room, sizeof *outbox->list))
        return wrong(r, NULL, "out of memory");
    outbox->list[outbox->count++] = r->entry->seq;
    return true;
}

static bool take_ack(struct reading *r, struct bytes data)
{
    if (data.size != 16) return wrong(r, NULL, "an acknowledgement of a wrong size");
    const uint32_t dest = le_load32(data.data);
    const uint64_t upto = le_load64(data.data + 8);
    if (dest >= OUTBOXES || dest % r->lane->shards != r->lane->shard)
        return wrong(r, NULL, "an acknowledgement for another shard's outbox");
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

static uint64_t setl_hash(uint32_t province, const struct psn_key *person, struct bytes setl_id)
{
    uint8_t text[4 + PSN_KEY_SIZE + 64] = {0};
    const size_t size = setl_id.size < 64 ? setl_id.size : 64;
    le_store32(text, province);
    memcpy(text + 4, person->bytes, PSN_KEY_SIZE);
    memcpy(text + 4 + PSN_KEY_SIZE, setl_id.data, size);
    return checksum_hash64('q', text, 4 + PSN_KEY_SIZE + size) | 1;
}

static uint64_t pay_hash(struct bytes pay_id)
{
    return checksum_hash64('p', pay_id.data, pay_id.size) | 1;
}

static bool note_id(struct reading *r, const struct read_op *op)
{
    if (op->data.size < 4) return wrong(r, NULL, "an id of a wrong size");
    const struct bytes text = {op->data.data + 4, op->data.size - 4};
    const struct touched *t = at_hand(r);
    if (op->kind == 'p') r->pay_hash = pay_hash(text);
    if (op->kind == 'q' && t != NULL)
        r->setl_hash = setl_hash(le_load32(op->data.data), &t->key, text);
    if (op->kind == 'v' && t != NULL) {
        const uint64_t hash = setl_hash(le_load32(op->data.data), &t->key, text);
        return idset_add(&r->lane->reversals, hash, 1) || wrong(r, NULL, "out of memory");
    }
    return true;
}

static bool take_rule(struct reading *r, struct bytes data)
{
    struct rule_row row;
    if (data.size != sizeof row) return wrong(r, NULL, "a provincial rule of a wrong size");
    memcpy(&row, data.data, sizeof row);
    if (row.param >= PARAM_COUNT) return wrong(r, NULL, "an unknown provincial rule");
    return put_rule(r->lane, &row) || wrong(r, NULL, "out of memory");
}

/* The institution in place of the one with its code. */
static bool take_institution(struct reading *r, struct bytes data)
{
    struct lane *lane = r->lane;
    struct institution row;
    if (data.size != sizeof row) return wrong(r, NULL, "an institution of a wrong size");
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
        return wrong(r, NULL, "out of memory");
    }
    lane->institutions[lane->institution_count++] = row;
    return true;
}

static bool take_used(struct reading *r, struct bytes data)
{
    if (data.size != sizeof(struct lot) || r->used_count == PAY_LOTS_MAX)
        return wrong(r, NULL, "used lots of a wrong size or number");
    memcpy(&r->used[r->used_count++], data.data, data.size);
    return true;
}

static bool take_said(struct reading *r, struct bytes data)
{
    if (data.size != sizeof r->said || r->has_said) return wrong(r, NULL, "said twice, or not so");
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
    return wrong(r, NULL, "an unknown op");
}

/* -- mail ----------------------------------------------------------------------------------- */

static bool take_item(struct reading *r, uint32_t from, uint16_t op, struct bytes data)
{
    struct outgoing out;
    if (!items_add(r, &r->lane->taken[from], data.data)) return wrong(r, NULL, "out of memory");
    if (op == OP_OUT) {
        return read_outgoing(r, data, &out) &&
               (items_add(r, &r->to_queue, data.data) || wrong(r, NULL, "out of memory"));
    }
    if (op != OP_EFFECT || r->arrived_count == EMITTED_MAX)
        return wrong(r, NULL, "mail of no known form");
    struct effect *effect = &r->arrived[r->arrived_count++];
    if (!read_effect(data, effect)) return wrong(r, NULL, "mail with an effect of no known form");
    if (route_shard(effect->to.bytes, r->lane->shards) != r->lane->shard)
        return wrong(r, &effect->to, "mail for a person of another shard");
    books_effect(effect, -1, put_account, r);
    return true;
}

/* A batch: from, count, first, has, items. */
static bool take_mail(struct reading *r)
{
    struct bytes m = r->message;
    if (m.size < BATCH_HEAD) return wrong(r, NULL, "a batch of mail without a head");
    const uint32_t from = le_load32(m.data);
    const uint32_t count = le_load32(m.data + 4);
    const uint64_t first = le_load64(m.data + 8);
    const uint64_t has = le_load64(m.data + 16);
    if (from >= r->lane->shards) return wrong(r, NULL, "mail from a shard that is not there");
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
            return wrong(r, NULL, "a batch of mail is cut off");
        const size_t size = le_load16(m.data);
        if (!take_item(r, from, le_load16(m.data + 2), (struct bytes){m.data + 4, size}))
            return false;
        m.data += 4 + size;
        m.size -= 4 + size;
    }
    return m.size == 0 || wrong(r, NULL, "bytes behind a batch of mail");
}

/* -- transfers ------------------------------------------------------------------------------ */

/* hhmm of an instant. */
static int64_t clock_of(int64_t ms)
{
    const struct civil c = civil_from_ms(ms);
    return c.hour * 100 + c.minute;
}

static bool in_night(const struct lane *lane, uint32_t area, int64_t at)
{
    const int64_t from = lane_value(lane, PARAM_NIGHT_FROM, area, at);
    const int64_t to = lane_value(lane, PARAM_NIGHT_TO, area, at);
    const int64_t now = clock_of(at);
    return from <= to ? now >= from && now < to : now >= from || now < to;
}

/* The end of a transfer submitted at that time. */
static int64_t end_of(const struct lane *lane, uint32_t area, int64_t at)
{
    const int64_t clock = lane_value(lane, PARAM_EXPIRE_AT, area, at);
    const int64_t midnight = at - (at + 8 * 3600 * 1000) % MS_PER_DAY;
    return midnight + MS_PER_DAY + (clock / 100 * 60 + clock % 100) * 60 * 1000;
}

static void sink(struct ending *heap, uint32_t count, uint32_t place)
{
    for (;;) {
        uint32_t least = place;
        for (uint32_t child = 2 * place + 1; child <= 2 * place + 2 && child < count; child++) {
            if (heap[child].exp_ms < heap[least].exp_ms) least = child;
        }
        if (least == place) return;
        const struct ending swap = heap[place];
        heap[place] = heap[least];
        heap[least] = swap;
        place = least;
    }
}

static bool note_ending(struct lane *lane, const struct psn_key *giver,
                        const struct transfer_row *transfer)
{
    if (!list_grow32((void **)&lane->endings, lane->ending_count, &lane->ending_room,
                     sizeof *lane->endings)) {
        return false;
    }
    uint32_t place = lane->ending_count++;
    struct ending ending = {.exp_ms = transfer->exp_ms, .giver = *giver};
    memcpy(ending.trsf_id, transfer->trsf_id, sizeof ending.trsf_id);
    for (; place != 0 && lane->endings[(place - 1) / 2].exp_ms > ending.exp_ms;
         place = (place - 1) / 2) {
        lane->endings[place] = lane->endings[(place - 1) / 2];
    }
    lane->endings[place] = ending;
    return true;
}

static bool under_way(const struct kept_person *person, const char *trsf_id)
{
    uint32_t at = 0;
    enum person_row kind;
    struct bytes row;
    while (person != NULL && kept_next(person, &at, &kind, &row)) {
        if (kind == PERSON_TRANSFER && memcmp(row.data, trsf_id, WALLET_ID_SIZE) == 0) return true;
    }
    return false;
}

/* (I12) Nothing under way ends before `limit_ms`. */
static bool check_endings(struct lane *lane, int64_t limit_ms, uint64_t seq,
                          struct finding *finding)
{
    while (lane->ending_count != 0 && lane->endings[0].exp_ms < limit_ms) {
        const struct ending ending = lane->endings[0];
        lane->endings[0] = lane->endings[--lane->ending_count];
        sink(lane->endings, lane->ending_count, 0);
        if (!under_way(kept_map_find(&lane->persons, &ending.giver), ending.trsf_id)) continue;
        return finding_set(
            finding, "shard %u, seq %" PRIu64 ", %s: transfer %.*s is under way past its end",
            lane->shard, seq, person_text(&ending.giver), WALLET_ID_SIZE, ending.trsf_id);
    }
    return true;
}

static bool related(const struct kept_person *person, const struct psn_key *other, uint32_t side)
{
    uint32_t at = 0;
    enum person_row kind;
    struct bytes row;
    while (kept_next(person, &at, &kind, &row)) {
        struct relation_row relation;
        if (kind != PERSON_RELATION) continue;
        memcpy(&relation, row.data, sizeof relation);
        if (relation.side == side && kept_same_key(&relation.other, other)) return true;
    }
    return false;
}

/* (I13) At most one under way to a receiver, or in all, as the province says. */
static bool check_pending(struct reading *r, const struct kept_person *giver, uint32_t area,
                          const struct transfer_row *transfer)
{
    const int64_t scope = lane_value(r->lane, PARAM_PENDING_SCOPE, area, r->entry->stamp_ms);
    uint32_t at = 0;
    enum person_row kind;
    struct bytes row;
    while (scope != PENDING_NONE && kept_next(giver, &at, &kind, &row)) {
        struct transfer_row other = {0};
        if (kind != PERSON_TRANSFER) continue;
        memcpy(&other, row.data, row.size);
        if (memcmp(other.trsf_id, transfer->trsf_id, WALLET_ID_SIZE) == 0) continue;
        if (scope == PENDING_GIVER || kept_same_key(&other.receiver, &transfer->receiver))
            return wrong(r, &giver->key, "a second transfer under way to the same receiver");
    }
    return true;
}

/* (I11) and what else must hold of a transfer that is taken. */
static bool submitted(struct reading *r, const struct psn_key *giver,
                      const struct transfer_row *transfer)
{
    struct kept_person *person = kept_map_find(&r->lane->persons, giver);
    struct wallet_row wallet;
    const int64_t now = r->entry->stamp_ms;
    const struct transfer_row *t = transfer;

    (void)kept_single(person, PERSON_WALLET, &wallet, sizeof wallet);
    const uint32_t area = wallet.insu_admdvs;
    if (r->type != MESSAGE_TRSF_SUBMIT) return wrong(r, giver, "a transfer nobody submitted");
    if (t->submitted_ms != now || t->seq != r->entry->seq)
        return wrong(r, giver, "a transfer with another time or entry than its submit's");
    if (t->exp_ms != end_of(r->lane, area, now))
        return wrong(r, giver, "a transfer ends at another time than the next morning");
    const bool known = r->lane->clock_set || now != MANUAL_CLOCK_START_MS;
    if (known && in_night(r->lane, area, now)) return wrong(r, giver, "a transfer in the night");
    if (t->amount <= 0 || t->amount > lane_value(r->lane, PARAM_TRSF_MAX_EACH, area, now))
        return wrong(r, giver, "a transfer above the limit of one");
    if (person->day != civil_day(now)) {
        person->day = civil_day(now);
        person->count = 0;
        person->sum = 0;
    }
    person->count++;
    person->sum += t->amount;
    if (person->count > lane_value(r->lane, PARAM_TRSF_MAX_COUNT, area, now))
        return wrong(r, giver, "more transfers in a day than allowed");
    if (person->sum > lane_value(r->lane, PARAM_TRSF_MAX_SUM, area, now))
        return wrong(r, giver, "a larger sum of transfers in a day than allowed");
    if (!related(person, &t->receiver, SIDE_GIVER))
        return wrong(r, giver, "a transfer to a person without a relation");
    if (!note_ending(r->lane, giver, t)) return wrong(r, giver, "out of memory");
    return check_pending(r, person, area, t);
}

/* A transfer that ends with a credit: in time, all of it, and under a relation that stood (I14). */
static bool check_accept(struct reading *r)
{
    const struct touched *giver = at_hand(r);
    int64_t credited = 0;
    for (uint32_t i = 0; i < r->emitted_count; i++) {
        const struct effect *e = &r->emitted[i];
        if (e->kind != EFFECT_CREDIT) continue;
        if (r->type != MESSAGE_TRSF_ACCEPT || !r->has_accepted || giver == NULL)
            return wrong(r, &e->to, "a credit without an accepted transfer");
        if (!kept_same_key(&e->to, &r->accepted.receiver))
            return wrong(r, &e->to, "a credit to another person than the receiver");
        for (uint32_t k = 0; k < e->lot_count; k++)
            credited += e->lots[k].amount;
    }
    if (r->type != MESSAGE_TRSF_ACCEPT || !r->has_accepted) return true;
    const struct kept_person before = before_of(giver);
    struct wallet_row wallet;
    (void)kept_single(&before, PERSON_WALLET, &wallet, sizeof wallet);
    if (r->accepted.src == 1) put_area(r, &giver->key, wallet.insu_admdvs, -r->accepted.amount);
    if (credited != r->accepted.amount)
        return wrong(r, &giver->key, "credited is not what was accepted");
    if (r->entry->stamp_ms >= r->accepted.exp_ms)
        return wrong(r, &giver->key, "a transfer is accepted past its end");
    if (!related(&before, &r->accepted.receiver, SIDE_GIVER))
        return wrong(r, &giver->key, "a transfer is accepted without a relation");
    return true;
}

/* A transfer that a province refused was none, and where returned ones do not count they are taken
 * off the day. */
static void uncount(struct reading *r)
{
    struct kept_person *giver =
        at_hand(r) == NULL ? NULL : kept_map_find(&r->lane->persons, &at_hand(r)->key);
    struct wallet_row wallet;
    if (!r->has_accepted || giver == NULL || r->type == MESSAGE_TRSF_ACCEPT) return;
    (void)kept_single(giver, PERSON_WALLET, &wallet, sizeof wallet);
    const bool counts =
        r->said.stas != STAS_REFUSED &&
        lane_value(r->lane, PARAM_COUNT_RETURNED, wallet.insu_admdvs, r->entry->stamp_ms) != 0;
    if (counts || giver->day != civil_day(r->accepted.submitted_ms)) return;
    giver->count--;
    giver->sum -= r->accepted.amount;
}

/* (I14) at the receiver: lots that came with a credit stand under a relation. */
static bool check_credits(struct reading *r)
{
    for (uint32_t i = 0; i < r->arrived_count; i++) {
        const struct effect *e = &r->arrived[i];
        const struct kept_person *person = kept_map_find(&r->lane->persons, &e->to);
        uint32_t at = 0;
        enum person_row kind;
        struct bytes row;
        if (e->kind != EFFECT_CREDIT || person == NULL) continue;
        while (kept_next(person, &at, &kind, &row)) {
            struct lot lot;
            if (kind != PERSON_LOT) continue;
            memcpy(&lot, row.data, sizeof lot);
            if (kept_same_key(&lot.from, &e->other) && lot.accepted_ms == e->at_ms &&
                !related(person, &lot.from, SIDE_RECEIVER)) {
                return wrong(r, &e->to, "a credit under no relation");
            }
        }
    }
    return true;
}

/* -- the person's rows ---------------------------------------------------------------------- */

/* What rows of one person add up to. */
struct sums {
    int64_t holders;
    int64_t pending; /* Own money under way, frozen for sure. */
    int64_t holding; /* The same, asked for. */
    uint32_t lots;
};

static bool add_transfer(const struct reading *r, const struct psn_key *key, struct bytes row,
                         struct sums *sums)
{
    struct transfer_row t = {0};
    int64_t carried = 0;
    memcpy(&t, row.data, row.size);
    for (uint32_t i = 0; i < t.lot_count; i++)
        carried += t.lots[i].amount;
    if (t.amount <= 0 || (t.src == 2 && carried != t.amount) || (t.src == 1 && t.lot_count != 0))
        return wrong(r, key, "a transfer carries another amount than its own");
    if (t.src == 1) *(t.state == TRANSFER_HOLDING ? &sums->holding : &sums->pending) += t.amount;
    return true;
}

static bool add_rows(const struct reading *r, const struct kept_person *person, struct sums *sums)
{
    uint32_t at = 0;
    enum person_row kind;
    struct bytes row;
    while (kept_next(person, &at, &kind, &row)) {
        struct lot lot;
        struct holder_row holder;
        if (kind == PERSON_LOT) {
            memcpy(&lot, row.data, sizeof lot);
            sums->lots++;
            if (lot.amount <= 0) return wrong(r, &person->key, "a lot is overdrawn or empty");
        } else if (kind == PERSON_HOLDER) {
            memcpy(&holder, row.data, sizeof holder);
            sums->holders += holder.amount;
            if (holder.amount == 0) return wrong(r, &person->key, "a holder of nothing");
        } else if (kind == PERSON_TRANSFER && !add_transfer(r, &person->key, row, sums)) {
            return false;
        }
    }
    return true;
}

/* (I3), (I4) within the person, (I5). */
static bool check_money(const struct reading *r, const struct kept_person *person)
{
    struct sums sums = {0};
    struct hold_row hold;
    struct wallet_row wallet;
    if (!add_rows(r, person, &sums)) return false;
    (void)kept_single(person, PERSON_HOLD, &hold, sizeof hold);
    (void)kept_single(person, PERSON_WALLET, &wallet, sizeof wallet);
    const int64_t sure = sums.holders + sums.pending;
    if (hold.held != sure && hold.held != sure + sums.holding) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64 ", %s: held is %lld, transfers and holders "
                           "have %lld",
                           r->lane->shard, r->entry->seq, person_text(&person->key),
                           (long long)hold.held, (long long)sure);
    }
    if (hold.held < 0 || hold.consumed < 0 || hold.granted - hold.held - hold.consumed < 0)
        return wrong(r, &person->key, "more is held or consumed than was granted");
    if (wallet.state == WALLET_CLOSED && sums.lots != 0)
        return wrong(r, &person->key, "a closed wallet holds lots");
    return true;
}

static int64_t granted_of(const struct kept_person *person)
{
    struct hold_row hold;
    (void)kept_single(person, PERSON_HOLD, &hold, sizeof hold);
    return hold.granted;
}

static int64_t released_of(const struct reading *r, const struct psn_key *giver)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < r->outgoing_count; i++) {
        const struct outgoing *out = &r->outgoing[i];
        if (out->type == OUT_PA_RELEASE && kept_same_key(&out->psn_key, giver)) sum += out->amount;
    }
    return sum;
}

/* (I5) What was granted changes only by the province's word, or by what it gets back. */
static bool check_granted(const struct reading *r, const struct touched *touched)
{
    const struct kept_person before = before_of(touched);
    const struct kept_person *after = kept_map_find(&r->lane->persons, &touched->key);
    const int64_t change = granted_of(after) - granted_of(&before);
    bool good = change == 0 || change == -released_of(r, &touched->key);

    if (r->type == MESSAGE_PA_GRANT) {
        Qingfen__V1__PaGrant *m =
            qingfen__v1__pa_grant__unpack(NULL, r->message.size, r->message.data);
        good = m != NULL && m->granted_amt == granted_of(after);
        if (m != NULL) qingfen__v1__pa_grant__free_unpacked(m, NULL);
    } else if (r->type == MESSAGE_PA_HOLD_ACK && change > 0) {
        Qingfen__V1__PaHoldAck *m =
            qingfen__v1__pa_hold_ack__unpack(NULL, r->message.size, r->message.data);
        good = m != NULL && m->held_amt == change;
        if (m != NULL) qingfen__v1__pa_hold_ack__free_unpacked(m, NULL);
    }
    return good || wrong(r, &touched->key, "granted changes by what no province said");
}

/* -- payments ------------------------------------------------------------------------------- */

static struct payment *payment_by(struct lane *lane, const struct idset *index, uint64_t hash)
{
    uint64_t cursor = 0;
    const uint64_t found = idset_find(index, hash, &cursor);
    return found == 0 ? NULL : &lane->payments[found - 1];
}

static bool own_province(uint32_t a, uint32_t b)
{
    return a / 10000 == b / 10000;
}

/* Notes that a debt must follow. */
static bool expect(struct reading *r, uint32_t payer, uint32_t payee, int64_t amount)
{
    struct expected *e = &r->lane->expected;
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->debts[i].payer != payer || e->debts[i].payee != payee) continue;
        e->debts[i].left += amount;
        return true;
    }
    if (e->count == EXPECTED_MAX) return wrong(r, NULL, "too many debts");
    e->debts[e->count++] = (struct debt){payer, payee, amount};
    return true;
}

static void add_net(int64_t *net, uint32_t payer, uint32_t payee, int64_t amount)
{
    const uint8_t from = province_of_area(payer);
    const uint8_t to = province_of_area(payee);
    if (from >= PROVINCE_COUNT || to >= PROVINCE_COUNT || from == to) return;
    net[from] -= amount;
    net[to] += amount;
}

/* One used lot's debts (B.8): by the path, and in both ways for (I9). */
static bool expect_lot(struct reading *r, const struct lot *lot, const struct payment *p, bool via,
                       int64_t amount)
{
    struct lane *lane = r->lane;
    const uint32_t giver = lot->origin_admdvs;
    const bool stop = !own_province(p->use_loc, giver) && !own_province(p->use_loc, p->place);
    add_net(lane->net_direct, giver, p->place, amount);
    if (own_province(giver, p->place)) return true;
    if (stop) {
        add_net(lane->net_via, giver, p->use_loc, amount);
        add_net(lane->net_via, p->use_loc, p->place, amount);
    } else {
        add_net(lane->net_via, giver, p->place, amount);
    }
    if (!via || !stop) return expect(r, giver, p->place, amount);
    return expect(r, giver, p->use_loc, amount) && expect(r, p->use_loc, p->place, amount);
}

/* Place and line of a payment, from its message or the settlement before it. */
static bool place_of(struct reading *r, struct payment *p)
{
    if (r->type == MESSAGE_WLT_PAY) {
        Qingfen__V1__WltPay *m =
            qingfen__v1__wlt_pay__unpack(NULL, r->message.size, r->message.data);
        if (m == NULL) return wrong(r, NULL, "no WltPay");
        const bool good = m->wlt_pay == p->amount;
        p->place = m->mdtrtarea_admvs;
        p->line = LINE_WALLET_CARE;
        qingfen__v1__wlt_pay__free_unpacked(m, NULL);
        return good || wrong(r, &p->person, "another amount is paid than was asked");
    }
    if (r->type == MESSAGE_PREM_PAY) {
        struct wallet_fact fact; /* The area paid is what the insured person's shard said. */
        Qingfen__V1__PremPay *m =
            qingfen__v1__prem_pay__unpack(NULL, r->message.size, r->message.data);
        if (m == NULL || r->fact.size != sizeof fact) return wrong(r, NULL, "no PremPay");
        memcpy(&fact, r->fact.data, sizeof fact);
        const bool good = m->amt == p->amount;
        p->place = fact.insu_admdvs;
        p->line = m->insutype == 390 ? LINE_PREMIUM_RESIDENT : LINE_PREMIUM_CARE;
        qingfen__v1__prem_pay__free_unpacked(m, NULL);
        return good || wrong(r, &p->person, "another amount is paid than was asked");
    }
    p->place = r->lane->expected.place;
    p->line = LINE_WALLET_CARE;
    return true;
}

/* A payment takes lots from the front, each whole but the last (B.6). */
static bool check_fifo(struct reading *r, const struct touched *spender)
{
    const struct kept_person before = before_of(spender);
    uint32_t at = 0;
    uint32_t i = 0;
    enum person_row kind;
    struct bytes row;
    while (i < r->used_count && kept_next(&before, &at, &kind, &row)) {
        struct lot lot;
        if (kind != PERSON_LOT) continue;
        memcpy(&lot, row.data, sizeof lot);
        const struct lot *used = &r->used[i];
        const bool last = i + 1 == r->used_count;
        if (used->number != lot.number || used->origin_admdvs != lot.origin_admdvs ||
            !kept_same_key(&used->origin, &lot.origin) || used->amount > lot.amount ||
            (!last && used->amount != lot.amount)) {
            return wrong(r, &spender->key, "lots are not used in their order");
        }
        i++;
    }
    return i == r->used_count || wrong(r, &spender->key, "a lot is used that is not there");
}

static int64_t used_sum(const struct reading *r)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < r->used_count; i++)
        sum += r->used[i].amount;
    return sum;
}

static bool take_payment(struct reading *r)
{
    static const struct psn_key nobody;
    struct lane *lane = r->lane;
    const struct touched *spender = at_hand(r);
    struct wallet_row wallet;

    if (spender == NULL) return wrong(r, NULL, "a payment of nobody");
    if (r->said.amount != used_sum(r))
        return wrong(r, &spender->key, "what is paid is not what the used lots add up to");
    if (!check_fifo(r, spender)) return false;
    if (!list_grow32((void **)&lane->payments, lane->payment_count, &lane->payment_room,
                     sizeof *lane->payments)) {
        return wrong(r, NULL, "out of memory");
    }
    const struct kept_person before = before_of(spender);
    (void)kept_single(&before, PERSON_WALLET, &wallet, sizeof wallet);
    struct payment p = {.body = r->entry->body,
                        .seq = r->entry->seq,
                        .amount = r->said.amount,
                        .use_loc = wallet.use_loc_admdvs,
                        .first_debt = lane->debt_count,
                        .person = spender->key};
    if (!place_of(r, &p)) return false;
    lane->expected.count = 0;
    const bool via = lane_value(lane, PARAM_CLEAR_PATH, wallet.insu_admdvs, r->entry->stamp_ms) ==
                     PATH_VIA_USE_LOC;
    for (uint32_t i = 0; i < r->used_count; i++) {
        const struct lot *used = &r->used[i];
        put_account(r, BOOK_SPENT, &used->origin, &nobody, -used->amount);
        put_area(r, &used->origin, used->origin_admdvs, used->amount);
        if (!expect_lot(r, used, &p, via, used->amount)) return false;
    }
    lane->payments[lane->payment_count++] = p;
    lane->expected.seq = r->entry->seq;
    lane->expected.payment = lane->payment_count;
    lane->expected.negative = false;
    lane->expected.line = p.line;
    const struct bytes id = {(const uint8_t *)r->said.id, strlen(r->said.id)};
    if (!idset_add(&lane->payment_ids, pay_hash(id), lane->payment_count) ||
        (r->setl_hash != 0 &&
         !idset_add(&lane->payment_setls, r->setl_hash, lane->payment_count))) {
        return wrong(r, NULL, "out of memory");
    }
    return true;
}

/* A payment by the number of its entry: they came in that order. */
static struct payment *payment_at(struct lane *lane, uint64_t seq)
{
    uint32_t from = 0;
    uint32_t to = lane->payment_count;
    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        if (lane->payments[middle].seq < seq) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < lane->payment_count && lane->payments[from].seq == seq ? &lane->payments[from]
                                                                         : NULL;
}

/* The payment that the message of a reversal names, or the record before it leads to; NULL: none
 * that is known. */
static const struct payment *named_payment(struct reading *r)
{
    struct lane *lane = r->lane;
    const struct payment *p = NULL;
    if (r->type == MESSAGE_WLT_PAY_REVERSE) {
        Qingfen__V1__WltPayReverse *m =
            qingfen__v1__wlt_pay_reverse__unpack(NULL, r->message.size, r->message.data);
        if (m == NULL) return NULL;
        if (m->pay_id[0] != 0) {
            p = payment_by(lane, &lane->payment_ids, pay_hash(bytes_of(m->pay_id)));
        } else if (m->psn_key.len == PSN_KEY_SIZE) {
            struct psn_key key;
            memcpy(&key, m->psn_key.data, sizeof key);
            p = payment_by(lane, &lane->payment_setls,
                           setl_hash(m->mdtrtarea_admvs / 10000, &key, bytes_of(m->setl_id)));
        }
        qingfen__v1__wlt_pay_reverse__free_unpacked(m, NULL);
    } else if (r->type == MESSAGE_PREM_REVERSE) {
        Qingfen__V1__PremReverse *m =
            qingfen__v1__prem_reverse__unpack(NULL, r->message.size, r->message.data);
        if (m == NULL) return NULL;
        p = payment_by(lane, &lane->payment_ids, pay_hash(bytes_of(m->pay_id)));
        qingfen__v1__prem_reverse__free_unpacked(m, NULL);
    } else if (lane->expected.settlement != 0) {
        p = payment_by(lane, &lane->payment_setls, lane->expected.setl_hash);
    } else if (lane->last_correction != 0) {
        p = payment_at(lane, lane->last_correction + 1); /* Behind the settlement taken back. */
    }
    return p;
}

/* What a payment used, from its entry. */
static uint32_t used_of(const struct payment *payment, struct lot used[PAY_LOTS_MAX])
{
    struct opened its;
    struct read_op op;
    bool bad;
    uint32_t count = 0;
    if (body_open(payment->body, &its) != NULL) return 0;
    struct bytes ops = its.ops;
    while (read_op(&ops, &op, &bad)) {
        if (op.op != OP_USED || op.data.size != sizeof used[0] || count == PAY_LOTS_MAX) continue;
        memcpy(&used[count++], op.data.data, sizeof used[0]);
    }
    return count;
}

/* (I10) What is given back is what was used, the last first, behind what was given back before. */
static bool check_lifo(struct reading *r, const struct payment *p)
{
    struct lot used[PAY_LOTS_MAX];
    uint32_t i = used_of(p, used);
    int64_t before = p->reversed;
    for (uint32_t k = 0; k < r->used_count; k++) {
        while (i != 0 && before >= used[i - 1].amount)
            before -= used[--i].amount;
        if (i == 0) return wrong(r, &p->person, "more is given back than was used");
        struct lot *lot = &used[i - 1];
        lot->amount -= before;
        before = 0;
        const bool last = k + 1 == r->used_count;
        if (lot->number != r->used[k].number || !kept_same_key(&lot->origin, &r->used[k].origin) ||
            lot->origin_admdvs != r->used[k].origin_admdvs || r->used[k].amount > lot->amount ||
            (!last && r->used[k].amount != lot->amount)) {
            return wrong(r, &p->person, "lots are not given back last used first");
        }
        i--;
    }
    return true;
}

/* By which way a payment's debt of that giver's area went. */
static bool went_via(const struct lane *lane, const struct payment *p, uint32_t giver)
{
    for (uint32_t i = 0; i < p->debt_count; i++) {
        const struct debt *debt = &lane->debts[p->first_debt + i];
        if (debt->payer == giver && debt->payee == p->place) return false;
    }
    return true;
}

static bool take_reversal(struct reading *r)
{
    static const struct psn_key nobody;
    struct lane *lane = r->lane;
    struct payment *p = payment_at(lane, r->entry->orig_seq);
    const int64_t amount = used_sum(r);

    if (p == NULL) return wrong(r, NULL, "a reversal refers to no payment");
    if (named_payment(r) != p) return wrong(r, &p->person, "a reversal names another payment");
    if (amount <= 0 || amount > p->amount - p->reversed)
        return wrong(r, &p->person, "reversals go beyond the payment");
    if (!check_lifo(r, p)) return false;
    lane->expected.count = 0;
    for (uint32_t i = 0; i < r->used_count; i++) {
        const struct lot *used = &r->used[i];
        put_account(r, BOOK_SPENT, &used->origin, &nobody, used->amount);
        if (!expect_lot(r, used, p, went_via(lane, p, used->origin_admdvs), -used->amount))
            return false;
    }
    p->reversed += amount;
    lane->expected.seq = r->entry->seq;
    lane->expected.payment = (uint32_t)(p - lane->payments) + 1;
    lane->expected.negative = true;
    lane->expected.line = p->line;
    return true;
}

/* The settlement before this entry wanted a payment, or one taken back. */
static bool check_wanted(struct reading *r)
{
    struct expected *e = &r->lane->expected;
    if (e->settlement == 0) return true;
    if (r->used_count == 0) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64
                           ": wlt_pay without a payment behind it or before it",
                           r->lane->shard, e->settlement);
    }
    const int64_t paid = r->said.id[0] == 'V' ? -used_sum(r) : used_sum(r);
    if (e->amount != paid) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64 ": the wallet entry behind the settlement of "
                           "seq %" PRIu64 " moves %lld fen instead of %lld",
                           r->lane->shard, r->entry->seq, e->settlement, (long long)paid,
                           (long long)e->amount);
    }
    return true;
}

/* -- an ENTRY_WALLET ------------------------------------------------------------------------- */

static bool read_body(struct reading *r)
{
    const char *bad = body_open(r->entry->body, r->its);
    if (bad != NULL) return wrong(r, NULL, bad);
    r->type = r->its->type;
    r->message = r->its->message;
    r->fact = r->its->fact;
    r->ops = r->its->ops;
    return true;
}

static bool read_ops(struct reading *r)
{
    struct bytes ops = r->ops;
    struct read_op op;
    bool bad;
    while (read_op(&ops, &op, &bad)) {
        if (!take_op(r, &op)) return false;
    }
    if (bad) return wrong(r, NULL, "bytes that are no op");
    return r->queued == r->to_queue.count ||
           wrong(r, NULL, "a message for an outbox was taken and not put into it");
}

/* Of a giver with more holders than there are rows, some are counted together under a key of zeros:
 * then only all of them together must be balanced. */
static bool counted_together(const struct reading *r, const struct psn_key *giver)
{
    static const struct psn_key others;
    int64_t sum = 0;
    bool together = false;
    for (uint32_t i = 0; i < r->account_count; i++) {
        const struct standing *a = &r->accounts[i];
        if (a->book != BOOK_HOLDER || !kept_same_key(&a->giver, giver)) continue;
        sum += a->amount;
        together = together || kept_same_key(&a->holder, &others);
    }
    return together && sum == 0;
}

/* (I1) Every account of both books ends at zero. Areas follow lots only where nothing comes back:
 * what a reversal returns to a dead lot goes home without one. */
static bool check_balance(const struct reading *r, bool areas)
{
    if (r->accounts_full) return wrong(r, NULL, "too many accounts in one entry");
    for (uint32_t i = 0; i < r->account_count; i++) {
        const struct standing *a = &r->accounts[i];
        if (a->amount == 0 || (a->book == BOOK_AREA && !areas)) continue;
        if (a->book == BOOK_HOLDER && counted_together(r, &a->giver)) continue;
        if (a->book == BOOK_HOLDER) {
            return finding_set(r->finding,
                               "shard %u, seq %" PRIu64 ", giver %s: not balanced by %lld fen at "
                               "holder %s",
                               r->lane->shard, r->entry->seq, person_text(&a->giver),
                               (long long)a->amount, person_text(&a->holder));
        }
        return finding_set(r->finding, "shard %u, seq %" PRIu64 ", giver %s: %s by %lld fen",
                           r->lane->shard, r->entry->seq, person_text(&a->giver),
                           a->book == BOOK_SPENT ? "spent and used differ"
                                                 : "lots change their area",
                           (long long)a->amount);
    }
    return true;
}

static bool check_persons(struct reading *r)
{
    for (uint32_t i = 0; i < r->person_count; i++) {
        struct kept_person *person = kept_map_find(&r->lane->persons, &r->persons[i].key);
        kept_head(person, r->entry->seq);
        if (!r->persons[i].money) continue;
        if (!check_money(r, person) || !check_granted(r, &r->persons[i])) return false;
    }
    return true;
}

static bool read_wallet(struct reading *r)
{
    if (!read_body(r)) return false;
    if (r->type == REQUEST_MAIL && !take_mail(r)) return false;
    if (!read_ops(r)) return false;
    const bool reversal = r->used_count != 0 && r->said.id[0] == 'V';
    if (!check_wanted(r)) return false;
    if (r->used_count != 0 && !(reversal ? take_reversal(r) : take_payment(r))) return false;
    r->lane->expected.settlement = 0;
    r->lane->last_correction = 0;
    uncount(r);
    return check_accept(r) && check_credits(r) && check_persons(r) && check_balance(r, !reversal);
}

static void reading_done(struct reading *r)
{
    for (uint32_t i = 0; i < r->person_count; i++)
        free(r->persons[i].before);
    free(r->emitted);
    free(r->arrived);
    free(r->outgoing);
    free(r->accounts);
    free(r->to_queue.list);
}

static bool add_wallet(struct lane *lane, const struct entry *entry, struct finding *finding)
{
    struct opened its;
    struct reading r = {
        .lane = lane,
        .entry = entry,
        .finding = finding,
        .its = &its,
        .emitted = malloc(EMITTED_MAX * sizeof *r.emitted),
        .arrived = malloc(EMITTED_MAX * sizeof *r.arrived),
        .outgoing = malloc(EMITTED_MAX * sizeof *r.outgoing),
        .accounts = malloc(ACCOUNTS_MAX * sizeof *r.accounts),
    };
    bool good = r.emitted != NULL && r.arrived != NULL && r.outgoing != NULL && r.accounts != NULL;
    good = good ? read_wallet(&r) : wrong(&r, NULL, "out of memory");
    reading_done(&r);
    lane->entries++;
    return good;
}

/* -- debts and settlements ------------------------------------------------------------------- */

static bool lane_wrong(const struct lane *lane, uint64_t seq, struct finding *finding,
                       const char *what)
{
    return finding_set(finding, "shard %u, seq %" PRIu64 ": %s", lane->shard, seq, what);
}

/* Everything that had to follow is there. */
static bool check_expected(struct lane *lane, struct finding *finding)
{
    struct expected *e = &lane->expected;
    if (e->settlement != 0) {
        return lane_wrong(lane, e->settlement, finding,
                          "wlt_pay without a payment behind it or before it");
    }
    for (uint32_t i = 0; e->seq != 0 && i < e->count; i++) {
        if (e->debts[i].left == 0) continue;
        return finding_set(
            finding, "shard %u, seq %" PRIu64 ": a debt %u->%u of %lld fen is missing", lane->shard,
            e->seq, e->debts[i].payer, e->debts[i].payee, (long long)e->debts[i].left);
    }
    e->seq = 0;
    e->count = 0;
    return true;
}

/* Keeps a debt with its payment; what a negative one leaves of it. */
static bool keep_debt(struct lane *lane, const struct debt *debt, bool negative)
{
    struct payment *p = &lane->payments[lane->expected.payment - 1];
    if (!negative) {
        if (!list_grow32((void **)&lane->debts, lane->debt_count, &lane->debt_room,
                         sizeof *lane->debts))
            return false;
        lane->debts[lane->debt_count++] = *debt;
        p->debt_count++;
        return true;
    }
    int64_t back = -debt->left;
    for (uint32_t i = 0; i < p->debt_count; i++) {
        struct debt *its = &lane->debts[p->first_debt + i];
        if (its->payer != debt->payer || its->payee != debt->payee) continue;
        const int64_t part = back < its->left ? back : its->left;
        its->left -= part;
        back -= part;
    }
    return back == 0;
}

static bool add_debt(struct lane *lane, const struct entry *entry, struct finding *finding)
{
    struct expected *e = &lane->expected;
    struct settlement s;
    if (e->seq == 0 || entry->orig_seq != e->seq)
        return lane_wrong(lane, entry->seq, finding, "a debt of no payment before it");
    if (!body_settlement(&lane->arena, entry->body, &s))
        return lane_wrong(lane, entry->seq, finding, "a debt whose body is no SetlPost");
    const struct debt debt = {s.insu_admdvs, s.mdtrtarea_admvs, s.amounts[AMOUNT_ACCT]};
    if (s.refd_setl_flag != e->negative || (debt.left < 0) != e->negative)
        return lane_wrong(lane, entry->seq, finding, "a debt of the wrong sign");
    if (entry->line != e->line) return lane_wrong(lane, entry->seq, finding, "a debt's line");
    uint32_t i = 0;
    while (i < e->count && (e->debts[i].payer != debt.payer || e->debts[i].payee != debt.payee))
        i++;
    if (i == e->count || llabs(debt.left) > llabs(e->debts[i].left)) {
        return finding_set(finding,
                           "shard %u, seq %" PRIu64 ": nobody used what makes the debt %u->%u of "
                           "%lld fen",
                           lane->shard, entry->seq, debt.payer, debt.payee, (long long)debt.left);
    }
    e->debts[i].left -= debt.left;
    add_net(lane->net_debts, debt.payer, debt.payee, debt.left);
    return keep_debt(lane, &debt, e->negative) ||
           lane_wrong(lane, entry->seq, finding, "a debt taken back beyond what it was");
}

/* True when the SetlPost has a wlt_pay at all: a look at the field numbers alone. */
static bool has_wlt_pay(struct bytes body)
{
    size_t at = 0;
    while (at < body.size) {
        uint64_t parts[2] = {0, 0}; /* The tag, and a number or a size. */
        for (int part = 0; part < 2; part++) {
            int shift = 0;
            do {
                if (at == body.size || shift > 63) return false;
                parts[part] |= (uint64_t)(body.data[at] & 0x7f) << shift;
                shift += 7;
            } while ((body.data[at++] & 0x80) != 0);
        }
        if (parts[0] >> 3 == SETL_FIELD_WLT) return true;
        if ((parts[0] & 7) == 2) at += parts[1];
        if ((parts[0] & 7) != 0 && (parts[0] & 7) != 2) return false;
    }
    return false;
}

/* The refund's number was given to a reversal before. */
static bool taken_back(const struct lane *lane, const struct settlement *refund,
                       const struct psn_key *person)
{
    uint64_t cursor = 0;
    const uint64_t hash = setl_hash(refund->mdtrtarea_admvs / 10000, person, refund->setl_id);
    return idset_find(&lane->reversals, hash, &cursor) != 0;
}

/* A settlement with wlt_pay: paid before under its setl_id, or by the entry behind it, where the
 * province pays that way. */
static bool add_settlement(struct lane *lane, const struct entry *entry, struct finding *finding)
{
    struct settlement s;
    struct psn_key person;
    if (!has_wlt_pay(entry->body)) return true;
    if (!body_settlement(&lane->arena, entry->body, &s) || s.psn_key.size != sizeof person)
        return lane_wrong(lane, entry->seq, finding, "no SetlPost");
    memcpy(&person, s.psn_key.data, sizeof person);
    const struct bytes setl_id = s.refd_setl_flag ? s.orig_setl_id : s.setl_id;
    const uint64_t hash = setl_hash(s.mdtrtarea_admvs / 10000, &person, setl_id);
    const struct payment *p = payment_by(lane, &lane->payment_setls, hash);
    const int64_t amount = s.amounts[AMOUNT_WLT];
    const bool inline_on =
        lane_value(lane, PARAM_WALLET_INLINE, s.insu_admdvs, entry->stamp_ms) != 0;

    if (p != NULL && !s.refd_setl_flag) {
        return !inline_on || p->amount - p->reversed == amount ||
               lane_wrong(lane, entry->seq, finding, "wlt_pay is not what was paid before");
    }
    /* A refund may have been taken back before, by a message of its own under its number. */
    if (s.refd_setl_flag ? p == NULL || taken_back(lane, &s, &person) : !inline_on) return true;
    lane->expected.settlement = entry->seq;
    lane->expected.amount = amount;
    lane->expected.setl_hash = hash;
    lane->expected.place = s.mdtrtarea_admvs;
    return true;
}

bool wallet_check_add(struct wallet_check *check, uint32_t shard, const struct entry *entry,
                      struct finding *finding)
{
    struct lane *lane = &check->lanes[shard];
    const int64_t now = entry->stamp_ms;
    if (entry->kind == ENTRY_DEBT) return add_debt(lane, entry, finding);
    const bool sweep = entry->kind == ENTRY_WALLET && entry->body.size >= 2 &&
                       le_load16(entry->body.data) == REQUEST_SWEEP;
    const bool served = entry->kind == ENTRY_WALLET || entry->kind == ENTRY_SETTLEMENT ||
                        entry->kind == ENTRY_REFUND || entry->kind == ENTRY_ADJUSTMENT ||
                        entry->kind == ENTRY_CORRECTION;
    if (entry->kind != ENTRY_WALLET || lane->expected.settlement == 0) {
        if (!check_expected(lane, finding)) return false;
    }
    if (served && !check_endings(lane, sweep ? now : now + 1, entry->seq, finding)) return false;
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_WALLET:
        return add_wallet(lane, entry, finding);
    case ENTRY_SETTLEMENT:
    case ENTRY_REFUND:
        lane->last_correction = 0;
        return add_settlement(lane, entry, finding);
    case ENTRY_CORRECTION:
        lane->last_correction = entry->orig_seq;
        return true;
    case ENTRY_CLOCK:
        lane->clock_set = true;
        return true;
    default:
        return true;
    }
}

/* -- at the end ------------------------------------------------------------------------------ */

/* What shard `from` sent to `to` against what that took: in order, byte by byte. */
static bool compare_mail(const struct wallet_check *check, uint32_t from, uint32_t to,
                         struct finding *finding)
{
    const struct items *sent = &check->lanes[from].sent[to];
    const struct items *taken = &check->lanes[to].taken[from];
    if (taken->count > sent->count) {
        return finding_set(finding,
                           "shard %u took %" PRIu64 " pieces of mail from shard %u, which sent "
                           "%" PRIu64,
                           to, taken->count, from, sent->count);
    }
    if (check->lanes[from].acked[to] > taken->count) {
        return finding_set(finding,
                           "shard %u believes that shard %u has mail up to %" PRIu64
                           ", it has taken %" PRIu64,
                           from, to, check->lanes[from].acked[to], taken->count);
    }
    struct opened senders = {0};
    struct opened takers = {0};
    for (uint64_t i = 0; i < taken->count; i++) {
        const uint8_t *a = place_open(&sent->list[i], &senders);
        const uint8_t *b = place_open(&taken->list[i], &takers);
        const size_t size = le_load16(a - 2);
        if (le_load16(b - 4) == size && a[-4] == le_load16(b - 2) && memcmp(a, b, size) == 0)
            continue;
        return finding_set(finding,
                           "mail %" PRIu64 " from shard %u to shard %u is not what was sent", i + 1,
                           from, to);
    }
    return true;
}

/* All accounts of one book, sorted and added up. */
struct ledger {
    struct standing *list;
    uint64_t count;
    uint64_t room;
    bool full;
};

static void put_ledger(void *context, enum book book, const struct psn_key *giver,
                       const struct psn_key *holder, int64_t amount)
{
    struct ledger *ledger = context;
    if (book == BOOK_AREA) return;
    if (!list_grow((void **)&ledger->list, ledger->count, &ledger->room, sizeof *ledger->list)) {
        ledger->full = true;
        return;
    }
    ledger->list[ledger->count++] =
        (struct standing){.book = book, .giver = *giver, .holder = *holder, .amount = amount};
}

static int by_account(const void *a, const void *b)
{
    return memcmp(a, b, STANDING_KEY_SIZE);
}

static void add_lane(struct ledger *ledger, const struct lane *lane)
{
    static const struct psn_key nobody;
    for (uint32_t i = 0; i < lane->persons.count; i++) {
        const struct kept_person *person = &lane->persons.list[i];
        uint32_t at = 0;
        enum person_row kind;
        struct bytes row;
        while (kept_next(person, &at, &kind, &row))
            books_row(kind, row, &person->key, 1, put_ledger, ledger);
    }
    for (uint32_t i = 0; i < lane->payment_count; i++) {
        const struct payment *p = &lane->payments[i];
        struct lot used[PAY_LOTS_MAX];
        uint32_t count = used_of(p, used);
        int64_t back = p->reversed;
        while (count-- != 0) {
            const int64_t part = used[count].amount < back ? used[count].amount : back;
            back -= part;
            put_ledger(ledger, BOOK_SPENT, &used[count].origin, &nobody, part - used[count].amount);
        }
    }
}

/* What was sent and not taken counts as arrived. */
static void add_on_way(struct ledger *ledger, const struct wallet_check *check, uint32_t from,
                       uint32_t to)
{
    const struct items *sent = &check->lanes[from].sent[to];
    struct opened its = {0};
    for (uint64_t i = check->lanes[to].taken[from].count; i < sent->count; i++) {
        struct effect effect;
        const uint8_t *data = place_open(&sent->list[i], &its);
        if (data[-4] != OP_EFFECT) continue;
        if (read_effect((struct bytes){data, le_load16(data - 2)}, &effect))
            books_effect(&effect, 1, put_ledger, ledger);
    }
}

static bool check_ledger(struct ledger *ledger, struct finding *finding)
{
    static const struct psn_key others;
    if (ledger->full) return finding_set(finding, "out of memory");
    if (ledger->count != 0) qsort(ledger->list, ledger->count, sizeof *ledger->list, by_account);
    for (uint64_t i = 0; i < ledger->count;) {
        const struct standing *a = &ledger->list[i];
        /* The key of zeros is a giver's first: holders without rows, counted together. */
        const bool together = a->book == BOOK_HOLDER && kept_same_key(&a->holder, &others);
        const size_t same = together ? offsetof(struct standing, holder) : STANDING_KEY_SIZE;
        int64_t sum = 0;
        for (; i < ledger->count && memcmp(a, &ledger->list[i], same) == 0; i++)
            sum += ledger->list[i].amount;
        if (sum == 0) continue;
        return finding_set(finding, "giver %s: %s %s by %lld fen at the end of all journals",
                           person_text(&a->giver),
                           a->book == BOOK_HOLDER ? "differs from holder"
                                                  : "consumed is not what payments used,",
                           a->book == BOOK_HOLDER ? person_text(&a->holder) : "", (long long)sum);
    }
    return true;
}

/* (I8), (I9) */
static bool check_nets(const struct wallet_check *check, struct finding *finding)
{
    int64_t all = 0;
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        int64_t debts = 0;
        int64_t direct = 0;
        int64_t via = 0;
        for (uint32_t s = 0; s < check->shards; s++) {
            debts += check->lanes[s].net_debts[p];
            direct += check->lanes[s].net_direct[p];
            via += check->lanes[s].net_via[p];
        }
        all += debts;
        if (debts == direct && debts == via) continue;
        return finding_set(finding,
                           "province %u: net of wallet debts %lld fen, directly %lld, by way of "
                           "the usage location %lld",
                           province_codes[p], (long long)debts, (long long)direct, (long long)via);
    }
    return all == 0 || finding_set(finding, "the net of wallet debts is not zero");
}

bool wallet_check_finish(struct wallet_check *check, struct finding *finding)
{
    struct ledger ledger = {0};
    for (uint32_t from = 0; from < check->shards; from++) {
        if (!check_expected(&check->lanes[from], finding)) return false;
        for (uint32_t to = 0; to < check->shards; to++) {
            if (!compare_mail(check, from, to, finding)) return false;
        }
    }
    for (uint32_t from = 0; from < check->shards; from++) {
        add_lane(&ledger, &check->lanes[from]);
        for (uint32_t to = 0; to < check->shards; to++)
            add_on_way(&ledger, check, from, to);
    }
    const bool good = check_ledger(&ledger, finding) && check_nets(check, finding);
    free(ledger.list);
    return good;
}

bool wallet_check_next_id(struct bytes *ops, struct bytes *person, struct wallet_id_op *ret_id)
{
    struct read_op op;
    bool bad;
    while (read_op(ops, &op, &bad)) {
        if (op.op == OP_PERSON) *person = (struct bytes){op.data.data, PSN_KEY_SIZE};
        if (op.op != OP_ID || op.data.size < 4) continue;
        const char domain = (char)op.kind;
        *ret_id = (struct wallet_id_op){
            .domain = domain,
            .scoped = domain != ID_WALLET && domain != ID_RELATION && domain != ID_TRANSFER &&
                      domain != ID_PAYMENT,
            .scope = le_load32(op.data.data),
            .text = {op.data.data + 4, op.data.size - 4},
        };
        return true;
    }
    return false;
}

struct wallet_counts wallet_check_counts(const struct wallet_check *check)
{
    struct wallet_counts counts = {0};
    for (uint32_t s = 0; s < check->shards; s++) {
        const struct lane *lane = &check->lanes[s];
        counts.persons += lane->persons.count;
        counts.entries += lane->entries;
        counts.payments += lane->payment_count;
        counts.debts += lane->debt_count;
        for (uint32_t from = 0; from < check->shards; from++) {
            counts.mail += lane->taken[from].count;
            counts.on_way += check->lanes[from].sent[s].count - lane->taken[from].count;
        }
    }
    return counts;
}
