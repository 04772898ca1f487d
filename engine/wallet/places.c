/* places -- the directory of institutions (InstDirPush) and provincial rules (RulePush).
 *
 * Both go to every shard and concern no person. Shard 0 decides; the others take what it took, also
 * when their clock is past it or a later push was faster. Sent again, late or in another order they
 * leave the same: of an institution the row with the highest version stays, and a rule is a row of
 * its own for every instant it begins at, which nothing overwrites. */
#include "types/civil.h"
#include "types/province.h"
#include "util/table_text.h"
#include "wallet/chapters.h"

/* True where shard 0 has taken the push already: nothing is decided any more. */
static bool follows(const struct wallet_input *input)
{
    return input->fact != NULL && input->fact->decided != 0;
}

/* Said before, in the same words, or outdated. */
static void answer_again(struct wallet_decision *decision)
{
    decision->nothing = decision->dup = true;
}

/* -- institutions ----------------------------------------------------------------------------- */

/* Numbers of proto/person.proto, InstDirPush. */
enum inst_field {
    INST_NAME = 2,
    INST_CODE = 5,
    INST_ADMDVS = 7,
    INST_FROM = 18,
    INST_TO = 19,
    INST_VERSION = 20,
    INST_LEVEL_WALLET = 28,
    INST_LEVEL_OUTPATIENT = 29,
    INST_SENDER = 46,
};

#define INST_CODE_MAX 12 /* C12, as in a settlement. */
#define INST_NAME_MAX 90
#define LEVEL_MAX     3

static bool visible(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] <= 0x20 || text.data[i] >= 0x7f) return false;
    }
    return true;
}

/* `got`: of a text that is not sound, as CHECK_CHARSET has it. */
static void check_text(struct bytes text, uint32_t field, size_t size_max, bool sound, int64_t got,
                       struct failures *failures)
{
    if (text.size > size_max) {
        failures_add(failures, ERROR_MALFORMED, field, CHECK_LENGTH, (int64_t)text.size,
                     (int64_t)size_max);
    } else if (!sound) {
        failures_add(failures, ERROR_MALFORMED, field, CHECK_CHARSET, got, 0);
    }
}

/* 0, or a day yyyymmdd that there is. */
static bool is_day(uint32_t day)
{
    const struct civil civil = {
        .year = (int32_t)(day / 10000),
        .month = (int32_t)(day / 100 % 100),
        .day = (int32_t)(day % 100),
    };
    int64_t ms;
    return day == 0 || civil_to_ms(&civil, &ms);
}

static void check_days(uint32_t from, uint32_t to, struct failures *failures)
{
    if (!is_day(from)) {
        failures_add(failures, ERROR_INSTITUTION_INVALID, INST_FROM, CHECK_RANGE, from, 0);
    }
    if (!is_day(to)) {
        failures_add(failures, ERROR_INSTITUTION_INVALID, INST_TO, CHECK_RANGE, to, 0);
    } else if (to != 0 && to < from) {
        failures_add(failures, ERROR_INSTITUTION_INVALID, INST_TO, CHECK_RANGE, to, from);
    }
}

static void check_institution(const struct wallet_order *order, struct failures *failures)
{
    if (order->fixmedins_code.size == 0) {
        failures_add(failures, ERROR_MALFORMED, INST_CODE, CHECK_MISSING, 0, 0);
    }
    check_text(order->fixmedins_code, INST_CODE, INST_CODE_MAX, visible(order->fixmedins_code), 0,
               failures);
    check_text(order->name, INST_NAME, INST_NAME_MAX, table_text_sound(order->name), CHARSET_TEXT,
               failures);
    if (province_of_area(order->place) == PROVINCE_NONE) {
        failures_add(failures, ERROR_INSTITUTION_INVALID, INST_ADMDVS, CHECK_KNOWN, order->place,
                     0);
    }
    if (order->which == 0) {
        failures_add(failures, ERROR_INSTITUTION_INVALID, INST_VERSION, CHECK_MISSING, 0, 0);
    }
    if (order->level_wallet > LEVEL_MAX) {
        failures_add(failures, ERROR_INSTITUTION_INVALID, INST_LEVEL_WALLET, CHECK_RANGE,
                     order->level_wallet, LEVEL_MAX);
    }
    if (order->level_outpatient > LEVEL_MAX) {
        failures_add(failures, ERROR_INSTITUTION_INVALID, INST_LEVEL_OUTPATIENT, CHECK_RANGE,
                     order->level_outpatient, LEVEL_MAX);
    }
    check_days(order->from, order->to, failures);
}

/* A province speaks for its own institutions, those in the directory included: nobody takes over
 * another's code. The centre, 0, for all. */
static void check_owner(const struct wallet_input *input, struct failures *failures)
{
    const struct wallet_order *order = input->order;
    const uint32_t said = order->sender_admdvs / 10000;
    const uint32_t sender = input->province != 0 ? input->province : said;
    if (sender == 0) return;
    if (said != 0 && said != sender) {
        failures_add(failures, ERROR_SENDER_NOT_ALLOWED, INST_SENDER, CHECK_MATCH, said, sender);
    } else if (order->place / 10000 != sender) {
        failures_add(failures, ERROR_SENDER_NOT_ALLOWED, INST_ADMDVS, CHECK_MATCH,
                     order->place / 10000, sender);
    } else if (input->institution != NULL && input->institution->admdvs / 10000 != sender) {
        failures_add(failures, ERROR_SENDER_NOT_ALLOWED, INST_CODE, CHECK_MATCH, sender,
                     input->institution->admdvs / 10000);
    }
}

