#include "wallet/person.h"

#include "types/ensure.h"
#include "util/checksum.h"
#include "util/eight.h"
#include "util/le.h"

/* -- making --------------------------------------------------------------------------------- */

void person_clear(struct person *person, struct psn_key key)
{
    person->key = key;
    person->head = (struct person_head){.due_ms = INT64_MAX};
    person->wallet = (struct wallet_row){0};
    person->insured = (struct insured_row){0};
    person->limits = (struct limits_row){0};
    person->hold = (struct hold_row){0};
    memset(&person->lot_count, 0,
           offsetof(struct person, lots) - offsetof(struct person, lot_count));
}

/* Most lists of most persons are empty. */
#define COPY_LIST(list, counter) \
    if (from->counter != 0) memcpy(to->list, from->list, from->counter * sizeof to->list[0])

void person_copy(struct person *to, const struct person *from)
{
    memcpy(to, from, offsetof(struct person, lots));
    COPY_LIST(lots, lot_count);
    COPY_LIST(relations, relation_count);
    COPY_LIST(transfers, transfer_count);
    COPY_LIST(offers, offer_count);
    COPY_LIST(holders, holder_count);
    COPY_LIST(reserves, reserve_count);
    COPY_LIST(premiums, premium_count);
    COPY_LIST(switches, switch_count);
    COPY_LIST(filings, filing_count);
}

/* -- packed --------------------------------------------------------------------------------- */

#define GROUP_HEAD_SIZE 4
#define GROUP_MAX       256 /* Rows of a group; no list is longer. */

_Static_assert(HOLDERS_MAX <= GROUP_MAX && LOTS_MAX <= GROUP_MAX && PREMIUMS_MAX <= GROUP_MAX,
               "no group has more rows");

/* Of sizes that the compiler knows. */
static inline bool take_single(void *row, size_t row_size, uint32_t count, struct bytes rows)
{
    if (count != 1 || rows.size != row_size) return false;
    memcpy(row, rows.data, row_size);
    return true;
}

/* Rows behind those of the same list; `list` NULL: only counted. */
static inline bool take_list(void *list, uint32_t *used, uint32_t most, size_t row_size,
                             uint32_t count, struct bytes rows)
{
    if (count > most - *used || rows.size != count * row_size) return false;
    if (list != NULL) memcpy((uint8_t *)list + *used * row_size, rows.data, rows.size);
    *used += count;
    return true;
}

/* Most lots of a wallet came from one relative, one after the other: what those have in common
 * stands there once, then of each what it is worth and since when. */
#define LOT_FRONT offsetof(struct lot, amount)
#define LOT_PART  (sizeof(struct lot) - LOT_FRONT)

_Static_assert(offsetof(struct lot, number) == 0, "the run's front begins with its first number");
_Static_assert(LOT_PART == sizeof(int64_t) + sizeof(int64_t), "amount and accepted_ms end it");

static inline bool goes_on(const struct lot *before, const struct lot *lot)
{
    return lot->number == before->number + 1 && lot->origin_admdvs == before->origin_admdvs &&
           psn_same(&lot->origin, &before->origin) && psn_same(&lot->from, &before->from);
}

static inline bool take_lots(struct person *person, bool rows_too, uint32_t count,
                             struct bytes rows)
{
    if (count > LOTS_MAX - person->lot_count || rows.size != LOT_FRONT + count * LOT_PART) {
        return false;
    }
    struct lot *lots = &person->lots[person->lot_count];
    person->lot_count += count;
    if (!rows_too) return true;
    for (uint32_t i = 0; i < count; i++) {
        memcpy(&lots[i], rows.data, LOT_FRONT);
        lots[i].number += i;
        memcpy(&lots[i].amount, rows.data + LOT_FRONT + i * LOT_PART, LOT_PART);
    }
    return true;
}

/* One that has only the lots it carries; the others are zeros. */
static inline bool take_transfer(struct person *person, bool rows_too, uint32_t count,
                                 struct bytes rows)
{
    const size_t front = offsetof(struct transfer_row, lots);
    if (count != 1 || person->transfer_count == TRANSFERS_MAX || rows.size < front) return false;
    const uint32_t lots = le_load32(rows.data + offsetof(struct transfer_row, lot_count));
    if (lots > TRANSFER_LOTS_MAX || rows.size != front + lots * sizeof(struct lot)) return false;
    struct transfer_row *row = &person->transfers[person->transfer_count++];
    if (!rows_too) return true;
    memcpy(row, rows.data, front);
    memset(row->lots, 0, sizeof row->lots);
    if (lots != 0) memcpy(row->lots, rows.data + front, lots * sizeof(struct lot));
    return true;
}

