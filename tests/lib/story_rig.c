#include "tests/lib/story_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "proto/wallet.pb-c.h"
#include "tests/lib/unit.h"

#define PERSONS  4
#define SNAP_MAX (4u << 20)

struct rig story_rigs[SHARDS];
enum mishap story_mishap;

static struct tables tables;
static struct params params;

/* -- the world -------------------------------------------------------------------------------- */

struct psn_key story_key(int who)
{
    struct psn_key k;
    memcpy(k.bytes, "person0000000000", PSN_KEY_SIZE);
    k.bytes[PSN_KEY_SIZE - 1] = (uint8_t)('0' + who);
    if (who % 2 == 1) k.bytes[3] = 0xf0; /* The second half of the keys: shard 1. */
    return k;
}

struct bytes story_key_bytes(int who)
{
    static struct psn_key keys[PERSONS];
    keys[who] = story_key(who);
    return (struct bytes){keys[who].bytes, PSN_KEY_SIZE};
}

struct rig *story_home(int who)
{
    const struct psn_key k = story_key(who);
    return &story_rigs[route_shard(k.bytes, SHARDS)];
}

void story_clock(const char *text)
{
    for (int i = 0; i < SHARDS; i++)
        rig_clock(&story_rigs[i], shanghai_ms(text));
}

void story_open(bool system_clock, uint32_t delta_entries)
{
    order_begin(&params);
    rig_load_tables(&tables);
    for (uint32_t i = 0; i < SHARDS; i++) {
        const struct rig_options options = {.tables = &tables,
                                            .params = &params,
                                            .delta_entries = delta_entries,
                                            .delta_bytes = 8u << 20,
                                            .shard = i,
                                            .shards = SHARDS,
                                            .system_clock = system_clock};
        rig_open(&story_rigs[i], &options);
        story_rigs[i].now_ms = shanghai_ms("2026-03-02T12:00:00");
    }
    story_mishap = MISHAP_NONE;
    if (!system_clock) story_clock("2026-03-02T12:00:00");
}

int story_set_up(void **state)
{
    (void)state;
    story_open(false, 4096);
    return 0;
}

int story_tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < SHARDS; i++)
        rig_close(&story_rigs[i]);
    return 0;
}

void story_person(int who, struct person *ret_person)
{
    const struct psn_key k = story_key(who);
    person_load(story_home(who)->shard, &k, ret_person);
}

/* -- messages --------------------------------------------------------------------------------- */

static void read_id(struct story_answer *read, const char *id)
{
    if (id[0] != 0) snprintf(read->id, sizeof read->id, "%s", id);
}

struct story_answer story_read(struct rig_result got)
{
    const struct result *result = &got.result;
    struct story_answer read = {.code = result->code, .dup = result->dup, .seq = result->seq};
    Qingfen__V1__WalletReply *reply =
        qingfen__v1__wallet_reply__unpack(NULL, result->data_size, result->data);
    assert_non_null(reply);
    assert_int_equal(reply->code, result->code);
    assert_int_equal(reply->dup, result->dup);
    snprintf(read.stas, sizeof read.stas, "%s", reply->stas);
    read_id(&read, reply->wlt_id);
    read_id(&read, reply->rlts_id);
    read_id(&read, reply->trsf_id);
    read_id(&read, reply->pay_id);
    read_id(&read, reply->rev_id);
    read.amount = reply->amt;
    read.balc = reply->balc;
    read.period = reply->clr_period;
    read.lots = (uint32_t)reply->n_lots;
    qingfen__v1__wallet_reply__free_unpacked(reply, NULL);
    return read;
}

struct rig_result story_give(struct rig *rig, struct request request)
{
    rig_settle(rig);
    rig_forget(rig);
    rig_make_old(rig);
    if (story_mishap != MISHAP_NONE) {
        assert_int_equal(rig_give(rig, &request, 1), 1);
        rig_flush(rig);
        rig_crash(rig, story_mishap == MISHAP_LANDED);
        rig_forget(rig);
    }
    while (rig_give(rig, &request, 1) == 0) /* No room: a checkpoint makes some. */
        rig_settle(rig);
    rig_settle(rig);
    assert_int_equal(rig->result_count, 1);
    return rig->results[0];
}

