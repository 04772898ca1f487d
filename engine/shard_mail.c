/* shard_mail -- effects on their way between shards: put, handed out, taken, acknowledged
 * (codec/mail.h has the two promises).
 *
 * An item is a row: 'M', the shard, its number -> seq of the entry that made it (8), op (2), data.
 * Most are acknowledged within milliseconds. So rows stay in memory, in a ring for each shard, and
 * only those that still wait at a checkpoint go onto the shelf with it; what the ring has no place
 * for goes there at once. After a crash they are in the store, or made again by the replay. What is
 * sent twice is passed over by who has it. */
#include <stdlib.h>

#include "codec/mail.h"
#include "shard_internal.h"
#include "types/ensure.h"
#include "util/le.h"

#define MAIL_KEY_SIZE  (1 + 1 + 8)
#define ROW_HEAD_SIZE  10
#define ITEM_DATA_MAX  sizeof(struct effect)
#define ITEMS_MAX      (MAIL_BATCH_MAX / (4 + offsetof(struct effect, lots)) + 1) /* Of a batch. */
#define MAIL_WINDOW    4096 /* Items for one shard that are out and not acknowledged. */
#define MAIL_ACK_EVERY 1024 /* Taken items after which we say so, even without any mail. */
#define RING_SLOTS     2048 /* Of each shard; … */
#define RING_SLOTS_FEW 8192 /* … where they are few, each is sent more. Powers of two. */
#define FEW_SHARDS     8
#define RING_DATA_MAX \
    (offsetof(struct effect, lots) + sizeof(struct lot)) /* Larger ones are few. */

_Static_assert(sizeof(struct outgoing) <= ITEM_DATA_MAX, "both kinds of items fit");
_Static_assert(sizeof(struct outgoing) >= offsetof(struct effect, lots), "for ITEMS_MAX");

struct mail_slot {
    uint64_t number; /* 0: nothing is here. */
    uint16_t size;
    bool shelved; /* A checkpoint has it, too. */
    uint8_t row[ROW_HEAD_SIZE + RING_DATA_MAX];
};

_Static_assert(sizeof(struct outgoing) <= RING_DATA_MAX, "messages have a place in the ring");

static void mail_key(uint32_t shard, uint64_t number, uint8_t out[MAIL_KEY_SIZE])
{
    out[0] = 'M';
    out[1] = (uint8_t)shard;
    be_store64(out + 2, number);
}

/* -- state ----------------------------------------------------------------------------------- */

static uint32_t ring_slots(uint32_t shards)
{
    return shards <= FEW_SHARDS ? RING_SLOTS_FEW : RING_SLOTS;
}

struct mail_slot *mail_ring_new(uint32_t shards)
{
    return calloc((size_t)shards * ring_slots(shards), sizeof(struct mail_slot));
}

size_t mail_ring_bytes(uint32_t shards)
{
    return (size_t)shards * ring_slots(shards) * sizeof(struct mail_slot);
}

static struct mail_slot *slot_of(const struct shard *shard, uint32_t to, uint64_t number)
{
    const uint32_t slots = ring_slots(shard->config.shards);
    return &shard->mail_ring[(size_t)to * slots + (number & (slots - 1))];
}

void mail_put(struct shard *shard, uint32_t to, uint16_t op, struct bytes data, uint64_t seq)
{
    ENSURE(to < shard->config.shards && data.size <= ITEM_DATA_MAX);
    const uint64_t number = shard->counters.mail_next[to]++;
    struct mail_slot *slot = slot_of(shard, to, number);
    uint8_t row[ROW_HEAD_SIZE + ITEM_DATA_MAX];
    const size_t size = ROW_HEAD_SIZE + data.size;
    const bool in_ring = slot->number == 0 && data.size <= RING_DATA_MAX;
    uint8_t *out = in_ring ? slot->row : row;
    le_store64(out, seq);
    le_store16(out + 8, op);
    memcpy(out + ROW_HEAD_SIZE, data.data, data.size);
    if (in_ring) {
        slot->number = number;
        slot->size = (uint16_t)size;
        slot->shelved = false;
        shard->mail_unshelved += SHELF_ROW_COST + size;
        shelf_spend(shard, size);
    } else {
        uint8_t key[MAIL_KEY_SIZE];
        mail_key(to, number, key);
        shelf_write_new(shard, (struct bytes){key, sizeof key}, (struct bytes){row, size});
    }
}

