/* Wallets in two shards: what is answered, what is journaled, what travels, what a crash takes. The
 * rules themselves have tests of their own; here it is that nothing is lost, done twice or
 * forgotten on the way from a message to cells, rows and mail, and that replay makes the same. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/mail.h"
#include "codec/messages.h"
#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "journal/entry.h"
#include "proto/wallet.pb-c.h"
#include "shard_internal.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"
#include "types/civil.h"
#include "util/le.h"

#define MINUTE   INT64_C(60000)
#define HOUR     (60 * MINUTE)
#define SHARDS   2
#define PERSONS  4
#define SNAP_MAX (4u << 20)
#define YUNNAN   530100
#define SICHUAN  510100
#define GIVER    0 /* In shard 0. */
#define RECEIVER 1 /* In shard 1. */
#define HOSPITAL "H51010000001"

/* What happens to every message of a story. */
enum mishap {
    MISHAP_NONE,
    MISHAP_LOST,   /* The process dies before the block is on the device. */
    MISHAP_LANDED, /* It dies when the block is there and nobody was told. */
};

static struct tables tables;
static struct params params;
static struct rig rigs[SHARDS];
static enum mishap mishap;
static uint32_t numbers;
static uint32_t small_delta; /* Entries; 0: plenty. */

/* -- the world -------------------------------------------------------------------------------- */

static int64_t at(const char *text)
{
    int64_t ms;
    char full[40];
    snprintf(full, sizeof full, "%s+08:00", text);
    assert_true(civil_parse_iso(full, &ms));
    return ms;
}

static void rule(enum param param, int64_t value)
{
    assert_true(params_put(&params, &(struct rule_row){.param = param, .value = value}));
}

static struct psn_key key(int who)
{
    struct psn_key k;
    memcpy(k.bytes, "person0000000000", PSN_KEY_SIZE);
    k.bytes[PSN_KEY_SIZE - 1] = (uint8_t)('0' + who);
    if (who % 2 == 1) k.bytes[3] = 0xf0; /* The second half of the keys: shard 1. */
    return k;
}

static struct bytes key_bytes(int who)
{
    static struct psn_key keys[PERSONS];
    keys[who] = key(who);
    return (struct bytes){keys[who].bytes, PSN_KEY_SIZE};
}

static struct rig *home(int who)
{
    const struct psn_key k = key(who);
    return &rigs[route_shard(k.bytes, SHARDS)];
}

static void set_clock(const char *text)
{
    struct request request = rig_control(REQUEST_CLOCK, 0);
    request.instant_ms = at(text);
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(rig_order(&rigs[i], request).result.code, ERROR_OK);
}

static void open_rigs(bool system_clock)
{
    params_init(&params);
    rule(PARAM_WALLET_ENABLED, 1);
    rule(PARAM_PA_HOLD_MODE, HOLD_GRANT);
    rule(PARAM_INSTITUTION_CHECK, 0);
    rule(PARAM_PREM_FROM, 101);
    rig_load_tables(&tables);
    for (uint32_t i = 0; i < SHARDS; i++) {
        const struct rig_options options = {.tables = &tables,
                                            .params = &params,
                                            .delta_entries = small_delta != 0 ? small_delta : 4096,
                                            .delta_bytes = 8u << 20,
                                            .shard = i,
                                            .shards = SHARDS,
                                            .system_clock = system_clock};
        rig_open(&rigs[i], &options);
        rigs[i].now_ms = at("2026-03-02T12:00:00");
    }
    mishap = MISHAP_NONE;
    numbers = 0;
    if (!system_clock) set_clock("2026-03-02T12:00:00");
}

static int set_up(void **state)
{
    (void)state;
    open_rigs(false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < SHARDS; i++)
        rig_close(&rigs[i]);
    return 0;
}

static void person(int who, struct person *ret_person)
{
    const struct psn_key k = key(who);
    person_load(home(who)->shard, &k, ret_person);
}

/* -- messages --------------------------------------------------------------------------------- */

static const char *number(const char *letter)
{
    static char texts[16][CLIENT_NO_SIZE];
    char *text = texts[numbers % 16];
    snprintf(text, sizeof texts[0], "%s%06u", letter, ++numbers);
    return text;
}

static struct wallet_order order(uint16_t type)
{
    return (struct wallet_order){.type = type, .msgid = bytes_of(number("M"))};
}

/* What was answered, taken apart. */
struct answer_read {
    uint16_t code;
    bool dup;
    char stas[16];
    char id[WALLET_ID_SIZE];
    int64_t amount;
    int64_t balc;
    uint32_t period;
    uint32_t lots;
    uint64_t seq;
};

static void read_id(struct answer_read *read, const char *id)
{
    if (id[0] != 0) snprintf(read->id, sizeof read->id, "%s", id);
}

