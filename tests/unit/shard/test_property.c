/* Random histories against the model: few persons and few ids, so that repeats, conflicts, refunds,
 * corrections, cuts, clock moves, checkpoints and crashes meet all the time. Every reply and all
 * cells are compared after each step, tallies and what a scan adds to them now and then. A failing
 * seed is named; run it alone with test_property 1 SEED */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec/messages.h"
#include "tests/lib/prng.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"
#include "tests/model/model.h"
#include "types/civil.h"

#define STEPS    300
#define BATCH    40
#define SENT_MAX 512

/* What was asked: enough to ask it again, of the engine and of the model. */
struct question {
    uint16_t type;
    uint16_t session;
    uint32_t period;
    int64_t instant_ms;
    struct settlement s;
    struct reversal r;
    struct adjustment a;
    struct correction c;
    uint8_t body[1200];
    size_t size;
};

/* What the model answered, and how much the engine had decided when it judged. */
struct expected {
    uint16_t type;
    struct model_answer answer;
    uint64_t known_seq;
    uint64_t seq;
    uint32_t period;
    uint32_t orig_period;
    uint32_t tally_kind; /* Of a question for tallies. */
    int64_t stamp_ms;
};

#define EXPECTED_MAX 16384

static struct world {
    struct prng chance;
    struct tables tables;
    struct rig rig;
    struct model model;
    bool holding;
    uint32_t step;
    struct question sent[SENT_MAX]; /* Ring of what was asked. */
    uint32_t sent_count;
    struct expected results[EXPECTED_MAX];
    uint32_t results_made;
    uint32_t results_seen;
    struct expected controls[EXPECTED_MAX];
    uint32_t controls_made;
    uint32_t controls_seen;
} w;

static uint32_t seed_running; /* 0: none. */
static uint32_t seed_count = 100;
static uint32_t seed_first = 1;
static uint64_t answered[2]; /* Accepted and refused, over all seeds. */
static uint64_t unread;      /* Refused on a disk that fails (lib/shard_rig.h). */

/* -- chance --------------------------------------------------------------------------------- */

static uint32_t below(uint32_t limit)
{
    return (uint32_t)prng_below(&w.chance, limit);
}

static bool chance(uint32_t of_1000)
{
    return prng_chance(&w.chance, of_1000);
}

static struct bytes pick(const char *const *list, uint32_t count)
{
    return bytes_of(list[below(count)]);
}

static struct bytes random_msgid(void)
{
    static const char *const ids[] = {"m0", "m1", "m2", "m3", "m4", "m5", "m6",  "m7",  "m8", "m9",
                                      "ma", "mb", "mc", "md", "me", "mf", "m10", "m11", "m12"};
    static const char *const odd[] = {"", "0123456789012345678901234567890", "m 1",
                                      "m\xe5\x8c\xbb"};
    return chance(8) ? pick(odd, 4) : pick(ids, 19);
}

static struct bytes random_setl_id(void)
{
    static const char *const ids[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9"};
    static const char *const odd[] = {"", "S12345678901234567890123456789", "s\t",
                                      "S123456789012345678901234567890"};
    return chance(8) ? pick(odd, 4) : pick(ids, 10);
}

static struct bytes random_psn(void)
{
    static const char *const keys[] = {"person0000000001", "person0000000002", "person0000000003"};
    return chance(4) ? bytes_of("short") : pick(keys, 3);
}

static uint32_t random_insu(void)
{
    static const uint32_t areas[] = {340100, 110000, 430100, 650100, 340200};
    static const uint32_t odd[] = {990000, 310100, 3401, 0};
    return chance(10) ? odd[below(4)] : areas[below(5)];
}

static uint32_t random_mdtrt(void)
{
    static const uint32_t areas[] = {310000, 310000, 440300};
    static const uint32_t odd[] = {710000, 340300, 0};
    return chance(10) ? odd[below(3)] : areas[below(3)];
}

static int64_t clock_now(void)
{
    const int64_t stamp = model_clock(&w.model);
    return w.model.manual_clock || w.rig.now_ms < stamp ? stamp : w.rig.now_ms;
}

static int64_t random_time(void)
{
    const int64_t now = clock_now();
    const uint32_t kind = below(100);
    if (kind == 0) return 0;
    if (kind == 1) return -1;
    if (kind == 2) return now + w.tables.setl_time_future_ms + (int64_t)below(2);
    if (kind == 3) return civil_month_start_ms(201401) - (int64_t)below(2);
    if (kind < 20) return now - (int64_t)below(100) * MS_PER_DAY;
    return now - (int64_t)below(8) * MS_PER_DAY;
}

/* -- settlements ---------------------------------------------------------------------------- */

/* Fills the sums in so that all identities hold for that province. */
static void complete(int64_t *a, uint32_t payer)
{
    const struct model_switches *rules = &w.model.rules.of[payer < 100 ? payer : 0];
    int64_t fund = 0;
    for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++)
        fund += a[i];
    const int64_t mulaid = a[AMOUNT_MULAID];
    const int64_t wallet = a[AMOUNT_WLT];
    const bool larger = llabs(wallet) > llabs(mulaid);
    const int64_t shared = rules->mulaid_in_acct ? wallet : larger ? wallet : mulaid;
    a[AMOUNT_FUND_SUM] = fund + (rules->acct_in_fund ? a[AMOUNT_ACCT] : 0);
    a[AMOUNT_PSN_PART] = a[AMOUNT_ACCT] + shared + a[AMOUNT_CASH];
    a[AMOUNT_MEDFEE] = fund + a[AMOUNT_PSN_PART] + a[AMOUNT_HOSP_PART];
    if (chance(200)) {
        a[AMOUNT_INSCP_SCP] = a[AMOUNT_MEDFEE];
    }
}

