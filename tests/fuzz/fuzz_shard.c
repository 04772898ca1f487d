/* Fuzz: the bytes drive one whole shard (tests/lib/shard_rig.h): settlements, refunds, adjustments,
 * reversals, corrections, cuts, the clock, and between them blocks written or not, checkpoints
 * begun, merges run or cut off, and the death of the process. Laws, asked after every start and at
 * the end:
 *   - what was acknowledged is there: the same message again is a duplicate with the same number;
 *   - a number is given to one message only;
 *   - in every cell the accounts of each fund class sum to zero;
 *   - a start from the store and the journal gives the cells that were there before. */
#include <stdlib.h>

#include "codec/messages.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"
#include "types/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS   200
#define KEPT    64 /* Acknowledged messages that are asked for again. */
#define HOUR_MS INT64_C(3600000)

struct kept {
    uint16_t type;
    uint64_t seq;
    size_t size;
    uint8_t body[1024];
};

struct play {
    const uint8_t *data;
    size_t size;
    struct rig rig;
    struct kept kept[KEPT];
    uint32_t kept_count;
    uint64_t greatest; /* Number that was acknowledged. */
    uint32_t period;
};

static uint32_t byte(struct play *p)
{
    if (p->size == 0) return 0;
    p->size--;
    return *p->data++;
}

static struct bytes id(char letter, uint32_t number, char out[4])
{
    out[0] = letter;
    out[1] = (char)('a' + number % 16);
    return (struct bytes){(uint8_t *)out, 2};
}

/* One of few ids, persons and amounts, so that they meet again. */
static size_t make_body(struct play *p, uint16_t type, uint8_t *out)
{
    static const char *const persons[] = {"person0000000001", "person0000000002"};
    char msgid[4], setl_id[4], other[4];
    const uint32_t which = byte(p), amount = byte(p);
    const struct bytes person = bytes_of(persons[which / 128]);
    if (type == MESSAGE_CORRECTION) {
        const struct correction c = {.msgid = id('c', which, msgid),
                                     .omsgid = id("mac"[amount % 3], amount / 3, other),
                                     .psn_key = person};
        return correction_encode(&c, out);
    }
    if (type == MESSAGE_SETL_ADJUST) {
        const struct adjustment a = {.amounts = {[AMOUNT_HIFP] = (int64_t)amount - 128},
                                     .msgid = id('a', which, msgid),
                                     .adj_no = id('n', which, other),
                                     .setl_id = id('s', amount, setl_id),
                                     .psn_key = person,
                                     .approval_no = bytes_of("1"),
                                     .insu_admdvs = 110000,
                                     .mdtrtarea_admvs = 131000,
                                     .approved_by = 110000};
        return rig_encode_adjustment(&a, out);
    }
    if (type == MESSAGE_SETL_REVERSE) {
        const struct reversal r = {.msgid = id('r', which, msgid),
                                   .setl_id = id('s', amount, setl_id),
                                   .psn_key = person,
                                   .insu_admdvs = 110000,
                                   .mdtrtarea_admvs = 131000};
        return rig_encode_reversal(&r, out);
    }
    const int64_t fen = 100 * (int64_t)(1 + amount % 8);
    struct settlement s = {.msgid = id('m', which, msgid),
                           .setl_id = id('s', which, setl_id),
                           .psn_key = person,
                           .insutype = 310,
                           .insu_admdvs = 110000,
                           .mdtrtarea_admvs = amount % 16 == 0 ? 132500 : 131000,
                           .med_type = 11,
                           .setl_time = MANUAL_CLOCK_START_MS + (amount / 32) * HOUR_MS};
    s.amounts[AMOUNT_MEDFEE] = s.amounts[AMOUNT_FUND_SUM] = s.amounts[AMOUNT_HIFP] = fen;
    if (amount >= 192) { /* A refund of another one. */
        s.msgid = id('a', which, msgid);
        s.setl_id = id('t', which, setl_id);
        s.orig_setl_id = id('s', amount, other);
        s.refd_setl_flag = true;
        for (int i = 0; i < AMOUNT_COUNT; i++)
            s.amounts[i] = -s.amounts[i];
    }
    return settlement_encode(&s, out);
}

static void check_cells(const struct play *p)
{
    uint32_t count;
    const struct cell *cells = shard_cells(p->rig.shard, &count);
    for (uint32_t i = 0; i < count; i++) {
        for (int fund = 0; fund < FUND_SLOTS; fund++) {
            int64_t sum = 0;
            for (int account = 0; account < ACCOUNT_SLOTS; account++)
                sum += cells[i].balance[account][fund];
            ENSURE(sum == 0);
        }
    }
}

/* Ends what is under way: the rig's questions want to be alone. */
static void come_to_rest(struct play *p)
{
    rig_settle(&p->rig);
    rig_forget(&p->rig);
}

