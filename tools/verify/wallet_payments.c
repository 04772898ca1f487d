/* wallet_payments -- which lots a payment and its reversals may use (I10), and which debts follow
 * from them (I9). Must not know the entries in which those debts stand: wallet_debts.c. */
#include <inttypes.h>
#include <string.h>

#include "proto/premium.pb-c.h"
#include "proto/wallet.pb-c.h"
#include "tools/verify/list.h"
#include "tools/verify/wallet_reading.h"
#include "types/cell.h"
#include "types/wire.h"
#include "util/checksum.h"
#include "util/le.h"
#include "wallet/ops.h"

uint64_t wallet_setl_hash(uint32_t province, const struct psn_key *person, struct bytes setl_id)
{
    uint8_t text[4 + PSN_KEY_SIZE + 64] = {0};
    const size_t size = setl_id.size < 64 ? setl_id.size : 64;
    le_store32(text, province);
    memcpy(text + 4, person->bytes, PSN_KEY_SIZE);
    memcpy(text + 4 + PSN_KEY_SIZE, setl_id.data, size);
    return checksum_hash64('q', text, 4 + PSN_KEY_SIZE + size) | 1;
}

uint64_t wallet_pay_hash(struct bytes pay_id)
{
    return checksum_hash64('p', pay_id.data, pay_id.size) | 1;
}

struct payment *lane_payment(struct lane *lane, const struct idset *index, uint64_t hash)
{
    uint64_t cursor = 0;
    const uint64_t found = idset_find(index, hash, &cursor);
    return found == 0 ? NULL : &lane->payments[found - 1];
}

static bool own_province(uint32_t a, uint32_t b)
{
    return a / 10000 == b / 10000;
}

/* Notes that a debt must follow. */
static bool expect(struct reading *r, uint32_t payer, uint32_t payee, int64_t amount)
{
    struct expected *e = &r->lane->expected;
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->debts[i].payer != payer || e->debts[i].payee != payee) continue;
        e->debts[i].left += amount;
        return true;
    }
    if (e->count == EXPECTED_MAX) return reading_wrong(r, NULL, "too many debts");
    e->debts[e->count++] = (struct debt){payer, payee, amount};
    return true;
}

void lane_add_net(int64_t *net, uint32_t payer, uint32_t payee, int64_t amount)
{
    const uint8_t from = province_of_area(payer);
    const uint8_t to = province_of_area(payee);
    if (from >= PROVINCE_COUNT || to >= PROVINCE_COUNT || from == to) return;
    net[from] -= amount;
    net[to] += amount;
}

/* One used lot's debts (B.8): by the path, and in both ways for (I9). */
static bool expect_lot(struct reading *r, const struct lot *lot, const struct payment *p, bool via,
                       int64_t amount)
{
    struct lane *lane = r->lane;
    const uint32_t giver = lot->origin_admdvs;
    const bool stop = !own_province(p->use_loc, giver) && !own_province(p->use_loc, p->place);
    lane_add_net(lane->net_direct, giver, p->place, amount);
    if (own_province(giver, p->place)) return true;
    if (stop) {
        lane_add_net(lane->net_via, giver, p->use_loc, amount);
        lane_add_net(lane->net_via, p->use_loc, p->place, amount);
    } else {
        lane_add_net(lane->net_via, giver, p->place, amount);
    }
    if (!via || !stop) return expect(r, giver, p->place, amount);
    return expect(r, giver, p->use_loc, amount) && expect(r, p->use_loc, p->place, amount);
}

/* Place and line of a payment, from its message or the settlement before it. */
static bool place_of(struct reading *r, struct payment *p)
{
    if (r->type == MESSAGE_WLT_PAY) {
        Qingfen__V1__WltPay *m =
            qingfen__v1__wlt_pay__unpack(NULL, r->message.size, r->message.data);
        if (m == NULL) return reading_wrong(r, NULL, "no WltPay");
        const bool good = m->wlt_pay == p->amount;
        p->place = m->mdtrtarea_admvs;
        p->line = LINE_WALLET_CARE;
        qingfen__v1__wlt_pay__free_unpacked(m, NULL);
        return good || reading_wrong(r, &p->person, "another amount is paid than was asked");
    }
    if (r->type == MESSAGE_PREM_PAY) {
        struct wallet_fact fact; /* The area paid is what the insured person's shard said. */
        Qingfen__V1__PremPay *m =
            qingfen__v1__prem_pay__unpack(NULL, r->message.size, r->message.data);
        if (m == NULL || r->fact.size != sizeof fact) return reading_wrong(r, NULL, "no PremPay");
        memcpy(&fact, r->fact.data, sizeof fact);
        const bool good = m->amt == p->amount;
        p->place = fact.insu_admdvs;
        p->line = m->insutype == 390 ? LINE_PREMIUM_RESIDENT : LINE_PREMIUM_CARE;
        qingfen__v1__prem_pay__free_unpacked(m, NULL);
        return good || reading_wrong(r, &p->person, "another amount is paid than was asked");
    }
    p->place = r->lane->expected.place;
    p->line = LINE_WALLET_CARE;
    return true;
}

