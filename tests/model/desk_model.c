#include "tests/model/desk_model.h"

#include <stdio.h>
#include <time.h>

#include "tests/model/desk_internal.h"

/* -- lists --------------------------------------------------------------------------------------
 */

void *desk_room(void *list, uint32_t *room, uint32_t count, size_t size)
{
    if (count == *room) {
        *room = *room == 0 ? 64 : 2 * *room;
        list = realloc(list, *room * size);
        ENSURE(list != NULL);
    }
    memset((uint8_t *)list + count * size, 0, size);
    return list;
}

struct desk_model *desk_model_new(void)
{
    struct desk_model *m = calloc(1, sizeof *m);
    ENSURE(m != NULL);
    return m;
}

void desk_model_free(struct desk_model *m)
{
    if (m == NULL) return;
    free(m->days.list);
    free(m->records.list);
    free(m->debts.list);
    free(m->exceptions.list);
    for (uint32_t i = 0; i < m->batches.count; i++)
        free(m->batches.list[i].shown);
    free(m->batches.list);
    free(m->orders.list);
    free(m->settings.list);
    free(m->recons.list);
    free(m->differences.list);
    free(m->confirms.list);
    free(m->disputes.list);
    free(m->recoveries.list);
    free(m->cells.list);
    free(m->signs.list);
    free(m->carries.list);
    free(m->notices.list);
    free(m->payments.list);
    free(m->prefunds.list);
    free(m->applications.list);
    free(m);
}

/* -- days ---------------------------------------------------------------------------------------
 */

void desk_add_day(struct desk_model *m, uint32_t day, bool working)
{
    *DESK_ADD(m->days) = (struct desk_day){day, working};
}

static uint32_t day_of(time_t seconds)
{
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL) return 0;
    return (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
}

static struct tm noon_of(uint32_t day)
{
    return (struct tm){
        .tm_year = (int)(day / 10000) - 1900,
        .tm_mon = (int)(day / 100 % 100) - 1,
        .tm_mday = (int)(day % 100),
        .tm_hour = 12,
    };
}

uint32_t desk_day(int64_t ms)
{
    const int64_t shanghai = ms + INT64_C(8) * 3600 * 1000;
    return day_of((time_t)(shanghai / 1000 - (shanghai % 1000 < 0)));
}

uint32_t desk_days_later(uint32_t day, int64_t days)
{
    struct tm tm = noon_of(day);
    return day_of(timegm(&tm) + (time_t)(days * 86400));
}

bool desk_is_worked(const struct desk_model *m, uint32_t day)
{
    struct tm tm = noon_of(day);
    for (uint32_t i = 0; i < m->days.count; i++) {
        if (m->days.list[i].day == day) return m->days.list[i].working;
    }
    (void)timegm(&tm); /* Fills in the day of the week. */
    return tm.tm_wday >= 1 && tm.tm_wday <= 5;
}

uint32_t desk_working_days_later(const struct desk_model *m, uint32_t day, int64_t days)
{
    if (days == 0 && desk_is_worked(m, day)) return day;
    for (int64_t left = days == 0 ? 1 : days; left > 0;) {
        day = desk_days_later(day, 1);
        if (desk_is_worked(m, day)) left--;
    }
    return day;
}

bool desk_month_valid(uint32_t period)
{
    return period / 100 >= 2000 && period / 100 <= 2999 && period % 100 >= 1 && period % 100 <= 12;
}

/* -- answers ------------------------------------------------------------------------------------
 */

bool desk_denied(struct desk_model *m, uint32_t code)
{
    m->answer.code = code;
    return false;
}

bool desk_again(struct desk_model *m, const char *ref)
{
    m->answer.dup = true;
    (void)snprintf(m->answer.ref, sizeof m->answer.ref, "%s", ref);
    return true;
}

static struct order_row *order_before(const struct desk_model *m)
{
    for (uint32_t i = 0; i < m->orders.count; i++) {
        struct order_row *row = &m->orders.list[i];
        if (row->province == m->order->sender &&
            memcmp(row->msgid, m->order->msgid, sizeof row->msgid) == 0) {
            return row;
        }
    }
    return NULL;
}

/* A list's, as its order keeps them. */
static void read_counts(const char *kept, uint32_t counts[6])
{
    char *end = NULL;
    for (int i = 0; i < 6; i++, kept = end + 1) {
        counts[i] = (uint32_t)strtoul(kept, &end, 10);
        ENSURE(end > kept && *end == (i < 5 ? '/' : '\0'));
    }
}

