/* shard_judge -- what is decided about a message: the rules, the ids, the originals, the months.
 * What changes a record stands in shard_changes.c.
 *
 * Changes nothing and remembers nothing: a refused message leaves no trace, mended it may come
 * again under the same ids. The order of the judgement (docs/rules.md, Order of checks):
 *   form, who may speak, was it answered before, every rule, the original, the month, the sums. */
#include "shard_judge.h"

#include "types/civil.h"

uint32_t province_said(uint32_t admdvs)
{
    return admdvs > 99 ? admdvs / 10000 : admdvs;
}

/* Who counts as the sender: the session, else who the message names, else the usual one. */
static uint32_t sender_of(const struct message *message, uint32_t sender_admdvs,
                          uint32_t default_admdvs)
{
    if (message->province != 0) return message->province;
    const uint32_t said = province_said(sender_admdvs);
    return said != 0 ? said : default_admdvs / 10000;
}

/* The cell that a sound settlement will be posted to, but for the month. An unsound one gets some
 * cell: it is not posted. */
static struct cell_key cell_ahead(const struct shard *shard, const struct settlement *s)
{
    const uint8_t payer = province_of_area(s->insu_admdvs);
    const uint8_t payee = province_of_area(s->mdtrtarea_admvs);
    const int line = tables_line(shard->tables, s->med_type);
    const int insurance = tables_insurance(shard->tables, s->insutype);
    if (payer == PROVINCE_NONE || payee == PROVINCE_NONE || line < 0 || insurance < 0) {
        return (struct cell_key){0};
    }
    return (struct cell_key){
        .payer = payer, .payee = payee, .line = (uint8_t)line, .insurance = (uint8_t)insurance};
}

static void hash_settlement(const struct shard *shard, struct message *message)
{
    const struct settlement *s = &message->settlement;
    const uint32_t sender = sender_of(message, s->sender_admdvs, s->mdtrtarea_admvs);
    message->msgid_hash = hash_msgid(shard, sender, s->msgid, s->psn_key);
    message->setl_id_hash = hash_setl_id(shard, s->insu_admdvs, s->setl_id);
}

/* The directory first and in a loop that does nothing else: which page a place is on takes longer
 * to find than anything here, and the processor finds several at a time if they come together.
 * Where a cell stands was asked for when the message was opened, and has come by now. */
void messages_ahead(const struct shard *shard, const struct message *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!list[i].settles) continue;
        directory_prefetch(shard->directory, list[i].msgid_hash);
        directory_prefetch(shard->directory, list[i].setl_id_hash);
        delta_prefetch(shard->active, list[i].msgid_hash);
        delta_prefetch(shard->active, list[i].setl_id_hash);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].settles) book_prefetch(shard->book, list[i].cell);
    }
}

void message_open(const struct shard *shard, uint16_t type, uint16_t province, struct bytes body,
                  struct message *ret_message)
{
    struct message *m = ret_message;
    m->type = type;
    m->province = province;
    m->body = body;
    m->bad_field = 0;
    m->settles = false;
    switch (type) {
    case MESSAGE_SETL_POST:
        m->formed = settlement_decode(body, &m->settlement, &m->bad_field);
        m->settles = m->formed;
        if (!m->formed) return;
        hash_settlement(shard, m);
        m->cell = cell_ahead(shard, &m->settlement);
        book_prefetch_place(shard->book, m->cell);
        return;
    case MESSAGE_SETL_REVERSE:
        m->formed = reversal_decode(body, &m->reversal, &m->bad_field);
        return;
    case MESSAGE_SETL_ADJUST:
        m->formed = adjustment_decode(body, &m->adjustment, &m->bad_field);
        return;
    case MESSAGE_CORRECTION:
        m->formed = correction_decode(body, &m->correction, &m->bad_field);
        return;
    default:
        m->formed = false;
    }
}

/* -- ids, months, senders ------------------------------------------------------------------- */

