#include "tools/verify/lookups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/verify/wallet_lane.h"
#include "util/checksum.h"
#include "util/le.h"

#define ID_TEXT_MAX     255 /* Of an id that is hashed; the engine refuses longer ones. */
#define PERSON_SEQ_BITS 24  /* Of a number of the person table: seq - run. */

/* What the state must hold about one entry. Ids are added up, for their order says nothing. */
struct lookup {
    uint64_t ids;    /* Sum of scrambled hashes. */
    uint64_t person; /* Bytes 4 to 8 of psn_key, big-endian. */
    uint8_t id_count;
    uint8_t person_count; /* 1: a record of that person. */
};

/* So that two wrong hashes do not make a right sum. */
static uint64_t scrambled(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= UINT64_C(0xd6e8feb86659fd93);
    return hash ^ hash >> 32;
}

static void add_id(struct lookup *lookup, uint64_t seed, char domain, uint32_t scope,
                   struct bytes id, struct bytes psn_key)
{
    uint8_t text[8 + ID_TEXT_MAX + PSN_KEY_SIZE] = {0};
    const size_t size = id.size < ID_TEXT_MAX ? id.size : ID_TEXT_MAX;
    text[0] = (uint8_t)domain;
    text[1] = (uint8_t)size;
    le_store32(text + 4, scope);
    if (size != 0) memcpy(text + 8, id.data, size);
    if (psn_key.size == PSN_KEY_SIZE) memcpy(text + 8 + size, psn_key.data, PSN_KEY_SIZE);
    const size_t used = 8 + size + (psn_key.size == PSN_KEY_SIZE ? PSN_KEY_SIZE : 0);
    lookup->ids += scrambled(checksum_hash64(seed, text, used));
    lookup->id_count++;
}

static void add_person(struct lookup *lookup, struct bytes psn_key)
{
    if (psn_key.size != PSN_KEY_SIZE) return;
    lookup->person = (uint64_t)psn_key.data[4] << 32 | be_load32(psn_key.data + 5);
    lookup->person_count++;
}

/* The ids that a decision about wallets names: each after the person it belongs to. */
static void add_wallet_ids(struct lookup *lookup, uint64_t seed, struct bytes body)
{
    struct opened its;
    struct bytes person = {NULL, 0};
    struct wallet_id_op id;
    if (body_open(body, &its) != NULL) return;
    while (wallet_check_next_id(&its.ops, &person, &id))
        add_id(lookup, seed, id.domain, id.scope, id.text,
               id.scoped ? person : (struct bytes){NULL, 0});
}

static struct lookup lookup_of(const struct entry *entry, uint64_t seed, struct arena *arena)
{
    const struct bytes nobody = {NULL, 0};
    struct lookup lookup = {0};
    struct settlement s;
    struct adjustment a;
    struct correction c;
    switch ((enum entry_kind)entry->kind) {
    case ENTRY_SETTLEMENT:
    case ENTRY_REFUND:
    case ENTRY_DEBT:
        if (!body_settlement(arena, entry->body, &s)) break;
        if (entry->kind != ENTRY_DEBT)
            add_id(&lookup, seed, 'M', entry->sender, s.msgid, s.psn_key);
        add_id(&lookup, seed, 'S', s.insu_admdvs, s.setl_id, nobody);
        add_person(&lookup, s.psn_key);
        break;
    case ENTRY_ADJUSTMENT:
        if (!body_adjustment(arena, entry->body, &a)) break;
        add_id(&lookup, seed, 'M', entry->sender, a.msgid, a.psn_key);
        add_id(&lookup, seed, 'A', a.insu_admdvs, a.adj_no, a.psn_key);
        add_person(&lookup, a.psn_key);
        break;
    case ENTRY_CORRECTION:
        if (!body_correction(arena, entry->body, &c)) break;
        add_id(&lookup, seed, 'M', entry->sender, c.msgid, c.psn_key);
        if (entry->orig_seq == 0) /* A tombstone also keeps the one it waits for. */
            add_id(&lookup, seed, 'M', entry->sender, c.omsgid, c.psn_key);
        break;
    case ENTRY_WALLET:
        add_wallet_ids(&lookup, seed, entry->body);
        break;
    case ENTRY_CUT:
    case ENTRY_CLOCK:
    case ENTRY_YEAR_CLOSE:
    case ENTRY_CYCLE:
    case ENTRY_KIND_END:
        break;
    }
    return lookup;
}

/* -- what the state says ---------------------------------------------------------------------- */

struct lookups {
    struct store *store;
    const struct shard_meta *meta;
    struct lookup *list; /* By seq - 1. */
    uint32_t shard;
    struct finding *finding;
};

#define KEY_ROOM 17

/* The first entry of a table, or the one behind `key`, which is kept in `room`. */
static int next_row(struct store *store, enum store_table table, uint8_t room[KEY_ROOM],
                    struct bytes *key, struct bytes *ret_value)
{
    struct bytes from = {room, 0};
    if (key->size != 0) {
        memmove(room, key->data, key->size);
        room[key->size] = 0;
        from.size = key->size + 1;
    }
    return store_ceiling(store, table, from, key, ret_value);
}