bool desk_seen(struct desk_model *m)
{
    const struct order_row *before = order_before(m);
    if (before == NULL) return false;
    if (before->type == m->order->type && before->hash == m->order->hash) {
        if (m->order->type == MESSAGE_RECON_LIST) read_counts(before->ref, m->answer.counts);
        return desk_again(m, before->ref);
    }
    (void)desk_denied(m, ERROR_MSGID_REUSED);
    return true;
}

bool desk_done(struct desk_model *m, const char *ref)
{
    const struct order *order = m->order;
    (void)snprintf(m->answer.ref, sizeof m->answer.ref, "%s", ref);
    if (!m->decide) return true;
    struct order_row row = {
        .province = order->sender,
        .type = order->type,
        .hash = order->hash,
        .at_ms = m->view->now_ms,
    };
    memcpy(row.msgid, order->msgid, sizeof row.msgid);
    (void)snprintf(row.ref, sizeof row.ref, "%s", ref);
    struct order_row *before = order_before(m);
    *(before != NULL ? before : DESK_ADD(m->orders)) = row;
    return true;
}

/* -- who may, and when --------------------------------------------------------------------------
 */

bool desk_must_be(struct desk_model *m, uint8_t province)
{
    const bool centre = m->order->sender == 0 && m->order->acting == PROVINCE_CENTRE;
    return centre || m->order->acting == province || desk_denied(m, ERROR_NOT_YOURS);
}

bool desk_must_be_centre(struct desk_model *m)
{
    return m->order->sender == 0 || desk_denied(m, ERROR_SENDER_NOT_ALLOWED);
}

bool desk_must_be_open(struct desk_model *m, uint32_t period)
{
    return period / 100 > m->view->closed_year || desk_denied(m, ERROR_PERIOD_CLOSED);
}

/* -- settings -----------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    int64_t first;
    int64_t least;
    int64_t greatest;
} settings[SETTING_COUNT] = {
#define X(symbol, text, first, low, high) [SETTING_##symbol] = {text, first, low, high},
#include "types/settings.def"
#undef X
};

int64_t desk_setting(const struct desk_model *m, enum setting setting, int64_t at_ms)
{
    const struct setting_row *latest = NULL;
    for (uint32_t i = 0; i < m->settings.count; i++) {
        const struct setting_row *row = &m->settings.list[i];
        if (strcmp(row->name, settings[setting].name) != 0 || row->effective_ms > at_ms) continue;
        if (latest == NULL || row->effective_ms > latest->effective_ms) latest = row;
    }
    return latest != NULL ? latest->value : settings[setting].first;
}

static bool set(struct desk_model *m)
{
    const struct order *order = m->order;
    int which = 0;
    if (!desk_must_be_centre(m)) return false;
    while (which < SETTING_COUNT && strcmp(settings[which].name, order->bank_ref) != 0)
        which++;
    if (which == SETTING_COUNT) return desk_denied(m, ERROR_SETTING);
    const int64_t from = order->at_ms != 0 ? order->at_ms : m->view->now_ms;
    struct setting_row *before = NULL;
    for (uint32_t i = 0; i < m->settings.count; i++) {
        struct setting_row *row = &m->settings.list[i];
        if (strcmp(row->name, order->bank_ref) == 0 && row->effective_ms == from) before = row;
    }
    if (before != NULL && before->value == order->amount) return desk_again(m, before->name);
    if (from < m->view->now_ms || from > INT64_C(4102416000000) ||
        order->amount < settings[which].least || order->amount > settings[which].greatest ||
        !setting_day_sound((enum setting)which, order->amount)) {
        return desk_denied(m, ERROR_SETTING);
    }
    if (m->decide) {
        struct setting_row row = {
            .effective_ms = from, .value = order->amount, .set_ms = m->view->now_ms};
        (void)snprintf(row.name, sizeof row.name, "%s", order->bank_ref);
        *(before != NULL ? before : DESK_ADD(m->settings)) = row;
    }
    return desk_done(m, order->bank_ref);
}

/* -- records ------------------------------------------------------------------------------------
 */

int64_t desk_sum(const int64_t funds[FUND_COUNT])
{
    int64_t sum = 0;
    for (int i = 0; i < FUND_COUNT; i++)
        sum += funds[i];
    return sum;
}

bool desk_same_ref(const struct record_ref *a, const struct record_ref *b)
{
    return a->insu_admdvs == b->insu_admdvs && a->size == b->size &&
           memcmp(a->setl_id, b->setl_id, a->size) == 0;
}

static uint32_t hash_of(const struct record_ref *ref)
{
    uint32_t hash = ref->insu_admdvs;
    for (int i = 0; i < ref->size; i++)
        hash = hash * 31 + (uint8_t)ref->setl_id[i];
    return hash % DESK_HASHES;
}

