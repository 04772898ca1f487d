#include "shard_history.h"

#include "codec/mail.h"
#include "codec/messages.h"
#include "codec/wallet.h"
#include "types/ensure.h"
#include "util/le.h"

/* -- what an entry holds --------------------------------------------------------------------- */

/* What is of use of an entry's ops. */
struct reading {
    struct wallet_entry entry;
    bool has_said;
    struct wallet_said said;
    char client_no[CLIENT_NO_SIZE]; /* Of ids: the sender's number … */
    char setl_id[CLIENT_NO_SIZE];   /* … or of a payment. */
    uint32_t returned_count;
    struct outgoing returned[TRANSFERS_MAX]; /* What the platform is told of ended transfers. */
    uint64_t before;
};

static void copy_text(struct bytes from, char *out, size_t room)
{
    const size_t size = from.size < room ? from.size : room - 1;
    memset(out, 0, room);
    if (size != 0) memcpy(out, from.data, size);
}

static void read_id(const struct op *op, struct reading *r)
{
    const struct bytes text = {op->data.data + 4, op->data.size - 4};
    switch (op->kind) {
    case ID_CLIENT:
    case ID_REVERSAL:
    case ID_FILING:
        copy_text(text, r->client_no, sizeof r->client_no);
        return;
    case ID_PAID:
        copy_text(text, r->setl_id, sizeof r->setl_id);
        return;
    default:
        return;
    }
}

static void read_out(const struct op *op, struct reading *r)
{
    struct outgoing out;
    memcpy(&out, op->data.data, sizeof out);
    if (out.type != OUT_TRSF_RETURNED || out.dest != OUTBOX_APP) return;
    if (r->returned_count < TRANSFERS_MAX) r->returned[r->returned_count++] = out;
}

/* The ops of `person`; those of others, in a batch of mail, are passed over. */
static void read_entry(const struct entry *entry, const struct psn_key *person, struct reading *r)
{
    struct bytes ops;
    struct op op;
    bool bad;
    bool is_theirs = false;
    memset(r, 0, sizeof *r);
    ENSURE(wallet_entry_decode(entry->body, &r->entry));
    ops = r->entry.ops;
    while (ops_next(&ops, &op, &bad)) {
        if (op.op == OP_PERSON) {
            is_theirs = memcmp(op.data.data, person->bytes, PSN_KEY_SIZE) == 0;
            if (is_theirs) r->before = le_load64(op.data.data + PSN_KEY_SIZE);
        }
        if (!is_theirs) continue;
        if (op.op == OP_ID) read_id(&op, r);
        if (op.op == OP_OUT) read_out(&op, r);
        if (op.op == OP_SAID) {
            memcpy(&r->said, op.data.data, sizeof r->said);
            r->has_said = true;
        }
    }
    ENSURE(!bad);
}

/* -- records --------------------------------------------------------------------------------- */

/* Adds a record with kind and words; NULL when the list is full. */
static struct wallet_record *add(struct history *history, const struct entry *entry, uint32_t kind,
                                 const char *what)
{
    if (history->count == HISTORY_RECORDS_MAX) return NULL;
    struct wallet_record *record = &history->list[history->count++];
    memset(record, 0, sizeof *record);
    record->seq = entry->seq;
    record->at_ms = entry->stamp_ms;
    record->kind = kind;
    record->what = what;
    return record;
}

static const char *why_returned(uint32_t stas)
{
    switch (stas) {
    case STAS_DECLINED:
        return "declined";
    case STAS_EXPIRED:
        return "expired";
    case STAS_VOIDED:
        return "voided";
    case STAS_REFUSED:
        return "refused";
    default:
        return "";
    }
}

static void add_returned(struct history *history, const struct entry *entry, const char *id,
                         int64_t amount, uint32_t stas)
{
    struct wallet_record *record = add(history, entry, RECORDS_TRANSFER, "returned");
    if (record == NULL) return;
    copy_text(bytes_of(id), record->id, sizeof record->id);
    copy_text(bytes_of(why_returned(stas)), record->ref, sizeof record->ref);
    record->amount = amount;
}

