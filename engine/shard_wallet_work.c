/* shard_wallet_work -- one judgement about wallets: how it begins, what stands in its way, and the
 * entry that comes of it, with the debts behind it in the same block. */
#include "shard_wallet_work.h"

#include "codec/messages.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/wire.h"
#include "util/le.h"

/* -- small helpers --------------------------------------------------------------------------- */

void work_begin(struct wallet_work *w)
{
    wallet_decision_begin(&w->decision);
    w->past.found = false;
    w->has_fact = w->has_person = w->has_before = w->writes = w->dup = false;
    w->way = BODY_BY_OPS;
    w->acks = w->inline_of = false;
    w->id_count = w->used_count = 0;
    w->put_count = 0;
    w->packed_size = 0;
    w->seq = 0;
    w->stamp_ms = 0;
    memset(&w->said, 0, sizeof w->said);
    w->entry = (struct entry){0};
}

void work_refuse(struct wallet_work *w, uint32_t code, uint32_t field, enum check check,
                 int64_t got, int64_t want)
{
    failures_add(&w->decision.failures, code, field, check, got, want);
}

bool work_refused(const struct wallet_work *w)
{
    return w->decision.failures.count != 0;
}

/* False on a manual clock that nobody has set yet. */
static bool time_known(const struct shard *shard, int64_t now_ms)
{
    return !shard->config.manual_clock || now_ms != MANUAL_CLOCK_START_MS;
}

void work_load(const struct shard *shard, struct wallet_work *w, const struct psn_key *person)
{
    if (person_find(shard, person, &w->packed_before)) {
        ENSURE(person_unpack(w->packed_before, *person, &w->after));
    } else {
        w->packed_before = (struct bytes){0};
        person_clear(&w->after, *person);
    }
    w->has_person = true;
    w->has_before = false;
}

struct person *work_before(struct wallet_work *w)
{
    if (w->has_before) return &w->before;
    if (w->packed_before.size == 0) {
        person_clear(&w->before, w->after.key);
    } else {
        ENSURE(person_unpack(w->packed_before, w->after.key, &w->before));
    }
    w->has_before = true;
    return &w->before;
}

struct psn_key psn_key_of(struct bytes bytes)
{
    struct psn_key key;
    ENSURE(bytes.size == PSN_KEY_SIZE);
    memcpy(key.bytes, bytes.data, PSN_KEY_SIZE);
    return key;
}

struct wallet_id wallet_id_of(char domain, uint32_t scope, struct bytes text)
{
    struct wallet_id id = {.domain = domain, .scope = scope};
    ENSURE(text.size < sizeof id.text);
    if (text.size != 0) memcpy(id.text, text.data, text.size);
    return id;
}

void work_note_id(struct wallet_work *w, const struct wallet_id *id, uint64_t hash)
{
    for (uint32_t i = 0; i < w->id_count; i++) {
        const struct wallet_id *noted = &w->ids[i];
        if (w->id_hashes[i] == hash && noted->domain == id->domain && noted->scope == id->scope &&
            strcmp(noted->text, id->text) == 0) {
            return;
        }
    }
    ENSURE(w->id_count < sizeof w->ids / sizeof w->ids[0]);
    w->id_hashes[w->id_count] = hash;
    w->ids[w->id_count++] = *id;
}

/* The month that a decision's debts belong to: of its stamp; of what is taken back that of the
 * payment, for which its cell takes it back as long as it is open. A closed year takes nothing. */
static uint32_t debt_month(const struct shard *shard, const struct wallet_work *w)
{
    const uint16_t type = w->order.type;
    const uint32_t original = w->past.found ? w->past.orig_period : 0;
    if ((type == MESSAGE_WLT_PAY_REVERSE || type == MESSAGE_PREM_REVERSE) &&
        original / 100 > shard->closed_year &&
        params_value(shard->params, PARAM_REVERSAL_MONTH, w->after.wallet.insu_admdvs,
                     w->entry.stamp_ms) == REVERSAL_ORIGINAL) {
        return original;
    }
    return civil_month(w->entry.stamp_ms);
}

