#include "tools/verify/recount.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/messages.h"
#include "tools/verify/list.h"
#include "tools/verify/recount_look.h"
#include "tools/verify/wallet_lane.h"
#include "util/checksum.h"
#include "wallet/ops.h"

bool look_wrong(const struct look *look, const char *what)
{
    finding_set(look->finding, "shard %u, %s, seq %llu: %s", look->recount->chain->shard,
                chain_place_text(look->place), (unsigned long long)look->entry->seq, what);
    return false;
}

/* -- the calendar, by the C library --------------------------------------------------------- */

static uint32_t month_of(int64_t unix_ms)
{
    const time_t seconds = (time_t)(unix_ms / 1000 + 8 * 3600); /* Shanghai as if it were UTC. */
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL) return 0;
    return (uint32_t)(tm.tm_year + 1900) * 100 + (uint32_t)tm.tm_mon + 1;
}

static uint32_t day_of(int64_t unix_ms)
{
    const time_t seconds = (time_t)(unix_ms / 1000 + 8 * 3600);
    struct tm tm;
    if (gmtime_r(&seconds, &tm) == NULL) return 0;
    return month_of(unix_ms) * 100 + (uint32_t)tm.tm_mday;
}

static uint32_t month_after(uint32_t month)
{
    return month % 100 == 12 ? (month / 100 + 1) * 100 + 1 : month + 1;
}

/* -- postings ------------------------------------------------------------------------------- */

/* What one record does to its cell. */
struct posted {
    struct cell_key key;
    uint32_t day; /* yyyymmdd of its tally. */
    uint32_t payer_area;
    uint32_t payee_area;
    int64_t funds[FUND_COUNT];
    int64_t medfee;
    uint64_t content_hash;
};

static int64_t larger_of(int64_t a, int64_t b)
{
    return llabs(a) >= llabs(b) ? a : b;
}

/* Settlement and refund: every fund class from the amounts, by the switches the entry keeps. */
static struct posted effect_of_settlement(const struct entry *entry, const struct settlement *s)
{
    const int64_t *a = s->amounts;
    int64_t account = a[AMOUNT_ACCT];
    int64_t fund = a[AMOUNT_FUND_SUM];
    struct posted effect = {
        .key = {.period = entry->period,
                .payer = province_of_area(s->insu_admdvs),
                .payee = province_of_area(s->mdtrtarea_admvs),
                .line = entry->line,
                .insurance = entry->insurance},
        .day = day_of(s->setl_time),
        .payer_area = s->insu_admdvs,
        .payee_area = s->mdtrtarea_admvs,
        .medfee = a[AMOUNT_MEDFEE],
        .content_hash = settlement_content_hash(s),
    };

    /* Mutual aid beside the own account is cleared but for the wallet's share of it. */
    if ((entry->flags & ENTRY_MULAID_CLEARED) != 0 && (entry->flags & ENTRY_MULAID_IN_ACCT) == 0)
        account += larger_of(a[AMOUNT_MULAID], a[AMOUNT_WLT]) - a[AMOUNT_WLT];
    if ((entry->flags & ENTRY_ACCT_IN_FUND) != 0) fund -= a[AMOUNT_ACCT];

    effect.funds[FUND_ACCOUNT] = account;
    effect.funds[FUND_POOL] = a[AMOUNT_HIFP];
    effect.funds[FUND_SUPPLEMENT] =
        a[AMOUNT_CVLSERV] + a[AMOUNT_HIFES] + a[AMOUNT_HIFMI] + a[AMOUNT_HIFOB];
    effect.funds[FUND_ASSISTANCE] = a[AMOUNT_MAF];
    effect.funds[FUND_OTHER] = fund - effect.funds[FUND_POOL] - effect.funds[FUND_SUPPLEMENT] -
                               effect.funds[FUND_ASSISTANCE];
    return effect;
}

