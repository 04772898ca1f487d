/* A story of two persons in two shards, told in entries made by hand: as it is it passes, wherever
 * it is cut off; with a single thing changed in it, that thing is named. */
#include <stdlib.h>
#include <string.h>

#include "proto/settlement.pb-c.h"
#include "proto/wallet.pb-c.h"
#include "tests/lib/unit.h"
#include "tools/verify/wallet_check.h"
#include "types/cell.h"
#include "types/wire.h"
#include "util/le.h"
#include "wallet/ops.h"
#include "world/world.h"

#define MORNING  INT64_C(1772416800000) /* 2026-03-02 10:00:00 in Shanghai. */
#define HOUR     INT64_C(3600000)
#define DAY      (24 * HOUR)
#define SIX      (MORNING - 4 * HOUR)
#define YUNNAN   530100
#define SICHUAN  510100
#define SHARDS   2
#define TELL_MAX 64

/* What may be changed, one at a time. */
enum lie {
    TRUTH,
    LIE_LOT,
    LIE_LOT_AREA,
    LIE_MAIL_LOST,
    LIE_MAIL_TWICE,
    LIE_MAIL_SWAPPED,
    LIE_MAIL_CHANGED,
    LIE_MAIL_SAYS_HAS,
    LIE_DEBT_MISSING,
    LIE_DEBT_PAYER,
    LIE_DEBT_FEN,
    LIE_DEBT_LINE,
    LIE_DEBT_TWICE,
    LIE_DEBT_SIGN,
    LIE_HOLDER,
    LIE_HOLDER_AND_HELD,
    LIE_CONSUMED,
    LIE_GRANTED,
    LIE_OVERDRAWN,
    LIE_PAST_SIX,
    LIE_FOURTH,
    LIE_NIGHT,
    LIE_TOO_MUCH,
    LIE_SECOND_PENDING,
    LIE_ACCEPT_LATE,
    LIE_END,
    LIE_NO_RELATION,
    LIE_CREDIT_LESS,
    LIE_OUTBOX_GAP,
    LIE_OUTBOX_OTHER,
    LIE_OUTBOX_LOST,
    LIE_ACK,
    LIE_USED_ORDER,
    LIE_USED_SUM,
    LIE_REVERSED_TOO_MUCH,
    LIE_REVERSED_OTHER,
    LIE_REVERSED_NOTHING,
    LIE_NOT_ASKED,
    LIE_NO_PAYMENT,
    LIE_PAYMENT_LESS,
    LIE_STRANGER,
    LIE_HISTORY,
    LIE_DROPPED,
    LIE_COUNT
};

