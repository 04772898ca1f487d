#include "tools/verify/wallet_rows.h"

#include <stdlib.h>
#include <string.h>

#include "tools/verify/list.h"
#include "util/le.h"

#define ROW_HEAD 4

/* What is known of a kind of row. */
struct shape {
    uint16_t size; /* The whole row; of a transfer without lots. */
    uint8_t parts; /* Of its key; 0: there is one row of the kind. */
    uint8_t at[2]; /* Where the key's parts stand, */
    uint8_t part_size[2];
};

#define AT(type, member) offsetof(struct type, member)
#define OF(type, member) sizeof(((struct type *)0)->member)
#define ONE(type, a)                           \
    {                                          \
        sizeof(struct type), 1, {AT(type, a)}, \
        {                                      \
            OF(type, a)                        \
        }                                      \
    }
#define TWO(type, a, b)                                     \
    {                                                       \
        sizeof(struct type), 2, {AT(type, a), AT(type, b)}, \
        {                                                   \
            OF(type, a), OF(type, b)                        \
        }                                                   \
    }

static const struct shape shapes[PERSON_ROW_END] = {
    [PERSON_WALLET] = {.size = sizeof(struct wallet_row)},
    [PERSON_INSURED] = {.size = sizeof(struct insured_row)},
    [PERSON_LIMITS] = {.size = sizeof(struct limits_row)},
    [PERSON_HOLD] = {.size = sizeof(struct hold_row)},
    [PERSON_LOT] = ONE(lot, number),
    [PERSON_RELATION] = TWO(relation_row, other, side),
    [PERSON_TRANSFER] = {AT(transfer_row, lots),
                         1,
                         {AT(transfer_row, trsf_id)},
                         {OF(transfer_row, trsf_id)}},
    [PERSON_OFFER] = ONE(offer_row, trsf_id),
    [PERSON_HOLDER] = ONE(holder_row, holder),
    [PERSON_RESERVE] = ONE(reserve_row, reserve_id),
    [PERSON_PREMIUM] = TWO(premium_row, insutype, year),
    [PERSON_SWITCH] = TWO(switch_row, which, eff_ms),
    [PERSON_FILING] = ONE(filing_row, filing_no),
};

#define KEY_MAX 32

static size_t key_of(uint32_t kind, const uint8_t *row, uint8_t *out)
{
    const struct shape *shape = &shapes[kind];
    size_t used = 0;
    for (int i = 0; i < shape->parts; i++) {
        memcpy(out + used, row + shape->at[i], shape->part_size[i]);
        used += shape->part_size[i];
    }
    return used;
}

static bool size_fits(uint32_t kind, struct bytes row)
{
    const size_t least = shapes[kind].size;
    if (kind != PERSON_TRANSFER) return row.size == least;
    if (row.size < least) return false;
    const uint32_t lots = le_load32(row.data + offsetof(struct transfer_row, lot_count));
    return lots <= TRANSFER_LOTS_MAX && row.size == least + lots * sizeof(struct lot);
}

/* -- the map -------------------------------------------------------------------------------- */