static void random_amounts(int64_t *a, uint32_t payer)
{
    static const uint8_t usual[] = {AMOUNT_HIFP, AMOUNT_HIFP,   AMOUNT_HIFMI, AMOUNT_ACCT,
                                    AMOUNT_CASH, AMOUNT_MULAID, AMOUNT_WLT,   AMOUNT_MAF,
                                    AMOUNT_OTH,  AMOUNT_HIFOB,  AMOUNT_HIFDM, AMOUNT_HOSP_PART};
    for (int i = 0; i < 4; i++)
        a[usual[below(12)]] = below(200);
    if (chance(3)) a[AMOUNT_HIFP] = INT64_C(9999999999999999) - (int64_t)below(2);
    complete(a, payer);
}

/* One small thing wrong, or several. */
static void spoil(struct settlement *s)
{
    switch (below(9)) {
    case 0:
        s->amounts[below(AMOUNT_COUNT)] += chance(500) ? 1 : -1;
        return;
    case 1:
        s->amounts[below(AMOUNT_COUNT)] *= -1;
        return;
    case 2:
        s->insutype = chance(500) ? 999 : 340;
        return;
    case 3:
        s->med_type = chance(500) ? 1 : 41;
        return;
    case 4:
        s->clr_type = chance(500) ? 11 : 12;
        return;
    case 5:
        s->refd_setl_flag = !s->refd_setl_flag;
        return;
    case 6:
        s->sender_admdvs = chance(500) ? 310100 : 440000;
        return;
    case 7:
        s->clr_amt_present = true;
        s->clr_amt = s->amounts[AMOUNT_FUND_SUM] + s->amounts[AMOUNT_ACCT] + (chance(500) ? 0 : 1);
        return;
    default:
        s->amounts[below(AMOUNT_COUNT)] = INT64_C(10000000000000000) - (int64_t)below(2);
    }
}

static uint16_t session_for(uint32_t mdtrt)
{
    if (chance(15)) return chance(300) ? 71 : chance(500) ? 32 : 44;
    return chance(300) ? 0 : (uint16_t)(mdtrt / 10000);
}

static void random_settlement(struct question *q)
{
    static const uint32_t med_types[] = {11, 11, 21, 2101, 14, 1402, 41, 9929, 52};
    static const uint32_t insutypes[] = {310, 390, 390, 340, 350};
    static const char *const diseases[] = {"M07801", "M05300", "M07803", "X1"};
    struct settlement *s = &q->s;
    q->type = MESSAGE_SETL_POST;
    s->msgid = random_msgid();
    s->setl_id = random_setl_id();
    s->psn_key = random_psn();
    s->insu_admdvs = random_insu();
    s->mdtrtarea_admvs = random_mdtrt();
    s->insutype = insutypes[below(5)];
    s->med_type = med_types[below(9)];
    if (chance(300)) s->dise_codg = pick(diseases, 4);
    if (chance(100)) s->mdtrt_id = bytes_of("visit-1");
    if (chance(100)) s->inf_time = below(1000);
    s->setl_time = random_time();
    random_amounts(s->amounts, s->insu_admdvs / 10000);
    if (chance(60)) spoil(s);
    q->session = session_for(s->mdtrtarea_admvs);
}

/* A settlement the model holds; NULL when there is none. */
static const struct model_item *known(enum model_kind kind)
{
    for (int i = 0; i < 30 && w.model.count != 0; i++) {
        const struct model_item *item = &w.model.items[below((uint32_t)w.model.count)];
        if (item->kind == kind) return item;
    }
    return NULL;
}

/* The whole, a part, or a little too much of each amount that can be taken. */
static void take_amounts(const struct model_item *item, int64_t *a)
{
    const uint32_t how = below(4);
    memset(a, 0, AMOUNT_COUNT * sizeof *a);
    for (int i = AMOUNT_FUND_FIRST; i < AMOUNT_COUNT; i++) {
        const int64_t whole = item->s.amounts[i];
        const bool derived = i == AMOUNT_PSN_PART || i > AMOUNT_HOSP_PART;
        if (derived || whole == 0) continue;
        a[i] = how == 0 ? -whole : how == 1 ? -(whole / 2) : how == 2 ? -(whole + 1) / 2 : 0;
        if (how == 3) a[i] = -(int64_t)below((uint32_t)(llabs(whole) % 1000) + 2);
    }
    if (chance(50)) a[AMOUNT_HIFP] -= 1;
    complete(a, item->s.insu_admdvs / 10000);
}

