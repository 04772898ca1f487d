#include "tests/sim/check.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tests/sim/asks.h"
#include "tests/sim/check_cycle.h"
#include "tests/sim/check_found.h"
#include "tests/sim/check_places.h"
#include "tests/sim/check_settlements.h"
#include "tests/sim/check_wallets.h"
#include "tests/sim/lived_wallets.h"
#include "tests/sim/pb.h"
#include "types/ensure.h"
#include "types/wire.h"
#include "wallet/ops.h"

/* -- who asked for what is no settlement ------------------------------------------------------ */

/* Rows of those very bytes: the first one that was sent; NULL when nobody sent them. */
static const struct sim_said *sent_as(const struct asks *asks, struct sim_history *history,
                                      uint16_t type, struct bytes body)
{
    const struct sim_said *first = NULL;
    uint64_t cursor = 0, row;
    while ((row = idset_find(&asks->rows, ask_hash(type, body), &cursor)) != 0) {
        const struct sim_said *said = sim_history_at(history, (uint32_t)row - 1);
        if (said->type != type || !bytes_equal(said->body, body)) continue;
        if (first == NULL || said->sent < first->sent) first = said;
    }
    return first;
}

/* What a client must have said for such an entry to be there; false for what the engine writes by
 * itself. */
static bool of_client(const struct entry *entry, struct wallet_entry *ret_its)
{
    if (entry->kind != ENTRY_WALLET || !wallet_entry_decode(entry->body, ret_its)) return false;
    return ret_its->type >= MESSAGE_WLT_OPEN && ret_its->type < MESSAGE_ERROR &&
           (ret_its->type & REQUEST_CONTROL) != REQUEST_CONTROL;
}

static bool match_others(struct asks *asks, const struct evidence *evidence,
                         struct sim_history *history, struct finding *finding)
{
    for (uint32_t s = 0; s < evidence->shards; s++) {
        for (uint64_t i = 0; i < evidence->shard[s].count; i++) {
            const struct entry *entry = &evidence->shard[s].entries[i];
            struct wallet_entry its;
            if (!of_client(entry, &its)) continue;
            const struct sim_said *said = sent_as(asks, history, its.type, its.message);
            if (said == NULL) {
                return finding_set(finding,
                                   "(H2) shard %u, seq %" PRIu64
                                   ": an order of type %04x that nobody sent",
                                   s, entry->seq, its.type);
            }
            asks->times[s].asked[i] = said->sent;
        }
    }
    return true;
}

/* -- the order of things ---------------------------------------------------------------------- */

/* (H3): whoever was sent behind another one's answer stands behind it. */
static bool check_order(const struct asks *asks, const struct evidence *evidence,
                        struct finding *finding)
{
    for (uint32_t s = 0; s < evidence->shards; s++) {
        const struct order_times *times = &asks->times[s];
        for (uint64_t i = 0; i + 1 < times->count; i++) {
            if (times->asked[i] <= times->acked_from[i + 1]) continue;
            return finding_set(finding,
                               "(H3) shard %u, seq %" PRIu64 " was first sent as %" PRIu64
                               ", and something behind it was answered as %" PRIu64 " before",
                               s, i + 1, times->asked[i], times->acked_from[i + 1]);
        }
    }
    return true;
}

/* -- answers to wallets, pushes, clocks ------------------------------------------------------- */

static bool is_wallet_reply(uint16_t type)
{
    const uint32_t group = type >> 8;
    if (type == MESSAGE_OUTBOX_GET) return false;
    return group == 2 || group == 3 || (type >= MESSAGE_AUTH_SWITCH_PUSH && type < 0x0600);
}

/* Written to every shard: the answer names one of its entries. */
static bool everywhere(uint16_t type)
{
    return type == MESSAGE_INST_DIR_PUSH || type == MESSAGE_RULE_PUSH;
}

/* A question whose answer is there, a push older than what is known: taken, and nothing is written
 * for it. The number it is answered with is the latest of its person, as with what is a duplicate
 * by its business key alone. */
static bool may_change_nothing(uint16_t type)
{
    return type == MESSAGE_PREM_QUOTE || type == MESSAGE_PA_GRANT || type == MESSAGE_PSN_STATE_PUSH;
}