static const char *const found[LIE_COUNT] = {
    [LIE_LOT] = "not balanced by",
    [LIE_LOT_AREA] = "lots change their area",
    [LIE_MAIL_LOST] = "mail 3 from shard 0 is taken after 1",
    [LIE_MAIL_TWICE] = "mail 3 from shard 0 is taken after 3",
    [LIE_MAIL_SWAPPED] = "mail 1 from shard 0 to shard 1 is not what was sent",
    [LIE_MAIL_CHANGED] = "mail 3 from shard 0 to shard 1 is not what was sent",
    [LIE_MAIL_SAYS_HAS] = "shard 1, seq 2: shard 0 says it has mail up to 1 of 0",
    [LIE_DEBT_MISSING] = "shard 1, seq 4: a debt 530100->510100 of 300.00 yuan is missing",
    [LIE_DEBT_PAYER] = "seq 5: nobody used what makes the debt 520100->510100",
    [LIE_DEBT_FEN] = "seq 5: nobody used what makes the debt 530100->510100 of 300.01 yuan",
    [LIE_DEBT_LINE] = "seq 5: a debt's line",
    [LIE_DEBT_TWICE] = "seq 6: nobody used what makes the debt",
    [LIE_DEBT_SIGN] = "seq 7: a debt of the wrong sign",
    [LIE_HOLDER] = "held is 500.00 yuan, transfers and holders have 500.01",
    [LIE_HOLDER_AND_HELD] = "not balanced by 0.01 yuan",
    [LIE_CONSUMED] = "spent and used differ by",
    [LIE_GRANTED] = "granted changes by what no province said",
    [LIE_OVERDRAWN] = "more is held or consumed than was granted",
    [LIE_PAST_SIX] = "is under way past its end",
    [LIE_FOURTH] = "more transfers in a day than allowed",
    [LIE_NIGHT] = "a transfer in the night",
    [LIE_TOO_MUCH] = "a transfer above the limit of one",
    [LIE_SECOND_PENDING] = "a second transfer under way to the same receiver",
    [LIE_ACCEPT_LATE] = "is under way past its end",
    [LIE_END] = "a transfer ends at another time",
    [LIE_NO_RELATION] = "a transfer is accepted without a relation",
    [LIE_CREDIT_LESS] = "credited is not what was accepted",
    [LIE_OUTBOX_GAP] = "outbox 32: position 2 follows 0",
    [LIE_OUTBOX_OTHER] = "an outbox gets another message than was sent",
    [LIE_OUTBOX_LOST] = "a message for an outbox was taken and not put into it",
    [LIE_ACK] = "outbox 32: acknowledged up to 9 of 1",
    [LIE_USED_ORDER] = "lots are not used in their order",
    [LIE_USED_SUM] = "what is paid is not what the used lots add up to",
    [LIE_REVERSED_TOO_MUCH] = "reversals go beyond the payment",
    [LIE_REVERSED_OTHER] = "lots are not given back last used first",
    [LIE_REVERSED_NOTHING] = "a reversal refers to no payment",
    [LIE_NOT_ASKED] = "another amount is paid than was asked",
    [LIE_NO_PAYMENT] = "seq 8: wlt_pay without a payment behind it or before it",
    [LIE_PAYMENT_LESS] = "moves 50.00 yuan instead of 50.01",
    [LIE_STRANGER] = "the person is at home in another shard",
    [LIE_HISTORY] = "its entry before this one is not the one named",
    [LIE_DROPPED] = "a row is dropped that is not there",
};

static const struct psn_key giver = {{1, 2, 3, 4}};          /* At home in shard 0 of 2, */
static const struct psn_key receiver = {{5, 6, 7, 0x90, 1}}; /* and in shard 1. */

/* One entry as it is told. */
struct told {
    uint32_t shard;
    struct entry entry;
    uint8_t body[ENTRY_BODY_MAX];
};

struct sent {
    uint16_t op;
    uint16_t size;
    uint8_t data[sizeof(struct effect)];
};

struct story {
    enum lie lie;
    int64_t now;
    struct told list[TELL_MAX];
    uint32_t count;
    struct ops_writer writer;
    uint64_t seqs[SHARDS];
    uint64_t last_seq[SHARDS]; /* Of giver and receiver. */
    struct sent mail[SHARDS][SHARDS][TELL_MAX];
    uint64_t mail_count[SHARDS][SHARDS];
    uint64_t mail_taken[SHARDS][SHARDS]; /* [to][from] */
    struct hold_row hold;
    int64_t at_holder;
    uint32_t transfers;
    uint64_t paid; /* Entry of the payment. */
};

static bool lies(const struct story *story, enum lie lie)
{
    return story->lie == lie;
}

/* -- entries -------------------------------------------------------------------------------- */

static struct told *tell(struct story *s, uint32_t shard, enum entry_kind kind)
{
    assert_true(s->count < TELL_MAX);
    struct told *told = &s->list[s->count++];
    *told = (struct told){.shard = shard};
    told->entry = (struct entry){
        .seq = ++s->seqs[shard], .stamp_ms = s->now, .kind = (uint16_t)kind, .period = 202603};
    told->entry.body.data = told->body;
    return told;
}

static void begin(struct story *s, uint32_t shard, uint16_t type, struct bytes message)
{
    struct told *told = tell(s, shard, ENTRY_WALLET);
    ops_begin(&s->writer, told->body, sizeof told->body, type, message, (struct bytes){0});
    told->entry.body.size = s->writer.size;
}

