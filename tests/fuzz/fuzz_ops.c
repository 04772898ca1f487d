/* Fuzz: any bytes as what the wallet keeps: the body of an entry, a packed person, an effect, and
 * the difference of two persons. What is taken fits its room, and is the same when it is written
 * and read again. The first byte says which. */
#include <stdlib.h>

#include "types/ensure.h"
#include "wallet/ops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct psn_key nobody;

/* What is packed is unpacked to the same, and its rows are within their limits. */
static void person_laws(const struct person *person)
{
    static uint8_t bytes[2][PERSON_PACKED_MAX];
    static struct person again;
    ENSURE(person->lot_count <= LOTS_MAX && person->transfer_count <= TRANSFERS_MAX);
    ENSURE(person->holder_count <= HOLDERS_MAX && person->filing_count <= FILINGS_MAX);
    const size_t size = person_pack(person, bytes[0]);
    ENSURE(size <= PERSON_PACKED_MAX);
    ENSURE(person_unpack((struct bytes){bytes[0], size}, person->key, &again));
    ENSURE(person_pack(&again, bytes[1]) == size);
    ENSURE(memcmp(bytes[0], bytes[1], size) == 0);
    ENSURE(person_due(person) == person_due(&again));
}

static bool unpack(struct bytes packed, struct person *person)
{
    if (!person_unpack(packed, nobody, person)) return false;
    person_laws(person);
    return true;
}

/* Rows that fit; others leave the person as it is. */
static void apply(struct bytes ops, struct person *person)
{
    struct op op;
    bool bad;
    while (ops_next(&ops, &op, &bad)) {
        if (op.op == OP_PUT || op.op == OP_DROP) op_apply(&op, person);
    }
}

static void lots_ascend(const struct person *person)
{
    for (uint32_t i = 1; i < person->lot_count; i++)
        ENSURE(person->lots[i - 1].number < person->lots[i].number);
}

/* As they are written: with zeros behind each. */
static bool ops_sound(struct bytes ops)
{
    struct op op;
    bool bad;
    bool zeros = true;
    while (ops_next(&ops, &op, &bad)) {
        ENSURE(op.op != 0 && op.op < OP_KIND_END);
        ENSURE(op.data.data + (op.data.size + 3) / 4 * 4 == ops.data);
        for (const uint8_t *at = op.data.data + op.data.size; at < ops.data; at++)
            zeros = zeros && *at == 0;
    }
    ENSURE(bad || ops.size == 0);
    return !bad && zeros;
}

/* Written as it was read, it is shortened to what says the same, as a message of any kind. */
static void shortened_laws(const struct wallet_entry *entry, size_t items_at)
{
    static uint8_t shortened[TERSE_ROOM(WALLET_BODY_MAX)];
    static uint8_t plain[WALLET_BODY_MAX];
    struct ops_writer writer;
    struct wallet_entry again;
    ops_begin(&writer, plain, sizeof plain, entry->type, entry->message, entry->fact);
    ops_put_all(&writer, entry->ops);
    if (writer.full) return;
    const size_t size = ops_shorten(&writer, items_at, shortened);
    ENSURE(size <= writer.size);
    ENSURE(wallet_entry_decode((struct bytes){shortened, size}, &again));
    ENSURE(again.type == entry->type && bytes_equal(again.message, entry->message));
    ENSURE(bytes_equal(again.fact, entry->fact) && bytes_equal(again.ops, entry->ops));
}

static void entry_laws(struct bytes body)
{
    static struct person person;
    struct wallet_entry entry;
    if (!wallet_entry_decode(body, &entry)) return;
    if (ops_sound(entry.ops)) {
        shortened_laws(&entry, 0);
        shortened_laws(&entry, 24);
    }
    person_clear(&person, nobody);
    apply(entry.ops, &person);
    lots_ascend(&person);
    person_laws(&person);
}

static void effect_laws(struct bytes data)
{
    uint8_t out[8 + sizeof(struct effect)];
    struct effect effect;
    struct ops_writer writer;
    struct bytes ops;
    struct op op;
    bool bad;
    if (!effect_decode(data, &effect)) return;
    ENSURE(effect_size(&effect) == data.size);
    writer = (struct ops_writer){.out = out, .room = sizeof out};
    ops_put_effect(&writer, &effect);
    ENSURE(!writer.full);
    ops = (struct bytes){out, writer.size};
    ENSURE(ops_next(&ops, &op, &bad));
    ENSURE(bytes_equal(op.data, data));
}

/* The difference of two persons, applied to the first, leaves no difference. Both are made by ops,
 * as every person is. */
static void difference_laws(struct bytes first, struct bytes second)
{
    static uint8_t out[4 * PERSON_PACKED_MAX];
    static struct person before;
    static struct person after;
    struct ops_writer writer = {.out = out, .room = sizeof out};
    person_clear(&before, nobody);
    apply(first, &before);
    person_copy(&after, &before);
    apply(second, &after);
    ops_put_person(&writer, &before, &after, false);
    ENSURE(!writer.full);
    apply((struct bytes){out, writer.size}, &before);
    lots_ascend(&before);
    person_laws(&before);
    writer = (struct ops_writer){.out = out, .room = sizeof out};
    ops_put_person(&writer, &before, &after, false);
    ENSURE(writer.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct person person;
    if (size < 3) return 0;
    const struct bytes body = {data + 3, size - 3};
    const size_t half = data[1] | (size_t)data[2] << 8;
    switch (data[0] % 4) {
    case 0:
        entry_laws(body);
        break;
    case 1:
        unpack(body, &person);
        break;
    case 2:
        effect_laws(body);
        break;
    default:
        if (half > body.size) return 0;
        difference_laws((struct bytes){body.data, half},
                        (struct bytes){body.data + half, body.size - half});
        break;
    }
    return 0;
}