/* The entry that the answer names is of those very bytes. */
static bool names_own_entry(const struct evidence *evidence, const struct sim_said *said)
{
    const uint64_t seq = pb_get(said->answer, 5);
    const uint64_t shard = pb_get(said->answer, 7);
    struct wallet_entry its;
    if (seq == 0 || shard >= evidence->shards || seq > evidence->shard[shard].count) return false;
    return of_client(&evidence->shard[shard].entries[seq - 1], &its) && its.type == said->type &&
           bytes_equal(its.message, said->body);
}

static bool judge_wallet(struct asks *asks, const struct evidence *evidence,
                         const struct sim_said *said, struct finding *finding)
{
    const uint64_t seq = pb_get(said->answer, 5);
    const uint64_t shard = pb_get(said->answer, 7);
    const bool dup = pb_get(said->answer, 4) != 0;
    if (seq == 0) return true; /* An answer that decided nothing: a premium was asked for. */
    if (shard >= evidence->shards || seq > evidence->shard[shard].count) {
        return finding_set(finding,
                           "(H1) type %04x, sent as %" PRIu64 ", was acknowledged%s as seq %" PRIu64
                           " of shard %" PRIu64 ", which is not there",
                           said->type, said->sent, dup ? " again" : "", seq, shard);
    }
    const struct entry *entry = &evidence->shard[shard].entries[seq - 1];
    const bool own = names_own_entry(evidence, said);
    if (!own && (dup || may_change_nothing(said->type))) return true;
    if ((int64_t)pb_get(said->answer, 6) != entry->stamp_ms && !everywhere(said->type)) {
        return finding_set(finding,
                           "(H1) type %04x, sent as %" PRIu64 ": the answer%s names time %" PRId64
                           ", seq %" PRIu64 " of shard %" PRIu64 " (kind %u) has %" PRId64,
                           said->type, said->sent, dup ? " (again)" : "",
                           (int64_t)pb_get(said->answer, 6), seq, shard, entry->kind,
                           entry->stamp_ms);
    }
    if (dup) return true;
    bool *claimed = &asks->times[shard].claimed[seq - 1];
    if (own && (!*claimed || everywhere(said->type))) {
        *claimed = true;
        return true;
    }
    return finding_set(finding,
                       "(H1) type %04x, sent as %" PRIu64 ", was acknowledged as seq %" PRIu64
                       " of shard %" PRIu64 ", which %s",
                       said->type, said->sent, seq, shard,
                       *claimed ? "was another message's first answer" : "says something else");
}

/* -- the clearing cycle ----------------------------------------------------------------------- */

static bool is_order(uint16_t type)
{
    return type >> 8 == 4 && type < MESSAGE_PERIOD_LIST && type != MESSAGE_PERIOD_CUT;
}

static bool recon_order(const struct sim_said *said)
{
    return (said->type == MESSAGE_RECON_DAY && pb_get_bytes(said->body, 7).size != 0) ||
           (said->type == MESSAGE_RECON_LIST && pb_get(said->answer, 11) != 0);
}

static bool same_text(const char *kept, size_t room, struct bytes text)
{
    return strnlen(kept, room) == text.size && bytes_equal(bytes_of(kept), text);
}

static const struct order_row *kept_order(const struct cycle *cycle, uint16_t type,
                                          uint32_t province, struct bytes msgid)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_ORDER); i++) {
        const struct order_row *row = cycle_row(cycle, ROW_ORDER, i);
        if (row->province == province && row->type == type && msgid.size != 0 &&
            same_text(row->msgid, sizeof row->msgid, msgid)) {
            return row;
        }
    }
    return NULL;
}

