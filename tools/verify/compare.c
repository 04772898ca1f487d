#include "tools/verify/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/verify/lookups.h"
#include "util/le.h"
#include "util/numbers.h"

#define META_KEY "meta"

/* How many numbers stand in a value: all of a row that is not in its key. */
#define numbers_of(row, key) ((uint32_t)((sizeof(row) - sizeof(row).key) / sizeof(uint64_t)))

/* A state without a position must be one that was never written to. */
static int compare_without_position(struct store *store, uint32_t shard, struct finding *finding)
{
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        struct bytes key, value;
        const int r =
            store_ceiling(store, (enum store_table)table, (struct bytes){NULL, 0}, &key, &value);
        if (r == -ENOENT) continue;
        finding_set(finding, "shard %u, state: it holds rows and no position", shard);
        return -1;
    }
    return 0;
}

int compare_meta(struct store *store, uint32_t shard, struct shard_meta *ret_meta,
                 struct finding *finding)
{
    struct bytes value;
    const int r = store_get(store, STORE_META, bytes_of(META_KEY), &value);
    if (r == -ENOENT) return compare_without_position(store, shard, finding);
    if (r != 0 || value.size != sizeof *ret_meta) {
        finding_set(finding, "shard %u, state: its position cannot be read (%d)", shard, r);
        return -1;
    }
    memcpy(ret_meta, value.data, sizeof *ret_meta);
    if (shard_meta_is_old(ret_meta->format) && ret_meta->shard == shard) {
        *ret_meta = (struct shard_meta){0}; /* The next start makes it anew from the journal. */
        return 0;
    }
    if (ret_meta->format != SHARD_META_FORMAT || ret_meta->shard != shard) {
        finding_set(finding, "shard %u, state: format %u of shard %u", shard, ret_meta->format,
                    ret_meta->shard);
        return -1;
    }
    return 1;
}

bool compare_position(const struct shard_meta *meta, const struct recount *recount,
                      struct finding *finding)
{
    const struct chain *chain = recount->chain;
    const char *what = NULL;

    if (chain->entries_left != 0) {
        what = "it stands inside of a block";
    } else if (meta->next_block != chain->next_block) {
        what = "next_block";
    } else if (memcmp(meta->hash, chain->previous, BLOCK_HASH_SIZE) != 0) {
        what = "the hash of its last block";
    } else if (meta->seq != 0 && meta->stamp_ms != chain->stamp_ms) {
        what = "its time";
    } else if (meta->seq != 0 &&
               (meta->segment != chain->segment + 1 || meta->offset != chain->offset)) {
        what = "the place of the next block";
    } else if (meta->seq != 0 && meta->journal_bytes != chain->bytes) {
        what = "the journal's size";
    } else if (meta->cut_through != recount->cut_through || meta->cuts != recount->cuts) {
        what = "the latest cut";
    } else if (meta->closed_year != recount->closed_year) {
        what = "the closed year";
    }
    if (what == NULL) return true;
    return finding_set(finding, "shard %u, state at seq %llu: %s is not the journal's",
                       chain->shard, (unsigned long long)meta->seq, what);
}

/* -- cells ---------------------------------------------------------------------------------- */

/* Names the first field that differs; NULL when none does. */
static const char *cell_difference(const struct cell *a, const struct cell *b, int64_t *ret_got,
                                   int64_t *ret_want, bool *ret_is_amount)
{
    *ret_is_amount = false;
#define FIELD(name)                   \
    if (a->name != b->name) {         \
        *ret_got = (int64_t)a->name;  \
        *ret_want = (int64_t)b->name; \
        return #name;                 \
    }
    FIELD(count)
    FIELD(refund_count)
    FIELD(late_count)
    FIELD(cut)
    *ret_is_amount = true;
    FIELD(medfee_sum)
#undef FIELD
    static const char *const accounts[ACCOUNT_SLOTS] = {"COST", "ACCRUED", "CLEARING", "account 3"};
    for (int account = 0; account < ACCOUNT_SLOTS; account++) {
        for (int fund = 0; fund < FUND_SLOTS; fund++) {
            if (a->balance[account][fund] == b->balance[account][fund]) continue;
            *ret_got = a->balance[account][fund];
            *ret_want = b->balance[account][fund];
            return accounts[account];
        }
    }
    *ret_is_amount = false;
    if (a->checksum == b->checksum) {
        *ret_got = *ret_want = 0;
        return memcmp(a, b, sizeof *a) == 0 ? NULL : "what must be zero";
    }
    *ret_got = (int64_t)a->checksum;
    *ret_want = (int64_t)b->checksum;
    return "checksum";
}

