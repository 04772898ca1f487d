/* wallet_money -- what a person's rows add up to after an entry (I3 to I5), and that the entry took
 * as much from one place as it put into others (I1). Must not know why money moves. */
#include <inttypes.h>
#include <string.h>

#include "proto/wallet.pb-c.h"
#include "tools/verify/wallet_reading.h"
#include "types/wire.h"

/* What rows of one person add up to. */
struct sums {
    int64_t holders;
    int64_t pending; /* Own money under way, frozen for sure. */
    int64_t holding; /* The same, asked for. */
    uint32_t lots;
};

static bool add_transfer(const struct reading *r, const struct psn_key *key, struct bytes row,
                         struct sums *sums)
{
    struct transfer_row t = {0};
    int64_t carried = 0;
    memcpy(&t, row.data, row.size);
    for (uint32_t i = 0; i < t.lot_count; i++)
        carried += t.lots[i].amount;
    if (t.amount <= 0 || (t.src == 2 && carried != t.amount) || (t.src == 1 && t.lot_count != 0))
        return reading_wrong(r, key, "a transfer carries another amount than its own");
    if (t.src == 1) *(t.state == TRANSFER_HOLDING ? &sums->holding : &sums->pending) += t.amount;
    return true;
}

static bool add_rows(const struct reading *r, const struct kept_person *person, struct sums *sums)
{
    uint32_t at = 0;
    enum person_row kind;
    struct bytes row;
    while (kept_next(person, &at, &kind, &row)) {
        struct lot lot;
        struct holder_row holder;
        if (kind == PERSON_LOT) {
            memcpy(&lot, row.data, sizeof lot);
            sums->lots++;
            if (lot.amount <= 0)
                return reading_wrong(r, &person->key, "a lot is overdrawn or empty");
        } else if (kind == PERSON_HOLDER) {
            memcpy(&holder, row.data, sizeof holder);
            sums->holders += holder.amount;
            if (holder.amount == 0) return reading_wrong(r, &person->key, "a holder of nothing");
        } else if (kind == PERSON_TRANSFER && !add_transfer(r, &person->key, row, sums)) {
            return false;
        }
    }
    return true;
}

/* (I3), (I4) within the person, (I5). */
static bool check_money(const struct reading *r, const struct kept_person *person)
{
    struct sums sums = {0};
    struct hold_row hold;
    struct wallet_row wallet;
    if (!add_rows(r, person, &sums)) return false;
    (void)kept_single(person, PERSON_HOLD, &hold, sizeof hold);
    (void)kept_single(person, PERSON_WALLET, &wallet, sizeof wallet);
    const int64_t sure = sums.holders + sums.pending;
    if (hold.held != sure && hold.held != sure + sums.holding) {
        return finding_set(r->finding,
                           "shard %u, seq %" PRIu64 ", %s: held is %s yuan, transfers and holders "
                           "have %s",
                           r->lane->shard, r->entry->seq, person_text(&person->key),
                           finding_yuan(hold.held), finding_yuan(sure));
    }
    if (hold.held < 0 || hold.consumed < 0 || hold.granted - hold.held - hold.consumed < 0)
        return reading_wrong(r, &person->key, "more is held or consumed than was granted");
    if (wallet.state == WALLET_CLOSED && sums.lots != 0)
        return reading_wrong(r, &person->key, "a closed wallet holds lots");
    return true;
}

static int64_t granted_of(const struct kept_person *person)
{
    struct hold_row hold;
    (void)kept_single(person, PERSON_HOLD, &hold, sizeof hold);
    return hold.granted;
}

static int64_t released_of(const struct reading *r, const struct psn_key *giver)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < r->outgoing_count; i++) {
        const struct outgoing *out = &r->outgoing[i];
        if (out->type == OUT_PA_RELEASE && kept_same_key(&out->psn_key, giver)) sum += out->amount;
    }
    return sum;
}