/* A payment takes lots from the front, each whole but the last (B.6). */
static bool check_fifo(struct reading *r, const struct touched *spender)
{
    const struct kept_person before = reading_before(spender);
    uint32_t at = 0;
    uint32_t i = 0;
    enum person_row kind;
    struct bytes row;
    while (i < r->used_count && kept_next(&before, &at, &kind, &row)) {
        struct lot lot;
        if (kind != PERSON_LOT) continue;
        memcpy(&lot, row.data, sizeof lot);
        const struct lot *used = &r->used[i];
        const bool last = i + 1 == r->used_count;
        if (used->number != lot.number || used->origin_admdvs != lot.origin_admdvs ||
            !kept_same_key(&used->origin, &lot.origin) || used->amount > lot.amount ||
            (!last && used->amount != lot.amount)) {
            return reading_wrong(r, &spender->key, "lots are not used in their order");
        }
        i++;
    }
    return i == r->used_count || reading_wrong(r, &spender->key, "a lot is used that is not there");
}

static int64_t used_sum(const struct reading *r)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < r->used_count; i++)
        sum += r->used[i].amount;
    return sum;
}

bool reading_payment(struct reading *r)
{
    static const struct psn_key nobody;
    struct lane *lane = r->lane;
    const struct touched *spender = reading_person(r);
    struct wallet_row wallet;

    if (spender == NULL) return reading_wrong(r, NULL, "a payment of nobody");
    if (r->said.amount != used_sum(r))
        return reading_wrong(r, &spender->key, "what is paid is not what the used lots add up to");
    if (!check_fifo(r, spender)) return false;
    if (!list_grow32((void **)&lane->payments, lane->payment_count, &lane->payment_room,
                     sizeof *lane->payments)) {
        return reading_wrong(r, NULL, "out of memory");
    }
    const struct kept_person before = reading_before(spender);
    (void)kept_single(&before, PERSON_WALLET, &wallet, sizeof wallet);
    struct payment p = {.body = r->entry->body,
                        .seq = r->entry->seq,
                        .amount = r->said.amount,
                        .use_loc = wallet.use_loc_admdvs,
                        .first_debt = lane->debt_count,
                        .person = spender->key};
    if (!place_of(r, &p)) return false;
    lane->expected.count = 0;
    const bool via = lane_value(lane, PARAM_CLEAR_PATH, wallet.insu_admdvs, r->entry->stamp_ms) ==
                     PATH_VIA_USE_LOC;
    for (uint32_t i = 0; i < r->used_count; i++) {
        const struct lot *used = &r->used[i];
        reading_put(r, BOOK_SPENT, &used->origin, &nobody, -used->amount);
        reading_put_area(r, &used->origin, used->origin_admdvs, used->amount);
        if (!expect_lot(r, used, &p, via, used->amount)) return false;
    }
    lane->payments[lane->payment_count++] = p;
    lane->expected.seq = r->entry->seq;
    lane->expected.payment = lane->payment_count;
    lane->expected.negative = false;
    lane->expected.line = p.line;
    const struct bytes id = {(const uint8_t *)r->said.id, strlen(r->said.id)};
    if (!idset_add(&lane->payment_ids, wallet_pay_hash(id), lane->payment_count) ||
        (r->setl_hash != 0 &&
         !idset_add(&lane->payment_setls, r->setl_hash, lane->payment_count))) {
        return reading_wrong(r, NULL, "out of memory");
    }
    return true;
}

/* A payment by the number of its entry: they came in that order. */
static struct payment *payment_at(struct lane *lane, uint64_t seq)
{
    uint32_t from = 0;
    uint32_t to = lane->payment_count;
    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        if (lane->payments[middle].seq < seq) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < lane->payment_count && lane->payments[from].seq == seq ? &lane->payments[from]
                                                                         : NULL;
}

/* The payment that the message of a reversal names, or the record before it leads to; NULL: none
 * that is known. */
