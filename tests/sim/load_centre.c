/* load_centre -- the operator, and what provinces do in the clearing cycle.
 *
 * The operator says first what the rest of the history needs: the clock, the rules. Then it takes
 * month after month through the cycle, with all that can come in between; so does the steward, who
 * knows the way. */
#include <stdio.h>

#include "tests/sim/town.h"

#define FIRST_MORNING_MS INT64_C(1772413200000) /* 2026-03-02T09:00:00+08:00 */
#define HOUR_MS          INT64_C(3600000)
#define STEWARD_PAYMENTS 6 /* Of each month. */

/* -- pieces --------------------------------------------------------------------------------- */

static void put_msgid(struct sim_client *client, struct pb *pb, uint32_t field)
{
    char id[TOWN_ID_SIZE];
    const uint32_t number = client->town->made[client->number];
    snprintf(id, sizeof id, "O%u-%u", client->number,
             sim_chance(client, 20) && number != 0 ? sim_below(client, number) : number);
    pb_text(pb, field, id);
}

static uint32_t some_month(struct sim_client *client)
{
    const uint32_t month = civil_month(town_now(client->town));
    const uint32_t kind = sim_below(client, 10);
    const uint32_t before = town_month_before(month);
    return kind < 2 ? month : kind < 8 ? before : town_month_before(before);
}

static uint16_t some_province(struct sim_client *client)
{
    return (uint16_t)(town_areas[sim_below(client, TOWN_AREAS)] / 10000);
}

/* -- the operator ---------------------------------------------------------------------------------
 */

static const struct {
    const char *name;
    const char *value;
    uint32_t admdvs;
} rules[] = {
    {"trsf_max_per_day", "1000", 0},
    {"trsf_max_sum_per_day", "10000000", 0},
    {"trsf_max_per_day", "3", 340000},
    {"trsf_max_sum_per_day", "600000", 440000},
    {"trsf_max_sum_per_day", "250000", 110000},
    {"wallet_spend_scope", "nation", 0},
    {"allow_reclaim", "on", 0},
    {"use_loc_change", "on", 0},
    {"pa_hold_mode", "grant", 0},
    {"pa_hold_mode", "online", 310000},
    {"pa_hold_mode", "online", 510000},
    {"prem_window_from", "01-01", 0},
};
#define RULE_COUNT (sizeof rules / sizeof rules[0])

static void write_rule(struct sim_client *client, struct sim_draft *draft, uint32_t which)
{
    draft->type = MESSAGE_RULE_PUSH;
    put_msgid(client, &draft->pb, 1);
    pb_text(&draft->pb, 2, rules[which].name);
    pb_text(&draft->pb, 3, rules[which].value);
    pb_put(&draft->pb, 7, rules[which].admdvs);
    pb_put(&draft->pb, 27, (uint64_t)town_now(client->town) + 5000);
}

static void write_clock(struct sim_client *client, struct sim_draft *draft, int64_t to)
{
    draft->type = MESSAGE_CLOCK_SET;
    pb_put(&draft->pb, 1, (uint64_t)to);
    put_msgid(client, &draft->pb, 2);
}

#define RESERVE_MINUTES 15 /* As the nation's rule has it. */

/* Minutes, now and then to the very instant at which a reservation lapses; the next morning after
 * six, now and then the evening; days, or the next month. */
static void move_clock(struct sim_client *client, struct sim_draft *draft)
{
    const int64_t now = town_now(client->town);
    const uint32_t kind = sim_below(client, 100);
    int64_t to = now + (1 + (int64_t)sim_below(client, 90)) * MS_PER_MINUTE;
    if (kind < 2)
        to = now - (int64_t)sim_below(client, 100000);
    else if (kind < 17)
        to = now + RESERVE_MINUTES * MS_PER_MINUTE;
    else if (kind >= 90)
        to = civil_month_start_ms(civil_month_next(civil_month(now))) + 9 * HOUR_MS;
    else if (kind >= 75)
        to = now + MS_PER_DAY * (1 + (int64_t)sim_below(client, 5));
    else if (kind >= 40)
        to = now - (now + 8 * HOUR_MS) % MS_PER_DAY + MS_PER_DAY + 6 * HOUR_MS +
             (int64_t)(sim_chance(client, 850) ? sim_below(client, 3) : sim_below(client, 18)) *
                 HOUR_MS;
    write_clock(client, draft, to);
}

