/* desk_notice -- who pays whom, what was paid, and the deposits: docs/rules.md once more. */
#include <stdio.h>

#include "tests/model/desk_internal.h"
#include "tests/model/desk_tables.h"

__extension__ typedef __int128 wide;

static uint32_t code_of(uint8_t province)
{
    return province < PROVINCE_COUNT ? province_codes[province] : 0;
}

/* -- numbers ------------------------------------------------------------------------------------
 */

static struct notice_row *notice_of(const struct desk_model *m, const char *number)
{
    for (uint32_t i = 0; i < m->notices.count; i++) {
        if (strncmp(m->notices.list[i].number, number, NUMBER_SIZE) == 0)
            return &m->notices.list[i];
    }
    return NULL;
}

static bool is_back(const struct notice_row *notice)
{
    return notice->new_amount < notice->old_amount;
}

struct notice_row *desk_issue(struct desk_model *m, const struct notice_row *notice,
                              const char *replaces)
{
    static const char *const kinds[] = {
        [NOTICE_CLEARING] = "CLR",     [NOTICE_PREFUND_OPENING] = "PFO",
        [NOTICE_PREFUND_YEAR] = "PFY", [NOTICE_PREFUND_EMERGENCY] = "PFE",
        [NOTICE_REVERSE] = "REV",      [NOTICE_RETURN] = "RET",
    };
    const struct desk_batch *batch = desk_batch_by_id(m, notice->batch);
    const int64_t now = m->view->now_ms;
    struct notice_row row = *notice;
    char of[NUMBER_SIZE], number[2 * NUMBER_SIZE];
    const int64_t file = desk_setting(m, SETTING_FILE_WD, now);
    const int64_t transfer = desk_setting(m, SETTING_TRANSFER_WD, now);
    const int64_t feedback = desk_setting(m, SETTING_FEEDBACK_WD, now);
    (void)snprintf(of, sizeof of, "%u", row.period);
    if (batch != NULL) desk_batch_name(batch, of);
    row.version = 0;
    do {
        row.version++;
        (void)snprintf(number, sizeof number, "%s-%s-%02u-%02u-%u", kinds[row.kind], of,
                       code_of(is_back(&row) ? row.payee : row.payer),
                       code_of(is_back(&row) ? row.payer : row.payee), row.version);
    } while (notice_of(m, number) != NULL);
    memset(row.number, 0, sizeof row.number);
    memcpy(row.number, number, strlen(number));
    memset(row.replaces, 0, sizeof row.replaces);
    if (replaces != NULL) memcpy(row.replaces, replaces, sizeof row.replaces);
    row.id = m->notices.count + 1;
    row.issued_ms = now;
    row.file_due = desk_working_days_later(m, m->today, file);
    row.transfer_due = desk_working_days_later(m, m->today, file + transfer);
    row.feedback_due = desk_working_days_later(m, m->today, file + transfer + feedback);
    struct notice_row *kept = DESK_ADD(m->notices);
    *kept = row;
    return kept;
}

/* A prefund's is the last month of its year. */
static uint32_t month_of(const struct notice_row *notice)
{
    return notice->period > 9999 ? notice->period : notice->period * 100 + 12;
}

static struct application_row *application_of(const struct desk_model *m, uint32_t period,
                                              uint8_t payer, uint8_t payee)
{
    for (uint32_t i = 0; i < m->applications.count; i++) {
        struct application_row *row = &m->applications.list[i];
        if (row->period == period && row->payer == payer && row->payee == payee) return row;
    }
    return NULL;
}

bool desk_reissue(struct desk_model *m)
{
    if (!desk_must_be_centre(m)) return false;
    struct notice_row *old = notice_of(m, m->order->number);
    if (old == NULL) return desk_denied(m, ERROR_NOTICE_UNKNOWN);
    if (!desk_must_be_open(m, month_of(old))) return false;
    if (old->state == NOTICE_CANCELLED || old->reported != 0)
        return desk_denied(m, ERROR_WRONG_STATE);
    if (!m->decide) return desk_done(m, "");
    const struct notice_row before = *old;
    old->state = NOTICE_CANCELLED;
    const struct notice_row *notice = desk_issue(m, &before, before.number);
    struct application_row *asked = application_of(m, before.period, before.payer, before.payee);
    if (before.kind == NOTICE_PREFUND_EMERGENCY && asked != NULL &&
        memcmp(asked->number, before.number, sizeof asked->number) == 0) {
        memcpy(asked->number, notice->number, sizeof asked->number);
    }
    return desk_done(m, notice->number);
}

