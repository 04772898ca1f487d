#include "tools/verify/wallet_lane.h"

#include <stdio.h>
#include <string.h>

#include "tools/verify/wallet_words.h"
#include "util/le.h"
#include "wallet/ops.h"

#define BODY_HEAD 8
#define WORD      4

/* -- bodies --------------------------------------------------------------------------------- */

static size_t in_words(size_t size)
{
    return size + (WORD - size % WORD) % WORD;
}

/* Words that stand there in another form; false when they make no sense. */
static bool words_read(struct bytes body, uint8_t *out, size_t size)
{
    const uint32_t form = body.data[3];
    const struct bytes rest = {body.data + BODY_HEAD, body.size - BODY_HEAD};
    const struct words_form parts = {le_load16(body.data + 4), form % 128, body.data[2]};
    if (form == 0) return words_squeezed(rest, out, size);
    return form >= 128 && words_terse(rest, &parts, out, size);
}

const char *body_open(struct bytes body, struct opened *ret_opened)
{
    ret_opened->body = NULL;
    if (body.size < BODY_HEAD) return "a body without a head";
    const size_t fact = body.data[2];
    const size_t message = le_load16(body.data + 4);
    const size_t size = (size_t)WORD * le_load16(body.data + 6);
    const struct bytes rest = {body.data + BODY_HEAD, body.size - BODY_HEAD};
    if ((fact != 0 && fact != sizeof(struct wallet_fact)) || in_words(message) + fact > size)
        return "a body whose parts do not fit";
    ret_opened->words = rest.data;
    if (body.data[3] != 0 || rest.size != size) {
        if (size > BODY_MAX || rest.size > size || !words_read(body, ret_opened->room, size))
            return "a body whose words make no sense";
        ret_opened->words = ret_opened->room;
    }
    const uint8_t *at = ret_opened->words;
    ret_opened->body = body.data;
    ret_opened->type = le_load16(body.data);
    ret_opened->message = (struct bytes){at, message};
    at += in_words(message);
    ret_opened->fact = (struct bytes){at, fact};
    at += fact;
    ret_opened->ops = (struct bytes){at, size - in_words(message) - fact};
    return NULL;
}

struct place place_in(const struct opened *opened, size_t body_size, const uint8_t *data)
{
    return (struct place){opened->body, (uint32_t)body_size, (uint32_t)(data - opened->words)};
}

const uint8_t *place_open(const struct place *place, struct opened *opened)
{
    /* It was opened before, and well. */
    if (opened->body != place->body)
        (void)body_open((struct bytes){place->body, place->body_size}, opened);
    return opened->words + place->at;
}

bool read_op(struct bytes *ops, struct read_op *ret_op, bool *ret_bad)
{
    *ret_bad = false;
    if (ops->size == 0) return false;
    *ret_bad = true;
    if (ops->size < WORD) return false;
    const size_t size = le_load16(ops->data + 2);
    if (ops->size - WORD < in_words(size)) return false;
    *ret_op = (struct read_op){ops->data[0], ops->data[1], {ops->data + WORD, size}};
    ops->data += WORD + in_words(size);
    ops->size -= WORD + in_words(size);
    *ret_bad = false;
    return true;
}

bool read_effect(struct bytes data, struct effect *ret_effect)
{
    const size_t least = offsetof(struct effect, lots);
    memset(ret_effect, 0, sizeof *ret_effect);
    if (data.size < least || data.size > sizeof *ret_effect) return false;
    memcpy(ret_effect, data.data, data.size);
    return ret_effect->lot_count <= TRANSFER_LOTS_MAX &&
           data.size == least + ret_effect->lot_count * sizeof(struct lot) &&
           ret_effect->kind > 0 && ret_effect->kind < EFFECT_OUT;
}

const char *person_text(const struct psn_key *key)
{
    static _Thread_local char texts[4][4 + 2 * PSN_KEY_SIZE + 1];
    static _Thread_local unsigned turn;
    char *text = texts[turn++ % 4];
    char *at = text + sprintf(text, "psn ");
    for (int i = 0; i < PSN_KEY_SIZE; i++)
        at += sprintf(at, "%02x", key->bytes[i]);
    return text;
}