static void random_refund(struct question *q)
{
    const struct model_item *item = known(chance(30) ? MODEL_REFUND : MODEL_SETTLEMENT);
    random_settlement(q);
    if (item == NULL) return;
    const struct settlement *its = &item->s;
    struct settlement *s = &q->s;
    s->refd_setl_flag = true;
    s->orig_setl_id = chance(20) ? random_setl_id() : its->setl_id;
    if (!chance(30)) s->psn_key = its->psn_key;
    if (!chance(30)) s->insu_admdvs = its->insu_admdvs;
    if (!chance(30)) s->mdtrtarea_admvs = its->mdtrtarea_admvs;
    if (!chance(30)) s->insutype = its->insutype;
    if (!chance(30)) s->med_type = its->med_type;
    s->dise_codg = its->dise_codg;
    take_amounts(item, s->amounts);
    if (chance(40)) spoil(s);
    q->session = session_for(s->mdtrtarea_admvs);
}

static void random_reversal(struct question *q)
{
    const struct model_item *item = known(chance(30) ? MODEL_REFUND : MODEL_SETTLEMENT);
    struct reversal *r = &q->r;
    q->type = MESSAGE_SETL_REVERSE;
    r->msgid = random_msgid();
    r->rev_setl_id = random_setl_id();
    r->setl_id = item == NULL || chance(20) ? random_setl_id() : item->s.setl_id;
    r->psn_key = item == NULL || chance(30) ? random_psn() : item->s.psn_key;
    r->insu_admdvs = item == NULL || chance(30) ? random_insu() : item->s.insu_admdvs;
    r->mdtrtarea_admvs = item == NULL || chance(30) ? random_mdtrt() : item->s.mdtrtarea_admvs;
    if (chance(100)) r->mdtrtarea_admvs = 0;
    r->setl_time = chance(600) ? 0 : random_time();
    r->full = chance(600);
    if (item != NULL && chance(700)) take_amounts(item, r->amounts);
    for (int i = AMOUNT_HOSP_PART + 1; i < AMOUNT_COUNT; i++)
        r->amounts[i] = 0; /* Not in this message. */
    if (chance(50)) r->reason = bytes_of("退费");
    if (chance(30)) r->sender_admdvs = chance(700) ? 310000 : 320000;
    q->session = session_for(r->mdtrtarea_admvs);
}

static void random_adjustment(struct question *q)
{
    static const char *const numbers[] = {"a1", "a2", "a3"};
    static const uint8_t parts[] = {AMOUNT_HIFP, AMOUNT_HIFMI, AMOUNT_ACCT, AMOUNT_MAF, AMOUNT_OTH};
    const struct model_item *item = known(chance(30) ? MODEL_REFUND : MODEL_SETTLEMENT);
    struct adjustment *a = &q->a;
    q->type = MESSAGE_SETL_ADJUST;
    a->msgid = random_msgid();
    a->adj_no = pick(numbers, 3);
    a->setl_id = item == NULL || chance(20) ? random_setl_id() : item->s.setl_id;
    a->psn_key = item == NULL || chance(30) ? random_psn() : item->s.psn_key;
    a->insu_admdvs = item == NULL || chance(30) ? random_insu() : item->s.insu_admdvs;
    a->mdtrtarea_admvs = item == NULL || chance(30) ? random_mdtrt() : item->s.mdtrtarea_admvs;
    for (uint32_t i = 0; i < 1 + below(2); i++)
        a->amounts[parts[below(5)]] = (int64_t)below(60) - 30;
    if (chance(40)) a->amounts[AMOUNT_HIFP] = INT64_C(-5000);
    if (!chance(30)) a->approval_no = bytes_of("ok-1");
    const bool by_payer = chance(500);
    a->approved_by = by_payer ? a->mdtrtarea_admvs : a->insu_admdvs;
    if (chance(30)) a->approved_by = random_insu();
    q->session = (uint16_t)((by_payer ? a->insu_admdvs : a->mdtrtarea_admvs) / 10000);
    if (chance(30)) q->session = chance(500) ? 32 : 0;
    if (q->session == 0 && chance(500)) a->sender_admdvs = a->mdtrtarea_admvs;
}

static void random_correction(struct question *q)
{
    const struct model_item *item =
        known((enum model_kind)below(chance(100) ? MODEL_CUT : MODEL_CORRECTION));
    struct correction *c = &q->c;
    q->type = MESSAGE_CORRECTION;
    c->msgid = random_msgid();
    c->omsgid = random_msgid();
    c->psn_key = random_psn();
    q->session = session_for(random_mdtrt());
    if (item != NULL && chance(600)) {
        const bool adjusts = item->kind == MODEL_ADJUSTMENT;
        c->omsgid = adjusts                          ? item->a.msgid
                    : item->kind == MODEL_CORRECTION ? item->c.msgid
                                                     : item->s.msgid;
        c->psn_key = adjusts                          ? item->a.psn_key
                     : item->kind == MODEL_CORRECTION ? item->c.psn_key
                                                      : item->s.psn_key;
        q->session = (uint16_t)item->sender;
    }
    if (chance(100)) c->oinfno = bytes_of(chance(900) ? "2207" : "22071");
    if (q->session == 0 || chance(50)) {
        c->sender_admdvs = chance(900) ? q->session * 10000u : 310000;
        if (chance(500)) q->session = 0;
    }
}