/* msgid and person of any entry a person can have sent. */
static bool entry_ids(const struct entry *entry, struct bytes *ret_msgid, struct bytes *ret_psn)
{
    if (is_record(entry)) {
        const struct settlement s = settlement_of(entry);
        *ret_msgid = s.msgid;
        *ret_psn = s.psn_key;
        return true;
    }
    if (entry->kind == ENTRY_ADJUSTMENT) {
        const struct adjustment a = adjustment_of(entry);
        *ret_msgid = a.msgid;
        *ret_psn = a.psn_key;
        return true;
    }
    if (entry->kind == ENTRY_CORRECTION) {
        const struct correction c = correction_of(entry);
        *ret_msgid = c.msgid;
        *ret_psn = c.psn_key;
        return true;
    }
    return false;
}

bool find_msgid(const struct shard *shard, uint64_t hash, uint32_t sender, struct bytes msgid,
                struct bytes psn_key, struct entry *ret_entry)
{
    struct lookup lookup;
    lookup_begin(shard, hash, &lookup);
    while (lookup_next(shard, &lookup, ret_entry)) {
        struct bytes its_msgid;
        struct bytes its_psn;
        if (ret_entry->sender == sender && entry_ids(ret_entry, &its_msgid, &its_psn) &&
            bytes_equal(its_msgid, msgid) && bytes_equal(its_psn, psn_key)) {
            return true;
        }
    }
    return false;
}

bool find_tombstone(const struct shard *shard, uint64_t hash, uint32_t sender, struct bytes msgid,
                    struct bytes psn_key, int64_t now_ms, struct entry *ret_entry)
{
    struct lookup lookup;
    lookup_begin(shard, hash, &lookup);
    while (lookup_next(shard, &lookup, ret_entry)) {
        if (ret_entry->kind != ENTRY_CORRECTION || ret_entry->orig_seq != 0) continue;
        if (ret_entry->sender != sender) continue;
        if (now_ms - ret_entry->stamp_ms >= shard->tables->tombstone_ttl_ms) continue;
        const struct correction c = correction_of(ret_entry);
        if (bytes_equal(c.omsgid, msgid) && bytes_equal(c.psn_key, psn_key)) return true;
    }
    return false;
}

bool find_setl_id(const struct shard *shard, uint64_t hash, uint32_t insu_admdvs,
                  struct bytes setl_id, struct bytes psn_key, struct entry *ret_entry,
                  struct settlement *ret_settlement)
{
    struct lookup lookup;
    lookup_begin(shard, hash, &lookup);
    while (lookup_next(shard, &lookup, ret_entry)) {
        if (!is_record(ret_entry)) continue;
        *ret_settlement = settlement_of(ret_entry);
        if (ret_settlement->insu_admdvs == insu_admdvs &&
            bytes_equal(ret_settlement->setl_id, setl_id) &&
            bytes_equal(ret_settlement->psn_key, psn_key)) {
            return true;
        }
    }
    return false;
}

uint32_t open_period(const struct shard *shard, uint32_t month)
{
    return month > shard->cut_through ? month : civil_month_next(shard->cut_through);
}

bool period_closing(const struct shard *shard, uint32_t period)
{
    return period < shard->closing;
}

void refuse_full(const struct shard *shard, struct failures *failures)
{
    uint32_t count;
    (void)book_cells(shard->book, &count);
    failures_add(failures, ERROR_TOO_MANY, 0, CHECK_RANGE, count, shard->config.cells);
}

void refuse_unfit(const struct shard *shard, const struct posting *posting, uint32_t field,
                  struct failures *failures)
{
    if (book_find(shard->book, posting->key) == NULL) {
        refuse_full(shard, failures);
    } else {
        failures_add(failures, ERROR_AMOUNT_RANGE, field, CHECK_RANGE, posting_total(posting),
                     INT64_MAX);
    }
}