static bool next_of(struct store *store, enum store_table table, struct bytes after,
                    uint8_t *key_room, struct bytes *ret_key, struct bytes *ret_value, int *ret_r)
{
    /* The key behind `after`: itself with a zero byte more. The first one: the empty key. */
    struct bytes from = {key_room, 0};
    if (after.size != 0) {
        memmove(key_room, after.data, after.size);
        key_room[after.size] = 0;
        from.size = after.size + 1;
    }
    *ret_r = store_ceiling(store, table, from, ret_key, ret_value);
    return *ret_r == 0;
}

#define KEY_ROOM 32 /* No key of these tables has more than 16 bytes. */

static bool compare_cells(struct store *store, const struct recount *recount,
                          const struct recount_state *at, struct finding *finding)
{
    const uint32_t shard = recount->chain->shard;
    uint8_t room[KEY_ROOM];
    struct bytes key = {0};
    struct bytes value;
    uint32_t matched = 0;
    int r;

    while (next_of(store, STORE_CELL, key, room, &key, &value, &r)) {
        struct cell cell;
        int64_t got = 0;
        int64_t want = 0;
        if (key.size != 8 || !numbers_read(value, numbers_of(cell, key), &cell.count))
            return finding_set(finding, "shard %u, state: a cell that is none", shard);
        cell.key = (struct cell_key){be_load32(key.data), key.data[4], key.data[5], key.data[6],
                                     key.data[7]};
        const struct recount_cell *mine = recount_cell(at, cell.key);
        if (mine == NULL)
            return finding_set(finding, "shard %u, state: cell %s is not in the journal", shard,
                               cell_key_text(cell.key));
        bool is_amount;
        const char *field = cell_difference(&cell, &mine->cell, &got, &want, &is_amount);
        if (field != NULL && is_amount) {
            return finding_set(
                finding, "shard %u, state: cell %s: %s is %s yuan, by the journal %s", shard,
                cell_key_text(cell.key), field, finding_yuan(got), finding_yuan(want));
        }
        if (field != NULL) {
            return finding_set(finding, "shard %u, state: cell %s: %s is %lld, by the journal %lld",
                               shard, cell_key_text(cell.key), field, (long long)got,
                               (long long)want);
        }
        matched++;
    }
    if (r != -ENOENT) return finding_set(finding, "shard %u, state: cells: error %d", shard, r);
    if (matched != at->cell_count) {
        return finding_set(finding, "shard %u, state: %u cells, by the journal %u", shard, matched,
                           at->cell_count);
    }
    return true;
}

/* -- marks ---------------------------------------------------------------------------------- */

static bool compare_marks(struct store *store, const struct recount *recount,
                          const struct recount_state *at, struct finding *finding)
{
    const uint32_t shard = recount->chain->shard;
    uint8_t room[KEY_ROOM];
    struct bytes key = {0};
    struct bytes value;
    uint32_t matched = 0;
    int r;

    while (next_of(store, STORE_MARK, key, room, &key, &value, &r)) {
        struct mark mark;
        if (key.size != 8 || !numbers_read(value, numbers_of(mark, seq), &mark.last_seq))
            return finding_set(finding, "shard %u, state: a mark that is none", shard);
        mark.seq = be_load64(key.data);
        const struct mark *mine = recount_mark(at, mark.seq);
        if (mine == NULL || memcmp(&mark, mine, sizeof mark) != 0) {
            return finding_set(finding, "shard %u, state: mark of seq %llu is not the journal's",
                               shard, (unsigned long long)mark.seq);
        }
        matched++;
    }
    if (r != -ENOENT) return finding_set(finding, "shard %u, state: marks: error %d", shard, r);
    if (matched != at->mark_count) {
        return finding_set(finding, "shard %u, state: %u marks, by the journal %u", shard, matched,
                           at->mark_count);
    }
    return true;
}

/* -- tallies -------------------------------------------------------------------------------- */

/* The stored tallies of one kind, added up by cell. */
struct sums {
    const struct recount_state *at;
    struct tally *of_kind[3]; /* By kind - 1 and index of the cell. */
};

static void sums_done(struct sums *sums)
{
    for (int i = 0; i < 3; i++)
        free(sums->of_kind[i]);
}