static struct answer_read read_answer(struct rig_result got)
{
    const struct result *result = &got.result;
    struct answer_read read = {.code = result->code, .dup = result->dup, .seq = result->seq};
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

/* Gives the request; with a mishap first in a world that dies over it, then again. */
static struct rig_result give(struct rig *rig, struct request request)
{
    rig_settle(rig);
    rig_forget(rig);
    rig_make_old(rig);
    if (mishap != MISHAP_NONE) {
        assert_int_equal(rig_give(rig, &request, 1), 1);
        rig_flush(rig);
        rig_crash(rig, mishap == MISHAP_LANDED);
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
    struct rig *rig = &rigs[route_shard(o->other_key.data, SHARDS)];
    const struct request request = {.type = REQUEST_WALLET_FACT,
                                    .period = o->type,
                                    .body = o->type == MESSAGE_PREM_PAY ? message : o->other_key};
    const struct rig_result got = give(rig, request);
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.data_size, sizeof *ret_fact);
    memcpy(ret_fact, got.result.data, sizeof *ret_fact);
}

static bool asks_other(uint16_t type)
{
    return fact_is_look(type) || type == MESSAGE_PREM_PAY;
}

static struct answer_read send(int who, const struct wallet_order *o, uint16_t province)
{
    uint8_t body[sizeof(struct wallet_fact) + 1024];
    uint8_t *message = body + sizeof(struct wallet_fact);
    const size_t size = wire_encode(wallet_table(o->type), o, message);
    struct request request = {.type = o->type, .province = province, .body = {message, size}};
    if (fact_is_look(o->type) &&
        &rigs[route_shard(o->other_key.data, SHARDS)] == home(who)) { /* One stop does. */
        request.area = FACT_HERE;
    } else if (asks_other(o->type)) {
        struct wallet_fact fact;
        ask_fact(o, request.body, &fact);
        memcpy(body, &fact, sizeof fact);
        request.area = sizeof fact;
        request.body = (struct bytes){body, sizeof fact + size};
    }
    return read_answer(give(home(who), request));
}

/* Until nothing is on the way any more; every batch with the mishap of the day. */
static void pump(void)
{
    for (bool more = true; more;) {
        more = false;
        for (int from = 0; from < SHARDS; from++) {
            for (int to = 0; to < SHARDS; to++) {
                uint8_t batch[MAIL_BATCH_MAX];
                const size_t size = shard_mail_take(rigs[from].shard, (uint32_t)to, batch);
                if (size == 0) continue;
                assert_int_equal(
                    give(&rigs[to], (struct request){.type = REQUEST_MAIL, .body = {batch, size}})
                        .result.code,
                    ERROR_OK);
                more = true;
            }
        }
    }
}

static struct answer_read done(struct answer_read got)
{
    assert_int_equal(got.code, ERROR_OK);
    assert_int_equal(got.dup, mishap == MISHAP_LANDED);
    pump();
    return got;
}

/* -- a story ---------------------------------------------------------------------------------- */

static struct answer_read open_wallet(int who, uint32_t insu, uint32_t use_loc)
{
    struct wallet_order o = order(MESSAGE_WLT_OPEN);
    o.psn_key = key_bytes(who);
    o.insu_admdvs = insu;
    o.use_loc_admdvs = use_loc;
    o.insutype = 310;
    return send(who, &o, 0);
}

static struct answer_read bind(int giver, int receiver)
{
    struct wallet_order o = order(MESSAGE_RLTS_BIND);
    o.psn_key = key_bytes(giver);
    o.other_key = key_bytes(receiver);
    o.rlts_code = 3;
    o.flag = o.flag2 = true;
    return send(giver, &o, 0);
}

static struct answer_read grant(int who, int64_t amount)
{
    struct wallet_order o = order(MESSAGE_PA_GRANT);
    o.psn_key = key_bytes(who);
    o.insu_admdvs = YUNNAN;
    o.amount = amount;
    o.which = 1;
    return send(who, &o, 53);
}

static struct wallet_order submit_order(int giver, int receiver, int64_t amount)
{
    struct wallet_order o = order(MESSAGE_TRSF_SUBMIT);
    o.psn_key = key_bytes(giver);
    o.other_key = key_bytes(receiver);
    o.client_no = bytes_of(number("C"));
    o.src = 1;
    o.amount = amount;
    return o;
}

static struct answer_read submit(int giver, int receiver, int64_t amount)
{
    const struct wallet_order o = submit_order(giver, receiver, amount);
    return send(giver, &o, 0);
}

/* Accepts or declines. */
static struct answer_read end_transfer(uint16_t type, int giver, int receiver, const char *trsf_id,
                                       const char *auth_ref)
{
    struct wallet_order o = order(type);
    o.trsf_id = bytes_of(trsf_id);
    o.other_key = key_bytes(receiver);
    o.auth_ref = bytes_of(auth_ref);
    return send(giver, &o, 0);
}

static struct answer_read accept(int giver, int receiver, const char *trsf_id)
{
    return end_transfer(MESSAGE_TRSF_ACCEPT, giver, receiver, trsf_id, "");
}

static struct wallet_order pay_order(int who, const char *setl_id, int64_t amount)
{
    struct wallet_order o = order(MESSAGE_WLT_PAY);
    o.psn_key = key_bytes(who);
    o.setl_id = bytes_of(setl_id);
    o.fixmedins_code = bytes_of(HOSPITAL);
    o.mdtrtarea_admvs = SICHUAN;
    o.use = 1;
    o.amount = amount;
    o.amount2 = 1000000;
    return o;
}

static struct answer_read pay(int who, const char *setl_id, int64_t amount)
{
    const struct wallet_order o = pay_order(who, setl_id, amount);
    return send(who, &o, 51);
}

static struct answer_read reverse(int who, const char *pay_id, int64_t amount)
{
    struct wallet_order o = order(MESSAGE_WLT_PAY_REVERSE);
    o.pay_id = bytes_of(pay_id);
    o.client_no = bytes_of(number("V"));
    o.mdtrtarea_admvs = SICHUAN;
    o.amount = amount;
    return send(who, &o, 51);
}

/* Yunnan gives 1,500 yuan to Sichuan. */
static void fill_wallet(void)
{
    done(open_wallet(GIVER, YUNNAN, YUNNAN));
    done(open_wallet(RECEIVER, SICHUAN, SICHUAN));
    done(bind(GIVER, RECEIVER));
    done(grant(GIVER, 500000));
    const struct answer_read submitted = done(submit(GIVER, RECEIVER, 150000));
    assert_string_equal(submitted.stas, "PENDING");
    done(accept(GIVER, RECEIVER, submitted.id));
}

static int64_t cell_sum(uint32_t line, uint64_t *ret_count)
{
    int64_t sum = 0;
    *ret_count = 0;
    for (int i = 0; i < SHARDS; i++) {
        uint32_t count;
        const struct cell *cells = shard_cells(rigs[i].shard, &count);
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

static void check_debts(int64_t want, uint64_t records)
{
    uint64_t count;
    assert_int_equal(cell_sum(LINE_WALLET_CARE, &count), want);
    assert_int_equal(count, records);
}

static void check_giver(int64_t held, int64_t consumed)
{
    static struct person giver;
    person(GIVER, &giver);
    assert_int_equal(giver.hold.granted, 500000);
    assert_int_equal(giver.hold.held, held);
    assert_int_equal(giver.hold.consumed, consumed);
}

static void check_balance(int who, int64_t want)
{
    static struct person holder;
    person(who, &holder);
    assert_int_equal(person_balance(&holder), want);
}

static void whole_story(void)
{
    fill_wallet();
    check_giver(150000, 0);
    check_balance(RECEIVER, 150000);
    const struct answer_read paid = done(pay(RECEIVER, "S1", 60000));
    assert_int_equal(paid.amount, 60000);
    assert_int_equal(paid.balc, 90000);
    assert_int_equal(paid.period, 202603);
    assert_int_equal(paid.lots, 1);
    check_giver(90000, 60000);
    check_debts(60000, 1);
    const struct answer_read part = done(reverse(RECEIVER, paid.id, 20000));
    assert_int_equal(part.amount, 20000);
    check_debts(40000, 2);
    check_giver(110000, 40000);
    assert_int_equal(reverse(RECEIVER, paid.id, 50000).code, ERROR_ABOVE_PAYMENT);
    done(reverse(RECEIVER, paid.id, 0));
    check_debts(0, 3);
    check_giver(150000, 0);
    check_balance(RECEIVER, 150000);
}

/* -- snapshots -------------------------------------------------------------------------------- */

struct snap {
    uint8_t *bytes;
    size_t size;
};

static void snap_add(struct snap *snap, const void *data, size_t size)
{
    assert_true(snap->size + size <= SNAP_MAX);
    if (size != 0) memcpy(snap->bytes + snap->size, data, size);
    snap->size += size;
}

static void snap_row(struct snap *snap, const struct rig *rig, const uint8_t *row, size_t size)
{
    struct bytes value = {0};
    if (shelf_read(rig->shard, (struct bytes){row, size}, &value)) {
        snap_add(snap, value.data, value.size);
    }
}

static void snap_numbers(struct snap *snap, const struct rig *rig, char letter, uint32_t which,
                         uint64_t acked, uint64_t next)
{
    for (uint64_t n = acked + 1; n < next; n++) {
        uint8_t row[10] = {(uint8_t)letter, (uint8_t)which};
        const size_t before = snap->size;
        be_store64(row + 2, n);
        snap_row(snap, rig, row, sizeof row);
        assert_int_not_equal(snap->size, before);
    }
}

static void snap_mail(struct snap *snap, const struct rig *rig, uint32_t to, uint64_t acked,
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

static void snap_cells(struct snap *snap, const struct rig *rig)
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

/* Everything that wallets leave in a shard. */
static struct snap snap_of(const struct rig *rig)
{
    struct snap snap = {.bytes = malloc(SNAP_MAX)};
    const struct shelf_counters *counters = &rig->shard->counters;
    assert_non_null(snap.bytes);
    for (int who = 0; who < PERSONS; who++) {
        uint8_t row[1 + PSN_KEY_SIZE] = {'P'};
        const struct psn_key k = key(who);
        memcpy(row + 1, k.bytes, PSN_KEY_SIZE);
        snap_row(&snap, rig, row, sizeof row);
    }
    snap_add(&snap, counters, sizeof *counters);
    for (uint32_t i = 0; i < SHARDS; i++)
        snap_mail(&snap, rig, i, counters->mail_acked[i], counters->mail_next[i]);
    for (uint32_t i = 0; i < OUTBOX_COUNT; i++)
        snap_numbers(&snap, rig, 'O', i, counters->out_acked[i], counters->out_next[i]);
    snap_cells(&snap, rig);
    snap_add(&snap, &rig->shard->last_seq, sizeof rig->shard->last_seq);
    return snap;
}

static void same_snap(struct snap a, struct snap b)
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

/* What the journal makes is what there was, and today's rules would decide the same. */
static void check_replay(void)
{
    judged_again = 0;
    for (int i = 0; i < SHARDS; i++) {
        const struct snap before = snap_of(&rigs[i]);
        rigs[i].watch = judge_again;
        rig_crash(&rigs[i], true);
        same_snap(before, snap_of(&rigs[i]));
        rigs[i].watch = NULL;
    }
}

/* -- tests ------------------------------------------------------------------------------------ */

static void from_message_to_cells(void **state)
{
    (void)state;
    whole_story();
    check_replay();
    if (!rigs[0].each_read_fails) assert_in_range(judged_again, 15, 1000);
}

/* The same when a checkpoint lies under a part of it: rows, due times and mail come from the store.
 */
static void through_checkpoints(void **state)
{
    (void)state;
    fill_wallet();
    const struct answer_read waits = submit(GIVER, RECEIVER, 10000); /* Its mail stays here. */
    for (int i = 0; i < SHARDS; i++) {
        rig_checkpoint(&rigs[i]);
        rig_settle(&rigs[i]);
        const struct snap before = snap_of(&rigs[i]);
        rig_crash(&rigs[i], true);
        same_snap(before, snap_of(&rigs[i]));
    }
    assert_int_equal(shard_next_due(rigs[0].shard), at("2026-03-03T06:00:00"));
    pump();
    done(accept(GIVER, RECEIVER, waits.id));
    check_balance(RECEIVER, 160000);
    check_giver(160000, 0);
}

static void mishaps_at_every_step(void **state)
{
    (void)state;
    mishap = MISHAP_LOST;
    whole_story();
    check_replay();
}

static void first_answers_after_a_crash(void **state)
{
    (void)state;
    mishap = MISHAP_LANDED;
    whole_story();
    check_replay();
}

static void refused_leaves_no_trace(void **state)
{
    (void)state;
    fill_wallet();
    struct wallet_order o = submit_order(GIVER, RECEIVER, 500000); /* Above the limit of one. */
    const struct snap before = snap_of(&rigs[0]);
    assert_int_equal(send(GIVER, &o, 0).code, ERROR_TRANSFER_AMOUNT);
    same_snap(before, snap_of(&rigs[0]));
    o.amount = 20000; /* Mended, under the same ids. */
    done(send(GIVER, &o, 0));
}

static void same_ids_other_content(void **state)
{
    (void)state;
    fill_wallet();
    const struct wallet_order o = pay_order(RECEIVER, "S1", 1000);
    const struct answer_read first = done(send(RECEIVER, &o, 51));
    struct wallet_order other = o;
    other.amount = 2000;
    assert_int_equal(send(RECEIVER, &other, 51).code, ERROR_MSGID_REUSED);
    other.msgid = bytes_of("another");
    assert_int_equal(send(RECEIVER, &other, 51).code, ERROR_SETL_ID_REUSED);
    other.amount = 1000;
    const struct answer_read again = send(RECEIVER, &other, 51);
    assert_int_equal(again.code, ERROR_OK);
    assert_true(again.dup);
    assert_string_equal(again.id, first.id);
    assert_int_equal(again.seq, first.seq);
    assert_int_equal(again.lots, 1);
}

/* Ended once, asked again under other msgids: the first answer for its receiver and that end. */
static void ended_again(uint16_t type, uint16_t other)
{
    const struct answer_read sent = done(submit(GIVER, RECEIVER, 10000));
    const struct answer_read first = done(end_transfer(type, GIVER, RECEIVER, sent.id, "FACE1"));
    struct snap before = snap_of(&rigs[0]);
    const struct answer_read again = end_transfer(type, GIVER, RECEIVER, sent.id, "FACE2");
    assert_int_equal(again.code, ERROR_OK);
    assert_true(again.dup);
    assert_int_equal(again.seq, first.seq);
    assert_string_equal(again.id, first.id);
    assert_string_equal(again.stas, first.stas);
    assert_int_equal(end_transfer(type, GIVER, 3, sent.id, "FACE1").code, ERROR_TRANSFER_ENDED);
    assert_int_equal(end_transfer(other, GIVER, RECEIVER, sent.id, "FACE1").code,
                     ERROR_TRANSFER_ENDED);
    same_snap(before, snap_of(&rigs[0]));
}

static void transfers_end_once(void **state)
{
    (void)state;
    fill_wallet();
    ended_again(MESSAGE_TRSF_ACCEPT, MESSAGE_TRSF_DECLINE);
    ended_again(MESSAGE_TRSF_DECLINE, MESSAGE_TRSF_ACCEPT);
    check_balance(RECEIVER, 160000);
    check_replay();
}

/* Without what was answered before nobody can say what would be decided today. */
static void judged_again_without_the_past(void **state)
{
    (void)state;
    fill_wallet();
    done(pay(RECEIVER, "S1", 1000));
    struct rig *rig = home(RECEIVER);
    rig_checkpoint(rig);
    rig_settle(rig);
    struct shard_status status;
    uint32_t unread = 0;
    shard_get_status(rig->shard, &status);
    for (uint64_t seq = 1; seq <= status.last_seq; seq++) {
        const struct entry entry = entry_needed(rig->shard, seq);
        struct wallet_entry its;
        if (entry.kind != ENTRY_WALLET) continue;
        assert_true(wallet_entry_decode(entry.body, &its));
        if (!wallet_type(its.type)) continue;
        rig->journal.fails_at = 1;
        rig->journal.good_count = 0;
        rig->journal.failed = false;
        const char *why = shard_judge_again(rig->shard, &entry);
        rig->journal.fails_at = 0;
        if (!rig->journal.failed) continue;
        assert_string_equal(why, error_text(ERROR_RECORD_UNREADABLE));
        unread++;
    }
    assert_in_range(unread, 1, status.last_seq);
}

/* Which payment a reversal means that names the settlement; "" for none. */
static void check_meant(const struct wallet_order *o, const char *want)
{
    uint8_t message[256];
    const size_t size = wire_encode(wallet_table(o->type), o, message);
    const struct rig_result got =
        give(home(RECEIVER),
             (struct request){.type = REQUEST_PAY_ID, .period = o->type, .body = {message, size}});
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.data_size, strlen(want));
    assert_memory_equal(got.result.data, want, strlen(want));
}

static void payments_by_settlement(void **state)
{
    (void)state;
    fill_wallet();
    const struct answer_read paid = done(pay(RECEIVER, "S1", 1000));
    struct wallet_order o = order(MESSAGE_WLT_PAY_REVERSE);
    o.client_no = bytes_of("V1");
    o.mdtrtarea_admvs = SICHUAN;
    o.psn_key = key_bytes(RECEIVER);
    o.setl_id = bytes_of("S1");
    const struct snap before = snap_of(home(RECEIVER));
    check_meant(&o, paid.id);
    o.setl_id = bytes_of("S2");
    check_meant(&o, "");
    o.setl_id = bytes_of("S1");
    o.mdtrtarea_admvs = YUNNAN; /* Another province's number. */
    check_meant(&o, "");
    o.psn_key = (struct bytes){NULL, 0};
    check_meant(&o, "");
    same_snap(before, snap_of(home(RECEIVER)));
}

static void unknown_names(void **state)
{
    (void)state;
    fill_wallet();
    const char *const nothing = "P00000000000000000000000a";
    assert_int_equal(reverse(RECEIVER, nothing, 0).code, ERROR_NO_PAYMENT);
    struct wallet_order o = order(MESSAGE_TRSF_VOID);
    o.trsf_id = bytes_of("T00000000000000000000000a");
    o.client_no = bytes_of("D1");
    assert_int_equal(send(GIVER, &o, 0).code, ERROR_NO_TRANSFER);
    o = pay_order(RECEIVER, "S9", 100);
    o.wlt_id = bytes_of("W00000000000000000000000a");
    assert_int_equal(send(RECEIVER, &o, 51).code, ERROR_NO_WALLET);
    o.psn_key = (struct bytes){0};
    assert_int_equal(send(RECEIVER, &o, 51).code, ERROR_NO_WALLET);
}

static struct entry entry_of(const struct rig *rig, uint64_t seq)
{
    return entry_needed(rig->shard, seq);
}

/* Setting the clock over 06:00: the return stands at 06:00, before the clock. */
static void swept_before_the_clock(void **state)
{
    (void)state;
    fill_wallet();
    const struct answer_read waits = done(submit(GIVER, RECEIVER, 10000));
    check_giver(160000, 0);
    set_clock("2026-03-03T07:30:00");
    const uint64_t last = rigs[0].shard->last_seq;
    assert_int_equal(entry_of(&rigs[0], last).kind, ENTRY_CLOCK);
    assert_int_equal(entry_of(&rigs[0], last - 1).kind, ENTRY_WALLET);
    assert_int_equal(entry_of(&rigs[0], last - 1).stamp_ms, at("2026-03-03T06:00:00"));
    assert_int_equal(shard_next_due(rigs[0].shard), INT64_MAX);
    assert_int_equal(accept(GIVER, RECEIVER, waits.id).code, ERROR_TRANSFER_EXPIRED);
    pump();
    check_giver(150000, 0);
    check_balance(RECEIVER, 150000);
    check_replay();
}

static void system_time(const char *text)
{
    for (int i = 0; i < SHARDS; i++)
        rigs[i].now_ms = at(text);
}

/* The engine was down at 06:00: the return has the stamp of the missed instant, and comes before
 * the first message. */
static void swept_after_a_night_off(void **state)
{
    (void)state;
    tear_down(NULL);
    open_rigs(true);
    fill_wallet();
    const struct answer_read waits = done(submit(GIVER, RECEIVER, 10000));
    rig_crash(&rigs[0], true);
    system_time("2026-03-03T10:00:00");
    assert_int_equal(shard_next_due(rigs[0].shard), at("2026-03-03T06:00:00"));
    const uint64_t before = rigs[0].shard->last_seq;
    assert_int_equal(accept(GIVER, RECEIVER, waits.id).code, ERROR_TRANSFER_EXPIRED);
    assert_int_equal(entry_of(&rigs[0], before + 1).stamp_ms, at("2026-03-03T06:00:00"));
    done(submit(GIVER, RECEIVER, 20000)); /* Nothing blocks it any more. */
    system_time("2026-03-04T06:00:00");
    rig_flush(&rigs[0]); /* Without any message. */
    rig_settle(&rigs[0]);
    assert_int_equal(rigs[0].shard->stamp_ms, at("2026-03-04T06:00:00"));
    pump();
    check_giver(150000, 0);
}

/* Exactly at the instant it is too late, a millisecond before it is not. */
static void accepted_in_the_last_millisecond(void **state)
{
    (void)state;
    fill_wallet();
    const struct answer_read waits = done(submit(GIVER, RECEIVER, 10000));
    set_clock("2026-03-03T05:59:59.999");
    done(accept(GIVER, RECEIVER, waits.id));
    check_balance(RECEIVER, 160000);
}

static size_t take(int from, int to, uint8_t *batch)
{
    return shard_mail_take(rigs[from].shard, (uint32_t)to, batch);
}

static struct rig_result mail(int to, const uint8_t *batch, size_t size)
{
    rig_forget(&rigs[to]);
    const struct request request = {.type = REQUEST_MAIL, .body = {batch, size}};
    assert_int_equal(rig_give(&rigs[to], &request, 1), 1);
    rig_settle(&rigs[to]);
    return rigs[to].results[0];
}

static void mail_twice_and_in_wrong_order(void **state)
{
    (void)state;
    uint8_t first[MAIL_BATCH_MAX];
    uint8_t second[MAIL_BATCH_MAX];
    fill_wallet();
    const struct answer_read a = submit(GIVER, RECEIVER, 10000);
    const size_t first_size = take(0, 1, first);
    struct wallet_order o = order(MESSAGE_TRSF_VOID);
    o.trsf_id = bytes_of(a.id);
    o.client_no = bytes_of("D1");
    assert_int_equal(send(GIVER, &o, 0).code, ERROR_OK);
    const size_t second_size = take(0, 1, second);
    assert_int_not_equal(first_size, 0);
    assert_int_not_equal(second_size, 0);

    const uint64_t has = rigs[1].shard->counters.mail_has[0];
    const uint64_t before = rigs[1].shard->last_seq;
    assert_int_equal(mail(1, second, second_size).result.seq, has); /* A gap: nothing is taken. */
    assert_int_equal(rigs[1].shard->last_seq, before);
    assert_true(mail(1, first, first_size).result.seq > has);
    const uint64_t taken = rigs[1].shard->last_seq;
    mail(1, first, first_size); /* Again: passed over. */
    assert_int_equal(rigs[1].shard->last_seq, taken);
    mail(1, second, second_size);
    assert_true(rigs[1].shard->last_seq > taken);
    check_replay();
    pump();
    check_giver(150000, 0);
}

/* The `number`-th item for the other shard: its row says whose entry it is. */
static bool mail_is_there(uint64_t number)
{
    struct bytes row;
    if (!mail_row(rigs[0].shard, 1, number, &row)) return false;
    assert_int_equal(le_load64(row.data), number);
    return true;
}

static void mail_is_acknowledged(uint64_t upto)
{
    mail_took(rigs[0].shard, &(struct mail_batch){.from = 1, .has = upto});
}

/* More mail than there is room for in memory, some too large for it; a checkpoint while it waits,
 * and more behind that: each item is there until it is acknowledged, and not after. */
static void much_mail_waits(void **state)
{
    static const uint32_t steps[] = {1, 3000, 3000, 6000, 9000};
    struct shard *shard = rigs[0].shard;
    uint64_t next = shard->counters.mail_next[1];
    uint64_t acked = shard->counters.mail_acked[1];
    (void)state;
    for (uint32_t step = 0; step < sizeof steps / sizeof steps[0]; step++) {
        const struct effect effect = {.kind = EFFECT_OFFER};
        for (; next <= steps[step] + 3000; next++) {
            const size_t lots = next % 7 == 0 ? 2 : next % 3 == 0;
            const size_t size = offsetof(struct effect, lots) + lots * sizeof(struct lot);
            mail_put(shard, 1, OP_EFFECT, (struct bytes){(const uint8_t *)&effect, size}, next);
            if (next % 1000 == 0) shard->shelf_spent = 0; /* A block each. */
        }
        for (uint64_t n = acked + 1; n < next; n++)
            assert_true(mail_is_there(n));
        if (step == 1) mail_freeze(shard);
        mail_is_acknowledged(steps[step]);
        shard->shelf_spent = 0;
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
    fill_wallet();
    done(open_wallet(2, YUNNAN, YUNNAN));
    done(open_wallet(3, SICHUAN, SICHUAN));
    done(bind(2, 3));
    done(bind(2, RECEIVER));
    done(grant(2, 500000));
    assert_int_equal(submit(GIVER, RECEIVER, 10000).code, ERROR_OK);
    assert_int_equal(submit(2, 3, 20000).code, ERROR_OK);
    assert_int_equal(submit(2, RECEIVER, 30000).code, ERROR_OK);
    const size_t size = take(0, 1, batch);
    assert_true(mail_decode((struct bytes){batch, size}, &b));
    assert_int_equal(b.count, 3);

    const uint64_t before = rigs[1].shard->last_seq;
    mail(1, batch, size);
    assert_int_equal(rigs[1].shard->last_seq, before + 2);
    person(RECEIVER, &reader);
    assert_int_equal(reader.offer_count, 2);
    assert_int_equal(reader.head.last_seq, before + 2);
    person(3, &reader);
    assert_int_equal(reader.offer_count, 1);
    assert_int_equal(reader.head.last_seq, before + 1);
    check_replay();
    pump();
}

/* Only what is on stable storage leaves, and it leaves again until the other says that it has it.
 */
static void mail_waits_for_the_device(void **state)
{
    (void)state;
    uint8_t batch[MAIL_BATCH_MAX];
    fill_wallet();
    uint8_t body[512];
    const struct wallet_order o = pay_order(RECEIVER, "S1", 1000);
    const struct request request = {.type = o.type,
                                    .province = 51,
                                    .body = {body, wire_encode(wallet_table(o.type), &o, body)}};
    assert_int_equal(rig_give(&rigs[1], &request, 1), 1);
    assert_int_equal(take(1, 0, batch), 0);
    rig_flush(&rigs[1]);
    assert_int_equal(take(1, 0, batch), 0);
    rig_written(&rigs[1]);
    assert_true(shard_mail_waits(rigs[1].shard));
    const size_t size = take(1, 0, batch);
    assert_int_not_equal(size, 0);
    assert_int_equal(take(1, 0, batch), 0);

    rig_crash(&rigs[1], true); /* Nobody got it; it is there again, with all that is not acked. */
    pump();
    check_giver(149000, 1000);
    check_debts(1000, 1);
    check_replay();
}

/* What a shard says it has is on its device: the other one forgets it then. */
static void acks_wait_for_the_device(void **state)
{
    (void)state;
    uint8_t first[MAIL_BATCH_MAX];
    uint8_t batch[MAIL_BATCH_MAX];
    struct mail_batch b;
    struct person reader;
    fill_wallet();
    assert_int_equal(pay(RECEIVER, "S1", 1000).code, ERROR_OK); /* Mail that carries the word. */
    assert_int_equal(submit(GIVER, RECEIVER, 10000).code, ERROR_OK);
    const uint64_t has = rigs[1].shard->counters.mail_has[0];
    const struct request request = {.type = REQUEST_MAIL, .body = {first, take(0, 1, first)}};
    assert_int_equal(rig_give(&rigs[1], &request, 1), 1);
    assert_true(rigs[1].shard->counters.mail_has[0] > has);
    const size_t size = take(1, 0, batch);
    assert_true(mail_decode((struct bytes){batch, size}, &b));
    assert_int_equal(b.count, 1);
    assert_int_equal(b.has, has);

    mail(0, batch, size);
    rig_crash(&rigs[1], false);
    rig_crash(&rigs[0], true); /* It does not know any more what it has sent, and sends it again. */
    pump();
    person(RECEIVER, &reader);
    assert_int_equal(reader.offer_count, 1);
    check_replay();
}

/* A shard that sends nothing still says in time what it has. */
static void acks_by_themselves(void **state)
{
    (void)state;
    fill_wallet();
    for (int i = 0; i < 1100; i++) {
        char setl_id[16];
        snprintf(setl_id, sizeof setl_id, "L%d", i);
        done(pay(RECEIVER, setl_id, 1));
    }
    const struct shelf_counters *counters = &rigs[1].shard->counters;
    assert_true(counters->mail_acked[0] > 0);
    assert_true(counters->mail_next[0] - counters->mail_acked[0] < 2048);
    check_giver(148900, 1100);
    check_debts(1100, 1100);
}

static struct wallet_order reverse_settlement(const char *setl_id)
{
    struct wallet_order o = order(MESSAGE_WLT_PAY_REVERSE);
    o.psn_key = key_bytes(RECEIVER);
    o.setl_id = bytes_of(setl_id);
    o.client_no = bytes_of(number("V"));
    o.mdtrtarea_admvs = SICHUAN;
    return o;
}

/* What the shard says of the payment that such a reversal means; gives the bytes of the id. */
static size_t ask_payment(const char *setl_id, char *ret_id)
{
    uint8_t message[1024];
    const struct wallet_order o = reverse_settlement(setl_id);
    const struct request request = {
        .type = REQUEST_WALLET_FACT,
        .province = 51,
        .period = o.type,
        .body = {message, wire_encode(wallet_table(o.type), &o, message)}};
    const struct rig_result got = give(home(RECEIVER), request);
    assert_int_equal(got.result.code, ERROR_OK);
    assert_in_range(got.result.data_size, 0, WALLET_ID_SIZE - 1);
    if (got.result.data_size != 0) memcpy(ret_id, got.result.data, got.result.data_size);
    return got.result.data_size;
}

/* A dispute is about a payment's id: who takes back by the settlement's number is held to it, too.
 */
static void disputed_by_settlement(void **state)
{
    uint8_t body[sizeof(struct wallet_fact) + 1024];
    char id[WALLET_ID_SIZE] = {0};
    const struct wallet_fact fact = {.disputed = 1};
    (void)state;
    fill_wallet();
    const struct answer_read paid = done(pay(RECEIVER, "S1", 60000));
    assert_int_equal(ask_payment("S1", id), strlen(paid.id));
    assert_string_equal(id, paid.id);
    assert_int_equal(ask_payment("S2", id), 0);

    const struct wallet_order o = reverse_settlement("S1");
    memcpy(body, &fact, sizeof fact);
    const size_t size = wire_encode(wallet_table(o.type), &o, body + sizeof fact);
    const struct request request = {
        .type = o.type, .province = 51, .area = sizeof fact, .body = {body, sizeof fact + size}};
    assert_int_equal(read_answer(give(home(RECEIVER), request)).code, ERROR_PAYMENT_DISPUTED);
    check_balance(RECEIVER, 90000);
    done(send(RECEIVER, &o, 51));
    check_balance(RECEIVER, 150000);
}

static void found_and_counted_like_records(void **state)
{
    (void)state;
    char name[CLIENT_NO_SIZE];
    fill_wallet();
    const struct answer_read paid = done(pay(RECEIVER, "S1", 60000));
    done(reverse(RECEIVER, paid.id, 10000));
    snprintf(name, sizeof name, "%s-1", paid.id);
    struct request find = rig_control(REQUEST_FIND, 0);
    find.area = YUNNAN;
    find.body = bytes_of(name);
    const struct rig_result found = rig_order(&rigs[1], find);
    assert_true(found.result.data_size > sizeof(struct found_entry));

    struct record_ref ref = {.insu_admdvs = YUNNAN, .size = (uint8_t)strlen(name)};
    memcpy(ref.setl_id, name, strlen(name));
    struct request facts = rig_control(REQUEST_FACTS, 0);
    facts.body = (struct bytes){(const uint8_t *)&ref, sizeof ref};
    const struct rig_result told = rig_order(&rigs[1], facts);
    struct record_facts fact;
    assert_int_equal(told.result.data_size, sizeof fact);
    memcpy(&fact, told.result.data, sizeof fact);
    assert_int_equal(fact.kind, RECORD_SETTLEMENT);
    assert_int_equal(fact.line, LINE_WALLET_CARE);
    assert_int_equal(fact.insurance, INSURANCE_EMPLOYEE);
    assert_int_equal(fact.funds[FUND_ACCOUNT], 60000);
    assert_int_equal(fact.medfee, 60000);

    rig_checkpoint(&rigs[1]);
    rig_settle(&rigs[1]);
    const struct tally_question question = {
        .kind = TALLY_PAYER_AREA, .period = 202603, .part = YUNNAN};
    struct request tallies = rig_control(REQUEST_TALLIES, 0);
    tallies.body = (struct bytes){(const uint8_t *)&question, sizeof question};
    const struct rig_result sums = rig_order(&rigs[1], tallies);
    struct tally tally;
    assert_int_equal(sums.result.data_size, sizeof tally);
    memcpy(&tally, sums.result.data, sizeof tally);
    assert_int_equal(tally.count, 2);
    assert_int_equal(tally.refund_count, 1);
    assert_int_equal(tally.funds[FUND_ACCOUNT], 50000);
}

/* -- settlements that pay from the wallet ------------------------------------------------------ */

/* A visit of the receiver in Yunnan, 420 yuan, of which `wallet` from the wallet. */
static struct settlement visit(const char *msgid, const char *setl_id, int64_t wallet)
{
    struct settlement s = {
        .msgid = bytes_of(msgid),
        .setl_id = bytes_of(setl_id),
        .psn_key = key_bytes(RECEIVER),
        .insutype = 310,
        .insu_admdvs = YUNNAN,
        .mdtrtarea_admvs = SICHUAN,
        .med_type = 11,
        .fixmedins_code = bytes_of(HOSPITAL),
        .setl_time = at("2026-03-02T11:00:00"),
    };
    s.amounts[AMOUNT_MEDFEE] = 42000;
    s.amounts[AMOUNT_HIFP] = s.amounts[AMOUNT_FUND_SUM] = 28000;
    s.amounts[AMOUNT_PSN_PART] = 14000;
    s.amounts[AMOUNT_WLT] = wallet;
    s.amounts[AMOUNT_CASH] = 14000 - wallet;
    return s;
}

static struct rig_result post(const struct settlement *s)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct bytes bytes = {body, settlement_encode(s, body)};
    return give(&rigs[1], rig_message(MESSAGE_SETL_POST, 51, bytes));
}

static struct settlement refund_of(const struct settlement *s, const char *msgid,
                                   const char *setl_id, int64_t parts)
{
    struct settlement r = *s;
    r.msgid = bytes_of(msgid);
    r.setl_id = bytes_of(setl_id);
    r.orig_setl_id = s->setl_id;
    r.refd_setl_flag = true;
    for (int i = 0; i < AMOUNT_COUNT; i++)
        r.amounts[i] = -r.amounts[i] / parts;
    return r;
}

static void paid_with_a_settlement(void)
{
    fill_wallet();
    struct settlement s = visit("I1", "V1", 15000);
    s.amounts[AMOUNT_CASH] = 0;
    s.amounts[AMOUNT_PSN_PART] = 15000;
    s.amounts[AMOUNT_HIFP] = s.amounts[AMOUNT_FUND_SUM] = 27000;
    s.amounts[AMOUNT_WLT] = 14000;
    s.amounts[AMOUNT_CASH] = 1000;
    const uint64_t before = rigs[1].shard->last_seq;
    const struct rig_result got = post(&s);
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.dup, mishap == MISHAP_LANDED);
    assert_int_equal(rigs[1].shard->last_seq, before + 3); /* Settlement, wallet, debt. */
    pump();
    check_balance(RECEIVER, 136000);
    check_giver(136000, 14000);
    check_debts(14000, 1);
    assert_true(post(&s).result.dup);

    const struct settlement half = refund_of(&s, "I2", "R1", 2);
    assert_int_equal(post(&half).result.code, ERROR_OK);
    pump();
    check_balance(RECEIVER, 143000);
    check_giver(143000, 7000);
    check_debts(7000, 2);
    check_replay();
}

static void inline_payment(void **state)
{
    (void)state;
    paid_with_a_settlement();
}

static void inline_payment_lost(void **state)
{
    (void)state;
    mishap = MISHAP_LOST;
    paid_with_a_settlement();
}

static void inline_payment_landed(void **state)
{
    (void)state;
    mishap = MISHAP_LANDED;
    paid_with_a_settlement();
}

/* The wallet cannot pay it: the settlement is refused with it, nothing stays. */
static void inline_all_or_nothing(void **state)
{
    (void)state;
    done(open_wallet(RECEIVER, SICHUAN, SICHUAN));
    const struct settlement s = visit("I1", "V1", 14000);
    const struct snap before = snap_of(&rigs[1]);
    assert_int_equal(post(&s).result.code, ERROR_WALLET_BALANCE);
    same_snap(before, snap_of(&rigs[1]));
}

/* Paid by a message of its own before: that is the payment. */
static void inline_after_a_payment(void **state)
{
    (void)state;
    fill_wallet();
    done(pay(RECEIVER, "V1", 14000));
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    check_balance(RECEIVER, 136000);
    check_debts(14000, 1);
    done(pay(RECEIVER, "V2", 5000));
    const struct settlement other = visit("I2", "V2", 14000);
    assert_int_equal(post(&other).result.code, ERROR_SETL_ID_REUSED);
}

static struct rig_result correct(const char *msgid, const char *omsgid)
{
    uint8_t body[256];
    const struct correction c = {
        .msgid = bytes_of(msgid), .omsgid = bytes_of(omsgid), .psn_key = key_bytes(RECEIVER)};
    const struct bytes bytes = {body, correction_encode(&c, body)};
    return give(&rigs[1], rig_message(MESSAGE_CORRECTION, 51, bytes));
}

static void inline_corrected(void **state)
{
    (void)state;
    fill_wallet();
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    pump();
    check_giver(136000, 14000);
    assert_int_equal(correct("K1", "I1").result.code, ERROR_OK);
    pump();
    check_balance(RECEIVER, 150000);
    check_giver(150000, 0);
    check_debts(0, 2);
    assert_true(correct("K1", "I1").result.dup);
    check_debts(0, 2);
    check_replay();
}

/* What a SetlReverse takes back is a refund like any other. */
static void inline_reversed(void **state)
{
    (void)state;
    uint8_t body[1024];
    fill_wallet();
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    const struct reversal r = {
        .msgid = bytes_of("I2"),
        .rev_setl_id = bytes_of("R1"),
        .setl_id = bytes_of("V1"),
        .psn_key = key_bytes(RECEIVER),
        .insu_admdvs = YUNNAN,
        .mdtrtarea_admvs = SICHUAN,
        .full = true,
    };
    const struct bytes bytes = {body, rig_encode_reversal(&r, body)};
    const struct request request = rig_message(MESSAGE_SETL_REVERSE, 51, bytes);
    assert_int_equal(give(&rigs[1], request).result.code, ERROR_OK);
    assert_true(give(&rigs[1], request).result.dup);
    pump();
    check_balance(RECEIVER, 150000);
    check_giver(150000, 0);
    check_debts(0, 2);
    check_replay();
}

/* A refund that gave back to the wallet cannot be corrected: it may be spent again by now. */
static void refund_stays(void **state)
{
    (void)state;
    fill_wallet();
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    const struct settlement half = refund_of(&s, "I2", "R1", 2);
    assert_int_equal(post(&half).result.code, ERROR_OK);
    assert_int_equal(correct("K1", "I2").result.code, ERROR_ALREADY_REVERSED);
    assert_int_equal(correct("K2", "I1").result.code, ERROR_ALREADY_REVERSED);
}

/* Taken back by a message of its own, before the refund of the same number comes: once. */
static void refund_after_a_reversal(void **state)
{
    (void)state;
    fill_wallet();
    done(pay(RECEIVER, "V1", 14000));
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    struct wallet_order o = reverse_settlement("V1");
    o.client_no = bytes_of("R1");
    o.amount = 7000;
    done(send(RECEIVER, &o, 51));
    check_balance(RECEIVER, 143000);
    struct settlement half = refund_of(&s, "I2", "R1", 2);
    assert_int_equal(post(&half).result.code, ERROR_OK);
    pump();
    check_balance(RECEIVER, 143000);
    check_debts(7000, 2);

    o.msgid = bytes_of(number("M"));
    o.client_no = bytes_of("R2");
    o.amount = 3000;
    done(send(RECEIVER, &o, 51));
    half = refund_of(&s, "I3", "R2", 2);
    const struct rig_result got = post(&half); /* 7,000 under the number that gave back 3,000. */
    assert_int_equal(got.result.code, ERROR_SETL_ID_REUSED);
    assert_int_equal(got.failures[0].want, -3000);
    pump();
    check_balance(RECEIVER, 146000);
    check_replay();
}

/* Where settlements do not pay by themselves they take nothing back either. */
static void refund_where_nothing_is_inline(void **state)
{
    (void)state;
    uint8_t body[256];
    struct wallet_order off = order(MESSAGE_RULE_PUSH);
    off.name = bytes_of("wallet_inline");
    off.value = bytes_of("off");
    off.eff_ms = at("2026-03-02T12:00:01");
    const struct request request = {
        .type = off.type, .body = {body, wire_encode(wallet_table(off.type), &off, body)}};
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(give(&rigs[i], request).result.code, ERROR_OK);
    set_clock("2026-03-02T13:00:00");
    fill_wallet();
    done(pay(RECEIVER, "V1", 14000));
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    const struct settlement half = refund_of(&s, "I2", "R1", 2);
    assert_int_equal(post(&half).result.code, ERROR_OK);
    pump();
    check_balance(RECEIVER, 136000);
    check_debts(14000, 1);
    check_replay();
}

/* A month that is cut before its settlement comes: the debt goes with it into the open one. */
static void inline_late(void **state)
{
    (void)state;
    fill_wallet();
    set_clock("2026-04-01T12:00:00");
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(rig_order(&rigs[i], rig_control(REQUEST_CUT, 202603)).result.code, 0);
        rig_order(&rigs[i], rig_control(REQUEST_CUT_RELEASE, 0));
    }
    const struct settlement s = visit("I1", "V1", 14000);
    const struct rig_result got = post(&s);
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.period, 202604);
    const struct entry debt = entry_of(&rigs[1], rigs[1].shard->last_seq);
    assert_int_equal(debt.kind, ENTRY_DEBT);
    assert_int_equal(debt.period, 202604);
    assert_int_equal(debt.orig_period, 202603);
    assert_true((debt.flags & ENTRY_LATE) != 0);
    check_replay();
}

