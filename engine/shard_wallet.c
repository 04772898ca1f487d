/* shard_wallet -- what is decided about wallets: from a message to the entry of its decision.
 *
 *   message -> form -> who decides -> answered before? -> rows, past, institution -> wallet_judge()
 *                                                              -> ops -> entry, debts -> answer
 *
 * Judging changes nothing but shard->work: a refused message leaves no trace, mended it may come
 * again under the same ids. The entry, with its debts behind it, stands in one block. */
#include <stdlib.h>

#include "codec/mail.h"
#include "codec/messages.h"
#include "codec/wallet.h"
#include "shard_internal.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/le.h"

#define MESSAGE_SIZE_MAX 1024 /* Bytes; its entry must hold what it does as well. */
#define DEBT_SIZE_MAX    512  /* Bytes of a debt's entry. */
#define ACK_MAX          4096 /* Positions one OutboxAck may acknowledge. */

/* -- room ------------------------------------------------------------------------------------ */

#define MAILS_PER_DECISION (EFFECTS_MAX + OUTGOING_MAX)
#define ROWS_PER_DECISION  (MAILS_PER_DECISION + 6) /* Person, due times, institution, rule, … */
#define BYTES_PER_DECISION (PERSON_PACKED_MAX + ENTRY_BODY_MAX + 16 * MAILS_PER_DECISION)

bool wallets_have_room(const struct shard *shard, uint32_t decisions, uint32_t rows)
{
    const size_t size = (size_t)decisions * ENTRY_SIZE_MAX + (size_t)DEBTS_MAX * DEBT_SIZE_MAX +
                        entry_size(SETTLEMENT_ENCODED_MAX);
    return has_entry_room(shard, decisions + DEBTS_MAX + 1, size,
                          decisions * WALLET_ENTRY_IDS_MAX + DEBTS_MAX + 3,
                          decisions * WALLET_MARKS_MAX + 2) &&
           shelf_can_take(shard, rows + decisions * ROWS_PER_DECISION + 1,
                          (size_t)decisions * BYTES_PER_DECISION + sizeof shard->counters);
}

bool wallet_has_room(const struct shard *shard, uint16_t type)
{
    return wallets_have_room(shard, 1, type == MESSAGE_OUTBOX_ACK ? ACK_MAX : 0);
}

/* -- small helpers --------------------------------------------------------------------------- */

static void begin(struct wallet_work *w)
{
    wallet_decision_begin(&w->decision);
    w->past.found = false;
    w->has_fact = w->has_person = w->writes = w->dup = false;
    w->acks = false;
    w->id_count = w->used_count = 0;
    w->put_count = 0;
    w->packed_size = 0;
    w->seq = 0;
    w->stamp_ms = 0;
    memset(&w->said, 0, sizeof w->said);
    w->entry = (struct entry){0};
}

static void refuse(struct wallet_work *w, uint32_t code, uint32_t field, enum check check,
                   int64_t got, int64_t want)
{
    failures_add(&w->decision.failures, code, field, check, got, want);
}

static bool refused(const struct wallet_work *w)
{
    return w->decision.failures.count != 0;
}

/* False on a manual clock that nobody has set yet. */
static bool time_known(const struct shard *shard, int64_t now_ms)
{
    return !shard->config.manual_clock || now_ms != MANUAL_CLOCK_START_MS;
}

static void load_person(const struct shard *shard, struct wallet_work *w,
                        const struct psn_key *person)
{
    person_load(shard, person, &w->before);
    person_copy(&w->after, &w->before);
    w->has_person = true;
}

static struct psn_key key_of(struct bytes bytes)
{
    struct psn_key key;
    ENSURE(bytes.size == PSN_KEY_SIZE);
    memcpy(key.bytes, bytes.data, PSN_KEY_SIZE);
    return key;
}

static struct wallet_id make_id(char domain, uint32_t scope, struct bytes text)
{
    struct wallet_id id = {.domain = domain, .scope = scope};
    ENSURE(text.size < sizeof id.text);
    if (text.size != 0) memcpy(id.text, text.data, text.size);
    return id;
}

/* An id the entry will be found by; each once. */
static void note_id(struct wallet_work *w, const struct wallet_id *id)
{
    for (uint32_t i = 0; i < w->id_count; i++) {
        const struct wallet_id *noted = &w->ids[i];
        if (noted->domain == id->domain && noted->scope == id->scope &&
            strcmp(noted->text, id->text) == 0) {
            return;
        }
    }
    ENSURE(w->id_count < sizeof w->ids / sizeof w->ids[0]);
    w->ids[w->id_count++] = *id;
}

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

/* What was said in an entry, and what it used. */
struct found_said {
    struct wallet_said said;
    uint32_t used_count;
    struct lot used[PAY_LOTS_MAX];
};

static void read_said(const struct wallet_entry *entry, struct found_said *ret_said)
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
static bool read_latest(const struct shard *shard, uint64_t seq, uint16_t *ret_type,
                        struct found_said *ret_said)
{
    const struct mark mark = mark_of(shard, seq);
    struct wallet_entry its;

    if (mark.last_seq == 0) return false;
    const struct entry latest = entry_at(shard, mark.last_seq);
    ENSURE(wallet_entry_decode(latest.body, &its));
    read_said(&its, ret_said);
    *ret_type = its.type;
    return true;
}

/* A premium that was taken back altogether may be paid again: its key counts no more. */
static bool key_is_free(const struct shard *shard, const struct entry *entry,
                        const struct wallet_entry *its, const struct wallet_id *id)
{
    struct found_said found;
    if (its->type != MESSAGE_PREM_PAY || id->domain != ID_CLIENT) return false;
    read_said(its, &found);
    return -mark_of(shard, entry->seq).changes[AMOUNT_WLT] == found.said.amount;
}

static bool find_id(const struct shard *shard, const struct psn_key *person,
                    const struct wallet_id *id, struct entry *ret_entry,
                    struct wallet_entry *ret_its)
{
    struct lookup lookup;
    lookup_begin(shard, hash_wallet_id(shard, person, id), &lookup);
    while (lookup_next(shard, &lookup, ret_entry)) {
        if (ret_entry->kind != ENTRY_WALLET) continue;
        ENSURE(wallet_entry_decode(ret_entry->body, ret_its));
        if (has_id(ret_its, person, id) && !key_is_free(shard, ret_entry, ret_its, id)) return true;
    }
    return false;
}