/* The month whose turn it is: months are cut in order, and the oldest records are some months old.
 */
static uint32_t next_month(const struct sim_town *town)
{
    const uint32_t before = town_month_before(civil_month(town_now(town)));
    const uint32_t third = town_month_before(town_month_before(town_month_before(before)));
    const uint32_t oldest =
        town_month_before(third); /* The whole quarter: prefunds are set by it. */
    const uint32_t next = town->cut_through == 0 ? oldest : civil_month_next(town->cut_through);
    return next < before ? next : before;
}

static void write_cut(struct sim_client *client, struct sim_draft *draft, uint32_t month)
{
    draft->type = MESSAGE_PERIOD_CUT;
    pb_put(&draft->pb, 1, month);
    if (sim_chance(client, 700)) put_msgid(client, &draft->pb, 2);
    pb_put(&draft->pb, 3, sim_chance(client, 150));
}

static void write_step(struct sim_client *client, struct sim_draft *draft)
{
    static const char *const steps[] = {"compute", "compute",       "compute", "publish", "publish",
                                        "publish", "close-signing", "notice",  "notice",  "notice",
                                        "archive", "abort",         "unwind"};
    const char *step = steps[sim_below(client, 13)];
    draft->type = MESSAGE_BATCH_STEP;
    put_msgid(client, &draft->pb, 1);
    pb_put(&draft->pb, 2, some_month(client));
    pb_text(&draft->pb, 3, step);
    if (strcmp(step, "unwind") == 0) pb_put(&draft->pb, 4, some_province(client));
}

static void write_setting(struct sim_client *client, struct sim_draft *draft)
{
    static const struct {
        const char *name;
        int64_t most;
    } settings[] = {{"clearing.payable_mode", 3},   {"recon.required", 0},  {"confirm.required", 0},
                    {"sign.timeout_is_consent", 1}, {"payment.partial", 1}, {"no.such_thing", 1}};
    const uint32_t which = sim_below(client, 6);
    draft->type = MESSAGE_SETTING_SET;
    put_msgid(client, &draft->pb, 1);
    pb_text(&draft->pb, 2, settings[which].name);
    pb_fen(&draft->pb, 3, (int64_t)sim_below(client, (uint32_t)settings[which].most + 1));
}

static void write_prefund(struct sim_client *client, struct sim_draft *draft)
{
    const bool decide = sim_chance(client, 400);
    draft->type = decide ? MESSAGE_PREFUND_DECIDE : MESSAGE_PREFUND_SET;
    put_msgid(client, &draft->pb, 1);
    pb_put(&draft->pb, 2, decide ? some_month(client) : some_month(client) / 100);
    if (decide || sim_chance(client, 700)) {
        pb_put(&draft->pb, 3, some_province(client));
        pb_put(&draft->pb, 4, some_province(client));
    }
    if (decide) {
        pb_put(&draft->pb, 5, 1);
    } else {
        pb_fen(&draft->pb, 5, 1 + (int64_t)sim_below(client, 100000));
    }
}

static void write_reissue(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_thing *notice = town_some(client, &client->town->notices);
    draft->type = MESSAGE_NOTICE_REISSUE;
    put_msgid(client, &draft->pb, 1);
    pb_text(&draft->pb, 2, notice != NULL ? notice->id : "QF202603C-0");
    pb_text(&draft->pb, 3, "wrong account");
}

