#include "tests/sim/check_cycle.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cycle/calendar.h"
#include "cycle/parts.h"
#include "deploy/embedded_tables.h"
#include "shard.h"
#include "tests/sim/check_settlements.h"
#include "tests/sim/cycle_rows.h"
#include "tests/sim/cycle_walk.h"
#include "tests/sim/desk_questions.h"
#include "tests/sim/lived_months.h"
#include "tests/sim/pb.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

struct cycle_walk walk;

/* -- answers ------------------------------------------------------------------------------------
 */

/* A list's counts are the name of what it did. */
static bool names_the_same(const struct asked *asked, const struct desk_answer *answer)
{
    if (asked->said->type != MESSAGE_RECON_LIST)
        return bytes_equal(bytes_of(answer->ref), asked->ref);
    for (uint32_t i = 0; i < 6; i++) {
        if (pb_get(asked->said->answer, 5 + i) != answer->counts[i]) return false;
    }
    return true;
}

static bool says_the_same(struct asked *asked, const struct desk_view *view)
{
    const struct desk_answer answer = desk_ask(walk.model, &asked->order, view, false);
    asked->last = answer;
    if (answer.code != asked->code) return false;
    if (answer.code != ERROR_OK && !asked->dup) return true;
    if (asked->said->type == MESSAGE_YEAR_CLOSE) return true;
    /* A confirmation has no name of its own in its answer. */
    return answer.dup == asked->dup && (!asked->dup || names_the_same(asked, &answer));
}

/* Shard 0's clock where the state at hand may have been seen first. */
static int64_t earliest_ms(uint64_t after)
{
    const uint64_t seq = after > walk.from ? after : walk.from;
    if (walk.manual_clock) return walk.clock_ms;
    return seq == 0 ? 0 : walk.evidence->shard[0].entries[seq - 1].stamp_ms;
}

uint32_t walk_times(const struct sim_said *said, uint64_t after, int64_t until_ms,
                    int64_t out[WALK_TIMES])
{
    const int64_t earliest = earliest_ms(after);
    const int64_t times[WALK_TIMES] = {earliest, walk.clock_ms, said->sent_ms, said->answered_ms,
                                       until_ms};
    uint32_t count = 0;
    for (uint32_t i = 0; i < (walk.manual_clock ? 1 : WALK_TIMES); i++) {
        const int64_t time = times[i] > earliest || i == WALK_TIMES - 1 ? times[i] : earliest;
        bool known = false;
        for (uint32_t k = 0; k < count; k++)
            known = known || out[k] == time;
        if (!known) out[count++] = time;
    }
    return count;
}

static bool judge_here(struct asked *asked, int64_t until_ms)
{
    int64_t times[WALK_TIMES];
    uint64_t upto[EVIDENCE_SHARDS_MAX];
    const uint32_t count = walk_times(asked->said, asked->after, until_ms, times);
    if (asked->places == NULL) asked->places = places_find(asked, asked->said->answered, 0);
    bool more = true;
    for (uint32_t n = 0; more && n < TRIES_MAX; n++) {
        more = places_take(asked->places, n, upto);
        if (!more) break;
        for (uint32_t t = 0; t < count; t++) {
            const struct desk_view view = places_view(upto, times[t]);
            if (says_the_same(asked, &view)) return true;
        }
    }
    return more || asked->places->too_many;
}

static bool never_said(const struct asked *asked, struct finding *finding)
{
    const struct bytes msgid = pb_get_bytes(asked->said->body, 1);
    return finding_set(finding,
                       "(H9) type %04x, msgid %.*s, sent as %" PRIu64
                       ", was answered %u%s, and nowhere between seq %" PRIu64 " and %" PRIu64
                       " of shard 0 the model says so (%u%s %s)",
                       asked->said->type, (int)msgid.size, (const char *)msgid.data,
                       asked->said->sent, asked->code, asked->dup ? " again" : "", asked->after,
                       asked->before, asked->last.code, asked->last.dup ? " again" : "",
                       asked->last.ref);
}

/* Everything that may have been answered in this state, which lasts until before entry `until`. */
static void judge_open(uint64_t until, int64_t until_ms)
{
    for (uint32_t i = 0; i < walk.count; i++) {
        struct asked *asked = &walk.list[i];
        if (!asked->open || asked->after >= until || asked->before <= walk.from) continue;
        asked->open = !judge_here(asked, until_ms);
    }
    questions_judge(until, until_ms);
}
/* -- the walk -----------------------------------------------------------------------------------
 */

/* What falls due on the way to the time that is set stands before the clock's own entry; when the
 * power goes between the two, the clock stands at what was due last. */
static bool moves_manual_clock(const struct entry *entry)
{
    return walk.manual_clock && entry->stamp_ms != walk.clock_ms;
}

