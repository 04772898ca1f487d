#include "tests/lib/plain_laws.h"

#include "codec/mail.h"
#include "tests/lib/unit.h"

#define TYPE 0x0777

static uint8_t words[WALLET_BODY_MAX];
static uint8_t by_ops[TERSE_ROOM(WALLET_BODY_MAX)];
static uint8_t at_once[TERSE_ROOM(WALLET_BODY_MAX)];
static uint64_t seen[PLAIN_CREDITED + 1];

uint64_t plain_law_seen(enum plain_kind kind)
{
    return seen[kind];
}

static void same(const struct ops_writer *writer, size_t items_at, size_t size)
{
    assert_false(writer->full);
    assert_int_equal(size, ops_shorten(writer, items_at, by_ops));
    assert_memory_equal(at_once, by_ops, size);
}

void put_decision(struct ops_writer *writer, const struct wallet_decision *decision,
                  const struct person *before, const struct person *after)
{
    ops_put_person(writer, before, after, true);
    ops_put(writer, OP_SAID, 0, &decision->said, sizeof decision->said);
    decision_write(decision, writer);
}

void plain_order_law(const struct wallet_decision *decision, const struct person *before,
                     const struct person *after)
{
    const struct wallet_decision *d = decision;
    const char message[] = "any message";
    const struct wallet_fact fact = {
        .psn_key = d->effects[0].to, .wallet_state = 1, .use_loc_admdvs = 510100, .lots = 3};
    const struct wallet_id ids[] = {
        {ID_MSGID, 53, "MSG-1"}, {ID_CLIENT, TYPE, "CLIENT-1"}, d->ids[0]};
    const struct plain_order order = {
        .type = TYPE,
        .message = bytes_of(message),
        .fact = &fact,
        .person = after,
        .decision = d,
        .ids = ids,
        .id_count = 2 + d->id_count,
    };
    struct ops_writer writer;

    if (d->plain == PLAIN_NONE) return;
    seen[d->plain]++;
    ops_begin(&writer, words, sizeof words, TYPE, order.message,
              (struct bytes){(const uint8_t *)&fact, sizeof fact});
    put_decision(&writer, d, before, after);
    for (uint32_t i = 0; i < order.id_count; i++)
        ops_put_id(&writer, ids[i].domain, ids[i].scope, bytes_of(ids[i].text));
    same(&writer, 0, plain_write_order(&order, at_once));
}

static struct plain_item item_of(const struct wallet_decision *d, const uint8_t *data,
                                 const struct person *after)
{
    struct plain_item item = {.kind = d->plain, .data = data, .last_seq = after->head.last_seq};
    if (d->plain == PLAIN_OFFERED) {
        item.offer = after->offers[after->offer_count - 1];
    } else {
        item.wallet = after->wallet;
        item.lot = after->lots[after->lot_count - 1];
    }
    return item;
}

/* Adds an item to a batch; gives where its bytes stand. */
static const uint8_t *put_item(uint8_t *message, size_t *size, uint16_t op, const void *data,
                               size_t data_size)
{
    uint8_t *at = message + *size;
    le_store16(at, (uint16_t)data_size);
    le_store16(at + 2, op);
    memcpy(at + 4, data, data_size);
    *size += 4 + data_size;
    assert_true(*size <= MAIL_BATCH_MAX);
    return at + 4;
}

void plain_mail_law(const struct wallet_decision *decision, const struct effect *effect,
                    const struct person *before, const struct person *after)
{
    const struct wallet_decision *d = decision;
    struct outgoing out = {.type = OUT_TRSF_NOTICE, .dest = OUTBOX_APP, .amount = 70000};
    uint8_t message[MAIL_BATCH_MAX] = {1, 0, 0, 0, 2, 0, 0, 0, 71};
    size_t size = MAIL_HEAD_SIZE;
    struct ops_writer writer;

    if (d->plain == PLAIN_NONE) return;
    seen[d->plain]++;
    assert_int_equal(d->effect_count + d->out_count + d->id_count + d->used_count, 0);
    memcpy(out.id, effect->id, sizeof effect->id);
    const uint8_t *first = put_item(message, &size, OP_OUT, &out, sizeof out);
    const uint8_t *second = put_item(message, &size, OP_EFFECT, effect, effect_size(effect));
    const struct plain_item items[] = {{.data = first, .dest = OUTBOX_APP, .position = 300},
                                       item_of(d, second, after)};

    ops_begin(&writer, words, sizeof words, TYPE, (struct bytes){message, size}, (struct bytes){0});
    const size_t body = writer.size;
    out.position = 300;
    ops_put(&writer, OP_QUEUE, 0, &out, sizeof out);
    ops_put_person(&writer, before, after, true);
    assert_int_equal(writer.size - body, plain_item_size(PLAIN_NONE) + plain_item_size(d->plain));
    same(&writer, MAIL_HEAD_SIZE,
         plain_write_mail(TYPE, (struct bytes){message, MAIL_HEAD_SIZE}, items, 2, at_once));
}