/* -- asking --------------------------------------------------------------------------------- */

static void encode(struct question *q)
{
    switch (q->type) {
    case MESSAGE_SETL_POST:
        q->size = settlement_encode(&q->s, q->body);
        return;
    case MESSAGE_SETL_REVERSE:
        q->size = rig_encode_reversal(&q->r, q->body);
        return;
    case MESSAGE_SETL_ADJUST:
        q->size = rig_encode_adjustment(&q->a, q->body);
        return;
    case MESSAGE_CORRECTION:
        q->size = correction_encode(&q->c, q->body);
        return;
    default:
        q->size = 0;
    }
}

/* Something that was asked before, as it was or with one thing changed. */
static bool ask_again(struct question *q)
{
    if (w.sent_count == 0) return false;
    const uint32_t back = below(w.sent_count < SENT_MAX ? w.sent_count : SENT_MAX);
    *q = w.sent[(w.sent_count - 1 - (chance(500) ? back % 20 % w.sent_count : back)) % SENT_MAX];
    if (chance(650)) return true;
    switch (below(3)) {
    case 0:
        q->s.msgid = q->r.msgid = q->a.msgid = q->c.msgid = random_msgid();
        break;
    case 1:
        q->s.psn_key = q->r.psn_key = q->a.psn_key = q->c.psn_key = random_psn();
        break;
    default:
        q->s.amounts[AMOUNT_CASH] += 1;
        q->a.amounts[AMOUNT_HIFP] += 1;
        q->c.omsgid = random_msgid();
        q->r.setl_time = random_time();
    }
    return true;
}

static void random_question(struct question *q)
{
    memset(q, 0, sizeof *q);
    const uint32_t kind = below(100);
    if (kind < 20 && ask_again(q)) {
    } else if (kind < 55) {
        random_settlement(q);
    } else if (kind < 72) {
        random_refund(q);
    } else if (kind < 78) {
        random_reversal(q);
    } else if (kind < 88) {
        random_adjustment(q);
    } else {
        random_correction(q);
    }
    encode(q);
}

static struct model_answer model_says(const struct question *q)
{
    const int64_t now = clock_now();
    switch (q->type) {
    case MESSAGE_SETL_POST:
        return model_post(&w.model, q->session, &q->s, now);
    case MESSAGE_SETL_REVERSE:
        return model_reverse(&w.model, q->session, &q->r, now);
    case MESSAGE_SETL_ADJUST:
        return model_adjust(&w.model, q->session, &q->a, now);
    default:
        return model_correct(&w.model, q->session, &q->c, now);
    }
}

static void expect(struct expected *list, uint32_t *made, uint16_t type, struct model_answer answer)
{
    struct expected *e = &list[*made % EXPECTED_MAX];
    ++*made;
    *e = (struct expected){.type = type, .answer = answer, .known_seq = (uint64_t)w.model.count};
    if (answer.codes != 0) return;
    const struct model_item *item = &w.model.items[answer.item];
    e->seq = (uint64_t)answer.item + 1;
    e->period = item->period;
    e->orig_period = item->orig_period;
    e->stamp_ms = item->stamp_ms;
}

static void ask_some(uint32_t count)
{
    static struct question questions[BATCH];
    struct request requests[BATCH];
    for (uint32_t i = 0; i < count; i++) {
        random_question(&questions[i]);
        requests[i] = rig_message(questions[i].type, questions[i].session,
                                  (struct bytes){questions[i].body, questions[i].size});
    }
    if (w.model.count + 2 * BATCH > MODEL_ITEMS_MAX) return;
    const uint32_t taken = rig_give(&w.rig, requests, count);
    for (uint32_t i = 0; i < taken; i++) {
        const struct model_answer answer = model_says(&questions[i]);
        expect(w.results, &w.results_made, questions[i].type, answer);
        w.sent[w.sent_count++ % SENT_MAX] = questions[i];
    }
}

/* -- the desk ------------------------------------------------------------------------------- */

static bool order(struct request request, uint32_t code)
{
    if (rig_give(&w.rig, &request, 1) == 0) return false;
    struct model_answer answer = {.codes = code == 0 ? 0 : model_code_bit(code)};
    struct expected *e = &w.controls[w.controls_made++ % EXPECTED_MAX];
    *e = (struct expected){.type = request.type, .answer = answer};
    return true;
}

/* The model first says what must come; it changes only when the shard took the order. */
static void cut_some_month(void)
{
    const uint32_t through = model_cut_through(&w.model);
    uint32_t month = through == 0 ? 202411 : civil_month_next(through);
    if (chance(200)) month = civil_month_next(month);
    if (chance(100)) month = through == 0 ? 202410 : through;
    const bool may = model_may_cut(&w.model, month);
    if (!order(rig_control(REQUEST_CUT_CHECK, month), may ? 0 : ERROR_PERIOD_ORDER)) return;
    const int64_t now = clock_now();
    if (!may || !order(rig_control(REQUEST_CUT, month), 0)) return;
    model_cut(&w.model, month, now);
    w.holding = true;
}