static void op(struct story *s, enum op_kind op, uint8_t kind, const void *data, size_t size)
{
    ops_put(&s->writer, op, kind, data, size);
    assert_false(s->writer.full);
    s->list[s->count - 1].entry.body.size = s->writer.size;
}

static void person(struct story *s, const struct psn_key *key)
{
    const uint32_t shard = key == &receiver;
    uint8_t data[PSN_KEY_SIZE + 8];
    memcpy(data, key, PSN_KEY_SIZE);
    le_store64(data + PSN_KEY_SIZE, s->last_seq[shard]);
    s->last_seq[shard] = s->seqs[shard];
    op(s, OP_PERSON, 0, data, sizeof data);
}

static void put(struct story *s, enum person_row kind, const void *row, size_t size)
{
    op(s, OP_PUT, (uint8_t)kind, row, size);
}

static void send(struct story *s, uint32_t to, enum op_kind kind, uint8_t letter, const void *data,
                 size_t size)
{
    const uint32_t from = s->list[s->count - 1].shard;
    struct sent *sent = &s->mail[from][to][s->mail_count[from][to]++];
    *sent = (struct sent){.op = (uint16_t)kind, .size = (uint16_t)size};
    memcpy(sent->data, data, size);
    op(s, kind, letter, data, size);
}

static void send_effect(struct story *s, const struct effect *effect)
{
    send(s, memcmp(&effect->to, &receiver, sizeof receiver) == 0, OP_EFFECT, (uint8_t)effect->kind,
         effect, effect_size(effect));
}

/* Begins the entry that takes the next `count` pieces of mail. */
static void take(struct story *s, uint32_t to, uint32_t from, uint32_t count)
{
    uint8_t batch[2048] = {0};
    size_t size = 24;
    uint64_t *taken = &s->mail_taken[to][from];
    le_store32(batch, from);
    le_store32(batch + 4, count);
    le_store64(batch + 8, *taken + 1);
    le_store64(batch + 16, s->mail_taken[from][to]);
    if (lies(s, LIE_MAIL_SAYS_HAS) && to == 1) le_store64(batch + 16, s->mail_count[to][from] + 1);
    for (uint32_t i = 0; i < count; i++) {
        const bool swap = lies(s, LIE_MAIL_SWAPPED) && to == 1 && from == 0 && *taken == 0;
        const struct sent *sent = &s->mail[from][to][*taken + (swap ? count - 1 - i : i)];
        le_store16(batch + size, sent->size);
        le_store16(batch + size + 2, sent->op);
        memcpy(batch + size + 4, sent->data, sent->size);
        size += 4 + sent->size;
    }
    if (lies(s, LIE_MAIL_CHANGED) && to == 1 && *taken == 2) batch[24 + 4 + 60] ^= 1;
    *taken += count;
    begin(s, to, REQUEST_MAIL, (struct bytes){batch, size});
}

/* -- the giver ------------------------------------------------------------------------------ */

static void put_hold(struct story *s)
{
    put(s, PERSON_HOLD, &s->hold, sizeof s->hold);
}

static void put_holder(struct story *s, int64_t amount)
{
    const struct holder_row row = {.holder = receiver, .amount = amount};
    s->at_holder = amount;
    put(s, PERSON_HOLDER, &row, sizeof row);
}

static void open_giver(struct story *s)
{
    struct wallet_row wallet = {.wlt_id = "W1",
                                .state = WALLET_OPEN,
                                .insu_admdvs = YUNNAN,
                                .insutype = 310,
                                .use_loc_admdvs = YUNNAN,
                                .next_lot = 1};
    begin(s, lies(s, LIE_STRANGER), MESSAGE_WLT_OPEN, bytes_of("open"));
    person(s, &giver);
    put(s, PERSON_WALLET, &wallet, sizeof wallet);
}