static bool first_person(const struct wallet_entry *entry, struct psn_key *ret_person)
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
static void answer_again(struct wallet_work *w, const struct entry *entry,
                         const struct wallet_entry *its)
{
    struct found_said found;
    read_said(its, &found);
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

    if (!read_latest(shard, seq, &type, &found)) return STAS_PENDING;
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
        const struct entry entry = entry_at(shard, next);
        struct settlement s;
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
    if (order.other_key.size == PSN_KEY_SIZE) past->other = key_of(order.other_key);
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

static void past_of(const struct shard *shard, const struct entry *entry,
                    const struct wallet_entry *its, struct wallet_past *ret_past)
{
    struct found_said found;
    read_said(its, &found);
    *ret_past = (struct wallet_past){
        .found = true,
        .type = its->type,
        .seq = entry->seq,
        .amount = found.said.amount,
        .reversed = -mark_of(shard, entry->seq).changes[AMOUNT_WLT],
        .period = entry->period,
        .used_count = found.used_count,
    };
    memcpy(ret_past->id, found.said.id, sizeof ret_past->id);
    memcpy(ret_past->used, found.used, found.used_count * sizeof found.used[0]);
    ENSURE(first_person(its, &ret_past->person));
    past_of_message(its, ret_past);
    if (its->type == MESSAGE_TRSF_SUBMIT) { /* It owes nothing to anybody. */
        ret_past->stas = transfer_end(shard, entry->seq, &ret_past->code);
    } else {
        ret_past->via = via_of(shard, entry->seq, ret_past->place);
    }
}

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
        *ret_reference = (struct reference){make_id(ID_TRANSFER, 0, o->trsf_id), ERROR_NO_TRANSFER,
                                            WALLET_FIELD(o->type, trsf_id)};
        return true;
    }
    if (o->pay_id.size != 0) {
        *ret_reference = (struct reference){make_id(ID_PAYMENT, 0, o->pay_id),
                                            o->type == MESSAGE_PREM_REVERSE ? ERROR_NO_PREMIUM
                                                                            : ERROR_NO_PAYMENT,
                                            WALLET_FIELD(o->type, pay_id)};
        return true;
    }
    if (o->type != MESSAGE_WLT_PAY_REVERSE) return false;
    *ret_reference = (struct reference){make_id(ID_PAID, o->mdtrtarea_admvs / 10000, o->setl_id),
                                        ERROR_NO_PAYMENT, WALLET_FIELD(o->type, setl_id)};
    if (o->psn_key.size == 0) {
        refuse(w, ERROR_MALFORMED, WALLET_FIELD(o->type, psn_key), CHECK_MISSING, 0, 0);
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

static void find_past(const struct shard *shard, struct wallet_work *w)
{
    struct reference reference;
    struct entry entry;
    struct wallet_entry its;
    struct psn_key person;
    const struct psn_key *whose = NULL;

    if (!reference_of(w, &reference)) return;
    if (w->order.psn_key.size != 0) {
        person = key_of(w->order.psn_key);
        whose = &person;
    }
    if (find_id(shard, whose, &reference.id, &entry, &its)) {
        past_of(shard, &entry, &its, &w->past);
        if (past_fits(&w->order, &w->past)) return;
    }
    w->past.found = false;
    refuse(w, reference.code, reference.field, CHECK_NONE, 0, 0);
}

/* -- who decides ----------------------------------------------------------------------------- */

/* Orders that concern no person. */
static bool concerns_nobody(uint16_t type)
{
    return type == MESSAGE_INST_DIR_PUSH || type == MESSAGE_RULE_PUSH;
}

/* By an id of the person's wallet or relation. */
static bool person_by_id(const struct shard *shard, char domain, struct bytes text,
                         struct psn_key *ret_person)
{
    struct entry entry;
    struct wallet_entry its;
    const struct wallet_id id = make_id(domain, 0, text);
    return find_id(shard, NULL, &id, &entry, &its) && first_person(&its, ret_person);
}

/* False when refused. */
static bool find_person(const struct shard *shard, struct wallet_work *w,
                        struct psn_key *ret_person)
{
    const struct wallet_order *o = &w->order;
    if (o->psn_key.size != 0) {
        *ret_person = key_of(o->psn_key);
        return true;
    }
    if (w->past.found) {
        *ret_person = w->past.person;
        return true;
    }
    if (o->wlt_id.size != 0) {
        if (person_by_id(shard, ID_WALLET, o->wlt_id, ret_person)) return true;
        refuse(w, ERROR_NO_WALLET, WALLET_FIELD(o->type, wlt_id), CHECK_NONE, 0, 0);
    } else if (o->rlts_id.size != 0) {
        if (person_by_id(shard, ID_RELATION, o->rlts_id, ret_person)) return true;
        refuse(w, ERROR_NO_RELATION, WALLET_FIELD(o->type, rlts_id), CHECK_NONE, 0, 0);
    } else {
        refuse(w, ERROR_MALFORMED, WALLET_FIELD(o->type, psn_key), CHECK_MISSING, 0, 0);
    }
    return false;
}

/* A wallet that is named must be that person's. */
static void check_wallet_named(struct wallet_work *w)
{
    const struct bytes named = w->order.wlt_id;
    if (named.size == 0 || bytes_equal(named, bytes_of(w->before.wallet.wlt_id))) return;
    refuse(w, ERROR_NO_WALLET, WALLET_FIELD(w->order.type, wlt_id), CHECK_MATCH, 0, 0);
}

/* -- answered before ------------------------------------------------------------------------- */

/* The field whose text is the business key. */
static uint32_t key_field(const struct wallet_order *o, const struct wallet_id *key)
{
    const struct bytes text = bytes_of(key->text);
    if (bytes_equal(o->client_no, text)) return WALLET_FIELD(o->type, client_no);
    if (bytes_equal(o->trsf_id, text)) return WALLET_FIELD(o->type, trsf_id);
    if (bytes_equal(o->setl_id, text)) return WALLET_FIELD(o->type, setl_id);
    if (bytes_equal(o->order_no, text)) return WALLET_FIELD(o->type, order_no);
    if (bytes_equal(o->medins_setl_id, text)) return WALLET_FIELD(o->type, medins_setl_id);
    return WALLET_FIELD(o->type, name);
}

/* By its msgid a message is the same in every word. A transfer is taken or declined once by the one
 * it is for, however that one was recognised this time. */
static bool same_content(const struct wallet_work *w, const struct wallet_entry *its,
                         struct bytes message, const struct wallet_id *key)
{
    const uint16_t type = w->order.type;
    struct wallet_order first;
    uint32_t field;

    if (its->type != type) return false;
    if (key->domain == ID_MSGID || (type != MESSAGE_TRSF_ACCEPT && type != MESSAGE_TRSF_DECLINE)) {
        return wallet_order_same(type, its->message, message);
    }
    return wallet_order_decode(type, its->message, &first, &field) &&
           bytes_equal(first.other_key, w->order.other_key);
}

/* True when the insured area refused what was paid: the last reversal of it says so. */
static bool premium_refused(const struct shard *shard, uint64_t seq)
{
    struct found_said found;
    uint16_t type;
    return read_latest(shard, seq, &type, &found) && type == MESSAGE_PREM_REVERSE &&
           found.said.stas == STAS_REFUSED;
}

/* True when that settles it: the first answer again, or a conflict. */
static bool judge_key(const struct shard *shard, struct wallet_work *w, struct bytes message,
                      const struct psn_key *person, const struct wallet_id *key, uint32_t conflict,
                      uint32_t field)
{
    struct entry entry;
    struct wallet_entry its;
    if (!find_id(shard, person, key, &entry, &its)) return false;
    if (its.type == MESSAGE_PREM_PAY && premium_refused(shard, entry.seq)) {
        refuse(w, ERROR_PREMIUM_REFUSED, field, CHECK_STATE, 0, 0);
    } else if (same_content(w, &its, message, key)) {
        answer_again(w, &entry, &its);
    } else {
        refuse(w, conflict, field, CHECK_NONE, 0, 0);
    }
    return true;
}

static bool answered_before(const struct shard *shard, struct wallet_work *w, struct bytes message,
                            const struct psn_key *person)
{
    const struct wallet_order *o = &w->order;
    const struct wallet_id msgid = make_id(ID_MSGID, w->entry.sender, o->msgid);
    struct wallet_id key;
    uint16_t conflict;

    if (judge_key(shard, w, message, person, &msgid, ERROR_MSGID_REUSED,
                  WALLET_FIELD(o->type, msgid))) {
        return true;
    }
    note_id(w, &msgid);
    if (!wallet_business_key(o, &key, &conflict)) return false;
    if (judge_key(shard, w, message, person, &key, conflict, key_field(o, &key))) return true;
    note_id(w, &key);
    return false;
}

/* -- the entry ------------------------------------------------------------------------------- */

static struct settlement debt_settlement(const struct wallet_work *w, const struct wallet_debt *d)
{
    struct settlement s = {
        .msgid = bytes_of(d->number),
        .setl_id = bytes_of(d->number),
        .orig_setl_id = bytes_of(d->orig_number),
        .psn_key = {w->after.key.bytes, PSN_KEY_SIZE},
        .insu_admdvs = d->payer_admdvs,
        .mdtrtarea_admvs = d->payee_admdvs,
        .insutype = d->insutype,
        .setl_time = w->debt_ms,
        .refd_setl_flag = d->amount < 0,
    };
    s.amounts[AMOUNT_MEDFEE] = s.amounts[AMOUNT_ACCT] = d->amount;
    return s;
}

/* The debt's entry, but for its numbers; `out` takes the body. */
static struct entry debt_entry(const struct shard *shard, const struct wallet_work *w,
                               const struct wallet_debt *d, uint8_t out[SETTLEMENT_ENCODED_MAX])
{
    const struct settlement s = debt_settlement(w, d);
    const int insurance = tables_insurance(shard->tables, d->insutype);
    return (struct entry){
        .kind = ENTRY_DEBT,
        .flags = w->entry.flags,
        .stamp_ms = w->entry.stamp_ms,
        .period = w->entry.period,
        .orig_period = w->entry.orig_period,
        .sender = w->entry.sender,
        .line = (uint8_t)d->line,
        .insurance = insurance < 0 ? INSURANCE_OTHER : (uint8_t)insurance,
        .body = {out, settlement_encode(&s, out)},
    };
}

/* The month the debts are cleared in; a payment by itself has that of its stamp. */
static void assign_period(const struct shard *shard, struct wallet_work *w)
{
    const uint32_t month = civil_month(w->entry.stamp_ms);
    w->debt_ms = w->entry.stamp_ms;
    if (w->decision.debt_count == 0) return;
    w->entry.orig_period = month;
    w->entry.period = open_period(shard, month);
    if (w->entry.period != month) w->entry.flags |= ENTRY_LATE;
    if (month / 100 <= shard->closed_year) {
        refuse(w, ERROR_PERIOD_CLOSED, 0, CHECK_RANGE, month / 100, shard->closed_year);
    } else if (period_closing(shard, w->entry.period)) {
        refuse(w, ERROR_OVERLOAD, 0, CHECK_NONE, 0, 0);
    }
}

static void check_debts(const struct shard *shard, struct wallet_work *w)
{
    uint8_t out[SETTLEMENT_ENCODED_MAX];
    for (uint32_t i = 0; i < w->decision.debt_count; i++) {
        const struct entry entry = debt_entry(shard, w, &w->decision.debts[i], out);
        struct settlement s;
        const struct posting posting = debt_posting(&entry, &s);
        ENSURE(entry_size(entry.body.size) <= DEBT_SIZE_MAX);
        if (!book_fits(shard->book, &posting)) {
            refuse(w, ERROR_AMOUNT_RANGE, 0, CHECK_RANGE, posting_total(&posting), INT64_MAX);
        }
    }
}

/* Transfers begun by this entry say which it is. */
static void number_transfers(const struct shard *shard, struct wallet_work *w)
{
    for (uint32_t i = 0; i < w->after.transfer_count; i++) {
        if (w->after.transfers[i].seq == 0) w->after.transfers[i].seq = shard->last_seq + 1;
    }
}

static void write_decision(struct ops_writer *writer, const struct wallet_work *w)
{
    const struct wallet_decision *d = &w->decision;
    for (uint32_t i = 0; i < d->used_count; i++)
        ops_put(writer, OP_USED, 0, &d->used[i], sizeof d->used[i]);
    for (uint32_t i = 0; i < d->effect_count; i++)
        ops_put_effect(writer, &d->effects[i]);
    for (uint32_t i = 0; i < d->out_count; i++)
        ops_put(writer, OP_OUT, 0, &d->out[i], sizeof d->out[i]);
    if (d->put_institution) {
        ops_put(writer, OP_INSTITUTION, 0, &d->institution, sizeof d->institution);
    }
    if (d->put_rule) ops_put(writer, OP_RULE, 0, &d->rule, sizeof d->rule);
    for (uint32_t i = 0; i < w->id_count; i++)
        ops_put_id(writer, w->ids[i].domain, w->ids[i].scope, bytes_of(w->ids[i].text));
}

static void write_ack(struct ops_writer *writer, const struct wallet_work *w)
{
    uint8_t data[16] = {0};
    le_store32(data, w->ack_dest);
    le_store64(data + 8, w->ack_upto);
    ops_put(writer, OP_ACK, 0, data, sizeof data);
}

static bool said_something(const struct wallet_said *said)
{
    static const struct wallet_said nothing;
    return memcmp(said, &nothing, sizeof nothing) != 0;
}

/* What was written becomes the body of the entry. */
static void take_body(struct wallet_work *w, const struct ops_writer *writer)
{
    w->body_size = writer->size;
    w->entry.body = (struct bytes){w->squeezed, ops_squeeze(writer, w->squeezed)};
}

/* The body of the entry; false when it is too large for one. */
static bool write_body(struct wallet_work *w, uint16_t type, struct bytes message)
{
    const struct bytes fact = {(const uint8_t *)&w->fact, w->has_fact ? sizeof w->fact : 0};
    struct ops_writer writer;

    ops_begin(&writer, w->body, sizeof w->body, type, message, fact);
    if (w->has_person) ops_put_person(&writer, &w->before, &w->after, true);
    if (said_something(&w->said)) ops_put(&writer, OP_SAID, 0, &w->said, sizeof w->said);
    if (w->acks) write_ack(&writer, w);
    write_decision(&writer, w);
    if (!writer.full) take_body(w, &writer);
    return !writer.full;
}

/* Keeps the person who was judged, to be put away when the entry is applied. */
static void keep_person(struct wallet_work *w)
{
    ENSURE(w->put_count < ENTRY_PERSONS_MAX);
    ENSURE(sizeof w->packed - w->packed_size >= PERSON_PACKED_MAX);
    struct put_person *put = &w->puts[w->put_count++];
    *put = person_put_away(&w->after, w->packed + w->packed_size);
    put->at = w->packed_size;
    w->packed_size += put->size;
}

/* What an entry of that decision refers to: the payment or transfer it is about. */
static void refer(const struct shard *shard, struct wallet_work *w, uint64_t orig_seq)
{
    const struct mark mark = mark_of(shard, orig_seq);
    w->entry.orig_seq = orig_seq;
    w->entry.prev_seq = mark.last_seq != 0 ? mark.last_seq : orig_seq;
}

/* From the decision to the entry and what is answered. */
static void finish(const struct shard *shard, struct wallet_work *w, uint16_t type,
                   struct bytes message)
{
    struct wallet_decision *d = &w->decision;
    if (refused(w)) return;
    for (uint32_t i = 0; i < d->id_count; i++) {
        note_id(w, &d->ids[i]);
        id_ahead(shard, w->has_person ? &w->after.key : NULL, &d->ids[i]);
    }
    if (d->debt_count != 0) {
        d->said.period = w->entry.period;
        check_debts(shard, w);
    }
    w->said = d->said;
    w->used_count = d->used_count;
    memcpy(w->used, d->used, d->used_count * sizeof d->used[0]);
    if (w->has_person) number_transfers(shard, w);
    w->entry.kind = ENTRY_WALLET;
    if (!write_body(w, type, message)) refuse(w, ERROR_TOO_MANY, 0, CHECK_NONE, 0, 0);
    w->writes = !refused(w);
    if (w->writes && w->has_person) keep_person(w);
    w->seq = shard->last_seq + 1;
    w->stamp_ms = w->entry.stamp_ms;
}

void append_wallet(struct shard *shard)
{
    struct wallet_work *w = shard->work;
    uint8_t out[SETTLEMENT_ENCODED_MAX];

    shard->judged = true;
    append(shard, &w->entry, NULL);
    shard->judged = false;
    for (uint32_t i = 0; i < w->decision.debt_count; i++) {
        struct entry debt = debt_entry(shard, w, &w->decision.debts[i], out);
        debt.orig_seq = w->entry.seq;
        append(shard, &debt, NULL);
    }
}

/* -- orders ---------------------------------------------------------------------------------- */

/* The other person's shard must have spoken first. */
static bool needs_fact(uint16_t type)
{
    return type == MESSAGE_RLTS_BIND || type == MESSAGE_TRSF_SUBMIT ||
           type == MESSAGE_TRSF_ACCEPT || type == MESSAGE_PREM_PAY;
}

/* The fact must be about the person the message names. None came where the message names nobody
 * whose shard could be found: then that is what is wrong with it, and judge_order() says so. */
static void read_fact(struct wallet_work *w, struct bytes fact)
{
    const struct wallet_order *o = &w->order;
    if (fact.size == sizeof w->fact) {
        memcpy(&w->fact, fact.data, sizeof w->fact);
        w->has_fact = true;
    }
    if (!needs_fact(o->type)) return;
    if (!w->has_fact && o->psn_key.size == 0 && o->other_key.size == PSN_KEY_SIZE) {
        /* An id that leads to nobody: so nobody was asked. */
        const bool accept = o->type == MESSAGE_TRSF_ACCEPT;
        refuse(w, accept ? ERROR_NO_TRANSFER : ERROR_NO_WALLET,
               accept ? WALLET_FIELD(o->type, trsf_id) : WALLET_FIELD(o->type, wlt_id), CHECK_STATE,
               0, 0);
    } else if (!w->has_fact || o->other_key.size != PSN_KEY_SIZE ||
               memcmp(w->fact.psn_key.bytes, o->other_key.data, PSN_KEY_SIZE) != 0) {
        refuse(w, ERROR_MALFORMED, WALLET_FIELD(o->type, other_key),
               o->other_key.size == 0 ? CHECK_MISSING : CHECK_MATCH, 0, 0);
    }
}

/* Decodes the message into work->order, unless that was done before. */
static bool read_order(struct wallet_work *w, uint16_t type, struct bytes message,
                       const struct opened *opened, uint32_t *ret_field)
{
    if (opened == NULL || !opened->sound) {
        return wallet_order_decode(type, message, &w->order, ret_field);
    }
    w->order = opened->order;
    return true;
}

static bool open_order(struct wallet_work *w, uint16_t type, struct bytes message,
                       struct bytes fact, uint16_t province, const struct opened *opened)
{
    uint32_t field = 0;
    if (!read_order(w, type, message, opened, &field)) {
        refuse(w, ERROR_MALFORMED, field, CHECK_NONE, 0, 0);
        return false;
    }
    if (message.size > MESSAGE_SIZE_MAX) {
        refuse(w, ERROR_MALFORMED, 0, CHECK_LENGTH, (int64_t)message.size, MESSAGE_SIZE_MAX);
        return false;
    }
    wallet_order_check(&w->order, &w->decision.failures);
    const uint32_t said = province_said(w->order.sender_admdvs);
    if (province != 0 && said != 0 && said != province) {
        refuse(w, ERROR_SENDER_NOT_ALLOWED, WALLET_FIELD(type, sender_admdvs), CHECK_MATCH, said,
               province);
    }
    if (!refused(w)) read_fact(w, fact);
    return !refused(w);
}

static struct wallet_input input_of(const struct shard *shard, const struct wallet_work *w)
{
    return (struct wallet_input){
        .order = &w->order,
        .fact = w->has_fact ? &w->fact : NULL,
        .params = shard->params,
        .past = w->past.found ? &w->past : NULL,
        .now_ms = w->entry.stamp_ms,
        .time_known = time_known(shard, w->entry.stamp_ms),
        .province = w->entry.sender,
    };
}

/* A destination has everything up to there. Said twice it changes nothing, so no msgid is kept. */
static void judge_ack(const struct shard *shard, struct wallet_work *w)
{
    const struct wallet_order *o = &w->order;
    const uint32_t dest = outbox_dest(o->place);
    const uint32_t field = WALLET_FIELD(o->type, position);

    if (dest >= OUTBOX_COUNT || outbox_shard(dest, shard->config.shards) != shard->config.shard) {
        refuse(w, ERROR_AREA_UNKNOWN, WALLET_FIELD(o->type, place), CHECK_KNOWN, o->place, 0);
        return;
    }
    const uint64_t acked = shard->counters.out_acked[dest];
    const uint64_t last = shard->counters.out_next[dest] - 1;
    if (w->entry.sender != 0 && outbox_dest(w->entry.sender) != dest) {
        refuse(w, ERROR_SENDER_NOT_ALLOWED, WALLET_FIELD(o->type, place), CHECK_MATCH, o->place,
               w->entry.sender);
    } else if (o->position > last) {
        refuse(w, ERROR_MALFORMED, field, CHECK_RANGE, (int64_t)o->position, (int64_t)last);
    } else if (o->position > acked + ACK_MAX) {
        refuse(w, ERROR_RANGE_TOO_WIDE, field, CHECK_RANGE, (int64_t)(o->position - acked),
               ACK_MAX);
    } else {
        w->decision.said.stas = STAS_DONE;
        w->decision.nothing = w->decision.dup = o->position <= acked;
        w->acks = true;
        w->ack_dest = dest;
        w->ack_upto = o->position;
    }
}

/* Lets the chapter decide. */
static void judge_chapter(const struct shard *shard, struct wallet_work *w)
{
    const struct wallet_order *o = &w->order;
    struct wallet_input input = input_of(shard, w);

    if (institution_load(shard, o->fixmedins_code, &w->institution)) {
        input.institution = &w->institution;
    }
    if (o->type == MESSAGE_RULE_PUSH) {
        input.rule = params_find(shard->params, o->place, params_by_name(o->name), o->eff_ms);
    }
    if (!w->has_person) person_clear(&w->after, (struct psn_key){{0}});
    wallet_judge(&input, &w->after, &w->decision);
    if (refused(w)) return;
    if (w->past.found) refer(shard, w, w->past.seq);
}

/* What is decided when nothing has to be written: the answer alone. Where it is about nobody there
 * is no number to name; `before` is then whoever was judged last. */
static void answer_only(struct wallet_work *w)
{
    w->dup = w->decision.dup;
    w->said = w->decision.said;
    w->seq = w->has_person ? w->before.head.last_seq : 0;
    w->stamp_ms = w->entry.stamp_ms;
}

static void judge_new(const struct shard *shard, struct wallet_work *w, struct bytes message)
{
    if (w->order.type == MESSAGE_OUTBOX_ACK) {
        judge_ack(shard, w);
    } else {
        judge_chapter(shard, w);
    }
    if (refused(w)) return;
    if (w->decision.nothing) {
        answer_only(w);
        return;
    }
    assign_period(shard, w);
    finish(shard, w, w->order.type, message);
}

static void judge_order(const struct shard *shard, uint16_t type, struct bytes message,
                        struct bytes fact, uint16_t province, const struct opened *opened,
                        int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    struct psn_key person;

    begin(w);
    w->entry.stamp_ms = now_ms;
    w->entry.sender = province;
    if (!open_order(w, type, message, fact, province, opened)) return;
    if (type == MESSAGE_OUTBOX_ACK) {
        judge_new(shard, w, message);
        return;
    }
    find_past(shard, w);
    if (refused(w)) return;
    if (concerns_nobody(type)) {
        if (!answered_before(shard, w, message, NULL)) judge_new(shard, w, message);
        return;
    }
    if (!find_person(shard, w, &person)) return;
    struct person_ahead ahead;
    found_ahead(shard, &w->order, w->entry.sender, &person, &ahead);
    if (answered_before(shard, w, message, &person)) return;
    found_ahead_more(shard, &ahead);
    if (needs_fact(type) && !w->has_fact) {
        refuse(w, ERROR_MALFORMED, WALLET_FIELD(type, other_key), CHECK_MATCH, 0, 0);
        return;
    }
    load_person(shard, w, &person);
    check_wallet_named(w);
    if (type == MESSAGE_TRSF_SUBMIT && dues_full(shard)) {
        refuse(w, ERROR_OVERLOAD, 0, CHECK_NONE, 0, 0);
    }
    if (!refused(w)) judge_new(shard, w, message);
}

static uint32_t code_of(const struct wallet_work *w)
{
    return refused(w) ? w->decision.failures.list[0].code : ERROR_OK;
}

static void put_reply(struct shard *shard, const struct request *request)
{
    const struct wallet_work *w = shard->work;
    const uint32_t code = code_of(w);
    const struct wallet_reply reply = {
        .type = request->type,
        .code = (uint16_t)code,
        .dup = w->dup,
        .msgid = w->order.msgid,
        .seq = code == ERROR_OK ? w->seq : 0,
        .stamp_ms = code == ERROR_OK ? w->stamp_ms : 0,
        .shard = shard->config.shard,
        .failures = w->decision.failures.list,
        .failure_count = w->decision.failures.count,
        .said = code == ERROR_OK ? &w->said : NULL,
        .used = w->used,
        .used_count = code == ERROR_OK ? w->used_count : 0,
    };
    size_t size = 0;
    uint8_t *data = wallet_reply_encode(&reply, &size);
    struct result *result = put_answer(shard, request, data == NULL ? ERROR_OVERLOAD : code);
    result->dup = w->dup;
    result->seq = reply.seq;
    result->stamp_ms = reply.stamp_ms;
    result->period = w->said.period;
    result->data = data;
    result->data_size = size;
}

void take_wallet(struct shard *shard, const struct request *request, const struct opened *opened,
                 int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    const size_t front = request->area <= request->body.size ? request->area : 0;
    const struct bytes fact = {request->body.data, front};
    const struct bytes message = {request->body.data + front, request->body.size - front};

    if (request->type == MESSAGE_TRSF_SUBMIT) dues_make_room(shard);
    judge_order(shard, request->type, message, fact, request->province, opened, now_ms);
    if (refused(w)) {
        shard->status.rejected++;
    } else if (w->dup) {
        shard->status.duplicate++;
    } else {
        shard->status.accepted++;
    }
    if (w->writes) append_wallet(shard);
    put_reply(shard, request);
}

/* -- the first of two stops ------------------------------------------------------------------ */

/* Fills in work->fact; an entry only where a claim is made. */
static bool judge_fact(const struct shard *shard, uint16_t type, struct bytes message,
                       uint16_t province, const struct opened *opened, int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    uint32_t field;

    begin(w);
    w->entry.stamp_ms = now_ms;
    w->entry.sender = province;
    if (!needs_fact(type) || message.size > MESSAGE_SIZE_MAX ||
        !read_order(w, type, message, opened, &field) || w->order.other_key.size != PSN_KEY_SIZE) {
        return false;
    }
    const struct psn_key person = key_of(w->order.other_key);
    load_person(shard, w, &person);
    const struct wallet_input input = input_of(shard, w);
    memset(&w->fact, 0, sizeof w->fact);
    wallet_fact_of(&input, &w->after, &w->fact, &w->decision);
    if (!w->decision.nothing && w->fact.code == ERROR_OK) {
        uint8_t typed[2 + MESSAGE_SIZE_MAX];
        le_store16(typed, type);
        memcpy(typed + 2, message.data, message.size);
        assign_period(shard, w);
        finish(shard, w, REQUEST_WALLET_FACT, (struct bytes){typed, 2 + message.size});
        ENSURE(w->writes);
    }
    return true;
}

/* Disputes know a payment by its id: of one that is named by its settlement, the id. Reads only;
 * what is wrong with the order is said when it is judged. */
static void take_payment_asked(struct shard *shard, const struct request *request, int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    begin(w);
    w->entry.stamp_ms = now_ms;
    w->entry.sender = request->province;
    if (open_order(w, (uint16_t)request->period, request->body, (struct bytes){0},
                   request->province, NULL)) {
        find_past(shard, w);
    }
    const bool found = !refused(w) && w->past.found;
    char *id = found ? malloc(sizeof w->past.id) : NULL;
    struct result *result =
        put_answer(shard, request, found && id == NULL ? ERROR_OVERLOAD : ERROR_OK);
    if (id == NULL) return;
    memcpy(id, w->past.id, sizeof w->past.id);
    result->data = id;
    result->data_size = strlen(id);
}

void take_wallet_fact(struct shard *shard, const struct request *request,
                      const struct opened *opened, int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    if (request->period == MESSAGE_WLT_PAY_REVERSE) {
        take_payment_asked(shard, request, now_ms);
        return;
    }
    if (!judge_fact(shard, (uint16_t)request->period, request->body, request->province, opened,
                    now_ms)) {
        put_answer(shard, request, ERROR_MALFORMED);
        return;
    }
    if (w->writes) append_wallet(shard);
    struct wallet_fact *fact = malloc(sizeof *fact);
    struct result *result = put_answer(shard, request, fact == NULL ? ERROR_OVERLOAD : ERROR_OK);
    if (fact == NULL) return;
    *fact = w->fact;
    result->data = fact;
    result->data_size = sizeof *fact;
}

/* Nothing but a look: the same reference is looked up again when the message is judged. */
void take_pay_id(struct shard *shard, const struct request *request)
{
    struct wallet_work *w = shard->work;
    const uint16_t type = (uint16_t)request->period;
    uint32_t field;

    begin(w);
    if (type == MESSAGE_WLT_PAY_REVERSE &&
        wallet_order_decode(type, request->body, &w->order, &field)) {
        wallet_order_check(&w->order, &w->decision.failures);
        if (!refused(w)) find_past(shard, w);
    }
    char *pay_id = w->past.found ? malloc(WALLET_ID_SIZE) : NULL;
    struct result *result =
        put_answer(shard, request, w->past.found && pay_id == NULL ? ERROR_OVERLOAD : ERROR_OK);
    if (pay_id == NULL) return;
    memcpy(pay_id, w->past.id, WALLET_ID_SIZE);
    result->data = pay_id;
    result->data_size = strlen(pay_id);
}

/* -- what becomes due ------------------------------------------------------------------------ */

/* The transfer that ended, if one did: its entry is what this one refers to. */
static void refer_to_ended(const struct shard *shard, struct wallet_work *w)
{
    for (uint32_t i = 0; i < w->before.transfer_count; i++) {
        const struct transfer_row *row = &w->before.transfers[i];
        if (person_transfer(&w->after, bytes_of(row->trsf_id)) != NULL) continue;
        refer(shard, w, row->seq);
        return;
    }
}

static bool changes_rows(struct bytes body)
{
    struct wallet_entry its;
    struct op op;
    bool bad;
    ENSURE(wallet_entry_decode(body, &its));
    while (ops_next(&its.ops, &op, &bad)) {
        if (op.op == OP_PUT || op.op == OP_DROP) return true;
    }
    return false;
}

static void judge_due(const struct shard *shard, const struct psn_key *person, int64_t stamp_ms)
{
    struct wallet_work *w = shard->work;
    begin(w);
    w->entry.stamp_ms = stamp_ms;
    load_person(shard, w, person);
    wallet_sweep(shard->params, stamp_ms, &w->after, &w->decision);
    refer_to_ended(shard, w);
    assign_period(shard, w);
    finish(shard, w, REQUEST_SWEEP, (struct bytes){0});
    ENSURE(w->writes);
    /* As it stood before it was squeezed. Else it would be due for ever. */
    ENSURE(changes_rows((struct bytes){w->body, w->body_size}));
}

bool sweep(struct shard *shard, int64_t until_ms)
{
    struct due due;
    while (shard_next_due(shard) <= until_ms && dues_first(shard, &due) && due.due_ms <= until_ms) {
        if (!wallets_have_room(shard, 1, 0)) return false;
        judge_due(shard, &due.person, due.due_ms > shard->stamp_ms ? due.due_ms : shard->stamp_ms);
        append_wallet(shard);
    }
    return true;
}

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
    struct effect effect;
    ENSURE(effect_decode(data, &effect));
    wallet_decision_begin(&w->decision);
    load_person(shard, w, &effect.to);
    wallet_receive(&effect, shard->params, w->entry.stamp_ms, &w->after, &w->decision);
    refer_to_ended(shard, w);
}