static uint32_t some_month(void)
{
    return civil_month(clock_now() - (int64_t)below(3) * 20 * MS_PER_DAY);
}

static void move_clock(void)
{
    const int64_t by =
        chance(100) ? -(int64_t)below(3) : (int64_t)below(chance(200) ? 40 * 86400 : 86400) * 1000;
    struct request request = rig_control(REQUEST_CLOCK, 0);
    w.rig.now_ms += by;
    if (!w.model.manual_clock) return;
    request.instant_ms = model_clock(&w.model) + by;
    if (order(request, by < 0 ? ERROR_CLOCK : 0)) model_set_clock(&w.model, request.instant_ms);
}

static void close_year(void)
{
    const uint32_t year = 2024 + below(2);
    const bool may =
        year <= model_closed_year(&w.model) || model_cut_through(&w.model) >= year * 100 + 12;
    const int64_t now = clock_now();
    if (order(rig_control(REQUEST_YEAR_CLOSE, year * 100 + 12), may ? 0 : ERROR_PERIOD_ORDER) &&
        may)
        model_close_year(&w.model, year, now);
}

/* What the desk would ask to know the tallies of this moment: those of the last checkpoint, and
 * what came after it. */
static void ask_tallies(void)
{
    struct shard_status status;
    shard_get_status(w.rig.shard, &status);
    const struct tally_question tallies = {.kind = TALLY_DAY + below(3), .period = some_month()};
    const struct scan_question scan = {
        .from_seq = status.checkpoint_seq + 1,
        .mode = SCAN_CHANGES,
        .period = tallies.period,
        .payer = SCAN_ANY,
        .payee = SCAN_ANY,
    };
    struct request requests[2] = {rig_control(REQUEST_TALLIES, 0), rig_control(REQUEST_SCAN, 0)};
    requests[0].body = (struct bytes){(const uint8_t *)&tallies, sizeof tallies};
    requests[1].body = (struct bytes){(const uint8_t *)&scan, sizeof scan};
    if (rig_give(&w.rig, requests, 2) != 2) fail_msg("no room for questions");
    for (int i = 0; i < 2; i++) {
        struct expected *e = &w.controls[w.controls_made++ % EXPECTED_MAX];
        *e = (struct expected){
            .type = requests[i].type,
            .known_seq = (uint64_t)w.model.count,
            .period = tallies.period,
            .tally_kind = tallies.kind,
        };
    }
}

/* The clearing cycle's part in a shard: an entry that only has to be there. */
static void decide(void)
{
    char text[32];
    struct request request = rig_control(REQUEST_CYCLE, some_month());
    snprintf(text, sizeof text, "decision %d", w.model.count);
    request.body = bytes_of(text);
    if (w.model.count + 2 * BATCH > MODEL_ITEMS_MAX) return;
    const int64_t now = clock_now();
    if (!order(request, 0)) return;
    model_decide(&w.model, request.period, now);
    struct expected *e = &w.controls[(w.controls_made - 1) % EXPECTED_MAX];
    e->seq = e->known_seq = (uint64_t)w.model.count;
    e->stamp_ms = now;
}

/* -- comparing ------------------------------------------------------------------------------ */

static uint64_t codes_of(const struct rig_result *result)
{
    uint64_t codes = 0;
    for (uint32_t i = 0; i < result->result.failure_count; i++)
        codes |= model_code_bit(result->failures[i].code);
    return codes;
}

static void compare_result(const struct rig_result *got, const struct expected *want)
{
    const struct result *r = &got->result;
    const uint64_t codes = codes_of(got);
    if (r->type != want->type || codes != want->answer.codes ||
        (r->code == ERROR_OK) != (codes == 0)) {
        fail_msg("type %x: code %u, codes %lx where the model has %lx", r->type, r->code,
                 (unsigned long)codes, (unsigned long)want->answer.codes);
    }
    assert_true(want->known_seq <= w.rig.durable_seq); /* (J1) */
    answered[r->code != ERROR_OK]++;
    if (r->code != ERROR_OK) {
        assert_int_equal(r->code, got->failures[0].code);
        return;
    }
    assert_int_equal(r->dup, want->answer.dup);
    assert_int_equal(r->seq, want->seq);
    assert_int_equal(r->stamp_ms, want->stamp_ms);
    assert_int_equal(r->period, want->period);
    assert_int_equal(r->orig_period, want->orig_period);
}

/* -- tallies, the plain way ------------------------------------------------------------------- */

#define TALLIES_MAX 2048

static uint32_t day_of(int64_t ms)
{
    const time_t seconds = (time_t)(ms / 1000 + 8 * 3600);
    struct tm tm;
    assert_non_null(gmtime_r(&seconds, &tm));
    return (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
}

/* Finds or makes. */
static struct tally *tally_in(struct tally *list, uint32_t *count, struct tally_key key)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (memcmp(&list[i].key, &key, sizeof key) == 0) return &list[i];
    }
    assert_true(*count < TALLIES_MAX);
    list[*count] = (struct tally){.key = key};
    return &list[(*count)++];
}

