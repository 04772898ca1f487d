/* wallet_store -- the shelf rows of a store against a lane of wallet_check. */
#include <errno.h>
#include <string.h>

#include "ledger/shelf.h"
#include "shard_wallet.h"
#include "tools/verify/wallet_lane.h"
#include "util/le.h"

/* Goes through the rows whose key begins with a letter. */
struct walk {
    struct store *store;
    char letter;
    uint8_t after[SHELF_KEY_MAX + 1];
    size_t after_size;
    struct bytes key;
    struct bytes value;
    uint64_t count; /* Rows seen. */
};

static bool walk_next(struct walk *walk)
{
    if (walk->after_size == 0) {
        walk->after[0] = (uint8_t)walk->letter;
        walk->after_size = 1;
    }
    const struct bytes from = {walk->after, walk->after_size};
    if (store_ceiling(walk->store, STORE_SHELF, from, &walk->key, &walk->value) != 0) return false;
    if (walk->key.size == 0 || walk->key.size > SHELF_KEY_MAX ||
        walk->key.data[0] != (uint8_t)walk->letter) {
        return false;
    }
    memcpy(walk->after, walk->key.data, walk->key.size);
    walk->after[walk->key.size] = 0; /* The key behind it. */
    walk->after_size = walk->key.size + 1;
    walk->count++;
    return true;
}

static bool differs(const struct lane *lane, struct finding *finding, const char *row,
                    const char *whose)
{
    return finding_set(finding, "shard %u, shelf: %s %s is not the journal's", lane->shard, row,
                       whose);
}

static bool counted(const struct lane *lane, struct finding *finding, const char *what,
                    uint64_t have, uint64_t want)
{
    if (have == want) return true;
    return finding_set(finding, "shard %u, shelf: %llu %s, by the journal %llu", lane->shard,
                       (unsigned long long)have, what, (unsigned long long)want);
}

static bool key_of(struct bytes key, size_t at, struct psn_key *ret_key)
{
    if (key.size != at + PSN_KEY_SIZE) return false;
    memcpy(ret_key, key.data + at, sizeof *ret_key);
    return true;
}

static bool compare_persons(const struct lane *lane, struct store *store, struct finding *finding)
{
    struct walk walk = {.store = store, .letter = 'P'};
    struct psn_key key;
    uint64_t want = 0;
    while (walk_next(&walk)) {
        if (!key_of(walk.key, 1, &key)) return differs(lane, finding, "a person's key", "");
        const struct kept_person *mine = kept_map_find(&lane->persons, &key);
        if (mine == NULL || !kept_is(mine, walk.value))
            return differs(lane, finding, "row P of", person_text(&key));
    }
    for (uint32_t i = 0; i < lane->persons.count; i++)
        want += lane->persons.list[i].size > 0;
    return counted(lane, finding, "persons", walk.count, want);
}

static bool compare_due(const struct lane *lane, struct store *store, struct finding *finding)
{
    struct walk walk = {.store = store, .letter = 'D'};
    struct psn_key key;
    uint64_t want = 0;
    while (walk_next(&walk)) {
        if (!key_of(walk.key, 9, &key)) return differs(lane, finding, "a due person's key", "");
        const struct kept_person *mine = kept_map_find(&lane->persons, &key);
        if (mine == NULL || (uint64_t)kept_due(mine) != be_load64(walk.key.data + 1) ||
            walk.value.size != 0)
            return differs(lane, finding, "row D of", person_text(&key));
    }
    for (uint32_t i = 0; i < lane->persons.count; i++)
        want += kept_due(&lane->persons.list[i]) != INT64_MAX;
    return counted(lane, finding, "due persons", walk.count, want);
}

static const struct institution *institution_of(const struct lane *lane, struct bytes code)
{
    for (uint32_t i = 0; i < lane->institution_count; i++) {
        if (memcmp(lane->institutions[i].fixmedins_code, code.data, code.size) == 0)
            return &lane->institutions[i];
    }
    return NULL;
}

