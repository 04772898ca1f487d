/* engine_facts -- gathers from all shards what the clearing cycle has to know (cycle.h, needs).
 *
 * One question after the other, each to every shard or to one; the answers are added up so that
 * nothing depends on the number of shards. A scan looks at a few thousand entries a question, and
 * other work gets its turn between two of them. Must not know the rules. */
#include <stdlib.h>

#include "engine_internal.h"
#include "statement/tables.h"
#include "types/civil.h"
#include "types/ensure.h"

#define REFS_ASKED   100      /* Records asked for at once: the question is below 4 KiB. */
#define RECORDS_MAX  1000000u /* Facts of one question at most. */
#define TALLY_UNDONE 65536    /* Changes gathered before they are added up. */
#define TALLY_ROWS   4096     /* Tallies asked for at once, at first: a few milliseconds. */

#define AREAS_OF_PROVINCE 10000u /* An area's code is its province's two digits and four more. */

static struct gathering *gathering_of(struct home *home)
{
    return &home->desk.gathering;
}

void gather_begin(struct home *home, const struct needs *needs, enum tally_kind kind)
{
    struct gathering *g = gathering_of(home);
    gather_free(home);
    *g = (struct gathering){.needs = *needs, .kind = kind, .tally_rows = TALLY_ROWS};
}

void gather_free(struct home *home)
{
    struct gathering *g = gathering_of(home);
    free((void *)(uintptr_t)g->needs.refs);
    free((void *)(uintptr_t)g->needs.months);
    free(g->cells);
    free(g->tallies);
    free(g->records);
    free(g->ranges);
    *g = (struct gathering){.stage = GATHER_DONE};
}

static void next_stage(struct gathering *g)
{
    if (g->stage == GATHER_DONE) return; /* It failed. */
    g->stage++;
    g->asked = false;
    g->bounded = false;
    g->shard = 0;
    g->month = 0;
    g->cursor = 0;
    g->range = 0;
}

/* Gives up: the facts stay empty. */
static void fail(struct gathering *g, uint32_t code)
{
    g->code = (uint16_t)code;
    g->stage = GATHER_DONE;
}

static struct bytes answer_of(const struct home *home, uint32_t shard)
{
    const struct result *answer = &home->desk.answers[shard];
    return (struct bytes){answer->data, answer->data_size};
}

/* A question whose body is kept in the desk. */
static struct bytes kept(struct home *home, const void *question, size_t size)
{
    struct desk *desk = &home->desk;
    ENSURE(size <= sizeof desk->question_body);
    memcpy(desk->question_body, question, size);
    return (struct bytes){desk->question_body, size};
}

/* -- cells ------------------------------------------------------------------------------------- */

/* Without a period: cells of months that have no batch yet. */
static bool wanted_cell(const struct home *home, const struct cell *cell)
{
    return home->desk.gathering.needs.period != 0 ||
           cycle_batch(home->desk.cycle, cell->key.period) == NULL;
}

static void take_cells(struct home *home)
{
    struct gathering *g = gathering_of(home);
    const uint32_t shards = home->engine->config.shards;
    size_t bytes = 0;
    bool overflow = false;

    for (uint32_t i = 0; i < shards; i++)
        bytes += answer_of(home, i).size;
    g->cells = malloc(bytes + 1);
    NEED_MEMORY(g->cells);
    for (uint32_t i = 0; i < shards; i++) {
        const struct bytes answer = answer_of(home, i);
        const struct cell *cells = (const struct cell *)(const void *)answer.data;
        for (size_t k = 0; k < answer.size / sizeof *cells; k++) {
            if (wanted_cell(home, &cells[k])) g->cells[g->cell_count++] = cells[k];
        }
    }
    g->cell_count = tables_merge_cells(g->cells, g->cell_count, &overflow);
    if (overflow) fail(g, ERROR_AMOUNT_RANGE);
}

static bool gather_cells(struct home *home)
{
    struct gathering *g = gathering_of(home);
    if (!g->needs.cells) {
        next_stage(g);
    } else if (!g->asked) {
        g->asked = true;
        desk_ask_all(home, REQUEST_CELLS, g->needs.period, (struct bytes){0});
        return true;
    } else {
        next_stage(g);
        take_cells(home);
    }
    return false;
}

/* -- tallies ----------------------------------------------------------------------------------- */

static int compare_tallies(const void *left, const void *right)
{
    const struct tally_key *a = &((const struct tally *)left)->key;
    const struct tally_key *b = &((const struct tally *)right)->key;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    if (a->period != b->period) return a->period < b->period ? -1 : 1;
    if (a->part != b->part) return a->part < b->part ? -1 : 1;
    return memcmp(&a->payer, &b->payer, 4); /* payer, payee, line, insurance */
}

