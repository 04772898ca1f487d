#include "wallet/ops.h"

#include "types/ensure.h"
#include "util/le.h"
#include "util/squeeze.h"
#include "wallet/params.h"

#define OP_HEAD_SIZE 4

/* -- sizes ---------------------------------------------------------------------------------- */

size_t effect_size(const struct effect *effect)
{
    return offsetof(struct effect, lots) + effect->lot_count * sizeof effect->lots[0];
}

struct psn_key effect_to(struct bytes data)
{
    struct psn_key key;
    memcpy(key.bytes, data.data + offsetof(struct effect, to), sizeof key.bytes);
    return key;
}

bool effect_sound(struct bytes data)
{
    uint32_t count;
    if (data.size < offsetof(struct effect, lots)) return false;
    memcpy(&count, data.data + offsetof(struct effect, lot_count), sizeof count);
    return count <= TRANSFER_LOTS_MAX &&
           data.size == offsetof(struct effect, lots) + count * sizeof(struct lot);
}

bool effect_decode(struct bytes data, struct effect *ret_effect)
{
    if (!effect_sound(data)) return false;
    memcpy(ret_effect, data.data, data.size);
    memset((uint8_t *)ret_effect + data.size, 0, sizeof *ret_effect - data.size);
    return true;
}

/* -- reading -------------------------------------------------------------------------------- */

/* The words behind the head: where they stand, or NULL when they are no such thing. */
static const uint8_t *words_of(struct bytes source, uint8_t form, const struct terse_form *parts,
                               size_t size, uint8_t *room)
{
    if (form == 0 && source.size == size) return source.data;
    if (size > WALLET_BODY_MAX - WALLET_BODY_HEAD || source.size > size) return NULL;
    const bool sound =
        form == 0 ? unsqueeze(source, room, size) : terse_read(source, parts, room, size);
    return sound ? room : NULL;
}

bool wallet_entry_decode(struct bytes body, struct wallet_entry *ret_entry)
{
    if (body.size < WALLET_BODY_HEAD) return false;
    const uint8_t form = body.data[3];
    const struct terse_form parts = {
        .message_size = le_load16(body.data + 4),
        .items_at = form & BODY_ITEMS_AT,
        .fact_size = body.data[2],
    };
    const size_t size = (size_t)le_load16(body.data + 6) * OP_WORD;
    if (form != 0 && (form & BODY_TERSE) == 0) return false;
    if (parts.fact_size != 0 && parts.fact_size != sizeof(struct wallet_fact)) return false;
    if (size < op_padded(parts.message_size) + parts.fact_size) return false;
    const uint8_t *at =
        words_of((struct bytes){body.data + WALLET_BODY_HEAD, body.size - WALLET_BODY_HEAD}, form,
                 &parts, size, ret_entry->room);
    if (at == NULL) return false;
    const uint8_t *end = at + size;
    ret_entry->type = le_load16(body.data);
    ret_entry->message = (struct bytes){at, parts.message_size};
    at += op_padded(parts.message_size);
    ret_entry->fact = (struct bytes){at, parts.fact_size};
    at += parts.fact_size;
    ret_entry->ops = (struct bytes){at, (size_t)(end - at)};
    return true;
}

static bool op_sound(const struct op *op)
{
    switch ((enum op_kind)op->op) {
    case OP_PERSON:
        return op->data.size == PSN_KEY_SIZE + 8;
    case OP_PUT:
        return op->kind > 0 && op->kind < PERSON_ROW_END;
    case OP_DROP:
        return op->kind > 0 && op->kind < PERSON_ROW_END && op->data.size <= ROW_KEY_MAX;
    case OP_SAID:
        return op->data.size == sizeof(struct wallet_said);
    case OP_USED:
        return op->data.size == sizeof(struct lot);
    case OP_EFFECT:
        return effect_sound(op->data);
    case OP_OUT:
    case OP_QUEUE:
        return op->data.size == sizeof(struct outgoing);
    case OP_ACK:
        return op->data.size == 16;
    case OP_INSTITUTION:
        return op->data.size == sizeof(struct institution);
    case OP_RULE:
        return op->data.size == sizeof(struct rule_row);
    case OP_ID:
        return op->data.size >= 4 && op->data.size <= 4 + WALLET_ID_SIZE + CLIENT_NO_SIZE;
    case OP_KIND_END:
        break;
    }
    return false;
}