/* -- premiums -----------------------------------------------------------------------------------
 */

static struct wallet_order premium_order(int payer, int insured, int64_t amount)
{
    struct wallet_order o = order(MESSAGE_PREM_PAY);
    o.psn_key = key_bytes(payer);
    o.other_key = key_bytes(insured);
    o.insu_admdvs = SICHUAN;
    o.insutype = 390;
    o.year = 2027;
    o.amount = amount;
    o.flag = true;
    return o;
}

static struct answer_read pay_premium(int payer, int insured, int64_t amount)
{
    const struct wallet_order o = premium_order(payer, insured, amount);
    return send(payer, &o, 0);
}

static struct answer_read reverse_premium(const char *pay_id, uint32_t reason)
{
    struct wallet_order o = order(MESSAGE_PREM_REVERSE);
    o.pay_id = bytes_of(pay_id);
    o.client_no = bytes_of(number("V"));
    o.reason = reason;
    o.sender_admdvs = SICHUAN;
    return send(RECEIVER, &o, 51);
}

static void premium_due(void)
{
    struct wallet_order o = order(MESSAGE_PREM_DUE);
    o.psn_key = key_bytes(RECEIVER);
    o.insu_admdvs = SICHUAN;
    o.insutype = 390;
    o.year = 2027;
    o.amount = 40000;
    done(send(RECEIVER, &o, 51));
}