/* -- the notices of a batch ---------------------------------------------------------------------
 */

static void issue(struct desk_model *m, const struct desk_batch *batch, uint8_t kind, uint8_t payer,
                  uint8_t payee, int64_t amount)
{
    if (amount <= 0) return;
    const struct notice_row notice = {
        .kind = kind,
        .state = NOTICE_DUE,
        .mode = batch->row.mode,
        .payer = payer,
        .payee = payee,
        .batch = batch->row.id,
        .period = batch->row.period,
        .amount = amount,
    };
    (void)desk_issue(m, &notice, NULL);
}

static void notice_in_full(struct desk_model *m, const struct desk_batch *batch, desk_pairs totals)
{
    const bool back = batch->row.period % 100 == 12 ||
                      desk_setting(m, SETTING_NEGATIVE_PAIR, m->view->now_ms) != 0;
    for (uint8_t a = 0; a < PROVINCE_COUNT; a++) {
        for (uint8_t b = 0; b < PROVINCE_COUNT; b++) {
            const int64_t sum = desk_sum(totals[a][b].funds);
            issue(m, batch, NOTICE_CLEARING, a, b, sum);
            if (sum < 0 && back) issue(m, batch, NOTICE_REVERSE, b, a, -sum);
            if (sum >= 0 || back) continue;
            struct carry_row *carry = DESK_ADD(m->carries);
            *carry = (struct carry_row){
                .batch = batch->row.id, .payer = a, .payee = b, .period = batch->row.period};
            memcpy(carry->funds, totals[a][b].funds, sizeof carry->funds);
        }
    }
}

static void notice_net(struct desk_model *m, const struct desk_batch *batch, desk_pairs totals)
{
    struct desk_payments payments;
    desk_pay_out(totals, batch->row.mode, &payments);
    for (uint32_t i = 0; i < payments.count; i++) {
        const struct desk_payment *one = &payments.list[i];
        issue(m, batch, NOTICE_CLEARING, one->payer, one->payee, one->amount);
    }
}

bool desk_notices(struct desk_model *m, struct desk_batch *batch)
{
    char name[NUMBER_SIZE];
    desk_batch_name(batch, name);
    if (batch->row.state != BATCH_SIGNED || batch->row.stale)
        return desk_denied(m, ERROR_WRONG_STATE);
    if (!m->decide) return desk_done(m, name);
    desk_pairs totals;
    const uint32_t before = m->notices.count;
    desk_totals(m, batch->row.id, true, totals);
    if (batch->row.mode == DESK_GROSS)
        notice_in_full(m, batch, totals);
    else
        notice_net(m, batch, totals);
    batch->row.state = BATCH_NOTICED;
    batch->row.at_ms[BATCH_NOTICED] = m->view->now_ms;
    if (m->notices.count == before) {
        batch->row.state = BATCH_SETTLED;
        batch->row.at_ms[BATCH_SETTLED] = m->view->now_ms;
    }
    return desk_done(m, name);
}

/* -- payments -----------------------------------------------------------------------------------
 */

static struct payment_row *payment_of(const struct desk_model *m)
{
    for (uint32_t i = 0; i < m->payments.count; i++) {
        struct payment_row *row = &m->payments.list[i];
        if (strncmp(row->number, m->order->number, NUMBER_SIZE) == 0 &&
            strncmp(row->bank_ref, m->order->bank_ref, NUMBER_SIZE) == 0) {
            return row;
        }
    }
    return NULL;
}

static bool payment_fits(struct desk_model *m, const struct notice_row *notice)
{
    const struct order *order = m->order;
    const int64_t now = m->view->now_ms;
    const int64_t left = notice->amount - notice->reported;
    if (order->amount <= 0 || order->amount > left) return desk_denied(m, ERROR_PAID_AMOUNT);
    if (order->amount < left && desk_setting(m, SETTING_PAYMENT_PARTIAL, now) == 0)
        return desk_denied(m, ERROR_PAID_AMOUNT);
    if (order->at_ms > now) return desk_denied(m, ERROR_CLOCK);
    if (order->at_ms < 0 || desk_day(order->at_ms) < desk_day(notice->issued_ms))
        return desk_denied(m, ERROR_PAID_AMOUNT);
    return true;
}

