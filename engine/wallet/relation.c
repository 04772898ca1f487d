/* relation -- who may give to whom, and what provinces say about a person (docs/rules.md, Wallet).
 */
#include "types/civil.h"
#include "types/ensure.h"
#include "wallet/steps.h"

#define INSUTYPE_EMPLOYEE 310
#define INSUTYPE_RESIDENT 390
#define INSUTYPE_LAST     999
#define RELATION_KINDS    8
#define SWITCH_PHARMACY   1

static bool basic_insurance(uint32_t insutype)
{
    return insutype == INSUTYPE_EMPLOYEE || insutype == INSUTYPE_RESIDENT;
}

/* -- bind ------------------------------------------------------------------------------------- */

static bool both_agree(const struct wallet_order *order, struct wallet_decision *decision)
{
    if (!order->flag) {
        return refuse(decision, ERROR_MALFORMED, WALLET_FIELD(order->type, flag), CHECK_MISSING, 0,
                      1);
    }
    if (!order->flag2) {
        return refuse(decision, ERROR_MALFORMED, WALLET_FIELD(order->type, flag2), CHECK_MISSING, 0,
                      1);
    }
    if (bytes_equal(order->psn_key, order->other_key)) {
        return refuse(decision, ERROR_MALFORMED, WALLET_FIELD(order->type, other_key), CHECK_MATCH,
                      0, 0);
    }
    return true;
}

/* One relation a pair. True when it is there: answered, or of another kind. */
static bool bound_before(const struct wallet_order *order, struct person *person,
                         const struct psn_key *other, struct wallet_decision *decision)
{
    const struct relation_row *row = person_relation(person, other, SIDE_GIVER);
    if (row == NULL) return false;
    if (row->rlts_code == order->rlts_code) {
        answer_nothing(row->rlts_id, true, decision);
    } else {
        refuse(decision, ERROR_CLIENT_NO_REUSED, WALLET_FIELD(order->type, rlts_code), CHECK_MATCH,
               order->rlts_code, row->rlts_code);
    }
    return true;
}

static bool kind_allowed(const struct wallet_input *input, const struct person *person,
                         struct wallet_decision *decision)
{
    const uint32_t kind = input->order->rlts_code;
    const int64_t kinds =
        params_value(input->params, PARAM_RELATIVES, person_area(person), input->now_ms);
    if (kind != 0 && kind <= RELATION_KINDS && (kinds >> (kind - 1) & 1) != 0) return true;
    return refuse(decision, ERROR_RELATION_KIND, WALLET_FIELD(input->order->type, rlts_code),
                  CHECK_STATE, kind, kinds);
}

/* The first source is an employee's personal account. Where a wallet may be passed on, whoever is
 * in basic insurance may be the giver of a relation. */
static bool giver_fits(const struct wallet_input *input, const struct person *person,
                       struct wallet_decision *decision)
{
    const uint32_t field = WALLET_FIELD(input->order->type, psn_key);
    const struct insured_row *insured = &person->insured;
    const bool passing_on =
        params_value(input->params, PARAM_SOURCE_WALLET, person_area(person), input->now_ms) != 0;
    if (insured->insutype != INSUTYPE_EMPLOYEE &&
        !(passing_on && basic_insurance(insured->insutype))) {
        return refuse(decision, ERROR_GIVER_INSUTYPE, field, CHECK_STATE, insured->insutype,
                      INSUTYPE_EMPLOYEE);
    }
    if (!person_may_give(person)) {
        return refuse(decision, ERROR_INSURED_STATE, field, CHECK_STATE, insured->state,
                      INSURED_NORMAL);
    }
    return true;
}