static void grant(struct story *s, int64_t amount)
{
    uint8_t packed[64];
    Qingfen__V1__PaGrant m = QINGFEN__V1__PA_GRANT__INIT;
    m.granted_amt = amount;
    s->hold.granted = amount + lies(s, LIE_GRANTED);
    begin(s, 0, MESSAGE_PA_GRANT, (struct bytes){packed, qingfen__v1__pa_grant__pack(&m, packed)});
    person(s, &giver);
    put_hold(s);
}

static void bind(struct story *s)
{
    const struct relation_row row = {.other = receiver, .rlts_id = "R1", .side = SIDE_GIVER};
    const struct effect effect = {.kind = EFFECT_RELATION, .to = receiver, .other = giver};
    begin(s, 0, MESSAGE_RLTS_BIND, bytes_of("bind"));
    person(s, &giver);
    put(s, PERSON_RELATION, &row, sizeof row);
    send_effect(s, &effect);
}

static struct transfer_row transfer_of(const struct story *s, int64_t amount)
{
    struct transfer_row row = {.state = TRANSFER_PENDING,
                               .receiver = receiver,
                               .amount = amount,
                               .submitted_ms = s->now,
                               .seq = s->seqs[0],
                               .src = 1};
    const int64_t day = (s->now - SIX) / DAY;
    row.exp_ms = SIX + (day + 1) * DAY + lies(s, LIE_END);
    memcpy(row.trsf_id, "T0", 3);
    row.trsf_id[1] = (char)('0' + s->transfers);
    return row;
}

static struct transfer_row submit(struct story *s, int64_t amount)
{
    begin(s, 0, MESSAGE_TRSF_SUBMIT, bytes_of("submit"));
    s->transfers++;
    const struct transfer_row row = transfer_of(s, amount);
    const struct effect effect = {.kind = EFFECT_OFFER, .to = receiver, .other = giver};
    s->hold.held += amount;
    person(s, &giver);
    put_hold(s);
    put(s, PERSON_TRANSFER, &row, transfer_size(&row));
    send_effect(s, &effect);
    return row;
}

/* What is under way comes back: voided, or by the sweep. */
static void give_back(struct story *s, const struct transfer_row *row, uint16_t type)
{
    const struct effect effect = {.kind = EFFECT_OFFER_END, .to = receiver, .other = giver};
    begin(s, 0, type, (struct bytes){0});
    person(s, &giver);
    s->hold.held -= row->amount;
    put_hold(s);
    op(s, OP_DROP, PERSON_TRANSFER, row->trsf_id, sizeof row->trsf_id);
    send_effect(s, &effect);
}

static void accept(struct story *s, const struct transfer_row *row)
{
    struct effect effect = {.kind = EFFECT_CREDIT, .to = receiver, .other = giver, .lot_count = 1};
    uint8_t key[ROW_KEY_MAX];
    const struct relation_row relation = {.other = receiver, .side = SIDE_GIVER};
    effect.lots[0] = (struct lot){.origin_admdvs = lies(s, LIE_LOT_AREA) ? SICHUAN : YUNNAN,
                                  .origin = giver,
                                  .from = giver,
                                  .amount = row->amount};
    if (lies(s, LIE_CREDIT_LESS)) effect.lots[0].amount--;
    if (lies(s, LIE_NO_RELATION)) {
        begin(s, 0, MESSAGE_RLTS_UNBIND, bytes_of("unbind"));
        person(s, &giver);
        op(s, OP_DROP, PERSON_RELATION, key, row_key(PERSON_RELATION, &relation, key));
    }
    begin(s, 0, MESSAGE_TRSF_ACCEPT, bytes_of("accept"));
    person(s, &giver);
    if (lies(s, LIE_HOLDER_AND_HELD)) {
        s->hold.held++;
        put_hold(s);
    }
    put_holder(s, row->amount + (lies(s, LIE_HOLDER) || lies(s, LIE_HOLDER_AND_HELD)));
    op(s, OP_DROP, PERSON_TRANSFER, row->trsf_id, sizeof row->trsf_id);
    send_effect(s, &effect);
}