void desk_add_record(struct desk_model *m, const struct desk_record *record)
{
    const uint32_t hash = hash_of(&record->facts.ref);
    struct desk_record *kept = DESK_ADD(m->records);
    *kept = *record;
    kept->next = m->heads[hash];
    m->heads[hash] = m->records.count;
}

void desk_add_debt(struct desk_model *m, const struct record_facts *debt)
{
    *DESK_ADD(m->debts) = *debt;
}

static bool is_there(const struct desk_view *view, const struct desk_record *record)
{
    return record->facts.ref.size != 0 && record->facts.seq <= view->upto[record->facts.shard];
}

static bool is_taken_back(const struct desk_view *view, const struct desk_record *record)
{
    return record->taken_back != 0 && record->taken_back <= view->upto[record->facts.shard];
}

bool desk_stands(const struct desk_view *view, const struct desk_record *record)
{
    return is_there(view, record) && !is_taken_back(view, record);
}

const struct desk_record *desk_one(struct desk_model *m, const struct record_ref *ref)
{
    const struct desk_record *found = NULL;
    for (uint32_t n = m->heads[hash_of(ref)]; n != 0; n = m->records.list[n - 1].next) {
        const struct desk_record *record = &m->records.list[n - 1];
        if (!is_there(m->view, record) || !desk_same_ref(&record->facts.ref, ref)) continue;
        if (found != NULL) {
            (void)desk_denied(m, ERROR_AMBIGUOUS);
            return NULL;
        }
        found = record;
    }
    if (found == NULL) (void)desk_denied(m, ERROR_NOT_FOUND);
    return found;
}

struct cell_key desk_cell(const struct record_facts *facts)
{
    return (struct cell_key){facts->period, facts->payer, facts->payee, facts->line,
                             facts->insurance};
}

bool desk_handed_over(const struct desk_model *m, uint32_t period)
{
    return desk_batch_of(m, period) != NULL;
}

/* -- what is said of single records --------------------------------------------------------------
 */

const struct desk_exception *desk_exception_of(const struct desk_model *m,
                                               const struct record_ref *ref)
{
    for (uint32_t i = 0; i < m->exceptions.count; i++) {
        if (desk_same_ref(&m->exceptions.list[i].ref, ref)) return &m->exceptions.list[i];
    }
    return NULL;
}

struct desk_exception desk_exception_for(const struct desk_model *m,
                                         const struct desk_record *record)
{
    const struct desk_exception *found = desk_exception_of(m, &record->facts.ref);
    if (found != NULL) return *found;
    return (struct desk_exception){
        .ref = record->facts.ref,
        .record = (uint32_t)(record - m->records.list),
    };
}

struct exception_row desk_exception_row(const struct desk_model *m,
                                        const struct desk_exception *exception)
{
    const struct desk_record *record = &m->records.list[exception->record];
    struct exception_row row = {
        .ref = exception->ref,
        .flags = exception->flags,
        .batch = exception->carved ? record->batch : 0,
        .carved = exception->carved,
        .det_type = exception->det_type,
        .diff_kind = exception->diff_kind,
        .deduct_posted = exception->posted,
        .held_since = exception->held_since,
        .since_ms = exception->since_ms,
    };
    memcpy(row.deducted, exception->deducted, sizeof row.deducted);
    memcpy(row.dispute_no, exception->dispute_no, sizeof row.dispute_no);
    return row;
}

bool desk_may_change(struct desk_model *m, const struct desk_exception *after)
{
    const struct desk_batch *batch = desk_batch_by_id(m, m->records.list[after->record].batch);
    const bool blocked = (after->flags & EXCEPTION_BLOCKING) != 0;
    if (batch == NULL || !blocked || batch->row.state < BATCH_NOTICED) return true;
    return desk_denied(m, ERROR_WRONG_STATE);
}

/* Out of a batch that has no notices yet. What was published is never changed: a new version. */
static void take_out(struct desk_model *m, struct desk_record *record)
{
    struct desk_batch *batch = desk_batch_by_id(m, record->batch);
    if (batch->row.published_version == batch->row.version) batch->row.version++;
    if (batch->row.state >= BATCH_COMPUTED) batch->row.stale = 1;
    if (batch->row.state == BATCH_SIGNED) {
        batch->row.state = BATCH_PUBLISHED;
        batch->row.at_ms[BATCH_SIGNED] = 0;
    }
    batch->touched[record->facts.payer] = batch->row.version;
    batch->touched[record->facts.payee] = batch->row.version;
    record->batch = 0;
}

