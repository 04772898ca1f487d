#include "tests/sim/lived_months.h"

#include <stdlib.h>

#include "codec/messages.h"
#include "types/ensure.h"
#include "types/province.h"

#define COMBINATIONS_MAX (1u << 20) /* Of half of the shards. */
#define LOOKS_MAX        20000

/* A record comes or goes. */
struct change {
    uint64_t seq;
    uint32_t cell; /* Place in m.keys. */
    struct month_cell what;
};

/* Some place of each of a few shards, told by numbers of states; their marks together. */
struct combination {
    uint64_t mark;
    uint32_t number;
};

static struct {
    uint32_t shards;
    struct change *changes[EVIDENCE_SHARDS_MAX]; /* By number. */
    uint32_t change_count[EVIDENCE_SHARDS_MAX];
    uint32_t change_room[EVIDENCE_SHARDS_MAX];
    struct cell_key *keys; /* Of all cells, ascending. */
    struct month_cell *sums;
    uint32_t key_count;
    DESK_LIST(struct record_facts) debts;

    /* Of the search at hand: the states of each shard. */
    struct state {
        uint64_t mark;
        uint32_t upto; /* Changes that have happened. */
    } * states[EVIDENCE_SHARDS_MAX];
    uint32_t state_count[EVIDENCE_SHARDS_MAX];
    uint32_t looks;
} m;

/* -- what happened -------------------------------------------------------------------------------
 */

static void add_change(const struct record_facts *facts, uint64_t seq, int sign)
{
    const uint32_t s = facts->shard;
    if (m.change_count[s] == m.change_room[s]) {
        m.change_room[s] = 2 * m.change_room[s] + 256;
        m.changes[s] = realloc(m.changes[s], m.change_room[s] * sizeof *m.changes[s]);
        ENSURE(m.changes[s] != NULL);
    }
    struct change *change = &m.changes[s][m.change_count[s]++];
    *change = (struct change){
        .seq = seq,
        .what = {.key = desk_cell(facts),
                 .count = sign,
                 .refunds = facts->kind == RECORD_REFUND ? sign : 0,
                 .late = (facts->flags & RECORD_LATE) != 0 ? sign : 0,
                 .medfee = sign * facts->medfee,
                 .checksum = sign > 0 ? facts->content_hash : -facts->content_hash},
    };
    for (int fund = 0; fund < FUND_COUNT; fund++)
        change->what.funds[fund] = sign * facts->funds[fund];
}

/* What wallets owe is a record of its own, whose amount is personal-account money. */
static void add_debt(const struct entry *entry, uint32_t shard)
{
    struct settlement s;
    uint32_t field;
    ENSURE(settlement_decode(entry->body, &s, &field));
    if (m.debts.count == m.debts.room) {
        m.debts.room = 2 * m.debts.room + 256;
        m.debts.list = realloc(m.debts.list, m.debts.room * sizeof *m.debts.list);
        ENSURE(m.debts.list != NULL);
    }
    struct record_facts *facts = &m.debts.list[m.debts.count++];
    *facts = (struct record_facts){
        .seq = entry->seq,
        .shard = shard,
        .period = entry->period,
        .mdtrtarea_admvs = s.mdtrtarea_admvs,
        .ref = {.insu_admdvs = s.insu_admdvs},
        .payer = province_index(s.insu_admdvs / 10000),
        .payee = province_index(s.mdtrtarea_admvs / 10000),
        .line = entry->line,
        .insurance = entry->insurance,
        .kind = s.amounts[AMOUNT_MEDFEE] < 0 ? RECORD_REFUND : RECORD_SETTLEMENT,
        .flags = entry->period != entry->orig_period ? RECORD_LATE : 0,
        .medfee = s.amounts[AMOUNT_MEDFEE],
        .funds = {[FUND_ACCOUNT] = s.amounts[AMOUNT_ACCT]},
        .content_hash = settlement_content_hash(&s),
    };
    add_change(facts, entry->seq, 1);
}