static void premium(void)
{
    uint64_t count;
    fill_wallet();
    premium_due();
    assert_int_equal(pay_premium(RECEIVER, RECEIVER, 30000).code, ERROR_PREMIUM_AMOUNT);
    const struct answer_read paid = done(pay_premium(RECEIVER, RECEIVER, 40000));
    assert_int_equal(cell_sum(LINE_PREMIUM_RESIDENT, &count), 40000);
    check_giver(110000, 40000);
    done(reverse_premium(paid.id, 1));
    assert_int_equal(cell_sum(LINE_PREMIUM_RESIDENT, &count), 0);
    check_giver(150000, 0);
    premium_due();
    const struct answer_read again = done(pay_premium(RECEIVER, RECEIVER, 40000));
    assert_string_not_equal(again.id, paid.id); /* The year is free again. */
    check_giver(110000, 40000);
    check_replay();
}

static void premium_paid_and_taken_back(void **state)
{
    (void)state;
    premium();
}

/* The insured area did not want the money: who asks again hears so, and may pay anew. */
static void premium_the_area_refused(void **state)
{
    (void)state;
    fill_wallet();
    premium_due();
    const struct wallet_order o = premium_order(RECEIVER, RECEIVER, 40000);
    const struct answer_read paid = done(send(RECEIVER, &o, 0));
    assert_true(send(RECEIVER, &o, 0).dup);
    done(reverse_premium(paid.id, 4));
    assert_int_equal(send(RECEIVER, &o, 0).code, ERROR_PREMIUM_REFUSED);
    premium_due();
    done(pay_premium(RECEIVER, RECEIVER, 40000));
    check_replay();
}

