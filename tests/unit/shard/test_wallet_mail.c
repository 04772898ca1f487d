/* Mail between two shards, and outboxes: each item once and in order, kept until the other side has
 * it for good, and no word of having it before that. */
#include <stdio.h>

#include "codec/mail.h"
#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "tests/lib/story_rig.h"
#include "tests/lib/unit.h"
#include "util/le.h"

static size_t take(int from, int to, uint8_t *batch)
{
    return shard_mail_take(story_rigs[from].shard, (uint32_t)to, batch);
}

static struct rig_result mail(int to, const uint8_t *batch, size_t size)
{
    rig_forget(&story_rigs[to]);
    const struct request request = {.type = REQUEST_MAIL, .body = {batch, size}};
    assert_int_equal(rig_give(&story_rigs[to], &request, 1), 1);
    rig_settle(&story_rigs[to]);
    return story_rigs[to].results[0];
}

static void mail_twice_and_in_wrong_order(void **state)
{
    (void)state;
    uint8_t first[MAIL_BATCH_MAX];
    uint8_t second[MAIL_BATCH_MAX];
    story_fill();
    const struct story_answer a = story_submit(GIVER, RECEIVER, 10000);
    const size_t first_size = take(0, 1, first);
    struct wallet_order o = order_new(MESSAGE_TRSF_VOID);
    o.trsf_id = bytes_of(a.id);
    o.client_no = bytes_of("D1");
    assert_int_equal(story_send(GIVER, &o, 0).code, ERROR_OK);
    const size_t second_size = take(0, 1, second);
    assert_int_not_equal(first_size, 0);
    assert_int_not_equal(second_size, 0);

    const uint64_t has = story_rigs[1].shard->counters.mail_has[0];
    const uint64_t before = story_rigs[1].shard->last_seq;
    assert_int_equal(mail(1, second, second_size).result.seq, has); /* A gap: nothing is taken. */
    assert_int_equal(story_rigs[1].shard->last_seq, before);
    assert_true(mail(1, first, first_size).result.seq > has);
    const uint64_t taken = story_rigs[1].shard->last_seq;
    mail(1, first, first_size); /* Again: passed over. */
    assert_int_equal(story_rigs[1].shard->last_seq, taken);
    mail(1, second, second_size);
    assert_true(story_rigs[1].shard->last_seq > taken);
    story_replay();
    story_pump();
    story_check_giver(150000, 0);
}

/* The `number`-th item for the other shard: its row says whose entry it is. */
static bool mail_is_there(uint64_t number)
{
    struct bytes row;
    if (!mail_row(story_rigs[0].shard, 1, number, &row)) return false;
    assert_int_equal(le_load64(row.data), number);
    return true;
}

static void mail_is_acknowledged(uint64_t upto)
{
    mail_took(story_rigs[0].shard, &(struct mail_batch){.from = 1, .has = upto});
}

/* More mail than there is room for in memory, some too large for it; a checkpoint while it waits,
 * and more behind that: each item is there until it is acknowledged, and not after. */
static void much_mail_waits(void **state)
{
    static const uint32_t steps[] = {1, 3000, 3000, 6000, 9000};
    struct shard *shard = story_rigs[0].shard;
    uint64_t next = shard->counters.mail_next[1];
    uint64_t acked = shard->counters.mail_acked[1];
    (void)state;
    for (uint32_t step = 0; step < sizeof steps / sizeof steps[0]; step++) {
        const struct effect effect = {.kind = EFFECT_OFFER};
        for (; next <= steps[step] + 3000; next++) {
            const size_t lots = next % 7 == 0 ? 2 : next % 3 == 0;
            const size_t size = offsetof(struct effect, lots) + lots * sizeof(struct lot);
            mail_put(shard, 1, OP_EFFECT, (struct bytes){(const uint8_t *)&effect, size}, next);
            if (next % 1000 == 0) shelf_spend_anew(shard); /* A block each. */
        }
        for (uint64_t n = acked + 1; n < next; n++)
            assert_true(mail_is_there(n));
        if (step == 1) mail_freeze(shard);
        mail_is_acknowledged(steps[step]);
        shelf_spend_anew(shard);
        acked = steps[step];
        for (uint64_t n = 1; n < next; n++)
            assert_int_equal(mail_is_there(n), n > acked);
    }
    mail_is_acknowledged(next - 1);
    assert_int_equal(shard->mail_unshelved, 0);
}