/* -- messages -------------------------------------------------------------------------------- */

/* Which member of the message says the record's area. */
enum area_of {
    AREA_NONE,
    AREA_USE_LOC,
    AREA_PLACE,   /* mdtrtarea_admvs */
    AREA_INSURED, /* insu_admdvs */
    AREA_FILED,   /* place */
};

/* clang-format off -- a table is read as a table */
static const struct telling {
    uint16_t type;
    uint8_t kind; /* enum wallet_record_kind */
    uint8_t area; /* enum area_of */
    const char *what;
} tellings[] = {
    {MESSAGE_WLT_OPEN, RECORDS_WALLET, AREA_USE_LOC, "opened"},
    {MESSAGE_WLT_USE_LOC_CHG, RECORDS_USAGE, AREA_USE_LOC, "changed"},
    {MESSAGE_WLT_CLOSE, RECORDS_WALLET, AREA_NONE, "closed"},
    {MESSAGE_WLT_FREEZE, RECORDS_WALLET, AREA_NONE, "frozen"},
    {MESSAGE_WLT_UNFREEZE, RECORDS_WALLET, AREA_NONE, "unfrozen"},
    {MESSAGE_RLTS_BIND, RECORDS_RELATION, AREA_NONE, "bound"},
    {MESSAGE_RLTS_UNBIND, RECORDS_RELATION, AREA_NONE, "unbound"},
    {MESSAGE_PSN_STATE_PUSH, RECORDS_WALLET, AREA_INSURED, "insured"},
    {MESSAGE_TRSF_SUBMIT, RECORDS_TRANSFER, AREA_NONE, "submitted"},
    {MESSAGE_TRSF_ACCEPT, RECORDS_TRANSFER, AREA_NONE, "accepted"},
    {MESSAGE_PA_HOLD_ACK, RECORDS_TRANSFER, AREA_NONE, "held"},
    {MESSAGE_PA_GRANT, RECORDS_WALLET, AREA_INSURED, "granted"},
    {MESSAGE_WLT_PAY_PRE, RECORDS_PAYMENT, AREA_PLACE, "reserved"},
    {MESSAGE_WLT_PAY, RECORDS_PAYMENT, AREA_PLACE, "paid"},
    {MESSAGE_WLT_PAY_REVERSE, RECORDS_PAYMENT, AREA_PLACE, "reversed"},
    {MESSAGE_LMT_RECLAIM, RECORDS_RELATION, AREA_NONE, "reclaimed"},
    {MESSAGE_PREM_QUOTE, RECORDS_PREMIUM, AREA_INSURED, "asked"},
    {MESSAGE_PREM_DUE, RECORDS_PREMIUM, AREA_INSURED, "due"},
    {MESSAGE_PREM_PAY, RECORDS_PREMIUM, AREA_INSURED, "paid"},
    {MESSAGE_PREM_REVERSE, RECORDS_PREMIUM, AREA_NONE, "reversed"},
    {MESSAGE_AUTH_SWITCH_PUSH, RECORDS_WALLET, AREA_INSURED, "switched"},
    {MESSAGE_FILING_PUSH, RECORDS_WALLET, AREA_FILED, "filed"},
};
/* clang-format on */

static uint32_t area_of(uint8_t which, const struct wallet_order *order)
{
    switch (which) {
    case AREA_USE_LOC:
        return order->use_loc_admdvs;
    case AREA_PLACE:
        return order->mdtrtarea_admvs;
    case AREA_INSURED:
        return order->insu_admdvs;
    case AREA_FILED:
        return order->place;
    default:
        return 0;
    }
}