static bool sums_init(struct sums *sums, const struct recount_state *at)
{
    *sums = (struct sums){.at = at};
    for (int i = 0; i < 3; i++) {
        sums->of_kind[i] = calloc(at->cell_count + 1, sizeof *sums->of_kind[i]);
        if (sums->of_kind[i] == NULL) return false;
    }
    return true;
}

/* False when there is no such cell. */
static bool sums_add(struct sums *sums, const struct tally *tally)
{
    const struct cell_key key = {tally->key.period, tally->key.payer, tally->key.payee,
                                 tally->key.line, tally->key.insurance};
    const struct recount_cell *cell = recount_cell(sums->at, key);
    if (cell == NULL || tally->key.kind < TALLY_DAY || tally->key.kind > TALLY_PAYEE_AREA)
        return false;
    struct tally *sum = &sums->of_kind[tally->key.kind - 1][cell - sums->at->cells];
    sum->count += tally->count;
    sum->refund_count += tally->refund_count;
    sum->medfee = (int64_t)((uint64_t)sum->medfee + (uint64_t)tally->medfee);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        sum->funds[fund] = (int64_t)((uint64_t)sum->funds[fund] + (uint64_t)tally->funds[fund]);
    sum->checksum += tally->checksum;
    return true;
}

/* The first thing in which a sum is not its cell; NULL when it is. */
static const char *sum_difference(const struct tally *sum, const struct cell *cell)
{
    if (sum->count != cell->count) return "count";
    if (sum->refund_count != cell->refund_count) return "refund_count";
    if (sum->medfee != cell->medfee_sum) return "medfee";
    if (sum->checksum != cell->checksum) return "checksum";
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (sum->funds[fund] != cell->balance[ACCOUNT_COST][fund]) return "a fund class";
    }
    return NULL;
}

static bool compare_sums(const struct sums *sums, uint32_t shard, struct finding *finding)
{
    static const char *const kinds[] = {"days", "insured areas", "areas of treatment"};
    for (int kind = 0; kind < 3; kind++) {
        for (uint32_t i = 0; i < sums->at->cell_count; i++) {
            const struct cell *cell = &sums->at->cells[i].cell;
            const char *what = sum_difference(&sums->of_kind[kind][i], cell);
            if (what == NULL) continue;
            return finding_set(finding,
                               "shard %u, state: cell %s: its tallies by %s do not add up: %s",
                               shard, cell_key_text(cell->key), kinds[kind], what);
        }
    }
    return true;
}

static bool compare_tally_rows(struct store *store, uint32_t shard, struct sums *sums,
                               struct finding *finding)
{
    uint8_t room[KEY_ROOM];
    struct bytes key = {0};
    struct bytes value;
    uint32_t matched = 0;
    int r;

    while (next_of(store, STORE_TALLY, key, room, &key, &value, &r)) {
        struct tally tally;
        if (key.size != 12 || !numbers_read(value, numbers_of(tally, key), &tally.count))
            return finding_set(finding, "shard %u, state: a tally that is none", shard);
        const struct tally_key by_key = {key.data[0],
                                         be_load32(key.data) & 0xffffff,
                                         be_load32(key.data + 4),
                                         key.data[8],
                                         key.data[9],
                                         key.data[10],
                                         key.data[11]};
        tally.key = by_key;
        const struct tally *mine = tallies_find(&sums->at->tallies, &by_key);
        if (mine == NULL || memcmp(&tally, mine, sizeof tally) != 0 || !sums_add(sums, &tally)) {
            return finding_set(finding,
                               "shard %u, state: tally %u/%u/%u, %02u->%02u is not the journal's",
                               shard, by_key.kind, by_key.period, by_key.part,
                               by_key.payer < PROVINCE_COUNT ? province_codes[by_key.payer] : 0,
                               by_key.payee < PROVINCE_COUNT ? province_codes[by_key.payee] : 0);
        }
        matched++;
    }
    if (r != -ENOENT) return finding_set(finding, "shard %u, state: tallies: error %d", shard, r);
    if (matched != sums->at->tallies.count) {
        return finding_set(finding, "shard %u, state: %u tallies, by the journal %u", shard,
                           matched, sums->at->tallies.count);
    }
    return true;
}

static bool compare_tallies(struct store *store, const struct recount *recount,
                            const struct recount_state *at, struct finding *finding)
{
    const uint32_t shard = recount->chain->shard;
    struct sums sums;
    const bool good = !sums_init(&sums, at)
                          ? finding_set(finding, "shard %u, state: no memory for tallies", shard)
                          : compare_tally_rows(store, shard, &sums, finding) &&
                                compare_sums(&sums, shard, finding);
    sums_done(&sums);
    return good;
}

