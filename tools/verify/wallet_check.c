#include "tools/verify/wallet_check.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tools/verify/list.h"
#include "tools/verify/wallet_reading.h"
#include "types/wire.h"
#include "util/le.h"
#include "wallet/ops.h"
#include "world/world.h"

/* -- making --------------------------------------------------------------------------------- */

static bool lane_init(struct lane *lane, uint32_t shard, uint32_t shards)
{
    lane->shard = shard;
    lane->shards = shards;
    return kept_map_init(&lane->persons) && idset_init(&lane->payment_ids) &&
           idset_init(&lane->payment_setls) && idset_init(&lane->reversals) &&
           arena_init(&lane->arena);
}

static void lane_done(struct lane *lane)
{
    kept_map_done(&lane->persons);
    for (uint32_t s = 0; s < SHARDS_MAX; s++) {
        free(lane->sent[s].list);
        free(lane->taken[s].list);
    }
    for (uint32_t d = 0; d < OUTBOXES; d++)
        free(lane->out[d].list);
    free(lane->institutions);
    free(lane->rules);
    free(lane->payments);
    free(lane->debts);
    free(lane->endings);
    idset_done(&lane->payment_ids);
    idset_done(&lane->payment_setls);
    idset_done(&lane->reversals);
    arena_done(&lane->arena);
}

struct wallet_check *wallet_check_new(uint32_t shards)
{
    struct wallet_check *check = calloc(1, sizeof *check + shards * sizeof check->lanes[0]);
    if (check == NULL) return NULL;
    check->shards = shards;
    bool good = true;
    for (uint32_t s = 0; s < shards; s++)
        good = lane_init(&check->lanes[s], s, shards) && good;
    if (good) return check;
    wallet_check_free(check);
    return NULL;
}

void wallet_check_free(struct wallet_check *check)
{
    if (check == NULL) return;
    for (uint32_t s = 0; s < check->shards; s++)
        lane_done(&check->lanes[s]);
    free(check);
}

bool lane_put_rule(struct lane *lane, const struct rule_row *row)
{
    for (uint32_t i = 0; i < lane->rule_count; i++) {
        struct rule_row *its = &lane->rules[i];
        if (its->admdvs != row->admdvs || its->param != row->param || its->eff_ms != row->eff_ms)
            continue;
        if (i >= lane->rules_given) {
            *its = *row;
            return true;
        }
    }
    if (!list_grow32((void **)&lane->rules, lane->rule_count, &lane->rule_room,
                     sizeof *lane->rules))
        return false;
    lane->rules[lane->rule_count++] = *row;
    return true;
}

bool wallet_check_rule(struct wallet_check *check, const struct rule_row *row)
{
    for (uint32_t s = 0; s < check->shards; s++) {
        if (!lane_put_rule(&check->lanes[s], row)) return false;
        check->lanes[s].rules_given = check->lanes[s].rule_count;
    }
    return true;
}

/* -- entries --------------------------------------------------------------------------------- */

bool reading_wrong(const struct reading *r, const struct psn_key *person, const char *what)
{
    return finding_set(r->finding, "shard %u, seq %" PRIu64 ", %s: %s", r->lane->shard,
                       r->entry->seq, person == NULL ? "wallet" : person_text(person), what);
}

static bool read_body(struct reading *r)
{
    const char *bad = body_open(r->entry->body, r->its);
    if (bad != NULL) return reading_wrong(r, NULL, bad);
    r->type = r->its->type;
    r->message = r->its->message;
    r->fact = r->its->fact;
    r->ops = r->its->ops;
    return true;
}

static bool read_wallet(struct reading *r)
{
    if (!read_body(r)) return false;
    if (r->type == REQUEST_MAIL && !reading_mail(r)) return false;
    if (!reading_ops(r)) return false;
    const bool reversal = r->used_count != 0 && r->said.id[0] == 'V';
    if (!reading_wanted(r)) return false;
    if (r->used_count != 0 && !(reversal ? reading_reversal(r) : reading_payment(r))) return false;
    r->lane->expected.settlement = 0;
    r->lane->last_correction = 0;
    reading_uncount(r);
    return reading_accept(r) && reading_credits(r) && reading_persons(r) &&
           reading_balance(r, !reversal);
}