/* True when an entry says of it no more than rows and mail: it may share one. */
static bool plain(const struct wallet_work *w)
{
    const struct wallet_decision *d = &w->decision;
    return w->entry.orig_seq == 0 && d->debt_count + d->id_count + d->used_count == 0 &&
           !d->put_institution && !d->put_rule && !said_something(&d->said);
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

static void queue_item(const struct shard *shard, struct wallet_work *w, struct bytes data)
{
    struct outgoing out;
    memcpy(&out, data.data, sizeof out);
    out.position = shard->counters.out_next[out.dest] + w->queued[out.dest]++;
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
    ops_put_person(&w->ops, &w->before, &w->after, true);
    write_decision(&w->ops, w);
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
    begin(w);
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
    take_body(w, &writer);
    w->writes = true;
}

/* What is about more than rows and mail, by itself. */
static void judge_alone(const struct shard *shard, struct wallet_work *w, struct bytes data,
                        struct bytes message)
{
    begin_mail(w, w->entry.stamp_ms);
    judge_effect(shard, w, data);
    assign_period(shard, w);
    finish(shard, w, REQUEST_MAIL, message);
    ENSURE(w->writes);
}

uint32_t judge_mail(const struct shard *shard, const struct mail_batch *batch, int64_t now_ms)
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
        if (op == OP_EFFECT) keep_person(w);
        count++;
        end = rest.data;
    }
    ENSURE(count != 0 || batch->count == 0);
    finish_mail(w, cut_batch(batch, count, end, message));
    return count;
}