static uint64_t hash_of(const struct psn_key *key)
{
    const uint64_t a = le_load64(key->bytes);
    const uint64_t b = le_load64(key->bytes + 8);
    uint64_t h = (a ^ (b << 29 | b >> 35)) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

bool kept_map_init(struct kept_map *map)
{
    *map = (struct kept_map){0};
    return idset_init(&map->index);
}

void kept_map_done(struct kept_map *map)
{
    for (uint32_t i = 0; i < map->count; i++)
        free(map->list[i].packed);
    free(map->list);
    idset_done(&map->index);
    *map = (struct kept_map){0};
}

struct kept_person *kept_map_find(const struct kept_map *map, const struct psn_key *key)
{
    uint64_t cursor = 0;
    uint64_t found;
    while ((found = idset_find(&map->index, hash_of(key), &cursor)) != 0) {
        if (kept_same_key(&map->list[found - 1].key, key)) return &map->list[found - 1];
    }
    return NULL;
}

struct kept_person *kept_map_for(struct kept_map *map, const struct psn_key *key)
{
    struct kept_person *person = kept_map_find(map, key);
    if (person != NULL) return person;
    if (!list_grow32((void **)&map->list, map->count, &map->room, sizeof *person) ||
        !idset_add(&map->index, hash_of(key), map->count + 1)) {
        return NULL;
    }
    person = &map->list[map->count++];
    *person = (struct kept_person){.key = *key};
    return person;
}

/* -- rows ----------------------------------------------------------------------------------- */

bool kept_next(const struct kept_person *person, uint32_t *at, enum person_row *ret_kind,
               struct bytes *ret_row)
{
    if (*at == 0) *at = ROWS_HEAD_SIZE;
    if (*at >= person->size) return false;
    const uint8_t *head = person->packed + *at;
    *ret_kind = (enum person_row)head[0];
    *ret_row = (struct bytes){head + ROW_HEAD, le_load16(head + 2)};
    *at += (uint32_t)(ROW_HEAD + ret_row->size);
    return true;
}

/* Place of the row with that key, or where a new one belongs: behind the last of its kind, a lot
 * behind the lot with the next smaller number. */
static bool find(const struct kept_person *person, uint32_t kind, const uint8_t *key, size_t size,
                 uint32_t *ret_at)
{
    uint32_t at = 0;
    uint32_t before = ROWS_HEAD_SIZE;
    enum person_row its;
    struct bytes row;
    while (kept_next(person, &at, &its, &row)) {
        uint8_t other[KEY_MAX];
        if (its > kind) break;
        if (its == kind) {
            if (key_of(kind, row.data, other) == size && memcmp(other, key, size) == 0) {
                *ret_at = before;
                return true;
            }
            if (kind == PERSON_LOT && le_load32(other) > le_load32(key)) break;
        }
        before = at;
    }
    *ret_at = before;
    return false;
}

/* Makes `new_size` bytes of the `old_size` at a place. */
static bool resize(struct kept_person *person, uint32_t at, uint32_t old_size, uint32_t new_size)
{
    const uint32_t want = person->size - old_size + new_size;
    if (want > person->room) {
        const uint32_t room = want + want / 2 + 64;
        uint8_t *packed = realloc(person->packed, room);
        if (packed == NULL) return false;
        person->packed = packed;
        person->room = room;
    }
    memmove(person->packed + at + new_size, person->packed + at + old_size,
            person->size - at - old_size);
    person->size = want;
    return true;
}

static bool begin(struct kept_person *person)
{
    if (person->size != 0) return true;
    if (!resize(person, 0, 0, ROWS_HEAD_SIZE)) return false;
    memset(person->packed, 0, ROWS_HEAD_SIZE);
    return true;
}

static void keep_old(const struct kept_person *person, uint32_t at, uint8_t *old_room,
                     struct bytes *ret_old)
{
    const size_t size = le_load16(person->packed + at + 2);
    memcpy(old_room, person->packed + at + ROW_HEAD, size);
    *ret_old = (struct bytes){old_room, size};
}

const char *kept_put(struct kept_person *person, uint32_t kind, struct bytes row, uint8_t *old_room,
                     struct bytes *ret_old)
{
    uint8_t key[KEY_MAX];
    uint32_t at;

    *ret_old = (struct bytes){old_room, 0};
    if (kind == 0 || kind >= PERSON_ROW_END) return "a row of an unknown kind is put";
    if (!size_fits(kind, row)) return "a row of a wrong size is put";
    if (!begin(person)) return "out of memory";
    const bool there = find(person, kind, key, key_of(kind, row.data, key), &at);
    if (there) keep_old(person, at, old_room, ret_old);
    const uint32_t old_size = there ? (uint32_t)(ROW_HEAD + ret_old->size) : 0;
    const bool nothing = shapes[kind].parts == 0 &&
                         bytes_all_zero(row.data, row.size); /* Packed rows say something. */
    const uint32_t new_size = nothing ? 0 : (uint32_t)(ROW_HEAD + row.size);
    if (!resize(person, at, old_size, new_size)) return "out of memory";
    if (nothing) return NULL;
    uint8_t *out = person->packed + at;
    out[0] = (uint8_t)kind;
    out[1] = 0;
    le_store16(out + 2, (uint16_t)row.size);
    memcpy(out + ROW_HEAD, row.data, row.size);
    return NULL;
}

const char *kept_drop(struct kept_person *person, uint32_t kind, struct bytes key,
                      uint8_t *old_room, struct bytes *ret_old)
{
    uint32_t at;
    *ret_old = (struct bytes){old_room, 0};
    if (kind == 0 || kind >= PERSON_ROW_END || shapes[kind].parts == 0)
        return "a row is dropped of a kind that has no list";
    if (person->size == 0 || !find(person, kind, key.data, key.size, &at))
        return "a row is dropped that is not there";
    keep_old(person, at, old_room, ret_old);
    (void)resize(person, at, (uint32_t)(ROW_HEAD + ret_old->size), 0);
    return NULL;
}

bool kept_single(const struct kept_person *person, enum person_row kind, void *out, size_t size)
{
    uint32_t at = 0;
    enum person_row its;
    struct bytes row;
    memset(out, 0, size);
    while (person != NULL && kept_next(person, &at, &its, &row)) {
        if (its != kind || row.size > size) continue;
        memcpy(out, row.data, row.size);
        return true;
    }
    return false;
}

/* -- head ----------------------------------------------------------------------------------- */

/* The earliest of: the end of a transfer; when a province is asked again for one's money. */
static int64_t due_of(const struct kept_person *person)
{
    int64_t due = INT64_MAX;
    uint32_t at = 0;
    enum person_row kind;
    struct bytes row;
    while (kept_next(person, &at, &kind, &row)) {
        struct transfer_row t;
        if (kind != PERSON_TRANSFER) continue;
        memcpy(&t, row.data, offsetof(struct transfer_row, lots));
        if (t.exp_ms < due) due = t.exp_ms;
        if (t.state == TRANSFER_HOLDING && t.next_ms < due) due = t.next_ms;
    }
    return due;
}

void kept_head(struct kept_person *person, uint64_t last_seq)
{
    if (person->size == ROWS_HEAD_SIZE) person->size = 0; /* Nothing is known any more. */
    if (person->size == 0) return;
    le_store64(person->packed, last_seq);
    le_store64(person->packed + 8, (uint64_t)due_of(person));
}

uint64_t kept_last_seq(const struct kept_person *person)
{
    return person == NULL || person->size == 0 ? 0 : le_load64(person->packed);
}

int64_t kept_due(const struct kept_person *person)
{
    return person->size == 0 ? INT64_MAX : (int64_t)le_load64(person->packed + 8);
}

/* -- as the store has it --------------------------------------------------------------------- */

#define GROUP_HEAD 4 /* kind (1), rows less 1 (1), size of one (2) */

#define LOT_FRONT 40 /* number (4), and what lots of a run have in common */
#define LOT_PART  16

_Static_assert(LOT_FRONT + LOT_PART == sizeof(struct lot), "all of a lot");

static bool lots_alike(const uint8_t *lot, uint32_t number, const uint8_t *other)
{
    return le_load32(lot) == number && memcmp(lot + 4, other + 4, LOT_FRONT - 4) == 0;
}

/* Takes a run of lots off both: what they have in common stands in front of it once. A lot that
 * goes on where the run before it ended belongs to that one. */
static bool run_is(const struct kept_person *person, uint32_t *at, struct bytes *packed, bool again)
{
    const uint8_t *front = packed->data + GROUP_HEAD;
    const uint32_t rows = packed->data[1] + 1u;
    const size_t size = GROUP_HEAD + LOT_FRONT + (size_t)rows * LOT_PART;
    enum person_row mine;
    struct bytes row;
    if (le_load16(packed->data + 2) != LOT_PART || packed->size < size) return false;
    if (again) {
        const uint8_t *before = person->packed + *at - sizeof(struct lot);
        if (lots_alike(front, le_load32(before) + 1, before)) return false;
    }
    for (uint32_t i = 0; i < rows; i++) {
        if (!kept_next(person, at, &mine, &row) || mine != PERSON_LOT ||
            !lots_alike(row.data, le_load32(front) + i, front) ||
            memcmp(row.data + LOT_FRONT, front + LOT_FRONT + (size_t)i * LOT_PART, LOT_PART) != 0) {
            return false;
        }
    }
    packed->data += size;
    packed->size -= size;
    return true;
}

/* Takes a group off the front of what the store has, and as many rows off the person's. */
static bool group_is(const struct kept_person *person, uint32_t *at, struct bytes *packed,
                     enum person_row *kind)
{
    const uint8_t *head = packed->data;
    if (packed->size < GROUP_HEAD) return false;
    const enum person_row its = (enum person_row)head[0];
    const uint32_t rows = head[1] + 1u;
    const size_t size = le_load16(head + 2);
    /* One group for each kind, in their order; one for each transfer, and each run of lots. */
    const bool alone = its == PERSON_TRANSFER;
    const bool again = its == *kind;
    if (its < *kind || (again && !alone && its != PERSON_LOT) || (alone && rows != 1)) return false;
    *kind = its;
    if (its == PERSON_LOT) return run_is(person, at, packed, again);
    if (packed->size - GROUP_HEAD < rows * size) return false;
    for (uint32_t i = 0; i < rows; i++) {
        enum person_row mine;
        struct bytes row;
        const struct bytes want = {head + GROUP_HEAD + i * size, size};
        if (!kept_next(person, at, &mine, &row) || mine != its || !bytes_equal(row, want)) {
            return false;
        }
    }
    packed->data += GROUP_HEAD + rows * size;
    packed->size -= GROUP_HEAD + rows * size;
    return true;
}

bool kept_is(const struct kept_person *person, struct bytes packed)
{
    enum person_row kind = (enum person_row)0;
    uint32_t at = ROWS_HEAD_SIZE;
    if (person->size == 0 || packed.size < ROWS_HEAD_SIZE) return false;
    if (memcmp(person->packed, packed.data, ROWS_HEAD_SIZE) != 0) return false;
    packed.data += ROWS_HEAD_SIZE;
    packed.size -= ROWS_HEAD_SIZE;
    while (packed.size != 0) {
        if (!group_is(person, &at, &packed, &kind)) return false;
    }
    return at == person->size;
}