/* -- the cycle's entries -------------------------------------------------------------------- */

static bool compare_cycles(struct store *store, const struct shard_meta *meta,
                           const struct recount *recount, struct finding *finding)
{
    const uint32_t shard = recount->chain->shard;
    uint8_t room[KEY_ROOM];
    struct bytes key = {0};
    struct bytes value;
    uint32_t next = 0;
    int r;

    while (next_of(store, STORE_CYCLE, key, room, &key, &value, &r)) {
        if (key.size != 8 || value.size != 0 || next == recount->cycle_count ||
            be_load64(key.data) != recount->cycles[next]) {
            return finding_set(finding, "shard %u, state: list of the cycle's entries, place %u",
                               shard, next);
        }
        next++;
    }
    if (r != -ENOENT) return finding_set(finding, "shard %u, state: cycle: error %d", shard, r);
    if (next < recount->cycle_count && recount->cycles[next] <= meta->seq) {
        return finding_set(finding, "shard %u, state: seq %llu of the cycle is not listed", shard,
                           (unsigned long long)recount->cycles[next]);
    }
    if (next != 0 && recount->cycles[next - 1] > meta->seq)
        return finding_set(finding, "shard %u, state: the cycle's list is ahead of it", shard);
    return true;
}

/* -- where records stand --------------------------------------------------------------------- */

#define STRETCH_HEAD 8 /* Segment and offset; then a distance of 2 bytes for each entry. */
#define UNIT         8 /* Of distances, bytes. */

/* One row: each of its entries stands in the journal where it says. Gives their number, 0 with a
 * finding. */
static uint32_t compare_stretch(struct bytes value, uint64_t first, const struct recount *recount,
                                struct finding *finding)
{
    const struct chain *chain = recount->chain;
    const size_t count = value.size <= STRETCH_HEAD ? 0 : (value.size - STRETCH_HEAD) / 2;

    if (count == 0 || value.size % 2 != 0 || first + count - 1 > chain->entries) {
        finding_set(finding, "shard %u, state: places of records from seq %llu make no sense",
                    chain->shard, (unsigned long long)first);
        return 0;
    }
    const uint64_t segment = le_load32(value.data);
    const uint64_t offset = le_load32(value.data + 4);
    for (size_t i = 0; i < count; i++) {
        const uint64_t said =
            offset + UNIT * (uint64_t)le_load16(value.data + STRETCH_HEAD + 2 * i);
        const place_t stands = recount->places[first + i - 1];
        if ((stands >> 32) + 1 == segment && (uint32_t)stands == said) continue;
        finding_set(finding,
                    "shard %u, state: record seq %llu is said to stand in segment %llu at byte "
                    "%llu, it stands in %s",
                    chain->shard, (unsigned long long)first + i, (unsigned long long)segment,
                    (unsigned long long)said, chain_place_text(stands));
        return 0;
    }
    return (uint32_t)count;
}

static bool compare_records(struct store *store, const struct shard_meta *meta,
                            const struct recount *recount, struct finding *finding)
{
    const uint32_t shard = recount->chain->shard;
    uint8_t room[KEY_ROOM];
    struct bytes key = {0};
    struct bytes value;
    uint64_t next = 1;
    int r;

    while (next_of(store, STORE_RECORD, key, room, &key, &value, &r)) {
        if (key.size != 8 || be_load64(key.data) != next) {
            return finding_set(finding, "shard %u, state: records: a gap before seq %llu", shard,
                               (unsigned long long)next);
        }
        const uint32_t count = compare_stretch(value, next, recount, finding);
        if (count == 0) return false;
        next += count;
    }
    if (r != -ENOENT) return finding_set(finding, "shard %u, state: records: error %d", shard, r);
    if (next != meta->seq + 1) {
        return finding_set(finding, "shard %u, state: records end at seq %llu instead of %llu",
                           shard, (unsigned long long)next - 1, (unsigned long long)meta->seq);
    }
    return true;
}

bool compare_store(struct store *store, const struct shard_meta *meta,
                   const struct recount *recount, const struct recount_state *at, uint64_t seed,
                   struct finding *finding)
{
    return compare_cells(store, recount, at, finding) &&
           compare_marks(store, recount, at, finding) &&
           compare_tallies(store, recount, at, finding) &&
           compare_cycles(store, meta, recount, finding) &&
           compare_records(store, meta, recount, finding) &&
           compare_lookups(store, meta, recount, seed, finding);
}