static void premium_lost(void **state)
{
    (void)state;
    mishap = MISHAP_LOST;
    premium();
}

static void premium_landed(void **state)
{
    (void)state;
    mishap = MISHAP_LANDED;
    premium();
}

/* -- many ---------------------------------------------------------------------------------------
 */

#define GIVERS 4000

static struct psn_key giver_key(uint32_t n)
{
    struct psn_key k = key(GIVER);
    le_store32(k.bytes + 8, n);
    return k;
}

/* A person with one transfer under way, as if by earlier entries. */
static void put_giver(uint32_t n, struct person *giver)
{
    static struct wallet_work work;
    const struct psn_key receiver = key(RECEIVER);
    person_clear(&work.before, giver_key(n));
    person_copy(&work.after, &work.before);
    *giver = work.after;
    giver->wallet = (struct wallet_row){
        .state = WALLET_OPEN, .insu_admdvs = YUNNAN, .insutype = 310, .use_loc_admdvs = YUNNAN};
    giver->insured =
        (struct insured_row){.state = INSURED_NORMAL, .insutype = 310, .insu_admdvs = YUNNAN};
    giver->hold = (struct hold_row){.granted = 10000, .held = 10000};
    struct transfer_row *row = &giver->transfers[giver->transfer_count++];
    *row = (struct transfer_row){.state = TRANSFER_PENDING,
                                 .receiver = receiver,
                                 .amount = 10000,
                                 .submitted_ms = at("2026-03-02T12:00:00"),
                                 .exp_ms = at("2026-03-03T06:00:00"),
                                 .seq = rigs[0].shard->last_seq + 1,
                                 .src = 1};
    wallet_id_make('T', &giver->key, 1, row->trsf_id);
    struct ops_writer writer;
    ops_begin(&writer, work.body, sizeof work.body, MESSAGE_TRSF_SUBMIT, (struct bytes){0},
              (struct bytes){0});
    ops_put_person(&writer, &work.before, giver, true);
    struct entry entry = {.kind = ENTRY_WALLET,
                          .stamp_ms = rigs[0].shard->stamp_ms,
                          .body = {work.body, writer.size}};
    assert_true(has_entry_room(rigs[0].shard, 1, ENTRY_SIZE_MAX, 1, 1));
    append(rigs[0].shard, &entry, NULL);
}