static struct posted effect_of_adjustment(const struct entry *entry, const struct adjustment *a)
{
    const int64_t *d = a->amounts;
    struct posted effect = {
        .key = {.period = entry->period,
                .payer = province_of_area(a->insu_admdvs),
                .payee = province_of_area(a->mdtrtarea_admvs),
                .line = entry->line,
                .insurance = entry->insurance},
        .day = day_of(entry->stamp_ms), /* It has no time of its own. */
        .payer_area = a->insu_admdvs,
        .payee_area = a->mdtrtarea_admvs,
        .content_hash = adjustment_content_hash(a),
    };
    effect.funds[FUND_ACCOUNT] = d[AMOUNT_ACCT];
    effect.funds[FUND_POOL] = d[AMOUNT_HIFP];
    effect.funds[FUND_SUPPLEMENT] =
        d[AMOUNT_CVLSERV] + d[AMOUNT_HIFES] + d[AMOUNT_HIFMI] + d[AMOUNT_HIFOB];
    effect.funds[FUND_ASSISTANCE] = d[AMOUNT_MAF];
    effect.funds[FUND_OTHER] = d[AMOUNT_HIFDM] + d[AMOUNT_OTH];
    return effect;
}

static bool is_refund(const struct entry *entry, const struct posted *effect)
{
    return entry->kind == ENTRY_REFUND || (entry->kind == ENTRY_DEBT && effect->medfee < 0);
}

/* The same for one tally of each kind. Its records' numbers only ever widen: a correction leaves
 * them. Amounts may go beyond 64 bits in between, when days of both signs make up a cell. */
static bool tally(const struct look *look, const struct posted *effect, const struct entry *of,
                  int64_t sign)
{
    const uint32_t parts[] = {effect->day, effect->payer_area, effect->payee_area};
    for (uint32_t i = 0; i < 3; i++) {
        const struct tally_key key = {TALLY_DAY + i,        effect->key.period, parts[i],
                                      effect->key.payer,    effect->key.payee,  effect->key.line,
                                      effect->key.insurance};
        struct tally *t = tallies_for(&look->recount->state.tallies, &key);
        if (t == NULL) return look_wrong(look, "out of memory");
        t->count += (uint64_t)sign;
        if (is_refund(of, effect)) t->refund_count += (uint64_t)sign;
        t->medfee = (int64_t)((uint64_t)t->medfee + (uint64_t)(sign * effect->medfee));
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            t->funds[fund] =
                (int64_t)((uint64_t)t->funds[fund] + (uint64_t)(sign * effect->funds[fund]));
        }
        t->checksum += (uint64_t)sign * effect->content_hash;
        if (t->first_seq == 0) t->first_seq = of->seq; /* Entries come in their order. */
        if (sign > 0) t->last_seq = of->seq;
    }
    return true;
}

/* Posts an effect (sign 1) or takes it back (sign -1); `of` is the entry it belongs to. */
static bool post(const struct look *look, const struct posted *effect, const struct entry *of,
                 int64_t sign)
{
    const struct cell_key key = effect->key;
    if (key.payer >= PROVINCE_COUNT || key.payee >= PROVINCE_COUNT || key.payer == key.payee)
        return look_wrong(look, "its provinces are no pair that is cleared");
    if (key.line == 0 || key.line >= LINE_END || key.insurance >= INSURANCE_COUNT)
        return look_wrong(look, "an unknown line or class");
    struct recount_cell *cell = recount_cell_for(&look->recount->state, key);
    if (cell == NULL) return look_wrong(look, "out of memory");
    if (cell->cell.cut != 0) return look_wrong(look, "it changes a cell that was cut");

    struct cell *c = &cell->cell;
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        const int64_t amount = sign * effect->funds[fund];
        if (__builtin_add_overflow(c->balance[ACCOUNT_COST][fund], amount,
                                   &c->balance[ACCOUNT_COST][fund]) ||
            __builtin_sub_overflow(c->balance[ACCOUNT_ACCRUED][fund], amount,
                                   &c->balance[ACCOUNT_ACCRUED][fund])) {
            return look_wrong(look, "a balance of its cell overflows");
        }
    }
    c->medfee_sum += sign * effect->medfee;
    c->count += (uint64_t)sign;
    c->checksum += (uint64_t)sign * effect->content_hash;
    if (is_refund(of, effect)) c->refund_count += (uint64_t)sign;
    if ((of->flags & ENTRY_LATE) != 0) c->late_count += (uint64_t)sign;
    if (of->kind == ENTRY_ADJUSTMENT) cell->adjustments += (uint64_t)sign;
    return tally(look, effect, of, sign);
}

