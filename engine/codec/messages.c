#include "codec/messages.h"

#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "types/wire.h"
#include "util/checksum.h"
#include "util/eight.h"
#include "util/le.h"

/* A table is read as a table. */
/* clang-format off */
#define FIELD(noun, number, kind_, member, name_)        \
    [number] = {.kind = kind_,                           \
                .tag = WIRE_TAG(number, kind_),          \
                .offset = offsetof(struct noun, member), \
                .name = name_}
#define VIEW(noun, number, member) FIELD(noun, number, WIRE_BYTES, member, #member)
#define U32(noun, number, member)  FIELD(noun, number, WIRE_U32, member, #member)
#define I64(noun, number, member)  FIELD(noun, number, WIRE_I64, member, #member)
#define AMOUNT(noun, number, symbol, name_) \
    FIELD(noun, number, WIRE_S64, amounts[AMOUNT_##symbol], name_)
#define BIT(number) (UINT64_C(1) << (number))

/* message_peek() takes the first of these that it meets, so there may not be another. */
#define PEEKED (BIT(SETL_FIELD_MSGID) | BIT(SETL_FIELD_PSN_KEY))

static const struct wire_table settlement_table = {
    .noun_size = sizeof(struct settlement),
    .once = PEEKED,
    .transport = BIT(SETL_FIELD_MSGID) | BIT(SETL_FIELD_SENDER_ADMDVS) | BIT(SETL_FIELD_INF_TIME) |
                 BIT(SETL_FIELD_CLR_AMT),
    .fields =
        {
            VIEW(settlement, SETL_FIELD_MSGID, msgid),
            VIEW(settlement, SETL_FIELD_SETL_ID, setl_id),
            VIEW(settlement, SETL_FIELD_MDTRT_ID, mdtrt_id),
            VIEW(settlement, SETL_FIELD_PSN_KEY, psn_key),
            VIEW(settlement, SETL_FIELD_FIXMEDINS_CODE, fixmedins_code),
            U32(settlement, SETL_FIELD_INSU_ADMDVS, insu_admdvs),
            U32(settlement, SETL_FIELD_MDTRTAREA_ADMVS, mdtrtarea_admvs),
            U32(settlement, SETL_FIELD_INSUTYPE, insutype),
            U32(settlement, SETL_FIELD_MED_TYPE, med_type),
            U32(settlement, SETL_FIELD_CLR_TYPE, clr_type),
            I64(settlement, SETL_FIELD_SETL_TIME, setl_time),
#define X(symbol, name, field) AMOUNT(settlement, field, symbol, #name),
            SETTLEMENT_AMOUNTS(X)
#undef X
                FIELD(settlement, SETL_FIELD_REFD_SETL_FLAG, WIRE_BOOL, refd_setl_flag,
                      "refd_setl_flag"),
            VIEW(settlement, SETL_FIELD_ORIG_SETL_ID, orig_setl_id),
            VIEW(settlement, SETL_FIELD_DISE_CODG, dise_codg),
            U32(settlement, SETL_FIELD_CLR_WAY, clr_way),
            U32(settlement, SETL_FIELD_CLR_OPTINS, clr_optins),
            VIEW(settlement, SETL_FIELD_MEDINS_SETL_ID, medins_setl_id),
            I64(settlement, SETL_FIELD_BEGNDATE, begndate),
            I64(settlement, SETL_FIELD_ENDDATE, enddate),
            U32(settlement, SETL_FIELD_MDTRT_CERT_TYPE, mdtrt_cert_type),
            U32(settlement, SETL_FIELD_FILING_TYPE, filing_type),
            U32(settlement, SETL_FIELD_PSN_TYPE, psn_type),
            [SETL_FIELD_CLR_AMT] = {.kind = WIRE_S64_SENT,
                                    .tag = WIRE_TAG(SETL_FIELD_CLR_AMT, WIRE_S64_SENT),
                                    .offset = offsetof(struct settlement, clr_amt),
                                    .sent = offsetof(struct settlement, clr_amt_present),
                                    .name = "clr_amt"},
            VIEW(settlement, SETL_FIELD_DETAIL_DIGEST, detail_digest),
            U32(settlement, SETL_FIELD_SENDER_ADMDVS, sender_admdvs),
            I64(settlement, SETL_FIELD_INF_TIME, inf_time),
        },
};

/* The amounts a reversal or an adjustment carries stand under the same numbers as in SetlPost. */
#define REVERSAL_AMOUNTS(X)                                                                     \
    X(MEDFEE, medfee_sumamt, 12)                                                                \
    X(FUND_SUM, fund_pay_sumamt, 13)                                                            \
    X(HIFP, hifp_pay, 14)                                                                       \
    X(PSN_PART, psn_part_amt, 15)                                                               \
    X(ACCT, acct_pay, 16)                                                                       \
    X(CASH, psn_cash_pay, 17)                                                                   \
    X(CVLSERV, cvlserv_pay, 18)                                                                 \
    X(HIFES, hifes_pay, 19)                                                                     \
    X(HIFMI, hifmi_pay, 20) X(HIFOB, hifob_pay, 21) X(HIFDM, hifdm_pay, 22) X(MAF, maf_pay, 23) \
        X(OTH, oth_pay, 24) X(MULAID, acct_mulaid_pay, 25) X(WLT, wlt_pay, 26)                  \
            X(HOSP_PART, hosp_part_amt, 27)
#define ADJUSTMENT_AMOUNTS(X)   \
    X(HIFP, hifp_pay, 14)       \
    X(ACCT, acct_pay, 16)       \
    X(CVLSERV, cvlserv_pay, 18) \
    X(HIFES, hifes_pay, 19)     \
    X(HIFMI, hifmi_pay, 20)     \
    X(HIFOB, hifob_pay, 21) X(HIFDM, hifdm_pay, 22) X(MAF, maf_pay, 23) X(OTH, oth_pay, 24)

static const struct wire_table reversal_table = {
    .noun_size = sizeof(struct reversal),
    .once = PEEKED,
    .fields =
        {
            VIEW(reversal, 1, msgid),
            VIEW(reversal, 2, rev_setl_id),
            VIEW(reversal, 3, setl_id),
            VIEW(reversal, 4, psn_key),
            U32(reversal, 6, insu_admdvs),
            U32(reversal, 7, mdtrtarea_admvs),
            I64(reversal, 11, setl_time),
#define X(symbol, name, field) AMOUNT(reversal, field, symbol, #name),
            REVERSAL_AMOUNTS(X)
#undef X
                FIELD(reversal, 28, WIRE_BOOL, full, "full"),
            VIEW(reversal, 29, reason),
            U32(reversal, 46, sender_admdvs),
            I64(reversal, 47, inf_time),
        },
};

static const struct wire_table adjustment_table = {
    .noun_size = sizeof(struct adjustment),
    .once = PEEKED,
    .transport = BIT(1) | BIT(46) | BIT(47),
    .fields =
        {
            VIEW(adjustment, 1, msgid),
            VIEW(adjustment, 2, adj_no),
            VIEW(adjustment, 3, setl_id),
            VIEW(adjustment, 4, psn_key),
            U32(adjustment, 6, insu_admdvs),
            U32(adjustment, 7, mdtrtarea_admvs),
#define X(symbol, name, field) AMOUNT(adjustment, field, symbol, #name),
            ADJUSTMENT_AMOUNTS(X)
#undef X
                VIEW(adjustment, 29, reason),
            U32(adjustment, 30, approved_by),
            VIEW(adjustment, 31, approval_no),
            U32(adjustment, 46, sender_admdvs),
            I64(adjustment, 47, inf_time),
        },
};

static const struct wire_table correction_table = {
    .noun_size = sizeof(struct correction),
    .once = PEEKED,
    .fields =
        {
            VIEW(correction, 1, msgid),
            VIEW(correction, 2, omsgid),
            VIEW(correction, 3, oinfno),
            VIEW(correction, 4, psn_key),
            U32(correction, 46, sender_admdvs),
            I64(correction, 47, inf_time),
        },
};
/* clang-format on */

/* -- settlements, straight on ----------------------------------------------------------------
 *
 * Encoders write fields in the order of their numbers, and nearly every settlement has the same
 * ones. So each is asked for in its turn: one comparison that the processor foresees, and no look
 * into a table. What is not as usual, in order, size or kind, stays where it is: from there on
 * wire_decode_on() reads, and it alone says what is wrong. */

/* The next bytes as one word, zeros behind the end. The message has eight at least. */
static inline uint64_t word_at(const uint8_t *at, const uint8_t *end)
{
    const ptrdiff_t left = end - at;
    if (left >= 8) return le_load64(at);
    return left == 0 ? 0 : le_load64(end - 8) >> 8 * (8 - left);
}

/* A tag as it stands there, lowest byte first: one byte below number 16, else two. */
static inline unsigned tag_size(uint32_t number)
{
    return number < 16 ? 1 : 2;
}

static inline bool is_number(uint64_t word, uint32_t number)
{
    return number < 16 ? (uint8_t)word == number << 3
                       : (uint16_t)word == ((number << 3 & 0x7f) | 0x80 | number >> 4 << 8);
}

/* Passes over the field if it stands there and its varint ends within the word: no branch looks at
 * how long it is. */
static inline bool take_number(const uint8_t **at, const uint8_t *end, uint32_t number,
                               uint64_t *ret_value)
{
    const unsigned head = tag_size(number);
    const uint64_t word = word_at(*at, end);
    if (!is_number(word, number)) return false;
    const uint64_t rest = word >> 8 * head;
    const uint64_t ends = ~rest & EACH_BYTE(0x80) >> 8 * head;
    if (ends == 0) return false;
    const uint8_t *next = *at + head + (__builtin_ctzll(ends) + 1) / 8;
    if (next > end) return false;
    *at = next;
    *ret_value = wire_sevens(rest & (ends ^ (ends - 1)));
    return true;
}

/* Codes and areas have one to three bytes, the same in nearly every message: branches, so that the
 * processor goes on before it knows. */
static inline void take_code(const uint8_t **at, const uint8_t *end, uint32_t number,
                             uint32_t *ret_value)
{
    const uint64_t word = word_at(*at, end);
    const uint32_t value = (uint32_t)(word >> 8);
    if (end - *at < 4 || (uint8_t)word != number << 3) return;
    if ((value & 0x80) == 0) {
        *ret_value = value & 0x7f;
        *at += 2;
    } else if ((value & 0x8000) == 0) {
        *ret_value = (value & 0x7f) | (value & 0x7f00) >> 1;
        *at += 3;
    } else if ((value & 0x800000) == 0) {
        *ret_value = (value & 0x7f) | (value & 0x7f00) >> 1 | (value & 0x7f0000) >> 2;
        *at += 4;
    }
}

/* Strings and bytes below 128 bytes. */
static inline bool take_view(const uint8_t **at, const uint8_t *end, uint32_t number,
                             struct bytes *ret_view)
{
    const uint8_t *data = *at + 2;
    if (end - *at < 2 || (*at)[0] != (number << 3 | 2)) return false;
    const size_t size = (*at)[1];
    if (size >= 0x80 || size > (size_t)(end - data)) return false;
    *ret_view = (struct bytes){data, size};
    *at = data + size;
    return true;
}

/* The amounts in the order of their numbers; those behind them are rare. */
#define AMOUNTS_IN_ORDER(X) \
    X(MEDFEE)               \
    X(FUND_SUM)             \
    X(HIFP)                 \
    X(PSN_PART)             \
    X(ACCT) X(CASH) X(CVLSERV) X(HIFES) X(HIFMI) X(HIFOB) X(HIFDM) X(MAF) X(OTH) X(MULAID) X(WLT)

/* Reads what is as usual; gives the place of what is not, or the end. */
static const uint8_t *read_usual(const uint8_t *at, const uint8_t *end, struct settlement *s)
{
    uint64_t value;
    (void)take_view(&at, end, SETL_FIELD_MSGID, &s->msgid);
    (void)take_view(&at, end, SETL_FIELD_SETL_ID, &s->setl_id);
    (void)take_view(&at, end, SETL_FIELD_MDTRT_ID, &s->mdtrt_id);
    (void)take_view(&at, end, SETL_FIELD_PSN_KEY, &s->psn_key);
    (void)take_view(&at, end, SETL_FIELD_FIXMEDINS_CODE, &s->fixmedins_code);
    take_code(&at, end, SETL_FIELD_INSU_ADMDVS, &s->insu_admdvs);
    take_code(&at, end, SETL_FIELD_MDTRTAREA_ADMVS, &s->mdtrtarea_admvs);
    take_code(&at, end, SETL_FIELD_INSUTYPE, &s->insutype);
    take_code(&at, end, SETL_FIELD_MED_TYPE, &s->med_type);
    take_code(&at, end, SETL_FIELD_CLR_TYPE, &s->clr_type);
    if (take_number(&at, end, SETL_FIELD_SETL_TIME, &value)) s->setl_time = (int64_t)value;
#define X(symbol)                                             \
    if (take_number(&at, end, SETL_FIELD_##symbol, &value)) { \
        s->amounts[AMOUNT_##symbol] = wire_unzigzag(value);   \
    }
    AMOUNTS_IN_ORDER(X)
#undef X
    return at;
}

bool settlement_decode(struct bytes body, struct settlement *ret_settlement, uint32_t *ret_field)
{
    const uint8_t *end = body.data + body.size;
    memset(ret_settlement, 0, sizeof *ret_settlement);
    const uint8_t *at = body.size < 8 ? body.data : read_usual(body.data, end, ret_settlement);
    return wire_decode_on(&settlement_table, at, end, ret_settlement, ret_field);
}

bool reversal_decode(struct bytes body, struct reversal *ret_reversal, uint32_t *ret_field)
{
    return wire_decode(&reversal_table, body, ret_reversal, ret_field);
}

bool adjustment_decode(struct bytes body, struct adjustment *ret_adjustment, uint32_t *ret_field)
{
    return wire_decode(&adjustment_table, body, ret_adjustment, ret_field);
}

bool correction_decode(struct bytes body, struct correction *ret_correction, uint32_t *ret_field)
{
    return wire_decode(&correction_table, body, ret_correction, ret_field);
}

size_t settlement_encode(const struct settlement *settlement, uint8_t *out)
{
    return wire_encode(&settlement_table, settlement, out);
}

size_t correction_encode(const struct correction *correction, uint8_t *out)
{
    return wire_encode(&correction_table, correction, out);
}

bool settlement_same(const struct settlement *a, const struct settlement *b)
{
    return wire_same(&settlement_table, a, b);
}

bool adjustment_same(const struct adjustment *a, const struct adjustment *b)
{
    return wire_same(&adjustment_table, a, b);
}

/* What is hashed, packed into one stretch: hashing it whole costs a third of hashing each part.
 * Each view carries its length, so "ab","c" differs from "a","bc". */
struct content {
    size_t size;
    uint8_t bytes[8 * AMOUNT_COUNT + 128 + 10 * (1 + UINT8_MAX)];
};

static void content_add(struct content *content, const void *data, size_t size)
{
    memcpy(content->bytes + content->size, data, size);
    content->size += size;
}

/* Views are within their limits by now, and those are below 256 bytes. */
static void content_add_view(struct content *content, struct bytes view)
{
    const uint8_t size = view.size < UINT8_MAX ? (uint8_t)view.size : UINT8_MAX;
    content->bytes[content->size++] = size;
    if (size != 0) content_add(content, view.data, size);
}

uint64_t settlement_content_hash(const struct settlement *settlement)
{
    const struct settlement *s = settlement;
    const int64_t times[3] = {s->setl_time, s->begndate, s->enddate};
    const uint32_t codes[12] = {
        1,           s->insu_admdvs,   s->mdtrtarea_admvs, s->insutype,        s->med_type,
        s->clr_type, s->clr_way,       s->clr_optins,      s->mdtrt_cert_type, s->filing_type,
        s->psn_type, s->refd_setl_flag};
    struct content content;

    content.size = 0;
    content_add(&content, s->amounts, sizeof s->amounts);
    content_add(&content, times, sizeof times);
    content_add(&content, codes, sizeof codes);
    content_add_view(&content, s->setl_id);
    content_add_view(&content, s->mdtrt_id);
    content_add_view(&content, s->psn_key);
    content_add_view(&content, s->fixmedins_code);
    content_add_view(&content, s->orig_setl_id);
    content_add_view(&content, s->dise_codg);
    content_add_view(&content, s->medins_setl_id);
    content_add_view(&content, s->detail_digest);
    return checksum_hash64(0, content.bytes, content.size);
}

uint64_t adjustment_content_hash(const struct adjustment *adjustment)
{
    const struct adjustment *a = adjustment;
    const uint32_t codes[4] = {2, a->insu_admdvs, a->mdtrtarea_admvs, a->approved_by};
    struct content content;

    content.size = 0;
    content_add(&content, a->amounts, sizeof a->amounts);
    content_add(&content, codes, sizeof codes);
    content_add_view(&content, a->adj_no);
    content_add_view(&content, a->setl_id);
    content_add_view(&content, a->psn_key);
    content_add_view(&content, a->reason);
    content_add_view(&content, a->approval_no);
    return checksum_hash64(0, content.bytes, content.size);
}

bool message_peek(struct bytes body, struct bytes *ret_psn_key, struct bytes *ret_msgid)
{
    const uint8_t *at = body.data;
    const uint8_t *end = at + body.size;
    struct bytes passed;

    *ret_psn_key = (struct bytes){0};
    *ret_msgid = (struct bytes){0};
    if (take_view(&at, end, SETL_FIELD_MSGID, ret_msgid)) { /* As nearly all begin. */
        (void)take_view(&at, end, SETL_FIELD_SETL_ID, &passed);
        (void)take_view(&at, end, SETL_FIELD_MDTRT_ID, &passed);
        (void)take_view(&at, end, SETL_FIELD_PSN_KEY, ret_psn_key);
    }
    while (at < end && (ret_psn_key->data == NULL || ret_msgid->data == NULL)) {
        uint64_t tag;
        at = wire_varint(at, end, &tag);
        if (at == NULL) return false;
        const uint8_t *value = at;
        at = wire_skip(tag, at, end);
        if (at == NULL) return false;
        if (tag != WIRE_TAG(SETL_FIELD_PSN_KEY, WIRE_BYTES) &&
            tag != WIRE_TAG(SETL_FIELD_MSGID, WIRE_BYTES)) {
            continue;
        }
        uint64_t size;
        value = wire_varint(value, end, &size);
        struct bytes *view = tag >> 3 == SETL_FIELD_MSGID ? ret_msgid : ret_psn_key;
        *view = (struct bytes){value, size};
    }
    return ret_psn_key->size == PSN_KEY_SIZE;
}

const struct wire_table *message_table(uint16_t type)
{
    switch (type) {
    case MESSAGE_SETL_POST:
        return &settlement_table;
    case MESSAGE_SETL_REVERSE:
        return &reversal_table;
    case MESSAGE_SETL_ADJUST:
        return &adjustment_table;
    case MESSAGE_CORRECTION:
        return &correction_table;
    default:
        return wallet_table(type);
    }
}

static const char *batch_field_name(uint32_t field)
{
    static const char *const names[] = {"",      "records", "batch_id", "part",
                                        "parts", "cnt",     "sum_amt"};
    return field < sizeof names / sizeof names[0] ? names[field] : "";
}

static const char *centre_field_name(uint16_t type, uint32_t field)
{
    switch (type) {
    case MESSAGE_YEAR_CLOSE:
        return field == 1 ? "year" : field == 2 ? "msgid" : "";
    case MESSAGE_CLOCK_SET:
        return field == 1 ? "to" : field == 2 ? "msgid" : "";
    case MESSAGE_SETTLEMENT_GET:
        return field == 1 ? "insu_admdvs" : field == 2 ? "setl_id" : "";
    case MESSAGE_NET_REPORT:
        return field == 1 ? "period" : field == 2 ? "mode" : "";
    case MESSAGE_PERIOD_CUT:
        return field == 1 ? "period" : field == 2 ? "msgid" : "";
    case MESSAGE_POSITION_REPORT:
        return field == 1 ? "period" : "";
    default:
        return "";
    }
}

const char *message_field_name(uint16_t type, uint32_t field)
{
    const struct wire_table *table = message_table(type);
    if (type == MESSAGE_SETL_BATCH) return batch_field_name(field);
    if (table == NULL) return centre_field_name(type, field);
    if (field >= WIRE_FIELDS || table->fields[field].name == NULL) return "";
    return table->fields[field].name;
}