/* Items for different persons share an entry; a second one for the same person begins another. */
static void mail_shares_entries(void **state)
{
    (void)state;
    uint8_t batch[MAIL_BATCH_MAX];
    struct mail_batch b;
    struct person reader;
    story_fill();
    story_done(story_open_wallet(2, YUNNAN, YUNNAN));
    story_done(story_open_wallet(3, SICHUAN, SICHUAN));
    story_done(story_bind(2, 3));
    story_done(story_bind(2, RECEIVER));
    story_done(story_grant(2, 500000));
    assert_int_equal(story_submit(GIVER, RECEIVER, 10000).code, ERROR_OK);
    assert_int_equal(story_submit(2, 3, 20000).code, ERROR_OK);
    assert_int_equal(story_submit(2, RECEIVER, 30000).code, ERROR_OK);
    const size_t size = take(0, 1, batch);
    assert_true(mail_decode((struct bytes){batch, size}, &b));
    assert_int_equal(b.count, 3);

    const uint64_t before = story_rigs[1].shard->last_seq;
    mail(1, batch, size);
    assert_int_equal(story_rigs[1].shard->last_seq, before + 2);
    story_person(RECEIVER, &reader);
    assert_int_equal(reader.offer_count, 2);
    assert_int_equal(reader.head.last_seq, before + 2);
    story_person(3, &reader);
    assert_int_equal(reader.offer_count, 1);
    assert_int_equal(reader.head.last_seq, before + 1);
    story_replay();
    story_pump();
}

/* Only what is on stable storage leaves, and it leaves again until the other says that it has it.
 */
static void mail_waits_for_the_device(void **state)
{
    (void)state;
    uint8_t batch[MAIL_BATCH_MAX];
    story_fill();
    uint8_t body[512];
    const struct wallet_order o = story_pay_order(RECEIVER, "S1", 1000);
    const struct request request = {.type = o.type,
                                    .province = 51,
                                    .body = {body, wire_encode(wallet_table(o.type), &o, body)}};
    assert_int_equal(rig_give(&story_rigs[1], &request, 1), 1);
    assert_int_equal(take(1, 0, batch), 0);
    rig_flush(&story_rigs[1]);
    assert_int_equal(take(1, 0, batch), 0);
    rig_written(&story_rigs[1]);
    assert_true(shard_mail_waits(story_rigs[1].shard));
    const size_t size = take(1, 0, batch);
    assert_int_not_equal(size, 0);
    assert_int_equal(take(1, 0, batch), 0);

    rig_crash(&story_rigs[1],
              true); /* Nobody got it; it is there again, with all that is not acked. */
    story_pump();
    story_check_giver(149000, 1000);
    story_check_debts(1000, 1);
    story_replay();
}

/* What a shard says it has is on its device: the other one forgets it then. */
static void acks_wait_for_the_device(void **state)
{
    (void)state;
    uint8_t first[MAIL_BATCH_MAX];
    uint8_t batch[MAIL_BATCH_MAX];
    struct mail_batch b;
    struct person reader;
    story_fill();
    assert_int_equal(story_pay(RECEIVER, "S1", 1000).code,
                     ERROR_OK); /* Mail that carries the word. */
    assert_int_equal(story_submit(GIVER, RECEIVER, 10000).code, ERROR_OK);
    const uint64_t has = story_rigs[1].shard->counters.mail_has[0];
    const struct request request = {.type = REQUEST_MAIL, .body = {first, take(0, 1, first)}};
    assert_int_equal(rig_give(&story_rigs[1], &request, 1), 1);
    assert_true(story_rigs[1].shard->counters.mail_has[0] > has);
    const size_t size = take(1, 0, batch);
    assert_true(mail_decode((struct bytes){batch, size}, &b));
    assert_int_equal(b.count, 1);
    assert_int_equal(b.has, has);

    mail(0, batch, size);
    rig_crash(&story_rigs[1], false);
    rig_crash(&story_rigs[0],
              true); /* It does not know any more what it has sent, and sends it again. */
    story_pump();
    story_person(RECEIVER, &reader);
    assert_int_equal(reader.offer_count, 1);
    story_replay();
}

/* A shard that sends nothing still says in time what it has. */
static void acks_by_themselves(void **state)
{
    (void)state;
    story_fill();
    for (int i = 0; i < 1100; i++) {
        char setl_id[16];
        snprintf(setl_id, sizeof setl_id, "L%d", i);
        story_done(story_pay(RECEIVER, setl_id, 1));
    }
    const struct shelf_counters *counters = &story_rigs[1].shard->counters;
    assert_true(counters->mail_acked[0] > 0);
    assert_true(counters->mail_next[0] - counters->mail_acked[0] < 2048);
    story_check_giver(148900, 1100);
    story_check_debts(1100, 1100);
}

static struct rig *outbox_home(uint32_t dest)
{
    return &story_rigs[outbox_shard(dest, SHARDS)];
}

static struct story_answer acknowledge(uint32_t code, uint64_t upto)
{
    uint8_t body[128];
    struct wallet_order o = order_new(MESSAGE_OUTBOX_ACK);
    o.place = code;
    o.position = upto;
    const struct request request = {.type = o.type,
                                    .province = (uint16_t)code,
                                    .body = {body, wire_encode(wallet_table(o.type), &o, body)}};
    return story_read(story_give(outbox_home(outbox_dest(code)), request));
}