/* -- settlements that pay from a wallet ------------------------------------------------------- */

static void order_of(const struct settlement *s, uint8_t line, struct wallet_order *ret_order)
{
    *ret_order = (struct wallet_order){
        .type = MESSAGE_SETL_POST,
        .msgid = s->msgid,
        .psn_key = s->psn_key,
        .setl_id = s->refd_setl_flag ? s->orig_setl_id : s->setl_id,
        .client_no = s->refd_setl_flag ? s->setl_id : (struct bytes){0},
        .medins_setl_id = s->medins_setl_id,
        .fixmedins_code = s->fixmedins_code,
        .sender_admdvs = s->sender_admdvs,
        .insu_admdvs = s->insu_admdvs,
        .mdtrtarea_admvs = s->mdtrtarea_admvs,
        .insutype = s->insutype,
        .use = line == LINE_PHARMACY ? 2 : 1,
        .amount = s->amounts[AMOUNT_WLT],
        .amount2 = s->amounts[AMOUNT_PSN_PART],
        .amount3 = s->amounts[AMOUNT_ACCT],
        .inf_time = s->inf_time,
    };
}

/* The entry that paid or gave back under that number at the settlement's place. */
static bool find_number(const struct shard *shard, char domain, const struct wallet_order *order,
                        struct bytes number, struct entry *ret_entry, struct wallet_entry *ret_its)
{
    const struct wallet_id id = make_id(domain, order->mdtrtarea_admvs / 10000, number);
    const struct psn_key person = key_of(order->psn_key);
    return find_id(shard, &person, &id, ret_entry, ret_its);
}