static void add_record(struct tally *t, const struct record_facts *r, int sign)
{
    t->count += (uint64_t)sign;
    t->refund_count += r->kind == RECORD_REFUND ? (uint64_t)sign : 0;
    t->medfee += sign * r->medfee;
    for (int fund = 0; fund < FUND_COUNT; fund++)
        t->funds[fund] += sign * r->funds[fund];
    t->checksum += (uint64_t)sign * r->content_hash;
    if (sign < 0) return;
    if (t->first_seq == 0 || r->seq < t->first_seq) t->first_seq = r->seq;
    if (r->seq > t->last_seq) t->last_seq = r->seq;
}

static struct tally_key key_of(const struct record_facts *r, uint32_t kind)
{
    return (struct tally_key){
        .kind = kind,
        .period = r->period,
        .part = kind == TALLY_DAY          ? r->day
                : kind == TALLY_PAYER_AREA ? r->ref.insu_admdvs
                                           : r->mdtrtarea_admvs,
        .payer = r->payer,
        .payee = r->payee,
        .line = r->line,
        .insurance = r->insurance,
    };
}

/* What the model knows of a record, in the engine's noun. */
static struct record_facts facts_of_item(int index)
{
    const struct model_item *item = &w.model.items[index];
    const bool adjusts = item->kind == MODEL_ADJUSTMENT;
    const struct bytes id = adjusts ? item->a.adj_no : item->s.setl_id;
    const struct cell_key cell = model_key(item);
    struct record_facts facts = {
        .seq = (uint64_t)index + 1,
        .period = item->period,
        .day = day_of(adjusts ? item->stamp_ms : item->s.setl_time),
        .mdtrtarea_admvs = adjusts ? item->a.mdtrtarea_admvs : item->s.mdtrtarea_admvs,
        .ref = {.insu_admdvs = adjusts ? item->a.insu_admdvs : item->s.insu_admdvs,
                .size = (uint8_t)id.size},
        .payer = cell.payer,
        .payee = cell.payee,
        .line = cell.line,
        .insurance = cell.insurance,
        .kind = adjusts                      ? RECORD_ADJUSTMENT
                : item->kind == MODEL_REFUND ? RECORD_REFUND
                                             : RECORD_SETTLEMENT,
        .flags = item->period != item->orig_period ? RECORD_LATE : 0,
        .medfee = adjusts ? 0 : item->s.amounts[AMOUNT_MEDFEE],
        .content_hash =
            adjusts ? adjustment_content_hash(&item->a) : settlement_content_hash(&item->s),
    };
    memcpy(facts.ref.setl_id, id.data, id.size);
    model_funds(item, facts.funds);
    return facts;
}

/* Counted from the model's list as it was with `known` items. */
static uint32_t true_tallies(uint64_t known, uint32_t kind, uint32_t period, struct tally *out)
{
    uint32_t count = 0;
    for (int i = 0; i < (int)known; i++) {
        const struct model_item *item = &w.model.items[i];
        const bool takes_back = item->kind == MODEL_CORRECTION && item->target >= 0;
        if (item->kind > MODEL_ADJUSTMENT && !takes_back) continue;
        const struct record_facts r = facts_of_item(takes_back ? item->target : i);
        if (r.period != period) continue;
        add_record(tally_in(out, &count, key_of(&r, kind)), &r, takes_back ? -1 : 1);
    }
    return count;
}

static uint64_t tallies_compared; /* Over all seeds, and changes scanned after the checkpoint. */
static uint64_t changes_compared;

/* The stored tallies and the changes since are what the model counts. */
static void compare_tallies(const struct result *stored, const struct result *scanned,
                            const struct expected *want)
{
    static struct tally got[TALLIES_MAX];
    static struct tally truth[TALLIES_MAX];
    const struct record_facts *changes = scanned->data;
    const size_t change_count = scanned->data_size / sizeof *changes;
    uint32_t count = (uint32_t)(stored->data_size / sizeof *got);

    assert_int_equal(scanned->seq, 0); /* The end was reached. */
    assert_true(count < TALLIES_MAX);
    if (count != 0) memcpy(got, stored->data, stored->data_size);
    for (uint32_t i = 1; i < count; i++)
        assert_true(got[i - 1].key.part <= got[i].key.part);
    for (size_t i = 0; i < change_count; i++) {
        const struct record_facts *c = &changes[i];
        const bool takes_back = (c->flags & RECORD_TAKEN_BACK) != 0;
        struct record_facts mine = facts_of_item((int)c->seq - 1);
        if (takes_back) mine.flags |= RECORD_TAKEN_BACK;
        assert_true(takes_back || c->seq > stored->seq);
        assert_memory_equal(c, &mine, sizeof mine);
        add_record(tally_in(got, &count, key_of(c, want->tally_kind)), c, takes_back ? -1 : 1);
    }
    const uint32_t true_count =
        true_tallies(want->known_seq, want->tally_kind, want->period, truth);
    assert_int_equal(count, true_count);
    for (uint32_t i = 0; i < true_count; i++) {
        uint32_t again = count;
        const struct tally *t = tally_in(got, &again, truth[i].key);
        assert_int_equal(again, count);
        assert_memory_equal(t, &truth[i], sizeof *t);
    }
    tallies_compared += count;
    changes_compared += change_count;
}

