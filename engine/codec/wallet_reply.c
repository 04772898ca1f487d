#include "codec/wallet_reply.h"

#include <stdlib.h>

#include "codec/reply.h"
#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "types/wire.h"

/* -- answers -------------------------------------------------------------------------------- */

enum {
    WALLET_REPLY_CODE = 1,
    WALLET_REPLY_TEXT = 2,
    WALLET_REPLY_MSGID = 3,
    WALLET_REPLY_DUP = 4,
    WALLET_REPLY_ENGINE_SEQ = 5,
    WALLET_REPLY_POSTED_AT = 6,
    WALLET_REPLY_SHARD = 7,
    WALLET_REPLY_ERRORS = 8,
    WALLET_REPLY_STAS = 9,
    WALLET_REPLY_WLT_ID = 10,
    WALLET_REPLY_RLTS_ID = 11,
    WALLET_REPLY_TRSF_ID = 12,
    WALLET_REPLY_PAY_ID = 13,
    WALLET_REPLY_REV_ID = 14,
    WALLET_REPLY_RESERVE_ID = 15,
    WALLET_REPLY_ORDER_NO = 16,
    WALLET_REPLY_AMT = 17,
    WALLET_REPLY_BALC = 18,
    WALLET_REPLY_EXP_AT = 19,
    WALLET_REPLY_CHG_NO = 20,
    WALLET_REPLY_YEAR = 21,
    WALLET_REPLY_CLR_PERIOD = 22,
    WALLET_REPLY_LOTS = 23,
};

#define REPLY_FIXED_MAX 600 /* Bytes of everything but msgid, errors and lots. */
#define REPLY_USUAL_MAX 1024
#define LOT_SIZE_MAX    24 /* Of one lot with its tag and length. */

/* An id says by its letter what it is the id of. */
static uint32_t id_field(char letter)
{
    switch (letter) {
    case 'W':
        return WALLET_REPLY_WLT_ID;
    case 'R':
        return WALLET_REPLY_RLTS_ID;
    case 'T':
        return WALLET_REPLY_TRSF_ID;
    case 'P':
        return WALLET_REPLY_PAY_ID;
    case 'V':
        return WALLET_REPLY_REV_ID;
    case 'S':
        return WALLET_REPLY_RESERVE_ID;
    default:
        return 0;
    }
}

/* A text of a row, ended by a NUL or by its room. */
static struct bytes row_text(const char *text, size_t room)
{
    const char *end = memchr(text, '\0', room);
    return (struct bytes){(const uint8_t *)text, end == NULL ? room : (size_t)(end - text)};
}

/* The same as a field. All of its room is copied, a length that the compiler knows; what is behind
 * the text is written over by the next field, or is not the message's any more. */
static inline uint8_t *put_row_text(uint8_t *out, uint32_t field, const char *text, size_t room)
{
    const size_t size = row_text(text, room).size;
    if (size == 0) return out;
    out = wire_put_varint(out, field << 3 | 2);
    out = wire_put_varint(out, size);
    memcpy(out, text, room);
    return out + size;
}

static uint8_t *put_lot(uint8_t *out, const struct lot *lot)
{
    uint8_t body[LOT_SIZE_MAX];
    uint8_t *end = wire_put_number(body, 1, lot->origin_admdvs);
    end = wire_put_signed(end, 2, lot->amount);
    return wire_put_view(out, WALLET_REPLY_LOTS, (struct bytes){body, (size_t)(end - body)});
}

static uint8_t *put_said(uint8_t *at, const struct wallet_said *said)
{
    const uint32_t field = id_field(said->id[0]);
    at = wire_put_view(at, WALLET_REPLY_STAS, bytes_of(wallet_stas_text(said->stas)));
    if (field != 0) at = put_row_text(at, field, said->id, sizeof said->id);
    at = put_row_text(at, WALLET_REPLY_ORDER_NO, said->order_no, sizeof said->order_no);
    at = wire_put_signed(at, WALLET_REPLY_AMT, said->amount);
    at = wire_put_signed(at, WALLET_REPLY_BALC, said->balc);
    at = wire_put_number(at, WALLET_REPLY_EXP_AT, (uint64_t)said->exp_ms);
    at = wire_put_number(at, WALLET_REPLY_CHG_NO, said->number);
    at = wire_put_number(at, WALLET_REPLY_YEAR, said->year);
    return wire_put_number(at, WALLET_REPLY_CLR_PERIOD, said->period);
}

