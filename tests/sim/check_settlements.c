#include "tests/sim/check_settlements.h"

#include <inttypes.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "deploy/embedded_tables.h"
#include "ledger/tables.h"
#include "tests/model/model.h"
#include "tests/sim/check_found.h"
#include "tests/sim/check_questions.h"
#include "tests/sim/pb.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/province.h"
#include "types/wire.h"

#define WALLET_LINES_FROM LINE_WALLET_CARE

/* An entry about settlements: whose. */
struct person_entry {
    uint8_t psn[PSN_KEY_SIZE];
    uint32_t shard;
    uint64_t seq;
};

/* A message in whatever form it has. */
struct said {
    struct settlement s;
    struct reversal r;
    struct adjustment a;
    struct correction c;
};

static struct model model;

static struct {
    struct person_entry *entries; /* Of all shards, by person and number. */
    uint64_t entry_count;
    uint64_t *controls[EVIDENCE_SHARDS_MAX]; /* Numbers of cuts, clocks, years. */
    uint64_t control_count[EVIDENCE_SHARDS_MAX];
    struct cell cells[EVIDENCE_SHARDS_MAX][MODEL_CELLS_MAX];
    uint32_t cell_count[EVIDENCE_SHARDS_MAX];
    struct desk_record *records;
    uint32_t record_count;
    uint32_t record_room;

    /* Of the person at hand. */
    const struct evidence_shard *shard;
    uint32_t shard_index;
    uint64_t seqs[MODEL_ITEMS_MAX]; /* By item. */
} c;

/* -- the rules as the model has them ---------------------------------------------------------- */

static void load_rules(struct model_rules *rules)
{
    static struct tables tables;
    struct table_error error = {0, ""};
    tables_init(&tables);
    for (int file = 0; file < TABLE_FILE_COUNT; file++) {
        const struct bytes text = {embedded_tables[file].data, embedded_tables[file].size};
        ENSURE(tables_load(&tables, (enum table_file)file, text, &error));
    }
    rules->partial_refunds = tables.partial_refunds;
    rules->chronic_code_required = tables.chronic_code_required;
    rules->future_ms = tables.setl_time_future_ms;
    rules->tombstone_ttl_ms = tables.tombstone_ttl_ms;
    rules->first_month = tables.setl_time_first_month;
    for (int i = 0; i < PROVINCE_COUNT; i++) {
        struct model_switches *of = &rules->of[province_codes[i]];
        for (int k = 1; k <= 5; k++)
            of->identity[k] = (enum model_hold)tables.provinces[i].identity[k];
        of->mulaid_in_acct = tables.provinces[i].acct_pay_includes_mulaid;
        of->acct_in_fund = tables.provinces[i].fund_sum_includes_acct;
        of->clear_mulaid = tables.provinces[i].clear_mulaid;
    }
}

/* -- messages --------------------------------------------------------------------------------- */

static bool decode(uint16_t type, struct bytes body, struct said *ret_said)
{
    uint32_t field;
    switch (type) {
    case MESSAGE_SETL_POST:
        return settlement_decode(body, &ret_said->s, &field);
    case MESSAGE_SETL_REVERSE:
        return reversal_decode(body, &ret_said->r, &field);
    case MESSAGE_SETL_ADJUST:
        return adjustment_decode(body, &ret_said->a, &field);
    default:
        return correction_decode(body, &ret_said->c, &field);
    }
}

/* Does the entry say what was asked? A reversal was made a refund in it. */
static bool same(const struct entry *entry, uint16_t type, const struct said *asked)
{
    struct said kept;
    const bool adjusts = entry->kind == ENTRY_ADJUSTMENT;
    const bool corrects = entry->kind == ENTRY_CORRECTION;
    const uint16_t its = adjusts    ? MESSAGE_SETL_ADJUST
                         : corrects ? MESSAGE_CORRECTION
                                    : MESSAGE_SETL_POST;
    if (its != type && !(type == MESSAGE_SETL_REVERSE && entry->kind == ENTRY_REFUND)) return false;
    if (!decode(its, entry->body, &kept)) return false;
    switch (type) {
    case MESSAGE_SETL_POST:
        return bytes_equal(kept.s.msgid, asked->s.msgid) && settlement_same(&kept.s, &asked->s);
    case MESSAGE_SETL_REVERSE:
        return bytes_equal(kept.s.msgid, asked->r.msgid) &&
               bytes_equal(kept.s.setl_id, asked->r.rev_setl_id) &&
               bytes_equal(kept.s.orig_setl_id, asked->r.setl_id);
    case MESSAGE_SETL_ADJUST:
        return bytes_equal(kept.a.msgid, asked->a.msgid) && adjustment_same(&kept.a, &asked->a);
    default:
        return bytes_equal(kept.c.msgid, asked->c.msgid) &&
               bytes_equal(kept.c.omsgid, asked->c.omsgid);
    }
}

