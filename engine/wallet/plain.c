#include "wallet/plain.h"

#include "types/ensure.h"
#include "wallet/terse_put.h"

#define ROW(row) ((const uint8_t *)(row))

static inline void put_record(struct terse *t, enum op_kind op, unsigned kind)
{
    *t->to++ = (uint8_t)((unsigned)op | kind << 4);
}

/* -- rows of which most is zero -------------------------------------------------------------- */

static inline struct row begin(const struct terse *t, enum shape_name name)
{
    return row_begin(t, codes_size(&shapes[name]));
}

static inline void end(struct terse *t, const struct row *row, enum shape_name name)
{
    row_end(t, row, codes_size(&shapes[name]));
}

static inline bool is_nobody(const struct psn_key *key)
{
    return (le_load64(key->bytes) | le_load64(key->bytes + 8)) == 0;
}

/* Fields that are not named are zero. */
static void put_fact(struct terse *t, const struct wallet_fact *f)
{
    if ((f->code | f->disputed | f->year | f->decided) != 0 || f->due != 0) {
        terse_put_row(t, SHAPE_FACT, ROW(f));
        return;
    }
    struct row row = begin(t, SHAPE_FACT);
    put_key(t, &row, 0, f->psn_key.bytes);
    put_small(&row, 1, f->wallet_state);
    put_small(&row, 2, f->insured_state);
    put_small(&row, 3, f->insutype);
    put_small(&row, 4, f->insu_admdvs);
    put_small(&row, 5, f->use_loc_admdvs);
    put_small(&row, 6, f->lots);
    put_small(&row, 7, f->relations);
    put_small(&row, 8, f->offers);
    end(t, &row, SHAPE_FACT);
}

/* An effect of a transfer, but for its lots. */
static void put_effect(struct terse *t, const struct effect *e)
{
    if ((e->why | e->code | e->year | e->line) != 0 || !is_nobody(&e->third)) {
        terse_put_row(t, SHAPE_EFFECT, ROW(e));
        return;
    }
    struct row row = begin(t, SHAPE_EFFECT);
    put_small(&row, 0, e->kind);
    put_key(t, &row, 2, e->to.bytes);
    put_key(t, &row, 3, e->other.bytes);
    put_id(t, &row, 5, e->id);
    put_small(&row, 7, e->admdvs);
    put_small(&row, 10, e->lot_count);
    put_number(t, &row, 11, (uint64_t)e->amount);
    put_number(t, &row, 12, (uint64_t)e->at_ms);
    end(t, &row, SHAPE_EFFECT);
}

/* A message to a province or the platform. */
static void put_outgoing(struct terse *t, const struct outgoing *o)
{
    if (o->position != 0 || (o->why | o->insutype | o->year | o->period | o->line) != 0) {
        terse_put_row(t, SHAPE_OUTGOING, ROW(o));
        return;
    }
    struct row row = begin(t, SHAPE_OUTGOING);
    put_small(&row, 0, o->type);
    put_small(&row, 1, o->dest);
    put_number(t, &row, 3, (uint64_t)o->at_ms);
    put_sender_id(t, &row, 4, o->id);
    put_sender_id(t, &row, 5, o->ref);
    put_key(t, &row, 6, o->psn_key.bytes);
    put_number(t, &row, 7, (uint64_t)o->amount);
    put_number(t, &row, 8, (uint64_t)o->exp_ms);
    put_small(&row, 10, o->admdvs);
    end(t, &row, SHAPE_OUTGOING);
}

static void put_said(struct terse *t, const struct wallet_said *s)
{
    if (s->order_no[0] != 0 || (s->number | s->year | s->lot_count | s->period) != 0) {
        terse_put_row(t, SHAPE_SAID, ROW(s));
        return;
    }
    struct row row = begin(t, SHAPE_SAID);
    put_id(t, &row, 0, s->id);
    put_small(&row, 1, s->stas);
    put_number(t, &row, 3, (uint64_t)s->amount);
    put_number(t, &row, 4, (uint64_t)s->balc);
    put_number(t, &row, 5, (uint64_t)s->exp_ms);
    end(t, &row, SHAPE_SAID);
}

static inline void put_holder(struct terse *t, const struct holder_row *holder)
{
    struct row row = begin(t, SHAPE_HOLDER);
    put_key(t, &row, 0, holder->holder.bytes);
    put_number(t, &row, 1, (uint64_t)holder->amount);
    end(t, &row, SHAPE_HOLDER);
}