/* Zeroed before: compared and kept as bytes. */
static void institution_of(const struct wallet_order *order, struct institution *ret_row)
{
    memset(ret_row, 0, sizeof *ret_row);
    memcpy(ret_row->fixmedins_code, order->fixmedins_code.data, order->fixmedins_code.size);
    if (order->name.size != 0) memcpy(ret_row->name, order->name.data, order->name.size);
    ret_row->admdvs = order->place;
    ret_row->version = order->which;
    ret_row->level_wallet = order->level_wallet;
    ret_row->level_outpatient = order->level_outpatient;
    ret_row->from = order->from;
    ret_row->to = order->to;
}

void judge_institution(const struct wallet_input *input, struct person *person,
                       struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const struct institution *stored = input->institution;
    struct failures *failures = &decision->failures;
    (void)person;

    check_institution(order, failures);
    if (failures->count == 0 && !follows(input)) check_owner(input, failures);
    if (failures->count != 0) return;

    decision->said.stas = STAS_DONE;
    institution_of(order, &decision->institution);
    if (stored == NULL || order->which > stored->version) {
        decision->put_institution = true;
    } else if (follows(input) || (order->which == stored->version &&
                                  memcmp(stored, &decision->institution, sizeof *stored) == 0)) {
        answer_again(decision);
    } else {
        failures_add(failures, ERROR_INSTITUTION_INVALID, INST_VERSION, CHECK_MATCH, order->which,
                     stored->version);
    }
}

/* -- provincial rules ------------------------------------------------------------------------- */

/* Numbers of proto/person.proto, RulePush. */
enum rule_field {
    RULE_PARAM = 2,
    RULE_VALUE = 3,
    RULE_ADMDVS = 7,
    RULE_EFF_FROM = 27,
    RULE_SENDER = 46,
};

static void read_rule(const struct wallet_order *order, struct rule_row *ret_row,
                      struct failures *failures)
{
    *ret_row = (struct rule_row){
        .admdvs = order->place,
        .param = params_by_name(order->name),
        .eff_ms = order->eff_ms,
    };
    if (ret_row->admdvs != 0 && province_of_area(ret_row->admdvs) == PROVINCE_NONE) {
        failures_add(failures, ERROR_RULE_INVALID, RULE_ADMDVS, CHECK_KNOWN, ret_row->admdvs, 0);
    }
    if (ret_row->param == PARAM_COUNT) {
        failures_add(failures, ERROR_RULE_INVALID, RULE_PARAM, CHECK_STATE, 0, 0);
    } else if (!param_parse(ret_row->param, order->value, &ret_row->value)) {
        failures_add(failures, ERROR_RULE_INVALID, RULE_VALUE, CHECK_NONE, 0, 0);
    } else if (ret_row->admdvs != 0 && param_is_national(ret_row->param)) {
        failures_add(failures, ERROR_RULE_INVALID, RULE_ADMDVS, CHECK_MATCH, ret_row->admdvs, 0);
    }
    if (ret_row->eff_ms <= 0) {
        failures_add(failures, ERROR_RULE_INVALID, RULE_EFF_FROM, CHECK_MISSING, 0, 0);
    }
}

/* History is not written anew: what was decided up to now was decided by the rules of its time. */
static void check_rule_time(const struct wallet_input *input, struct failures *failures)
{
    if (follows(input) || !input->time_known || input->order->eff_ms >= input->now_ms) return;
    failures_add(failures, ERROR_RULE_INVALID, RULE_EFF_FROM, CHECK_RANGE, input->order->eff_ms,
                 input->now_ms);
}

void judge_rule(const struct wallet_input *input, struct person *person,
                struct wallet_decision *decision)
{
    struct failures *failures = &decision->failures;
    (void)person;

    if (input->province != 0) {
        failures_add(failures, ERROR_SENDER_NOT_ALLOWED, RULE_SENDER, CHECK_MATCH, input->province,
                     0);
        return;
    }
    read_rule(input->order, &decision->rule, failures);
    if (failures->count != 0) return;

    decision->said.stas = STAS_DONE;
    if (input->rule != NULL) {
        if (input->rule->value == decision->rule.value) {
            answer_again(decision);
        } else {
            failures_add(failures, ERROR_RULE_INVALID, RULE_VALUE, CHECK_MATCH,
                         decision->rule.value, input->rule->value);
        }
        return;
    }
    check_rule_time(input, failures);
    if (input->params->count >= RULE_ROWS_MAX) {
        failures_add(failures, ERROR_TOO_MANY, RULE_PARAM, CHECK_RANGE, input->params->count,
                     RULE_ROWS_MAX);
    }
    decision->put_rule = failures->count == 0;
}
