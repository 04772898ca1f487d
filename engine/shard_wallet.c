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
#include "codec/wallet_reply.h"
#include "shard_wallet_work.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/le.h"

#define MESSAGE_SIZE_MAX 1024 /* Bytes; its entry must hold what it does as well. */
#define ACK_MAX          4096 /* Positions one OutboxAck may acknowledge. */
#define ACK_ROWS         (ACK_MAX / OUTBOX_ROW_MESSAGES + 1)

/* -- room ------------------------------------------------------------------------------------ */

#define MAILS_PER_DECISION (EFFECTS_MAX + OUTGOING_MAX)
#define ROWS_PER_DECISION  (MAILS_PER_DECISION + 6) /* Person, due times, institution, rule, … */
#define BYTES_PER_DECISION (PERSON_PACKED_MAX + ENTRY_BODY_MAX + 16 * MAILS_PER_DECISION)

_Static_assert(SHELF_ROW_COST + sizeof(struct outbox_row) <= PERSON_PACKED_MAX,
               "an item for an outbox changes no person");

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
    return wallets_have_room(shard, 1, type == MESSAGE_OUTBOX_ACK ? ACK_ROWS : 0);
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
    const struct wallet_id id = wallet_id_of(domain, 0, text);
    return wallet_find_id(shard, NULL, &id, &entry, &its) && entry_first_person(&its, ret_person);
}

/* False when refused. */
static bool find_person(const struct shard *shard, struct wallet_work *w,
                        struct psn_key *ret_person)
{
    const struct wallet_order *o = &w->order;
    if (o->psn_key.size != 0) {
        *ret_person = psn_key_of(o->psn_key);
        return true;
    }
    if (w->past.found) {
        *ret_person = w->past.person;
        return true;
    }
    if (o->wlt_id.size != 0) {
        if (person_by_id(shard, ID_WALLET, o->wlt_id, ret_person)) return true;
        work_refuse(w, ERROR_NO_WALLET, WALLET_FIELD(o->type, wlt_id), CHECK_NONE, 0, 0);
    } else if (o->rlts_id.size != 0) {
        if (person_by_id(shard, ID_RELATION, o->rlts_id, ret_person)) return true;
        work_refuse(w, ERROR_NO_RELATION, WALLET_FIELD(o->type, rlts_id), CHECK_NONE, 0, 0);
    } else {
        work_refuse(w, ERROR_MALFORMED, WALLET_FIELD(o->type, psn_key), CHECK_MISSING, 0, 0);
    }
    return false;
}

/* A wallet that is named must be that person's. */
static void check_wallet_named(struct wallet_work *w)
{
    const struct bytes named = w->order.wlt_id;
    if (named.size == 0 || bytes_equal(named, bytes_of(w->after.wallet.wlt_id))) return;
    work_refuse(w, ERROR_NO_WALLET, WALLET_FIELD(w->order.type, wlt_id), CHECK_MATCH, 0, 0);
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
    return entry_read_latest(shard, seq, &type, &found) && type == MESSAGE_PREM_REVERSE &&
           found.said.stas == STAS_REFUSED;
}

/* True when nothing is left of a payment that comes under a new msgid: "done" would read as paid.
 */
static bool is_taken_back(const struct shard *shard, const struct entry *entry,
                          const struct wallet_entry *its, const struct wallet_id *key)
{
    struct found_said found;
    if (its->type != MESSAGE_WLT_PAY || key->domain != ID_PAID) return false;
    entry_read_said(its, &found);
    return -mark_of(shard, entry->seq).changes[AMOUNT_WLT] == found.said.amount;
}

/* A province that may not send it is told nothing of what another one has sent under the number of
 * a matter: whose area that is about says the order, or the payment or person it is about. */
static bool may_ask_again(const struct shard *shard, struct wallet_work *w,
                          const struct entry *first, const struct psn_key *person)
{
    const struct wallet_order *o = &w->order;
    uint32_t area = o->mdtrtarea_admvs != 0 ? o->mdtrtarea_admvs : o->insu_admdvs;
    if (w->entry.sender == 0 || first->sender == w->entry.sender) return true;
    if (area == 0 && w->past.found) area = w->past.place;
    if (area == 0) {
        person_glance(shard, person, &w->before);
        area = w->before.wallet.insu_admdvs;
    }
    if (area / 10000 == w->entry.sender) return true;
    work_refuse(w, ERROR_SENDER_NOT_ALLOWED, WALLET_FIELD(o->type, sender_admdvs), CHECK_MATCH,
                w->entry.sender, area / 10000);
    return false;
}