static int by_number(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static int by_key(const void *left, const void *right)
{
    const struct cell_key *a = left, *b = right;
    if (a->period != b->period) return a->period < b->period ? -1 : 1;
    return memcmp(&a->payer, &b->payer, 4); /* payer, payee, line, insurance */
}

static void find_keys(void)
{
    uint32_t count = 0;
    for (uint32_t s = 0; s < m.shards; s++)
        count += m.change_count[s];
    m.keys = realloc(m.keys, (count + 1) * sizeof *m.keys);
    m.sums = realloc(m.sums, (count + 1) * sizeof *m.sums);
    ENSURE(m.keys != NULL && m.sums != NULL);
    count = 0;
    for (uint32_t s = 0; s < m.shards; s++) {
        for (uint32_t i = 0; i < m.change_count[s]; i++)
            m.keys[count++] = m.changes[s][i].what.key;
    }
    qsort(m.keys, count, sizeof *m.keys, by_key);
    m.key_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (m.key_count == 0 || by_key(&m.keys[m.key_count - 1], &m.keys[i]) != 0)
            m.keys[m.key_count++] = m.keys[i];
    }
    for (uint32_t s = 0; s < m.shards; s++) {
        for (uint32_t i = 0; i < m.change_count[s]; i++) {
            const struct cell_key *key =
                bsearch(&m.changes[s][i].what.key, m.keys, m.key_count, sizeof *m.keys, by_key);
            m.changes[s][i].cell = (uint32_t)(key - m.keys);
        }
    }
}

void months_live(const struct evidence *evidence, const struct desk_record *records, uint32_t count)
{
    m.shards = evidence->shards;
    m.debts.count = 0;
    memset(m.change_count, 0, sizeof m.change_count);
    for (uint32_t i = 0; i < count; i++) {
        add_change(&records[i].facts, records[i].facts.seq, 1);
        if (records[i].taken_back != 0) add_change(&records[i].facts, records[i].taken_back, -1);
    }
    for (uint32_t s = 0; s < m.shards; s++) {
        const struct evidence_shard *shard = &evidence->shard[s];
        for (uint64_t i = 0; i < shard->count; i++) {
            if (shard->entries[i].kind == ENTRY_DEBT) add_debt(&shard->entries[i], s);
        }
        if (m.change_count[s] > 1)
            qsort(m.changes[s], m.change_count[s], sizeof *m.changes[s], by_number);
    }
    find_keys();
}

const struct record_facts *months_debts(uint32_t *ret_count)
{
    *ret_count = m.debts.count;
    return m.debts.list;
}

/* -- marks ---------------------------------------------------------------------------------------
 */

uint64_t months_weight(uint64_t name, uint32_t figure)
{
    uint64_t x = name * 16 + figure + UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t months_name(const struct cell_key *key)
{
    return (uint64_t)key->period << 32 | (uint64_t)key->payer << 24 | (uint64_t)key->payee << 16 |
           (uint64_t)key->line << 8 | key->insurance;
}

static bool is_of(const struct month_search *search, const struct change *change)
{
    return search->period == 0 || search->period == change->what.key.period;
}

/* A shard as it may have been looked at: behind each change of what is asked for. */
static void find_states(const struct month_search *search, uint32_t s)
{
    uint64_t after, before, mark = 0;
    uint32_t count = 0;
    asks_window(search->asks, s, search->said->sent, search->said->answered, &after, &before);
    m.states[s] = realloc(m.states[s], (m.change_count[s] + 1) * sizeof *m.states[s]);
    ENSURE(m.states[s] != NULL);
    m.states[s][count++] = (struct state){0, 0};
    for (uint32_t i = 0; i < m.change_count[s] && m.changes[s][i].seq < before; i++) {
        const struct change *change = &m.changes[s][i];
        if (!is_of(search, change)) continue;
        mark += search->mark(&change->what, search->of);
        if (change->seq <= after) count = 0;
        m.states[s][count++] = (struct state){mark, i + 1};
    }
    m.state_count[s] = count;
}

/* -- combinations --------------------------------------------------------------------------------
 */

static void add_up(const struct month_search *search, uint32_t s, uint32_t upto)
{
    for (uint32_t i = 0; i < upto; i++) {
        const struct change *change = &m.changes[s][i];
        struct month_cell *sum = &m.sums[change->cell];
        if (!is_of(search, change)) continue;
        sum->count += change->what.count;
        sum->refunds += change->what.refunds;
        sum->late += change->what.late;
        sum->medfee += change->what.medfee;
        sum->checksum += change->what.checksum;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            sum->funds[fund] += change->what.funds[fund];
    }
}

/* What everything was taken back from is as if it had never been. */
static bool is_empty(const struct month_cell *cell)
{
    static const int64_t nothing[FUND_COUNT];
    return cell->count == 0 && cell->checksum == 0 &&
           memcmp(cell->funds, nothing, sizeof nothing) == 0;
}

/* The states of shards [first, end) that a number stands for, one after the other. */
static uint32_t take_state(uint32_t *number, uint32_t s)
{
    const uint32_t state = *number % m.state_count[s];
    *number /= m.state_count[s];
    return state;
}

static bool fits(const struct month_search *search, uint32_t middle, uint32_t low, uint32_t high)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < m.key_count; i++)
        m.sums[i] = (struct month_cell){.key = m.keys[i]};
    for (uint32_t s = 0; s < m.shards; s++) {
        const uint32_t state = take_state(s < middle ? &low : &high, s);
        add_up(search, s, m.states[s][state].upto);
    }
    for (uint32_t i = 0; i < m.key_count; i++) {
        if (!is_empty(&m.sums[i])) m.sums[count++] = m.sums[i];
    }
    return search->is(m.sums, count, search->of);
}