/* The latest value of exactly that area; false when there is none. */
static bool value_of(const struct lane *lane, enum param param, uint32_t area, int64_t at_ms,
                     int64_t *ret_value)
{
    const struct rule_row *best = NULL;
    for (uint32_t i = 0; i < lane->rule_count; i++) {
        const struct rule_row *row = &lane->rules[i];
        if (row->param != (uint32_t)param || row->admdvs != area || row->eff_ms > at_ms) continue;
        if (best == NULL || row->eff_ms >= best->eff_ms) best = row;
    }
    if (best != NULL) *ret_value = best->value;
    return best != NULL;
}

int64_t lane_value(const struct lane *lane, enum param param, uint32_t area, int64_t at_ms)
{
    static const int64_t defaults[PARAM_COUNT] = {
#define X(symbol, name, kind, value, least, greatest) [PARAM_##symbol] = (value),
#include "wallet/params.def"
#undef X
    };
    int64_t value = 0;
    if (value_of(lane, param, area, at_ms, &value) ||
        value_of(lane, param, area / 10000 * 10000, at_ms, &value) ||
        value_of(lane, param, 0, at_ms, &value)) {
        return value;
    }
    return defaults[param];
}

/* -- the books ------------------------------------------------------------------------------ */

static struct psn_key area_key(uint32_t area)
{
    struct psn_key key = {{0}};
    le_store32(key.bytes, area);
    return key;
}

/* A lot, or a part of one, in somebody's hands. */
static void lot_held(const struct lot *lot, const struct psn_key *holder, int64_t sign, put_fn *put,
                     void *context)
{
    const struct psn_key area = area_key(lot->origin_admdvs);
    put(context, BOOK_HOLDER, &lot->origin, holder, -sign * lot->amount);
    put(context, BOOK_AREA, &lot->origin, &area, sign * lot->amount);
}

void books_row(enum person_row kind, struct bytes row, const struct psn_key *person, int64_t sign,
               put_fn *put, void *context)
{
    static const struct psn_key nobody;
    if (kind == PERSON_LOT && row.size == sizeof(struct lot)) {
        struct lot lot;
        memcpy(&lot, row.data, sizeof lot);
        lot_held(&lot, person, sign, put, context);
    } else if (kind == PERSON_TRANSFER && row.size <= sizeof(struct transfer_row)) {
        struct transfer_row t = {0};
        memcpy(&t, row.data, row.size);
        for (uint32_t i = 0; i < t.lot_count; i++)
            lot_held(&t.lots[i], person, sign, put, context);
    } else if (kind == PERSON_HOLDER && row.size == sizeof(struct holder_row)) {
        struct holder_row h;
        memcpy(&h, row.data, sizeof h);
        put(context, BOOK_HOLDER, person, &h.holder, sign * h.amount);
    } else if (kind == PERSON_HOLD && row.size == sizeof(struct hold_row)) {
        struct hold_row h;
        memcpy(&h, row.data, sizeof h);
        put(context, BOOK_SPENT, person, &nobody, sign * h.consumed);
    }
}

static void held_effect(const struct effect *e, int64_t sign, put_fn *put, void *context)
{
    static const struct psn_key nobody;
    const int64_t amount = sign * e->amount;
    switch ((enum held_why)e->why) {
    case HELD_MOVED:
        put(context, BOOK_HOLDER, &e->to, &e->other, -amount);
        put(context, BOOK_HOLDER, &e->to, &e->third, amount);
        break;
    case HELD_SPENT:
        put(context, BOOK_HOLDER, &e->to, &e->other, -amount);
        put(context, BOOK_SPENT, &e->to, &nobody, amount);
        break;
    case HELD_RESTORED:
        put(context, BOOK_HOLDER, &e->to, &e->other, amount);
        put(context, BOOK_SPENT, &e->to, &nobody, -amount);
        break;
    case HELD_RELEASED:
        put(context, BOOK_HOLDER, &e->to, &e->other, -amount);
        break;
    case HELD_RETURNED_SPENT:
        put(context, BOOK_SPENT, &e->to, &nobody, -amount);
        break;
    }
}

void books_effect(const struct effect *effect, int64_t sign, put_fn *put, void *context)
{
    if (effect->kind == EFFECT_HELD) held_effect(effect, sign, put, context);
    if (effect->kind != EFFECT_CREDIT) return;
    for (uint32_t i = 0; i < effect->lot_count; i++)
        lot_held(&effect->lots[i], &effect->to, sign, put, context);
}
