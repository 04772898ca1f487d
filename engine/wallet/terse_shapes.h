/* terse_shapes -- what the writer and the reader of terse bodies share: the fields of every row,
 * and the codes. Only terse.c and terse_read.c include it. */
#ifndef WALLET_TERSE_SHAPES_H
#define WALLET_TERSE_SHAPES_H

#include "types/wallet.h"
#include "util/eight.h"
#include "util/le.h"
#include "wallet/op.h"
#include "wallet/params.h"

#define SEEN_MAX  64 /* Keys, and ids, that are counted. */
#define TEXT_MAX  32 /* Bytes of an id that is counted. */
#define OURS_SIZE 25 /* A letter and 24 digits; in a row zeros behind them. */

#define NUMBER_MIX   UINT64_C(0x9e3779b97f4a7c15)
#define NUMBER_SLOTS 4

enum record {
    RECORD_QUEUE = 13,
    RECORD_RAW = 15,
};

enum code {
    NUMBER_SEEN = 9, /* 9..12 */
    KEY_DIRECT = 13, /* 1..13 */
    KEY_SEEN = 14,
    KEY_NEW = 15,
    ID_DIRECT = 12, /* 1..12 */
    ID_SEEN = 13,
    ID_OURS = 14,
    ID_NEW = 15,
    TEXT_NEW = 15,
};

/* -- shapes ---------------------------------------------------------------------------------- */

/* The fields of a row in their order. */
enum field {
    FIELD_U32 = 'u',
    FIELD_I64 = 'n', /* And uint64_t. */
    FIELD_KEY = 'k',
    FIELD_ID = 'i',     /* An id of ours: WALLET_ID_SIZE. */
    FIELD_NUMBER = 'o', /* One of a sender's: CLIENT_NO_SIZE. */
    FIELD_CODE = 't',   /* 16 bytes of text, … */
    FIELD_NAME = 'x',   /* … and 96. */
};

struct shape {
    const char *fields;
    uint8_t count;
    bool lots; /* Lots follow, as many as it says itself. */
    uint16_t size;
};

enum shape_name {
    SHAPE_NONE = 0,
    SHAPE_FACT,
    SHAPE_PERSON,
    SHAPE_SAID,
    SHAPE_LOT,
    SHAPE_EFFECT,
    SHAPE_OUTGOING,
    SHAPE_INSTITUTION,
    SHAPE_RULE,
    SHAPE_WALLET,
    SHAPE_INSURED,
    SHAPE_LIMITS,
    SHAPE_HOLD,
    SHAPE_RELATION,
    SHAPE_TRANSFER,
    SHAPE_OFFER,
    SHAPE_HOLDER,
    SHAPE_RESERVE,
    SHAPE_PREMIUM,
    SHAPE_SWITCH, /* And OP_ACK. */
    SHAPE_FILING,
    SHAPE_ID, /* This and the following: keys of rows. */
    SHAPE_NUMBER,
    SHAPE_KEY,
    SHAPE_U32,
    SHAPE_KEY_U32,
    SHAPE_U32_U32,
    SHAPE_U32_I64,
    SHAPE_END,
};

#define SHAPE(fields_, lots_, size_)                           \
    {                                                          \
        fields_, sizeof(fields_) - 1, lots_, (uint16_t)(size_) \
    }

static const struct shape shapes[SHAPE_END] = {
    [SHAPE_NONE] = {0},
    [SHAPE_FACT] = SHAPE("kuuuuuuuuuunuu", false, sizeof(struct wallet_fact)),
    [SHAPE_PERSON] = SHAPE("kn", false, PSN_KEY_SIZE + 8),
    [SHAPE_SAID] = SHAPE("iuonnnuuuu", false, sizeof(struct wallet_said)),
    [SHAPE_LOT] = SHAPE("uukknn", false, sizeof(struct lot)),
    [SHAPE_EFFECT] = SHAPE("uukkkiuuuuunn", true, offsetof(struct effect, lots)),
    [SHAPE_OUTGOING] = SHAPE("uunnooknnuuuuuu", false, sizeof(struct outgoing)),
    [SHAPE_INSTITUTION] = SHAPE("tuuuuuux", false, sizeof(struct institution)),
    [SHAPE_RULE] = SHAPE("uunn", false, sizeof(struct rule_row)),
    [SHAPE_WALLET] = SHAPE("iuuuuuuuuunn", false, sizeof(struct wallet_row)),
    [SHAPE_INSURED] = SHAPE("uuuuuu", false, sizeof(struct insured_row)),
    [SHAPE_LIMITS] = SHAPE("uunuu", false, sizeof(struct limits_row)),
    [SHAPE_HOLD] = SHAPE("nnnuu", false, sizeof(struct hold_row)),
    [SHAPE_RELATION] = SHAPE("kiuuun", false, sizeof(struct relation_row)),
    [SHAPE_TRANSFER] = SHAPE("iuknnnnnuu", true, offsetof(struct transfer_row, lots)),
    [SHAPE_OFFER] = SHAPE("iuknn", false, sizeof(struct offer_row)),
    [SHAPE_HOLDER] = SHAPE("kn", false, sizeof(struct holder_row)),
    [SHAPE_RESERVE] = SHAPE("iotunn", false, sizeof(struct reserve_row)),
    [SHAPE_PREMIUM] = SHAPE("uuuunnkoiu", false, sizeof(struct premium_row)),
    [SHAPE_SWITCH] = SHAPE("uun", false, sizeof(struct switch_row)),
    [SHAPE_FILING] = SHAPE("ouuuu", false, sizeof(struct filing_row)),
    [SHAPE_ID] = SHAPE("i", false, WALLET_ID_SIZE),
    [SHAPE_NUMBER] = SHAPE("o", false, CLIENT_NO_SIZE),
    [SHAPE_KEY] = SHAPE("k", false, PSN_KEY_SIZE),
    [SHAPE_U32] = SHAPE("u", false, 4),
    [SHAPE_KEY_U32] = SHAPE("ku", false, PSN_KEY_SIZE + 4),
    [SHAPE_U32_U32] = SHAPE("uu", false, 8),
    [SHAPE_U32_I64] = SHAPE("un", false, 12),
};