static uint32_t named_sender(uint16_t type, const struct said *asked)
{
    switch (type) {
    case MESSAGE_SETL_POST:
        return asked->s.sender_admdvs / 10000;
    case MESSAGE_SETL_REVERSE:
        return asked->r.sender_admdvs / 10000;
    case MESSAGE_SETL_ADJUST:
        return asked->a.sender_admdvs / 10000;
    default:
        return asked->c.sender_admdvs / 10000;
    }
}

/* The province a message speaks for is the session's, else the one it names, else the rules say. Of
 * two provinces the centre may send the same numbers about the same person. */
static bool may_be_from(const struct ask *ask, const struct said *asked, uint32_t sender)
{
    const uint32_t session = ask->said->province;
    const uint32_t province = session != 0 ? session : named_sender(ask->type, asked);
    return province == 0 || province == sender;
}

static bool answers(const struct entry *entry, const struct ask *ask)
{
    struct said asked;
    const struct bytes msgid = pb_get_bytes(entry->body, 1);
    return bytes_equal(msgid, pb_get_bytes(ask->body, 1)) && decode(ask->type, ask->body, &asked) &&
           may_be_from(ask, &asked, entry->sender) && same(entry, ask->type, &asked);
}

/* -- who asked -------------------------------------------------------------------------------- */

