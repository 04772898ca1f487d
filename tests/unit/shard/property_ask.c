/* Messages made up by chance: few persons and few ids, a little wrong now and then. */
#include <stdlib.h>

#include "codec/messages.h"
#include "tests/unit/shard/property_world.h"
#include "types/civil.h"

/* -- chance --------------------------------------------------------------------------------- */

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

static int64_t random_time(void)
{
    const int64_t now = clock_now();
    const uint32_t kind = below(100);
    if (kind == 0) return 0;
    if (kind == 1) return -1;
    if (kind == 2) return now + world.tables.setl_time_future_ms + (int64_t)below(2);
    if (kind == 3) return civil_month_start_ms(201401) - (int64_t)below(2);
    if (kind < 20) return now - (int64_t)below(100) * MS_PER_DAY;
    return now - (int64_t)below(8) * MS_PER_DAY;
}

/* -- settlements ---------------------------------------------------------------------------- */

/* Fills the sums in so that all identities hold for that province. */
static void complete(int64_t *a, uint32_t payer)
{
    const struct model_switches *rules = &world.model.rules.of[payer < 100 ? payer : 0];
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
    for (int i = 0; i < 30 && world.model.count != 0; i++) {
        const struct model_item *item = &world.model.items[below((uint32_t)world.model.count)];
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
    if (world.sent_count == 0) return false;
    const uint32_t back = below(world.sent_count < SENT_MAX ? world.sent_count : SENT_MAX);
    *q = world.sent[(world.sent_count - 1 - (chance(500) ? back % 20 % world.sent_count : back)) %
                    SENT_MAX];
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
        return model_post(&world.model, q->session, &q->s, now);
    case MESSAGE_SETL_REVERSE:
        return model_reverse(&world.model, q->session, &q->r, now);
    case MESSAGE_SETL_ADJUST:
        return model_adjust(&world.model, q->session, &q->a, now);
    default:
        return model_correct(&world.model, q->session, &q->c, now);
    }
}

static void expect(struct expected *list, uint32_t *made, uint16_t type, struct model_answer answer)
{
    struct expected *e = &list[*made % EXPECTED_MAX];
    ++*made;
    *e =
        (struct expected){.type = type, .answer = answer, .known_seq = (uint64_t)world.model.count};
    if (answer.codes != 0) return;
    const struct model_item *item = &world.model.items[answer.item];
    e->seq = (uint64_t)answer.item + 1;
    e->period = item->period;
    e->orig_period = item->orig_period;
    e->stamp_ms = item->stamp_ms;
}

void ask_some(uint32_t count)
{
    static struct question questions[BATCH];
    struct request requests[BATCH];
    for (uint32_t i = 0; i < count; i++) {
        random_question(&questions[i]);
        requests[i] = rig_message(questions[i].type, questions[i].session,
                                  (struct bytes){questions[i].body, questions[i].size});
    }
    if (world.model.count + 2 * BATCH > MODEL_ITEMS_MAX) return;
    const uint32_t taken = rig_give(&world.rig, requests, count);
    for (uint32_t i = 0; i < taken; i++) {
        const struct model_answer answer = model_says(&questions[i]);
        expect(world.results, &world.results_made, questions[i].type, answer);
        world.sent[world.sent_count++ % SENT_MAX] = questions[i];
    }
}