/* Fills what is left of the list of due times with what does not stand. */
static void fill_dues(struct shard *shard)
{
    const struct due nobody = {.due_ms = INT64_MAX - 1};
    while (shard->dues.count < DUES_MAX - 1)
        shard->dues.list[shard->dues.count++] = nobody;
}

/* A transfer that ended leaves its time behind until that comes. A day of them stops nobody. */
static void ended_transfers_take_no_room(void **state)
{
    (void)state;
    fill_wallet();
    struct shard *shard = home(GIVER)->shard;
    fill_dues(shard);
    const struct answer_read first = done(submit(GIVER, RECEIVER, 10000));
    assert_string_equal(first.stas, "PENDING");
    assert_in_range(shard->dues.count, 1, 4);
    done(accept(GIVER, RECEIVER, first.id));
    fill_dues(shard);
    const struct answer_read second = done(submit(GIVER, RECEIVER, 10000));
    assert_int_equal(shard->dues.count, 1); /* The same person and time again, but once. */

    /* All of them stand, as far as anybody has looked: no. */
    const uint32_t count = shard->dues.count;
    fill_dues(shard);
    shard->dues.fresh_from = shard->dues.count;
    done(accept(GIVER, RECEIVER, second.id));
    assert_int_equal(submit(GIVER, RECEIVER, 10000).code, ERROR_OVERLOAD);
    shard->dues.count = shard->dues.fresh_from = count;
}