static bool add_money(int64_t *sum, int64_t value)
{
    return !__builtin_add_overflow(*sum, value, sum);
}

static bool add_tally(struct tally *sum, const struct tally *more)
{
    bool fits = add_money(&sum->medfee, more->medfee);
    sum->count += more->count; /* Modulo 2^64: what is taken back comes as a negative one. */
    sum->refund_count += more->refund_count;
    sum->checksum += more->checksum;
    for (int i = 0; i < FUND_COUNT; i++)
        fits &= add_money(&sum->funds[i], more->funds[i]);
    return fits;
}

static bool is_nothing(const struct tally *tally)
{
    return tally->count == 0 && tally->checksum == 0;
}

/* Sorts and adds up what there is. */
static void settle_tallies(struct gathering *g)
{
    size_t count = 0;
    bool fits = true;
    if (g->tally_count != 0) {
        qsort(g->tallies, g->tally_count, sizeof *g->tallies, compare_tallies);
    }
    for (size_t i = 0; i < g->tally_count; i++) {
        if (count != 0 && compare_tallies(&g->tallies[count - 1], &g->tallies[i]) == 0) {
            fits &= add_tally(&g->tallies[count - 1], &g->tallies[i]);
        } else {
            g->tallies[count++] = g->tallies[i];
        }
    }
    g->tally_count = g->tally_sorted = count;
    if (!fits) fail(g, ERROR_AMOUNT_RANGE);
}

static void keep_tally(struct gathering *g, const struct tally *tally)
{
    if (g->tally_count == g->tally_room) {
        const size_t room = 2 * g->tally_room + 1024;
        struct tally *more = realloc(g->tallies, room * sizeof *more);
        NEED_MEMORY(more);
        g->tallies = more;
        g->tally_room = room;
    }
    g->tallies[g->tally_count] = *tally;
    g->tallies[g->tally_count].first_seq = 0;
    g->tallies[g->tally_count].last_seq = 0;
    g->tally_count++;
    if (g->tally_count > 2 * g->tally_sorted + TALLY_UNDONE) settle_tallies(g);
}

static uint32_t part_of(const struct record_facts *record, enum tally_kind kind)
{
    switch (kind) {
    case TALLY_DAY:
        return record->day;
    case TALLY_PAYER_AREA:
        return record->ref.insu_admdvs;
    case TALLY_PAYEE_AREA:
        return record->mdtrtarea_admvs;
    }
    ENSURE(false);
    return 0;
}

/* One record as a tally of its own; of one taken back, with the opposite sign. */
static struct tally tally_of(const struct record_facts *record, enum tally_kind kind)
{
    const bool back = (record->flags & RECORD_TAKEN_BACK) != 0;
    struct tally tally = {
        .key = {.kind = kind,
                .period = record->period,
                .part = part_of(record, kind),
                .payer = record->payer,
                .payee = record->payee,
                .line = record->line,
                .insurance = record->insurance},
        .count = back ? UINT64_MAX : 1,
        .refund_count = record->kind != RECORD_REFUND ? 0
                        : back                        ? UINT64_MAX
                                                      : 1,
        .medfee = back ? -record->medfee : record->medfee,
        .checksum = back ? -record->content_hash : record->content_hash,
    };
    for (int i = 0; i < FUND_COUNT; i++)
        tally.funds[i] = back ? -record->funds[i] : record->funds[i];
    return tally;
}

/* The parts that are wanted: a day, or a province's areas, which are those of its two digits. */
static uint32_t first_part(const struct gathering *g)
{
    return g->kind == TALLY_DAY ? g->needs.part : g->needs.part * AREAS_OF_PROVINCE;
}

static uint32_t last_part(const struct gathering *g)
{
    return g->kind == TALLY_DAY ? g->needs.part : first_part(g) + AREAS_OF_PROVINCE - 1;
}

static bool wanted_part(const struct gathering *g, uint32_t part)
{
    return g->needs.part == 0 || (part >= first_part(g) && part <= last_part(g));
}

static bool wanted_month(const struct gathering *g, uint32_t period)
{
    bool wanted = g->needs.month_count == 0;
    for (uint32_t i = 0; i < g->needs.month_count && !wanted; i++)
        wanted = g->needs.months[i] == period;
    return wanted;
}