void assign_period(const struct shard *shard, uint32_t month, uint32_t field,
                   struct verdict *verdict)
{
    struct entry *entry = &verdict->entry;
    entry->orig_period = month;
    entry->period = open_period(shard, month);
    if (entry->period != month) entry->flags |= ENTRY_LATE;
    if (month / 100 <= shard->closed_year) {
        refuse(verdict, ERROR_PERIOD_CLOSED, field, CHECK_RANGE, month / 100, shard->closed_year);
    } else if (period_closing(shard, entry->period) && !refused(verdict)) {
        refuse(verdict, ERROR_OVERLOAD, field, CHECK_NONE, 0, 0);
    }
}

uint16_t judge_sender(const struct message *message, uint32_t sender_admdvs,
                      uint32_t default_admdvs, uint32_t field, struct verdict *verdict)
{
    const uint32_t said = province_said(sender_admdvs);
    const uint32_t sender = sender_of(message, sender_admdvs, default_admdvs);

    if (sender == 0) {
        refuse(verdict, ERROR_MALFORMED, 46, CHECK_MISSING, 0, 0);
    } else if (province_index(sender) == PROVINCE_NONE) {
        /* Taken from the place of treatment: that this is unknown is said about the area itself. */
        if (message->province == 0 && said == 0) return (uint16_t)sender;
        refuse(verdict, ERROR_SENDER_NOT_ALLOWED, 46, CHECK_KNOWN, sender, 0);
    } else if (said != 0 && said != sender) {
        refuse(verdict, ERROR_SENDER_NOT_ALLOWED, 46, CHECK_MATCH, said, sender);
    } else if (default_admdvs != 0 && default_admdvs / 10000 != sender) {
        refuse(verdict, ERROR_SENDER_NOT_ALLOWED, field, CHECK_MATCH, default_admdvs / 10000,
               sender);
    }
    return (uint16_t)sender;
}

static void set_decided(struct entry *entry, struct decided decided)
{
    entry->line = decided.line;
    entry->insurance = decided.insurance;
    if (decided.acct_pay_includes_mulaid) entry->flags |= ENTRY_MULAID_IN_ACCT;
    if (decided.fund_sum_includes_acct) entry->flags |= ENTRY_ACCT_IN_FUND;
    if (decided.clear_mulaid) entry->flags |= ENTRY_MULAID_CLEARED;
}

static struct rule_time rule_time(const struct shard *shard, int64_t now_ms)
{
    const bool never_set = shard->config.manual_clock && now_ms == MANUAL_CLOCK_START_MS;
    return (struct rule_time){.now_ms = now_ms, .known = !never_set};
}

/* -- settlement and refund ------------------------------------------------------------------ */

/* A repeated id: the same content is answered again, other content is a conflict. Who may not
 * speak, or was told that his message is cancelled, is told no more than that. */
static bool judge_repeated(const struct shard *shard, const struct settlement *s,
                           const struct entry *first, const struct settlement *its,
                           uint32_t conflict, uint32_t field, struct verdict *verdict)
{
    if (!settlement_same(s, its)) {
        refuse(verdict, conflict, field, CHECK_NONE, 0, 0);
    } else if (is_reversed(shard, first->seq)) {
        refuse(verdict, ERROR_ALREADY_REVERSED, field, CHECK_NONE, 0, 0);
    } else if (!refused(verdict)) {
        answer_again(verdict, first, STATE_ACCRUED);
        return true;
    }
    return false;
}

/* False is certain, and the answer for nearly every id. */
static bool maybe_seen(const struct shard *shard, uint64_t hash)
{
    struct lookup lookup;
    lookup_begin(shard, hash, &lookup);
    return lookup.run_count != 0;
}

/* True when it was answered before and that answer stands. */
static bool judge_ids(const struct shard *shard, const struct settlement *s, uint64_t msgid_hash,
                      uint64_t setl_id_hash, uint16_t sender, int64_t now_ms,
                      struct verdict *verdict)
{
    struct entry first;
    struct settlement its;