bool mail_row(const struct shard *shard, uint32_t to, uint64_t number, struct bytes *ret_row)
{
    const struct mail_slot *slot = slot_of(shard, to, number);
    uint8_t key[MAIL_KEY_SIZE];
    if (slot->number == number) {
        *ret_row = (struct bytes){slot->row, slot->size};
        return true;
    }
    mail_key(to, number, key);
    return shelf_read(shard, (struct bytes){key, sizeof key}, ret_row);
}

/* The other shard has it. */
static void forget(struct shard *shard, uint32_t to, uint64_t number)
{
    struct mail_slot *slot = slot_of(shard, to, number);
    const bool in_ring = slot->number == number;
    if (in_ring) slot->number = 0;
    if (in_ring && !slot->shelved) {
        shard->mail_unshelved -= SHELF_ROW_COST + slot->size;
    } else {
        uint8_t key[MAIL_KEY_SIZE];
        mail_key(to, number, key);
        shelf_erase(shard, (struct bytes){key, sizeof key});
    }
}

void mail_took(struct shard *shard, const struct mail_batch *batch)
{
    const uint32_t from = batch->from;
    ENSURE(from < shard->config.shards);
    uint64_t *has = &shard->counters.mail_has[from];
    uint64_t *acked = &shard->counters.mail_acked[from];

    ENSURE(batch->count == 0 || batch->first == *has + 1); /* (M1) */
    ENSURE(batch->has < shard->counters.mail_next[from]);
    *has += batch->count;
    while (*acked < batch->has)
        forget(shard, from, ++*acked);
}

void mail_freeze(struct shard *shard)
{
    const uint32_t slots = ring_slots(shard->config.shards);
    if (shard->mail_unshelved == 0) return;
    for (uint32_t to = 0; to < shard->config.shards; to++) {
        for (uint32_t i = 0; i < slots; i++) {
            struct mail_slot *slot = &shard->mail_ring[(size_t)to * slots + i];
            uint8_t key[MAIL_KEY_SIZE];
            if (slot->number == 0 || slot->shelved) continue;
            mail_key(to, slot->number, key);
            shelf_put_new(shard->shelf, (struct bytes){key, sizeof key},
                          (struct bytes){slot->row, slot->size});
            slot->shelved = true;
        }
    }
    shard->mail_unshelved = 0;
}

void mail_seal(struct shard *shard)
{
    memcpy(shard->mail_sealed, shard->counters.mail_has, sizeof shard->mail_sealed);
}

void mail_durable(struct shard *shard)
{
    memcpy(shard->mail_safe, shard->mail_sealed, sizeof shard->mail_safe);
}

/* -- handing out ----------------------------------------------------------------------------- */

static uint64_t last_sent(const struct shard *shard, uint32_t to)
{
    const uint64_t acked = shard->counters.mail_acked[to];
    return shard->mail_sent[to] > acked ? shard->mail_sent[to] : acked;
}

/* The next item for a shard, if it may leave: (M2). */
static bool next_item(const struct shard *shard, uint32_t to, uint64_t number,
                      struct bytes *ret_row)
{
    if (number >= shard->counters.mail_next[to] ||
        number > shard->counters.mail_acked[to] + MAIL_WINDOW) {
        return false;
    }
    ENSURE(mail_row(shard, to, number, ret_row));
    ENSURE(ret_row->size >= ROW_HEAD_SIZE);
    return le_load64(ret_row->data) <= shard->durable_seq;
}

/* Who sends much gets to know in time that it may forget. */
static bool ack_waits(const struct shard *shard, uint32_t to)
{
    return shard->mail_safe[to] - shard->mail_said[to] >= MAIL_ACK_EVERY;
}