/* The next slice of the shard's tallies. */
static void ask_tallies(struct home *home)
{
    struct gathering *g = gathering_of(home);
    const struct tally_question question = {
        .kind = g->kind,
        .period = g->needs.month_count != 0 ? g->needs.months[g->month] : g->needs.period,
        .part = g->needs.part == 0 ? 0 : first_part(g),
        .part_last = g->needs.part == 0 ? 0 : last_part(g),
        .rows_max = g->tally_rows,
        .after = g->after,
    };
    g->asked = true;
    g->scanned = true;
    desk_ask_one(home, g->shard, REQUEST_TALLIES, kept(home, &question, sizeof question));
}

/* A slice. A checkpoint between two of a shard's makes them tell of different times: then all is
 * asked again, in larger slices: under full load there is a checkpoint every moment, and a shard
 * with many tallies would never be done. */
static void take_tallies(struct home *home)
{
    struct gathering *g = gathering_of(home);
    const struct bytes answer = answer_of(home, g->shard);
    const struct tally *tallies = (const struct tally *)(const void *)answer.data;
    const size_t count = answer.size / sizeof *tallies;
    const uint64_t seq = home->desk.answers[g->shard].seq;
    if ((g->after.kind != 0 || g->month != 0) && seq != g->tallied[g->shard]) {
        g->tally_count = g->tally_sorted = 0;
        g->tally_rows *= 2; /* More than any shard has, long before that does not fit. */
        g->shard = 0;
        g->month = 0;
        g->after = (struct tally_key){0};
        return;
    }
    g->tallied[g->shard] = seq;
    for (size_t k = 0; k < count; k++)
        keep_tally(g, &tallies[k]);
    if (count == g->tally_rows) {
        g->after = tallies[count - 1].key;
        return;
    }
    g->after = (struct tally_key){0};
    if (++g->month >= g->needs.month_count) {
        g->month = 0;
        g->shard++;
    }
}

static bool gather_tallies(struct home *home)
{
    struct gathering *g = gathering_of(home);
    if (!g->needs.tallies) {
        next_stage(g); /* Nor are there changes to look for. */
        next_stage(g);
        return false;
    }
    if (g->asked) take_tallies(home);
    if (g->code != ERROR_OK) return false;
    if (g->shard == home->engine->config.shards) {
        next_stage(g);
        return false;
    }
    ask_tallies(home);
    return true;
}

/* -- scans ------------------------------------------------------------------------------------- */

/* Scans end with the entry that is each shard's last when their stage begins: a shard at full speed
 * writes as much as is read of it meanwhile, and a scan up to its end would last as long as the
 * load does, with every other job behind it. What comes later is for who asks later. True when it
 * has asked. */
static bool find_bounds(struct home *home)
{
    struct gathering *g = gathering_of(home);
    if (g->bounded) return false;
    if (!g->asked) {
        g->asked = true;
        desk_ask_all(home, REQUEST_STATUS, 0, (struct bytes){0});
        return true;
    }
    for (uint32_t i = 0; i < home->engine->config.shards; i++) {
        const struct shard_status *status = home->desk.answers[i].data;
        g->until[i] = status->last_seq;
    }
    g->asked = false;
    g->bounded = true;
    return false;
}

static void scan(struct home *home, struct scan_question question)
{
    struct gathering *g = gathering_of(home);
    g->asked = true;
    g->scanned = true;
    desk_ask_one(home, g->shard, REQUEST_SCAN, kept(home, &question, sizeof question));
}

static void take_changes(struct home *home)
{
    struct gathering *g = gathering_of(home);
    const struct bytes answer = answer_of(home, g->shard);
    const struct record_facts *records = (const struct record_facts *)(const void *)answer.data;
    for (size_t i = 0; i < answer.size / sizeof *records; i++) {
        const struct tally tally = tally_of(&records[i], g->kind);
        if (!wanted_month(g, tally.key.period) || !wanted_part(g, tally.key.part)) continue;
        keep_tally(g, &tally);
    }
}

static void drop_empty_tallies(struct gathering *g)
{
    size_t count = 0;
    for (size_t i = 0; i < g->tally_count; i++) {
        if (!is_nothing(&g->tallies[i])) g->tallies[count++] = g->tallies[i];
    }
    g->tally_count = g->tally_sorted = count;
}

static bool gather_changes(struct home *home)
{
    struct gathering *g = gathering_of(home);
    if (find_bounds(home)) return true;
    if (g->asked) {
        g->asked = false;
        g->cursor = home->desk.answers[g->shard].seq;
        take_changes(home);
        if (g->cursor == 0) g->shard++;
    }
    if (g->code != ERROR_OK) return false;
    while (g->shard < home->engine->config.shards && g->tallied[g->shard] >= g->until[g->shard])
        g->shard++; /* Its tallies have everything. */
    if (g->shard == home->engine->config.shards) {
        next_stage(g);
        settle_tallies(g);
        drop_empty_tallies(g);
        return false;
    }
    scan(home, (struct scan_question){
                   .from_seq = g->cursor != 0 ? g->cursor : g->tallied[g->shard] + 1,
                   .to_seq = g->until[g->shard],
                   .mode = SCAN_CHANGES,
                   .period = g->needs.month_count != 0 ? 0 : g->needs.period,
                   .payer = SCAN_ANY,
                   .payee = SCAN_ANY,
               });
    return true;
}