    if (maybe_seen(shard, msgid_hash)) {
        if (find_msgid(shard, msgid_hash, sender, s->msgid, s->psn_key, &first)) {
            if (!is_record(&first)) {
                refuse(verdict, ERROR_MSGID_REUSED, SETL_FIELD_MSGID, CHECK_NONE, 0, 0);
                return false;
            }
            its = settlement_of(&first);
            return judge_repeated(shard, s, &first, &its, ERROR_MSGID_REUSED, SETL_FIELD_MSGID,
                                  verdict);
        }
        if (find_tombstone(shard, msgid_hash, sender, s->msgid, s->psn_key, now_ms, &first)) {
            refuse(verdict, ERROR_TOMBSTONED, SETL_FIELD_MSGID, CHECK_NONE, 0, 0);
        }
    }
    if (find_setl_id(shard, setl_id_hash, s->insu_admdvs, s->setl_id, s->psn_key, &first, &its)) {
        return judge_repeated(shard, s, &first, &its, ERROR_SETL_ID_REUSED, SETL_FIELD_SETL_ID,
                              verdict);
    }
    return false;
}

static void judge_refund(const struct shard *shard, const struct settlement *s,
                         struct verdict *verdict)
{
    struct entry original;
    struct settlement its;

    if (s->orig_setl_id.size == 0) return; /* Named already. */
    if (!find_setl_id(shard, hash_setl_id(shard, s->insu_admdvs, s->orig_setl_id), s->insu_admdvs,
                      s->orig_setl_id, s->psn_key, &original, &its) ||
        original.kind != ENTRY_SETTLEMENT) {
        refuse(verdict, ERROR_ORIGINAL_NOT_FOUND, SETL_FIELD_ORIG_SETL_ID, CHECK_NONE, 0, 0);
        return;
    }
    const struct mark mark = mark_of(shard, original.seq);
    if ((mark.flags & MARK_REVERSED) != 0) {
        refuse(verdict, ERROR_ALREADY_REVERSED, SETL_FIELD_ORIG_SETL_ID, CHECK_NONE, 0, 0);
        return;
    }
    rules_check_refund(shard->tables, s, &its, mark.changes, &verdict->failures);
    verdict->entry.orig_seq = original.seq;
    verdict->entry.prev_seq = mark.last_seq != 0 ? mark.last_seq : original.seq;
}

/* What a settlement asks of its person: switch, filing, wallet. For few there is anything. */
static void judge_person(const struct shard *shard, const struct settlement *s,
                         struct verdict *verdict)
{
    if (!s->refd_setl_flag && shard->checked[province_of_area(s->insu_admdvs)]) {
        judge_switches(shard, s, verdict->entry.line, &verdict->failures);
    }
    if (!refused(verdict) && s->amounts[AMOUNT_WLT] != 0) {
        verdict->wallet = judge_inline(shard, s, &verdict->entry, &verdict->failures);
    }
}

/* Everything about a settlement or refund but its form as protobuf and its sender. */
static void judge_record(const struct shard *shard, const struct settlement *s, uint64_t msgid_hash,
                         uint64_t setl_id_hash, uint16_t sender, int64_t now_ms,
                         struct verdict *verdict, uint64_t *soft)
{
    struct entry *entry = &verdict->entry;
    const bool may_speak = !refused(verdict); /* Else it hears nothing of earlier records. */

    /* Ids that are not ids cannot have been seen; everything else is looked at first, because what
     * was answered once is answered so for ever, whatever the rules say today. */
    if (may_speak && s->msgid.size <= ID_SIZE_MAX && s->setl_id.size <= ID_SIZE_MAX &&
        judge_ids(shard, s, msgid_hash, setl_id_hash, sender, now_ms, verdict)) {
        return;
    }
    rules_check_settlement(shard->tables, s, rule_time(shard, now_ms), &verdict->failures, soft);
    entry->kind = s->refd_setl_flag ? ENTRY_REFUND : ENTRY_SETTLEMENT;
    if (may_speak && s->refd_setl_flag) judge_refund(shard, s, verdict);
    if (s->setl_time > 0 && s->setl_time <= SETL_TIME_MAX) {
        assign_period(shard, civil_month(s->setl_time), SETL_FIELD_SETL_TIME, verdict);
    }
    if (refused(verdict)) return;