static void outboxes(void **state)
{
    (void)state;
    story_fill();
    story_done(story_pay(RECEIVER, "S1", 1000));
    const uint32_t yunnan = outbox_dest(53);
    const struct rig *box = outbox_home(yunnan);
    const uint64_t last = box->shard->counters.out_next[yunnan] - 1;
    assert_int_not_equal(last, 0); /* PaConsume */
    assert_int_equal(acknowledge(53, last + 1).code, ERROR_MALFORMED);
    assert_int_equal(acknowledge(53, last).code, ERROR_OK);
    assert_int_equal(box->shard->counters.out_acked[yunnan], last);
    const uint64_t seq = box->shard->last_seq;
    assert_true(acknowledge(53, last).dup);
    assert_int_equal(box->shard->last_seq, seq);
    story_replay();
}

static bool outbox_has(const struct rig *box, uint32_t dest, uint64_t position)
{
    uint64_t seq;
    return outbox_find(box->shard, dest, position, &seq);
}

/* The row is there while one of its messages is not acknowledged, in memory and in the store. */
static void outbox_of_several_rows(void **state)
{
    static const uint64_t steps[] = {1, 509, 510, 511, 1019, 1020};
    const uint32_t yunnan = outbox_dest(53);
    const struct rig *box = outbox_home(yunnan);
    const struct shelf_counters *counters = &box->shard->counters;
    (void)state;
    story_fill();
    for (uint32_t i = 0; counters->out_next[yunnan] <= 1100; i++) {
        char setl_id[16];
        snprintf(setl_id, sizeof setl_id, "L%u", i);
        story_done(story_pay(RECEIVER, setl_id, 1));
        if (i % 250 == 100) rig_checkpoint(outbox_home(yunnan));
    }
    const uint64_t next = counters->out_next[yunnan];
    for (uint64_t position = 1; position < next; position++)
        assert_true(outbox_has(box, yunnan, position));
    assert_false(outbox_has(box, yunnan, next));
    for (uint32_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const uint64_t gone = steps[i] / 510 * 510;
        assert_int_equal(acknowledge(53, steps[i]).code, ERROR_OK);
        for (uint64_t position = 1; position < next; position++)
            assert_int_equal(outbox_has(box, yunnan, position), position > gone);
        if (i % 2 == 0) rig_checkpoint(outbox_home(yunnan));
    }
    assert_int_equal(counters->out_acked[yunnan], 1020);
    story_replay();
    assert_false(outbox_has(outbox_home(yunnan), yunnan, 1020));
    assert_true(outbox_has(outbox_home(yunnan), yunnan, 1021));
}

/* Applies an entry that queues one message, and gives what it counts (P1). */
static size_t queue_one(struct shard *shard, uint32_t dest)
{
    uint8_t body[512];
    uint8_t head[MAIL_HEAD_SIZE];
    struct ops_writer writer;
    const size_t before = shard->shelf_spent;
    const struct outgoing out = {.dest = dest, .position = shard->counters.out_next[dest]};
    const struct mail_batch batch = {
        .from = 0,
        .first = shard->counters.mail_has[0] + 1,
        .has = shard->counters.mail_acked[0],
    };
    mail_write_head(&batch, head);
    ops_begin(&writer, body, sizeof body, REQUEST_MAIL, (struct bytes){head, sizeof head},
              (struct bytes){0});
    ops_put(&writer, OP_QUEUE, 0, &out, sizeof out);
    assert_false(writer.full);
    const struct entry entry = {.kind = ENTRY_WALLET, .seq = 77, .body = {body, writer.size}};
    apply_wallet(shard, &entry);
    return shard->shelf_spent - before;
}

/* What a block counts is as much wherever the row stands, and never less than it takes. */
static void a_block_pays_for_the_row(void **state)
{
    const uint32_t yunnan = outbox_dest(53);
    struct rig *box = outbox_home(yunnan);
    const size_t row = SHELF_ROW_COST + sizeof(struct outbox_row);
    (void)state;
    if (box->each_read_fails) skip(); /* Its checkpoints are its own. */
    story_fill();
    story_done(story_pay(RECEIVER, "S1", 1000)); /* The row is there. */
    struct shard *shard = box->shard;
    for (int round = 0; round < 3; round++) {
        if (round == 1) rig_checkpoint(box); /* Not on the active shelf any more. */
        shelf_spend_anew(shard);
        const size_t used = shelf_used(shard->shelf);
        assert_int_equal(queue_one(shard, yunnan), row);
        assert_int_equal(queue_one(shard, yunnan), 0);
        assert_int_equal(shelf_used(shard->shelf) - used, round == 1 ? row : 0);
    }
    while (shard->counters.out_next[yunnan] != 511)
        (void)queue_one(shard, yunnan);
    assert_int_equal(queue_one(shard, yunnan), row); /* The next one. */
    assert_int_equal(queue_one(shard, yunnan), 0);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, story_set_up, story_tear_down)
    const struct CMUnitTest tests[] = {
        T(mail_twice_and_in_wrong_order),
        T(much_mail_waits),
        T(mail_shares_entries),
        T(mail_waits_for_the_device),
        T(acks_wait_for_the_device),
        T(acks_by_themselves),
        T(outboxes),
        T(outbox_of_several_rows),
        T(a_block_pays_for_the_row),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