bool desk_pay(struct desk_model *m)
{
    const struct order *order = m->order;
    struct notice_row *notice = notice_of(m, order->number);
    if (notice == NULL) return desk_denied(m, ERROR_NOTICE_UNKNOWN);
    if (!desk_must_be(m, notice->payer)) return false;
    const struct payment_row *before = payment_of(m);
    if (before != NULL) {
        if (before->amount == order->amount && before->paid_at_ms == order->at_ms)
            return desk_again(m, notice->number);
        return desk_denied(m, ERROR_BANK_REF_REUSED);
    }
    if (!desk_must_be_open(m, month_of(notice))) return false;
    if (notice->state == NOTICE_CANCELLED) return desk_denied(m, ERROR_WRONG_STATE);
    if (!payment_fits(m, notice)) return false;
    if (!m->decide) return desk_done(m, notice->number);
    struct payment_row *payment = DESK_ADD(m->payments);
    memcpy(payment->number, order->number, sizeof payment->number);
    memcpy(payment->bank_ref, order->bank_ref, sizeof payment->bank_ref);
    payment->amount = order->amount;
    payment->paid_at_ms = order->at_ms;
    payment->reported_ms = m->view->now_ms;
    payment->state = PAYMENT_REPORTED;
    notice->reported += order->amount;
    if (notice->reported == notice->amount) notice->state = NOTICE_PAID;
    struct desk_batch *batch = desk_batch_by_id(m, notice->batch);
    if (batch != NULL && batch->row.state == BATCH_NOTICED) {
        batch->row.state = BATCH_PAYING;
        batch->row.at_ms[BATCH_PAYING] = m->view->now_ms;
    }
    return desk_done(m, notice->number);
}

static struct prefund_row *prefund_of(const struct desk_model *m, uint8_t payer, uint8_t payee)
{
    for (uint32_t i = 0; i < m->prefunds.count; i++) {
        struct prefund_row *row = &m->prefunds.list[i];
        if (row->payer == payer && row->payee == payee) return row;
    }
    return NULL;
}

/* A deposit belongs to its pair, whoever pays. */
static void deposit(struct desk_model *m, const struct notice_row *notice)
{
    struct prefund_row *row = is_back(notice) ? prefund_of(m, notice->payee, notice->payer)
                                              : prefund_of(m, notice->payer, notice->payee);
    const int64_t change = is_back(notice) ? -notice->amount : notice->amount;
    row->pending -= change;
    row->amount += change;
    row->changed_ms = m->view->now_ms;
}

static void settle(struct desk_model *m, struct notice_row *notice)
{
    notice->state = NOTICE_SETTLED;
    notice->settled_ms = m->view->now_ms;
    struct desk_batch *batch = desk_batch_by_id(m, notice->batch);
    if (batch == NULL) {
        deposit(m, notice);
        return;
    }
    for (uint32_t i = 0; i < m->notices.count; i++) {
        const struct notice_row *other = &m->notices.list[i];
        if (other->batch == notice->batch && other->state != NOTICE_SETTLED &&
            other->state != NOTICE_CANCELLED) {
            return;
        }
    }
    batch->row.state = BATCH_SETTLED;
    batch->row.at_ms[BATCH_SETTLED] = m->view->now_ms;
}

bool desk_receive(struct desk_model *m)
{
    const struct order *order = m->order;
    struct notice_row *notice = notice_of(m, order->number);
    if (notice == NULL) return desk_denied(m, ERROR_NOTICE_UNKNOWN);
    const bool payers = order->flag && order->acting == notice->payer;
    if (!payers && !desk_must_be(m, notice->payee)) return false;
    struct payment_row *payment = payment_of(m);
    const uint8_t state = order->flag ? PAYMENT_REJECTED : PAYMENT_RECEIVED;
    if (payment == NULL) return desk_denied(m, ERROR_NOT_FOUND);
    if (payment->state == state && payment->amount == order->amount)
        return desk_again(m, notice->number);
    if (!desk_must_be_open(m, month_of(notice))) return false;
    if (notice->state == NOTICE_CANCELLED || payment->state != PAYMENT_REPORTED)
        return desk_denied(m, ERROR_WRONG_STATE);
    if (payment->amount != order->amount) return desk_denied(m, ERROR_PAID_AMOUNT);
    if (!m->decide) return desk_done(m, notice->number);
    payment->state = state;
    payment->confirmed_ms = m->view->now_ms;
    if (order->flag) {
        notice->reported -= payment->amount;
        notice->state = NOTICE_DUE;
    } else {
        notice->received += payment->amount;
        if (notice->received == notice->amount) settle(m, notice);
    }
    return desk_done(m, notice->number);
}