/* What a record's `ref` says: the sender's number, or the state that was pushed. */
static const char *ref_of(const struct reading *r, const struct wallet_order *order)
{
    static const char *const states[] = {"", "normal", "paused", "ended"};
    if (r->entry.type == MESSAGE_PSN_STATE_PUSH) {
        return order->use < sizeof states / sizeof states[0] ? states[order->use] : "";
    }
    if (r->entry.type == MESSAGE_AUTH_SWITCH_PUSH) return order->flag ? "on" : "off";
    if (r->entry.type == MESSAGE_PREM_PAY) return r->said.order_no; /* Its key is no number. */
    return r->setl_id[0] != '\0' ? r->setl_id : r->client_no;
}

static void tell_message(const struct telling *telling, const struct reading *r,
                         const struct entry *entry, struct history *history)
{
    struct wallet_order order;
    uint32_t field;
    struct wallet_record *record = add(history, entry, telling->kind, telling->what);
    if (record == NULL) return;
    if (!wallet_order_decode(r->entry.type, r->entry.message, &order, &field)) {
        memset(&order, 0, sizeof order);
    }
    copy_text(bytes_of(r->said.id), record->id, sizeof record->id);
    copy_text(bytes_of(ref_of(r, &order)), record->ref, sizeof record->ref);
    record->admdvs = area_of(telling->area, &order);
    record->amount = r->has_said && r->said.amount != 0 ? r->said.amount : order.amount;
    if (r->entry.type == MESSAGE_WLT_USE_LOC_CHG) record->old_admdvs = order.old_use_loc_admdvs;
    /* A hold that the province refused ends the transfer: that is told as returned. */
    if (r->entry.type == MESSAGE_PA_HOLD_ACK && r->returned_count != 0) history->count--;
}

/* Where that was paid what is taken back, as its givers are told: a correction does not say. */
static uint32_t place_told(struct bytes ops)
{
    struct effect effect;
    struct op op;
    bool bad;
    uint32_t place = 0;
    while (ops_next(&ops, &op, &bad)) {
        if (op.op != OP_EFFECT || !effect_decode(op.data, &effect)) continue;
        if (effect.kind == EFFECT_HELD) place = effect.admdvs;
    }
    return place;
}

/* A settlement with a wallet's part, or one that was taken back: ids of payments begin with P. */
static void tell_settlement(const struct reading *r, const struct entry *entry,
                            struct history *history)
{
    const bool is_paid = r->said.id[0] == 'P';
    struct settlement s;
    uint32_t field;
    struct wallet_record *record =
        add(history, entry, RECORDS_PAYMENT, is_paid ? "paid" : "reversed");
    if (record == NULL) return;
    copy_text(bytes_of(r->said.id), record->id, sizeof record->id);
    copy_text(bytes_of(r->setl_id), record->ref, sizeof record->ref);
    record->amount = r->said.amount;
    record->admdvs = place_told(r->entry.ops);
    if (r->entry.type != MESSAGE_SETL_POST || r->entry.message.size == 0) return;
    if (!settlement_decode(r->entry.message, &s, &field)) return;
    if (record->ref[0] == '\0') copy_text(s.setl_id, record->ref, sizeof record->ref);
}

/* -- effects of others ----------------------------------------------------------------------- */

static const char *what_of_held(uint32_t why)
{
    switch (why) {
    case HELD_MOVED:
        return "passed_on";
    case HELD_SPENT:
        return "consumed";
    case HELD_RESTORED:
        return "restored";
    case HELD_RELEASED:
    case HELD_RETURNED_SPENT:
        return "released";
    default:
        return NULL;
    }
}

/* "paid" is said to the payer, who may be the same person. */
static const char *what_of_premium(uint32_t state)
{
    return state == PREMIUM_REVERSED ? "reversed" : "covered";
}