/* -- what every entry of a person must be ---------------------------------------------------- */

static bool check_person(const struct look *look, struct bytes psn_key)
{
    uint32_t h;
    if (psn_key.size != PSN_KEY_SIZE) return look_wrong(look, "psn_key has not 16 bytes");
    memcpy(&h, psn_key.data, sizeof h);
    if ((uint32_t)(((uint64_t)h * look->recount->shards) >> 32) != look->recount->chain->shard)
        return look_wrong(look, "the person is at home in another shard");
    return true;
}

/* The month a record of its own `month` belongs to, given the cuts so far. */
static bool check_period(const struct look *look, uint32_t month)
{
    const struct entry *entry = look->entry;
    const struct recount *recount = look->recount;
    const bool late = month <= recount->cut_through;
    const uint32_t want = late ? month_after(recount->cut_through) : month;

    if (entry->orig_period != month) return look_wrong(look, "orig_period is not its own month");
    if (entry->period != want)
        return look_wrong(look, "posted to another month than it belongs to");
    if (((entry->flags & ENTRY_LATE) != 0) != late)
        return look_wrong(look, "the late flag is wrong");
    if (month / 100 <= recount->closed_year) return look_wrong(look, "its year is closed");
    return true;
}

static void amounts_of_adjustment(const struct adjustment *a, int64_t *ret_amounts)
{
    memcpy(ret_amounts, a->amounts, sizeof a->amounts);
    for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++)
        ret_amounts[AMOUNT_FUND_SUM] += a->amounts[i]; /* Its parts change the fund total too. */
}

/* The settlement a refund or adjustment refers to: there, the same person's, standing. Decodes it
 * into `other`, sets what has become of it. */
static bool find_original(const struct look *look, struct bytes psn_key, uint32_t insu_admdvs,
                          struct bytes setl_id, struct settlement *ret_original,
                          struct mark **ret_mark)
{
    struct recount *recount = look->recount;
    const struct entry *entry = look->entry;

    if (entry->orig_seq == 0 || entry->orig_seq >= entry->seq)
        return look_wrong(look, "it refers to no earlier entry");
    const struct entry original = recount_entry(recount, entry->orig_seq);
    if (original.kind != ENTRY_SETTLEMENT ||
        !body_settlement(&recount->other, original.body, ret_original)) {
        return look_wrong(look, "what it refers to is no settlement");
    }
    if (!bytes_equal(psn_key, ret_original->psn_key) ||
        !bytes_equal(setl_id, ret_original->setl_id) || insu_admdvs != ret_original->insu_admdvs) {
        return look_wrong(look, "it refers to another settlement than it names");
    }
    if (entry->line != original.line || entry->insurance != original.insurance ||
        (entry->flags & ~ENTRY_LATE) != (original.flags & ~ENTRY_LATE)) {
        return look_wrong(look, "line, class or switches differ from its original's");
    }
    *ret_mark = recount_mark_for(&recount->state, original.seq);
    if (*ret_mark == NULL) return look_wrong(look, "out of memory");
    if (((*ret_mark)->flags & MARK_REVERSED) != 0)
        return look_wrong(look, "its original was cancelled");
    if (entry->prev_seq != ((*ret_mark)->last_seq != 0 ? (*ret_mark)->last_seq : original.seq))
        return look_wrong(look,
                          "prev_seq is not the entry before it that refers to the same original");
    return true;
}