/* The other person's shard speaks first. */
static void ask_fact(const struct wallet_order *o, struct bytes message,
                     struct wallet_fact *ret_fact)
{
    struct rig *rig = &story_rigs[route_shard(o->other_key.data, SHARDS)];
    const struct request request = {.type = REQUEST_WALLET_FACT,
                                    .period = o->type,
                                    .body = o->type == MESSAGE_PREM_PAY ? message : o->other_key};
    const struct rig_result got = story_give(rig, request);
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.data_size, sizeof *ret_fact);
    memcpy(ret_fact, got.result.data, sizeof *ret_fact);
}

struct story_answer story_send(int who, const struct wallet_order *o, uint16_t province)
{
    uint8_t body[sizeof(struct wallet_fact) + 1024];
    uint8_t *message = body + sizeof(struct wallet_fact);
    const size_t size = order_encode(o, message);
    struct request request = {.type = o->type, .province = province, .body = {message, size}};
    if (fact_is_look(o->type) && &story_rigs[route_shard(o->other_key.data, SHARDS)] ==
                                     story_home(who)) { /* One stop does. */
        request.area = FACT_HERE;
    } else if (wallet_asks_other(o->type)) {
        struct wallet_fact fact;
        ask_fact(o, request.body, &fact);
        memcpy(body, &fact, sizeof fact);
        request.area = sizeof fact;
        request.body = (struct bytes){body, sizeof fact + size};
    }
    return story_read(story_give(story_home(who), request));
}

void story_pump(void)
{
    for (bool more = true; more;) {
        more = false;
        for (int from = 0; from < SHARDS; from++) {
            for (int to = 0; to < SHARDS; to++) {
                uint8_t batch[MAIL_BATCH_MAX];
                const size_t size = shard_mail_take(story_rigs[from].shard, (uint32_t)to, batch);
                if (size == 0) continue;
                assert_int_equal(
                    story_give(&story_rigs[to],
                               (struct request){.type = REQUEST_MAIL, .body = {batch, size}})
                        .result.code,
                    ERROR_OK);
                more = true;
            }
        }
    }
}

struct story_answer story_done(struct story_answer got)
{
    assert_int_equal(got.code, ERROR_OK);
    assert_int_equal(got.dup, story_mishap == MISHAP_LANDED);
    story_pump();
    return got;
}

/* -- a story ---------------------------------------------------------------------------------- */

struct story_answer story_open_wallet(int who, uint32_t insu, uint32_t use_loc)
{
    const struct wallet_order o = order_open(story_key_bytes(who), insu, use_loc);
    return story_send(who, &o, 0);
}

struct story_answer story_bind(int giver, int receiver)
{
    const struct wallet_order o = order_bind(story_key_bytes(giver), story_key_bytes(receiver));
    return story_send(giver, &o, 0);
}

struct story_answer story_grant(int who, int64_t amount)
{
    const struct wallet_order o = order_grant(story_key_bytes(who), YUNNAN, amount);
    return story_send(who, &o, 53);
}

struct wallet_order story_submit_order(int giver, int receiver, int64_t amount)
{
    return order_submit(story_key_bytes(giver), story_key_bytes(receiver), amount);
}

struct story_answer story_submit(int giver, int receiver, int64_t amount)
{
    const struct wallet_order o = story_submit_order(giver, receiver, amount);
    return story_send(giver, &o, 0);
}

struct story_answer story_end(uint16_t type, int giver, int receiver, const char *trsf_id,
                              const char *auth_ref)
{
    struct wallet_order o = order_end(type, story_key_bytes(receiver), trsf_id);
    o.auth_ref = bytes_of(auth_ref);
    return story_send(giver, &o, 0);
}

struct story_answer story_accept(int giver, int receiver, const char *trsf_id)
{
    return story_end(MESSAGE_TRSF_ACCEPT, giver, receiver, trsf_id, "");
}

