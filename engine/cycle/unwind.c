/* unwind -- a debtor of a multilateral batch cannot pay: the others are netted again without it.
 *
 * What is asked for afterwards follows from two things alone: the pairs still in the batch, and
 * the money that has arrived. So several debtors may be left out in any order (docs/rules.md,
 * Unwinding). Must not know why a province cannot pay. */
#include <stdio.h>

#include "cycle/cycle_internal.h"
#include "types/ensure.h"

/* What is to be paid after the unwinding. */
struct claim {
    uint8_t payer; /* Index, or PROVINCE_ACCOUNT. */
    uint8_t payee;
    uint8_t kind; /* NOTICE_CLEARING or NOTICE_RETURN. */
    bool stands;  /* A notice asks for exactly this already. */
    int64_t amount;
    const struct notice_row *replaces; /* NULL: none. */
};

#define CLAIMS_MAX (2 * PROVINCE_COUNT)

struct claims {
    uint32_t count;
    struct claim list[CLAIMS_MAX];
};

static bool of_batch(const struct notice_row *notice, const struct batch_row *batch)
{
    return notice->batch == batch->id;
}

/* -- may it be? -------------------------------------------------------------------------------- */

static bool batch_allows(struct judgement *j, const struct batch_row *batch, uint8_t province)
{
    if (batch->mode != NETTING_MULTILATERAL && batch->mode != NETTING_MULTILATERAL_DIRECT) {
        return refuse(j, ERROR_WRONG_STATE, "a batch in mode %s is not unwound",
                      netting_mode_name((enum netting_mode)batch->mode));
    }
    if (batch->state != BATCH_NOTICED && batch->state != BATCH_PAYING) {
        return refuse(j, ERROR_WRONG_STATE, "the batch is %s: only open notices are unwound",
                      batch_state_name(batch->state));
    }
    if ((batch->unwound & UINT32_C(1) << province) != 0) {
        return refuse(j, ERROR_WRONG_STATE, "%02u was left out of the batch before",
                      province_of(province));
    }
    return true;
}

/* Money on its way belongs to nobody yet; money a creditor has got from the clearing account is
 * final and cannot be netted again. */
static bool payments_allow(struct judgement *j, const struct batch_row *batch)
{
    for (uint32_t i = 0; i < cycle_count(j->cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(j->cycle, ROW_NOTICE, i);
        if (!of_batch(notice, batch)) continue;
        if (notice->reported != notice->received) {
            return refuse(j, ERROR_WRONG_STATE, "%s yuan on %s are reported and not received",
                          yuan_of(notice->reported - notice->received).text, notice->number);
        }
        if (notice->payer == PROVINCE_ACCOUNT && notice->kind == NOTICE_CLEARING &&
            notice->received != 0) {
            return refuse(j, ERROR_WRONG_STATE, "the clearing account has paid %s yuan on %s",
                          yuan_of(notice->received).text, notice->number);
        }
    }
    return true;
}

/* -- the province leaves ----------------------------------------------------------------------- */

static bool party(const struct cell_key *cell, uint8_t province)
{
    return cell->payer == province || cell->payee == province;
}

/* The batch's next version has the province's lines empty (K3). Gives their number. */
static uint32_t empty_lines(struct judgement *j, const struct batch_row *batch, uint8_t province)
{
    struct line_walk walk = {.cycle = j->cycle, .batch = batch->id, .version = batch->version};
    const struct line_row *line;
    uint32_t count = 0;
    while ((line = line_next(&walk)) != NULL) {
        if (!party(&line->cell, province) || line_is_empty(line)) continue;
        struct line_row empty = *line;
        empty.version = batch->version + 1;
        empty.count = 0;
        empty.checksum = 0;
        empty.medfee = 0;
        memset(empty.funds, 0, sizeof empty.funds);
        empty.deducted = 0;
        decision_put(j->decision, ROW_LINE, &empty);
        count++;
    }
    return count;
}

/* Posts the province's pairs out of the batch and takes them out of `totals`. */
static void take_pairs(struct judgement *j, const struct batch_row *batch, uint8_t province,
                       struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT])
{
    for (uint8_t other = 0; other < PROVINCE_COUNT; other++) {
        struct pair_total *owes = &totals[province][other];
        struct pair_total *owed = &totals[other][province];
        post_funds(j, province, other, CYCLE_NETTED, CYCLE_CONFIRMED, owes->funds, batch->id,
                   batch->period);
        post_funds(j, other, province, CYCLE_NETTED, CYCLE_CONFIRMED, owed->funds, batch->id,
                   batch->period);
        *owes = (struct pair_total){0};
        *owed = (struct pair_total){0};
    }
}