/* Changes stay within the original, amount by amount. */
static bool change(const struct look *look, struct mark *mark, const struct settlement *original,
                   const int64_t *amounts)
{
    mark->last_seq = look->entry->seq;
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++) {
        if (amounts[i] == 0) continue;
        mark->changes[i] += amounts[i];
        if (original->amounts[i] >= 0 && original->amounts[i] + mark->changes[i] < 0)
            return look_wrong(look, "refunds and adjustments go beyond the original");
    }
    return true;
}

/* -- the kinds of entries -------------------------------------------------------------------- */

static bool add_settlement(const struct look *look)
{
    struct recount *recount = look->recount;
    const struct entry *entry = look->entry;
    struct settlement s;

    if (!body_settlement(&recount->arena, entry->body, &s)) return look_wrong(look, "no SetlPost");
    if (s.refd_setl_flag != (entry->kind == ENTRY_REFUND))
        return look_wrong(look, "kind and refd_setl_flag differ");
    if (entry->sender != s.mdtrtarea_admvs / 10000)
        return look_wrong(look, "the sender is not the province of treatment");
    if (!check_person(look, s.psn_key)) return false;
    const struct full_id msgid = full_id_make(ID_MSGID, entry->sender, s.psn_key, s.msgid);
    const struct full_id setl_id = full_id_make(ID_SETL, s.insu_admdvs, s.psn_key, s.setl_id);
    idset_prefetch(&recount->ids, msgid.hash);
    idset_prefetch(&recount->ids, setl_id.hash);
    if (!check_period(look, month_of(s.setl_time))) return false;

    if (entry->kind == ENTRY_REFUND) {
        struct settlement original;
        struct mark *mark;
        if (!find_original(look, s.psn_key, s.insu_admdvs, s.orig_setl_id, &original, &mark))
            return false;
        if (s.mdtrtarea_admvs / 10000 != original.mdtrtarea_admvs / 10000)
            return look_wrong(look, "refunded by another province than the original's");
        if (!change(look, mark, &original, s.amounts)) return false;
        mark->refunds++;
    } else if (entry->orig_seq != 0 || entry->prev_seq != 0) {
        return look_wrong(look, "a settlement refers to another entry");
    }
    const struct posted effect = effect_of_settlement(entry, &s);
    recount->records++;
    return post(look, &effect, entry, 1) && look_add_id(look, &msgid) &&
           look_add_id(look, &setl_id);
}

static uint64_t transfer_hash(const uint8_t *trsf_id)
{
    return checksum_hash64('T', trsf_id, WALLET_ID_SIZE);
}

/* What became of a transfer or payment is marked at the entry that made it. */
static bool mark_wallet(const struct look *look, uint64_t seq, int64_t used)
{
    if (seq == 0 || seq >= look->entry->seq)
        return look_wrong(look, "it refers to no earlier entry");
    struct mark *mark = recount_mark_for(&look->recount->state, seq);
    if (mark == NULL) return look_wrong(look, "out of memory");
    mark->last_seq = look->entry->seq;
    mark->changes[AMOUNT_WLT] -= used;
    return true;
}

/* A transfer under way: by which entry it was made is in its row, at the front of which is its id.
 * False with a finding. */
static bool look_at_transfer(const struct look *look, const struct read_op *op)
{
    struct idset *transfers = &look->recount->transfers;
    struct transfer_row row;
    uint64_t cursor = 0;
    if (op->data.size < WALLET_ID_SIZE) return look_wrong(look, "a transfer without an id");
    const uint64_t hash = transfer_hash(op->data.data);
    const uint64_t seq = idset_find(transfers, hash, &cursor);
    if (op->op == OP_DROP) {
        if (seq == 0) return look_wrong(look, "a transfer ends that never began");
        return seq == look->entry->orig_seq || mark_wallet(look, seq, 0);
    }
    if (op->data.size < offsetof(struct transfer_row, lots))
        return look_wrong(look, "a transfer of a wrong size");
    memcpy(&row, op->data.data, offsetof(struct transfer_row, lots));
    if (seq != 0)
        return seq == row.seq || look_wrong(look, "a transfer has another entry than before");
    return idset_add(transfers, hash, row.seq) || look_wrong(look, "out of memory");
}