/* -- unwinding ----------------------------------------------------------------------------------
 */

struct claim {
    uint8_t kind;
    uint8_t payer;
    uint8_t payee;
    int64_t amount;
    bool stands;
    char replaces[NUMBER_SIZE];
};

struct claims {
    struct claim list[4 * PROVINCE_COUNT];
    uint32_t count;
};

static void add_claim(struct claims *claims, uint8_t kind, uint8_t payer, uint8_t payee,
                      int64_t amount)
{
    if (amount <= 0) return;
    claims->list[claims->count++] =
        (struct claim){.kind = kind, .payer = payer, .payee = payee, .amount = amount};
}

/* What those who are left still have to pay, or get back. */
static void find_claims(const struct desk_model *m, const struct desk_batch *batch,
                        desk_pairs totals, struct claims *claims)
{
    int64_t net[PROVINCE_COUNT], paid[PROVINCE_COUNT] = {0}, rest[PROVINCE_COUNT];
    int64_t pays[PROVINCE_COUNT][PROVINCE_COUNT];
    desk_net(totals, net);
    for (uint32_t i = 0; i < m->notices.count; i++) {
        const struct notice_row *notice = &m->notices.list[i];
        if (notice->batch != batch->row.id) continue;
        if (notice->payer < PROVINCE_COUNT) paid[notice->payer] += notice->received;
        if (notice->payee < PROVINCE_COUNT) paid[notice->payee] -= notice->received;
    }
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        const int64_t owes = net[p] < 0 ? -net[p] : 0;
        rest[p] = net[p] + paid[p];
        if (batch->row.mode != DESK_MULTILATERAL) continue;
        add_claim(claims, NOTICE_CLEARING, p, PROVINCE_ACCOUNT, owes - paid[p]);
        add_claim(claims, NOTICE_CLEARING, PROVINCE_ACCOUNT, p, net[p]);
        add_claim(claims, NOTICE_RETURN, PROVINCE_ACCOUNT, p, paid[p] - owes);
    }
    if (batch->row.mode == DESK_MULTILATERAL) return;
    desk_match(rest, pays);
    for (uint8_t a = 0; a < PROVINCE_COUNT; a++) {
        for (uint8_t b = 0; b < PROVINCE_COUNT; b++) {
            const bool back = net[a] >= 0 || net[b] <= 0;
            add_claim(claims, back ? NOTICE_RETURN : NOTICE_CLEARING, a, b, pays[a][b]);
        }
    }
}

static void replace_notices(struct desk_model *m, const struct desk_batch *batch,
                            struct claims *claims)
{
    for (uint32_t i = 0; i < m->notices.count; i++) {
        struct notice_row *notice = &m->notices.list[i];
        struct claim *claim = NULL;
        if (notice->batch != batch->row.id || notice->state != NOTICE_DUE) continue;
        for (uint32_t k = 0; k < claims->count; k++) {
            struct claim *one = &claims->list[k];
            if (one->kind == notice->kind && one->payer == notice->payer &&
                one->payee == notice->payee) {
                claim = one;
            }
        }
        if (claim != NULL && claim->amount == notice->amount - notice->received) {
            claim->stands = true;
            continue;
        }
        if (claim != NULL) memcpy(claim->replaces, notice->number, sizeof claim->replaces);
        notice->state = NOTICE_CANCELLED;
        if (notice->received == 0) continue;
        notice->state = NOTICE_SETTLED;
        notice->settled_ms = m->view->now_ms;
        notice->old_amount = notice->amount;
        notice->new_amount = notice->amount = notice->received;
    }
    for (uint32_t k = 0; k < claims->count; k++) {
        const struct claim *one = &claims->list[k];
        if (one->stands) continue;
        const struct notice_row notice = {
            .kind = one->kind,
            .state = NOTICE_DUE,
            .mode = batch->row.mode,
            .payer = one->payer,
            .payee = one->payee,
            .batch = batch->row.id,
            .period = batch->row.period,
            .amount = one->amount,
        };
        (void)desk_issue(m, &notice, one->replaces);
    }
}