static int by_person(const void *a, const void *b)
{
    const struct person_entry *x = a, *y = b;
    const int order = memcmp(x->psn, y->psn, sizeof x->psn);
    if (order != 0) return order;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static void collect(const struct evidence *evidence)
{
    uint64_t room = 0;
    for (uint32_t s = 0; s < evidence->shards; s++)
        room += evidence->shard[s].count;
    free(c.entries);
    c.entries = calloc(room + 1, sizeof *c.entries);
    ENSURE(c.entries != NULL);
    c.entry_count = 0;
    for (uint32_t s = 0; s < evidence->shards; s++) {
        const struct evidence_shard *shard = &evidence->shard[s];
        free(c.controls[s]);
        c.controls[s] = calloc(shard->count + 1, sizeof *c.controls[s]);
        ENSURE(c.controls[s] != NULL);
        c.control_count[s] = 0;
        for (uint64_t i = 0; i < shard->count; i++) {
            const struct entry *entry = &shard->entries[i];
            if (entry->kind >= ENTRY_CUT && entry->kind <= ENTRY_YEAR_CLOSE) {
                c.controls[s][c.control_count[s]++] = entry->seq;
            } else if (entry->kind <= ENTRY_CORRECTION) {
                struct person_entry *place = &c.entries[c.entry_count++];
                const struct bytes psn = pb_get_bytes(entry->body, 4);
                if (psn.size == PSN_KEY_SIZE) memcpy(place->psn, psn.data, PSN_KEY_SIZE);
                place->shard = s;
                place->seq = entry->seq;
            }
        }
    }
    qsort(c.entries, c.entry_count, sizeof *c.entries, by_person);
}

/* The asks of a person: from *begin on, up to what is given back. Persons must come ascending. */
static uint32_t asks_of(const struct asks *asks, const uint8_t *psn, uint32_t *begin)
{
    while (*begin < asks->count && memcmp(asks->list[*begin].psn, psn, PSN_KEY_SIZE) < 0)
        ++*begin;
    uint32_t end = *begin;
    while (end < asks->count && memcmp(asks->list[end].psn, psn, PSN_KEY_SIZE) == 0)
        end++;
    return end;
}

bool match_settlements(struct asks *asks, const struct evidence *evidence, struct finding *finding)
{
    uint32_t begin = 0;
    collect(evidence);
    for (uint64_t i = 0; i < c.entry_count; i++) {
        const struct person_entry *place = &c.entries[i];
        const struct entry *entry = &evidence->shard[place->shard].entries[place->seq - 1];
        const uint32_t end = asks_of(asks, place->psn, &begin);
        uint32_t k = begin;
        while (k < end && !answers(entry, &asks->list[k]))
            k++;
        if (k == end) {
            return finding_set(finding,
                               "(H2) shard %u, seq %" PRIu64
                               ": an entry of kind %u that nobody asked for",
                               place->shard, place->seq, entry->kind);
        }
        asks->times[place->shard].asked[place->seq - 1] = asks->list[k].said->sent;
    }
    return true;
}

/* -- the model's life ------------------------------------------------------------------------- */

static struct model_answer ask_model(const struct ask *ask, const struct said *said, int64_t now_ms)
{
    const uint32_t session = ask->said->province;
    switch (ask->type) {
    case MESSAGE_SETL_POST:
        return model_post(&model, session, &said->s, now_ms);
    case MESSAGE_SETL_REVERSE:
        return model_reverse(&model, session, &said->r, now_ms);
    case MESSAGE_SETL_ADJUST:
        return model_adjust(&model, session, &said->a, now_ms);
    default:
        return model_correct(&model, session, &said->c, now_ms);
    }
}

static bool live_control(const struct entry *entry, struct finding *finding)
{
    const int before = model.count;
    if (entry->kind == ENTRY_CUT) {
        model_cut(&model, entry->period, entry->stamp_ms);
    } else if (entry->kind == ENTRY_CLOCK) {
        (void)model_set_clock(&model, entry->stamp_ms);
    } else {
        (void)model_close_year(&model, entry->period / 100, entry->stamp_ms);
    }
    if (model.count == before + 1) {
        c.seqs[before] = entry->seq;
        return true;
    }
    return finding_set(finding,
                       "(H4) shard %u, seq %" PRIu64
                       ": a cut, clock or closed year (kind %u) that changes nothing",
                       c.shard_index, entry->seq, entry->kind);
}

static bool live_entry(const struct entry *entry, const struct ask *list, uint32_t count,
                       struct finding *finding)
{
    struct said said = {0};
    const int before = model.count;
    uint32_t k = 0;
    while (k < count && !answers(entry, &list[k]))
        k++;
    ENSURE(k < count && decode(list[k].type, list[k].body, &said));
    const struct model_answer answer = ask_model(&list[k], &said, entry->stamp_ms);
    if (answer.codes != 0 || answer.dup || model.count != before + 1) {
        return finding_set(finding,
                           "(H4) shard %u, seq %" PRIu64 ": type %04x was taken where the model "
                           "answers %s (codes %" PRIx64 ")",
                           c.shard_index, entry->seq, list[k].type,
                           answer.dup ? "a duplicate" : "no", answer.codes);
    }
    const struct model_item *item = &model.items[before];
    const bool record = entry->kind <= ENTRY_ADJUSTMENT;
    c.seqs[before] = entry->seq;
    if (item->stamp_ms == entry->stamp_ms && item->sender == entry->sender &&
        (!record ||
         (item->period == entry->period && item->orig_period == entry->orig_period &&
          (uint32_t)item->line == entry->line && (uint32_t)item->insurance == entry->insurance))) {
        return true;
    }
    return finding_set(finding,
                       "(H4) shard %u, seq %" PRIu64 ": period %u, of %u, line %u, class %u, time "
                       "%" PRId64 " where the model has %u, %u, %u, %u, %" PRId64,
                       c.shard_index, entry->seq, entry->period, entry->orig_period, entry->line,
                       entry->insurance, entry->stamp_ms, item->period, item->orig_period,
                       item->line, item->insurance, item->stamp_ms);
}

static bool live(const struct person_entry *entries, uint64_t entry_count, const struct ask *list,
                 uint32_t ask_count, struct finding *finding)
{
    const uint64_t *control = c.controls[c.shard_index];
    uint64_t controls = c.control_count[c.shard_index];
    model.count = 0;
    for (uint64_t i = 0; i < entry_count || controls != 0;) {
        ENSURE(model.count < MODEL_ITEMS_MAX - 1);
        if (controls != 0 && (i == entry_count || *control < entries[i].seq)) {
            if (!live_control(&c.shard->entries[*control - 1], finding)) return false;
            control++, controls--;
        } else {
            const struct entry *entry = &c.shard->entries[entries[i++].seq - 1];
            if (!live_entry(entry, list, ask_count, finding)) return false;
        }
    }
    return true;
}

/* -- answers ---------------------------------------------------------------------------------- */

/* What the model would have answered with `count` items. */
static struct model_answer ask_at(int count, const struct ask *ask, const struct said *said,
                                  int64_t now_ms)
{
    static struct model_item covered;
    const int total = model.count;
    if (count < total) covered = model.items[count];
    model.count = count;
    const struct model_answer answer = ask_model(ask, said, now_ms);
    if (count < total) model.items[count] = covered;
    model.count = total;
    return answer;
}

/* Codes of a refusal; *ret_wallet: some of them are none of the model's. */
static uint64_t codes_of(struct bytes answer, bool *ret_wallet)
{
    uint64_t codes = 0;
    struct pb_field field;
    *ret_wallet = false;
    while (pb_next(&answer, &field)) {
        if (field.number != 11) continue;
        const uint32_t code = (uint32_t)pb_get(field.bytes, 1);
        if (is_of_wallet(field.bytes) || code / 1000 == 4 || code == ERROR_INSTITUTION ||
            code == ERROR_FILING_MISSING || code == ERROR_PHARMACY_SWITCH) {
            *ret_wallet = true;
        } else {
            codes |= model_code_bit(code);
        }
    }
    return codes;
}

/* The places of the model's list between two numbers of the journal. */
static void window(uint64_t after, uint64_t before, int *ret_from, int *ret_to)
{
    int from = 0;
    while (from < model.count && c.seqs[from] <= after)
        from++;
    int to = from;
    while (to < model.count && c.seqs[to] < before)
        to++;
    *ret_from = from;
    *ret_to = to;
}

/* The engine's clock at some place, on the system's clock: one of these. */
#define TIMES_MAX 4
static int times_at(const struct ask *ask, int place, bool manual_clock, int64_t *out)
{
    const int64_t clock = place == 0 ? model.first_stamp_ms : model.items[place - 1].stamp_ms;
    int count = 0;
    if (manual_clock) {
        const int total = model.count;
        model.count = place;
        out[count++] = model_clock(&model);
        model.count = total;
        return count;
    }
    out[count++] = ask->said->sent_ms > clock ? ask->said->sent_ms : clock;
    out[count++] = ask->said->answered_ms > clock ? ask->said->answered_ms : clock;
    if (place < model.count) out[count++] = model.items[place].stamp_ms;
    out[count++] = clock;
    return count;
}

static bool judge_refusal(const struct asks *asks, const struct ask *ask, const struct said *said,
                          bool manual_clock, struct finding *finding)
{
    bool wallet;
    uint64_t after, before;
    int from, to;
    struct model_answer last = {0};
    const uint64_t codes = codes_of(ask->answer, &wallet);
    if (wallet) return true;
    asks_window(asks, c.shard_index, ask->said->sent, ask->said->answered, &after, &before);
    window(after, before, &from, &to);
    for (int place = from; place <= to; place++) {
        int64_t times[TIMES_MAX];
        const int count = times_at(ask, place, manual_clock, times);
        for (int i = 0; i < count; i++) {
            last = ask_at(place, ask, said, times[i]);
            if (last.codes == codes && last.codes != 0) return true;
        }
    }
    return finding_set(finding,
                       "(H4) type %04x, msgid %.*s, sent as %" PRIu64
                       ", was refused with %u (codes "
                       "%" PRIx64 "), and nowhere between seq %" PRIu64 " and %" PRIu64
                       " of shard %u the model says so (%s, codes %" PRIx64 ")",
                       ask->type, (int)pb_get_bytes(ask->body, 1).size,
                       (const char *)pb_get_bytes(ask->body, 1).data, ask->said->sent,
                       reply_code(ask->answer), codes, after, before, c.shard_index,
                       last.codes != 0 ? "no"
                       : last.dup      ? "a duplicate"
                                       : "yes",
                       last.codes);
}

static int item_of(uint64_t seq)
{
    for (int i = 0; i < model.count; i++) {
        if (c.seqs[i] == seq) return i;
    }
    return -1;
}

static bool judge_duplicate(const struct asks *asks, const struct ask *ask, const struct said *said,
                            int item, struct finding *finding)
{
    uint64_t after, before;
    int from, to;
    asks_window(asks, c.shard_index, ask->said->sent, ask->said->answered, &after, &before);
    window(after, before, &from, &to);
    for (int place = from > item ? from : item + 1; place <= to; place++) {
        const struct model_answer answer =
            ask_at(place, ask, said, model.items[place - 1].stamp_ms);
        if (answer.codes == 0 && answer.dup && answer.item == item) return true;
    }
    return finding_set(finding,
                       "(H4) type %04x, msgid %.*s, sent as %" PRIu64
                       ", was answered as a duplicate of seq %" PRIu64
                       " of shard %u, which the model never says",
                       ask->type, (int)pb_get_bytes(ask->body, 1).size,
                       (const char *)pb_get_bytes(ask->body, 1).data, ask->said->sent, c.seqs[item],
                       c.shard_index);
}

static bool judge_yes(struct asks *asks, const struct ask *ask, const struct said *said,
                      struct finding *finding)
{
    const uint64_t seq = pb_get(ask->answer, 4);
    const bool dup = pb_get(ask->answer, 6) != 0;
    const int item = pb_get(ask->answer, 9) == c.shard_index ? item_of(seq) : -1;
    const int name_size = (int)pb_get_bytes(ask->body, 1).size;
    const char *name = (const char *)pb_get_bytes(ask->body, 1).data;
    if (item < 0) {
        return finding_set(finding,
                           "(H1) type %04x, msgid %.*s, was acknowledged as seq %" PRIu64
                           " of shard %" PRIu64 ", which is no entry of that person",
                           ask->type, name_size, name, seq, pb_get(ask->answer, 9));
    }
    const struct entry *entry = &c.shard->entries[seq - 1];
    const uint64_t orig = pb_get(ask->answer, 8);
    if ((int64_t)pb_get(ask->answer, 5) != entry->stamp_ms ||
        pb_get(ask->answer, 7) != entry->period || (orig != 0 && orig != entry->orig_period)) {
        return finding_set(
            finding,
            "(H1) the answer to msgid %.*s names time %" PRId64 " and months %" PRIu64
            " and %" PRIu64 ", seq %" PRIu64 " of shard %u has %" PRId64 ", %u, %u",
            name_size, name, (int64_t)pb_get(ask->answer, 5), pb_get(ask->answer, 7), orig, seq,
            c.shard_index, entry->stamp_ms, entry->period, entry->orig_period);
    }
    if (dup) return judge_duplicate(asks, ask, said, item, finding);
    bool *claimed = &asks->times[c.shard_index].claimed[seq - 1];
    if (*claimed || !answers(entry, ask)) {
        return finding_set(finding,
                           "(H1) type %04x, msgid %.*s, was acknowledged as seq %" PRIu64
                           " of shard %u, which %s",
                           ask->type, name_size, name, seq, c.shard_index,
                           *claimed ? "was another message's first answer" : "says something else");
    }
    *claimed = true;
    return true;
}

static bool judge_asks(struct asks *asks, uint32_t begin, uint32_t end, bool manual_clock,
                       struct finding *finding)
{
    for (uint32_t i = begin; i < end; i++) {
        const struct ask *ask = &asks->list[i];
        struct said said = {0};
        if (!ask->answered) continue;
        const uint32_t code = reply_code(ask->answer);
        if (!decode(ask->type, ask->body, &said)) {
            if (code == ERROR_MALFORMED) continue;
            return finding_set(finding, "(H4) what is no message of type %04x was answered %u",
                               ask->type, code);
        }
        const bool good = code == 0 ? judge_yes(asks, ask, &said, finding)
                                    : judge_refusal(asks, ask, &said, manual_clock, finding);
        if (!good) return false;
    }
    return true;
}

/* -- cells
 * ------------------------------------------------------------------------------------------------
 */

static void add_cells(uint32_t shard)
{
    static struct cell own[MODEL_CELLS_MAX];
    const uint32_t count = model_cells(&model, own);
    for (uint32_t i = 0; i < count; i++) {
        struct cell *all = c.cells[shard];
        uint32_t k = 0;
        while (k < c.cell_count[shard] && memcmp(&all[k].key, &own[i].key, sizeof own[i].key) != 0)
            k++;
        ENSURE(k < MODEL_CELLS_MAX);
        if (k == c.cell_count[shard]) {
            all[c.cell_count[shard]++] = own[i];
            continue;
        }
        all[k].count += own[i].count;
        all[k].refund_count += own[i].refund_count;
        all[k].late_count += own[i].late_count;
        all[k].medfee_sum += own[i].medfee_sum;
        all[k].checksum += own[i].checksum;
        for (int a = 0; a < ACCOUNT_SLOTS; a++) {
            for (int fund = 0; fund < FUND_SLOTS; fund++)
                all[k].balance[a][fund] += own[i].balance[a][fund];
        }
    }
}

static struct desk_record record_of(const struct model_item *item, uint64_t seq)
{
    struct desk_record record = {.facts = model_facts(item, seq), .count = 1};
    record.facts.shard = c.shard_index;
    return record;
}

/* What the clearing cycle has to do with, of the person at hand. */
static void add_records(void)
{
    const uint32_t first = c.record_count;
    for (int i = 0; i < model.count; i++) {
        if (model.items[i].kind > MODEL_ADJUSTMENT) continue;
        if (c.record_count == c.record_room) {
            c.record_room = 2 * c.record_room + 1024;
            c.records = realloc(c.records, c.record_room * sizeof *c.records);
            ENSURE(c.records != NULL);
        }
        c.records[c.record_count++] = record_of(&model.items[i], c.seqs[i]);
    }
    for (int i = 0; i < model.count; i++) {
        const struct model_item *item = &model.items[i];
        if (item->kind != MODEL_CORRECTION || item->target < 0) continue;
        for (uint32_t k = first; k < c.record_count; k++) {
            if (c.records[k].facts.seq == c.seqs[item->target]) c.records[k].taken_back = c.seqs[i];
        }
    }
}

static int by_place(const void *a, const void *b)
{
    const struct record_facts *x = &((const struct desk_record *)a)->facts;
    const struct record_facts *y = &((const struct desk_record *)b)->facts;
    if (x->shard != y->shard) return x->shard < y->shard ? -1 : 1;
    return x->seq < y->seq ? -1 : x->seq > y->seq;
}

const struct desk_record *settlement_records(uint32_t *ret_count)
{
    if (c.record_count > 1) qsort(c.records, c.record_count, sizeof *c.records, by_place);
    *ret_count = c.record_count;
    return c.records;
}

const struct cell *settlement_cells(uint32_t shard, uint32_t *ret_count)
{
    *ret_count = c.cell_count[shard];
    return c.cells[shard];
}

/* -- everybody -------------------------------------------------------------------------------- */

static uint32_t home_of(const uint8_t *psn, uint32_t shards)
{
    uint32_t first;
    memcpy(&first, psn, sizeof first);
    return (uint32_t)((uint64_t)first * shards >> 32);
}

/* Who comes next of those who sent or asked something; false: nobody. */
static bool next_person(const struct asks *asks, uint32_t ask, uint32_t question,
                        uint8_t ret_psn[PSN_KEY_SIZE])
{
    const uint8_t *sent = ask < asks->count ? asks->list[ask].psn : NULL;
    const uint8_t *asked = question < asks->question_count ? asks->questions[question].psn : NULL;
    const bool first = asked == NULL || (sent != NULL && memcmp(sent, asked, PSN_KEY_SIZE) <= 0);
    if (sent == NULL && asked == NULL) return false;
    memcpy(ret_psn, first ? sent : asked, PSN_KEY_SIZE);
    return true;
}

bool judge_settlements(struct asks *asks, const struct evidence *evidence, bool manual_clock,
                       struct finding *finding)
{
    uint64_t entry = 0;
    uint32_t begin = 0, question = 0;
    load_rules(&model.rules);
    model.manual_clock = manual_clock;
    model.first_stamp_ms = manual_clock ? MANUAL_CLOCK_START_MS : 0;
    memset(c.cell_count, 0, sizeof c.cell_count);
    c.record_count = 0;
    uint8_t psn[PSN_KEY_SIZE];
    while (next_person(asks, begin, question, psn)) {
        const uint32_t end = asks_of(asks, psn, &begin);
        const uint32_t first_question = question;
        while (question < asks->question_count &&
               memcmp(asks->questions[question].psn, psn, sizeof psn) == 0)
            question++;
        uint64_t last = entry;
        while (last < c.entry_count && memcmp(c.entries[last].psn, psn, sizeof psn) == 0)
            last++;
        c.shard_index = home_of(psn, evidence->shards);
        c.shard = &evidence->shard[c.shard_index];
        const struct questioned about = {asks,         c.shard, c.shard_index,
                                         manual_clock, &model,  c.seqs};
        if (!live(c.entries + entry, last - entry, asks->list + begin, end - begin, finding) ||
            !judge_asks(asks, begin, end, manual_clock, finding) ||
            !judge_questions(&about, first_question, question, finding) ||
            !found_judge(&about, finding)) {
            return false;
        }
        add_cells(c.shard_index);
        add_records();
        entry = last;
        begin = end;
    }
    return true;
}