/* The tallies of each kind add up to the cells; nothing has changed since the last checkpoint. */
static void compare_sums(void)
{
    uint32_t cell_count;
    const struct cell *cells = shard_cells(w.rig.shard, &cell_count);
    for (uint32_t i = 0; i < cell_count; i++) {
        const struct cell *cell = &cells[i];
        for (uint32_t kind = TALLY_DAY; kind <= TALLY_PAYEE_AREA; kind++) {
            const struct tally_question question = {.kind = kind, .period = cell->key.period};
            struct request request = rig_control(REQUEST_TALLIES, 0);
            request.body = (struct bytes){(const uint8_t *)&question, sizeof question};
            const struct rig_result got = rig_order(&w.rig, request);
            const struct tally *list = got.result.data;
            struct tally sum = {0};
            for (size_t k = 0; k < got.result.data_size / sizeof *list; k++) {
                const struct tally *t = &list[k];
                if (t->key.payer != cell->key.payer || t->key.payee != cell->key.payee ||
                    t->key.line != cell->key.line || t->key.insurance != cell->key.insurance) {
                    continue;
                }
                sum.count += t->count;
                sum.refund_count += t->refund_count;
                sum.medfee += t->medfee;
                sum.checksum += t->checksum;
                for (int fund = 0; fund < FUND_COUNT; fund++)
                    sum.funds[fund] += t->funds[fund];
            }
            assert_int_equal(sum.count, cell->count);
            assert_int_equal(sum.refund_count, cell->refund_count);
            assert_int_equal(sum.medfee, cell->medfee_sum);
            assert_int_equal(sum.checksum, cell->checksum);
            assert_memory_equal(sum.funds, cell->balance[ACCOUNT_COST], sizeof sum.funds);
        }
    }
}

/* Every decision of the model's is there, in order, with its body. */
static bool compare_decision(void *context, struct bytes body, uint64_t seq)
{
    int *next = context;
    char text[32];
    while (*next < w.model.count && w.model.items[*next].kind != MODEL_DECISION)
        ++*next;
    assert_int_equal(seq, *next + 1);
    snprintf(text, sizeof text, "decision %d", *next);
    assert_true(bytes_equal(body, bytes_of(text)));
    ++*next;
    return true;
}

static void compare_decisions(void)
{
    int next = 0;
    assert_true(shard_each_cycle(w.rig.shard, compare_decision, &next));
    for (; next < w.model.count; next++)
        assert_int_not_equal(w.model.items[next].kind, MODEL_DECISION);
}

static void compare_answers(void)
{
    for (uint32_t i = 0; i < w.rig.result_count; i++) {
        assert_true(w.results_seen < w.results_made);
        compare_result(&w.rig.results[i], &w.results[w.results_seen++ % EXPECTED_MAX]);
    }
    for (uint32_t i = 0; i < w.rig.control_count; i++) {
        assert_true(w.controls_seen < w.controls_made);
        const struct expected *want = &w.controls[w.controls_seen++ % EXPECTED_MAX];
        assert_int_equal(w.rig.controls[i].result.type, want->type);
        const struct result *got = &w.rig.controls[i].result;
        assert_int_equal(got->code == 0 ? 0 : model_code_bit(got->code), want->answer.codes);
        assert_true(want->known_seq <= w.rig.durable_seq); /* (J1) */
        if (got->type == REQUEST_TALLIES) {
            assert_true(i + 1 < w.rig.control_count);
            compare_tallies(got, &w.rig.controls[i + 1].result, want);
        } else if (got->type == REQUEST_CYCLE) {
            assert_int_equal(got->seq, want->seq);
            assert_int_equal(got->stamp_ms, want->stamp_ms);
        }
    }
    rig_forget(&w.rig);
}

static void compare_cells(void)
{
    static struct cell want[MODEL_CELLS_MAX];
    uint32_t count;
    const uint32_t wanted = model_cells(&w.model, want);
    const struct cell *cells = shard_cells(w.rig.shard, &count);
    assert_int_equal(count, wanted);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t k = 0;
        while (k < wanted && memcmp(&want[k].key, &cells[i].key, sizeof want[k].key) != 0)
            k++;
        assert_true(k < wanted);
        assert_memory_equal(&cells[i], &want[k], sizeof want[k]);
    }
}

/* -- the history ---------------------------------------------------------------------------- */