static bool find_paid(const struct shard *shard, const struct wallet_order *order,
                      struct bytes number, struct wallet_past *ret_past)
{
    struct entry entry;
    struct wallet_entry its;
    if (!find_number(shard, ID_PAID, order, number, &entry, &its)) return false;
    past_of(shard, &entry, &its, ret_past);
    return true;
}

/* What was given back under that number; 0: nothing. */
static int64_t given_back(const struct shard *shard, const struct wallet_order *order,
                          struct bytes number, uint16_t *ret_type)
{
    struct entry entry;
    struct wallet_entry its;
    struct found_said found;
    int64_t sum = 0;

    if (!find_number(shard, ID_REVERSAL, order, number, &entry, &its)) return 0;
    read_said(&its, &found);
    for (uint32_t i = 0; i < found.used_count; i++)
        sum += found.used[i].amount;
    *ret_type = its.type;
    return sum;
}

/* Copies what stands in the way; the settlement has one field for all of it. */
static void hand_on(const struct wallet_work *w, struct failures *failures, uint32_t field)
{
    for (uint32_t i = 0; i < w->decision.failures.count; i++) {
        const struct failure *f = &w->decision.failures.list[i];
        failures_add(failures, f->code, field, (enum check)f->check, f->got, f->want);
    }
}