/* Only what an entry of the wallet leaves in marks; all else is wallet_check.h's. */
static bool add_wallet(const struct look *look)
{
    struct opened its;
    struct read_op op;
    bool bad;
    int64_t used = 0;
    if (body_open(look->entry->body, &its) != NULL) its.ops.size = 0;
    while (read_op(&its.ops, &op, &bad)) {
        struct lot lot;
        if (op.op == OP_USED && op.data.size == sizeof lot) {
            memcpy(&lot, op.data.data, sizeof lot);
            used += lot.amount;
        }
        if ((op.op == OP_PUT || op.op == OP_DROP) && op.kind == PERSON_TRANSFER &&
            !look_at_transfer(look, &op)) {
            return false;
        }
    }
    return look->entry->orig_seq == 0 || mark_wallet(look, look->entry->orig_seq, used);
}

/* A debt of the wallet: a record of its cell like a settlement, a negative one like a refund. Who
 * owes it and how much is wallet_check.h's. */
static bool add_debt(const struct look *look)
{
    struct recount *recount = look->recount;
    const struct entry *entry = look->entry;
    struct settlement s;

    if (!body_settlement(&recount->arena, entry->body, &s)) return look_wrong(look, "no SetlPost");
    if (!check_person(look, s.psn_key)) return false;
    if (!check_period(look, entry->orig_period)) return false;
    if (entry->line < LINE_WALLET_CARE || entry->line > LINE_PREMIUM_CARE)
        return look_wrong(look, "a debt in a line that is none of the wallet's");
    if (entry->orig_seq == 0 || entry->orig_seq >= entry->seq ||
        recount_entry(recount, entry->orig_seq).kind != ENTRY_WALLET) {
        return look_wrong(look, "a debt refers to no entry of the wallet");
    }
    if (s.amounts[AMOUNT_MEDFEE] != s.amounts[AMOUNT_ACCT] || s.amounts[AMOUNT_FUND_SUM] != 0)
        return look_wrong(look, "a debt is more than wallet money");
    const struct posted effect = effect_of_settlement(entry, &s);
    const struct full_id number = full_id_make(ID_SETL, s.insu_admdvs, s.psn_key, s.setl_id);
    recount->records++;
    return post(look, &effect, entry, 1) && look_add_id(look, &number);
}

static bool add_adjustment(const struct look *look)
{
    struct recount *recount = look->recount;
    const struct entry *entry = look->entry;
    struct adjustment a;
    struct settlement original;
    struct mark *mark;
    int64_t amounts[AMOUNT_COUNT];

    if (!body_adjustment(&recount->arena, entry->body, &a))
        return look_wrong(look, "no SetlAdjust");
    const uint32_t payer = a.insu_admdvs / 10000;
    const uint32_t payee = a.mdtrtarea_admvs / 10000;
    const bool agreed = (entry->sender == payer && a.approved_by / 10000 == payee) ||
                        (entry->sender == payee && a.approved_by / 10000 == payer);
    if (!agreed) return look_wrong(look, "not agreed by both sides");
    if (!check_person(look, a.psn_key)) return false;
    if (!find_original(look, a.psn_key, a.insu_admdvs, a.setl_id, &original, &mark)) return false;
    if (!check_period(look, month_of(original.setl_time))) return false;
    if (payee != original.mdtrtarea_admvs / 10000)
        return look_wrong(look, "its place of treatment is not the original's");

    amounts_of_adjustment(&a, amounts);
    if (!change(look, mark, &original, amounts)) return false;
    const struct posted effect = effect_of_adjustment(entry, &a);
    recount->records++;
    const struct full_id msgid = full_id_make(ID_MSGID, entry->sender, a.psn_key, a.msgid);
    const struct full_id adj_no = full_id_of_adjustment(&a);
    return post(look, &effect, entry, 1) && look_add_id(look, &msgid) && look_add_id(look, &adj_no);
}