/* True when another area keeps the account behind the entry. */
static bool has_left(const struct kept_person *before, const struct kept_person *after)
{
    struct insured_row old;
    struct insured_row new;
    (void)kept_single(before, PERSON_INSURED, &old, sizeof old);
    (void)kept_single(after, PERSON_INSURED, &new, sizeof new);
    return old.state != 0 && old.insu_admdvs != new.insu_admdvs;
}

/* Nothing that was granted is free. */
static bool is_used_up(const struct kept_person *person)
{
    struct hold_row hold;
    (void)kept_single(person, PERSON_HOLD, &hold, sizeof hold);
    return hold.granted == hold.held + hold.consumed;
}

/* (I5) What was granted changes only by the province's word, by what it gets back, or with the
 * province. */
static bool check_granted(const struct reading *r, const struct touched *touched)
{
    const struct kept_person before = reading_before(touched);
    const struct kept_person *after = kept_map_find(&r->lane->persons, &touched->key);
    const int64_t change = granted_of(after) - granted_of(&before);
    bool good = change == 0 || change == -released_of(r, &touched->key) ||
                (has_left(&before, after) && is_used_up(after));

    if (r->type == MESSAGE_PA_GRANT) {
        Qingfen__V1__PaGrant *m =
            qingfen__v1__pa_grant__unpack(NULL, r->message.size, r->message.data);
        good = m != NULL && m->granted_amt == granted_of(after);
        if (m != NULL) qingfen__v1__pa_grant__free_unpacked(m, NULL);
    } else if (r->type == MESSAGE_PA_HOLD_ACK && change > 0) {
        Qingfen__V1__PaHoldAck *m =
            qingfen__v1__pa_hold_ack__unpack(NULL, r->message.size, r->message.data);
        good = m != NULL && m->held_amt == change;
        if (m != NULL) qingfen__v1__pa_hold_ack__free_unpacked(m, NULL);
    }
    return good || reading_wrong(r, &touched->key, "granted changes by what no province said");
}

bool reading_persons(struct reading *r)
{
    for (uint32_t i = 0; i < r->person_count; i++) {
        struct kept_person *person = kept_map_find(&r->lane->persons, &r->persons[i].key);
        kept_head(person, r->entry->seq);
        if (!r->persons[i].money) continue;
        if (!check_money(r, person) || !check_granted(r, &r->persons[i])) return false;
    }
    return true;
}

/* Of a giver with more holders than there are rows, some are counted together under a key of zeros:
 * then only all of them together must be balanced. */
static bool counted_together(const struct reading *r, const struct psn_key *giver)
{
    static const struct psn_key others;
    int64_t sum = 0;
    bool together = false;
    for (uint32_t i = 0; i < r->account_count; i++) {
        const struct standing *a = &r->accounts[i];
        if (a->book != BOOK_HOLDER || !kept_same_key(&a->giver, giver)) continue;
        sum += a->amount;
        together = together || kept_same_key(&a->holder, &others);
    }
    return together && sum == 0;
}

/* (I1) Every account of both books ends at zero. Areas follow lots only where nothing comes back:
 * what a reversal returns to a dead lot goes home without one. */
bool reading_balance(const struct reading *r, bool areas)
{
    if (r->accounts_full) return reading_wrong(r, NULL, "too many accounts in one entry");
    for (uint32_t i = 0; i < r->account_count; i++) {
        const struct standing *a = &r->accounts[i];
        if (a->amount == 0 || (a->book == BOOK_AREA && !areas)) continue;
        if (a->book == BOOK_HOLDER && counted_together(r, &a->giver)) continue;
        if (a->book == BOOK_HOLDER) {
            return finding_set(r->finding,
                               "shard %u, seq %" PRIu64 ", giver %s: not balanced by %s yuan at "
                               "holder %s",
                               r->lane->shard, r->entry->seq, person_text(&a->giver),
                               finding_yuan(a->amount), person_text(&a->holder));
        }
        return finding_set(r->finding, "shard %u, seq %" PRIu64 ", giver %s: %s by %s yuan",
                           r->lane->shard, r->entry->seq, person_text(&a->giver),
                           a->book == BOOK_SPENT ? "spent and used differ"
                                                 : "lots change their area",
                           finding_yuan(a->amount));
    }
    return true;
}