static void begin_inline(const struct shard *shard, struct wallet_work *w,
                         const struct entry *record, int64_t setl_time)
{
    const struct psn_key person = key_of(w->order.psn_key);
    begin(w);
    load_person(shard, w, &person);
    w->entry.stamp_ms = record->stamp_ms;
    w->entry.sender = record->sender;
    w->entry.period = record->period;
    w->entry.orig_period = record->orig_period;
    w->entry.flags = record->flags & ENTRY_LATE;
    w->debt_ms = setl_time;
}

static bool judge_amount(const struct shard *shard, struct wallet_work *w, int64_t amount,
                         struct bytes message, uint32_t field, struct failures *failures)
{
    struct wallet_input input = input_of(shard, w);
    if (institution_load(shard, w->order.fixmedins_code, &w->institution)) {
        input.institution = &w->institution;
    }
    wallet_judge_settlement(&input, amount, &w->after, &w->decision);
    finish(shard, w, w->order.type, message);
    hand_on(w, failures, field);
    return w->writes;
}

static bool judge_inline_pay(const struct shard *shard, const struct settlement *s,
                             const struct entry *record, struct failures *failures)
{
    struct wallet_work *w = shard->work;
    struct wallet_past paid;

    if (params_value(shard->params, PARAM_WALLET_INLINE, s->insu_admdvs, record->stamp_ms) == 0) {
        return false;
    }
    order_of(s, record->line, &w->order);
    if (find_paid(shard, &w->order, s->setl_id, &paid)) {
        const int64_t left = paid.amount - paid.reversed;
        if (left != s->amounts[AMOUNT_WLT]) {
            failures_add(failures, ERROR_SETL_ID_REUSED, SETL_FIELD_WLT, CHECK_MATCH,
                         s->amounts[AMOUNT_WLT], left);
        }
        return false; /* Paid by a message of its own: that is the payment. */
    }
    begin_inline(shard, w, record, s->setl_time);
    const struct wallet_id key = make_id(ID_PAID, s->mdtrtarea_admvs / 10000, s->setl_id);
    note_id(w, &key);
    return judge_amount(shard, w, s->amounts[AMOUNT_WLT], record->body, SETL_FIELD_WLT, failures);
}