bool ops_next(struct bytes *ops, struct op *ret_op, bool *ret_bad)
{
    *ret_bad = false;
    if (ops->size == 0) return false;
    *ret_bad = true;
    if (ops->size < OP_HEAD_SIZE) return false;
    const size_t size = le_load16(ops->data + 2);
    if (ops->size - OP_HEAD_SIZE < op_padded(size)) return false;
    *ret_op = (struct op){
        .op = ops->data[0],
        .kind = ops->data[1],
        .data = {ops->data + OP_HEAD_SIZE, size},
    };
    if (!op_sound(ret_op)) return false;
    ops->data += OP_HEAD_SIZE + op_padded(size);
    ops->size -= OP_HEAD_SIZE + op_padded(size);
    *ret_bad = false;
    return true;
}

/* -- writing -------------------------------------------------------------------------------- */

/* With zeros behind it up to a whole word. */
static void put_bytes(struct ops_writer *w, const void *data, size_t size)
{
    const size_t more = op_padded(size);
    if (w->full || w->room - w->size < more) {
        w->full = true;
        return;
    }
    if (more != size) le_store32(w->out + w->size + more - OP_WORD, 0);
    if (size != 0) memcpy(w->out + w->size, data, size);
    w->size += more;
}

/* The head says how many words there are. */
static void count_words(struct ops_writer *w)
{
    if (!w->has_head || w->full) return;
    le_store16(w->out + 6, (uint16_t)((w->size - WALLET_BODY_HEAD) / OP_WORD));
}

void ops_begin(struct ops_writer *writer, uint8_t *out, size_t room, uint16_t type,
               struct bytes message, struct bytes fact)
{
    uint8_t head[WALLET_BODY_HEAD] = {0};
    ENSURE(room <= WALLET_BODY_MAX && message.size <= UINT16_MAX);
    *writer = (struct ops_writer){.out = out, .room = room, .has_head = true};
    le_store16(head, type);
    le_store16(head + 2, (uint16_t)fact.size);
    le_store16(head + 4, (uint16_t)message.size);
    put_bytes(writer, head, sizeof head);
    put_bytes(writer, message.data, message.size);
    put_bytes(writer, fact.data, fact.size);
    count_words(writer);
}

void ops_put(struct ops_writer *writer, enum op_kind op, uint8_t kind, const void *data,
             size_t size)
{
    ENSURE(size <= UINT16_MAX);
    if (writer->full || writer->room - writer->size < OP_HEAD_SIZE) {
        writer->full = true;
        return;
    }
    le_store32(writer->out + writer->size,
               (uint32_t)op | (uint32_t)kind << 8 | (uint32_t)size << 16);
    writer->size += OP_HEAD_SIZE;
    put_bytes(writer, data, size);
    count_words(writer);
}

void ops_put_effect(struct ops_writer *writer, const struct effect *effect)
{
    ops_put(writer, OP_EFFECT, (uint8_t)effect->kind, effect, effect_size(effect));
}

void ops_put_all(struct ops_writer *writer, struct bytes ops)
{
    put_bytes(writer, ops.data, ops.size);
    count_words(writer);
}

size_t ops_shorten(const struct ops_writer *writer, size_t items_at, uint8_t *out)
{
    ENSURE(writer->has_head && !writer->full && items_at <= BODY_ITEMS_AT);
    const struct bytes words = {writer->out + WALLET_BODY_HEAD, writer->size - WALLET_BODY_HEAD};
    struct terse_form parts = {
        .message_size = le_load16(writer->out + 4),
        .items_at = items_at,
        .fact_size = writer->out[2],
    };
    if (items_at != 0 && !terse_items((struct bytes){words.data, parts.message_size}, items_at)) {
        parts.items_at = 0;
    }
    memcpy(out, writer->out, WALLET_BODY_HEAD);
    out[3] = (uint8_t)(BODY_TERSE | parts.items_at);
    size_t size = terse_write(words, &parts, out + WALLET_BODY_HEAD);
    if (size >= words.size) {
        out[3] = 0;
        memcpy(out + WALLET_BODY_HEAD, words.data, words.size);
        size = words.size;
    }
    return WALLET_BODY_HEAD + size;
}

void ops_put_id(struct ops_writer *writer, char domain, uint32_t scope, struct bytes text)
{
    uint8_t data[4 + WALLET_ID_SIZE + CLIENT_NO_SIZE];
    ENSURE(text.size <= sizeof data - 4);
    le_store32(data, scope);
    if (text.size != 0) memcpy(data + 4, text.data, text.size);
    ops_put(writer, OP_ID, (uint8_t)domain, data, 4 + text.size);
}

/* -- rows ----------------------------------------------------------------------------------- */