static bool live(struct finding *finding)
{
    const struct evidence_shard *shard = &walk.evidence->shard[0];
    struct parts_reader reader;
    bool good = true;
    parts_reader_init(&reader);
    for (uint64_t i = 0; i < shard->count && good && !walk.ended; i++) {
        const struct entry *entry = &shard->entries[i];
        struct bytes rows;
        if (entry->kind == ENTRY_CYCLE) {
            const int taken = parts_take(&reader, entry->body, &rows);
            ENSURE(taken >= 0);
            if (taken == 0) continue;
        } else if ((entry->kind < ENTRY_CUT || entry->kind > ENTRY_YEAR_CLOSE) &&
                   !moves_manual_clock(entry)) {
            walk.clock_ms = entry->stamp_ms;
            continue;
        }
        judge_open(entry->seq, entry->stamp_ms);
        if (entry->kind == ENTRY_CYCLE) good = decision_live(rows, entry, finding);
        if (entry->kind != ENTRY_CYCLE) walk.shut_ms = entry->stamp_ms;
        if (entry->kind == ENTRY_CUT) walk.cut_through = entry->period;
        if (entry->kind == ENTRY_YEAR_CLOSE) walk.closed_year = entry->period / 100;
        walk.from = entry->seq;
        walk.clock_ms = walk.from_ms = entry->stamp_ms;
    }
    parts_reader_free(&reader);
    if (good && !walk.ended) judge_open(UINT64_MAX, walk.clock_ms);
    return good;
}

static bool judge_rest(struct finding *finding)
{
    for (uint32_t i = 0; i < walk.count; i++) {
        struct asked *asked = &walk.list[i];
        const bool answered =
            asked->said->answered != 0 && asked->said->answer_type != MESSAGE_ERROR;
        if (asked->open) return never_said(asked, finding);
        if (!answered || !asked_is_judged(asked)) continue;
        /* Some are the centre's alone: who else sends them is told so before they are read. */
        if (asked->formed || asked->code == ERROR_MALFORMED ||
            (asked->said->province != 0 && asked->code == ERROR_SENDER_NOT_ALLOWED)) {
            continue;
        }
        return finding_set(finding, "(H9) what is no message of type %04x was answered %u",
                           asked->said->type, asked->code);
    }
    return true;
}

/* -- everything ---------------------------------------------------------------------------------
 */

static void begin(struct sim_history *history)
{
    static struct calendar calendar;
    char why[256];
    uint32_t record_count, debt_count;
    struct setting_values first;
    walk.model = desk_model_new();
    for (size_t i = 0; i < embedded_table_count; i++) {
        const struct bytes text = {embedded_tables[i].data, embedded_tables[i].size};
        if (strcmp(embedded_tables[i].name, "calendar.csv") == 0)
            ENSURE(calendar_load(&calendar, text, why, sizeof why));
    }
    for (uint32_t i = 0; i < calendar.count; i++)
        desk_add_day(walk.model, calendar.list[i].day, calendar.list[i].working != 0);
    const struct desk_record *records = settlement_records(&record_count);
    for (uint32_t i = 0; i < record_count; i++)
        desk_add_record(walk.model, &records[i]);
    for (uint32_t i = 0; i < walk.evidence->months.cell_count; i++) {
        const struct cell *cell = &walk.evidence->months.cells[i];
        if (cell->key.line < LINE_WALLET_CARE || months_cell_empty(cell)) continue;
        struct desk_record wallets = {
            .facts = {.period = cell->key.period,
                      .payer = cell->key.payer,
                      .payee = cell->key.payee,
                      .line = cell->key.line,
                      .insurance = cell->key.insurance,
                      .medfee = cell->medfee_sum,
                      .content_hash = cell->checksum},
            .count = cell->count,
        };
        memcpy(wallets.facts.funds, cell->balance[ACCOUNT_COST], sizeof wallets.facts.funds);
        desk_add_record(walk.model, &wallets);
    }
    months_live(walk.evidence, records, record_count);
    const struct record_facts *debts = months_debts(&debt_count);
    for (uint32_t i = 0; i < debt_count; i++)
        desk_add_debt(walk.model, &debts[i]);
    settings_init(&first);
    walk.cycle = cycle_new(&calendar, &first);
    ENSURE(walk.cycle != NULL);
    walk.cut_through = walk.closed_year = 0;
    walk.from = 0;
    walk.from_ms = 0;
    walk.shut_ms = 0;
    walk.ended = false;
    walk.clock_ms = walk.manual_clock ? MANUAL_CLOCK_START_MS : 0;
    asked_read(history);
    questions_read(history);
}

static void end(void)
{
    questions_free();
    asked_free();
    cycle_free(walk.cycle);
    desk_model_free(walk.model);
}

bool judge_cycle(const struct asks *asks, const struct evidence *evidence,
                 struct sim_history *history, bool manual_clock, struct finding *finding)
{
    walk.asks = asks;
    walk.evidence = evidence;
    walk.manual_clock = manual_clock;
    begin(history);
    const bool good =
        live(finding) && questions_rest(walk.ended ? walk.from : UINT64_MAX, finding) &&
        (walk.ended || (judge_rest(finding) && ends_agree(walk.cycle, walk.model, finding)));
    end();
    return good;
}