/* -- what is to be paid now -------------------------------------------------------------------- */

static void claim(struct claims *claims, enum notice_kind kind, uint8_t payer, uint8_t payee,
                  int64_t amount)
{
    if (amount <= 0) return;
    ENSURE(claims->count < CLAIMS_MAX);
    claims->list[claims->count++] =
        (struct claim){.payer = payer, .payee = payee, .kind = (uint8_t)kind, .amount = amount};
}

/* Through the clearing account: who owes pays what he has not paid yet; who paid more than he owes
 * gets that back; who is owed gets it all, for nobody has got anything. */
static void claim_by_account(const struct cycle *cycle, const struct batch_row *batch,
                             const int64_t net[PROVINCE_COUNT], struct claims *claims)
{
    int64_t paid[PROVINCE_COUNT] = {0};
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(cycle, ROW_NOTICE, i);
        if (!of_batch(notice, batch)) continue;
        if (notice->payer < PROVINCE_COUNT) paid[notice->payer] += notice->received;
        if (notice->payee < PROVINCE_COUNT) paid[notice->payee] -= notice->received;
    }
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        const int64_t owes = net[p] < 0 ? -net[p] : 0;
        claim(claims, NOTICE_CLEARING, p, PROVINCE_ACCOUNT, owes - paid[p]);
        claim(claims, NOTICE_CLEARING, PROVINCE_ACCOUNT, p, net[p]);
        claim(claims, NOTICE_RETURN, PROVINCE_ACCOUNT, p, paid[p] - owes);
    }
}

/* Directly: what has arrived counts against what its payer owes its payee, then the largest debtor
 * pays the largest creditor as at the notices. */
static bool claim_directly(struct judgement *j, const struct batch_row *batch,
                           struct netting *netting, const int64_t net[PROVINCE_COUNT],
                           struct claims *claims)
{
    struct payments payments;
    for (uint32_t i = 0; i < cycle_count(j->cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(j->cycle, ROW_NOTICE, i);
        if (!of_batch(notice, batch)) continue;
        if (!netting_add(netting, notice->payer, notice->payee, -notice->received, 0)) {
            return refuse(j, ERROR_AMOUNT_RANGE, "a pair's total does not fit");
        }
    }
    if (!netting_payments(netting, NETTING_MULTILATERAL_DIRECT, &payments)) {
        return refuse(j, ERROR_AMOUNT_RANGE, "a sum over the pairs does not fit");
    }
    for (uint32_t i = 0; i < payments.count; i++) {
        const struct payment *payment = &payments.list[i];
        /* It comes from one who owes nothing, or goes to one who is owed nothing: only because of
         * what was paid before. */
        const bool back = net[payment->payer] >= 0 || net[payment->payee] <= 0;
        claim(claims, back ? NOTICE_RETURN : NOTICE_CLEARING, payment->payer, payment->payee,
              payment->amount);
    }
    return true;
}

static struct claim *claim_between(struct claims *claims, const struct notice_row *notice)
{
    for (uint32_t i = 0; i < claims->count; i++) {
        struct claim *one = &claims->list[i];
        if (one->payer == notice->payer && one->payee == notice->payee &&
            one->kind == notice->kind) {
            return one;
        }
    }
    return NULL;
}

/* A notice that was paid in part is closed at what was received; the other fields keep what it
 * asked for. */
static void close_notice(struct judgement *j, const struct notice_row *found)
{
    struct notice_row notice = *found;
    if (notice.received == 0) {
        notice.state = NOTICE_CANCELLED;
    } else {
        notice.state = NOTICE_SETTLED;
        notice.settled_ms = j->now_ms;
        notice.old_amount = notice.amount;
        notice.new_amount = notice.received;
        notice.amount = notice.received;
    }
    decision_put(j->decision, ROW_NOTICE, &notice);
}

/* Open notices stand where they ask for what is still to be paid, and make way where not. */
static void close_notices(struct judgement *j, const struct batch_row *batch, struct claims *claims)
{
    for (uint32_t i = 0; i < cycle_count(j->cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(j->cycle, ROW_NOTICE, i);
        if (!of_batch(notice, batch) || notice->state != NOTICE_DUE) continue;
        struct claim *one = claim_between(claims, notice);
        if (one != NULL && one->amount == notice->amount - notice->received) {
            one->stands = true;
            continue;
        }
        if (one != NULL) one->replaces = notice;
        close_notice(j, notice);
    }
}

static uint32_t issue_claims(struct judgement *j, const struct batch_row *batch,
                             const struct claims *claims)
{
    uint32_t issued = 0;
    for (uint32_t i = 0; i < claims->count; i++) {
        const struct claim *one = &claims->list[i];
        if (one->stands) continue;
        struct notice_row notice = {
            .kind = one->kind,
            .state = NOTICE_DUE,
            .mode = batch->mode,
            .payer = one->payer,
            .payee = one->payee,
            .batch = batch->id,
            .period = batch->period,
            .amount = one->amount,
        };
        issue_notice(j, &notice, one->replaces);
        issued++;
    }
    return issued;
}

/* -- out of the batch ---------------------------------------------------------------------------
 */

static bool concerns(uint8_t province, uint8_t payer, uint8_t payee)
{
    return province == PROVINCE_CENTRE || province == payer || province == payee;
}

void release_from_batch(struct judgement *j, uint32_t id, uint8_t province)
{
    const struct cycle *cycle = j->cycle;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_FROZEN); i++) {
        struct frozen_row row = *(const struct frozen_row *)cycle_row(cycle, ROW_FROZEN, i);
        if (row.batch != id || !concerns(province, row.cell.payer, row.cell.payee)) continue;
        row.batch = 0;
        row.account = CYCLE_CONFIRMED;
        decision_put(j->decision, ROW_FROZEN, &row);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_EXCEPTION); i++) {
        const struct exception_row *held = cycle_row(cycle, ROW_EXCEPTION, i);
        if (held->batch != id || !concerns(province, held->record.payer, held->record.payee))
            continue;
        struct exception_row row = *held;
        row.batch = 0;
        decision_put(j->decision, ROW_EXCEPTION, &row);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_RECOVERY); i++) {
        struct recovery_row row = *(const struct recovery_row *)cycle_row(cycle, ROW_RECOVERY, i);
        if (row.batch != id || !concerns(province, row.cell.payer, row.cell.payee)) continue;
        row.batch = 0;
        decision_put(j->decision, ROW_RECOVERY, &row);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_CARRY); i++) {
        struct carry_row row = *(const struct carry_row *)cycle_row(cycle, ROW_CARRY, i);
        if (row.into != id || !concerns(province, row.payer, row.payee)) continue;
        row.into = 0;
        decision_put(j->decision, ROW_CARRY, &row);
    }
}