/* The lists of a person as data: where rows and their count stand, how large, and their key. */
struct list {
    size_t rows;
    size_t count;
    uint32_t max;
    uint16_t size;
    uint8_t key_at[2]; /* Up to two members make the key. */
    uint8_t key_size[2];
};

#define LIST(member, counter, limit, type)                                              \
    .rows = offsetof(struct person, member), .count = offsetof(struct person, counter), \
    .max = (limit), .size = sizeof(struct type)
#define KEY(type, member)      offsetof(struct type, member)
#define KEY_SIZE(type, member) sizeof(((struct type *)0)->member)

static const struct list lists[PERSON_ROW_END] = {
    [PERSON_LOT] = {LIST(lots, lot_count, LOTS_MAX, lot), .key_at = {KEY(lot, number)},
                    .key_size = {KEY_SIZE(lot, number)}},
    [PERSON_RELATION] = {LIST(relations, relation_count, RELATIONS_MAX, relation_row),
                         .key_at = {KEY(relation_row, other), KEY(relation_row, side)},
                         .key_size = {KEY_SIZE(relation_row, other), KEY_SIZE(relation_row, side)}},
    [PERSON_TRANSFER] = {LIST(transfers, transfer_count, TRANSFERS_MAX, transfer_row),
                         .key_at = {KEY(transfer_row, trsf_id)},
                         .key_size = {KEY_SIZE(transfer_row, trsf_id)}},
    [PERSON_OFFER] = {LIST(offers, offer_count, OFFERS_MAX, offer_row),
                      .key_at = {KEY(offer_row, trsf_id)},
                      .key_size = {KEY_SIZE(offer_row, trsf_id)}},
    [PERSON_HOLDER] = {LIST(holders, holder_count, HOLDERS_MAX, holder_row),
                       .key_at = {KEY(holder_row, holder)},
                       .key_size = {KEY_SIZE(holder_row, holder)}},
    [PERSON_RESERVE] = {LIST(reserves, reserve_count, RESERVES_MAX, reserve_row),
                        .key_at = {KEY(reserve_row, reserve_id)},
                        .key_size = {KEY_SIZE(reserve_row, reserve_id)}},
    [PERSON_PREMIUM] = {LIST(premiums, premium_count, PREMIUMS_MAX, premium_row),
                        .key_at = {KEY(premium_row, insutype), KEY(premium_row, year)},
                        .key_size = {KEY_SIZE(premium_row, insutype), KEY_SIZE(premium_row, year)}},
    [PERSON_SWITCH] = {LIST(switches, switch_count, SWITCHES_MAX, switch_row),
                       .key_at = {KEY(switch_row, which), KEY(switch_row, eff_ms)},
                       .key_size = {KEY_SIZE(switch_row, which), KEY_SIZE(switch_row, eff_ms)}},
    [PERSON_FILING] = {LIST(filings, filing_count, FILINGS_MAX, filing_row),
                       .key_at = {KEY(filing_row, filing_no)},
                       .key_size = {KEY_SIZE(filing_row, filing_no)}},
};

/* The rows there is one of. */
struct single {
    size_t at;
    size_t size;
};

static const struct single singles[PERSON_ROW_END] = {
    [PERSON_WALLET] = {offsetof(struct person, wallet), sizeof(struct wallet_row)},
    [PERSON_INSURED] = {offsetof(struct person, insured), sizeof(struct insured_row)},
    [PERSON_LIMITS] = {offsetof(struct person, limits), sizeof(struct limits_row)},
    [PERSON_HOLD] = {offsetof(struct person, hold), sizeof(struct hold_row)},
};

static uint32_t *list_count(struct person *person, const struct list *list)
{
    return (uint32_t *)((uint8_t *)person + list->count);
}

static uint8_t *list_row(struct person *person, const struct list *list, uint32_t place)
{
    return (uint8_t *)person + list->rows + (size_t)place * list->size;
}

size_t row_key(enum person_row kind, const void *row, uint8_t *out)
{
    const struct list *list = &lists[kind];
    size_t used = 0;
    for (int i = 0; i < 2; i++) {
        memcpy(out + used, (const uint8_t *)row + list->key_at[i], list->key_size[i]);
        used += list->key_size[i];
    }
    return used;
}

/* Row `place` of a list; `person` is only read. */
static const uint8_t *row_at(const struct person *person, const struct list *list, uint32_t place)
{
    return (const uint8_t *)person + list->rows + (size_t)place * list->size;
}

static uint32_t count_of(const struct person *person, const struct list *list)
{
    uint32_t count;
    memcpy(&count, (const uint8_t *)person + list->count, sizeof count);
    return count;
}