/* Gives `amount` (< 0) back to the payment in work->past. */
static bool judge_inline_back(const struct shard *shard, int64_t amount, struct bytes number,
                              const struct entry *record, int64_t setl_time, uint32_t field,
                              struct failures *failures)
{
    struct wallet_work *w = shard->work;
    const struct wallet_past paid = w->past;

    begin_inline(shard, w, record, setl_time);
    w->past = paid;
    refer(shard, w, paid.seq);
    const struct wallet_id key = make_id(ID_REVERSAL, w->order.mdtrtarea_admvs / 10000, number);
    note_id(w, &key);
    return judge_amount(shard, w, amount, record->body, field, failures);
}

static bool judge_inline_refund(const struct shard *shard, const struct settlement *s,
                                const struct entry *record, struct failures *failures)
{
    struct wallet_work *w = shard->work;
    uint16_t type;

    order_of(s, record->line, &w->order);
    if (!find_paid(shard, &w->order, s->orig_setl_id, &w->past)) return false;
    if (w->past.type != MESSAGE_SETL_POST &&
        params_value(shard->params, PARAM_WALLET_INLINE, s->insu_admdvs, record->stamp_ms) == 0) {
        return false;
    }
    const int64_t back = given_back(shard, &w->order, s->setl_id, &type);
    if (back != 0) {
        if (back != -s->amounts[AMOUNT_WLT]) {
            failures_add(failures, ERROR_SETL_ID_REUSED, SETL_FIELD_WLT, CHECK_MATCH,
                         s->amounts[AMOUNT_WLT], -back);
        }
        return false; /* Taken back by a message of its own. */
    }
    return judge_inline_back(shard, s->amounts[AMOUNT_WLT], s->setl_id, record, s->setl_time,
                             SETL_FIELD_WLT, failures);
}

