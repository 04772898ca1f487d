/* wallet_end -- what can be said when all entries of all shards are in: mail between them, the
 * books of all persons, the nets of the provinces. Must not know a single entry. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/verify/list.h"
#include "tools/verify/wallet_reading.h"
#include "util/le.h"
#include "wallet/ops.h"

/* What makes a standing: book, giver and holder, without the gap behind them. */
#define STANDING_KEY_SIZE (offsetof(struct standing, holder) + PSN_KEY_SIZE)

/* What shard `from` sent to `to` against what that took: in order, byte by byte. */
static bool compare_mail(const struct wallet_check *check, uint32_t from, uint32_t to,
                         struct finding *finding)
{
    const struct items *sent = &check->lanes[from].sent[to];
    const struct items *taken = &check->lanes[to].taken[from];
    if (taken->count > sent->count) {
        return finding_set(finding,
                           "shard %u took %" PRIu64 " pieces of mail from shard %u, which sent "
                           "%" PRIu64,
                           to, taken->count, from, sent->count);
    }
    if (check->lanes[from].acked[to] > taken->count) {
        return finding_set(finding,
                           "shard %u believes that shard %u has mail up to %" PRIu64
                           ", it has taken %" PRIu64,
                           from, to, check->lanes[from].acked[to], taken->count);
    }
    struct opened senders = {0};
    struct opened takers = {0};
    for (uint64_t i = 0; i < taken->count; i++) {
        const uint8_t *a = place_open(&sent->list[i], &senders);
        const uint8_t *b = place_open(&taken->list[i], &takers);
        const size_t size = le_load16(a - 2);
        if (le_load16(b - 4) == size && a[-4] == le_load16(b - 2) && memcmp(a, b, size) == 0)
            continue;
        return finding_set(finding,
                           "mail %" PRIu64 " from shard %u to shard %u is not what was sent", i + 1,
                           from, to);
    }
    return true;
}

/* All accounts of one book, sorted and added up. */
struct ledger {
    struct standing *list;
    uint64_t count;
    uint64_t room;
    bool full;
};

static void put_ledger(void *context, enum book book, const struct psn_key *giver,
                       const struct psn_key *holder, int64_t amount)
{
    struct ledger *ledger = context;
    if (book == BOOK_AREA) return;
    if (!list_grow((void **)&ledger->list, ledger->count, &ledger->room, sizeof *ledger->list)) {
        ledger->full = true;
        return;
    }
    ledger->list[ledger->count++] =
        (struct standing){.book = book, .giver = *giver, .holder = *holder, .amount = amount};
}

static int by_account(const void *a, const void *b)
{
    return memcmp(a, b, STANDING_KEY_SIZE);
}

static void add_lane(struct ledger *ledger, const struct lane *lane)
{
    static const struct psn_key nobody;
    for (uint32_t i = 0; i < lane->persons.count; i++) {
        const struct kept_person *person = &lane->persons.list[i];
        uint32_t at = 0;
        enum person_row kind;
        struct bytes row;
        while (kept_next(person, &at, &kind, &row))
            books_row(kind, row, &person->key, 1, put_ledger, ledger);
    }
    for (uint32_t i = 0; i < lane->payment_count; i++) {
        const struct payment *p = &lane->payments[i];
        struct lot used[PAY_LOTS_MAX];
        uint32_t count = payment_used(p, used);
        int64_t back = p->reversed;
        while (count-- != 0) {
            const int64_t part = used[count].amount < back ? used[count].amount : back;
            back -= part;
            put_ledger(ledger, BOOK_SPENT, &used[count].origin, &nobody, part - used[count].amount);
        }
    }
}

/* What was sent and not taken counts as arrived. */
static void add_on_way(struct ledger *ledger, const struct wallet_check *check, uint32_t from,
                       uint32_t to)
{
    const struct items *sent = &check->lanes[from].sent[to];
    struct opened its = {0};
    for (uint64_t i = check->lanes[to].taken[from].count; i < sent->count; i++) {
        struct effect effect;
        const uint8_t *data = place_open(&sent->list[i], &its);
        if (data[-4] != OP_EFFECT) continue;
        if (read_effect((struct bytes){data, le_load16(data - 2)}, &effect))
            books_effect(&effect, 1, put_ledger, ledger);
    }
}

static bool check_ledger(struct ledger *ledger, struct finding *finding)
{
    static const struct psn_key others;
    if (ledger->full) return finding_set(finding, "out of memory");
    if (ledger->count != 0) qsort(ledger->list, ledger->count, sizeof *ledger->list, by_account);
    for (uint64_t i = 0; i < ledger->count;) {
        const struct standing *a = &ledger->list[i];
        /* The key of zeros is a giver's first: holders without rows, counted together. */
        const bool together = a->book == BOOK_HOLDER && kept_same_key(&a->holder, &others);
        const size_t same = together ? offsetof(struct standing, holder) : STANDING_KEY_SIZE;
        int64_t sum = 0;
        for (; i < ledger->count && memcmp(a, &ledger->list[i], same) == 0; i++)
            sum += ledger->list[i].amount;
        if (sum == 0) continue;
        return finding_set(
            finding, "giver %s: %s %s by %s yuan at the end of all journals",
            person_text(&a->giver),
            a->book == BOOK_HOLDER ? "differs from holder" : "consumed is not what payments used,",
            a->book == BOOK_HOLDER ? person_text(&a->holder) : "", finding_yuan(sum));
    }
    return true;
}

/* (I8), (I9) */
static bool check_nets(const struct wallet_check *check, struct finding *finding)
{
    int64_t all = 0;
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        int64_t debts = 0;
        int64_t direct = 0;
        int64_t via = 0;
        for (uint32_t s = 0; s < check->shards; s++) {
            debts += check->lanes[s].net_debts[p];
            direct += check->lanes[s].net_direct[p];
            via += check->lanes[s].net_via[p];
        }
        all += debts;
        if (debts == direct && debts == via) continue;
        return finding_set(finding,
                           "province %u: net of wallet debts %s yuan, directly %s, by way of "
                           "the usage location %s",
                           province_codes[p], finding_yuan(debts), finding_yuan(direct),
                           finding_yuan(via));
    }
    return all == 0 || finding_set(finding, "the net of wallet debts is not zero");
}

bool wallet_check_finish(struct wallet_check *check, struct finding *finding)
{
    struct ledger ledger = {0};
    for (uint32_t from = 0; from < check->shards; from++) {
        if (!lane_expected(&check->lanes[from], finding)) return false;
        for (uint32_t to = 0; to < check->shards; to++) {
            if (!compare_mail(check, from, to, finding)) return false;
        }
    }
    for (uint32_t from = 0; from < check->shards; from++) {
        add_lane(&ledger, &check->lanes[from]);
        for (uint32_t to = 0; to < check->shards; to++)
            add_on_way(&ledger, check, from, to);
    }
    const bool good = check_ledger(&ledger, finding) && check_nets(check, finding);
    free(ledger.list);
    return good;
}