void desk_change(struct desk_model *m, struct desk_exception *after)
{
    struct desk_record *record = &m->records.list[after->record];
    const struct desk_exception before = desk_exception_for(m, record);
    const bool blocked = (after->flags & EXCEPTION_BLOCKING) != 0;
    const bool gone = (after->flags & EXCEPTION_REVERSED) != 0;
    if (after->flags != before.flags) after->since_ms = m->view->now_ms;
    if (blocked && !gone) {
        if (desk_handed_over(m, record->facts.period)) after->carved = true;
        if (record->batch != 0) take_out(m, record);
    }
    for (uint32_t i = 0; i < m->exceptions.count; i++) {
        if (!desk_same_ref(&m->exceptions.list[i].ref, &after->ref)) continue;
        m->exceptions.list[i] = *after;
        return;
    }
    *DESK_ADD(m->exceptions) = *after;
}

void desk_split(const int64_t funds[FUND_COUNT], int64_t amount, int64_t ret_split[FUND_COUNT])
{
    static const enum fund order[] = {FUND_POOL, FUND_SUPPLEMENT, FUND_ASSISTANCE, FUND_OTHER,
                                      FUND_ACCOUNT};
    for (int i = 0; i < FUND_COUNT; i++) {
        int64_t part = funds[order[i]] > 0 ? funds[order[i]] : 0;
        if (part > amount) part = amount;
        ret_split[order[i]] = part;
        amount -= part;
    }
}

/* -- an order -----------------------------------------------------------------------------------
 */

static bool judge(struct desk_model *m)
{
    switch (m->order->type) {
    case MESSAGE_RECON_DAY:
        return desk_recon_day(m);
    case MESSAGE_RECON_LIST:
        return desk_recon_list(m);
    case MESSAGE_CLR_CONFIRM:
        return desk_confirm(m);
    case MESSAGE_CLR_WITHDRAW:
        return desk_withdraw(m);
    case MESSAGE_RECOVERY:
        return desk_recovery(m);
    case MESSAGE_DISPUTE_OPEN:
        return desk_dispute_open(m);
    case MESSAGE_DISPUTE_REPLY:
        return desk_dispute_reply(m);
    case MESSAGE_DISPUTE_RESOLVE:
        return desk_dispute_resolve(m);
    case MESSAGE_PERIOD_CUT:
        return desk_cut(m);
    case MESSAGE_BATCH_STEP:
        return desk_step(m);
    case MESSAGE_BATCH_SIGN:
        return desk_sign(m);
    case MESSAGE_NOTICE_REISSUE:
        return desk_reissue(m);
    case MESSAGE_PAY_REPORT:
        return desk_pay(m);
    case MESSAGE_RECEIPT_REPORT:
        return desk_receive(m);
    case MESSAGE_PREFUND_SET:
        return desk_prefund_set(m);
    case MESSAGE_PREFUND_APPLY:
        return desk_prefund_apply(m);
    case MESSAGE_PREFUND_DECIDE:
        return desk_prefund_decide(m);
    case MESSAGE_SETTING_SET:
        return set(m);
    default:
        return desk_year_close(m);
    }
}

struct desk_answer desk_ask(struct desk_model *m, const struct order *order,
                            const struct desk_view *view, bool decide)
{
    m->order = order;
    m->view = view;
    m->decide = decide;
    m->today = desk_day(view->now_ms);
    m->answer = (struct desk_answer){0};
    /* A month or a year is looked at first, whatever the order's name. */
    const bool period = order->type == MESSAGE_PERIOD_CUT || order->type == MESSAGE_YEAR_CLOSE;
    /* A province speaks for itself, and never of those: it is told so before they are looked at. */
    if (order->sender != 0 && (period || order->acting != province_index(order->sender))) {
        (void)desk_denied(m, ERROR_SENDER_NOT_ALLOWED);
        return m->answer;
    }
    if (!period && desk_seen(m)) {
        if (m->answer.dup && order->type == MESSAGE_RECON_DAY) desk_compare_totals(m);
    } else if (order->type == MESSAGE_RECON_LIST && order->acting >= PROVINCE_COUNT) {
        (void)desk_denied(m, ERROR_MALFORMED); /* A list is one province's. */
    } else if (order->payer == PROVINCE_UNKNOWN || order->payee == PROVINCE_UNKNOWN ||
               order->acting == PROVINCE_UNKNOWN) {
        (void)desk_denied(m, ERROR_UNKNOWN_AREA);
    } else {
        (void)judge(m);
    }
    return m->answer;
}