static inline void put_person(struct terse *t, const struct psn_key *key, uint64_t last_seq)
{
    put_record(t, OP_PERSON, 0);
    struct row row = begin(t, SHAPE_PERSON);
    put_key(t, &row, 0, key->bytes);
    put_number(t, &row, 1, last_seq);
    end(t, &row, SHAPE_PERSON);
}

static void put_drop_id(struct terse *t, enum person_row kind, const char *id)
{
    put_record(t, OP_DROP, kind);
    struct row row = begin(t, SHAPE_ID);
    put_id(t, &row, 0, id);
    end(t, &row, SHAPE_ID);
}

static inline void put_row(struct terse *t, enum person_row kind, const void *row)
{
    put_record(t, OP_PUT, kind);
    terse_put_row(t, (enum shape_name)put_shapes[kind], row);
}

/* -- sizes in words -------------------------------------------------------------------------- */

/* Of an op with its head. */
#define OP_WORDS(size) (OP_WORD + ((size) + OP_WORD - 1) / OP_WORD * OP_WORD)

#define PERSON_WORDS OP_WORDS(PSN_KEY_SIZE + 8)
#define OFFER_WORDS  (PERSON_WORDS + OP_WORDS(sizeof(struct offer_row)))
#define CREDIT_WORDS                                                                     \
    (PERSON_WORDS + OP_WORDS(sizeof(struct wallet_row)) + OP_WORDS(sizeof(struct lot)) + \
     OP_WORDS(WALLET_ID_SIZE))

size_t plain_item_size(enum plain_kind kind)
{
    switch (kind) {
    case PLAIN_OFFERED:
        return OFFER_WORDS;
    case PLAIN_CREDITED:
        return CREDIT_WORDS;
    default:
        return OP_WORDS(sizeof(struct outgoing));
    }
}

/* The head of the body, and what its words would be; gives the size of all, or 0 when they would be
 * no more. */
static size_t finish(const struct terse *t, uint8_t *out, uint16_t type,
                     const struct terse_form *form, size_t words)
{
    const size_t size = (size_t)(t->to - out);
    if (size - WALLET_BODY_HEAD >= words || words > WALLET_BODY_MAX - WALLET_BODY_HEAD) return 0;
    le_store16(out, type);
    out[2] = (uint8_t)form->fact_size;
    out[3] = (uint8_t)(BODY_TERSE | form->items_at);
    le_store16(out + 4, (uint16_t)form->message_size);
    le_store16(out + 6, (uint16_t)(words / OP_WORD));
    return size;
}

/* -- orders ---------------------------------------------------------------------------------- */

static size_t put_ids(struct terse *t, const struct wallet_id *ids, uint32_t count)
{
    size_t words = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct text text;
        memcpy(&text, ids[i].text, sizeof text);
        put_id_op(t, (uint8_t)ids[i].domain, ids[i].scope, &text);
        words += OP_WORDS(4 + text_size(&text));
    }
    return words;
}

/* True when ids as long as these are written as ids. */
static bool ids_fit(const struct wallet_id *ids, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ids[i].text[sizeof(struct text)] != 0) return false;
    }
    return true;
}

/* The counters of the day, what is held, the transfer itself; the answer, the offer, the notice. */
static size_t put_begun(struct terse *t, const struct person *person,
                        const struct wallet_decision *d)
{
    put_row(t, PERSON_LIMITS, &person->limits);
    put_row(t, PERSON_HOLD, &person->hold);
    put_row(t, PERSON_TRANSFER, &person->transfers[person->transfer_count - 1]);
    put_record(t, OP_SAID, 0);
    put_said(t, &d->said);
    put_record(t, OP_EFFECT, d->effects[0].kind);
    put_effect(t, &d->effects[0]);
    put_record(t, OP_OUT, 0);
    put_outgoing(t, &d->out[0]);
    return OP_WORDS(sizeof person->limits) + OP_WORDS(sizeof person->hold) +
           OP_WORDS(offsetof(struct transfer_row, lots)) + OP_WORDS(sizeof d->said) +
           OP_WORDS(offsetof(struct effect, lots)) + OP_WORDS(sizeof d->out[0]);
}

