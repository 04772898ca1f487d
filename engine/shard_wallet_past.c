/* shard_wallet_past -- what was decided before: entries found by their ids, what they said, and
 * what became of a payment or transfer since. Changes nothing. */
#include <stdlib.h>

#include "codec/messages.h"
#include "codec/wallet.h"
#include "shard_wallet_work.h"
#include "types/ensure.h"
#include "util/le.h"

/* -- entries found by ids -------------------------------------------------------------------- */

static bool same_id(const struct op *op, const struct wallet_id *id)
{
    const size_t size = strlen(id->text);
    return op->op == OP_ID && op->kind == (uint8_t)id->domain &&
           le_load32(op->data.data) == id->scope && op->data.size == 4 + size &&
           memcmp(op->data.data + 4, id->text, size) == 0;
}

/* True when the entry put that id, for that person where it is one of a person. */
static bool has_id(const struct wallet_entry *entry, const struct psn_key *person,
                   const struct wallet_id *id)
{
    const bool scoped = wallet_id_scoped(id->domain);
    struct bytes ops = entry->ops;
    bool its = !scoped || person == NULL;
    struct op op;
    bool bad;

    while (ops_next(&ops, &op, &bad)) {
        if (op.op == OP_PERSON && scoped) {
            its = person != NULL && memcmp(op.data.data, person->bytes, PSN_KEY_SIZE) == 0;
        }
        if (its && same_id(&op, id)) return true;
    }
    return false;
}

void entry_read_said(const struct wallet_entry *entry, struct found_said *ret_said)
{
    struct bytes ops = entry->ops;
    struct op op;
    bool bad;

    memset(&ret_said->said, 0, sizeof ret_said->said);
    ret_said->used_count = 0;
    while (ops_next(&ops, &op, &bad)) {
        if (op.op == OP_SAID) {
            memcpy(&ret_said->said, op.data.data, sizeof ret_said->said);
        } else if (op.op == OP_USED) {
            ENSURE(ret_said->used_count < PAY_LOTS_MAX);
            memcpy(&ret_said->used[ret_said->used_count++], op.data.data, sizeof(struct lot));
        }
    }
    ENSURE(!bad);
}

/* What the latest entry about a transfer or payment is and said; false: there is none. */
bool entry_read_latest(const struct shard *shard, uint64_t seq, uint16_t *ret_type,
                       struct found_said *ret_said)
{
    const struct mark mark = mark_of(shard, seq);
    struct wallet_entry its;

    struct entry latest;
    if (mark.last_seq == 0 || !entry_at(shard, mark.last_seq, &latest)) return false;
    ENSURE(wallet_entry_decode(latest.body, &its));
    entry_read_said(&its, ret_said);
    *ret_type = its.type;
    return true;
}

bool entry_find_later(const struct shard *shard, uint64_t seq, uint16_t type,
                      struct entry *ret_entry, struct wallet_entry *ret_its)
{
    uint64_t next = mark_of(shard, seq).last_seq;
    while (next > seq && entry_at(shard, next, ret_entry)) {
        ENSURE(wallet_entry_decode(ret_entry->body, ret_its));
        if (ret_its->type == type) return true;
        next = ret_entry->prev_seq;
    }
    return false;
}

/* A premium that was taken back altogether may be paid again: its key counts no more. */
static bool key_is_free(const struct shard *shard, const struct entry *entry,
                        const struct wallet_entry *its, const struct wallet_id *id)
{
    struct found_said found;
    if (its->type != MESSAGE_PREM_PAY || id->domain != ID_CLIENT) return false;
    entry_read_said(its, &found);
    return -mark_of(shard, entry->seq).changes[AMOUNT_WLT] == found.said.amount;
}

bool wallet_find_id(const struct shard *shard, const struct psn_key *person,
                    const struct wallet_id *id, struct entry *ret_entry,
                    struct wallet_entry *ret_its)
{
    return wallet_find_hash(shard, hash_wallet_id(shard, person, id), person, id, ret_entry,
                            ret_its);
}