/* -- the records of a day ---------------------------------------------------------------------- */

static bool of_pair(const struct needs *needs, uint8_t payer, uint8_t payee)
{
    return (needs->payer == PROVINCE_CENTRE || needs->payer == payer) &&
           (needs->payee == PROVINCE_CENTRE || needs->payee == payee);
}

/* Room for one range a tally, and for what came after the tallies of each shard. */
static void make_ranges(struct home *home)
{
    struct gathering *g = gathering_of(home);
    const uint32_t shards = home->engine->config.shards;
    size_t most = shards;
    for (uint32_t i = 0; i < shards; i++)
        most += answer_of(home, i).size / sizeof(struct tally);
    g->ranges = malloc(most * sizeof *g->ranges);
    NEED_MEMORY(g->ranges);
}

static void add_range(struct gathering *g, uint32_t shard, uint64_t first, uint64_t last)
{
    if (first == 0 || first > last) return;
    g->ranges[g->range_count++] = (struct entry_range){shard, first, last};
}

static void take_ranges(struct home *home)
{
    struct gathering *g = gathering_of(home);
    make_ranges(home);
    for (uint32_t i = 0; i < home->engine->config.shards; i++) {
        const struct bytes answer = answer_of(home, i);
        const struct tally *tallies = (const struct tally *)(const void *)answer.data;
        g->tallied[i] = home->desk.answers[i].seq;
        for (size_t k = 0; k < answer.size / sizeof *tallies; k++) {
            const struct tally *tally = &tallies[k];
            if (!of_pair(&g->needs, tally->key.payer, tally->key.payee)) continue;
            add_range(g, i, tally->first_seq, tally->last_seq);
        }
    }
}

static int compare_ranges(const void *left, const void *right)
{
    const struct entry_range *a = left;
    const struct entry_range *b = right;
    if (a->shard != b->shard) return a->shard < b->shard ? -1 : 1;
    return a->first == b->first ? 0 : a->first < b->first ? -1 : 1;
}

/* Adds what came after the tallies, and puts those together that overlap or have less between them
 * than a step looks through. */
static void settle_ranges(struct home *home)
{
    struct gathering *g = gathering_of(home);
    size_t count = 0;
    for (uint32_t i = 0; i < home->engine->config.shards; i++)
        add_range(g, i, g->tallied[i] + 1, g->until[i]);
    qsort(g->ranges, g->range_count, sizeof *g->ranges, compare_ranges);
    for (size_t i = 0; i < g->range_count; i++) {
        const struct entry_range range = g->ranges[i];
        struct entry_range *before = count != 0 ? &g->ranges[count - 1] : NULL;
        if (before == NULL || before->shard != range.shard ||
            range.first > before->last + SCAN_ENTRIES) {
            g->ranges[count++] = range;
        } else if (range.last > before->last) {
            before->last = range.last;
        }
    }
    g->range_count = count;
}

/* A record of the day may be cleared in any month: late in a later one, and what is adjusted after
 * its month's end in that one, as long as it is open. What stands between the day's own and one
 * that came months later is not looked at. */
static bool gather_ranges(struct home *home)
{
    struct gathering *g = gathering_of(home);

    if (!g->needs.day || !civil_month_valid(g->needs.part / 100)) {
        next_stage(g);
        next_stage(g);
        return false;
    }
    if (g->ranges == NULL && !g->asked) {
        g->asked = true;
        const struct tally_question question = {
            .kind = TALLY_DAY, .every_month = 1, .part = g->needs.part};
        desk_ask_all(home, REQUEST_TALLIES, 0, kept(home, &question, sizeof question));
        return true;
    }
    if (g->ranges == NULL) {
        take_ranges(home);
        g->asked = false;
    }
    if (find_bounds(home)) return true;
    settle_ranges(home);
    next_stage(g);
    return false;
}