static bool compare_institutions(const struct lane *lane, struct store *store,
                                 struct finding *finding)
{
    struct walk walk = {.store = store, .letter = 'I'};
    while (walk_next(&walk)) {
        const struct bytes code = {walk.key.data + 1, walk.key.size - 1};
        const struct institution *mine = code.size == 16 ? institution_of(lane, code) : NULL;
        if (mine == NULL || walk.value.size != sizeof(struct institution) ||
            memcmp(mine, walk.value.data, walk.value.size) != 0) {
            return differs(lane, finding, "row I, an institution,", "");
        }
    }
    return counted(lane, finding, "institutions", walk.count, lane->institution_count);
}

static bool compare_rules(const struct lane *lane, struct store *store, struct finding *finding)
{
    struct walk walk = {.store = store, .letter = 'R'};
    while (walk_next(&walk)) {
        uint32_t i = lane->rules_given;
        while (i < lane->rule_count &&
               (walk.value.size != sizeof lane->rules[i] ||
                memcmp(&lane->rules[i], walk.value.data, sizeof lane->rules[i]) != 0)) {
            i++;
        }
        if (i == lane->rule_count || walk.key.size != 17 ||
            be_load32(walk.key.data + 1) != lane->rules[i].param ||
            be_load32(walk.key.data + 5) != lane->rules[i].admdvs ||
            be_load64(walk.key.data + 9) != (uint64_t)lane->rules[i].eff_ms) {
            return differs(lane, finding, "row R, a provincial rule,", "");
        }
    }
    return counted(lane, finding, "provincial rules", walk.count,
                   lane->rule_count - lane->rules_given);
}

/* As docs/formats.md has it: what the engine makes of it is what is verified. */
#define ROW_MESSAGES 510

_Static_assert(sizeof(struct outbox_row) == 8 * ROW_MESSAGES, "a number each");

/* True for a row in which each message is the journal's, with nothing behind the last. */
static bool outbox_row_stands(const struct lane *lane, uint32_t dest, uint64_t first,
                              struct bytes value)
{
    const uint64_t count = lane->out[dest].count;
    if (first % ROW_MESSAGES != 1 || first > count) return false;
    if (first + ROW_MESSAGES - 1 <= lane->out_acked[dest]) return false;
    if (value.size != 8 * ROW_MESSAGES) return false;
    for (uint64_t i = 0; i < ROW_MESSAGES; i++) {
        const uint64_t seq = first + i <= count ? lane->out[dest].list[first + i - 1] : 0;
        if (le_load64(value.data + i * sizeof seq) != seq) return false;
    }
    return true;
}

/* Rows with a message that its destination has not acknowledged, or with room for the next. */
static bool compare_outboxes(const struct lane *lane, struct store *store, struct finding *finding)
{
    struct walk walk = {.store = store, .letter = 'O'};
    uint64_t want = 0;
    while (walk_next(&walk)) {
        const uint32_t dest = walk.key.size == 10 ? walk.key.data[1] : OUTBOXES;
        if (dest >= OUTBOXES ||
            !outbox_row_stands(lane, dest, be_load64(walk.key.data + 2), walk.value)) {
            return differs(lane, finding, "row O, messages of an outbox,", "");
        }
    }
    for (uint32_t dest = 0; dest < OUTBOXES; dest++) {
        want += (lane->out[dest].count + ROW_MESSAGES - 1) / ROW_MESSAGES -
                lane->out_acked[dest] / ROW_MESSAGES;
    }
    return counted(lane, finding, "rows of outboxes", walk.count, want);
}