struct wallet_order story_pay_order(int who, const char *setl_id, int64_t amount)
{
    struct wallet_order o = order_new(MESSAGE_WLT_PAY);
    o.psn_key = story_key_bytes(who);
    o.setl_id = bytes_of(setl_id);
    o.fixmedins_code = bytes_of(HOSPITAL);
    o.mdtrtarea_admvs = SICHUAN;
    o.use = 1;
    o.amount = amount;
    o.amount2 = 1000000;
    return o;
}

struct story_answer story_pay(int who, const char *setl_id, int64_t amount)
{
    const struct wallet_order o = story_pay_order(who, setl_id, amount);
    return story_send(who, &o, 51);
}

struct story_answer story_reverse(int who, const char *pay_id, int64_t amount)
{
    struct wallet_order o = order_new(MESSAGE_WLT_PAY_REVERSE);
    o.pay_id = bytes_of(pay_id);
    o.client_no = bytes_of(order_number("V"));
    o.mdtrtarea_admvs = SICHUAN;
    o.amount = amount;
    return story_send(who, &o, 51);
}

struct wallet_order story_reversal(const char *setl_id)
{
    struct wallet_order o = order_new(MESSAGE_WLT_PAY_REVERSE);
    o.psn_key = story_key_bytes(RECEIVER);
    o.setl_id = bytes_of(setl_id);
    o.client_no = bytes_of(order_number("V"));
    o.mdtrtarea_admvs = SICHUAN;
    return o;
}

void story_fill(void)
{
    story_done(story_open_wallet(GIVER, YUNNAN, YUNNAN));
    story_done(story_open_wallet(RECEIVER, SICHUAN, SICHUAN));
    story_done(story_bind(GIVER, RECEIVER));
    story_done(story_grant(GIVER, 500000));
    const struct story_answer submitted = story_done(story_submit(GIVER, RECEIVER, 150000));
    assert_string_equal(submitted.stas, "PENDING");
    story_done(story_accept(GIVER, RECEIVER, submitted.id));
}

int64_t story_cell_sum(uint32_t line, uint64_t *ret_count)
{
    int64_t sum = 0;
    *ret_count = 0;
    for (int i = 0; i < SHARDS; i++) {
        uint32_t count;
        const struct cell *cells = shard_cells(story_rigs[i].shard, &count);
        for (uint32_t c = 0; c < count; c++) {
            if (cells[c].key.line != line) continue;
            assert_int_equal(cells[c].key.payer, province_of_area(YUNNAN));
            assert_int_equal(cells[c].key.payee, province_of_area(SICHUAN));
            sum += cells[c].balance[ACCOUNT_COST][FUND_ACCOUNT];
            *ret_count += cells[c].count;
        }
    }
    return sum;
}

void story_check_debts(int64_t want, uint64_t records)
{
    uint64_t count;
    assert_int_equal(story_cell_sum(LINE_WALLET_CARE, &count), want);
    assert_int_equal(count, records);
}

void story_check_giver(int64_t held, int64_t consumed)
{
    static struct person giver;
    story_person(GIVER, &giver);
    assert_int_equal(giver.hold.granted, 500000);
    assert_int_equal(giver.hold.held, held);
    assert_int_equal(giver.hold.consumed, consumed);
}

void story_check_balance(int who, int64_t want)
{
    static struct person holder;
    story_person(who, &holder);
    assert_int_equal(person_balance(&holder), want);
}

void story_whole(void)
{
    story_fill();
    story_check_giver(150000, 0);
    story_check_balance(RECEIVER, 150000);
    const struct story_answer paid = story_done(story_pay(RECEIVER, "S1", 60000));
    assert_int_equal(paid.amount, 60000);
    assert_int_equal(paid.balc, 90000);
    assert_int_equal(paid.period, 202603);
    assert_int_equal(paid.lots, 1);
    story_check_giver(90000, 60000);
    story_check_debts(60000, 1);
    const struct story_answer part = story_done(story_reverse(RECEIVER, paid.id, 20000));
    assert_int_equal(part.amount, 20000);
    story_check_debts(40000, 2);
    story_check_giver(110000, 40000);
    assert_int_equal(story_reverse(RECEIVER, paid.id, 50000).code, ERROR_ABOVE_PAYMENT);
    story_done(story_reverse(RECEIVER, paid.id, 0));
    story_check_debts(0, 3);
    story_check_giver(150000, 0);
    story_check_balance(RECEIVER, 150000);
}