static const struct payment *named_payment(struct reading *r)
{
    struct lane *lane = r->lane;
    const struct payment *p = NULL;
    if (r->type == MESSAGE_WLT_PAY_REVERSE) {
        Qingfen__V1__WltPayReverse *m =
            qingfen__v1__wlt_pay_reverse__unpack(NULL, r->message.size, r->message.data);
        if (m == NULL) return NULL;
        if (m->pay_id[0] != 0) {
            p = lane_payment(lane, &lane->payment_ids, wallet_pay_hash(bytes_of(m->pay_id)));
        } else if (m->psn_key.len == PSN_KEY_SIZE) {
            struct psn_key key;
            memcpy(&key, m->psn_key.data, sizeof key);
            p = lane_payment(
                lane, &lane->payment_setls,
                wallet_setl_hash(m->mdtrtarea_admvs / 10000, &key, bytes_of(m->setl_id)));
        }
        qingfen__v1__wlt_pay_reverse__free_unpacked(m, NULL);
    } else if (r->type == MESSAGE_PREM_REVERSE) {
        Qingfen__V1__PremReverse *m =
            qingfen__v1__prem_reverse__unpack(NULL, r->message.size, r->message.data);
        if (m == NULL) return NULL;
        p = lane_payment(lane, &lane->payment_ids, wallet_pay_hash(bytes_of(m->pay_id)));
        qingfen__v1__prem_reverse__free_unpacked(m, NULL);
    } else if (lane->expected.settlement != 0) {
        p = lane_payment(lane, &lane->payment_setls, lane->expected.setl_hash);
    } else if (lane->last_correction != 0) {
        p = payment_at(lane, lane->last_correction + 1); /* Behind the settlement taken back. */
    }
    return p;
}

uint32_t payment_used(const struct payment *payment, struct lot used[PAY_LOTS_MAX])
{
    struct opened its;
    struct read_op op;
    bool bad;
    uint32_t count = 0;
    if (body_open(payment->body, &its) != NULL) return 0;
    struct bytes ops = its.ops;
    while (read_op(&ops, &op, &bad)) {
        if (op.op != OP_USED || op.data.size != sizeof used[0] || count == PAY_LOTS_MAX) continue;
        memcpy(&used[count++], op.data.data, sizeof used[0]);
    }
    return count;
}

/* (I10) What is given back is what was used, the last first, behind what was given back before. */
static bool check_lifo(struct reading *r, const struct payment *p)
{
    struct lot used[PAY_LOTS_MAX];
    uint32_t i = payment_used(p, used);
    int64_t before = p->reversed;
    for (uint32_t k = 0; k < r->used_count; k++) {
        while (i != 0 && before >= used[i - 1].amount)
            before -= used[--i].amount;
        if (i == 0) return reading_wrong(r, &p->person, "more is given back than was used");
        struct lot *lot = &used[i - 1];
        lot->amount -= before;
        before = 0;
        const bool last = k + 1 == r->used_count;
        if (lot->number != r->used[k].number || !kept_same_key(&lot->origin, &r->used[k].origin) ||
            lot->origin_admdvs != r->used[k].origin_admdvs || r->used[k].amount > lot->amount ||
            (!last && r->used[k].amount != lot->amount)) {
            return reading_wrong(r, &p->person, "lots are not given back last used first");
        }
        i--;
    }
    return true;
}

/* By which way a payment's debt of that giver's area went. */
static bool went_via(const struct lane *lane, const struct payment *p, uint32_t giver)
{
    for (uint32_t i = 0; i < p->debt_count; i++) {
        const struct debt *debt = &lane->debts[p->first_debt + i];
        if (debt->payer == giver && debt->payee == p->place) return false;
    }
    return true;
}

bool reading_reversal(struct reading *r)
{
    static const struct psn_key nobody;
    struct lane *lane = r->lane;
    struct payment *p = payment_at(lane, r->entry->orig_seq);
    const int64_t amount = used_sum(r);

    if (p == NULL) return reading_wrong(r, NULL, "a reversal refers to no payment");
    if (named_payment(r) != p)
        return reading_wrong(r, &p->person, "a reversal names another payment");
    if (amount <= 0 || amount > p->amount - p->reversed)
        return reading_wrong(r, &p->person, "reversals go beyond the payment");
    if (!check_lifo(r, p)) return false;
    lane->expected.count = 0;
    for (uint32_t i = 0; i < r->used_count; i++) {
        const struct lot *used = &r->used[i];
        reading_put(r, BOOK_SPENT, &used->origin, &nobody, used->amount);
        if (!expect_lot(r, used, p, went_via(lane, p, used->origin_admdvs), -used->amount))
            return false;
    }
    p->reversed += amount;
    lane->expected.seq = r->entry->seq;
    lane->expected.payment = (uint32_t)(p - lane->payments) + 1;
    lane->expected.negative = true;
    lane->expected.line = p->line;
    return true;
}

bool reading_wanted(struct reading *r)
{
    struct expected *e = &r->lane->expected;
    if (e->settlement == 0) return true;
    if (r->used_count == 0) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64
                           ": wlt_pay without a payment behind it or before it",
                           r->lane->shard, e->settlement);
    }
    const int64_t paid = r->said.id[0] == 'V' ? -used_sum(r) : used_sum(r);
    if (e->amount != paid) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64 ": the wallet entry behind the settlement of "
                           "seq %" PRIu64 " moves %s yuan instead of %s",
                           r->lane->shard, r->entry->seq, e->settlement, finding_yuan(paid),
                           finding_yuan(e->amount));
    }
    return true;
}