/* Mail that the other shard has not said it has: entry (8), op (2) and the op's bytes. */
static bool compare_mail(const struct lane *lane, struct store *store, struct finding *finding)
{
    struct walk walk = {.store = store, .letter = 'M'};
    struct opened its = {0};
    uint64_t want = 0;
    while (walk_next(&walk)) {
        const uint32_t to = walk.key.size == 10 ? walk.key.data[1] : SHARDS_MAX;
        const uint64_t number = to < lane->shards ? be_load64(walk.key.data + 2) : 0;
        if (to >= lane->shards || number <= lane->acked[to] || number > lane->sent[to].count)
            return differs(lane, finding, "row M, a piece of mail,", "");
        const uint8_t *mine = place_open(&lane->sent[to].list[number - 1], &its);
        const size_t size = le_load16(mine - 2);
        if (walk.value.size != 10 + size || le_load16(walk.value.data + 8) != mine[-4] ||
            memcmp(mine, walk.value.data + 10, size) != 0) {
            return differs(lane, finding, "row M, a piece of mail,", "");
        }
    }
    for (uint32_t to = 0; to < lane->shards; to++)
        want += lane->sent[to].count - lane->acked[to];
    return counted(lane, finding, "pieces of mail", walk.count, want);
}

static bool compare_counters(const struct lane *lane, struct store *store, struct finding *finding)
{
    struct bytes value;
    struct shelf_counters mine;
    struct shelf_counters its;
    bool fresh = true;
    memset(&mine, 0, sizeof mine);
    for (uint32_t s = 0; s < SHARDS_MAX; s++) /* Of shards that there are not, too. */
        mine.mail_next[s] = 1;
    for (uint32_t dest = 0; dest < OUTBOX_COUNT; dest++)
        mine.out_next[dest] = 1;
    for (uint32_t s = 0; s < lane->shards; s++) {
        mine.mail_next[s] = lane->sent[s].count + 1;
        mine.mail_acked[s] = lane->acked[s];
        mine.mail_has[s] = lane->taken[s].count;
        fresh = fresh && lane->sent[s].count + lane->taken[s].count == 0;
    }
    for (uint32_t dest = 0; dest < OUTBOXES; dest++) {
        if (lane->shards != 0 && dest % lane->shards == lane->shard)
            mine.out_next[dest] = lane->out[dest].count + 1;
        mine.out_acked[dest] = lane->out_acked[dest];
        fresh = fresh && lane->out[dest].count == 0;
    }
    const int r = store_get(store, STORE_SHELF, bytes_of("C"), &value);
    if (r == -ENOENT && fresh) return true;
    if (r != 0 || value.size != sizeof its) return differs(lane, finding, "row C", "");
    memcpy(&its, value.data, sizeof its);
    if (memcmp(mine.mail_next, its.mail_next, sizeof its.mail_next) != 0 ||
        memcmp(mine.mail_acked, its.mail_acked, sizeof its.mail_acked) != 0 ||
        memcmp(mine.mail_has, its.mail_has, sizeof its.mail_has) != 0) {
        return differs(lane, finding, "row C, the numbers of mail,", "");
    }
    return memcmp(&mine, &its, sizeof its) == 0 ||
           differs(lane, finding, "row C, the positions of outboxes,", "");
}

/* Rows of kinds that nobody asks for. */
static bool compare_kinds(const struct lane *lane, struct store *store, struct finding *finding)
{
    static const char letters[] = "CDIMOPR"; /* Ascending, as keys are. */
    uint8_t behind[1] = {0};
    for (size_t i = 0; i < sizeof letters; i++) {
        struct bytes key, value;
        const int r =
            store_ceiling(store, STORE_SHELF, (struct bytes){behind, sizeof behind}, &key, &value);
        if (r == -ENOENT) return true;
        if (r != 0) return finding_set(finding, "shard %u, shelf: error %d", lane->shard, r);
        if (strchr(letters, key.data[0]) == NULL || key.data[0] == 0 ||
            (key.data[0] == 'C' && key.size != 1)) {
            break;
        }
        behind[0] = (uint8_t)(key.data[0] + 1);
    }
    return differs(lane, finding, "a row of an unknown kind", "");
}

bool wallet_check_store(const struct wallet_check *check, uint32_t shard, struct store *store,
                        struct finding *finding)
{
    const struct lane *lane = &check->lanes[shard];
    return compare_persons(lane, store, finding) && compare_due(lane, store, finding) &&
           compare_institutions(lane, store, finding) && compare_rules(lane, store, finding) &&
           compare_outboxes(lane, store, finding) && compare_mail(lane, store, finding) &&
           compare_counters(lane, store, finding) && compare_kinds(lane, store, finding);
}