/* More returns than a block takes: the clock waits for all of them, and nothing is lost. */
static void many_returns(void **state)
{
    (void)state;
    static struct person giver;
    for (uint32_t n = 0; n < GIVERS; n++) {
        put_giver(n, &giver);
        if (n % 200 == 199) rig_settle(&rigs[0]);
    }
    rig_settle(&rigs[0]);
    struct request request = rig_control(REQUEST_CLOCK, 0);
    request.instant_ms = at("2026-03-03T09:00:00");
    rig_forget(&rigs[0]);
    uint32_t tries = 1;
    for (; rig_give(&rigs[0], &request, 1) == 0; tries++)
        rig_settle(&rigs[0]);
    rig_settle(&rigs[0]);
    assert_int_equal(rigs[0].shard->stamp_ms, at("2026-03-03T09:00:00"));
    for (uint32_t n = 0; n < GIVERS; n++) {
        const struct psn_key k = giver_key(n);
        person_load(rigs[0].shard, &k, &giver);
        assert_int_equal(giver.transfer_count, 0);
        assert_int_equal(giver.hold.held, 0);
        assert_int_equal(entry_of(&rigs[0], giver.head.last_seq).stamp_ms,
                         at("2026-03-03T06:00:00"));
    }
    assert_int_equal(shard_next_due(rigs[0].shard), INT64_MAX);
    pump();
    const struct snap before = snap_of(&rigs[0]);
    rig_crash(&rigs[0], true);
    same_snap(before, snap_of(&rigs[0]));
    assert_true(tries > 1);
}

/* A delta so small that a checkpoint comes between any two messages. */
static void hardly_any_room(void **state)
{
    tear_down(NULL);
    small_delta = 320;
    (void)state;
    open_rigs(false);
    small_delta = 0;
    whole_story();
    for (int i = 0; i < 60; i++) {
        char setl_id[16];
        snprintf(setl_id, sizeof setl_id, "L%d", i);
        done(pay(RECEIVER, setl_id, 100));
    }
    for (int i = 0; i < 60; i++) {
        char ids[2][16];
        snprintf(ids[0], sizeof ids[0], "I%d", i);
        snprintf(ids[1], sizeof ids[1], "V%d", i);
        const struct settlement s = visit(ids[0], ids[1], 100);
        assert_int_equal(post(&s).result.code, ERROR_OK);
    }
    pump();
    check_giver(138000, 12000);
    check_debts(12000, 123);
    for (int i = 0; i < SHARDS; i++) {
        const struct snap before = snap_of(&rigs[i]);
        rig_crash(&rigs[i], true);
        same_snap(before, snap_of(&rigs[i]));
    }
}