/* True when that settles it: the first answer again, or a conflict. Else the entry will have it. */
static bool judge_key(const struct shard *shard, struct wallet_work *w, struct bytes message,
                      const struct psn_key *person, const struct wallet_id *key, uint64_t hash,
                      uint32_t conflict)
{
    struct entry entry;
    struct wallet_entry its;
    if (!wallet_find_hash(shard, hash, person, key, &entry, &its)) {
        work_note_id(w, key, hash);
        return false;
    }
    if (key->domain != ID_MSGID && !may_ask_again(shard, w, &entry, person)) return true;
    const uint32_t field =
        key->domain == ID_MSGID ? WALLET_FIELD(w->order.type, msgid) : key_field(&w->order, key);
    if (its.type == MESSAGE_PREM_PAY && premium_refused(shard, entry.seq)) {
        work_refuse(w, ERROR_PREMIUM_REFUSED, field, CHECK_STATE, 0, 0);
    } else if (!same_content(w, &its, message, key)) {
        work_refuse(w, conflict, field, CHECK_NONE, 0, 0);
    } else if (is_taken_back(shard, &entry, &its, key)) {
        work_refuse(w, ERROR_ALREADY_REVERSED, field, CHECK_NONE, 0, 0);
    } else {
        work_answer_again(w, &entry, &its);
    }
    return true;
}

static bool answered_before(const struct shard *shard, struct wallet_work *w, struct bytes message,
                            const struct psn_key *person, const struct answer_ids *ids)
{
    ENSURE(ids->known);
    if (judge_key(shard, w, message, person, &ids->msgid, ids->msgid_hash, ERROR_MSGID_REUSED)) {
        return true;
    }
    return ids->has_key &&
           judge_key(shard, w, message, person, &ids->key, ids->key_hash, ids->conflict);
}

/* A province is asked for a hold until it has answered, and may answer each time: what it says
 * counts once, whatever has become of the transfer since, and what it has left since is not asked.
 * The transfer's own past knows what was said. */
static bool hold_answered_before(const struct shard *shard, struct wallet_work *w,
                                 const struct psn_key *person)
{
    struct entry entry;
    struct wallet_entry its;
    struct wallet_order first;
    uint32_t field;
    if (w->order.type != MESSAGE_PA_HOLD_ACK ||
        !entry_find_later(shard, w->past.seq, MESSAGE_PA_HOLD_ACK, &entry, &its)) {
        return false;
    }
    if (!may_ask_again(shard, w, &entry, person)) return true;
    ENSURE(wallet_order_decode(its.type, its.message, &first, &field));
    if (first.amount == w->order.amount && first.code == w->order.code) {
        work_answer_again(w, &entry, &its);
    } else {
        work_refuse(w, ERROR_CLIENT_NO_REUSED, WALLET_FIELD(its.type, amount), CHECK_MATCH,
                    w->order.amount, first.amount);
    }
    return true;
}

/* -- orders ---------------------------------------------------------------------------------- */

/* The fact must be about the person the message names. None came where the message names nobody
 * whose shard could be found: then that is what is wrong with it, and judge_order() says so. */