bool wallet_find_hash(const struct shard *shard, uint64_t hash, const struct psn_key *person,
                      const struct wallet_id *id, struct entry *ret_entry,
                      struct wallet_entry *ret_its)
{
    struct lookup lookup;
    lookup_begin(shard, hash, &lookup);
    while (lookup_next(shard, &lookup, ret_entry)) {
        if (ret_entry->kind != ENTRY_WALLET) continue;
        ENSURE(wallet_entry_decode(ret_entry->body, ret_its));
        if (has_id(ret_its, person, id) && !key_is_free(shard, ret_entry, ret_its, id)) return true;
    }
    return false;
}

bool entry_first_person(const struct wallet_entry *entry, struct psn_key *ret_person)
{
    struct bytes ops = entry->ops;
    struct op op;
    bool bad;
    while (ops_next(&ops, &op, &bad)) {
        if (op.op != OP_PERSON) continue;
        memcpy(ret_person->bytes, op.data.data, PSN_KEY_SIZE);
        return true;
    }
    return false;
}

/* The first answer, for whoever asks again. */
void work_answer_again(struct wallet_work *w, const struct entry *entry,
                       const struct wallet_entry *its)
{
    struct found_said found;
    entry_read_said(its, &found);
    w->dup = true;
    w->seq = entry->seq;
    w->stamp_ms = entry->stamp_ms;
    w->said = found.said;
    w->used_count = found.used_count;
    memcpy(w->used, found.used, found.used_count * sizeof w->used[0]);
}

/* -- the past -------------------------------------------------------------------------------- */

static uint32_t premium_line(uint32_t insutype)
{
    return insutype == 390 ? LINE_PREMIUM_RESIDENT : LINE_PREMIUM_CARE;
}

/* How a transfer ended, by what its last entry was about; and of one that was refused, why. */
static uint32_t transfer_end(const struct shard *shard, uint64_t seq, uint32_t *ret_code)
{
    struct found_said found;
    uint16_t type;

    if (!entry_read_latest(shard, seq, &type, &found)) return STAS_PENDING;
    if (found.said.stas == STAS_REFUSED) *ret_code = found.said.number;
    switch (type) {
    case MESSAGE_TRSF_ACCEPT:
        return STAS_ACCEPTED;
    case MESSAGE_TRSF_DECLINE:
    case REQUEST_MAIL: /* The receiver's wallet was closed meanwhile. */
        return STAS_DECLINED;
    case MESSAGE_PA_HOLD_ACK:
        return found.said.stas;
    case REQUEST_SWEEP:
        return found.said.stas == STAS_REFUSED ? STAS_REFUSED : STAS_EXPIRED;
    default: /* The centre's word, a relation or a wallet that ended. */
        return STAS_VOIDED;
    }
}

/* The area in the middle, where its debts went by one: who is owed is not at the place. */
static uint32_t via_of(const struct shard *shard, uint64_t seq, uint32_t place)
{
    for (uint64_t next = seq + 1; next <= shard->last_seq; next++) {
        struct entry entry;
        struct settlement s;
        if (!entry_at(shard, next, &entry)) break;
        if (entry.kind != ENTRY_DEBT || entry.orig_seq != seq) break;
        (void)debt_posting(&entry, &s);
        if (s.mdtrtarea_admvs / 10000 != place / 10000) return s.mdtrtarea_admvs;
    }
    return 0;
}

/* What the message of a payment or transfer said. */
static void past_of_message(const struct wallet_entry *its, struct wallet_past *past)
{
    struct wallet_order order;
    struct settlement s;
    uint32_t field;

    past->line = LINE_WALLET_CARE;
    if (its->type == MESSAGE_SETL_POST) {
        ENSURE(settlement_decode(its->message, &s, &field));
        past->place = s.mdtrtarea_admvs;
        past->insutype = s.insutype;
        past->setl_id = s.setl_id;
        return;
    }
    ENSURE(wallet_order_decode(its->type, its->message, &order, &field));
    if (order.other_key.size == PSN_KEY_SIZE) past->other = psn_key_of(order.other_key);
    past->place = order.mdtrtarea_admvs;
    past->insutype = order.insutype;
    past->year = order.year;
    past->setl_id = order.setl_id;
    if (its->type == MESSAGE_PREM_PAY) {
        struct wallet_fact fact; /* The area is the one that the insured person's shard said. */
        ENSURE(its->fact.size == sizeof fact);
        memcpy(&fact, its->fact.data, sizeof fact);
        past->place = fact.insu_admdvs;
        past->line = premium_line(order.insutype);
    }
    if (past->amount == 0) past->amount = order.amount;
}