/* (H6), what was acknowledged. */
static bool judge_order(const struct evidence *evidence, const struct sim_said *said,
                        struct finding *finding)
{
    const struct bytes msgid = pb_get_bytes(said->body, 1);
    const struct order_row *row =
        kept_order(evidence->cycle->cycle, said->type, said->province, msgid);
    /* The same said again under another name: a second signature, a dispute's number. Such an
     * answer has no time and keeps no name, which another order may be given afterwards. */
    if (pb_get(said->answer, 4) != 0 && (row == NULL || pb_get(said->answer, 7) == 0)) return true;
    if (row == NULL) {
        return finding_set(finding,
                           "(H6) type %04x, msgid %.*s, was acknowledged and the cycle has no such "
                           "order",
                           said->type, (int)msgid.size, (const char *)msgid.data);
    }
    if (!is_order(said->type)) return true;
    if (row->at_ms == (int64_t)pb_get(said->answer, 7) &&
        same_text(row->ref, sizeof row->ref, pb_get_bytes(said->answer, 5))) {
        return true;
    }
    return finding_set(finding,
                       "(H6) type %04x, msgid %.*s: the answer%s names %.*s at %" PRId64
                       ", the cycle has %s at %" PRId64,
                       said->type, (int)msgid.size, (const char *)msgid.data,
                       pb_get(said->answer, 4) != 0 ? " (again)" : "",
                       (int)pb_get_bytes(said->answer, 5).size,
                       (const char *)pb_get_bytes(said->answer, 5).data,
                       (int64_t)pb_get(said->answer, 7), row->ref, row->at_ms);
}

/* (H6), what stands there: each order was sent by somebody. */
static bool check_orders_sent(const struct evidence *evidence, struct sim_history *history,
                              struct finding *finding)
{
    const struct cycle *cycle = evidence->cycle->cycle;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_ORDER); i++) {
        const struct order_row *row = cycle_row(cycle, ROW_ORDER, i);
        bool sent = false;
        for (uint32_t k = 0; k < sim_history_count(history) && !sent; k++) {
            const struct sim_said *said = sim_history_at(history, k);
            const uint32_t field =
                said->type == MESSAGE_PERIOD_CUT || said->type == MESSAGE_YEAR_CLOSE ? 2 : 1;
            sent = said->type == row->type && said->province == row->province &&
                   (field == 2 ||
                    same_text(row->msgid, sizeof row->msgid, pb_get_bytes(said->body, field)));
        }
        /* A cut that was not finished is given its batch by the start: nobody's order. */
        if (sent || row->msgid[0] == '\0') continue;
        return finding_set(finding, "(H6) the cycle holds order %s of type %04x, which nobody sent",
                           row->msgid, row->type);
    }
    return true;
}

/* A month that was acknowledged as cut is cut in every shard. One without records that a later cut
 * passed over has no cut of its own. */
static bool judge_cut(const struct evidence *evidence, const struct sim_said *said,
                      struct finding *finding)
{
    const uint64_t month = pb_get(said->body, 1);
    const bool empty = pb_get(pb_get_bytes(said->answer, 4), 3) == 0;
    const bool may_be_passed_over = empty && pb_get(said->answer, 3) != 0;
    for (uint32_t s = 0; s < evidence->shards; s++) {
        const struct recount *recount = &evidence->shard[s].recount;
        bool cut = false;
        for (uint64_t i = 0; i < recount->cuts; i++) {
            cut = cut || recount->cut_months[i] == month ||
                  (may_be_passed_over && recount->cut_months[i] > month);
        }
        if (!cut) {
            return finding_set(
                finding, "(H1) month %" PRIu64 " was acknowledged as cut, shard %u has it open",
                month, s);
        }
    }
    return true;
}

/* -- the same again
 * --------------------------------------------------------------------------------------------------
 */

/* The answer without the mark that it is a duplicate: field 4 or 6 by its form; orders of the cycle
 * name no entry the second time. */
static uint64_t lasting_part(const struct sim_said *said)
{
    struct bytes rest = said->answer;
    struct pb_field field;
    const bool order = is_order(said->type);
    const bool wallet = is_wallet_reply(said->type);
    uint64_t hash = said->answer_type;
    while (pb_next(&rest, &field)) {
        if (field.number == (wallet || order ? 4u : 6u)) continue;
        if (order && (field.number == 2 || field.number == 6 || field.number == 8)) continue;
        hash = ask_hash((uint16_t)field.number, field.bytes) ^ (hash * 31 + field.value);
    }
    return hash;
}

/* (H7) The first accepted answer, which wrote an entry, and every later one to the same bytes of
 * the same sender differ in nothing that lasts. Settlements have the model for that. */
static bool lasts(uint16_t type)
{
    return is_order(type) || (is_wallet_reply(type) && type != MESSAGE_PREM_QUOTE &&
                              type != MESSAGE_OUTBOX_ACK && !everywhere(type));
}

static bool wrote(const struct evidence *evidence, const struct sim_said *said)
{
    return pb_get(said->answer, 4) == 0 &&
           (!may_change_nothing(said->type) || names_own_entry(evidence, said));
}