static void read_fact(struct wallet_work *w, struct bytes fact)
{
    const struct wallet_order *o = &w->order;
    if (fact.size == sizeof w->fact) {
        memcpy(&w->fact, fact.data, sizeof w->fact);
        w->has_fact = true;
    }
    if (!wallet_asks_other(o->type)) return;
    if (!w->has_fact && o->psn_key.size == 0 && o->other_key.size == PSN_KEY_SIZE) {
        /* An id that leads to nobody: so nobody was asked. */
        const bool accept = o->type == MESSAGE_TRSF_ACCEPT;
        work_refuse(w, accept ? ERROR_NO_TRANSFER : ERROR_NO_WALLET,
                    accept ? WALLET_FIELD(o->type, trsf_id) : WALLET_FIELD(o->type, wlt_id),
                    CHECK_STATE, 0, 0);
    } else if (!w->has_fact || o->other_key.size != PSN_KEY_SIZE ||
               memcmp(w->fact.psn_key.bytes, o->other_key.data, PSN_KEY_SIZE) != 0) {
        work_refuse(w, ERROR_MALFORMED, WALLET_FIELD(o->type, other_key),
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
        work_refuse(w, ERROR_MALFORMED, field, CHECK_NONE, 0, 0);
        return false;
    }
    if (message.size > MESSAGE_SIZE_MAX) {
        work_refuse(w, ERROR_MALFORMED, 0, CHECK_LENGTH, (int64_t)message.size, MESSAGE_SIZE_MAX);
        return false;
    }
    wallet_order_check(&w->order, &w->decision.failures);
    const uint32_t said = province_said(w->order.sender_admdvs);
    if (province != 0 && said != 0 && said != province) {
        work_refuse(w, ERROR_SENDER_NOT_ALLOWED, WALLET_FIELD(type, sender_admdvs), CHECK_MATCH,
                    said, province);
    }
    if (!work_refused(w)) read_fact(w, fact);
    return !work_refused(w);
}

/* A destination has everything up to there. Said twice it changes nothing, so no msgid is kept. */
static void judge_ack(const struct shard *shard, struct wallet_work *w)
{
    const struct wallet_order *o = &w->order;
    const uint32_t dest = outbox_dest(o->place);
    const uint32_t field = WALLET_FIELD(o->type, position);

    if (dest >= OUTBOX_COUNT || outbox_shard(dest, shard->config.shards) != shard->config.shard) {
        work_refuse(w, ERROR_AREA_UNKNOWN, WALLET_FIELD(o->type, place), CHECK_KNOWN, o->place, 0);
        return;
    }
    const uint64_t acked = shard->counters.out_acked[dest];
    const uint64_t last = shard->counters.out_next[dest] - 1;
    if (w->entry.sender != 0 && outbox_dest(w->entry.sender) != dest) {
        work_refuse(w, ERROR_SENDER_NOT_ALLOWED, WALLET_FIELD(o->type, place), CHECK_MATCH,
                    o->place, w->entry.sender);
    } else if (o->position > last) {
        work_refuse(w, ERROR_MALFORMED, field, CHECK_RANGE, (int64_t)o->position, (int64_t)last);
    } else if (o->position > acked + ACK_MAX) {
        work_refuse(w, ERROR_RANGE_TOO_WIDE, field, CHECK_RANGE, (int64_t)(o->position - acked),
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
    struct wallet_input input = work_input(shard, w);

    if (institution_load(shard, o->fixmedins_code, &w->institution)) {
        input.institution = &w->institution;
    }
    if (o->type == MESSAGE_RULE_PUSH) {
        input.rule = params_find(shard->params, o->place, params_by_name(o->name), o->eff_ms);
    }
    if (!w->has_person) person_clear(&w->after, (struct psn_key){{0}});
    wallet_judge(&input, &w->after, &w->decision);
    if (work_refused(w)) return;
    if (w->past.found) work_refer(shard, w, w->past.seq);
}

/* What is decided when nothing has to be written: the answer alone. Where it is about nobody there
 * is no number to name; `after` is then whoever was judged last. */
static void answer_only(struct wallet_work *w)
{
    w->dup = w->decision.dup;
    w->said = w->decision.said;
    w->seq = w->has_person ? w->after.head.last_seq : 0;
    w->stamp_ms = w->entry.stamp_ms;
}

static void judge_new(const struct shard *shard, struct wallet_work *w, struct bytes message)
{
    if (w->order.type == MESSAGE_OUTBOX_ACK) {
        judge_ack(shard, w);
    } else {
        judge_chapter(shard, w);
    }
    if (work_refused(w)) return;
    if (w->decision.nothing) {
        answer_only(w);
        return;
    }
    work_assign_period(shard, w);
    work_finish(shard, w, w->order.type, message);
}

static void judge_order(const struct shard *shard, uint16_t type, struct bytes message,
                        struct bytes fact, uint16_t province, const struct opened *opened,
                        int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    struct psn_key person;

    work_begin(w);
    w->entry.stamp_ms = now_ms;
    w->entry.sender = province;
    if (!open_order(w, type, message, fact, province, opened)) return;
    if (type == MESSAGE_OUTBOX_ACK) {
        judge_new(shard, w, message);
        return;
    }
    work_find_past(shard, w);
    if (work_refused(w)) return;
    struct answer_ids found;
    if (concerns_nobody(type)) {
        answer_ids_of(shard, &w->order, w->entry.sender, NULL, &found);
        if (!answered_before(shard, w, message, NULL, &found)) judge_new(shard, w, message);
        return;
    }
    if (!find_person(shard, w, &person)) return;
    const struct answer_ids *ids = &found;
    struct person_ahead ahead;
    if (opened != NULL && opened->ids.known && psn_same(&opened->ids.person, &person)) {
        ids = &opened->ids; /* That was known long before. */
    } else {
        found_ahead(shard, &w->order, w->entry.sender, &person, &ahead, &found);
    }
    if (answered_before(shard, w, message, &person, ids) ||
        hold_answered_before(shard, w, &person)) {
        return;
    }
    if (ids == &found) found_ahead_more(shard, &ahead);
    if (wallet_asks_other(type) && !w->has_fact) {
        work_refuse(w, ERROR_MALFORMED, WALLET_FIELD(type, other_key), CHECK_MATCH, 0, 0);
        return;
    }
    work_load(shard, w, &person);
    check_wallet_named(w);
    if (type == MESSAGE_TRSF_SUBMIT && dues_full(shard->dues)) {
        work_refuse(w, ERROR_OVERLOAD, 0, CHECK_NONE, 0, 0);
    }
    if (!work_refused(w)) judge_new(shard, w, message);
}

static uint32_t work_code(const struct wallet_work *w)
{
    return work_refused(w) ? w->decision.failures.list[0].code : ERROR_OK;
}

static void put_reply(struct shard *shard, const struct request *request)
{
    const struct wallet_work *w = shard->work;
    const uint32_t code = work_code(w);
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

/* Fills in work->fact of a person, whatever the message says besides. */
static bool read_fact_of(const struct shard *shard, uint16_t type, struct bytes key)
{
    struct wallet_work *w = shard->work;
    if (key.size != PSN_KEY_SIZE) return false;
    const struct psn_key person = psn_key_of(key);
    work_begin(w);
    w->order.type = type;
    person_glance(shard, &person, &w->before);
    const struct wallet_input input = work_input(shard, w);
    wallet_fact_of(&input, &w->before, &w->fact, &w->decision);
    return true;
}

/* The other person is at home here, too: one stop does for two. Nothing for a message that names
 * nobody; what is wrong with it is said when it is judged. */
static struct bytes look_at_other(const struct shard *shard, const struct request *request,
                                  const struct opened *opened, struct wallet_fact *ret_fact)
{
    struct wallet_work *w = shard->work;
    uint32_t field;
    if (!fact_is_look(request->type) ||
        !read_order(w, request->type, request->body, opened, &field)) {
        return (struct bytes){0};
    }
    const struct bytes key = w->order.other_key;
    if (key.size != PSN_KEY_SIZE ||
        route_shard(key.data, shard->config.shards) != shard->config.shard ||
        !read_fact_of(shard, request->type, key)) {
        return (struct bytes){0};
    }
    *ret_fact = w->fact;
    return (struct bytes){(const uint8_t *)ret_fact, sizeof *ret_fact};
}

/* What was judged without a record that cannot be read is nothing, but that. */
static void work_refuse_unread(struct shard *shard)
{
    struct wallet_work *w = shard->work;
    struct failure failure;
    if (!unread_take(shard, &failure)) return;
    work_begin(w);
    work_refuse(w, failure.code, failure.field, failure.check, failure.got, failure.want);
}

void take_wallet(struct shard *shard, const struct request *request, const struct opened *opened,
                 int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    const size_t front = request->area <= request->body.size ? request->area : 0;
    const struct bytes message = {request->body.data + front, request->body.size - front};
    struct bytes fact = {request->body.data, front};
    struct wallet_fact seen;

    if (request->area == FACT_HERE) fact = look_at_other(shard, request, opened, &seen);
    judge_order(shard, request->type, message, fact, request->province, opened, now_ms);
    work_refuse_unread(shard);
    if (work_refused(w)) {
        shard->status.rejected++;
    } else if (w->dup) {
        shard->status.duplicate++;
    } else {
        shard->status.accepted++;
    }
    if (w->writes) {
        append_wallet(shard);
        recent_put(shard);
    }
    put_reply(shard, request);
}

/* -- the first of two stops ------------------------------------------------------------------ */

/* Fills in work->fact for a premium; an entry where the claim is made. */
static bool judge_claim(const struct shard *shard, uint16_t type, struct bytes message,
                        uint16_t province, const struct opened *opened, int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    uint32_t field;

    work_begin(w);
    w->entry.stamp_ms = now_ms;
    w->entry.sender = province;
    if (type != MESSAGE_PREM_PAY || message.size > MESSAGE_SIZE_MAX ||
        !read_order(w, type, message, opened, &field) || w->order.other_key.size != PSN_KEY_SIZE) {
        return false;
    }
    const struct psn_key person = psn_key_of(w->order.other_key);
    work_load(shard, w, &person);
    const struct wallet_input input = work_input(shard, w);
    memset(&w->fact, 0, sizeof w->fact);
    wallet_fact_of(&input, &w->after, &w->fact, &w->decision);
    if (!w->decision.nothing && w->fact.code == ERROR_OK) {
        uint8_t typed[2 + MESSAGE_SIZE_MAX];
        le_store16(typed, type);
        memcpy(typed + 2, message.data, message.size);
        work_assign_period(shard, w);
        work_finish(shard, w, REQUEST_WALLET_FACT, (struct bytes){typed, 2 + message.size});
        ENSURE(w->writes);
    }
    return true;
}

/* Disputes know a payment by its id: of one that is named by its settlement, the id. Reads only;
 * what is wrong with the order is said when it is judged. */
static void take_payment_asked(struct shard *shard, const struct request *request, int64_t now_ms)
{
    struct wallet_work *w = shard->work;
    struct failure failure;
    work_begin(w);
    w->entry.stamp_ms = now_ms;
    w->entry.sender = request->province;
    if (open_order(w, (uint16_t)request->period, request->body, (struct bytes){0},
                   request->province, NULL)) {
        work_find_past(shard, w);
    }
    if (unread_take(shard, &failure)) {
        put_unread(shard, request, &failure);
        return;
    }
    const bool found = !work_refused(w) && w->past.found;
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
    const uint16_t type = (uint16_t)request->period;
    const bool done = fact_by_key(request) ? read_fact_of(shard, type, request->body)
                                           : judge_claim(shard, type, request->body,
                                                         request->province, opened, now_ms);
    if (!done) {
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
    struct failure failure;
    uint32_t field;

    work_begin(w);
    if (type == MESSAGE_WLT_PAY_REVERSE &&
        wallet_order_decode(type, request->body, &w->order, &field)) {
        wallet_order_check(&w->order, &w->decision.failures);
        if (!work_refused(w)) work_find_past(shard, w);
    }
    if (unread_take(shard, &failure)) {
        put_unread(shard, request, &failure);
        return;
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
    work_begin(w);
    w->entry.stamp_ms = stamp_ms;
    work_load(shard, w, person);
    wallet_sweep(shard->params, stamp_ms, &w->after, &w->decision);
    work_refer_to_ended(shard, w);
    work_assign_period(shard, w);
    work_finish(shard, w, REQUEST_SWEEP, (struct bytes){0});
    ENSURE(w->writes);
    /* As it stood before it was shortened. Else it would be due for ever. */
    ENSURE(changes_rows((struct bytes){w->body, w->body_size}));
}

bool sweep(struct shard *shard, int64_t until_ms)
{
    const struct due *due;
    while ((due = dues_first(shard->dues)) != NULL && due->due_ms <= until_ms) {
        if (!wallets_have_room(shard, 1, 0)) return false;
        judge_due(shard, &due->person,
                  due->due_ms > shard->stamp_ms ? due->due_ms : shard->stamp_ms);
        append_wallet(shard);
    }
    return true;
}

/* -- judged again ---------------------------------------------------------------------------- */

static void judge_inline_again(const struct shard *shard, struct failures *failures)
{
    const struct entry record = entry_needed(shard, shard->last_seq);
    struct settlement s;
    struct correction c;
    uint32_t field;

    if (record.kind == ENTRY_CORRECTION) {
        const struct entry original = entry_needed(shard, record.orig_seq);
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
        ENSURE(entry_first_person(its, &person));
        judge_due(shard, &person, entry->stamp_ms);
        return;
    case REQUEST_WALLET_FACT:
        judge_claim(shard, le_load16(its->message.data),
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

/* In whatever form it stands in the journal. `body` is one that was not shortened. */
static bool says_the_same(const struct wallet_entry *its, struct bytes body)
{
    struct wallet_entry now;
    ENSURE(wallet_entry_decode(body, &now));
    return now.type == its->type && bytes_equal(now.message, its->message) &&
           bytes_equal(now.fact, its->fact) && bytes_equal(now.ops, its->ops);
}

const char *wallet_judge_again(const struct shard *shard, const struct entry *entry)
{
    const struct wallet_work *w = shard->work;
    struct failures failures = {0};
    struct wallet_entry its;
    struct failure unread;

    if (!wallet_entry_decode(entry->body, &its)) return "its body makes no sense";
    shard->work->writes = false;
    wallet_decision_begin(&shard->work->decision);
    shard->work->in_words = true;
    judge_entry_again(shard, entry, &its, &failures);
    shard->work->in_words = false;
    if (unread_take(shard, &unread)) return error_text(unread.code);
    if (failures.count != 0) return error_text(failures.list[0].code);
    if (work_refused(w)) return error_text(work_code(w));
    if (w->dup) return "it would be a duplicate";
    if (!w->writes) return "nothing would change";
    if (w->entry.period != entry->period) return "its debts would be cleared in another period";
    if (w->entry.orig_seq != entry->orig_seq) return "it would refer to another original";
    if (!says_the_same(&its, (struct bytes){w->body, w->body_size})) {
        return "the wallet would change otherwise";
    }
    return NULL;
}