/* Everything that was acknowledged is still known. */
static void ask_again(struct play *p)
{
    come_to_rest(p);
    for (uint32_t i = 0; i < p->kept_count; i++) {
        const struct kept *kept = &p->kept[i];
        const struct rig_result got =
            rig_ask(&p->rig, kept->type, 0, (struct bytes){kept->body, kept->size});
        ENSURE(got.result.code == ERROR_OK);
        ENSURE(got.result.dup);
        ENSURE(got.result.seq == kept->seq);
    }
}

static void restart(struct play *p, bool lands)
{
    struct shard_status status;
    rig_forget(&p->rig);
    rig_crash(&p->rig, lands);
    shard_get_status(p->rig.shard, &status);
    ENSURE(status.last_seq >= p->greatest);
    check_cells(p);
}

static void keep(struct play *p, uint16_t type, const uint8_t *body, size_t size,
                 const struct result *result)
{
    if (result->code != ERROR_OK || result->dup) return;
    ENSURE(result->seq > p->greatest); /* Never given before. */
    p->greatest = result->seq;
    if (p->kept_count == KEPT) return;
    struct kept *kept = &p->kept[p->kept_count++];
    *kept = (struct kept){.type = type, .seq = result->seq, .size = size};
    memcpy(kept->body, body, size);
}

static void give(struct play *p, uint16_t type, bool settled)
{
    uint8_t body[1024];
    const size_t size = make_body(p, type, body);
    if (settled) {
        come_to_rest(p);
        const struct rig_result got = rig_ask(&p->rig, type, 0, (struct bytes){body, size});
        keep(p, type, body, size, &got.result);
        return;
    }
    const struct request request = rig_message(type, 0, (struct bytes){body, size});
    (void)rig_give(&p->rig, &request, 1); /* Nobody waits for the answer. */
    if (byte(p) % 2 == 0) rig_flush(&p->rig);
}

static void order(struct play *p, uint32_t what)
{
    struct request request = rig_control(REQUEST_CLOCK, 0);
    come_to_rest(p);
    if (what == 0) {
        request.instant_ms = MANUAL_CLOCK_START_MS + byte(p) * 24 * HOUR_MS;
        (void)rig_order(&p->rig, request);
        return;
    }
    if (rig_order(&p->rig, rig_control(REQUEST_CUT_CHECK, p->period)).result.code != 0) return;
    ENSURE(rig_order(&p->rig, rig_control(REQUEST_CUT, p->period)).result.code == 0);
    ENSURE(rig_order(&p->rig, rig_control(REQUEST_CUT_RELEASE, 0)).result.code == 0);
    p->period++;
}

static void play_step(struct play *p)
{
    static const uint16_t types[] = {MESSAGE_SETL_POST, MESSAGE_SETL_POST, MESSAGE_CORRECTION,
                                     MESSAGE_SETL_ADJUST, MESSAGE_SETL_REVERSE};
    const uint32_t what = byte(p) % 20;
    if (what < 10) {
        give(p, types[what / 2], what % 2 == 0);
    } else if (what == 10) {
        order(p, byte(p) % 2);
    } else if (what == 11) {
        rig_checkpoint(&p->rig);
    } else if (what == 12 && p->rig.merge != NULL && !p->rig.merge_ran) {
        rig_merge_run(&p->rig);
    } else if (what == 13 && p->rig.merge != NULL && !p->rig.merge_ran) {
        rig_merged(&p->rig);
    } else if (what == 14 && p->rig.appended.size != 0) {
        rig_written(&p->rig);
    } else if (what == 15) {
        rig_settle(&p->rig);
    } else if (what == 16) {
        ask_again(p);
    } else if (what < 19) {
        restart(p, what == 17);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tables tables;
    static struct play play;
    static bool loaded;
    if (!loaded) rig_load_tables(&tables);
    loaded = true;
    play = (struct play){.data = data, .size = size, .period = 202501};
    const struct rig_options options = {.tables = &tables, .delta_entries = 64};
    rig_open(&play.rig, &options);
    for (int step = 0; step < STEPS && play.size > 0; step++)
        play_step(&play);
    ask_again(&play);

    uint32_t before, after;
    const struct cell *cells = shard_cells(play.rig.shard, &before);
    struct cell *copy = malloc((before + 1) * sizeof *copy);
    ENSURE(copy != NULL);
    memcpy(copy, cells, before * sizeof *copy);
    restart(&play, true);
    cells = shard_cells(play.rig.shard, &after);
    ENSURE(before == after);
    ENSURE(memcmp(copy, cells, before * sizeof *copy) == 0);
    free(copy);
    ask_again(&play);
    rig_close(&play.rig);
    return 0;
}