static bool receiver_fits(const struct wallet_input *input, struct wallet_decision *decision)
{
    const struct wallet_fact *fact = input->fact;
    const uint32_t field = WALLET_FIELD(input->order->type, other_key);
    if (fact->insured_state != INSURED_NORMAL) {
        return refuse(decision, ERROR_RECEIVER_INSURANCE, field, CHECK_STATE, fact->insured_state,
                      INSURED_NORMAL);
    }
    if (!basic_insurance(fact->insutype)) {
        return refuse(decision, ERROR_RECEIVER_INSURANCE, field, CHECK_STATE, fact->insutype, 0);
    }
    return true;
}

static bool both_have_room(const struct wallet_input *input, const struct person *person,
                           struct wallet_decision *decision)
{
    const uint16_t type = input->order->type;
    if (person->relation_count == RELATIONS_MAX) {
        return refuse(decision, ERROR_TOO_MANY, WALLET_FIELD(type, psn_key), CHECK_RANGE,
                      RELATIONS_MAX + 1, RELATIONS_MAX);
    }
    if (input->fact->relations >= RELATIONS_MAX) {
        return refuse(decision, ERROR_TOO_MANY, WALLET_FIELD(type, other_key), CHECK_RANGE,
                      RELATIONS_MAX + 1, RELATIONS_MAX);
    }
    return true;
}

void judge_bind(const struct wallet_input *input, struct person *person,
                struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    ENSURE(input->fact != NULL);
    const struct psn_key other = input->fact->psn_key;

    if (!sender_is_app(input, decision) || !both_agree(order, decision) ||
        bound_before(order, person, &other, decision) || !kind_allowed(input, person, decision) ||
        !giver_fits(input, person, decision) || !receiver_fits(input, decision) ||
        !both_have_room(input, person, decision)) {
        return;
    }
    struct relation_row *row = &person->relations[person->relation_count++];
    *row = (struct relation_row){
        .other = other,
        .side = SIDE_GIVER,
        .rlts_code = order->rlts_code,
        .since_ms = input->now_ms,
    };
    wallet_id_make('R', &person->key, person->limits.next_id++, row->rlts_id);
    decision_id(decision, ID_RELATION, 0, bytes_of(row->rlts_id));

    struct effect *effect = decision_effect(decision, EFFECT_RELATION, &other);
    effect->other = person->key;
    effect->code = row->rlts_code;
    effect->admdvs = person_area(person);
    effect->at_ms = row->since_ms;
    memcpy(effect->id, row->rlts_id, sizeof effect->id);
    memcpy(decision->said.id, row->rlts_id, sizeof decision->said.id);
    decision->said.stas = STAS_DONE;
}

/* -- unbind ----------------------------------------------------------------------------------- */

static struct transfer_row *transfer_to(struct person *person, const struct psn_key *other)
{
    for (uint32_t i = 0; i < person->transfer_count; i++) {
        if (psn_same(&person->transfers[i].receiver, other)) return &person->transfers[i];
    }
    return NULL;
}

/* A relation that began anew keeps its transfers: they were submitted after it did. */
void pair_step(const struct params *params, const struct psn_key *other, int64_t now_ms,
               struct person *person, struct wallet_decision *decision)
{
    const struct transfer_row *row = transfer_to(person, other);
    const struct relation_row *relation = person_relation(person, other, SIDE_GIVER);
    if (row == NULL || (relation != NULL && relation->since_ms <= row->submitted_ms)) return;
    transfer_return(params, person, (uint32_t)(row - person->transfers), STAS_VOIDED, now_ms,
                    decision);
    if (transfer_to(person, other) == NULL) return;
    go_on(person, STEP_PAIR, decision)->other = *other;
}

/* Takes a relation of the giver's side out and tells the other side. */
static void end_relation(struct person *person, struct relation_row *row, int64_t now_ms,
                         struct wallet_decision *decision)
{
    struct effect *effect = decision_effect(decision, EFFECT_RELATION_END, &row->other);
    effect->other = person->key;
    effect->at_ms = now_ms;
    memcpy(effect->id, row->rlts_id, sizeof effect->id);
    person_drop_relation(person, (uint32_t)(row - person->relations));
}

