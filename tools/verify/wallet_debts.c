/* wallet_debts -- what stands beside an ENTRY_WALLET: the debts behind a payment, and the
 * settlement in front of one. Must not read ops. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/verify/list.h"
#include "tools/verify/wallet_reading.h"

static bool lane_wrong(const struct lane *lane, uint64_t seq, struct finding *finding,
                       const char *what)
{
    return finding_set(finding, "shard %u, seq %" PRIu64 ": %s", lane->shard, seq, what);
}

bool lane_expected(struct lane *lane, struct finding *finding)
{
    struct expected *e = &lane->expected;
    if (e->settlement != 0) {
        return lane_wrong(lane, e->settlement, finding,
                          "wlt_pay without a payment behind it or before it");
    }
    for (uint32_t i = 0; e->seq != 0 && i < e->count; i++) {
        if (e->debts[i].left == 0) continue;
        return finding_set(
            finding, "shard %u, seq %" PRIu64 ": a debt %u->%u of %s yuan is missing", lane->shard,
            e->seq, e->debts[i].payer, e->debts[i].payee, finding_yuan(e->debts[i].left));
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

bool lane_add_debt(struct lane *lane, const struct entry *entry, struct finding *finding)
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
                           "%s yuan",
                           lane->shard, entry->seq, debt.payer, debt.payee,
                           finding_yuan(debt.left));
    }
    e->debts[i].left -= debt.left;
    lane_add_net(lane->net_debts, debt.payer, debt.payee, debt.left);
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
    const uint64_t hash =
        wallet_setl_hash(refund->mdtrtarea_admvs / 10000, person, refund->setl_id);
    return idset_find(&lane->reversals, hash, &cursor) != 0;
}

/* A settlement with wlt_pay: paid before under its setl_id, or by the entry behind it, where the
 * province pays that way. */
bool lane_add_settlement(struct lane *lane, const struct entry *entry, struct finding *finding)
{
    struct settlement s;
    struct psn_key person;
    if (!has_wlt_pay(entry->body)) return true;
    if (!body_settlement(&lane->arena, entry->body, &s) || s.psn_key.size != sizeof person)
        return lane_wrong(lane, entry->seq, finding, "no SetlPost");
    memcpy(&person, s.psn_key.data, sizeof person);
    const struct bytes setl_id = s.refd_setl_flag ? s.orig_setl_id : s.setl_id;
    const uint64_t hash = wallet_setl_hash(s.mdtrtarea_admvs / 10000, &person, setl_id);
    const struct payment *p = lane_payment(lane, &lane->payment_setls, hash);
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