/* -- outboxes, institutions, rules ---------------------------------------------------------------
 */

static struct rig *outbox_home(uint32_t dest)
{
    return &rigs[outbox_shard(dest, SHARDS)];
}

static struct answer_read acknowledge(uint32_t code, uint64_t upto)
{
    uint8_t body[128];
    struct wallet_order o = order(MESSAGE_OUTBOX_ACK);
    o.place = code;
    o.position = upto;
    const struct request request = {.type = o.type,
                                    .province = (uint16_t)code,
                                    .body = {body, wire_encode(wallet_table(o.type), &o, body)}};
    return read_answer(give(outbox_home(outbox_dest(code)), request));
}

static void outboxes(void **state)
{
    (void)state;
    fill_wallet();
    done(pay(RECEIVER, "S1", 1000));
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
    check_replay();
}

/* A push that a crash left between two shards is completed by the same one, after its beginning. */
static void pushes_are_completed(void **state)
{
    uint8_t body[sizeof(struct wallet_fact) + 256];
    const struct wallet_fact decided = {.decided = 1};
    struct wallet_order o = order(MESSAGE_RULE_PUSH);
    (void)state;
    o.name = bytes_of("wallet_enabled");
    o.value = bytes_of("off");
    o.place = 510000;
    o.eff_ms = at("2026-03-05T00:00:00");
    memcpy(body, &decided, sizeof decided);
    const size_t size = wire_encode(wallet_table(o.type), &o, body + sizeof decided);
    struct request first = {.type = o.type, .body = {body + sizeof decided, size}};
    struct request then = {
        .type = o.type, .area = sizeof decided, .body = {body, sizeof decided + size}};
    assert_int_equal(give(&rigs[0], first).result.code, ERROR_OK);
    set_clock("2026-03-06T12:00:00");
    assert_int_equal(give(&rigs[1], first).result.code, ERROR_RULE_INVALID);
    const struct rig_result again = give(&rigs[0], first);
    assert_int_equal(again.result.code, ERROR_OK);
    assert_true(again.result.dup);
    for (int i = 0; i < 2; i++) {
        const struct rig_result got = give(&rigs[1], then);
        assert_int_equal(got.result.code, ERROR_OK);
        assert_int_equal(got.result.dup, i != 0);
    }
    assert_int_equal(open_wallet(RECEIVER, SICHUAN, SICHUAN).code, ERROR_AREA_NOT_ENABLED);
    check_replay();
}

static void rules_and_institutions(void **state)
{
    (void)state;
    uint8_t body[256];
    fill_wallet();
    struct wallet_order o = order(MESSAGE_RULE_PUSH);
    o.name = bytes_of("institution_check");
    o.value = bytes_of("on");
    o.place = 510000;
    o.eff_ms = at("2026-03-05T00:00:00");
    struct request request = {.type = o.type,
                              .body = {body, wire_encode(wallet_table(o.type), &o, body)}};
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(give(&rigs[i], request).result.code, ERROR_OK);
    done(pay(RECEIVER, "S1", 1000));
    set_clock("2026-03-05T12:00:00");
    assert_int_equal(pay(RECEIVER, "S2", 1000).code, ERROR_INSTITUTION_WALLET);

    o = order(MESSAGE_INST_DIR_PUSH);
    o.fixmedins_code = bytes_of(HOSPITAL);
    o.name = bytes_of("Hospital");
    o.place = SICHUAN;
    o.which = 1;
    o.level_wallet = 1;
    o.level_outpatient = 1;
    request = (struct request){.type = o.type,
                               .province = 51,
                               .body = {body, wire_encode(wallet_table(o.type), &o, body)}};
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(give(&rigs[i], request).result.code, ERROR_OK);
    done(pay(RECEIVER, "S3", 1000));
    o.msgid = bytes_of("PUSH-AGAIN"); /* The answer borrows no number from who was there before. */
    request.body.size = wire_encode(wallet_table(o.type), &o, body);
    for (int i = 0; i < SHARDS; i++) {
        const struct rig_result again = give(&rigs[i], request);
        assert_true(again.result.dup);
        assert_int_equal(again.result.seq, 0);
    }
    check_replay();
    for (int i = 0; i < SHARDS; i++) { /* And from the store. */
        rig_checkpoint(&rigs[i]);
        rig_settle(&rigs[i]);
        rig_crash(&rigs[i], true);
    }
    done(pay(RECEIVER, "S4", 1000));
    struct wallet_order elsewhere = pay_order(RECEIVER, "S5", 1000);
    elsewhere.fixmedins_code = bytes_of("H51010000009");
    assert_int_equal(send(RECEIVER, &elsewhere, 51).code, ERROR_INSTITUTION_WALLET);
}

/* A debt is a record: it goes into no month that is being cut, and into no year that is closed. */
static void debts_of_months_that_end(void **state)
{
    (void)state;
    fill_wallet();
    assert_int_equal(rig_order(&rigs[1], rig_control(REQUEST_CUT_CLOSE, 202604)).result.code, 0);
    const struct snap before = snap_of(&rigs[1]);
    assert_int_equal(pay(RECEIVER, "S1", 1000).code, ERROR_OVERLOAD);
    same_snap(before, snap_of(&rigs[1]));
    rig_order(&rigs[1], rig_control(REQUEST_CUT_RELEASE, 0));
    set_clock("2026-12-31T12:00:00");
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(rig_order(&rigs[i], rig_control(REQUEST_CUT, 202612)).result.code, 0);
        rig_order(&rigs[i], rig_control(REQUEST_CUT_RELEASE, 0));
        struct request close = rig_control(REQUEST_YEAR_CLOSE, 202612);
        close.instant_ms = 2026;
        assert_int_equal(rig_order(&rigs[i], close).result.code, 0);
    }
    assert_int_equal(pay(RECEIVER, "S2", 1000).code, ERROR_PERIOD_CLOSED);
    check_balance(RECEIVER, 150000);
    set_clock("2027-01-01T00:00:00");
    done(pay(RECEIVER, "S3", 1000));
    check_debts(1000, 1);
}

/* A payment is found by its id, but only for the person who made it. */
static void reversed_for_another_person(void **state)
{
    (void)state;
    fill_wallet();
    const struct answer_read paid = done(pay(RECEIVER, "S1", 1000));
    struct wallet_order o = order(MESSAGE_WLT_PAY_REVERSE);
    o.pay_id = bytes_of(paid.id);
    o.psn_key = key_bytes(GIVER);
    o.client_no = bytes_of(number("V"));
    o.mdtrtarea_admvs = SICHUAN;
    o.amount = 1000;
    assert_int_equal(send(RECEIVER, &o, 51).code, ERROR_NO_PAYMENT);
    check_balance(RECEIVER, 149000);
    o.psn_key = key_bytes(RECEIVER);
    done(send(RECEIVER, &o, 51));
    check_balance(RECEIVER, 150000);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(from_message_to_cells),
        T(through_checkpoints),
        T(mishaps_at_every_step),
        T(first_answers_after_a_crash),
        T(refused_leaves_no_trace),
        T(same_ids_other_content),
        T(transfers_end_once),
        T(judged_again_without_the_past),
        T(payments_by_settlement),
        T(unknown_names),
        T(swept_before_the_clock),
        T(swept_after_a_night_off),
        T(accepted_in_the_last_millisecond),
        T(mail_twice_and_in_wrong_order),
        T(much_mail_waits),
        T(mail_shares_entries),
        T(mail_waits_for_the_device),
        T(acks_wait_for_the_device),
        T(acks_by_themselves),
        T(disputed_by_settlement),
        T(found_and_counted_like_records),
        T(inline_payment),
        T(inline_payment_lost),
        T(inline_payment_landed),
        T(inline_all_or_nothing),
        T(inline_after_a_payment),
        T(inline_corrected),
        T(inline_reversed),
        T(refund_stays),
        T(refund_after_a_reversal),
        T(refund_where_nothing_is_inline),
        T(inline_late),
        T(premium_paid_and_taken_back),
        T(premium_the_area_refused),
        T(premium_lost),
        T(premium_landed),
        T(ended_transfers_take_no_room),
        T(many_returns),
        T(hardly_any_room),
        T(outboxes),
        T(pushes_are_completed),
        T(rules_and_institutions),
        T(debts_of_months_that_end),
        T(reversed_for_another_person),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