/* The transfer that ends, what the receiver holds now; the answer, the credit and its lot. */
static size_t put_taken(struct terse *t, const struct person *person,
                        const struct wallet_decision *d)
{
    const struct effect *credit = &d->effects[0];
    put_drop_id(t, PERSON_TRANSFER, credit->id);
    put_record(t, OP_PUT, PERSON_HOLDER);
    put_holder(t, &person->holders[d->holder]);
    put_record(t, OP_SAID, 0);
    put_said(t, &d->said);
    put_record(t, OP_EFFECT, credit->kind);
    put_effect(t, credit);
    terse_put_row(t, SHAPE_LOT, ROW(&credit->lots[0]));
    return OP_WORDS(WALLET_ID_SIZE) + OP_WORDS(sizeof(struct holder_row)) +
           OP_WORDS(sizeof d->said) + OP_WORDS(offsetof(struct effect, lots) + sizeof(struct lot));
}

size_t plain_write_order(const struct plain_order *order, uint8_t *out)
{
    const struct wallet_decision *d = order->decision;
    const struct terse_form form = {.message_size = order->message.size,
                                    .fact_size = sizeof *order->fact};
    struct terse t;

    if (d->plain != PLAIN_BEGUN && d->plain != PLAIN_TAKEN) return 0;
    if (!ids_fit(order->ids, order->id_count)) return 0;
    terse_begin(&t, out + WALLET_BODY_HEAD);
    memcpy(t.to, order->message.data, order->message.size);
    t.to += order->message.size;
    put_fact(&t, order->fact);
    put_person(&t, &order->person->key, order->person->head.last_seq);
    size_t words = op_padded(order->message.size) + sizeof *order->fact + PERSON_WORDS;
    words +=
        d->plain == PLAIN_BEGUN ? put_begun(&t, order->person, d) : put_taken(&t, order->person, d);
    words += put_ids(&t, order->ids, order->id_count);
    return finish(&t, out, order->type, &form, words);
}

/* -- mail ------------------------------------------------------------------------------------ */

/* The item as it came; gives its size in the batch. */
static size_t put_item(struct terse *t, const struct plain_item *item)
{
    struct outgoing out;
    struct effect effect;
    if (item->kind == PLAIN_NONE) {
        memcpy(&out, item->data, sizeof out);
        *t->to++ = OP_OUT;
        put_outgoing(t, &out);
        return OP_WORD + sizeof out;
    }
    const size_t front = offsetof(struct effect, lots);
    memcpy(&effect, item->data, front);
    *t->to++ = OP_EFFECT;
    put_effect(t, &effect);
    if (item->kind == PLAIN_OFFERED) return OP_WORD + front;
    terse_put_row(t, SHAPE_LOT, item->data + front);
    return OP_WORD + front + sizeof(struct lot);
}

static void put_became(struct terse *t, const struct plain_item *item)
{
    struct psn_key to;
    if (item->kind == PLAIN_NONE) {
        *t->to++ = RECORD_QUEUE;
        put_position(t, item->position);
        return;
    }
    memcpy(&to, item->data + offsetof(struct effect, to), sizeof to);
    put_person(t, &to, item->last_seq);
    if (item->kind == PLAIN_OFFERED) {
        put_row(t, PERSON_OFFER, &item->offer);
        return;
    }
    put_row(t, PERSON_WALLET, &item->wallet);
    put_row(t, PERSON_LOT, &item->lot);
    put_drop_id(t, PERSON_OFFER, (const char *)item->data + offsetof(struct effect, id));
}

size_t plain_write_mail(uint16_t type, struct bytes head, const struct plain_item *items,
                        uint32_t count, uint8_t *out)
{
    struct terse_form form = {.message_size = head.size, .items_at = head.size};
    struct terse t;
    size_t words = 0;

    ENSURE(count <= PLAIN_ITEMS_MAX && head.size <= BODY_ITEMS_AT && head.size % OP_WORD == 0);
    terse_begin(&t, out + WALLET_BODY_HEAD);
    memcpy(t.to, head.data, head.size);
    t.to += head.size;
    for (uint32_t i = 0; i < count; i++)
        form.message_size += put_item(&t, &items[i]);
    for (uint32_t i = 0; i < count; i++) {
        put_became(&t, &items[i]);
        words += plain_item_size(items[i].kind);
    }
    return finish(&t, out, type, &form, form.message_size + words);
}