    set_decided(entry, rules_decide(shard->tables, s));
    if (entry->kind == ENTRY_REFUND) {
        /* A refund undoes its original where the original was posted, whatever the tables say by
         * now: same line, same class, same split. */
        struct entry original;
        if (!entry_at(shard, entry->orig_seq, &original)) return;
        entry->line = original.line;
        entry->insurance = original.insurance;
        entry->flags = (uint16_t)((entry->flags & ENTRY_LATE) | (original.flags & ~ENTRY_LATE));
    }
    struct record *record = &verdict->record;
    posting_write(entry, s, &record->posting);
    if (!book_fits(shard->book, &record->posting)) {
        refuse_unfit(shard, &record->posting, SETL_FIELD_FUND_SUM, &verdict->failures);
    }
    record->settlement = s;
    record->msgid_hash = msgid_hash;
    record->setl_id_hash = setl_id_hash;
    entry->sender = sender;
    verdict->state = STATE_ACCRUED;
    if (s->amounts[AMOUNT_WLT] != 0 || shard->checked[province_of_area(s->insu_admdvs)]) {
        judge_person(shard, s, verdict);
    }
}

static void judge_settlement(const struct shard *shard, const struct message *message,
                             int64_t now_ms, struct verdict *verdict, uint64_t *soft)
{
    const struct settlement *s = &message->settlement;
    const uint16_t sender = judge_sender(message, s->sender_admdvs, s->mdtrtarea_admvs,
                                         SETL_FIELD_MDTRTAREA_ADMVS, verdict);
    verdict->entry.body = message->body;
    judge_record(shard, s, message->msgid_hash, message->setl_id_hash, sender, now_ms, verdict,
                 soft);
}

/* -- reversal: a refund that the engine writes out ------------------------------------------ */

enum {
    REVERSAL_FIELD_SETL_ID = 3
};

/* What the refund calls orig_setl_id the reversal calls setl_id; the number is another field's. */
static void name_as_reversal(struct failures *failures)
{
    for (uint32_t i = 0; i < failures->count; i++) {
        struct failure *failure = &failures->list[i];
        if (failure->field == SETL_FIELD_ORIG_SETL_ID) failure->field = REVERSAL_FIELD_SETL_ID;
    }
}

static void judge_reversal(const struct shard *shard, const struct message *message, int64_t now_ms,
                           uint8_t *out, struct verdict *verdict, uint64_t *soft)
{
    const struct reversal *r = &message->reversal;
    struct entry original;
    struct settlement its;

    rules_check_reversal(r, &verdict->failures);
    /* Before anything is looked for: who may not speak hears nothing of what there is. */
    if (r->mdtrtarea_admvs != 0) {
        (void)judge_sender(message, r->sender_admdvs, r->mdtrtarea_admvs, 7, verdict);
    }
    if (refused(verdict)) return;
    if (!find_setl_id(shard, hash_setl_id(shard, r->insu_admdvs, r->setl_id), r->insu_admdvs,
                      r->setl_id, r->psn_key, &original, &its) ||
        original.kind != ENTRY_SETTLEMENT) {
        refuse(verdict, ERROR_ORIGINAL_NOT_FOUND, REVERSAL_FIELD_SETL_ID, CHECK_NONE, 0, 0);
        return;
    }
    /* Sent again without a time of its own, it must meet its first form: the stamp of that. */
    struct entry first;
    struct settlement before;
    struct settlement refund = rules_reversal_as_refund(r, &its, now_ms);
    const uint16_t sender =
        judge_sender(message, r->sender_admdvs, refund.mdtrtarea_admvs, 7, verdict);
    const uint64_t msgid_hash = hash_msgid(shard, sender, refund.msgid, refund.psn_key);
    const uint64_t setl_id_hash = hash_setl_id(shard, refund.insu_admdvs, refund.setl_id);
    if (r->setl_time == 0 &&
        (find_msgid(shard, msgid_hash, sender, refund.msgid, refund.psn_key, &first) ||
         find_setl_id(shard, setl_id_hash, refund.insu_admdvs, refund.setl_id, refund.psn_key,
                      &first, &before))) {
        refund.setl_time = first.stamp_ms;
    }
    const size_t size = settlement_encode(&refund, out);
    verdict->settlement = refund;
    verdict->entry.body = (struct bytes){out, size};
    judge_record(shard, &verdict->settlement, msgid_hash, setl_id_hash, sender, now_ms, verdict,
                 soft);
    name_as_reversal(&verdict->failures);
}