static void keep_records(struct gathering *g, struct bytes answer, uint32_t shard)
{
    const size_t count = answer.size / sizeof *g->records;
    if (g->record_count + count > RECORDS_MAX) {
        fail(g, ERROR_RANGE_TOO_WIDE);
        return;
    }
    if (g->record_room - g->record_count < count) {
        const size_t room = 2 * (g->record_room + count);
        struct record_facts *more = realloc(g->records, room * sizeof *more);
        NEED_MEMORY(more);
        g->records = more;
        g->record_room = room;
    }
    if (count != 0) memcpy(g->records + g->record_count, answer.data, answer.size);
    for (size_t i = 0; i < count; i++)
        g->records[g->record_count + i].shard = shard;
    g->record_count += count;
}

static bool gather_day(struct home *home)
{
    struct gathering *g = gathering_of(home);
    if (g->asked) {
        g->asked = false;
        g->cursor = home->desk.answers[g->shard].seq;
        keep_records(g, answer_of(home, g->shard), g->shard);
        if (g->code != ERROR_OK) return false;
        if (g->cursor == 0) g->range++;
    }
    if (g->range == g->range_count) {
        next_stage(g);
        return false;
    }
    const struct entry_range *range = &g->ranges[g->range];
    g->shard = range->shard;
    scan(home, (struct scan_question){
                   .from_seq = g->cursor != 0 ? g->cursor : range->first,
                   .to_seq = range->last,
                   .mode = SCAN_RECORDS,
                   .day = g->needs.part,
                   .payer = g->needs.payer == PROVINCE_CENTRE ? SCAN_ANY : g->needs.payer,
                   .payee = g->needs.payee == PROVINCE_CENTRE ? SCAN_ANY : g->needs.payee,
               });
    return true;
}

/* -- single records ---------------------------------------------------------------------------- */

static bool gather_refs(struct home *home)
{
    struct gathering *g = gathering_of(home);
    if (g->asked) {
        for (uint32_t i = 0; i < home->engine->config.shards && g->code == ERROR_OK; i++)
            keep_records(g, answer_of(home, i), i);
        if (g->code != ERROR_OK) return false;
    }
    if (g->ref == g->needs.ref_count) {
        next_stage(g);
        return false;
    }
    const uint32_t left = g->needs.ref_count - g->ref;
    const uint32_t count = left < REFS_ASKED ? left : REFS_ASKED;
    const struct record_ref *refs = g->needs.refs + g->ref;
    g->ref += count;
    g->asked = true;
    desk_ask_all(home, REQUEST_FACTS, 0,
                 (struct bytes){(const uint8_t *)refs, count * sizeof *refs});
    return true;
}

/* -- all of it --------------------------------------------------------------------------------- */

/* By record; the same number of the same shard may have been found twice. */
static int compare_records(const void *left, const void *right)
{
    const struct record_facts *a = left;
    const struct record_facts *b = right;
    const int order = record_ref_compare(&a->ref, &b->ref);
    if (order != 0) return order;
    if (a->shard != b->shard) return a->shard < b->shard ? -1 : 1;
    return a->seq == b->seq ? 0 : a->seq < b->seq ? -1 : 1;
}

static void settle_records(struct gathering *g)
{
    size_t count = 0;
    if (g->record_count != 0) {
        qsort(g->records, g->record_count, sizeof *g->records, compare_records);
    }
    for (size_t i = 0; i < g->record_count; i++) {
        if (count != 0 && compare_records(&g->records[count - 1], &g->records[i]) == 0) continue;
        g->records[count++] = g->records[i];
    }
    g->record_count = count;
}

static void settle(struct home *home)
{
    struct gathering *g = gathering_of(home);
    settle_records(g);
    g->facts = (struct facts){
        .cells = g->cells,
        .cell_count = g->cell_count,
        .tallies = g->tallies,
        .tally_count = g->tally_count,
        .records = g->records,
        .record_count = g->record_count,
    };
    desk_limits(home, &g->facts.cut_through, &g->facts.closed_year);
}

/* Goes on with the stage; true when it has asked. */
static bool gather_more(struct home *home)
{
    switch (gathering_of(home)->stage) {
    case GATHER_CELLS:
        return gather_cells(home);
    case GATHER_TALLIES:
        return gather_tallies(home);
    case GATHER_CHANGES:
        return gather_changes(home);
    case GATHER_RANGES:
        return gather_ranges(home);
    case GATHER_DAY:
        return gather_day(home);
    case GATHER_REFS:
        return gather_refs(home);
    case GATHER_DONE:
        break;
    }
    return false;
}

bool gather_step(struct home *home)
{
    struct gathering *g = gathering_of(home);
    g->scanned = false;
    if (g->asked && desk_first_refusal(home) != ERROR_OK) fail(g, desk_first_refusal(home));
    while (g->stage != GATHER_DONE) {
        if (gather_more(home)) return false;
    }
    settle(home);
    return true;
}