static void notice(struct story *s)
{
    struct outgoing out = {.type = OUT_TRSF_NOTICE, .dest = OUTBOX_APP, .amount = 50000};
    send(s, 0, OP_OUT, 0, &out, sizeof out);
}

static void queue_notice(struct story *s)
{
    struct outgoing out = {.type = OUT_TRSF_NOTICE,
                           .dest = OUTBOX_APP,
                           .amount = 50000 + lies(s, LIE_OUTBOX_OTHER),
                           .position = 1 + lies(s, LIE_OUTBOX_GAP)};
    take(s, 0, 0, 1);
    if (!lies(s, LIE_OUTBOX_LOST)) op(s, OP_QUEUE, 0, &out, sizeof out);
}

static void ack(struct story *s)
{
    uint8_t data[16] = {0};
    le_store32(data, OUTBOX_APP);
    le_store64(data + 8, lies(s, LIE_ACK) ? 9 : 1);
    begin(s, 0, MESSAGE_OUTBOX_ACK, bytes_of("ack"));
    op(s, OP_ACK, 0, data, sizeof data);
}

/* Mail from the receiver: spent, and taken back. */
static void giver_hears(struct story *s, int64_t spent)
{
    take(s, 0, 1, 1);
    person(s, &giver);
    s->hold.held -= spent;
    s->hold.consumed += spent + lies(s, LIE_CONSUMED);
    put_hold(s);
    put_holder(s, s->at_holder - spent);
}

/* -- the receiver --------------------------------------------------------------------------- */

static void put_wallet(struct story *s, uint32_t next_lot)
{
    const struct wallet_row wallet = {.wlt_id = "W2",
                                      .state = WALLET_OPEN,
                                      .insu_admdvs = SICHUAN,
                                      .insutype = 390,
                                      .use_loc_admdvs = SICHUAN,
                                      .next_lot = next_lot};
    put(s, PERSON_WALLET, &wallet, sizeof wallet);
}

static struct lot lot_of(int64_t amount)
{
    return (struct lot){
        .number = 1, .origin_admdvs = YUNNAN, .origin = giver, .from = giver, .amount = amount};
}

static void put_lot(struct story *s, int64_t amount)
{
    const struct lot lot = lot_of(amount);
    put(s, PERSON_LOT, &lot, sizeof lot);
}

static void open_receiver(struct story *s)
{
    begin(s, 1, MESSAGE_WLT_OPEN, bytes_of("open"));
    person(s, &receiver);
    put_wallet(s, 1);
}

static void receiver_hears(struct story *s)
{
    const struct relation_row row = {.other = giver, .rlts_id = "R1", .side = SIDE_RECEIVER};
    const struct offer_row offer = {.trsf_id = "T1", .giver = giver};
    take(s, 1, 0, lies(s, LIE_MAIL_LOST) ? 1 : 2);
    if (lies(s, LIE_MAIL_LOST)) s->mail_taken[1][0]++;
    person(s, &receiver);
    put(s, PERSON_RELATION, &row, sizeof row);
    put(s, PERSON_OFFER, &offer, sizeof offer);
}

static void credit(struct story *s, int64_t amount)
{
    uint8_t id[WALLET_ID_SIZE] = "T1";
    if (lies(s, LIE_DROPPED)) id[1] = '7';
    if (lies(s, LIE_HISTORY)) s->last_seq[1]--;
    take(s, 1, 0, 1);
    person(s, &receiver);
    put_wallet(s, 2);
    put_lot(s, amount + lies(s, LIE_LOT));
    op(s, OP_DROP, PERSON_OFFER, id, sizeof id);
    if (lies(s, LIE_MAIL_TWICE)) {
        s->mail_taken[1][0]--;
        take(s, 1, 0, 1);
    }
}