void judge_unbind(const struct wallet_input *input, struct person *person,
                  struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    struct relation_row *row = person_relation_by_id(person, order->rlts_id);

    if (!sender_is_app(input, decision)) return;
    if (row == NULL || row->side != SIDE_GIVER) {
        refuse(decision, ERROR_NO_RELATION, WALLET_FIELD(order->type, rlts_id), CHECK_STATE, 0, 0);
        return;
    }
    const struct psn_key other = row->other;
    memcpy(decision->said.id, row->rlts_id, sizeof decision->said.id);
    decision->said.stas = STAS_DONE;
    end_relation(person, row, input->now_ms, decision);
    if (transfer_to(person, &other) != NULL) go_on(person, STEP_PAIR, decision)->other = other;
}

/* -- a giver's standing ends ------------------------------------------------------------------ */

static struct relation_row *oldest_given(struct person *person, int64_t at_ms)
{
    for (uint32_t i = 0; i < person->relation_count; i++) {
        struct relation_row *row = &person->relations[i];
        if (row->side == SIDE_GIVER && row->since_ms <= at_ms) return row;
    }
    return NULL;
}

static struct transfer_row *oldest_transfer(struct person *person, int64_t at_ms)
{
    for (uint32_t i = 0; i < person->transfer_count; i++) {
        if (person->transfers[i].submitted_ms <= at_ms) return &person->transfers[i];
    }
    return NULL;
}

/* The holder with the least key behind `told`; NULL: all were told. */
static const struct holder_row *next_holder(const struct person *person, const struct psn_key *told)
{
    const struct holder_row *next = NULL;
    for (uint32_t i = 0; i < person->holder_count; i++) {
        const struct holder_row *row = &person->holders[i];
        if (memcmp(row->holder.bytes, told->bytes, PSN_KEY_SIZE) <= 0) continue;
        if (next != NULL && memcmp(row->holder.bytes, next->holder.bytes, PSN_KEY_SIZE) > 0) {
            continue;
        }
        next = row;
    }
    return next;
}

static bool anything_given(struct person *person, int64_t at_ms, const struct psn_key *told)
{
    return oldest_given(person, at_ms) != NULL || oldest_transfer(person, at_ms) != NULL ||
           next_holder(person, told) != NULL;
}

/* A transfer's end fills an entry; and an entry that answers a push has said something already. */
static bool voids_one(const struct params *params, int64_t at_ms, int64_t now_ms,
                      struct person *person, struct wallet_decision *decision)
{
    const struct transfer_row *transfer = oldest_transfer(person, at_ms);
    if (transfer == NULL || decision->said.stas != STAS_NONE) return false;
    transfer_return(params, person, (uint32_t)(transfer - person->transfers), STAS_VOIDED, now_ms,
                    decision);
    return true;
}

/* Ends relations, then tells holders: STEP_ROWS together. Gives the last holder told. */
static struct psn_key end_and_recall(int64_t at_ms, const struct psn_key *told, int64_t now_ms,
                                     struct person *person, struct wallet_decision *decision)
{
    struct psn_key last = *told;
    int rows = 0;
    struct relation_row *relation;
    const struct holder_row *holder;
    for (; rows < STEP_ROWS && (relation = oldest_given(person, at_ms)) != NULL; rows++)
        end_relation(person, relation, now_ms, decision);
    for (; rows < STEP_ROWS && (holder = next_holder(person, &last)) != NULL; rows++) {
        struct effect *effect = decision_effect(decision, EFFECT_RECALL, &holder->holder);
        effect->other = person->key;
        effect->code = RECALL_ALL;
        last = holder->holder;
    }
    return last;
}