/* All combinations of shards [first, end); malloc'ed. NULL: there are too many. */
static struct combination *combine(uint32_t first, uint32_t end, uint32_t *ret_count)
{
    uint64_t count = 1;
    for (uint32_t s = first; s < end; s++) {
        count *= m.state_count[s];
        if (count > COMBINATIONS_MAX) return NULL;
    }
    struct combination *list = calloc(count, sizeof *list);
    ENSURE(list != NULL);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = i;
        list[i].number = i;
        for (uint32_t s = first; s < end; s++)
            list[i].mark += m.states[s][take_state(&number, s)].mark;
    }
    *ret_count = (uint32_t)count;
    return list;
}

static int by_mark(const void *left, const void *right)
{
    const struct combination *a = left, *b = right;
    return a->mark < b->mark ? -1 : a->mark > b->mark;
}

/* The first one with that mark or a greater one. */
static uint32_t first_of(const struct combination *list, uint32_t count, uint64_t mark)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (list[middle].mark < mark)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool months_search(const struct month_search *search)
{
    const uint32_t middle = m.shards / 2;
    uint32_t low_count = 0, high_count = 0, looks = 0;
    bool found = false;
    for (uint32_t s = 0; s < m.shards; s++)
        find_states(search, s);
    struct combination *low = combine(0, middle, &low_count);
    struct combination *high = combine(middle, m.shards, &high_count);
    const bool too_many = low == NULL || high == NULL;
    if (!too_many) qsort(low, low_count, sizeof *low, by_mark);
    for (uint32_t h = 0; !too_many && h < high_count && !found; h++) {
        const uint64_t rest = search->want - high[h].mark;
        for (uint32_t l = first_of(low, low_count, rest);
             l < low_count && low[l].mark == rest && !found; l++) {
            found = ++looks > LOOKS_MAX || fits(search, middle, low[l].number, high[h].number);
        }
    }
    free(low);
    free(high);
    return found || too_many;
}

/* -- months that hold something ------------------------------------------------------------------
 */

static void add_month(uint32_t period, uint32_t room, uint32_t *list, uint32_t *count)
{
    if (*count != 0 && list[*count - 1] == period) return;
    ENSURE(*count < room);
    list[(*count)++] = period;
}

/* A cell while a shard's changes go by. */
struct holding {
    int64_t left;
    bool holds; /* At some place of the shard it held something, */
    bool lacks; /* at some place nothing. */
    bool always;
    bool sometimes;
};

static void note_shard(const struct asks *asks, const struct sim_said *said, uint32_t s,
                       struct holding *cells)
{
    uint64_t after, before;
    asks_window(asks, s, said->sent, said->answered, &after, &before);
    for (uint32_t k = 0; k < m.key_count; k++)
        cells[k].left = cells[k].holds = cells[k].lacks = 0;
    for (uint32_t i = 0; i < m.change_count[s] && m.changes[s][i].seq < before; i++) {
        struct holding *cell = &cells[m.changes[s][i].cell];
        if (m.changes[s][i].seq > after) *(cell->left != 0 ? &cell->holds : &cell->lacks) = true;
        cell->left += m.changes[s][i].what.count;
    }
    for (uint32_t k = 0; k < m.key_count; k++) {
        struct holding *cell = &cells[k];
        *(cell->left != 0 ? &cell->holds : &cell->lacks) = true;
        cell->always = cell->always || !cell->lacks;
        cell->sometimes = cell->sometimes || cell->holds;
    }
}

void months_held(const struct asks *asks, const struct sim_said *said, uint32_t room,
                 uint32_t *ret_always, uint32_t *ret_always_count, uint32_t *ret_sometimes,
                 uint32_t *ret_sometimes_count)
{
    struct holding *cells = calloc(m.key_count + 1, sizeof *cells);
    ENSURE(cells != NULL);
    *ret_always_count = *ret_sometimes_count = 0;
    for (uint32_t s = 0; s < m.shards; s++)
        note_shard(asks, said, s, cells);
    for (uint32_t k = 0; k < m.key_count; k++) {
        const uint32_t period = m.keys[k].period;
        if (cells[k].always) add_month(period, room, ret_always, ret_always_count);
        if (cells[k].sometimes) add_month(period, room, ret_sometimes, ret_sometimes_count);
    }
    free(cells);
}