/* Nearly every order is none of these, and none of those asks for a month. */
static bool may_owe(const struct wallet_work *w)
{
    const uint16_t type = w->order.type;
    return w->inline_of || type == MESSAGE_WLT_PAY || type == MESSAGE_WLT_PAY_REVERSE ||
           type == MESSAGE_PREM_PAY || type == MESSAGE_PREM_REVERSE;
}

/* The month in which its debts are cleared, and of which its givers are told: with a settlement the
 * settlement's. */
static uint32_t debt_period(const struct shard *shard, const struct wallet_work *w)
{
    return w->inline_of ? w->entry.period : open_period(shard, debt_month(shard, w));
}

struct wallet_input work_input(const struct shard *shard, const struct wallet_work *w)
{
    return (struct wallet_input){
        .order = &w->order,
        .fact = w->has_fact ? &w->fact : NULL,
        .params = shard->params,
        .past = w->past.found ? &w->past : NULL,
        .now_ms = w->entry.stamp_ms,
        .debt_period = may_owe(w) ? debt_period(shard, w) : 0,
        .time_known = time_known(shard, w->entry.stamp_ms),
        .province = w->entry.sender,
    };
}

/* The transfer that ended, if one did: its entry is what this one refers to. */
void work_refer_to_ended(const struct shard *shard, struct wallet_work *w)
{
    const struct person *before = work_before(w);
    for (uint32_t i = 0; i < before->transfer_count; i++) {
        const struct transfer_row *row = &before->transfers[i];
        if (person_transfer(&w->after, bytes_of(row->trsf_id)) != NULL) continue;
        work_refer(shard, w, row->seq);
        return;
    }
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

/* The month the debts are cleared in, where they come by themselves. */
void work_assign_period(const struct shard *shard, struct wallet_work *w)
{
    w->debt_ms = w->entry.stamp_ms;
    if (w->decision.debt_count == 0) return;
    const uint32_t month = debt_month(shard, w);
    w->entry.orig_period = month;
    w->entry.period = open_period(shard, month);
    if (w->entry.period != month) w->entry.flags |= ENTRY_LATE;
    if (month / 100 <= shard->closed_year) {
        work_refuse(w, ERROR_PERIOD_CLOSED, 0, CHECK_RANGE, month / 100, shard->closed_year);
    } else if (period_closing(shard, w->entry.period)) {
        work_refuse(w, ERROR_OVERLOAD, 0, CHECK_NONE, 0, 0);
    }
}

/* Adds what debts before it post to the same cell. False: that does not fit. */
static bool add_same_cell(struct posting *sum, const struct posting *before, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&sum->key, &before[i].key, sizeof sum->key) != 0) continue;
        if (__builtin_add_overflow(sum->medfee, before[i].medfee, &sum->medfee)) return false;
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            if (__builtin_add_overflow(sum->funds[fund], before[i].funds[fund], &sum->funds[fund]))
                return false;
        }
    }
    return true;
}

/* The debts are posted together, and with a settlement: so they must fit together. Two that need
 * the same new cell are counted as two: nobody minds when so few are left. */
static void check_debts(const struct shard *shard, struct wallet_work *w)
{
    uint8_t out[SETTLEMENT_ENCODED_MAX];
    struct posting postings[DEBTS_MAX];
    uint32_t new_cells = 0;
    for (uint32_t i = 0; i < w->decision.debt_count; i++) {
        const struct entry entry = debt_entry(shard, w, &w->decision.debts[i], out);
        struct settlement s;
        postings[i] = debt_posting(&entry, &s);
        struct posting sum = postings[i];
        ENSURE(entry_size(entry.body.size) <= DEBT_SIZE_MAX);
        if (book_find(shard->book, sum.key) == NULL) new_cells++;
        if (!add_same_cell(&sum, postings, i) || !book_fits(shard->book, &sum)) {
            refuse_unfit(shard, &postings[i], 0, &w->decision.failures);
            return;
        }
    }
    if (new_cells != 0 && !book_has_room(shard->book, new_cells + w->inline_of)) {
        refuse_full(shard, &w->decision.failures);
    }
}