void state_step(const struct params *params, int64_t at_ms, const struct psn_key *told,
                int64_t now_ms, struct person *person, struct wallet_decision *decision)
{
    const struct psn_key last = voids_one(params, at_ms, now_ms, person, decision)
                                    ? *told
                                    : end_and_recall(at_ms, told, now_ms, person, decision);
    if (anything_given(person, at_ms, &last)) {
        struct effect *effect = go_on(person, STEP_STATE, decision);
        effect->at_ms = at_ms;
        effect->third = last;
    } else if (person->wallet.state != WALLET_NONE) {
        person->wallet.insu_admdvs = person->insured.insu_admdvs;
        person->wallet.insutype = person->insured.insutype;
    }
}

/* -- insured state ---------------------------------------------------------------------------- */

static bool same_state(const struct wallet_order *order, const struct insured_row *insured)
{
    return order->use == insured->state && order->insutype == insured->insutype &&
           order->insu_admdvs == insured->insu_admdvs;
}

static bool is_older(const struct wallet_order *order, const struct insured_row *insured)
{
    if (order->from != insured->eff_date) return order->from < insured->eff_date;
    return order->which < insured->seq;
}

/* True when the push changes nothing: what is stored is newer, is the same, or contradicts it. An
 * area that the person has left speaks of what has ended already. */
static bool changes_nothing(const struct wallet_order *order, const struct insured_row *insured,
                            struct wallet_decision *decision)
{
    if (insured->state == 0) return false;
    const bool same_time = order->from == insured->eff_date && order->which == insured->seq;
    if (same_time && !same_state(order, insured)) {
        refuse(decision, ERROR_CLIENT_NO_REUSED, WALLET_FIELD(order->type, which), CHECK_MATCH,
               order->use, insured->state);
        return true;
    }
    const bool left = order->use != INSURED_NORMAL && insured->state == INSURED_NORMAL &&
                      order->insu_admdvs != insured->insu_admdvs;
    if (!same_time && !left && !is_older(order, insured)) return false;
    answer_nothing("", same_time, decision);
    return true;
}

/* What was given hangs on the personal account: it ends with the standing, with employee insurance,
 * and with the area that keeps the account. */
static bool giving_ends(const struct insured_row *before, const struct insured_row *after)
{
    return after->state != INSURED_NORMAL || before->insutype != after->insutype ||
           before->insu_admdvs != after->insu_admdvs;
}

void judge_state_push(const struct wallet_input *input, struct person *person,
                      struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const struct insured_row before = person->insured;
    const struct psn_key none = {{0}};

    if (!sender_is_of(input, order->insu_admdvs, decision)) return;
    if (order->insutype > INSUTYPE_LAST) {
        refuse(decision, ERROR_UNKNOWN_CODE, WALLET_FIELD(order->type, insutype), CHECK_KNOWN,
               order->insutype, 0);
        return;
    }
    if (changes_nothing(order, &before, decision)) return;
    person->insured = (struct insured_row){
        .state = order->use,
        .insutype = order->insutype,
        .insu_admdvs = order->insu_admdvs,
        .eff_date = order->from,
        .seq = order->which,
    };
    decision->said.stas = STAS_DONE;
    if (before.state != 0 && before.insu_admdvs != order->insu_admdvs) account_leave(person);
    if (before.state != 0 && giving_ends(&before, &person->insured)) {
        state_step(input->params, input->now_ms, &none, input->now_ms, person, decision);
    }
}

/* What an area says of its insured. Nothing that is known of the person may say that another
 * province insures them. */
static bool insured_there(const struct wallet_input *input, const struct person *person,
                          struct wallet_decision *decision)
{
    const uint32_t said = input->order->insu_admdvs;
    const struct insured_row *insured = &person->insured;

    if (!sender_is_of(input, said, decision)) return false;
    if (insured->state == 0 || insured->insu_admdvs / 10000 == said / 10000) return true;
    return refuse(decision, ERROR_SENDER_NOT_ALLOWED, WALLET_FIELD(input->order->type, insu_admdvs),
                  CHECK_MATCH, said, insured->insu_admdvs);
}

/* -- switches --------------------------------------------------------------------------------- */