/* Takes a refund's or adjustment's amounts off its original again. */
static void unchange(struct recount *recount, uint64_t original_seq, const int64_t *amounts,
                     bool refund)
{
    struct mark *mark = recount_mark_for(&recount->state, original_seq); /* It was made before. */
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++)
        mark->changes[i] -= amounts[i];
    mark->refunds -= refund;
}

/* The effect of a corrected entry, taken back. */
static bool take_back(const struct look *look, const struct entry *original,
                      const struct correction *c)
{
    struct recount *recount = look->recount;
    struct posted effect;
    struct bytes psn_key;
    struct bytes msgid;

    if (original->kind == ENTRY_ADJUSTMENT) {
        struct adjustment a;
        int64_t amounts[AMOUNT_COUNT];
        if (!body_adjustment(&recount->other, original->body, &a))
            return look_wrong(look, "no body");
        effect = effect_of_adjustment(original, &a);
        psn_key = a.psn_key;
        msgid = a.msgid;
        amounts_of_adjustment(&a, amounts);
        unchange(recount, original->orig_seq, amounts, false);
    } else {
        struct settlement s;
        if (!body_settlement(&recount->other, original->body, &s))
            return look_wrong(look, "no body");
        effect = effect_of_settlement(original, &s);
        psn_key = s.psn_key;
        msgid = s.msgid;
        if (original->kind == ENTRY_REFUND) unchange(recount, original->orig_seq, s.amounts, true);
    }
    if (!bytes_equal(psn_key, c->psn_key) || !bytes_equal(msgid, c->omsgid) ||
        original->sender != look->entry->sender) {
        return look_wrong(look, "it cancels another message than it names");
    }
    return post(look, &effect, original, -1);
}

static bool add_correction(const struct look *look)
{
    struct recount *recount = look->recount;
    const struct entry *entry = look->entry;
    struct correction c;

    if (!body_correction(&recount->arena, entry->body, &c))
        return look_wrong(look, "no Correction");
    if (!check_person(look, c.psn_key)) return false;
    const struct full_id id = full_id_make(ID_MSGID, entry->sender, c.psn_key, c.msgid);
    if (!look_add_id(look, &id)) return false;
    if (entry->orig_seq == 0) {
        recount->tombstones++;
        return true;
    }
    if (entry->orig_seq >= entry->seq) return look_wrong(look, "it refers to no earlier entry");
    const struct entry original = recount_entry(recount, entry->orig_seq);
    if (original.kind != ENTRY_SETTLEMENT && original.kind != ENTRY_REFUND &&
        original.kind != ENTRY_ADJUSTMENT) {
        return look_wrong(look, "what it cancels is no record");
    }
    if (entry->period != original.period || entry->orig_period != original.orig_period)
        return look_wrong(look, "its month is not the cancelled record's");
    if (original.period <= recount->cut_through)
        return look_wrong(look, "it cancels a record of a cut month");
    struct mark *mark = recount_mark_for(&recount->state, original.seq);
    if (mark == NULL) return look_wrong(look, "out of memory");
    if ((mark->flags & MARK_REVERSED) != 0) return look_wrong(look, "it was cancelled before");
    if (mark->refunds != 0) return look_wrong(look, "refunds of the cancelled record stand");
    mark->flags |= MARK_REVERSED;
    mark->last_seq = entry->seq;
    recount->corrections++;
    return take_back(look, &original, &c);
}

static bool add_cut(const struct look *look)
{
    struct recount *recount = look->recount;
    const uint32_t month = look->entry->period;

    if (month % 100 < 1 || month % 100 > 12 || month <= recount->cut_through)
        return look_wrong(look, "it cuts no month that could be next");
    if (recount->cuts == RECOUNT_CUTS_MAX) return look_wrong(look, "more cuts than can be counted");
    recount->cut_months[recount->cuts++] = month;
    recount->cut_through = month;
    for (uint32_t i = 0; i < recount->state.cell_count; i++) {
        struct cell *cell = &recount->state.cells[i].cell;
        if (cell->cut != 0 || cell->key.period > month) continue;
        if (cell->key.period < month && cell->count != 0)
            return look_wrong(look, "an earlier month was still open");
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            cell->balance[ACCOUNT_CLEARING][fund] += cell->balance[ACCOUNT_ACCRUED][fund];
            cell->balance[ACCOUNT_ACCRUED][fund] = 0;
        }
        cell->cut = recount->cuts;
    }
    return true;
}