static void write_resolve(struct sim_client *client, struct sim_draft *draft)
{
    static const char *const outcomes[] = {"pay", "part", "void"};
    const struct town_thing *dispute = town_some(client, &client->town->disputes);
    const uint32_t outcome = sim_below(client, 3);
    draft->type = MESSAGE_DISPUTE_RESOLVE;
    put_msgid(client, &draft->pb, 1);
    pb_text(&draft->pb, 3, dispute != NULL ? dispute->id : "D0");
    pb_text(&draft->pb, 4, outcomes[outcome]);
    if (outcome == 1) pb_fen(&draft->pb, 5, 1 + (int64_t)sim_below(client, 200));
}

static void ask_notices(struct sim_client *client, struct sim_draft *draft)
{
    draft->type = MESSAGE_NOTICE_LIST;
    if (client->province != 0) pb_put(&draft->pb, 1, client->province);
    if (sim_chance(client, 500)) pb_text(&draft->pb, 4, "DUE");
    pb_put(&draft->pb, 7, sim_chance(client, 300) ? 1 + sim_below(client, 4) : TOWN_THINGS);
}

/* What has to be said first, one after the other; then `ready`. */
static bool next_beforehand(struct sim_client *client, struct sim_draft *draft)
{
    struct sim_town *town = client->town;
    if (client->waiting_count != 0) return false;
    const uint32_t place = (uint32_t)client->place++;
    if (place == 0 && town->manual_clock) {
        write_clock(client, draft, FIRST_MORNING_MS);
        return true;
    }
    if (place <= RULE_COUNT) {
        write_rule(client, draft, place == 0 ? 0 : place - 1);
        return true;
    }
    town->ready = true;
    if (!town->manual_clock) return false;
    write_clock(client, draft, town->clock_ms + 10 * MS_PER_MINUTE);
    return true;
}

static bool next_of_operator(struct sim_client *client, struct sim_draft *draft)
{
    struct sim_town *town = client->town;
    if (!town->ready) return next_beforehand(client, draft);
    const uint32_t kind = sim_below(client, 1000);
    if (kind < 250)
        move_clock(client, draft);
    else if (kind < 340)
        write_cut(client, draft, sim_chance(client, 850) ? next_month(town) : some_month(client));
    else if (kind < 640)
        write_step(client, draft);
    else if (kind < 680)
        write_setting(client, draft);
    else if (kind < 740)
        write_prefund(client, draft);
    else if (kind < 770)
        write_reissue(client, draft);
    else if (kind < 830)
        write_resolve(client, draft);
    else if (kind < 840) {
        draft->type = MESSAGE_YEAR_CLOSE;
        pb_put(&draft->pb, 1, 2024 + sim_below(client, 2));
        if (sim_chance(client, 500)) put_msgid(client, &draft->pb, 2);
    } else if (kind < 860)
        write_rule(client, draft, sim_below(client, RULE_COUNT));
    else
        ask_notices(client, draft);
    return true;
}

/* -- provinces in the cycle ------------------------------------------------------------------- */

static const struct town_record *some_record(struct sim_client *client)
{
    const struct sim_town *town = client->town;
    const uint32_t known = town->record_count < TOWN_RECORDS ? town->record_count : TOWN_RECORDS;
    return known == 0 ? NULL : &town->records[sim_below(client, known)];
}

/* Totals of a day or month: the province's own idea of them, which is wrong as a rule, or only the
 * question. */