bool desk_unwind(struct desk_model *m, struct desk_batch *batch, uint8_t province)
{
    const uint32_t id = batch->row.id;
    const uint8_t state = batch->row.state;
    char name[NUMBER_SIZE];
    desk_batch_name(batch, name);
    if (state != BATCH_NOTICED && state != BATCH_PAYING) return desk_denied(m, ERROR_WRONG_STATE);
    if (province >= PROVINCE_COUNT) return desk_denied(m, ERROR_UNKNOWN_AREA);
    bool allowed = batch->row.mode == DESK_MULTILATERAL || batch->row.mode == DESK_DIRECT;
    allowed = allowed && (batch->row.unwound >> province & 1) == 0 &&
              (desk_provinces(m, id) >> province & 1) != 0;
    for (uint32_t i = 0; i < m->notices.count; i++) {
        const struct notice_row *notice = &m->notices.list[i];
        if (notice->batch != id) continue;
        allowed = allowed && notice->reported == notice->received &&
                  (notice->payer != PROVINCE_ACCOUNT || notice->kind != NOTICE_CLEARING ||
                   notice->received == 0);
    }
    if (!allowed) return desk_denied(m, ERROR_WRONG_STATE);
    if (!m->decide) return desk_done(m, name);

    desk_pairs totals;
    struct claims claims = {.count = 0};
    desk_release(m, id, province);
    batch->row.version++;
    batch->row.published_version = batch->row.version;
    batch->row.unwound |= UINT32_C(1) << province;
    desk_add_up(m, batch);
    desk_keep_shown(m, batch);
    desk_totals(m, id, true, totals);
    find_claims(m, batch, totals, &claims);
    replace_notices(m, batch, &claims);
    if (claims.count == 0) {
        batch->row.state = BATCH_SETTLED;
        batch->row.at_ms[BATCH_SETTLED] = m->view->now_ms;
    }
    return desk_done(m, name);
}

/* -- deposits -----------------------------------------------------------------------------------
 */

static bool must_be_pair(struct desk_model *m)
{
    const struct order *order = m->order;
    if (order->payer >= PROVINCE_COUNT || order->payee >= PROVINCE_COUNT)
        return desk_denied(m, ERROR_PREFUND_RULE);
    return order->payer != order->payee || desk_denied(m, ERROR_SAME_PROVINCE);
}

static int64_t there_of(const struct desk_model *m, uint8_t payer, uint8_t payee)
{
    const struct prefund_row *row = prefund_of(m, payer, payee);
    return row == NULL ? 0 : row->amount + row->pending;
}

static struct prefund_row *make_prefund(struct desk_model *m, uint8_t payer, uint8_t payee)
{
    struct prefund_row *row = prefund_of(m, payer, payee);
    if (row != NULL) return row;
    row = DESK_ADD(m->prefunds);
    row->payer = payer;
    row->payee = payee;
    return row;
}

/* A notice for a change of a deposit, which is pending from now on. */
static struct notice_row *ask_for(struct desk_model *m, struct prefund_row *row, uint8_t kind,
                                  uint32_t period, int64_t change)
{
    const int64_t before = row->amount + row->pending;
    const struct notice_row notice = {
        .kind = kind,
        .state = NOTICE_DUE,
        .payer = change > 0 ? row->payer : row->payee,
        .payee = change > 0 ? row->payee : row->payer,
        .period = period,
        .amount = change > 0 ? change : -change,
        .old_amount = before,
        .new_amount = before + change,
    };
    row->pending += change;
    return desk_issue(m, &notice, NULL);
}