static bool add_year_close(const struct look *look)
{
    struct recount *recount = look->recount;
    const uint32_t year = look->entry->period / 100;

    if (year <= recount->closed_year) return look_wrong(look, "the year was closed before");
    if (recount->cut_through < year * 100 + 12)
        return look_wrong(look, "a month of the closed year is open");
    recount->closed_year = year;
    return true;
}

static bool add_cycle(const struct look *look)
{
    struct recount *recount = look->recount;
    const struct entry *entry = look->entry;

    if (recount->chain->shard != 0)
        return look_wrong(look, "an entry of the cycle in another shard");
    if (entry->orig_seq != 0 || entry->prev_seq != 0 || entry->flags != 0)
        return look_wrong(look, "an entry of the cycle refers to a record");
    if (!list_grow32((void **)&recount->cycles, recount->cycle_count, &recount->cycles_room,
                     sizeof *recount->cycles)) {
        return look_wrong(look, "out of memory");
    }
    recount->cycles[recount->cycle_count++] = entry->seq;
    return true;
}

static bool note_place(struct recount *recount, uint64_t seq, place_t place)
{
    if (seq > recount->places_room) {
        const uint64_t room = recount->places_room == 0 ? 65536 : recount->places_room * 2;
        place_t *places = realloc(recount->places, room * sizeof *places);
        if (places == NULL) return false;
        recount->places = places;
        recount->places_room = room;
    }
    recount->places[seq - 1] = place;
    return true;
}

bool recount_add(struct recount *recount, const struct entry *entry, place_t place,
                 struct finding *finding)
{
    const struct look look = {recount, entry, place, finding};

    if (!note_place(recount, entry->seq, place)) return look_wrong(&look, "out of memory");
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_SETTLEMENT:
    case ENTRY_REFUND:
        return add_settlement(&look);
    case ENTRY_ADJUSTMENT:
        return add_adjustment(&look);
    case ENTRY_CORRECTION:
        return add_correction(&look);
    case ENTRY_CUT:
        return add_cut(&look);
    case ENTRY_YEAR_CLOSE:
        return add_year_close(&look);
    case ENTRY_CYCLE:
        return add_cycle(&look);
    case ENTRY_DEBT:
        return add_debt(&look);
    case ENTRY_WALLET:
        return add_wallet(&look);
    case ENTRY_CLOCK:
        return true;
    case ENTRY_KIND_END:
        break;
    }
    return look_wrong(&look, "an unknown kind");
}

/* -- at the end ------------------------------------------------------------------------------ */

bool recount_check_cells(const struct recount *recount, struct finding *finding)
{
    for (uint32_t i = 0; i < recount->state.cell_count; i++) {
        const struct recount_cell *cell = &recount->state.cells[i];
        int64_t cost = 0;
        for (int fund = 0; fund < FUND_SLOTS; fund++) {
            int64_t sum = 0;
            for (int account = 0; account < ACCOUNT_SLOTS; account++)
                sum += cell->cell.balance[account][fund];
            if (sum != 0) {
                return finding_set(finding, "shard %u, cell %s: accounts of fund %d sum to %s yuan",
                                   recount->chain->shard, cell_key_text(cell->cell.key), fund,
                                   finding_yuan(sum));
            }
            cost += cell->cell.balance[ACCOUNT_COST][fund];
        }
        if (cost < 0 && cell->cell.refund_count == 0 && cell->adjustments == 0) {
            return finding_set(finding, "shard %u, cell %s: owes %s yuan without any refund",
                               recount->chain->shard, cell_key_text(cell->cell.key),
                               finding_yuan(cost));
        }
    }
    return true;
}