/* Place of the row with that key; the count when there is none. */
static uint32_t find_key(const struct person *person, enum person_row kind, struct bytes key)
{
    const struct list *list = &lists[kind];
    const uint32_t count = count_of(person, list);
    const size_t size = (size_t)list->key_size[0] + list->key_size[1];
    if (key.size != size) return count;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *row = row_at(person, list, i);
        if (memcmp(row + list->key_at[0], key.data, list->key_size[0]) == 0 &&
            memcmp(row + list->key_at[1], key.data + list->key_size[0], list->key_size[1]) == 0) {
            return i;
        }
    }
    return count;
}

/* Place of the row with the same key as `row`, looked for from `hint` on; the count when there is
 * none. Lists change little: the row is nearly always where it is looked for first. */
static uint32_t find_like(const struct person *person, enum person_row kind, const uint8_t *row,
                          uint32_t hint)
{
    const struct list *list = &lists[kind];
    const uint32_t count = count_of(person, list);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t place = hint + i < count ? hint + i : (hint + i) % count;
        const uint8_t *its = row_at(person, list, place);
        if (memcmp(its + list->key_at[0], row + list->key_at[0], list->key_size[0]) == 0 &&
            memcmp(its + list->key_at[1], row + list->key_at[1], list->key_size[1]) == 0) {
            return place;
        }
    }
    return count;
}

static size_t row_size(enum person_row kind, const void *row)
{
    return kind == PERSON_TRANSFER ? transfer_size(row) : lists[kind].size;
}

static bool transfer_sound(struct bytes data)
{
    struct transfer_row row;
    if (data.size < offsetof(struct transfer_row, lots) || data.size > sizeof row) return false;
    memcpy(&row, data.data, offsetof(struct transfer_row, lots));
    return row.lot_count <= TRANSFER_LOTS_MAX && transfer_size(&row) == data.size;
}

/* Room for a row at its place: lots stand by number, all others as they came. NULL when full. */
static uint8_t *make_place(struct person *person, enum person_row kind, const void *row)
{
    const struct list *list = &lists[kind];
    uint32_t *count = list_count(person, list);
    if (*count == list->max) return NULL;
    uint32_t place = *count;
    if (kind == PERSON_LOT) {
        uint32_t number;
        memcpy(&number, (const uint8_t *)row + offsetof(struct lot, number), sizeof number);
        while (place != 0 && person->lots[place - 1].number > number)
            place--;
    }
    uint8_t *at = list_row(person, list, place);
    memmove(at + list->size, at, (size_t)(*count - place) * list->size);
    *count += 1;
    return at;
}

static bool row_sound(enum person_row kind, struct bytes data)
{
    return kind == PERSON_TRANSFER ? transfer_sound(data) : data.size == lists[kind].size;
}

static void write_row(const struct list *list, uint8_t *at, struct bytes data)
{
    memcpy(at, data.data, data.size);
    if (data.size < list->size) memset(at + data.size, 0, list->size - data.size);
}

static bool put_row(struct person *person, enum person_row kind, struct bytes data)
{
    const struct list *list = &lists[kind];
    if (!row_sound(kind, data)) return false;
    const uint32_t place = find_like(person, kind, data.data, 0);
    uint8_t *at = place < *list_count(person, list) ? list_row(person, list, place)
                                                    : make_place(person, kind, data.data);
    if (at == NULL) return false;
    write_row(list, at, data);
    return true;
}

static bool drop_row(struct person *person, enum person_row kind, struct bytes key)
{
    const struct list *list = &lists[kind];
    uint32_t *count = list_count(person, list);
    const uint32_t place = find_key(person, kind, key);
    if (place == *count) return false;
    uint8_t *at = list_row(person, list, place);
    memmove(at, at + list->size, (size_t)(*count - place - 1) * list->size);
    *count -= 1;
    return true;
}

bool op_apply(const struct op *op, struct person *person)
{
    if (op->kind == 0 || op->kind >= PERSON_ROW_END) return false;
    const enum person_row kind = (enum person_row)op->kind;
    const struct single *single = &singles[kind];

    if (op->op == OP_DROP) return single->size == 0 && drop_row(person, kind, op->data);
    if (op->op != OP_PUT) return false;
    if (single->size == 0) return put_row(person, kind, op->data);
    if (op->data.size != single->size) return false;
    memcpy((uint8_t *)person + single->at, op->data.data, single->size);
    return true;
}

/* -- differences ---------------------------------------------------------------------------- */