static bool set_opening(struct desk_model *m)
{
    const struct order *order = m->order;
    if (!must_be_pair(m)) return false;
    const struct notice_row *opening = NULL;
    for (uint32_t i = 0; i < m->notices.count && opening == NULL; i++) {
        const struct notice_row *notice = &m->notices.list[i];
        if (notice->kind == NOTICE_PREFUND_OPENING && notice->payer == order->payer &&
            notice->payee == order->payee) {
            opening = notice;
        }
    }
    if (opening != NULL && opening->amount == order->amount && opening->period == order->period)
        return desk_again(m, opening->number);
    const struct prefund_row *before = prefund_of(m, order->payer, order->payee);
    if (opening != NULL ||
        (before != NULL && (before->amount != 0 || before->pending != 0 || before->year != 0))) {
        return desk_denied(m, ERROR_WRONG_STATE);
    }
    if (order->amount <= 0 || order->amount > INT64_C(9999999999999999))
        return desk_denied(m, ERROR_AMOUNT_RANGE);
    if (!m->decide) return desk_done(m, "");
    struct prefund_row *row = make_prefund(m, order->payer, order->payee);
    struct notice_row *notice =
        ask_for(m, row, NOTICE_PREFUND_OPENING, order->period, order->amount);
    notice->reported = notice->received = notice->amount;
    settle(m, notice);
    return desk_done(m, notice->number);
}

static bool set_year(struct desk_model *m)
{
    static wide quarter[PROVINCE_COUNT][PROVINCE_COUNT];
    const uint32_t year = m->order->period;
    const int64_t now = m->view->now_ms;
    const int64_t months = desk_setting(m, SETTING_PREFUND_MONTHS, now);
    const int64_t multiple = desk_setting(m, SETTING_PREFUND_ROUND_FEN, now);
    char ref[NUMBER_SIZE];
    for (uint32_t i = 0; i < m->prefunds.count; i++) {
        if (m->prefunds.list[i].year >= year) return desk_denied(m, ERROR_WRONG_STATE);
    }
    memset(quarter, 0, sizeof quarter);
    for (uint32_t month = (year - 1) * 100 + 10; month <= (year - 1) * 100 + 12; month++) {
        desk_pairs totals;
        const struct desk_batch *batch = desk_batch_of(m, month);
        if (batch == NULL || batch->row.state < BATCH_NOTICED ||
            batch->row.state == BATCH_ABORTED) {
            return desk_denied(m, ERROR_PREFUND_RULE);
        }
        desk_totals(m, batch->row.id, desk_setting(m, SETTING_PREFUND_WALLET, now) == 1, totals);
        for (int a = 0; a < PROVINCE_COUNT; a++) {
            for (int b = 0; b < PROVINCE_COUNT; b++)
                quarter[a][b] += desk_sum(totals[a][b].funds);
        }
    }
    for (uint8_t a = 0; a < PROVINCE_COUNT && m->decide; a++) {
        for (uint8_t b = 0; b < PROVINCE_COUNT; b++) {
            const wide whole = quarter[a][b] > 0 ? quarter[a][b] * months / 3 : 0;
            const int64_t target = (int64_t)(whole - whole % multiple);
            const int64_t change = target - there_of(m, a, b);
            if (change == 0 && target == 0) continue;
            struct prefund_row *row = make_prefund(m, a, b);
            if (change != 0) (void)ask_for(m, row, NOTICE_PREFUND_YEAR, year, change);
            row->year = year;
        }
    }
    (void)snprintf(ref, sizeof ref, "prefund %u", year);
    return desk_done(m, ref);
}

bool desk_prefund_set(struct desk_model *m)
{
    const struct order *order = m->order;
    if (!desk_must_be_centre(m)) return false;
    if (order->period < 2000 || order->period > 2999) return desk_denied(m, ERROR_MALFORMED);
    if (!desk_must_be_open(m, order->period * 100)) return false;
    const bool all = order->payer == PROVINCE_CENTRE && order->payee == PROVINCE_CENTRE;
    return all ? set_year(m) : set_opening(m);
}

/* The month's clearing is as much of the deposits as prefund.red_bp says. */
static bool is_red(const struct desk_model *m)
{
    static struct desk_use uses[DESK_USES_MAX];
    const struct order *order = m->order;
    const bool pair_alone = desk_setting(m, SETTING_PREFUND_ALERT_SCOPE, m->view->now_ms) == 1;
    uint32_t period = order->period, count;
    (void)desk_uses(m, &period, m->view->now_ms, uses, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (uses[i].payee == order->payee &&
            uses[i].payer == (pair_alone ? order->payer : PROVINCE_CENTRE)) {
            return uses[i].alert == DESK_RED;
        }
    }
    return false;
}