void wallet_past_of(const struct shard *shard, const struct entry *entry,
                    const struct wallet_entry *its, struct wallet_past *ret_past)
{
    struct found_said found;
    entry_read_said(its, &found);
    *ret_past = (struct wallet_past){
        .found = true,
        .type = its->type,
        .seq = entry->seq,
        .amount = found.said.amount,
        .reversed = -mark_of(shard, entry->seq).changes[AMOUNT_WLT],
        .orig_period = entry->orig_period,
        .used_count = found.used_count,
    };
    memcpy(ret_past->id, found.said.id, sizeof ret_past->id);
    memcpy(ret_past->used, found.used, found.used_count * sizeof found.used[0]);
    ENSURE(entry_first_person(its, &ret_past->person));
    past_of_message(its, ret_past);
    if (its->type == MESSAGE_TRSF_SUBMIT) { /* It owes nothing to anybody. */
        ret_past->stas = transfer_end(shard, entry->seq, &ret_past->code);
    } else {
        ret_past->via = via_of(shard, entry->seq, ret_past->place);
    }
}

/* -- transfers begun lately ------------------------------------------------------------------ */

#define RECENT_BITS  15 /* So many: some times the transfers that wait for their receivers here. */
#define RECENT_SLOTS ((size_t)2 << RECENT_BITS)
#define RECENT_MASK  ((UINT64_C(1) << RECENT_BITS) - 1)

/* In order of arrival, so that those of a moment ago lie together, in few pages; what is older than
 * the ring is long goes. A slot names a place in it: the last one that has the slot. What stands at
 * that place may be another transfer by now, so ids are compared. */
struct recent_transfers {
    uint64_t count; /* Ever put. */
    uint16_t slots[RECENT_SLOTS];
    struct recent_transfer list[(size_t)1 << RECENT_BITS];
};

_Static_assert(RECENT_MASK <= UINT16_MAX, "a slot holds any place");

struct recent_transfers *recent_new(void)
{
    return calloc(1, sizeof(struct recent_transfers));
}

size_t recent_bytes(void)
{
    return sizeof(struct recent_transfers);
}

/* The end of an id of ours is a hash in digits; any other text does no harm. */
static uint16_t *recent_slot(const struct shard *shard, struct bytes trsf_id)
{
    uint64_t end[2] = {0};
    const size_t size = trsf_id.size < sizeof end ? trsf_id.size : sizeof end;
    if (size != 0) memcpy(end, trsf_id.data + trsf_id.size - size, size);
    const uint64_t hash = (end[0] ^ end[1] * 31) * UINT64_C(0x9e3779b97f4a7c15);
    return &shard->recent->slots[hash >> 32 & (RECENT_SLOTS - 1)];
}

void recent_put(struct shard *shard)
{
    const struct wallet_work *w = shard->work;
    /* What it holds back of the wallet's lots only the entry says. */
    if (w->order.type != MESSAGE_TRSF_SUBMIT || !w->has_person || w->used_count != 0) return;
    const uint64_t place = shard->recent->count++ & RECENT_MASK;
    struct recent_transfer *recent = &shard->recent->list[place];
    *recent = (struct recent_transfer){
        .seq = w->seq,
        .amount = w->said.amount != 0 ? w->said.amount : w->order.amount,
        .giver = w->after.key,
        .receiver = psn_key_of(w->order.other_key),
    };
    memcpy(recent->trsf_id, w->said.id, sizeof recent->trsf_id);
    *recent_slot(shard, bytes_of(w->said.id)) = (uint16_t)place;
}

const struct recent_transfer *recent_find(const struct shard *shard, struct bytes trsf_id)
{
    const struct recent_transfer *recent = &shard->recent->list[*recent_slot(shard, trsf_id)];
    return recent->seq != 0 && bytes_equal(bytes_of(recent->trsf_id), trsf_id) ? recent : NULL;
}

void recent_ahead(const struct shard *shard, struct bytes trsf_id)
{
    __builtin_prefetch(recent_slot(shard, trsf_id));
}