static size_t reply_write(const struct wallet_reply *reply, uint8_t *out)
{
    uint8_t *at = out;
    if (reply->code != 0) {
        at = wire_put_number(at, WALLET_REPLY_CODE, reply->code);
        at = wire_put_view(at, WALLET_REPLY_TEXT, bytes_of(error_text(reply->code)));
    }
    at = wire_put_view(at, WALLET_REPLY_MSGID, reply->msgid);
    at = wire_put_number(at, WALLET_REPLY_DUP, reply->dup);
    at = wire_put_number(at, WALLET_REPLY_ENGINE_SEQ, reply->seq);
    at = wire_put_number(at, WALLET_REPLY_POSTED_AT, (uint64_t)reply->stamp_ms);
    at = wire_put_number(at, WALLET_REPLY_SHARD, reply->shard);
    at = failures_encode(WALLET_REPLY_ERRORS, reply->type, reply->failures, reply->failure_count,
                         at);
    if (reply->said != NULL) {
        at = put_said(at, reply->said);
        for (uint32_t i = 0; i < reply->used_count; i++)
            at = put_lot(at, &reply->used[i]);
    }
    return (size_t)(at - out);
}

/* Thousands wait for their block: what is written to lies close together, and each takes no more
 * memory than it has bytes. */
uint8_t *wallet_reply_encode(const struct wallet_reply *reply, size_t *ret_size)
{
    uint8_t usual[REPLY_USUAL_MAX];
    const size_t most = REPLY_FIXED_MAX + reply->msgid.size +
                        failures_size_max(reply->failure_count) +
                        (size_t)reply->used_count * LOT_SIZE_MAX;
    if (most > sizeof usual) {
        uint8_t *out = malloc(most);
        if (out != NULL) *ret_size = reply_write(reply, out);
        return out;
    }
    *ret_size = reply_write(reply, usual);
    uint8_t *out = malloc(*ret_size);
    if (out != NULL) memcpy(out, usual, *ret_size);
    return out;
}

/* -- outboxes ------------------------------------------------------------------------------- */

#define OUTGOING_SIZE_MAX 320 /* Of one message with its tag and length. */

/* The field an id of ours, or a number made of one ("P…-3"), goes into; else `other`. */
static uint8_t *put_reference(uint8_t *at, struct bytes text, uint32_t other)
{
    uint8_t route[4];
    const struct bytes id = {text.data,
                             text.size < WALLET_ID_LENGTH ? text.size : WALLET_ID_LENGTH};
    if (!wallet_id_route(id, route)) {
        return other == 0 ? at : wire_put_view(at, other, text);
    }
    if (id.data[0] == 'T') return wire_put_view(at, 5, id);
    if (id.data[0] == 'P' || id.data[0] == 'V') return wire_put_view(at, 6, id);
    return at;
}

static size_t outgoing_encode(const struct outgoing *o, uint8_t *out)
{
    static const struct psn_key nobody;
    const struct bytes id = row_text(o->id, sizeof o->id);
    const struct bytes ref = row_text(o->ref, sizeof o->ref);
    uint8_t *at = wire_put_number(out, 1, o->position);
    at = wire_put_number(at, 2, o->type);
    at = wire_put_view(at, 3, id);
    at = wire_put_number(at, 4, (uint64_t)o->at_ms);
    at = put_reference(at, id, 0);
    if (!bytes_equal(id, ref)) at = put_reference(at, ref, 7);
    if (memcmp(&o->psn_key, &nobody, sizeof nobody) != 0) {
        at = wire_put_view(at, 8, (struct bytes){o->psn_key.bytes, PSN_KEY_SIZE});
    }
    at = wire_put_signed(at, 9, o->amount);
    at = wire_put_number(at, 10, (uint64_t)o->exp_ms);
    at = wire_put_number(at, 11, o->why);
    at = wire_put_number(at, 12, o->admdvs);
    at = wire_put_number(at, 13, o->insutype);
    at = wire_put_number(at, 14, o->year);
    at = wire_put_number(at, 15, o->period);
    at = wire_put_number(at, 16, o->line);
    return (size_t)(at - out);
}

uint8_t *outbox_reply_encode(uint64_t acked, uint64_t last, const struct outgoing *list,
                             uint32_t count, size_t *ret_size)
{
    uint8_t *out = malloc(REPLY_FIXED_MAX + (size_t)count * OUTGOING_SIZE_MAX);
    uint8_t *at = out;
    if (out == NULL) return NULL;
    at = wire_put_number(at, 3, acked);
    at = wire_put_number(at, 4, last);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t body[OUTGOING_SIZE_MAX];
        const size_t size = outgoing_encode(&list[i], body);
        at = wire_put_view(at, 5, (struct bytes){body, size});
    }
    *ret_size = (size_t)(at - out);
    return out;
}