static void debt(struct story *s, int64_t amount)
{
    const uint64_t wallet = s->seqs[1];
    Qingfen__V1__SetlPost m = QINGFEN__V1__SETL_POST__INIT;
    uint8_t key[PSN_KEY_SIZE];
    memcpy(key, &receiver, sizeof key);
    m.setl_id = m.msgid = (char *)(uintptr_t) "P1-1";
    m.psn_key = (ProtobufCBinaryData){sizeof key, key};
    m.insu_admdvs = lies(s, LIE_DEBT_PAYER) ? 520100 : YUNNAN;
    m.mdtrtarea_admvs = SICHUAN;
    m.medfee_sumamt = m.acct_pay = amount + (lies(s, LIE_DEBT_FEN) ? 1 : 0);
    m.refd_setl_flag = amount < 0 && !lies(s, LIE_DEBT_SIGN);
    struct told *told = tell(s, 1, ENTRY_DEBT);
    told->entry.body.size = qingfen__v1__setl_post__pack(&m, told->body);
    told->entry.orig_seq = wallet;
    told->entry.line = (uint8_t)(LINE_WALLET_CARE + lies(s, LIE_DEBT_LINE));
}

static void moved(struct story *s, char letter, int64_t amount, enum held_why why)
{
    struct wallet_said said = {.amount = amount + lies(s, LIE_USED_SUM)};
    struct lot used = lot_of(amount);
    const struct effect effect = {
        .kind = EFFECT_HELD, .why = why, .to = giver, .other = receiver, .amount = amount};
    said.id[0] = letter;
    said.id[1] = '1';
    if (letter == 'P') used.number += lies(s, LIE_USED_ORDER);
    if (letter == 'V') used.number += lies(s, LIE_REVERSED_OTHER);
    op(s, OP_SAID, 0, &said, sizeof said);
    op(s, OP_USED, 0, &used, sizeof used);
    send_effect(s, &effect);
}

static void pay(struct story *s, int64_t amount, int64_t left)
{
    uint8_t packed[64];
    Qingfen__V1__WltPay m = QINGFEN__V1__WLT_PAY__INIT;
    m.wlt_pay = amount + lies(s, LIE_NOT_ASKED);
    m.mdtrtarea_admvs = SICHUAN;
    s->paid = s->seqs[1] + 1;
    begin(s, 1, MESSAGE_WLT_PAY, (struct bytes){packed, qingfen__v1__wlt_pay__pack(&m, packed)});
    person(s, &receiver);
    put_lot(s, left);
    moved(s, 'P', amount, HELD_SPENT);
    if (!lies(s, LIE_DEBT_MISSING)) debt(s, amount);
    if (lies(s, LIE_DEBT_TWICE)) {
        debt(s, amount);
        s->list[s->count - 1].entry.orig_seq--;
    }
}

static void take_back(struct story *s, int64_t amount, int64_t left)
{
    uint8_t packed[64];
    Qingfen__V1__WltPayReverse m = QINGFEN__V1__WLT_PAY_REVERSE__INIT;
    m.pay_id = (char *)(uintptr_t) "P1";
    begin(s, 1, MESSAGE_WLT_PAY_REVERSE,
          (struct bytes){packed, qingfen__v1__wlt_pay_reverse__pack(&m, packed)});
    s->list[s->count - 1].entry.orig_seq = s->paid - lies(s, LIE_REVERSED_NOTHING);
    person(s, &receiver);
    put_lot(s, left);
    moved(s, 'V', amount + (lies(s, LIE_REVERSED_TOO_MUCH) ? 30000 : 0), HELD_RESTORED);
    debt(s, -amount);
}

static void settle(struct story *s, int64_t amount, int64_t left)
{
    Qingfen__V1__SetlPost m = QINGFEN__V1__SETL_POST__INIT;
    uint8_t key[PSN_KEY_SIZE];
    memcpy(key, &receiver, sizeof key);
    m.setl_id = (char *)(uintptr_t) "S1";
    m.psn_key = (ProtobufCBinaryData){sizeof key, key};
    m.insu_admdvs = SICHUAN;
    m.mdtrtarea_admvs = SICHUAN;
    m.wlt_pay = amount + lies(s, LIE_PAYMENT_LESS);
    struct told *told = tell(s, 1, ENTRY_SETTLEMENT);
    told->entry.body.size = qingfen__v1__setl_post__pack(&m, told->body);
    if (lies(s, LIE_NO_PAYMENT)) {
        open_receiver(s);
        return;
    }
    begin(s, 1, MESSAGE_SETL_POST, (struct bytes){0});
    person(s, &receiver);
    put_lot(s, left);
    moved(s, 'P', amount, HELD_SPENT);
    debt(s, amount);
}