static void crash(void)
{
    if (w.rig.merge != NULL && chance(300)) rig_merge_run(&w.rig);
    if (chance(300)) { /* Each start reads the tables anew: the past must not move with them. */
        static const uint8_t provinces[] = {34, 11, 43, 65};
        const uint32_t code = provinces[below(4)];
        struct province_rules *rules = &w.tables.provinces[province_index(code)];
        struct model_switches *switches = &w.model.rules.of[code];
        rules->clear_mulaid = switches->clear_mulaid = chance(500);
        rules->acct_pay_includes_mulaid = switches->mulaid_in_acct = chance(300);
    }
    rig_crash(&w.rig, chance(500));
    w.model.count = (int)w.rig.durable_seq;
    w.results_made = w.results_seen;
    w.controls_made = w.controls_seen;
    w.holding = false;
    compare_decisions();
}

static void release(void)
{
    if (order(rig_control(REQUEST_CUT_RELEASE, 0), 0)) w.holding = false;
}

static void one_step(void)
{
    const uint32_t kind = below(1000);
    if (kind < 15) {
        decide();
    } else if (kind < 40) {
        ask_tallies();
    } else if (kind < 520) {
        ask_some(chance(60) ? BATCH : 1 + below(3));
    } else if (kind < 640) {
        rig_flush(&w.rig);
    } else if (kind < 790) {
        if (w.rig.appended.size != 0) rig_written(&w.rig);
    } else if (kind < 840) {
        if (w.rig.merge != NULL) rig_merged(&w.rig);
    } else if (kind < 860) {
        if (w.rig.merge != NULL) rig_merge_run(&w.rig);
    } else if (kind < 885) {
        rig_checkpoint(&w.rig);
    } else if (kind < 935) {
        move_clock();
    } else if (kind < 950) {
        cut_some_month();
    } else if (kind < 965) {
        release();
    } else if (kind < 970) {
        close_year();
    } else if (kind < 980) {
        crash();
    } else {
        rig_settle(&w.rig);
    }
}

static void set_rules(void)
{
    struct model_rules *rules = &w.model.rules;
    rig_load_tables(&w.tables);
    if (chance(200)) w.tables.partial_refunds = false;
    if (chance(200)) w.tables.chronic_code_required = true;
    rules->partial_refunds = w.tables.partial_refunds;
    rules->chronic_code_required = w.tables.chronic_code_required;
    rules->future_ms = w.tables.setl_time_future_ms;
    rules->tombstone_ttl_ms = w.tables.tombstone_ttl_ms;
    rules->first_month = w.tables.setl_time_first_month;
    w.tables.provinces[province_index(11)].fund_sum_includes_acct = true;
    w.tables.provinces[province_index(43)].acct_pay_includes_mulaid = true;
    w.tables.provinces[province_index(65)].clear_mulaid = false;
    w.tables.provinces[province_index(65)].identity[1] = STRICT_SOFT;
    w.tables.provinces[province_index(65)].identity[3] = STRICT_OFF;
    for (int i = 0; i < PROVINCE_COUNT; i++) {
        struct model_switches *of = &rules->of[province_codes[i]];
        for (int k = 1; k <= 5; k++)
            of->identity[k] = (enum model_hold)w.tables.provinces[i].identity[k];
        of->mulaid_in_acct = w.tables.provinces[i].acct_pay_includes_mulaid;
        of->acct_in_fund = w.tables.provinces[i].fund_sum_includes_acct;
        of->clear_mulaid = w.tables.provinces[i].clear_mulaid;
    }
}

static void run_seed(uint32_t seed)
{
    memset(&w, 0, sizeof w);
    w.chance.state = seed;
    seed_running = seed;
    set_rules();
    const struct rig_options options = {
        .tables = &w.tables,
        .system_clock = chance(400),
        .delta_entries = chance(500) ? 48 : 0,
        .delta_bytes = chance(200) ? 24 * 1024 : 0,
    };
    rig_open(&w.rig, &options);
    w.rig.now_ms = INT64_C(1735700000000);
    w.model.manual_clock = !options.system_clock;
    w.model.first_stamp_ms = options.system_clock ? 0 : MANUAL_CLOCK_START_MS;
    for (w.step = 1; w.step <= STEPS; w.step++) {
        one_step();
        compare_answers();
        compare_cells();
    }
    release();
    rig_settle(&w.rig);
    release();
    rig_settle(&w.rig);
    compare_answers();
    assert_int_equal(w.results_seen, w.results_made); /* Nobody is left without an answer. */
    rig_crash(&w.rig, true);
    compare_cells();
    compare_decisions();
    rig_checkpoint(&w.rig);
    rig_settle(&w.rig);
    compare_decisions();
    compare_sums();
    unread += w.rig.refused_unread;
    rig_close(&w.rig);
    seed_running = 0;
}

static void the_engine_follows_the_model(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < seed_count; i++)
        run_seed(seed_first + i);
    /* A history in which everything is refused, or nothing, would prove little. */
    assert_true(answered[0] > answered[1] / 10);
    assert_true(answered[1] > answered[0] / 10);
    assert_true(getenv("QINGFEN_EACH_READ_FAILS") == NULL || unread > 1000);
    assert_true(tallies_compared > 100);
    assert_true(changes_compared > 100);
}

static int name_seed(void **state)
{
    (void)state;
    if (seed_running != 0) print_error("seed %u fails at step %u\n", seed_running, w.step);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1) seed_count = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2) seed_first = (uint32_t)strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_engine_follows_the_model, name_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