/* Writes OP_PERSON before the first op of this person. */
struct difference {
    struct ops_writer *writer;
    const struct person *before;
    bool begun;
};

static void begin_person(struct difference *d)
{
    uint8_t data[PSN_KEY_SIZE + 8];
    if (d->begun) return;
    d->begun = true;
    memcpy(data, d->before->key.bytes, PSN_KEY_SIZE);
    le_store64(data + PSN_KEY_SIZE, d->before->head.last_seq);
    ops_put(d->writer, OP_PERSON, 0, data, sizeof data);
}

static void put_difference(struct difference *d, enum op_kind op, enum person_row kind,
                           const void *data, size_t size)
{
    begin_person(d);
    ops_put(d->writer, op, (uint8_t)kind, data, size);
}

static void diff_single(struct difference *d, enum person_row kind, const struct person *after)
{
    const struct single *single = &singles[kind];
    const uint8_t *old = (const uint8_t *)d->before + single->at;
    const uint8_t *new = (const uint8_t *)after + single->at;
    if (memcmp(old, new, single->size) == 0) return;
    put_difference(d, OP_PUT, kind, new, single->size);
}

/* How many rows stand unchanged in front of both lists: nearly always all the old ones. */
static uint32_t same_front(const struct list *list, const struct person *before,
                           const struct person *after, uint32_t most)
{
    const uint8_t *old = row_at(before, list, 0);
    const uint8_t *new = row_at(after, list, 0);
    uint32_t same = 0;
    if (most == 0 || memcmp(old, new, (size_t)most * list->size) == 0) return most;
    while (memcmp(old + same * list->size, new + same * list->size, list->size) == 0)
        same++;
    return same;
}

static void drop_difference(struct difference *d, enum person_row kind, const uint8_t *row)
{
    uint8_t key[ROW_KEY_MAX];
    put_difference(d, OP_DROP, kind, key, row_key(kind, row, key));
}

/* Keys stand in a list once: behind a front that is all of one list, no row of the other one is in
 * it, and none has to be looked for. */
static void diff_list(struct difference *d, enum person_row kind, const struct person *after,
                      uint32_t old_count, uint32_t new_count)
{
    const struct list *list = &lists[kind];
    const uint32_t same =
        same_front(list, d->before, after, old_count < new_count ? old_count : new_count);
    uint32_t hint = same;

    for (uint32_t i = same; i < old_count; i++) {
        const uint8_t *row = row_at(d->before, list, i);
        const uint32_t place = same == new_count ? new_count : find_like(after, kind, row, hint);
        if (place < new_count) {
            hint = place + 1;
            continue;
        }
        drop_difference(d, kind, row);
    }
    hint = same;
    for (uint32_t i = same; i < new_count; i++) {
        const uint8_t *row = row_at(after, list, i);
        const uint32_t place =
            same == old_count ? old_count : find_like(d->before, kind, row, hint);
        const size_t size = row_size(kind, row);
        if (place < old_count) {
            hint = place + 1;
            const uint8_t *old = row_at(d->before, list, place);
            if (row_size(kind, old) == size && memcmp(old, row, size) == 0) continue;
        }
        put_difference(d, OP_PUT, kind, row, size);
    }
}

/* The rows there is one of stand side by side, and are the first kinds. */
#define SINGLES_AT   offsetof(struct person, wallet)
#define SINGLES_SIZE (offsetof(struct person, lot_count) - SINGLES_AT)

_Static_assert(SINGLES_SIZE == sizeof(struct wallet_row) + sizeof(struct insured_row) +
                                   sizeof(struct limits_row) + sizeof(struct hold_row),
               "nothing between them");

void ops_put_person(struct ops_writer *writer, const struct person *before,
                    const struct person *after, bool always)
{
    struct difference d = {.writer = writer, .before = before};
    ENSURE(psn_same(&before->key, &after->key));
    if (always) begin_person(&d);
    if (memcmp((const uint8_t *)before + SINGLES_AT, (const uint8_t *)after + SINGLES_AT,
               SINGLES_SIZE) != 0) {
        for (int kind = PERSON_WALLET; kind <= PERSON_HOLD; kind++)
            diff_single(&d, (enum person_row)kind, after);
    }
    for (int kind = PERSON_LOT; kind < PERSON_ROW_END; kind++) {
        const uint32_t old_count = count_of(before, &lists[kind]);
        const uint32_t new_count = count_of(after, &lists[kind]);
        if (old_count + new_count == 0) continue;
        diff_list(&d, (enum person_row)kind, after, old_count, new_count);
    }
}