/* Kind and words of an effect; NULL: it is told by another one, or concerns nobody. */
static const char *what_of_effect(const struct effect *effect, uint32_t *ret_kind)
{
    *ret_kind = RECORDS_TRANSFER;
    switch ((enum effect_kind)effect->kind) {
    case EFFECT_OFFER:
        return "offered";
    case EFFECT_OFFER_END:
        return effect->why == STAS_ACCEPTED ? NULL : "returned";
    case EFFECT_CREDIT:
        return "received";
    case EFFECT_RELATION:
        *ret_kind = RECORDS_RELATION;
        return "bound";
    case EFFECT_RELATION_END:
        *ret_kind = RECORDS_RELATION;
        return "unbound";
    case EFFECT_RECALL:
        *ret_kind = RECORDS_RELATION;
        return "recalled";
    case EFFECT_HELD:
        return what_of_held(effect->why);
    case EFFECT_PREMIUM:
        *ret_kind = RECORDS_PREMIUM;
        return what_of_premium(effect->why);
    case EFFECT_OFFER_REFUSED: /* The return is told. */
    case EFFECT_CONTINUE:
    case EFFECT_OUT:
    case EFFECT_KIND_END:
        break;
    }
    return NULL;
}

/* Of a credit the giver's area. Where none is said the money is of the giver's account, and its lot
 * says it; what was passed on out of a wallet in older journals may say neither. */
static uint32_t area_told(const struct effect *effect)
{
    if (effect->kind != EFFECT_CREDIT || effect->admdvs != 0) return effect->admdvs;
    const bool is_own = effect->lot_count == 1 && psn_same(&effect->lots[0].origin, &effect->other);
    return is_own ? effect->lots[0].origin_admdvs : 0;
}

static void tell_effect(const struct effect *effect, const struct entry *entry,
                        struct history *history)
{
    uint32_t kind;
    const char *what = what_of_effect(effect, &kind);
    if (what == NULL) return;
    struct wallet_record *record = add(history, entry, kind, what);
    if (record == NULL) return;
    copy_text(bytes_of(effect->id), record->id, sizeof record->id);
    record->amount = effect->amount;
    record->admdvs = area_told(effect);
    if (effect->kind == EFFECT_OFFER_END) {
        copy_text(bytes_of(why_returned(effect->why)), record->ref, sizeof record->ref);
    }
}

static void tell_mail(const struct reading *r, const struct entry *entry,
                      const struct psn_key *person, struct history *history)
{
    struct mail_batch batch;
    struct bytes data;
    uint16_t op;
    if (!mail_decode(r->entry.message, &batch)) return;
    while (mail_next(&batch.items, &op, &data)) {
        struct effect effect;
        if (op != OP_EFFECT || !effect_decode(data, &effect)) continue;
        if (psn_same(&effect.to, person)) tell_effect(&effect, entry, history);
    }
}

/* -- an entry -------------------------------------------------------------------------------- */

static const struct telling *telling_of(uint16_t type)
{
    for (size_t i = 0; i < sizeof tellings / sizeof tellings[0]; i++) {
        if (tellings[i].type == type) return &tellings[i];
    }
    return NULL;
}

void history_of(const struct entry *entry, const struct psn_key *person,
                struct history *ret_history)
{
    struct reading r;
    read_entry(entry, person, &r);
    ret_history->before = r.before;
    ret_history->count = 0;
    const struct telling *telling = telling_of(r.entry.type);
    if (telling != NULL) {
        tell_message(telling, &r, entry, ret_history);
    } else if (r.entry.type == REQUEST_MAIL) {
        tell_mail(&r, entry, person, ret_history);
    } else if (r.entry.type == MESSAGE_SETL_POST || r.entry.type == MESSAGE_SETL_REVERSE ||
               r.entry.type == MESSAGE_CORRECTION) {
        tell_settlement(&r, entry, ret_history);
    }
    for (uint32_t i = 0; i < r.returned_count; i++) {
        char id[WALLET_ID_SIZE];
        const struct outgoing *out = &r.returned[i];
        copy_text(bytes_of(out->id), id, sizeof id);
        add_returned(ret_history, entry, id, out->amount, out->why);
    }
}

/* -- payments -------------------------------------------------------------------------------- */