/* -- all kinds ------------------------------------------------------------------------------ */

void judge(const struct shard *shard, const struct message *message, int64_t now_ms, uint8_t *out,
           struct verdict *ret_verdict, uint64_t *soft)
{
    struct verdict *v = ret_verdict;
    v->code = ERROR_OK;
    v->dup = v->wallet = false;
    v->state = STATE_NONE;
    v->failures.count = 0;
    v->record.settlement = NULL;
    v->entry = (struct entry){.stamp_ms = now_ms};

    if (!message->formed) {
        refuse(v, ERROR_MALFORMED, message->bad_field, CHECK_NONE, 0, 0);
    } else if (message->body.size > ENTRY_BODY_MAX) {
        refuse(v, ERROR_MALFORMED, 0, CHECK_LENGTH, (int64_t)message->body.size, ENTRY_BODY_MAX);
    } else if (message->type == MESSAGE_SETL_POST) {
        judge_settlement(shard, message, now_ms, v, soft);
    } else if (message->type == MESSAGE_SETL_REVERSE) {
        judge_reversal(shard, message, now_ms, out, v, soft);
    } else if (message->type == MESSAGE_SETL_ADJUST) {
        judge_adjustment(shard, message, now_ms, v);
    } else {
        judge_correction(shard, message, now_ms, v);
    }
    if (v->failures.count != 0 && !v->dup) v->code = v->failures.list[0].code;
}

static uint16_t message_type_of(const struct entry *entry)
{
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_SETTLEMENT:
    case ENTRY_REFUND:
        return MESSAGE_SETL_POST;
    case ENTRY_ADJUSTMENT:
        return MESSAGE_SETL_ADJUST;
    case ENTRY_CORRECTION:
        return MESSAGE_CORRECTION;
    case ENTRY_CUT:
    case ENTRY_CLOCK:
    case ENTRY_YEAR_CLOSE:
    case ENTRY_CYCLE:
    case ENTRY_WALLET:
    case ENTRY_DEBT:
    case ENTRY_KIND_END:
        break;
    }
    return 0; /* The operator's decision, or what follows from an entry before it. */
}

const char *shard_judge_again(const struct shard *shard, const struct entry *entry)
{
    uint8_t out[SETTLEMENT_ENCODED_MAX];
    struct message message;
    struct verdict verdict;
    struct failure unread;
    uint64_t soft = 0;
    const uint16_t type = message_type_of(entry);
    if (entry->kind == ENTRY_WALLET) return wallet_judge_again(shard, entry);
    if (type == 0) return NULL;

    message_open(shard, type, entry->sender, entry->body, &message);
    judge(shard, &message, entry->stamp_ms, out, &verdict, &soft);
    if (unread_take(shard, &unread)) return error_text(unread.code);
    const struct entry *now = &verdict.entry;
    if (verdict.code != ERROR_OK) return error_text(verdict.code);
    if (verdict.dup) return "it would be a duplicate";
    if (now->kind != entry->kind) return "it would be another kind of record";
    if (now->period != entry->period) return "it would be cleared in another period";
    if (now->orig_period != entry->orig_period) return "its own month would be another";
    if (now->line != entry->line) return "it would be posted to another line";
    if (now->insurance != entry->insurance) return "it would be posted to another insurance class";
    if (now->flags != entry->flags) return "its funds would be split by other switches";
    if (now->orig_seq != entry->orig_seq) return "it would refer to another original";
    return NULL;
}