/* -- snapshots -------------------------------------------------------------------------------- */

static void snap_add(struct story_snap *snap, const void *data, size_t size)
{
    assert_true(snap->size + size <= SNAP_MAX);
    if (size != 0) memcpy(snap->bytes + snap->size, data, size);
    snap->size += size;
}

static void snap_row(struct story_snap *snap, const struct rig *rig, const uint8_t *row,
                     size_t size)
{
    struct bytes value = {0};
    if (shelf_read(rig->shard, (struct bytes){row, size}, &value)) {
        snap_add(snap, value.data, value.size);
    }
}

static void snap_outbox(struct story_snap *snap, const struct rig *rig, uint32_t dest,
                        uint64_t acked, uint64_t next)
{
    for (uint64_t n = acked + 1; n < next; n++) {
        uint64_t seq;
        assert_true(outbox_find(rig->shard, dest, n, &seq));
        snap_add(snap, &seq, sizeof seq);
    }
}

static void snap_mail(struct story_snap *snap, const struct rig *rig, uint32_t to, uint64_t acked,
                      uint64_t next)
{
    for (uint64_t n = acked + 1; n < next; n++) {
        struct bytes row;
        assert_true(mail_row(rig->shard, to, n, &row));
        snap_add(snap, row.data, row.size);
    }
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct cell_key));
}

static void snap_cells(struct story_snap *snap, const struct rig *rig)
{
    uint32_t count;
    const struct cell *cells = shard_cells(rig->shard, &count);
    struct cell *sorted = malloc((count + 1) * sizeof *sorted);
    assert_non_null(sorted);
    memcpy(sorted, cells, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_key);
    snap_add(snap, sorted, count * sizeof *sorted);
    free(sorted);
}

struct story_snap story_snap_of(const struct rig *rig)
{
    struct story_snap snap = {.bytes = malloc(SNAP_MAX)};
    const struct shelf_counters *counters = &rig->shard->counters;
    assert_non_null(snap.bytes);
    for (int who = 0; who < PERSONS; who++) {
        uint8_t row[1 + PSN_KEY_SIZE] = {'P'};
        const struct psn_key k = story_key(who);
        memcpy(row + 1, k.bytes, PSN_KEY_SIZE);
        snap_row(&snap, rig, row, sizeof row);
    }
    snap_add(&snap, counters, sizeof *counters);
    for (uint32_t i = 0; i < SHARDS; i++)
        snap_mail(&snap, rig, i, counters->mail_acked[i], counters->mail_next[i]);
    for (uint32_t i = 0; i < OUTBOX_COUNT; i++)
        snap_outbox(&snap, rig, i, counters->out_acked[i], counters->out_next[i]);
    snap_cells(&snap, rig);
    snap_add(&snap, &rig->shard->last_seq, sizeof rig->shard->last_seq);
    return snap;
}

void story_same(struct story_snap a, struct story_snap b)
{
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
    free(a.bytes);
    free(b.bytes);
}

static uint32_t judged_again;

static void judge_again(void *context, const struct shard *shard, const struct entry *entry)
{
    (void)context;
    const char *why = shard_judge_again(shard, entry);
    if (why != NULL) fail_msg("entry %lu: %s", entry->seq, why);
    if (entry->kind != ENTRY_WALLET) return;
    /* By way of ops; however it was written at first, these are its bytes. */
    assert_true(bytes_equal(shard->work->entry.body, entry->body));
    judged_again++;
}

uint32_t story_replay(void)
{
    judged_again = 0;
    for (int i = 0; i < SHARDS; i++) {
        const struct story_snap before = story_snap_of(&story_rigs[i]);
        story_rigs[i].watch = judge_again;
        rig_crash(&story_rigs[i], true);
        story_same(before, story_snap_of(&story_rigs[i]));
        story_rigs[i].watch = NULL;
    }
    return judged_again;
}