bool judge_inline(const struct shard *shard, const struct settlement *s, const struct entry *record,
                  struct failures *failures)
{
    return s->refd_setl_flag ? judge_inline_refund(shard, s, record, failures)
                             : judge_inline_pay(shard, s, record, failures);
}

bool judge_inline_correction(const struct shard *shard, const struct settlement *s,
                             const struct entry *original, const struct entry *record,
                             struct bytes msgid, uint32_t field, struct failures *failures)
{
    struct wallet_work *w = shard->work;
    struct wallet_past paid;
    uint16_t type;

    order_of(s, original->line, &w->order);
    if (s->refd_setl_flag) {
        /* What went back to the wallet may be spent again by now. */
        const int64_t back = given_back(shard, &w->order, s->setl_id, &type);
        if (back != 0 && type == MESSAGE_SETL_POST) {
            failures_add(failures, ERROR_ALREADY_REVERSED, field, CHECK_REFUND, back, 0);
        }
        return false;
    }
    if (!find_paid(shard, &w->order, s->setl_id, &paid) || paid.seq != original->seq + 1 ||
        paid.amount == paid.reversed) {
        return false;
    }
    w->past = paid;
    w->order.type = MESSAGE_CORRECTION;
    w->order.msgid = w->order.client_no = msgid;
    return judge_inline_back(shard, paid.reversed - paid.amount, msgid, record, s->setl_time, field,
                             failures);
}

/* -- what a settlement's person and institution have to be asked for ----------------------------
 */

/* 2007: where the insured area wants it, the directory has the institution in that province and on
 * that day. */
static void judge_directory(const struct shard *shard, const struct settlement *s,
                            struct failures *failures)
{
    if (params_value(shard->params, PARAM_DIRECTORY_CHECK, s->insu_admdvs, s->setl_time) == 0) {
        return;
    }
    const struct civil day = civil_from_ms(s->setl_time);
    const uint32_t date = (uint32_t)(day.year * 10000 + day.month * 100 + day.day);
    struct institution row;
    if (!institution_load(shard, s->fixmedins_code, &row)) {
        failures_add(failures, ERROR_INSTITUTION, SETL_FIELD_FIXMEDINS_CODE, CHECK_STATE, 0, 0);
    } else if (row.admdvs / 10000 != s->mdtrtarea_admvs / 10000) {
        failures_add(failures, ERROR_INSTITUTION, SETL_FIELD_FIXMEDINS_CODE, CHECK_MATCH,
                     s->mdtrtarea_admvs / 10000, row.admdvs / 10000);
    } else if (date < row.from || (row.to != 0 && date > row.to)) {
        failures_add(failures, ERROR_INSTITUTION, SETL_FIELD_FIXMEDINS_CODE, CHECK_RANGE, date,
                     date < row.from ? row.from : row.to);
    }
}

void judge_switches(const struct shard *shard, const struct settlement *s, uint8_t line,
                    struct failures *failures)
{
    struct person *person = &shard->work->before;
    judge_directory(shard, s, failures);
    if (!wallet_checks_settlement(shard->params, s->insu_admdvs, s->mdtrtarea_admvs,
                                  line == LINE_PHARMACY, s->setl_time)) {
        return;
    }
    const struct psn_key key = key_of(s->psn_key);
    person_load(shard, &key, person);
    if (line == LINE_PHARMACY && wallet_pharmacy_blocked(shard->params, person, s->insu_admdvs,
                                                         s->mdtrtarea_admvs, s->setl_time)) {
        failures_add(failures, ERROR_PHARMACY_SWITCH, SETL_FIELD_MDTRTAREA_ADMVS, CHECK_NONE, 0, 0);
    }
    if (wallet_filing_missing(shard->params, person, s->insu_admdvs, s->mdtrtarea_admvs,
                              s->setl_time)) {
        failures_add(failures, ERROR_FILING_MISSING, SETL_FIELD_MDTRTAREA_ADMVS, CHECK_NONE, 0, 0);
    }
}

/* -- judged again ---------------------------------------------------------------------------- */

static void judge_inline_again(const struct shard *shard, struct failures *failures)
{
    const struct entry record = entry_at(shard, shard->last_seq);
    struct settlement s;
    struct correction c;
    uint32_t field;

    if (record.kind == ENTRY_CORRECTION) {
        const struct entry original = entry_at(shard, record.orig_seq);
        ENSURE(settlement_decode(original.body, &s, &field));
        ENSURE(correction_decode(record.body, &c, &field));
        judge_inline_correction(shard, &s, &original, &record, c.msgid, 2, failures);
    } else {
        ENSURE(settlement_decode(record.body, &s, &field));
        judge_inline(shard, &s, &record, failures);
    }
}

static void judge_entry_again(const struct shard *shard, const struct entry *entry,
                              const struct wallet_entry *its, struct failures *failures)
{
    struct psn_key person;
    switch (its->type) {
    case REQUEST_MAIL: {
        struct mail_batch batch;
        ENSURE(mail_decode(its->message, &batch));
        judge_mail(shard, &batch, entry->stamp_ms);
        return;
    }
    case REQUEST_SWEEP:
        ENSURE(first_person(its, &person));
        judge_due(shard, &person, entry->stamp_ms);
        return;
    case REQUEST_WALLET_FACT:
        judge_fact(shard, le_load16(its->message.data),
                   (struct bytes){its->message.data + 2, its->message.size - 2}, entry->sender,
                   NULL, entry->stamp_ms);
        return;
    case MESSAGE_SETL_POST:
    case MESSAGE_CORRECTION:
        judge_inline_again(shard, failures);
        return;
    default:
        judge_order(shard, its->type, its->message, its->fact, entry->sender, NULL,
                    entry->stamp_ms);
    }
}

const char *wallet_judge_again(const struct shard *shard, const struct entry *entry)
{
    const struct wallet_work *w = shard->work;
    struct failures failures = {0};
    struct wallet_entry its;

    if (!wallet_entry_decode(entry->body, &its)) return "its body makes no sense";
    shard->work->writes = false;
    wallet_decision_begin(&shard->work->decision);
    judge_entry_again(shard, entry, &its, &failures);
    if (failures.count != 0) return error_text(failures.list[0].code);
    if (refused(w)) return error_text(code_of(w));
    if (w->dup) return "it would be a duplicate";
    if (!w->writes) return "nothing would change";
    if (w->entry.period != entry->period) return "its debts would be cleared in another period";
    if (w->entry.orig_seq != entry->orig_seq) return "it would refer to another original";
    if (!bytes_equal(w->entry.body, entry->body)) return "the wallet would change otherwise";
    return NULL;
}