size_t shard_mail_take(struct shard *shard, uint32_t to, uint8_t *out)
{
    struct mail_batch batch = {
        .from = shard->config.shard,
        .first = last_sent(shard, to) + 1,
        .has = shard->mail_safe[to],
    };
    size_t size = MAIL_HEAD_SIZE;
    struct bytes row;

    while (next_item(shard, to, batch.first + batch.count, &row)) {
        const struct bytes data = {row.data + ROW_HEAD_SIZE, row.size - ROW_HEAD_SIZE};
        const size_t more =
            mail_write_item(le_load16(row.data + 8), data, out + size, MAIL_BATCH_MAX - size);
        if (more == 0) break;
        size += more;
        batch.count++;
    }
    if (batch.count == 0 && !ack_waits(shard, to)) return 0;
    mail_write_head(&batch, out);
    shard->mail_sent[to] = batch.first + batch.count - 1;
    shard->mail_said[to] = batch.has;
    return size;
}

bool shard_mail_waits(const struct shard *shard)
{
    struct bytes row;
    for (uint32_t to = 0; to < shard->config.shards; to++) {
        if (ack_waits(shard, to) || next_item(shard, to, last_sent(shard, to) + 1, &row)) {
            return true;
        }
    }
    return false;
}

/* -- taking ---------------------------------------------------------------------------------- */

/* At most an entry an item, and the rows that an acknowledgement drops. What is no batch is refused
 * in any case. */
bool mail_has_room(const struct shard *shard, struct bytes batch)
{
    struct mail_batch b;
    uint32_t acked = 0;
    if (!mail_read_head(batch, &b) || b.from >= shard->config.shards) return true;
    if (b.count > ITEMS_MAX) return true;
    if (b.has > shard->counters.mail_acked[b.from]) {
        acked = (uint32_t)(b.has - shard->counters.mail_acked[b.from]);
    }
    return wallets_have_room(shard, b.count + 1, acked);
}

/* True when the sender is another program, or damage: nothing of it may be believed. */
static bool batch_odd(const struct shard *shard, const struct mail_batch *batch)
{
    struct bytes rest = batch->items;
    struct bytes data;
    uint16_t op;
    if (batch->from >= shard->config.shards || batch->first == 0) return true;
    if (batch->has >= shard->counters.mail_next[batch->from]) return true;
    while (mail_next(&rest, &op, &data)) {
        if (!mail_item_sound(shard, op, data)) return true;
    }
    return false;
}

/* Takes up to so many items off the front. */
static void skip(struct mail_batch *batch, uint64_t count)
{
    struct bytes data;
    uint16_t op;
    if (count >= batch->count) {
        batch->first += batch->count;
        batch->items = (struct bytes){batch->items.data + batch->items.size, 0};
        batch->count = 0;
        return;
    }
    for (; count != 0; count--) {
        ENSURE(mail_next(&batch->items, &op, &data));
        batch->first++;
        batch->count--;
    }
}

void take_mail(struct shard *shard, const struct request *request, int64_t now_ms)
{
    struct mail_batch batch;

    if (!mail_decode(request->body, &batch) || batch_odd(shard, &batch)) {
        put_answer(shard, request, ERROR_MALFORMED);
        return;
    }
    const uint64_t *has = &shard->counters.mail_has[batch.from];
    skip(&batch, *has < batch.first ? 0 : *has - batch.first + 1);
    if (batch.first > *has + 1) skip(&batch, batch.count); /* What is missing comes first. */
    if (batch.count > 1) mail_ahead(shard, &batch);
    while (batch.count != 0) {
        const uint32_t taken = judge_mail(shard, &batch, now_ms);
        append_wallet(shard);
        skip(&batch, taken);
    }
    if (batch.has > shard->counters.mail_acked[batch.from]) {
        batch.first = *has + 1;
        judge_mail(shard, &batch, now_ms);
        append_wallet(shard);
    }
    put_answer(shard, request, ERROR_OK)->seq = *has;
}