/* -- the story ------------------------------------------------------------------------------- */

/* Three transfers in a day, voided one after the other; a lie makes a fourth. */
static void busy_day(struct story *s)
{
    for (int i = 0; i < (lies(s, LIE_FOURTH) ? 4 : 3); i++) {
        s->now += HOUR;
        const struct transfer_row row = submit(s, 100);
        if (lies(s, LIE_SECOND_PENDING)) submit(s, 100);
        give_back(s, &row, MESSAGE_TRSF_VOID);
    }
}

static void tell_story(struct story *s)
{
    s->now = MORNING;
    open_giver(s);
    grant(s, lies(s, LIE_OVERDRAWN) ? 40000 : 300000);
    bind(s);
    open_receiver(s);
    if (lies(s, LIE_NIGHT)) s->now += 12 * HOUR;
    const struct transfer_row row = submit(s, lies(s, LIE_TOO_MUCH) ? 200001 : 50000);
    notice(s);
    queue_notice(s);
    ack(s);
    receiver_hears(s);
    if (lies(s, LIE_ACCEPT_LATE)) s->now = row.exp_ms;
    accept(s, &row);
    credit(s, 50000);
    pay(s, 30000, 20000);
    giver_hears(s, 30000);
    take_back(s, 10000, 30000);
    giver_hears(s, -10000);
    settle(s, 5000, 25000);
    s->now += DAY;
    busy_day(s);
    const int64_t end = SIX + 3 * DAY;
    s->now = MORNING + 2 * DAY;
    const struct transfer_row late = submit(s, 700);
    s->now = end;
    if (!lies(s, LIE_PAST_SIX)) give_back(s, &late, REQUEST_SWEEP);
    giver_hears(s, 5000);
}

/* Plays the first `count` entries; gives the finding. */
static struct finding play(const struct story *s, uint32_t count)
{
    struct finding finding = {0};
    struct wallet_check *check = wallet_check_new(SHARDS);
    assert_non_null(check);
    bool good = true;
    for (uint32_t i = 0; i < count && good; i++)
        good = wallet_check_add(check, s->list[i].shard, &s->list[i].entry, &finding);
    if (good) good = wallet_check_finish(check, &finding);
    assert_int_equal(good, !finding.found);
    wallet_check_free(check);
    return finding;
}

static void the_story_is_sound(void **state)
{
    struct story *s = calloc(1, sizeof *s);
    (void)state;
    tell_story(s);
    for (uint32_t count = 0; count <= s->count; count++) {
        /* A payment and its debts stand in one block: it is not cut off inside. */
        if (count < s->count && s->list[count].entry.kind == ENTRY_DEBT) continue;
        if (count != 0 && s->list[count - 1].entry.kind == ENTRY_SETTLEMENT) continue;
        const struct finding finding = play(s, count);
        if (finding.found) fail_msg("cut after %u: %s", count, finding.text);
    }
    free(s);
}

static void every_lie_is_named(void **state)
{
    int missed = 0;
    (void)state;
    for (int lie = TRUTH + 1; lie < LIE_COUNT; lie++) {
        struct story *s = calloc(1, sizeof *s);
        s->lie = (enum lie)lie;
        tell_story(s);
        const struct finding finding = play(s, s->count);
        if (!finding.found || strstr(finding.text, found[lie]) == NULL) {
            print_error("lie %d: wanted '%s', found '%s'\n", lie, found[lie], finding.text);
            missed++;
        }
        free(s);
    }
    assert_int_equal(missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_story_is_sound),
        cmocka_unit_test(every_lie_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