static void write_recon_day(struct sim_client *client, struct sim_draft *draft)
{
    uint8_t body[64];
    struct pb total = {body, 0, sizeof body};
    const struct town_record *record = some_record(client);
    draft->type = MESSAGE_RECON_DAY;
    put_msgid(client, &draft->pb, 1);
    pb_put(&draft->pb, 3, some_month(client));
    if (record == NULL || sim_chance(client, 400)) return;
    pb_put(&draft->pb, 4, sim_chance(client, 500) ? civil_day(record->setl_time) : 0);
    pb_put(&total, 1, record->insu_admdvs / 10000);
    pb_put(&total, 2, record->mdtrtarea_admvs / 10000);
    pb_put(&total, 3, 1);
    pb_put(&total, 4, 310);
    pb_put(&total, 5, 1);
    pb_fen(&total, 6, record->amounts[AMOUNT_MEDFEE]);
    if (sim_chance(client, 600)) pb_fen(&total, 7, record->amounts[AMOUNT_FUND_SUM]);
    pb_fen(&total, 8, record->amounts[AMOUNT_ACCT]);
    pb_bytes(&draft->pb, 7, (struct bytes){body, total.size});
}

static void write_recon_list(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_record *first = some_record(client);
    draft->type = MESSAGE_RECON_LIST;
    put_msgid(client, &draft->pb, 1);
    if (first == NULL) return;
    pb_put(&draft->pb, 3, civil_day(first->setl_time));
    pb_put(&draft->pb, 4, first->insu_admdvs / 10000);
    pb_put(&draft->pb, 5, first->mdtrtarea_admvs / 10000);
    const bool two = sim_chance(client, 200);
    pb_put(&draft->pb, 6, two ? 1 + sim_below(client, 2) : 1);
    pb_put(&draft->pb, 7, two ? 2 : 1);
    for (int i = 0; i < 4; i++) {
        uint8_t body[128];
        struct pb item = {body, 0, sizeof body};
        const struct town_record *record = i == 0 ? first : some_record(client);
        pb_put(&item, 1, record->insu_admdvs);
        pb_text(&item, 2, record->setl_id);
        pb_fen(&item, 3, record->amounts[AMOUNT_MEDFEE]);
        pb_fen(&item, 4, record->amounts[AMOUNT_FUND_SUM]);
        pb_fen(&item, 5, record->amounts[AMOUNT_ACCT]);
        pb_put(&item, 6, record->refund);
        pb_bytes(&draft->pb, 8, (struct bytes){body, item.size});
    }
}

static void write_confirm(struct sim_client *client, struct sim_draft *draft)
{
    draft->type = MESSAGE_CLR_CONFIRM;
    put_msgid(client, &draft->pb, 1);
    pb_put(&draft->pb, 3, some_month(client));
    if (sim_chance(client, 300)) return;
    for (uint32_t i = 0; i < 1 + sim_below(client, 3); i++) {
        uint8_t body[96];
        struct pb item = {body, 0, sizeof body};
        const struct town_record *record = some_record(client);
        if (record == NULL) return;
        pb_put(&item, 1, record->insu_admdvs);
        pb_text(&item, 2, record->setl_id);
        pb_put(&item, 3, sim_below(client, 2));
        if (sim_chance(client, 300)) {
            pb_fen(&item, 4, (int64_t)sim_below(client, 50));
            pb_put(&item, 5, 10);
        }
        pb_bytes(&draft->pb, 7, (struct bytes){body, item.size});
    }
}

static void write_withdraw(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_thing *confirm = town_some(client, &client->town->confirms);
    draft->type = MESSAGE_CLR_WITHDRAW;
    put_msgid(client, &draft->pb, 1);
    pb_put(&draft->pb, 3, confirm != NULL ? confirm->period : 202603);
    pb_text(&draft->pb, 4, confirm != NULL ? confirm->id : "O0-0");
}

static void write_recovery(struct sim_client *client, struct sim_draft *draft)
{
    char id[TOWN_ID_SIZE];
    const struct town_record *record = some_record(client);
    draft->type = MESSAGE_RECOVERY;
    put_msgid(client, &draft->pb, 1);
    town_id(id, 'R', sim_below(client, 40));
    pb_text(&draft->pb, 3, id);
    if (record == NULL) return;
    pb_put(&draft->pb, 4, record->insu_admdvs);
    pb_text(&draft->pb, 5, record->setl_id);
    pb_fen(&draft->pb, 6, 1 + (int64_t)sim_below(client, 30));
    pb_put(&draft->pb, 7, 10);
}