/* -- the step ---------------------------------------------------------------------------------- */

static bool claims_of(struct judgement *j, const struct batch_row *batch,
                      struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT],
                      struct claims *claims)
{
    struct netting netting;
    int64_t net[PROVINCE_COUNT];
    claims->count = 0;
    if (!net_totals(j, totals, &netting)) return false;
    if (!netting_positions(&netting, net)) {
        return refuse(j, ERROR_AMOUNT_RANGE, "a sum over the pairs does not fit");
    }
    if (batch->mode == NETTING_MULTILATERAL_DIRECT) {
        return claim_directly(j, batch, &netting, net, claims);
    }
    claim_by_account(j->cycle, batch, net, claims);
    return true;
}

bool unwind_batch(struct judgement *j, const struct batch_row *batch, uint8_t province)
{
    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    struct claims claims;
    char name[NUMBER_SIZE];
    if (province >= PROVINCE_COUNT) return refuse(j, ERROR_UNKNOWN_AREA, "no such province");
    if (!batch_allows(j, batch, province)) return false;
    if (!payments_allow(j, batch)) return false;
    if (empty_lines(j, batch, province) == 0) {
        return refuse(j, ERROR_WRONG_STATE, "%02u has nothing in the batch", province_of(province));
    }

    batch_totals(j->cycle, batch, batch->version, totals);
    release_from_batch(j, batch->id, province);
    take_pairs(j, batch, province, totals);
    if (!claims_of(j, batch, totals, &claims)) return false;
    close_notices(j, batch, &claims);
    const uint32_t issued = issue_claims(j, batch, &claims);

    struct batch_row after = *batch;
    after.version++;
    after.published_version = after.version;
    after.unwound |= UINT32_C(1) << province;
    const char *broken = batch_net(&after, totals);
    if (broken != NULL) return refuse(j, ERROR_AMOUNT_RANGE, "%s", broken);
    batch_digest_without(j->cycle, batch, after.version, UINT32_C(1) << province, after.digest);
    if (claims.count == 0) {
        after.state = BATCH_SETTLED;
        after.at_ms[BATCH_SETTLED] = j->now_ms;
        post_totals(j, batch, totals, CYCLE_NETTED, CYCLE_SETTLED);
    }
    decision_put(j->decision, ROW_BATCH, &after);
    batch_name(batch, name);
    (void)snprintf(j->decision->text, sizeof j->decision->text, "%02u left out, %u new notices",
                   province_of(province), issued);
    return done(j, name);
}