#define TAKE_LIST(list, counter, most)                                                        \
    take_list(rows_too ? person->list : NULL, &person->counter, most, sizeof person->list[0], \
              count, rows)

/* A group of rows of a kind; false when they do not fit. */
static inline bool take_group(struct person *person, enum person_row kind, bool rows_too,
                              uint32_t count, struct bytes rows)
{
    switch (kind) {
    case PERSON_WALLET:
        return take_single(&person->wallet, sizeof person->wallet, count, rows);
    case PERSON_INSURED:
        return take_single(&person->insured, sizeof person->insured, count, rows);
    case PERSON_LIMITS:
        return take_single(&person->limits, sizeof person->limits, count, rows);
    case PERSON_HOLD:
        return take_single(&person->hold, sizeof person->hold, count, rows);
    case PERSON_LOT:
        return take_lots(person, rows_too, count, rows);
    case PERSON_RELATION:
        return TAKE_LIST(relations, relation_count, RELATIONS_MAX);
    case PERSON_TRANSFER:
        return take_transfer(person, rows_too, count, rows);
    case PERSON_OFFER:
        return TAKE_LIST(offers, offer_count, OFFERS_MAX);
    case PERSON_HOLDER:
        return TAKE_LIST(holders, holder_count, HOLDERS_MAX);
    case PERSON_RESERVE:
        return TAKE_LIST(reserves, reserve_count, RESERVES_MAX);
    case PERSON_PREMIUM:
        return TAKE_LIST(premiums, premium_count, PREMIUMS_MAX);
    case PERSON_SWITCH:
        return TAKE_LIST(switches, switch_count, SWITCHES_MAX);
    case PERSON_FILING:
        return TAKE_LIST(filings, filing_count, FILINGS_MAX);
    case PERSON_ROW_END:
        break;
    }
    return false;
}

static inline __attribute__((always_inline)) bool unpack(struct bytes packed, struct psn_key key,
                                                         bool rows_too, struct person *ret_person)
{
    const uint8_t *at = packed.data;
    const uint8_t *end = at + packed.size;

    person_clear(ret_person, key);
    if (packed.size < sizeof ret_person->head) return false;
    memcpy(&ret_person->head, at, sizeof ret_person->head);
    at += sizeof ret_person->head;
    while (at != end) {
        if (end - at < GROUP_HEAD_SIZE) return false;
        const uint32_t count = at[1] + 1u;
        const size_t front = at[0] == PERSON_LOT ? LOT_FRONT : 0;
        const struct bytes rows = {at + GROUP_HEAD_SIZE, front + count * (size_t)le_load16(at + 2)};
        if ((size_t)(end - rows.data) < rows.size) return false;
        if (!take_group(ret_person, (enum person_row)at[0], rows_too, count, rows)) return false;
        at = rows.data + rows.size;
    }
    return true;
}

bool person_unpack(struct bytes packed, struct psn_key key, struct person *ret_person)
{
    return unpack(packed, key, true, ret_person);
}

bool person_unpack_counts(struct bytes packed, struct psn_key key, struct person *ret_person)
{
    return unpack(packed, key, false, ret_person);
}

size_t transfer_size(const struct transfer_row *row)
{
    return offsetof(struct transfer_row, lots) + row->lot_count * sizeof row->lots[0];
}

static inline void pack_head(enum person_row kind, uint32_t count, size_t size, uint8_t *out)
{
    out[0] = (uint8_t)kind;
    out[1] = (uint8_t)(count - 1);
    le_store16(out + 2, (uint16_t)size);
}

/* Rows of one size, one after the other; none are no group. */
static inline size_t pack_group(enum person_row kind, const void *rows, uint32_t count, size_t size,
                                uint8_t *out)
{
    if (count == 0) return 0;
    pack_head(kind, count, size, out);
    memcpy(out + GROUP_HEAD_SIZE, rows, count * size);
    return GROUP_HEAD_SIZE + count * size;
}

static inline size_t pack_lots(const struct lot *lots, uint32_t count, uint8_t *out)
{
    size_t used = 0;
    for (uint32_t i = 0; i < count;) {
        const uint32_t first = i;
        uint8_t *head = out + used;
        memcpy(head + GROUP_HEAD_SIZE, &lots[i], LOT_FRONT);
        used += GROUP_HEAD_SIZE + LOT_FRONT;
        do {
            memcpy(out + used, &lots[i].amount, LOT_PART);
            used += LOT_PART;
        } while (++i < count && goes_on(&lots[i - 1], &lots[i]));
        pack_head(PERSON_LOT, i - first, LOT_PART, head);
    }
    return used;
}