/* Transfers begun by this entry say which it is. */
static void number_transfers(const struct shard *shard, struct wallet_work *w)
{
    for (uint32_t i = 0; i < w->after.transfer_count; i++) {
        if (w->after.transfers[i].seq == 0) w->after.transfers[i].seq = shard->last_seq + 1;
    }
}

void work_write_decision(struct ops_writer *writer, const struct wallet_work *w)
{
    decision_write(&w->decision, writer);
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

bool work_said_something(const struct wallet_said *said)
{
    static const struct wallet_said nothing;
    return memcmp(said, &nothing, sizeof nothing) != 0;
}

/* What was written becomes the body of the entry. */
void work_take_body(struct wallet_work *w, const struct ops_writer *writer)
{
    const bool mail = le_load16(writer->out) == REQUEST_MAIL;
    w->body_size = writer->size;
    w->entry.body =
        (struct bytes){w->shortened, ops_shorten(writer, mail ? MAIL_HEAD_SIZE : 0, w->shortened)};
}

/* The body at once; false when it has to be made of ops. */
static bool write_plain(struct wallet_work *w, uint16_t type, struct bytes message)
{
    const struct plain_order order = {
        .type = type,
        .message = message,
        .fact = &w->fact,
        .person = &w->after,
        .decision = &w->decision,
        .ids = w->ids,
        .id_count = w->id_count,
    };
    if (w->decision.plain == PLAIN_NONE || w->in_words || !w->has_fact) return false;
    const size_t size = plain_write_order(&order, w->shortened);
    if (size == 0) return false;
    w->entry.body = (struct bytes){w->shortened, size};
    w->way = BODY_PLAIN_ORDER;
    return true;
}

/* The body of the entry; false when it is too large for one. */
static bool write_body(struct wallet_work *w, uint16_t type, struct bytes message)
{
    const struct bytes fact = {(const uint8_t *)&w->fact, w->has_fact ? sizeof w->fact : 0};
    struct ops_writer writer;

    ops_begin(&writer, w->body, sizeof w->body, type, message, fact);
    if (w->has_person) ops_put_person(&writer, work_before(w), &w->after, true);
    if (work_said_something(&w->said)) ops_put(&writer, OP_SAID, 0, &w->said, sizeof w->said);
    if (w->acks) write_ack(&writer, w);
    work_write_decision(&writer, w);
    if (!writer.full) work_take_body(w, &writer);
    return !writer.full;
}

/* Keeps the person who was judged, to be put away when the entry is applied. */
void work_keep_person(struct wallet_work *w)
{
    ENSURE(w->put_count < ENTRY_PERSONS_MAX);
    ENSURE(sizeof w->packed - w->packed_size >= PERSON_PACKED_MAX);
    struct put_person *put = &w->puts[w->put_count++];
    *put = person_put_away(&w->after, w->packed + w->packed_size);
    put->at = w->packed_size;
    w->packed_size += put->size;
}

/* What an entry of that decision refers to: the payment or transfer it is about. */
void work_refer(const struct shard *shard, struct wallet_work *w, uint64_t orig_seq)
{
    const struct mark mark = mark_of(shard, orig_seq);
    w->entry.orig_seq = orig_seq;
    w->entry.prev_seq = mark.last_seq != 0 ? mark.last_seq : orig_seq;
}

/* From the decision to the entry and what is answered. */
void work_finish(const struct shard *shard, struct wallet_work *w, uint16_t type,
                 struct bytes message)
{
    struct wallet_decision *d = &w->decision;
    if (work_refused(w)) return;
    for (uint32_t i = 0; i < d->id_count; i++) {
        const uint64_t hash =
            hash_wallet_id(shard, w->has_person ? &w->after.key : NULL, &d->ids[i]);
        work_note_id(w, &d->ids[i], hash);
        id_ahead(shard, hash);
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
    if (!write_plain(w, type, message) && !write_body(w, type, message)) {
        work_refuse(w, ERROR_TOO_MANY, 0, CHECK_NONE, 0, 0);
    }
    w->writes = !work_refused(w);
    if (w->writes && w->has_person) work_keep_person(w);
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