static bool increase_fits(struct desk_model *m, int64_t amount)
{
    const int64_t there = there_of(m, m->order->payer, m->order->payee);
    if (amount <= 0 || there <= 0) return desk_denied(m, ERROR_PREFUND_RULE);
    return amount <= INT64_C(9999999999999999) - there || desk_denied(m, ERROR_AMOUNT_RANGE);
}

static void application_name(const struct order *order, char out[NUMBER_SIZE])
{
    (void)snprintf(out, NUMBER_SIZE, "%06u-%02u-%02u", order->period, code_of(order->payer),
                   code_of(order->payee));
}

uint32_t desk_apply_due(const struct desk_model *m, const struct desk_batch *batch, uint8_t payee,
                        int64_t now_ms)
{
    const struct sign_row *sign = desk_sign_of(m, batch->row.id, payee);
    if (sign == NULL || sign->state != SIGN_SIGNED ||
        sign->version != batch->row.published_version) {
        return 0;
    }
    return desk_working_days_later(m, desk_day(sign->at_ms),
                                   desk_setting(m, SETTING_PREFUND_EMERGENCY_WD, now_ms));
}

bool desk_prefund_apply(struct desk_model *m)
{
    const struct order *order = m->order;
    const int64_t now = m->view->now_ms;
    char name[NUMBER_SIZE];
    if (!desk_must_be(m, order->payee) || !must_be_pair(m)) return false;
    if (!desk_month_valid(order->period)) return desk_denied(m, ERROR_MALFORMED);
    if (!desk_must_be_open(m, order->period)) return false;
    struct application_row *before = application_of(m, order->period, order->payer, order->payee);
    if (before != NULL && before->state != APPLICATION_REFUSED)
        return desk_denied(m, ERROR_WRONG_STATE);
    const struct desk_batch *batch = desk_batch_of(m, order->period);
    if (batch == NULL || batch->row.state == BATCH_ABORTED)
        return desk_denied(m, ERROR_WRONG_STATE);
    const uint32_t due = desk_apply_due(m, batch, order->payee, now);
    if (due == 0) return desk_denied(m, ERROR_WRONG_STATE);
    if (m->today > due) return desk_denied(m, ERROR_DEADLINE);
    if (!is_red(m)) return desk_denied(m, ERROR_PREFUND_RULE);
    if (!increase_fits(m, order->amount)) return false;
    application_name(order, name);
    if (m->decide) {
        *(before != NULL ? before : DESK_ADD(m->applications)) = (struct application_row){
            .period = order->period,
            .payer = order->payer,
            .payee = order->payee,
            .amount = order->amount,
            .at_ms = now,
            .state = APPLICATION_OPEN,
        };
    }
    return desk_done(m, name);
}

bool desk_prefund_decide(struct desk_model *m)
{
    const struct order *order = m->order;
    char name[NUMBER_SIZE];
    if (!desk_must_be_centre(m) || !must_be_pair(m)) return false;
    if (!desk_month_valid(order->period)) return desk_denied(m, ERROR_MALFORMED);
    if (!desk_must_be_open(m, order->period)) return false;
    struct application_row *asked = application_of(m, order->period, order->payer, order->payee);
    if (asked == NULL) return desk_denied(m, ERROR_NOT_FOUND);
    if (asked->state != APPLICATION_OPEN) return desk_denied(m, ERROR_WRONG_STATE);
    if (order->flag && !increase_fits(m, asked->amount)) return false;
    application_name(order, name);
    if (!m->decide) return desk_done(m, name);
    asked->decided_ms = m->view->now_ms;
    asked->state = APPLICATION_REFUSED;
    if (order->flag) {
        const struct notice_row *notice =
            ask_for(m, make_prefund(m, order->payer, order->payee), NOTICE_PREFUND_EMERGENCY,
                    order->period, asked->amount);
        asked->state = APPLICATION_APPROVED;
        memcpy(asked->number, notice->number, sizeof asked->number);
        memcpy(name, notice->number, sizeof name);
    }
    return desk_done(m, name);
}
