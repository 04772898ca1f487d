#include "ledger/tally.h"

#include <errno.h>

#include "ledger/radix.h"
#include "util/le.h"

void tally_key_encode(const struct tally_key *key, uint8_t out[TALLY_KEY_SIZE])
{
    be_store32(out, key->kind);
    be_store32(out + 4, key->period);
    be_store32(out + 8, key->part);
    out[12] = key->payer;
    out[13] = key->payee;
    out[14] = key->line;
    out[15] = key->insurance;
}

static uint32_t part_of(const struct record_facts *facts, enum tally_kind kind)
{
    switch (kind) {
    case TALLY_DAY:
        return facts->day;
    case TALLY_PAYER_AREA:
        return facts->ref.insu_admdvs;
    case TALLY_PAYEE_AREA:
        return facts->mdtrtarea_admvs;
    }
    return 0;
}

struct tally_key tally_key_of(const struct record_facts *facts, enum tally_kind kind)
{
    return (struct tally_key){
        .kind = kind,
        .period = facts->period,
        .part = part_of(facts, kind),
        .payer = facts->payer,
        .payee = facts->payee,
        .line = facts->line,
        .insurance = facts->insurance,
    };
}

static void add(int64_t *sum, int64_t amount)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)amount);
}

static void subtract(int64_t *sum, int64_t amount)
{
    *sum = (int64_t)((uint64_t)*sum - (uint64_t)amount);
}

/* Takes numbers into first and last; 0 is none. */
static void widen(struct tally *tally, uint64_t first_seq, uint64_t last_seq)
{
    if (first_seq == 0) return;
    if (tally->first_seq == 0 || first_seq < tally->first_seq) tally->first_seq = first_seq;
    if (last_seq > tally->last_seq) tally->last_seq = last_seq;
}

void tally_count(struct tally *tally, const struct record_facts *facts)
{
    const bool refund = facts->kind == RECORD_REFUND;
    if ((facts->flags & RECORD_TAKEN_BACK) != 0) {
        tally->count--;
        tally->refund_count -= refund;
        subtract(&tally->medfee, facts->medfee);
        for (int fund = 0; fund < FUND_COUNT; fund++)
            subtract(&tally->funds[fund], facts->funds[fund]);
        tally->checksum -= facts->content_hash;
        return;
    }
    tally->count++;
    tally->refund_count += refund;
    add(&tally->medfee, facts->medfee);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        add(&tally->funds[fund], facts->funds[fund]);
    tally->checksum += facts->content_hash;
    widen(tally, facts->seq, facts->seq);
}

/* What the row held before is added to `tally`, and the row put again. */
static int put_row(struct store_txn *txn, struct tally *tally)
{
    uint8_t key[TALLY_KEY_SIZE];
    struct bytes value;
    struct tally before;

    tally_key_encode(&tally->key, key);
    int r = store_txn_get(txn, STORE_TALLY, (struct bytes){key, sizeof key}, &value);
    if (r == 0) {
        if (value.size != sizeof before) return -EUCLEAN;
        memcpy(&before, value.data, sizeof before);
        tally->count += before.count;
        tally->refund_count += before.refund_count;
        add(&tally->medfee, before.medfee);
        for (int fund = 0; fund < FUND_COUNT; fund++)
            add(&tally->funds[fund], before.funds[fund]);
        tally->checksum += before.checksum;
        widen(tally, before.first_seq, before.last_seq);
    } else if (r != -ENOENT) {
        return r;
    }
    return store_put(txn, STORE_TALLY, (struct bytes){key, sizeof key},
                     (struct bytes){(const uint8_t *)tally, sizeof *tally});
}

/* Keys of one kind in 63 bits that sort as the keys do: yyyymm, yyyymmdd or an area, two of 32
 * provinces, a line, a class. */
#define PACKED_BITS 63

static uint64_t packed(const struct record_facts *facts, enum tally_kind kind)
{
    return (uint64_t)facts->period << 43 | (uint64_t)part_of(facts, kind) << 16 |
           (uint64_t)facts->payer << 11 | (uint64_t)facts->payee << 6 | (uint64_t)facts->line << 2 |
           facts->insurance;
}

#define AHEAD 12 /* Records asked for before they are added: sorted, they lie anywhere. */

static void ask_for(const struct record_facts *facts, const struct id *places, uint32_t i,
                    uint32_t count)
{
    if (i >= count) return;
    const char *record = (const char *)&facts[places[i].seq];
    __builtin_prefetch(record);
    __builtin_prefetch(record + 64);
    __builtin_prefetch(record + sizeof *facts - 1);
}

int tally_put(struct store_txn *txn, const struct record_facts *facts, uint32_t count,
              struct id *places, struct id *places_sorted)
{
    for (enum tally_kind kind = TALLY_DAY; kind <= TALLY_PAYEE_AREA; kind++) {
        struct id *from = places;
        struct id *to = places_sorted;
        for (uint32_t i = 0; i < count; i++)
            from[i] = (struct id){.hash = packed(&facts[i], kind), .seq = i};
        for (unsigned shift = 0; shift < PACKED_BITS; shift += RADIX_BITS) {
            if (!radix_pass(from, to, count, shift)) continue;
            struct id *swap = from;
            from = to;
            to = swap;
        }
        for (uint32_t i = 0; i < count;) {
            const uint64_t key = from[i].hash;
            struct tally tally = {.key = tally_key_of(&facts[from[i].seq], kind)};
            for (; i < count && from[i].hash == key; i++) {
                ask_for(facts, from, i + AHEAD, count);
                tally_count(&tally, &facts[from[i].seq]);
            }
            const int r = put_row(txn, &tally);
            if (r != 0) return r;
        }
    }
    return 0;
}