/* What wallet_past_of() makes of its entry. It has used nothing, and nearly always nothing has come
 * of it yet: only another one's last entry is looked at. */
static void past_of_recent(const struct shard *shard, const struct recent_transfer *recent,
                           struct wallet_past *ret_past)
{
    const struct mark mark = mark_of(shard, recent->seq);
    memset(ret_past, 0, offsetof(struct wallet_past, used));
    ret_past->found = true;
    ret_past->type = MESSAGE_TRSF_SUBMIT;
    ret_past->seq = recent->seq;
    ret_past->person = recent->giver;
    ret_past->other = recent->receiver;
    memcpy(ret_past->id, recent->trsf_id, sizeof ret_past->id);
    ret_past->amount = recent->amount;
    ret_past->reversed = -mark.changes[AMOUNT_WLT];
    ret_past->line = LINE_WALLET_CARE;
    ret_past->stas =
        mark.last_seq == 0 ? STAS_PENDING : transfer_end(shard, recent->seq, &ret_past->code);
}

/* -- what an order refers to ----------------------------------------------------------------- */

/* What an order refers to: the id, and what is answered when there is nothing of that name. */
struct reference {
    struct wallet_id id;
    uint32_t code;
    uint32_t field;
};

/* False when the order refers to no payment or transfer, or is refused. */
static bool reference_of(struct wallet_work *w, struct reference *ret_reference)
{
    const struct wallet_order *o = &w->order;
    if (o->trsf_id.size != 0) {
        *ret_reference = (struct reference){wallet_id_of(ID_TRANSFER, 0, o->trsf_id),
                                            ERROR_NO_TRANSFER, WALLET_FIELD(o->type, trsf_id)};
        return true;
    }
    if (o->pay_id.size != 0) {
        *ret_reference = (struct reference){wallet_id_of(ID_PAYMENT, 0, o->pay_id),
                                            o->type == MESSAGE_PREM_REVERSE ? ERROR_NO_PREMIUM
                                                                            : ERROR_NO_PAYMENT,
                                            WALLET_FIELD(o->type, pay_id)};
        return true;
    }
    if (o->type != MESSAGE_WLT_PAY_REVERSE) return false;
    *ret_reference =
        (struct reference){wallet_id_of(ID_PAID, o->mdtrtarea_admvs / 10000, o->setl_id),
                           ERROR_NO_PAYMENT, WALLET_FIELD(o->type, setl_id)};
    if (o->psn_key.size == 0) {
        work_refuse(w, ERROR_MALFORMED, WALLET_FIELD(o->type, psn_key), CHECK_MISSING, 0, 0);
        return false;
    }
    return true;
}

static bool past_fits(const struct wallet_order *order, const struct wallet_past *past)
{
    if (order->psn_key.size != 0 &&
        memcmp(order->psn_key.data, past->person.bytes, PSN_KEY_SIZE) != 0) {
        return false;
    }
    if (order->type == MESSAGE_PREM_REVERSE) return past->type == MESSAGE_PREM_PAY;
    if (order->type == MESSAGE_WLT_PAY_REVERSE) return past->type != MESSAGE_PREM_PAY;
    return true;
}

void work_find_past(const struct shard *shard, struct wallet_work *w)
{
    struct reference reference;
    struct entry entry;
    struct wallet_entry its;
    struct psn_key person;
    const struct psn_key *whose = NULL;

    const struct recent_transfer *recent =
        w->order.trsf_id.size == 0 ? NULL : recent_find(shard, w->order.trsf_id);
    if (recent != NULL) {
        past_of_recent(shard, recent, &w->past);
        if (past_fits(&w->order, &w->past)) return;
    }
    if (!reference_of(w, &reference)) return;
    if (w->order.psn_key.size != 0) {
        person = psn_key_of(w->order.psn_key);
        whose = &person;
    }
    if (wallet_find_id(shard, whose, &reference.id, &entry, &its)) {
        wallet_past_of(shard, &entry, &its, &w->past);
        if (past_fits(&w->order, &w->past)) return;
    }
    w->past.found = false;
    work_refuse(w, reference.code, reference.field, CHECK_NONE, 0, 0);
}