/* One chunk of ids: ascending from its key on, of entries that are there. */
static bool take_ids(struct lookups *all, struct bytes key, struct bytes value, uint64_t *last)
{
    const size_t count = value.size / sizeof(struct id);
    if (count == 0 || value.size % sizeof(struct id) != 0) return false;
    for (size_t i = 0; i < count; i++) {
        struct id id;
        memcpy(&id, value.data + i * sizeof id, sizeof id);
        if (id.hash < *last || id.seq == 0 || id.seq > all->meta->seq) return false;
        if (i == 0 && id.hash != be_load64(key.data + 4)) return false;
        struct lookup *lookup = &all->list[id.seq - 1];
        lookup->ids += scrambled(id.hash);
        if (lookup->id_count < UINT8_MAX) lookup->id_count++;
        *last = id.hash;
    }
    return true;
}

static bool read_ids(struct lookups *all)
{
    uint8_t room[KEY_ROOM];
    struct bytes key = {NULL, 0}, value;
    uint32_t run = 0;
    uint64_t last = 0, in_last_run = 0;
    int r;
    while ((r = next_row(all->store, STORE_ID, room, &key, &value)) == 0) {
        if (key.size == 12 && be_load32(key.data) != run) {
            run = be_load32(key.data);
            last = 0;
            in_last_run = 0;
        }
        if (key.size != 12 || !take_ids(all, key, value, &last))
            return finding_set(all->finding, "shard %u, state: ids of run %u are not sound",
                               all->shard, run);
        in_last_run += value.size / sizeof(struct id);
    }
    if (r != -ENOENT)
        return finding_set(all->finding, "shard %u, state: ids: error %d", all->shard, r);
    /* The run that new ids go to is the last one there is, or one that was not begun. */
    const bool begun = all->meta->run == run;
    if ((begun ? in_last_run : 0) == all->meta->run_ids && (begun || all->meta->run == run + 1))
        return true;
    return finding_set(all->finding,
                       "shard %u, state: run %u of ids has %llu, its position says "
                       "run %u with %u",
                       all->shard, run, (unsigned long long)in_last_run, all->meta->run,
                       all->meta->run_ids);
}

/* One chunk of the person table. */
static bool take_persons(struct lookups *all, struct bytes key, struct bytes value, uint64_t *last)
{
    const uint64_t run = be_load64(key.data);
    if (value.size == 0 || value.size % 8 != 0) return false;
    for (size_t at = 0; at < value.size; at += 8) {
        const uint64_t number = le_load64(value.data + at);
        const uint64_t seq = run + (number & ((UINT64_C(1) << PERSON_SEQ_BITS) - 1));
        if (number < *last || seq == 0 || seq > all->meta->seq) return false;
        if (at == 0 && number != be_load64(key.data + 8)) return false;
        all->list[seq - 1].person = number >> PERSON_SEQ_BITS;
        if (all->list[seq - 1].person_count < UINT8_MAX) all->list[seq - 1].person_count++;
        *last = number;
    }
    return true;
}

static bool read_persons(struct lookups *all)
{
    uint8_t room[KEY_ROOM];
    struct bytes key = {NULL, 0}, value;
    uint64_t run = 0, last = 0;
    int r;
    while ((r = next_row(all->store, STORE_PERSON, room, &key, &value)) == 0) {
        if (key.size == 16 && be_load64(key.data) != run) {
            run = be_load64(key.data);
            last = 0;
        }
        if (key.size != 16 || !take_persons(all, key, value, &last))
            return finding_set(all->finding,
                               "shard %u, state: records by person, run %llu, are "
                               "not sound",
                               all->shard, (unsigned long long)run);
    }
    return r == -ENOENT ||
           finding_set(all->finding, "shard %u, state: records by person: error %d", all->shard, r);
}

static bool compare_entries(const struct lookups *all, const struct recount *recount, uint64_t seed)
{
    struct arena arena;
    if (!arena_init(&arena))
        return finding_set(all->finding, "shard %u: out of memory", all->shard);
    for (uint64_t seq = 1; seq <= all->meta->seq && !all->finding->found; seq++) {
        const struct entry entry = chain_entry(recount->chain, recount->places[seq - 1]);
        const struct lookup want = lookup_of(&entry, seed, &arena);
        const struct lookup *have = &all->list[seq - 1];
        if (have->id_count != want.id_count) {
            finding_set(all->finding, "shard %u, state: seq %llu has %u ids, by the journal %u",
                        all->shard, (unsigned long long)seq, have->id_count, want.id_count);
        } else if (have->ids != want.ids) {
            finding_set(all->finding, "shard %u, state: the ids of seq %llu are not the journal's",
                        all->shard, (unsigned long long)seq);
        } else if (have->person_count != want.person_count || have->person != want.person) {
            finding_set(all->finding,
                        "shard %u, state: whose record seq %llu is, is not the "
                        "journal's",
                        all->shard, (unsigned long long)seq);
        }
    }
    arena_done(&arena);
    return !all->finding->found;
}

bool compare_lookups(struct store *store, const struct shard_meta *meta,
                     const struct recount *recount, uint64_t seed, struct finding *finding)
{
    struct lookups all = {
        .store = store, .meta = meta, .shard = recount->chain->shard, .finding = finding};
    all.list = calloc(meta->seq, sizeof *all.list);
    if (all.list == NULL) return finding_set(finding, "shard %u: out of memory", all.shard);
    const bool good = read_ids(&all) && read_persons(&all) && compare_entries(&all, recount, seed);
    free(all.list);
    return good;
}