/* `size`: a multiple of 8 that the compiler knows, here and in the next one. */
static inline bool says_nothing(const void *row, size_t size)
{
    uint64_t any = 0;
    for (size_t i = 0; i < size; i += sizeof any) {
        uint64_t word;
        memcpy(&word, (const uint8_t *)row + i, sizeof word);
        any |= word;
    }
    return any == 0;
}

static inline size_t pack_single(enum person_row kind, const void *row, size_t size, uint8_t *out)
{
    return says_nothing(row, size) ? 0 : pack_group(kind, row, 1, size, out);
}

size_t person_pack(const struct person *person, uint8_t *out)
{
    const struct person *p = person;
    size_t used = sizeof p->head;

    memcpy(out, &p->head, used);
    used += pack_single(PERSON_WALLET, &p->wallet, sizeof p->wallet, out + used);
    used += pack_single(PERSON_INSURED, &p->insured, sizeof p->insured, out + used);
    used += pack_single(PERSON_LIMITS, &p->limits, sizeof p->limits, out + used);
    used += pack_single(PERSON_HOLD, &p->hold, sizeof p->hold, out + used);
    used += pack_lots(p->lots, p->lot_count, out + used);
    used += pack_group(PERSON_RELATION, p->relations, p->relation_count, sizeof p->relations[0],
                       out + used);
    for (uint32_t i = 0; i < p->transfer_count; i++) {
        used += pack_group(PERSON_TRANSFER, &p->transfers[i], 1, transfer_size(&p->transfers[i]),
                           out + used);
    }
    used += pack_group(PERSON_OFFER, p->offers, p->offer_count, sizeof p->offers[0], out + used);
    used +=
        pack_group(PERSON_HOLDER, p->holders, p->holder_count, sizeof p->holders[0], out + used);
    used += pack_group(PERSON_RESERVE, p->reserves, p->reserve_count, sizeof p->reserves[0],
                       out + used);
    used += pack_group(PERSON_PREMIUM, p->premiums, p->premium_count, sizeof p->premiums[0],
                       out + used);
    used +=
        pack_group(PERSON_SWITCH, p->switches, p->switch_count, sizeof p->switches[0], out + used);
    used +=
        pack_group(PERSON_FILING, p->filings, p->filing_count, sizeof p->filings[0], out + used);
    return used;
}

/* -- questions ------------------------------------------------------------------------------ */

int64_t person_due(const struct person *person)
{
    int64_t due = INT64_MAX;
    for (uint32_t i = 0; i < person->transfer_count; i++) {
        const struct transfer_row *t = &person->transfers[i];
        const int64_t its =
            t->state == TRANSFER_HOLDING && t->next_ms < t->exp_ms ? t->next_ms : t->exp_ms;
        if (its < due) due = its;
    }
    return due;
}

int64_t person_balance(const struct person *person)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < person->lot_count; i++)
        sum += person->lots[i].amount;
    return sum;
}

int64_t person_free_balance(const struct person *person, int64_t now_ms)
{
    int64_t sum = person_balance(person);
    for (uint32_t i = 0; i < person->reserve_count; i++) {
        if (person->reserves[i].exp_ms > now_ms) sum -= person->reserves[i].amount;
    }
    return sum;
}

/* -- lists ---------------------------------------------------------------------------------- */

static bool id_is(const char *id, struct bytes text)
{
    return text.size < WALLET_ID_SIZE && id[text.size] == '\0' &&
           memcmp(id, text.data, text.size) == 0;
}

struct relation_row *person_relation(struct person *person, const struct psn_key *other,
                                     enum relation_side side)
{
    for (uint32_t i = 0; i < person->relation_count; i++) {
        struct relation_row *row = &person->relations[i];
        if (row->side == side && psn_same(&row->other, other)) return row;
    }
    return NULL;
}

struct relation_row *person_relation_by_id(struct person *person, struct bytes rlts_id)
{
    for (uint32_t i = 0; i < person->relation_count; i++) {
        if (id_is(person->relations[i].rlts_id, rlts_id)) return &person->relations[i];
    }
    return NULL;
}