static void write_dispute(struct sim_client *client, struct sim_draft *draft)
{
    char id[TOWN_ID_SIZE];
    const struct town_record *record = some_record(client);
    draft->type = MESSAGE_DISPUTE_OPEN;
    put_msgid(client, &draft->pb, 1);
    town_id(id, 'D', sim_below(client, 60));
    pb_text(&draft->pb, 3, id);
    if (record == NULL) return;
    pb_put(&draft->pb, 4, record->insu_admdvs);
    pb_text(&draft->pb, 5, record->setl_id);
    pb_put(&draft->pb, 6, 1 + sim_below(client, 4));
}

static void write_dispute_reply(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_thing *dispute = town_some(client, &client->town->disputes);
    draft->type = MESSAGE_DISPUTE_REPLY;
    put_msgid(client, &draft->pb, 1);
    pb_text(&draft->pb, 3, dispute != NULL ? dispute->id : "D0");
    pb_put(&draft->pb, 4, sim_below(client, 2));
}

static void write_sign(struct sim_client *client, struct sim_draft *draft)
{
    draft->type = MESSAGE_BATCH_SIGN;
    put_msgid(client, &draft->pb, 1);
    pb_put(&draft->pb, 3, some_month(client));
    pb_put(&draft->pb, 5, sim_chance(client, 30));
    /* The centre may sign for anybody: so do batches come to their notices. */
    if (client->province == 0) pb_put(&draft->pb, 2, some_province(client));
}

static void write_pay(struct sim_client *client, struct sim_draft *draft)
{
    char reference[TOWN_ID_SIZE];
    const struct town_thing *notice = town_some(client, &client->town->notices);
    const uint32_t number = sim_below(client, 60);
    const bool receipt = sim_chance(client, 500);
    draft->type = receipt ? MESSAGE_RECEIPT_REPORT : MESSAGE_PAY_REPORT;
    put_msgid(client, &draft->pb, 1);
    town_id(reference, 'B', number);
    if (client->province == 0 && notice != NULL)
        pb_put(&draft->pb, 2, receipt ? notice->payee : notice->payer);
    pb_text(&draft->pb, 3, notice != NULL ? notice->id : "N0");
    pb_text(&draft->pb, 4, reference);
    const int64_t left = notice == NULL ? 1 : notice->amount;
    pb_fen(&draft->pb, 5, number % 3 == 0 && left > 3 ? left / 3 : left);
    if (receipt) {
        pb_put(&draft->pb, 6, sim_chance(client, 100));
    } else {
        pb_put(&draft->pb, 6, (uint64_t)town_now(client->town));
    }
}

static void write_prefund_apply(struct sim_client *client, struct sim_draft *draft)
{
    draft->type = MESSAGE_PREFUND_APPLY;
    put_msgid(client, &draft->pb, 1);
    pb_put(&draft->pb, 3, some_month(client));
    pb_put(&draft->pb, 4, some_province(client));
    pb_fen(&draft->pb, 5, 1 + (int64_t)sim_below(client, 1000));
}

static bool next_of_cycle(struct sim_client *client, struct sim_draft *draft)
{
    const uint32_t kind = sim_below(client, 1000);
    if (kind < 120)
        write_recon_day(client, draft);
    else if (kind < 240)
        write_recon_list(client, draft);
    else if (kind < 360)
        write_confirm(client, draft);
    else if (kind < 390)
        write_withdraw(client, draft);
    else if (kind < 430)
        write_recovery(client, draft);
    else if (kind < 500)
        write_dispute(client, draft);
    else if (kind < 550)
        write_dispute_reply(client, draft);
    else if (kind < 750)
        write_sign(client, draft);
    else if (kind < 900)
        write_pay(client, draft);
    else if (kind < 920)
        write_prefund_apply(client, draft);
    else
        ask_notices(client, draft);
    return true;
}