static void add_used(struct bytes ops, struct payment *payment)
{
    struct op op;
    bool bad;
    while (ops_next(&ops, &op, &bad)) {
        if (op.op != OP_USED || payment->used_count == PAY_LOTS_MAX) continue;
        memcpy(&payment->used[payment->used_count++], op.data.data, sizeof(struct lot));
    }
}

/* Takes a part of a lot off what was used. */
static void take_off(const struct lot *back, struct payment *payment)
{
    for (uint32_t i = 0; i < payment->used_count; i++) {
        if (payment->used[i].number == back->number) payment->used[i].amount -= back->amount;
    }
}

/* What a reversal gave back; with `is_before` the lots are as if that had not been paid. */
static int64_t read_back(struct bytes ops, bool is_before, struct payment *payment)
{
    struct op op;
    bool bad;
    int64_t sum = 0;
    while (ops_next(&ops, &op, &bad)) {
        struct lot lot;
        if (op.op != OP_USED) continue;
        memcpy(&lot, op.data.data, sizeof lot);
        if (is_before) take_off(&lot, payment);
        sum += lot.amount;
    }
    return sum;
}

/* Those that came before the settlement lower what it was paid with; the others are listed. */
static void add_reversals(const struct shard *shard, uint64_t settled, uint64_t paid,
                          const struct psn_key *person, struct payment *payment)
{
    uint64_t seq = mark_of(shard, paid).last_seq;
    while (seq != 0 && seq != paid && payment->reversal_count < REVERSALS_MAX) {
        struct entry entry;
        struct reading r;
        if (!entry_at(shard, seq, &entry)) return;
        seq = entry.prev_seq;
        if (entry.kind != ENTRY_WALLET) continue;
        read_entry(&entry, person, &r);
        if (r.entry.type != MESSAGE_WLT_PAY_REVERSE) continue;
        const int64_t amount = read_back(r.entry.ops, entry.seq < settled, payment);
        if (entry.seq < settled) continue;
        struct payment_reversal *reversal = &payment->reversals[payment->reversal_count++];
        *reversal =
            (struct payment_reversal){.seq = entry.seq, .amount = amount, .period = r.said.period};
        memcpy(reversal->number, r.client_no, sizeof reversal->number);
    }
}

/* The entry of the payment with that settlement's number; false: there is none. */
static bool find_payment(const struct shard *shard, const struct settlement *s,
                         const struct psn_key *person, struct entry *ret_entry)
{
    struct wallet_id id = {.domain = ID_PAID, .scope = s->mdtrtarea_admvs / 10000};
    struct lookup lookup;
    struct reading r;
    char setl_id[CLIENT_NO_SIZE];

    copy_text(s->setl_id, setl_id, sizeof setl_id);
    memcpy(id.text, setl_id, sizeof setl_id);
    lookup_begin(shard, hash_wallet_id(shard, person, &id), &lookup);
    while (lookup_next(shard, &lookup, ret_entry)) {
        if (ret_entry->kind != ENTRY_WALLET) continue;
        read_entry(ret_entry, person, &r);
        if (strcmp(r.setl_id, setl_id) == 0) return true;
    }
    return false;
}

bool payment_of(const struct shard *shard, uint64_t settled, const struct settlement *settlement,
                struct payment *ret_payment)
{
    struct psn_key person;
    struct entry entry;
    struct reading r;

    memcpy(person.bytes, settlement->psn_key.data, sizeof person.bytes);
    if (!find_payment(shard, settlement, &person, &entry)) return false;
    read_entry(&entry, &person, &r);
    *ret_payment = (struct payment){
        .seq = entry.seq,
        .period = r.said.period,
        .left = r.said.amount + mark_of(shard, entry.seq).changes[AMOUNT_WLT],
    };
    memcpy(ret_payment->id, r.said.id, sizeof ret_payment->id);
    add_used(r.entry.ops, ret_payment);
    add_reversals(shard, settled, entry.seq, &person, ret_payment);
    return true;
}