static const uint8_t op_shapes[16] = {
    [OP_PERSON] = SHAPE_PERSON, [OP_SAID] = SHAPE_SAID,
    [OP_USED] = SHAPE_LOT,      [OP_EFFECT] = SHAPE_EFFECT,
    [OP_OUT] = SHAPE_OUTGOING,  [OP_QUEUE] = SHAPE_OUTGOING,
    [OP_ACK] = SHAPE_SWITCH,    [OP_INSTITUTION] = SHAPE_INSTITUTION,
    [OP_RULE] = SHAPE_RULE,
};

/* Of OP_PUT and of OP_DROP, by kind of row. */
static const uint8_t put_shapes[16] = {
    [PERSON_WALLET] = SHAPE_WALLET,     [PERSON_INSURED] = SHAPE_INSURED,
    [PERSON_LIMITS] = SHAPE_LIMITS,     [PERSON_HOLD] = SHAPE_HOLD,
    [PERSON_LOT] = SHAPE_LOT,           [PERSON_RELATION] = SHAPE_RELATION,
    [PERSON_TRANSFER] = SHAPE_TRANSFER, [PERSON_OFFER] = SHAPE_OFFER,
    [PERSON_HOLDER] = SHAPE_HOLDER,     [PERSON_RESERVE] = SHAPE_RESERVE,
    [PERSON_PREMIUM] = SHAPE_PREMIUM,   [PERSON_SWITCH] = SHAPE_SWITCH,
    [PERSON_FILING] = SHAPE_FILING,
};

static const uint8_t drop_shapes[16] = {
    [PERSON_LOT] = SHAPE_U32,         [PERSON_RELATION] = SHAPE_KEY_U32,
    [PERSON_TRANSFER] = SHAPE_ID,     [PERSON_OFFER] = SHAPE_ID,
    [PERSON_HOLDER] = SHAPE_KEY,      [PERSON_RESERVE] = SHAPE_ID,
    [PERSON_PREMIUM] = SHAPE_U32_U32, [PERSON_SWITCH] = SHAPE_U32_I64,
    [PERSON_FILING] = SHAPE_NUMBER,
};

_Static_assert(OP_KIND_END <= 13 && PERSON_ROW_END <= 16, "both have a place in a record's byte");

/* The shape of an op's row, both below 16. */
static inline enum shape_name shape_of(unsigned op, unsigned kind)
{
    const uint8_t *names = op == OP_PUT ? put_shapes : drop_shapes;
    return (enum shape_name)(op == OP_PUT || op == OP_DROP ? names[kind] : op_shapes[op]);
}

/* -- ids ------------------------------------------------------------------------------------- */

/* An id of at most 32 bytes, with zeros behind it. */
struct text {
    uint64_t words[4];
};

/* Without the zeros at its end. */
static inline size_t text_size(const struct text *text)
{
    for (size_t i = 4; i != 0; i--) {
        const uint64_t word = text->words[i - 1];
        if (word != 0) return 8 * i - (size_t)__builtin_clzll(word) / 8;
    }
    return 0;
}

/* -- rows and items -------------------------------------------------------------------------- */

static inline size_t codes_size(const struct shape *shape)
{
    return (shape->count + 1u) / 2;
}

/* Whether a row with lots says that it has so many: the reader must know before it reads them. */
static inline bool lots_said(enum shape_name name, const uint8_t *row, uint32_t lots)
{
    const size_t at = name == SHAPE_EFFECT ? offsetof(struct effect, lot_count)
                                           : offsetof(struct transfer_row, lot_count);
    return le_load32(row + at) == lots;
}

static inline unsigned number_slot(uint64_t number)
{
    return (unsigned)(number * NUMBER_MIX >> 62);
}

/* Takes the next item off the front: size (2), op (2), its bytes. */
static inline bool next_item(struct bytes *items, unsigned *ret_op, struct bytes *ret_data)
{
    if (items->size < OP_WORD) return false;
    const size_t size = le_load16(items->data);
    if (items->size - OP_WORD < size) return false;
    *ret_op = le_load16(items->data + 2);
    *ret_data = (struct bytes){items->data + OP_WORD, size};
    items->data += OP_WORD + size;
    items->size -= OP_WORD + size;
    return true;
}

static inline enum shape_name item_shape(unsigned op)
{
    return op == OP_EFFECT || op == OP_OUT ? shape_of(op, 0) : SHAPE_NONE;
}

/* The bytes of the next OP_OUT among the items; NULL: there is none. */
static inline const uint8_t *next_out(struct bytes *items)
{
    struct bytes data;
    unsigned op;
    while (next_item(items, &op, &data)) {
        if (op == OP_OUT && data.size == sizeof(struct outgoing)) return data.data;
    }
    return NULL;
}

#define POSITION_AT  offsetof(struct outgoing, position)
#define POSITION_END (POSITION_AT + 8)

#endif