static bool judge_again(const struct asks *asks, const struct evidence *evidence,
                        struct sim_history *history, const struct sim_said *said,
                        struct finding *finding)
{
    uint64_t cursor = 0, row;
    if (!lasts(said->type)) return true;
    while ((row = idset_find(&asks->rows, ask_hash(said->type, said->body), &cursor)) != 0) {
        const struct sim_said *other = sim_history_at(history, (uint32_t)row - 1);
        if (said->sent < other->answered || !wrote(evidence, other) || other->type != said->type ||
            other->province != said->province || other->answered == 0 ||
            other->answer_type == MESSAGE_ERROR || reply_code(other->answer) != 0 ||
            !bytes_equal(other->body, said->body)) {
            continue;
        }
        if (lasting_part(other) == lasting_part(said)) continue;
        return finding_set(finding,
                           "(H7) type %04x, msgid %.*s, sent as %" PRIu64 " and %" PRIu64
                           ", got two answers that differ",
                           said->type, (int)pb_get_bytes(said->body, 1).size,
                           (const char *)pb_get_bytes(said->body, 1).data, other->sent, said->sent);
    }
    return true;
}

/* -- everything
 * -------------------------------------------------------------------------------------------------------
 */

static bool judge_rows(struct asks *asks, const struct evidence *evidence,
                       struct sim_history *history, struct finding *finding)
{
    for (uint32_t i = 0; i < sim_history_count(history); i++) {
        const struct sim_said *said = sim_history_at(history, i);
        if (said->answered == 0 || said->answer_type == MESSAGE_ERROR ||
            reply_code(said->answer) != 0) {
            continue;
        }
        bool good = true;
        if (is_wallet_reply(said->type)) {
            good = judge_wallet(asks, evidence, said, finding);
        } else if (is_order(said->type) || recon_order(said)) {
            good = judge_order(evidence, said, finding);
        } else if (said->type == MESSAGE_PERIOD_CUT && pb_get(said->body, 3) == 0) {
            good = judge_cut(evidence, said, finding);
        }
        if (!good || !judge_again(asks, evidence, history, said, finding)) return false;
    }
    return true;
}

bool check_history(const struct evidence *evidence, struct sim_history *history, bool manual_clock,
                   struct finding *finding)
{
    struct asks asks;
    if (sim_complaint(history) != NULL)
        return finding_set(finding, "a client says: %s", sim_complaint(history));
    asks_read(&asks, evidence, history);
    bool good = match_settlements(&asks, evidence, finding) &&
                match_others(&asks, evidence, history, finding);
    if (good) {
        asks_order(&asks);
        found_read(history);
        good = check_order(&asks, evidence, finding) &&
               live_wallets(evidence, manual_clock, finding) &&
               judge_settlements(&asks, evidence, manual_clock, finding) &&
               judge_wallets(&asks, evidence, history, manual_clock, finding) &&
               judge_cycle(&asks, evidence, history, manual_clock, finding) &&
               judge_rows(&asks, evidence, history, finding) &&
               judge_places(&asks, evidence, history, manual_clock, finding) &&
               check_orders_sent(evidence, history, finding);
        good = found_done(finding) && good;
    }
    asks_done(&asks);
    return good;
}

bool check_cells(struct sim_world *world, uint32_t shard, struct finding *finding)
{
    uint32_t count, model_count, settled = 0;
    const struct cell *cells = shard_cells(sim_shard(world, shard), &count);
    const struct cell *model = settlement_cells(shard, &model_count);
    for (uint32_t i = 0; i < count; i++) {
        if (cells[i].key.line >= LINE_WALLET_CARE) continue; /* Debts: evidence.h. */
        settled++;
        uint32_t k = 0;
        while (k < model_count && memcmp(&model[k].key, &cells[i].key, sizeof model[k].key) != 0)
            k++;
        if (k == model_count || memcmp(&model[k], &cells[i], sizeof cells[i]) != 0) {
            return finding_set(finding, "(H5) shard %u: cell %s is not as the model has it", shard,
                               cell_key_text(cells[i].key));
        }
    }
    if (settled == model_count) return true;
    return finding_set(finding, "(H5) shard %u: %u cells of settlements where the model has %u",
                       shard, settled, model_count);
}