struct transfer_row *person_transfer(struct person *person, struct bytes trsf_id)
{
    for (uint32_t i = 0; i < person->transfer_count; i++) {
        if (id_is(person->transfers[i].trsf_id, trsf_id)) return &person->transfers[i];
    }
    return NULL;
}

struct offer_row *person_offer(struct person *person, struct bytes trsf_id)
{
    for (uint32_t i = 0; i < person->offer_count; i++) {
        if (id_is(person->offers[i].trsf_id, trsf_id)) return &person->offers[i];
    }
    return NULL;
}

struct holder_row *person_holder(struct person *person, const struct psn_key *holder)
{
    for (uint32_t i = 0; i < person->holder_count; i++) {
        if (psn_same(&person->holders[i].holder, holder)) return &person->holders[i];
    }
    return NULL;
}

struct premium_row *person_premium(struct person *person, uint32_t insutype, uint32_t year)
{
    for (uint32_t i = 0; i < person->premium_count; i++) {
        struct premium_row *row = &person->premiums[i];
        if (row->insutype == insutype && row->year == year) return row;
    }
    return NULL;
}

/* Takes row `place` out of a list of `*count` rows of `size` bytes. */
static void drop_row(void *rows, uint32_t *count, size_t size, uint32_t place)
{
    ENSURE(place < *count);
    uint8_t *at = (uint8_t *)rows + place * size;
    memmove(at, at + size, (*count - place - 1) * size);
    *count -= 1;
}

static const struct psn_key other_holders = {{0}};

struct holder_row *person_other_holders(struct person *person)
{
    return person_holder(person, &other_holders);
}

bool person_holder_fits(struct person *person, const struct psn_key *holder)
{
    if (person_holder(person, holder) != NULL) return true;
    return person->holder_count < HOLDERS_MAX - 1 && person_other_holders(person) == NULL;
}

void person_hold(struct person *person, const struct psn_key *holder, int64_t amount)
{
    if (!person_holder_fits(person, holder)) holder = &other_holders;
    struct holder_row *row = person_holder(person, holder);
    if (row == NULL) {
        row = &person->holders[person->holder_count++];
        *row = (struct holder_row){.holder = *holder};
    }
    row->amount += amount;
    if (row->amount == 0) {
        drop_row(person->holders, &person->holder_count, sizeof *row,
                 (uint32_t)(row - person->holders));
    }
}

bool person_put_lot(struct person *person, const struct lot *lot)
{
    uint32_t place = person->lot_count;
    while (place != 0 && person->lots[place - 1].number >= lot->number)
        place--;
    if (place < person->lot_count && person->lots[place].number == lot->number) {
        person->lots[place].amount += lot->amount;
        return true;
    }
    if (person->lot_count == LOTS_MAX) return false;
    memmove(&person->lots[place + 1], &person->lots[place],
            (person->lot_count - place) * sizeof *lot);
    person->lots[place] = *lot;
    person->lot_count++;
    return true;
}

void person_drop_lot(struct person *person, uint32_t place)
{
    drop_row(person->lots, &person->lot_count, sizeof person->lots[0], place);
}

void person_drop_relation(struct person *person, uint32_t place)
{
    drop_row(person->relations, &person->relation_count, sizeof person->relations[0], place);
}

void person_drop_transfer(struct person *person, uint32_t place)
{
    drop_row(person->transfers, &person->transfer_count, sizeof person->transfers[0], place);
}

void person_drop_offer(struct person *person, uint32_t place)
{
    drop_row(person->offers, &person->offer_count, sizeof person->offers[0], place);
}

void person_drop_reserve(struct person *person, uint32_t place)
{
    drop_row(person->reserves, &person->reserve_count, sizeof person->reserves[0], place);
}

/* -- ids ------------------------------------------------------------------------------------ */

void wallet_id_make(char letter, const struct psn_key *key, uint64_t number,
                    char ret_id[WALLET_ID_SIZE])
{
    uint8_t text[PSN_KEY_SIZE + 9];
    memcpy(text, key->bytes, PSN_KEY_SIZE);
    text[PSN_KEY_SIZE] = (uint8_t)letter;
    memcpy(text + PSN_KEY_SIZE + 1, &number, sizeof number);

    memset(ret_id, 0, WALLET_ID_SIZE);
    uint8_t number_of[4 + 8];
    memcpy(number_of, key->bytes, 4);
    be_store64(number_of + 4, checksum_hash64(0, text, sizeof text));
    ret_id[0] = letter;
    for (size_t i = 0; i < sizeof number_of / 4; i++)
        eight_digits(number_of + 4 * i, ret_id + 1 + 8 * i);
}