/* -- the steward ------------------------------------------------------------------------------ */

/* Takes the latest month through the cycle, one step after the other, and pays what there is to be
 * paid: chance alone would hardly ever come to the notices. What goes wrong is passed over. */
enum step {
    STEP_CUT = 0,
    STEP_COMPUTE,
    STEP_PUBLISH,
    STEP_SIGN,
    STEP_NOTICE = STEP_SIGN + TOWN_AREAS,
    STEP_LIST,
    STEP_PAY,
    STEP_END = STEP_PAY + 2 * STEWARD_PAYMENTS,
};

static void step_on(struct sim_client *client, struct sim_draft *draft, uint32_t month,
                    const char *step)
{
    draft->type = MESSAGE_BATCH_STEP;
    put_msgid(client, &draft->pb, 1);
    pb_put(&draft->pb, 2, month);
    pb_text(&draft->pb, 3, step);
}

/* A notice of the latest, in two halves or as a whole; then the same as received. */
static void pay_in_turn(struct sim_client *client, struct sim_draft *draft, uint32_t turn)
{
    const struct town_things *notices = &client->town->notices;
    const uint32_t known = notices->count < TOWN_THINGS ? notices->count : TOWN_THINGS;
    const bool receipt = turn % 2 == 1;
    if (known == 0) {
        ask_notices(client, draft);
        return;
    }
    const struct town_thing *notice =
        &notices->list[(notices->count - 1 - turn / 2 % known) % TOWN_THINGS];
    char reference[TOWN_ID_SIZE];
    town_id(reference, 'W', (uint32_t)(notice->amount % 1000));
    draft->type = receipt ? MESSAGE_RECEIPT_REPORT : MESSAGE_PAY_REPORT;
    put_msgid(client, &draft->pb, 1);
    pb_put(&draft->pb, 2, receipt ? notice->payee : notice->payer);
    pb_text(&draft->pb, 3, notice->id);
    pb_text(&draft->pb, 4, reference);
    pb_fen(&draft->pb, 5, notice->amount % 5 == 0 ? notice->amount / 2 : notice->amount);
    if (!receipt) pb_put(&draft->pb, 6, (uint64_t)town_now(client->town));
}

static bool next_of_steward(struct sim_client *client, struct sim_draft *draft)
{
    const struct sim_town *town = client->town;
    const uint32_t step = (uint32_t)client->place;
    /* What the cut and the list have told is needed; the rest the centre takes one by one. */
    if (client->waiting_count != 0 && (step == STEP_COMPUTE || step == STEP_PAY)) return false;
    client->place = step + 1 == STEP_END ? STEP_CUT : (int)step + 1;
    if (step == STEP_CUT) {
        write_cut(client, draft, next_month(town));
    } else if (step <= STEP_PUBLISH) {
        step_on(client, draft, town->cut_through, step == STEP_COMPUTE ? "compute" : "publish");
    } else if (step < STEP_NOTICE) {
        draft->type = MESSAGE_BATCH_SIGN;
        put_msgid(client, &draft->pb, 1);
        pb_put(&draft->pb, 2, town_areas[step - STEP_SIGN] / 10000);
        pb_put(&draft->pb, 3, town->cut_through);
    } else if (step == STEP_NOTICE) {
        step_on(client, draft, town->cut_through, "notice");
    } else if (step == STEP_LIST) {
        draft->type = MESSAGE_NOTICE_LIST;
        pb_text(&draft->pb, 4, "DUE");
        pb_put(&draft->pb, 7, TOWN_THINGS);
    } else {
        pay_in_turn(client, draft, step - STEP_PAY);
    }
    return true;
}

const struct sim_role role_steward = {"steward", next_of_steward, NULL};
const struct sim_role role_operator = {"operator", next_of_operator, NULL};
const struct sim_role role_clearing = {"clearing", next_of_cycle, NULL};