/* True when that switch and time is there, or a later one: answered or refused. */
static bool switched_before(const struct wallet_order *order, const struct person *person,
                            struct wallet_decision *decision)
{
    for (uint32_t i = 0; i < person->switch_count; i++) {
        const struct switch_row *row = &person->switches[i];
        if (row->which != order->which || row->eff_ms < order->eff_ms) continue;
        if (row->eff_ms == order->eff_ms && (row->on != 0) == order->flag) {
            answer_nothing("", true, decision);
        } else {
            refuse(decision, ERROR_SWITCH_INVALID, WALLET_FIELD(order->type, eff_ms), CHECK_RANGE,
                   order->eff_ms, row->eff_ms);
        }
        return true;
    }
    return false;
}

void judge_switch_push(const struct wallet_input *input, struct person *person,
                       struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;

    if (!insured_there(input, person, decision)) return;
    if (order->which != SWITCH_PHARMACY) {
        refuse(decision, ERROR_SWITCH_INVALID, WALLET_FIELD(order->type, which), CHECK_KNOWN,
               order->which, SWITCH_PHARMACY);
        return;
    }
    if (switched_before(order, person, decision)) return;
    if (person->switch_count == SWITCHES_MAX) {
        memmove(&person->switches[0], &person->switches[1],
                (SWITCHES_MAX - 1) * sizeof person->switches[0]);
        person->switch_count--;
    }
    person->switches[person->switch_count++] = (struct switch_row){
        .which = order->which,
        .on = order->flag,
        .eff_ms = order->eff_ms,
    };
    decision->said.stas = STAS_DONE;
}

/* -- filings ---------------------------------------------------------------------------------- */

static bool filed_before(const struct wallet_order *order, const struct filing_row *filing,
                         const struct person *person, struct wallet_decision *decision)
{
    for (uint32_t i = 0; i < person->filing_count; i++) {
        const struct filing_row *row = &person->filings[i];
        if (strcmp(row->filing_no, filing->filing_no) != 0) continue;
        if (memcmp(row, filing, sizeof *row) == 0) {
            answer_nothing("", true, decision);
        } else {
            refuse(decision, ERROR_FILING_INVALID, WALLET_FIELD(order->type, name), CHECK_MATCH, 0,
                   0);
        }
        return true;
    }
    return false;
}

/* Makes room by what ended before today. */
static bool filing_room(const struct wallet_input *input, struct person *person,
                        struct wallet_decision *decision)
{
    const uint32_t today = civil_day(input->now_ms);
    for (uint32_t i = 0; i < person->filing_count && person->filing_count == FILINGS_MAX; i++) {
        if (person->filings[i].to == 0 || person->filings[i].to >= today) continue;
        memmove(&person->filings[i], &person->filings[i + 1],
                (person->filing_count - i - 1) * sizeof person->filings[0]);
        person->filing_count--;
    }
    if (person->filing_count < FILINGS_MAX) return true;
    return refuse(decision, ERROR_TOO_MANY, WALLET_FIELD(input->order->type, name), CHECK_RANGE,
                  FILINGS_MAX + 1, FILINGS_MAX);
}

void judge_filing_push(const struct wallet_input *input, struct person *person,
                       struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    struct filing_row filing;

    if (!insured_there(input, person, decision)) return;
    if (order->to != 0 && order->to < order->from) {
        refuse(decision, ERROR_FILING_INVALID, WALLET_FIELD(order->type, to), CHECK_RANGE,
               order->to, order->from);
        return;
    }
    memset(&filing, 0, sizeof filing);
    memcpy(filing.filing_no, order->name.data, order->name.size);
    filing.place = order->place;
    filing.from = order->from;
    filing.to = order->to;
    filing.filing_kind = order->use;
    if (filed_before(order, &filing, person, decision) || !filing_room(input, person, decision)) {
        return;
    }
    person->filings[person->filing_count++] = filing;
    decision->said.stas = STAS_DONE;
}