static void reading_done(struct reading *r)
{
    for (uint32_t i = 0; i < r->person_count; i++)
        free(r->persons[i].before);
    free(r->emitted);
    free(r->arrived);
    free(r->outgoing);
    free(r->accounts);
    free(r->to_queue.list);
}

static bool add_wallet(struct lane *lane, const struct entry *entry, struct finding *finding)
{
    struct opened its;
    struct reading r = {
        .lane = lane,
        .entry = entry,
        .finding = finding,
        .its = &its,
        .emitted = malloc(EMITTED_MAX * sizeof *r.emitted),
        .arrived = malloc(EMITTED_MAX * sizeof *r.arrived),
        .outgoing = malloc(EMITTED_MAX * sizeof *r.outgoing),
        .accounts = malloc(ACCOUNTS_MAX * sizeof *r.accounts),
    };
    bool good = r.emitted != NULL && r.arrived != NULL && r.outgoing != NULL && r.accounts != NULL;
    good = good ? read_wallet(&r) : reading_wrong(&r, NULL, "out of memory");
    reading_done(&r);
    lane->entries++;
    return good;
}

bool wallet_check_add(struct wallet_check *check, uint32_t shard, const struct entry *entry,
                      struct finding *finding)
{
    struct lane *lane = &check->lanes[shard];
    const int64_t now = entry->stamp_ms;
    if (entry->kind == ENTRY_DEBT) return lane_add_debt(lane, entry, finding);
    const bool sweep = entry->kind == ENTRY_WALLET && entry->body.size >= 2 &&
                       le_load16(entry->body.data) == REQUEST_SWEEP;
    const bool served = entry->kind == ENTRY_WALLET || entry->kind == ENTRY_SETTLEMENT ||
                        entry->kind == ENTRY_REFUND || entry->kind == ENTRY_ADJUSTMENT ||
                        entry->kind == ENTRY_CORRECTION;
    if (entry->kind != ENTRY_WALLET || lane->expected.settlement == 0) {
        if (!lane_expected(lane, finding)) return false;
    }
    if (served && !lane_endings(lane, sweep ? now : now + 1, entry->seq, finding)) return false;
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_WALLET:
        return add_wallet(lane, entry, finding);
    case ENTRY_SETTLEMENT:
    case ENTRY_REFUND:
        lane->last_correction = 0;
        return lane_add_settlement(lane, entry, finding);
    case ENTRY_CORRECTION:
        lane->last_correction = entry->orig_seq;
        return true;
    case ENTRY_CLOCK:
        lane->clock_set = true;
        return true;
    default:
        return true;
    }
}

/* -- for others ------------------------------------------------------------------------------- */

bool wallet_check_next_id(struct bytes *ops, struct bytes *person, struct wallet_id_op *ret_id)
{
    struct read_op op;
    bool bad;
    while (read_op(ops, &op, &bad)) {
        if (op.op == OP_PERSON) *person = (struct bytes){op.data.data, PSN_KEY_SIZE};
        if (op.op != OP_ID || op.data.size < 4) continue;
        const char domain = (char)op.kind;
        *ret_id = (struct wallet_id_op){
            .domain = domain,
            .scoped = domain != ID_WALLET && domain != ID_RELATION && domain != ID_TRANSFER &&
                      domain != ID_PAYMENT,
            .scope = le_load32(op.data.data),
            .text = {op.data.data + 4, op.data.size - 4},
        };
        return true;
    }
    return false;
}

struct wallet_counts wallet_check_counts(const struct wallet_check *check)
{
    struct wallet_counts counts = {0};
    for (uint32_t s = 0; s < check->shards; s++) {
        const struct lane *lane = &check->lanes[s];
        counts.persons += lane->persons.count;
        counts.entries += lane->entries;
        counts.payments += lane->payment_count;
        counts.debts += lane->debt_count;
        for (uint32_t from = 0; from < check->shards; from++) {
            counts.mail += lane->taken[from].count;
            counts.on_way += check->lanes[from].sent[s].count - lane->taken[from].count;
        }
    }
    return counts;
}
