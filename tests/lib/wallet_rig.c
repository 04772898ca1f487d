#include "tests/lib/wallet_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/mail.h"
#include "codec/wallet.h"
#include "journal/entry.h"
#include "tests/lib/plain_laws.h"
#include "tests/lib/unit.h"
#include "types/wire.h"

#define MAIL_MAX 8192
#define PAST_MAX 4096

struct mail {
    int from;
    int to;
    struct effect effect;
};

struct rig_world {
    struct person live[RIG_PERSONS];
    struct person replica[RIG_PERSONS]; /* By ops alone. */
    uint32_t mail_count;
    struct mail mail[MAIL_MAX]; /* Oldest first. */
    uint32_t past_count;
    struct rig_past past[PAST_MAX];
    uint32_t next_number;
    char numbers[2][16]; /* msgid and client_no of the latest order. */
    char id[WALLET_ID_SIZE];
    uint64_t next_seq;
    bool sweeping; /* Some that are due now were not asked yet. */
};

/* -- persons ---------------------------------------------------------------------------------- */

struct psn_key rig_key(int who)
{
    struct psn_key key;
    memset(key.bytes, 0x10 + who, sizeof key.bytes);
    return key;
}

struct bytes rig_key_bytes(int who)
{
    static struct psn_key keys[RIG_PERSONS];
    keys[who] = rig_key(who);
    return (struct bytes){keys[who].bytes, PSN_KEY_SIZE};
}

static int who_is(const uint8_t *key)
{
    for (int who = 0; who < RIG_PERSONS; who++) {
        const struct psn_key its = rig_key(who);
        if (memcmp(its.bytes, key, PSN_KEY_SIZE) == 0) return who;
    }
    fail_msg("a key of nobody here");
    return 0;
}

struct person *rig_person(struct wallet_rig *rig, int who)
{
    return &rig->world->live[who];
}

void rig_touch(struct wallet_rig *rig, int who)
{
    person_copy(&rig->world->replica[who], &rig->world->live[who]);
}

struct wallet_rig *rig_new(void)
{
    struct wallet_rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->world = calloc(1, sizeof *rig->world);
    assert_non_null(rig->world);
    for (int who = 0; who < RIG_PERSONS; who++) {
        person_clear(&rig->world->live[who], rig_key(who));
        person_clear(&rig->world->replica[who], rig_key(who));
    }
    params_init(&rig->params);
    rig_rule(rig, PARAM_WALLET_ENABLED, 0, 1);
    rig->now_ms = shanghai_ms("2026-03-02T12:00:00");
    rig->time_known = true;
    rig->one_a_pair = true;
    rig->world->next_seq = 1;
    return rig;
}

void rig_free(struct wallet_rig *rig)
{
    free(rig->world);
    free(rig);
}

void rig_rule(struct wallet_rig *rig, enum param param, uint32_t admdvs, int64_t value)
{
    const struct rule_row row = {.admdvs = admdvs, .param = param, .value = value};
    assert_true(params_put(&rig->params, &row));
}

/* -- invariants ------------------------------------------------------------------------------- */

static void check_rows(const struct person *person)
{
    for (uint32_t i = 0; i < person->lot_count; i++) {
        assert_true(person->lots[i].amount > 0); /* (I3) */
        assert_true(i == 0 || person->lots[i - 1].number < person->lots[i].number);
    }
    for (uint32_t i = 0; i < person->transfer_count; i++)
        assert_true(person->transfers[i].amount > 0);
    assert_true(person->limits.sum >= 0);
}

static int64_t own_under_way(const struct person *person)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < person->transfer_count; i++) {
        const struct transfer_row *row = &person->transfers[i];
        if (row->src == 1 && row->state == TRANSFER_PENDING) sum += row->amount;
    }
    return sum;
}

/* (I5), and held as the giver's own rows say it. */
static void check_hold(const struct person *person)
{
    const struct hold_row *hold = &person->hold;
    int64_t held = own_under_way(person);
    for (uint32_t i = 0; i < person->holder_count; i++)
        held += person->holders[i].amount;
    assert_int_equal(hold->held, held);
    assert_true(hold->held >= 0 && hold->consumed >= 0);
    assert_true(hold->granted - hold->held - hold->consumed >= 0);
}

static int64_t lots_of(const struct lot *lots, uint32_t count, const struct psn_key *origin)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (psn_same(&lots[i].origin, origin)) sum += lots[i].amount;
    }
    return sum;
}

/* In a wallet and in transfers that carry lots. */
static int64_t has_of(const struct person *person, const struct psn_key *origin)
{
    int64_t sum = lots_of(person->lots, person->lot_count, origin);
    for (uint32_t i = 0; i < person->transfer_count; i++)
        sum += lots_of(person->transfers[i].lots, person->transfers[i].lot_count, origin);
    return sum;
}

/* What the mail on its way says of an origin's money: lots in it, and news not yet heard. */
static int64_t mail_of(const struct rig_world *world, const struct psn_key *origin)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < world->mail_count; i++) {
        const struct effect *effect = &world->mail[i].effect;
        if (effect->kind == EFFECT_CREDIT) {
            sum += lots_of(effect->lots, effect->lot_count, origin);
        }
        if (effect->kind != EFFECT_HELD || !psn_same(&effect->to, origin)) continue;
        if (effect->why == HELD_SPENT || effect->why == HELD_RELEASED) sum += effect->amount;
        if (effect->why == HELD_RESTORED) sum -= effect->amount;
    }
    return sum;
}

/* (I4) over all shards. */
static void check_origin(struct wallet_rig *rig, int giver)
{
    const struct rig_world *world = rig->world;
    const struct person *person = &world->live[giver];
    int64_t there = own_under_way(person) + mail_of(world, &person->key);
    for (int who = 0; who < RIG_PERSONS; who++) {
        const int64_t has = has_of(&world->live[who], &person->key);
        const struct holder_row *row = person_holder(rig_person(rig, giver), &world->live[who].key);
        if (world->mail_count == 0) assert_int_equal(row == NULL ? 0 : row->amount, has);
        there += has;
    }
    assert_int_equal(person->hold.held, there);
}

static void check_transfers(const struct wallet_rig *rig, const struct person *person)
{
    for (uint32_t i = 0; i < person->transfer_count; i++) {
        const struct transfer_row *row = &person->transfers[i];
        assert_true(rig->world->sweeping || rig->now_ms < row->exp_ms); /* (I12) */
        for (uint32_t k = 0; k < i && rig->one_a_pair; k++)
            assert_false(psn_same(&person->transfers[k].receiver, &row->receiver)); /* (I13) */
    }
}

/* With no mail on the way both sides know the same relations and offers, and every lot hangs on a
 * relation. */
static void check_pair(struct wallet_rig *rig, int giver, int receiver)
{
    const struct psn_key from = rig_key(giver);
    const struct psn_key to = rig_key(receiver);
    struct person *receiving = rig_person(rig, receiver);
    const struct relation_row *given = person_relation(rig_person(rig, giver), &to, SIDE_GIVER);
    const struct relation_row *taken = person_relation(receiving, &from, SIDE_RECEIVER);
    assert_int_equal(given != NULL, taken != NULL);
    if (given != NULL) assert_string_equal(given->rlts_id, taken->rlts_id);
    for (uint32_t i = 0; i < receiving->lot_count; i++)
        assert_false(taken == NULL && psn_same(&receiving->lots[i].from, &from));
    for (uint32_t i = 0; i < rig_person(rig, giver)->transfer_count; i++) {
        const struct transfer_row *row = &rig_person(rig, giver)->transfers[i];
        if (row->state != TRANSFER_PENDING || !psn_same(&row->receiver, &to)) continue;
        assert_non_null(person_offer(receiving, bytes_of(row->trsf_id)));
    }
}

static void check_pairs(struct wallet_rig *rig)
{
    for (int giver = 0; giver < RIG_PERSONS; giver++) {
        for (int receiver = 0; receiver < RIG_PERSONS; receiver++)
            check_pair(rig, giver, receiver);
    }
}

void rig_check(struct wallet_rig *rig)
{
    if (rig->world->mail_count == 0) check_pairs(rig);
    for (int who = 0; who < RIG_PERSONS; who++) {
        check_rows(&rig->world->live[who]);
        check_hold(&rig->world->live[who]);
        check_origin(rig, who);
        check_transfers(rig, &rig->world->live[who]);
    }
}

/* -- entries ---------------------------------------------------------------------------------- */

static void apply(struct bytes ops, struct person *person)
{
    struct op op;
    bool bad;
    while (ops_next(&ops, &op, &bad)) {
        if (op.op == OP_PUT || op.op == OP_DROP) assert_true(op_apply(&op, person));
    }
    assert_false(bad);
}

static void same_packed(const struct person *a, const struct person *b)
{
    static uint8_t bytes[2][PERSON_PACKED_MAX];
    static struct person again;
    const size_t size = person_pack(a, bytes[0]);
    assert_int_equal(person_pack(b, bytes[1]), size);
    assert_memory_equal(bytes[0], bytes[1], size);
    assert_true(person_unpack((struct bytes){bytes[0], size}, a->key, &again));
    assert_int_equal(person_pack(&again, bytes[1]), size);
    assert_memory_equal(bytes[0], bytes[1], size);
}

/* `beside`: bytes of the message and of a fact, or of the batch of mail, in the same entry. */
static size_t write_entry(const struct wallet_decision *d, const struct person *before,
                          const struct person *after, size_t beside, uint8_t *out)
{
    struct ops_writer writer;
    const struct bytes none = {NULL, 0};
    ops_begin(&writer, out, ENTRY_BODY_MAX - beside, 0, none, none);
    put_decision(&writer, d, before, after);
    for (uint32_t i = 0; i < d->id_count; i++)
        ops_put_id(&writer, d->ids[i].domain, d->ids[i].scope, bytes_of(d->ids[i].text));
    if (writer.full) fail_msg("the entry is too large");
    return writer.size;
}

static struct rig_past *past_by(struct wallet_rig *rig, const char *id)
{
    for (uint32_t i = 0; i < rig->world->past_count; i++) {
        if (strcmp(rig->world->past[i].past.id, id) == 0) return &rig->world->past[i];
    }
    return NULL;
}

/* What an order means by the id or the settlement it names. */
static struct rig_past *past_meant(struct wallet_rig *rig, const struct wallet_order *order)
{
    const struct bytes id = order->trsf_id.size != 0 ? order->trsf_id : order->pay_id;
    for (uint32_t i = 0; i < rig->world->past_count; i++) {
        struct rig_past *known = &rig->world->past[i];
        if (id.size != 0 && bytes_equal(id, bytes_of(known->past.id))) return known;
        if (id.size == 0 && order->setl_id.size != 0 && known->past.type != order->type &&
            bytes_equal(order->setl_id, known->past.setl_id)) {
            return known;
        }
    }
    return NULL;
}

/* Remembers what the entry of an id would say later; an end, or what was taken back, is a mark on
 * it. */
static void remember(struct wallet_rig *rig, const struct wallet_order *order, int who)
{
    struct rig_world *world = rig->world;
    const struct wallet_decision *d = &rig->decision;
    struct rig_past *known = past_by(rig, d->said.id);
    if (order != NULL &&
        (order->type == MESSAGE_WLT_PAY_REVERSE || order->type == MESSAGE_PREM_REVERSE)) {
        struct rig_past *paid = past_meant(rig, order);
        if (paid != NULL) paid->past.reversed += d->said.amount;
        return;
    }
    if (known != NULL) {
        known->past.stas = d->said.stas;
        known->past.code = d->said.stas == STAS_REFUSED ? d->said.number : 0;
        return;
    }
    if (order == NULL || d->id_count == 0) return;
    assert_true(world->past_count < PAST_MAX);
    known = &world->past[world->past_count++];
    memset(known, 0, sizeof *known);
    struct wallet_past *past = &known->past;
    past->found = true;
    past->type = order->type;
    past->seq = world->next_seq;
    past->person = rig_key(who);
    if (order->other_key.size == PSN_KEY_SIZE) {
        memcpy(past->other.bytes, order->other_key.data, PSN_KEY_SIZE);
    }
    memcpy(past->id, d->said.id, sizeof past->id);
    past->amount = d->said.amount;
    past->stas = d->said.stas;
    past->place = order->mdtrtarea_admvs != 0 ? order->mdtrtarea_admvs : order->insu_admdvs;
    past->use_loc = rig_person(rig, who)->wallet.use_loc_admdvs;
    past->line = d->debt_count != 0 ? d->debts[0].line : 0;
    past->insutype = order->insutype;
    past->year = order->year;
    past->used_count = d->used_count;
    memcpy(past->used, d->used, d->used_count * sizeof d->used[0]);
    if (order->setl_id.size != 0) {
        memcpy(known->setl_id, order->setl_id.data, order->setl_id.size);
        past->setl_id = bytes_of(known->setl_id);
    }
}

static void send_effects(struct wallet_rig *rig, int from)
{
    struct rig_world *world = rig->world;
    for (uint32_t i = 0; i < rig->decision.effect_count; i++) {
        const struct effect *effect = &rig->decision.effects[i];
        assert_true(world->mail_count < MAIL_MAX);
        world->mail[world->mail_count++] =
            (struct mail){.from = from, .to = who_is(effect->to.bytes), .effect = *effect};
    }
}

static void collect(struct wallet_rig *rig)
{
    const struct wallet_decision *d = &rig->decision;
    assert_true(rig->out_count + d->out_count <= RIG_OUT_MAX);
    for (uint32_t i = 0; i < d->out_count; i++) {
        assert_true(d->out[i].dest < OUTBOX_COUNT);
        rig->out[rig->out_count++] = d->out[i];
    }
    assert_true(rig->debt_count + d->debt_count <= RIG_OUT_MAX);
    for (uint32_t i = 0; i < d->debt_count; i++)
        rig->debts[rig->debt_count++] = d->debts[i];
}

/* The person's next state is `after`: as an entry, to both copies. Refused or nothing: as it was.
 */
static void commit(struct wallet_rig *rig, const struct wallet_order *order, int who,
                   const struct person *after)
{
    static uint8_t body[ENTRY_BODY_MAX];
    struct rig_world *world = rig->world;
    struct person *live = &world->live[who];
    struct person *replica = &world->replica[who];
    struct wallet_entry entry;

    rig->code = rig->decision.failures.count == 0 ? 0 : rig->decision.failures.list[0].code;
    if (rig->code != 0 || rig->decision.nothing) {
        if (rig->code == 0) same_packed(live, after);
        return;
    }
    if (order != NULL) plain_order_law(&rig->decision, live, after);
    const size_t beside = order == NULL ? MAIL_BATCH_MAX : 500;
    const size_t size = write_entry(&rig->decision, live, after, beside, body);
    assert_true(wallet_entry_decode((struct bytes){body, size}, &entry));
    apply(entry.ops, replica);
    person_copy(live, after);
    live->head.last_seq = replica->head.last_seq = world->next_seq;
    live->head.due_ms = person_due(live);
    replica->head.due_ms = person_due(replica);
    same_packed(live, replica);
    remember(rig, order, who);
    world->next_seq++;
    send_effects(rig, who);
    collect(rig);
    rig_check(rig);
}

/* -- orders ----------------------------------------------------------------------------------- */

static int decider_of(const struct wallet_order *order)
{
    const struct bytes ids[] = {order->wlt_id, order->rlts_id, order->trsf_id, order->pay_id,
                                order->reserve_id};
    uint8_t first[4];
    if (order->psn_key.size == PSN_KEY_SIZE) return who_is(order->psn_key.data);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (wallet_id_route(ids[i], first)) return first[0] - 0x10;
    }
    fail_msg("an order for nobody");
    return 0;
}

static const struct wallet_past *past_of(struct wallet_rig *rig, const struct wallet_order *order)
{
    if (rig->past != NULL) return rig->past;
    const struct rig_past *known = past_meant(rig, order);
    return known == NULL ? NULL : &known->past;
}

/* The first stop; false when it refused. */
static bool first_stop(struct wallet_rig *rig, struct wallet_input *input,
                       struct wallet_fact *ret_fact)
{
    static struct person after;
    const int other = who_is(input->order->other_key.data);
    person_copy(&after, &rig->world->live[other]);
    wallet_fact_of(input, &after, ret_fact, &rig->decision);
    commit(rig, NULL, other, &after);
    return rig->code == 0;
}

uint16_t give(struct wallet_rig *rig, const struct wallet_order *order)
{
    static struct person after;
    struct wallet_fact fact;
    struct wallet_input input = {
        .order = order,
        .params = &rig->params,
        .institution = rig->institution,
        .past = past_of(rig, order),
        .now_ms = rig->now_ms,
        .time_known = rig->time_known,
        .province = rig->province,
    };
    wallet_decision_begin(&rig->decision);
    wallet_order_check(order, &rig->decision.failures);
    rig->code = rig->decision.failures.count == 0 ? 0 : rig->decision.failures.list[0].code;
    if (rig->code != 0) return rig->code;

    if (wallet_asks_other(order->type)) {
        if (!first_stop(rig, &input, &fact)) return rig->code;
        input.fact = &fact;
    }
    const int who = decider_of(order);
    person_copy(&after, &rig->world->live[who]);
    wallet_judge(&input, &after, &rig->decision);
    if (rig->decision.failures.count == 0 && order->type == MESSAGE_TRSF_ACCEPT) {
        const struct psn_key other = fact.psn_key;
        assert_non_null(person_relation(&rig->world->live[who], &other, SIDE_GIVER)); /* (I14) */
    }
    commit(rig, order, who, &after);
    return rig->code;
}

struct wallet_order rig_order(struct wallet_rig *rig, uint16_t type)
{
    struct rig_world *world = rig->world;
    world->next_number++;
    for (int i = 0; i < 2; i++) {
        snprintf(world->numbers[i], sizeof world->numbers[i], "%c%u", "MC"[i],
                 world -> next_number);
    }
    return (struct wallet_order){
        .type = type,
        .msgid = bytes_of(world->numbers[0]),
        .client_no = bytes_of(world->numbers[1]),
        .sender_admdvs = 110000,
    };
}

uint16_t rig_open(struct wallet_rig *rig, int who, uint32_t admdvs, uint32_t insutype)
{
    struct wallet_order order = rig_order(rig, MESSAGE_WLT_OPEN);
    order.psn_key = rig_key_bytes(who);
    order.insu_admdvs = order.use_loc_admdvs = admdvs;
    order.insutype = insutype;
    return give(rig, &order);
}

uint16_t rig_bind(struct wallet_rig *rig, int giver, int receiver)
{
    struct wallet_order order = rig_order(rig, MESSAGE_RLTS_BIND);
    order.psn_key = rig_key_bytes(giver);
    order.other_key = rig_key_bytes(receiver);
    order.rlts_code = 2;
    order.flag = order.flag2 = true;
    return give(rig, &order);
}

uint16_t rig_unbind(struct wallet_rig *rig, int giver, int receiver)
{
    const struct psn_key other = rig_key(receiver);
    const struct relation_row *row = person_relation(rig_person(rig, giver), &other, SIDE_GIVER);
    struct wallet_order order = rig_order(rig, MESSAGE_RLTS_UNBIND);
    memset(rig->world->id, 0, sizeof rig->world->id);
    if (row != NULL) memcpy(rig->world->id, row->rlts_id, sizeof rig->world->id);
    order.rlts_id = bytes_of(row != NULL ? rig->world->id : "R0");
    order.psn_key = rig_key_bytes(giver);
    order.side = SIDE_GIVER;
    return give(rig, &order);
}

uint16_t rig_grant(struct wallet_rig *rig, int giver, int64_t granted)
{
    const struct person *person = rig_person(rig, giver);
    struct wallet_order order = rig_order(rig, MESSAGE_PA_GRANT);
    order.psn_key = rig_key_bytes(giver);
    order.insu_admdvs = person->insured.insu_admdvs;
    order.amount = granted;
    order.which = person->hold.grant_seq + 1;
    return give(rig, &order);
}

uint16_t rig_state(struct wallet_rig *rig, int who, uint32_t admdvs, uint32_t insutype,
                   uint32_t state, uint32_t eff_date)
{
    struct wallet_order order = rig_order(rig, MESSAGE_PSN_STATE_PUSH);
    order.psn_key = rig_key_bytes(who);
    order.insu_admdvs = admdvs;
    order.insutype = insutype;
    order.use = state;
    order.from = eff_date;
    return give(rig, &order);
}

uint16_t rig_submit(struct wallet_rig *rig, int giver, int receiver, uint32_t src, int64_t amount)
{
    struct wallet_order order = rig_order(rig, MESSAGE_TRSF_SUBMIT);
    order.psn_key = rig_key_bytes(giver);
    order.other_key = rig_key_bytes(receiver);
    order.src = src;
    order.amount = amount;
    return give(rig, &order);
}

uint16_t rig_accept(struct wallet_rig *rig, int receiver, const char *trsf_id)
{
    struct wallet_order order = rig_order(rig, MESSAGE_TRSF_ACCEPT);
    memmove(rig->world->id, trsf_id, strlen(trsf_id) + 1);
    order.trsf_id = bytes_of(rig->world->id);
    order.other_key = rig_key_bytes(receiver);
    return give(rig, &order);
}

static uint16_t hold_ack(struct wallet_rig *rig, const char *trsf_id, int64_t amount)
{
    struct wallet_order order = rig_order(rig, MESSAGE_PA_HOLD_ACK);
    order.trsf_id = bytes_of(trsf_id);
    order.amount = amount;
    return give(rig, &order);
}

void rig_pass(struct wallet_rig *rig, int giver, int receiver, uint32_t src, int64_t amount)
{
    char id[WALLET_ID_SIZE];
    assert_int_equal(rig_submit(rig, giver, receiver, src, amount), 0);
    memcpy(id, rig->decision.said.id, sizeof id);
    if (rig->decision.said.stas == STAS_HOLDING) assert_int_equal(hold_ack(rig, id, amount), 0);
    assert_int_equal(rig_accept(rig, receiver, id), 0);
    rig_deliver(rig);
}

/* -- mail ------------------------------------------------------------------------------------- */

uint32_t rig_mail(const struct wallet_rig *rig)
{
    return rig->world->mail_count;
}

/* (I14) Lots that came now hang on a relation that is there now. */
static void check_new_lots(const struct person *before, struct person *after)
{
    const uint32_t first_new = before->wallet.next_lot;
    for (uint32_t i = 0; i < after->lot_count; i++) {
        const struct lot *lot = &after->lots[i];
        if (lot->number < first_new) continue;
        assert_non_null(person_relation(after, &lot->from, SIDE_RECEIVER));
        assert_int_equal(after->wallet.state == WALLET_OPEN || after->wallet.state == WALLET_FROZEN,
                         true);
    }
}

static void deliver(struct wallet_rig *rig, uint32_t place)
{
    static struct person after;
    struct rig_world *world = rig->world;
    const struct mail mail = world->mail[place];
    uint8_t bytes[sizeof(struct effect)];
    struct effect effect;

    memmove(&world->mail[place], &world->mail[place + 1],
            (world->mail_count - place - 1) * sizeof world->mail[0]);
    world->mail_count--;
    const size_t size = effect_size(&mail.effect);
    memcpy(bytes, &mail.effect, size);
    assert_true(effect_decode((struct bytes){bytes, size}, &effect));
    person_copy(&after, &world->live[mail.to]);
    wallet_receive(&effect, &rig->params, rig->now_ms, &after, &rig->decision);
    assert_int_equal(rig->decision.failures.count, 0);
    if (effect.kind == EFFECT_CREDIT) check_new_lots(&world->live[mail.to], &after);
    plain_mail_law(&rig->decision, &effect, &world->live[mail.to], &after);
    commit(rig, NULL, mail.to, &after);
}

bool rig_deliver_from(struct wallet_rig *rig, int from, int to)
{
    for (uint32_t i = 0; i < rig->world->mail_count; i++) {
        if (rig->world->mail[i].from != from || rig->world->mail[i].to != to) continue;
        deliver(rig, i);
        return true;
    }
    return false;
}

/* A chosen mail is brought forward only over mail of other pairs. */
bool rig_deliver_any(struct wallet_rig *rig, uint64_t choice)
{
    if (rig->world->mail_count == 0) return false;
    const struct mail *mail = &rig->world->mail[choice % rig->world->mail_count];
    return rig_deliver_from(rig, mail->from, mail->to);
}

void rig_deliver(struct wallet_rig *rig)
{
    for (int i = 0; rig->world->mail_count != 0; i++) {
        assert_true(i < 100000);
        deliver(rig, 0);
    }
}

/* -- time ------------------------------------------------------------------------------------- */

static int first_due(struct wallet_rig *rig)
{
    int first = 0;
    for (int who = 1; who < RIG_PERSONS; who++) {
        if (person_due(rig_person(rig, who)) < person_due(rig_person(rig, first))) first = who;
    }
    return first;
}

void rig_time(struct wallet_rig *rig, const char *text)
{
    static struct person after;
    const int64_t to_ms = shanghai_ms(text);
    assert_true(to_ms >= rig->now_ms);
    for (;;) {
        const int who = first_due(rig);
        const int64_t due = person_due(rig_person(rig, who));
        if (due > to_ms) break;
        if (due > rig->now_ms) rig->now_ms = due;
        person_copy(&after, rig_person(rig, who));
        wallet_sweep(&rig->params, rig->now_ms, &after, &rig->decision);
        rig->world->sweeping = true;
        commit(rig, NULL, who, &after);
        rig->world->sweeping = false;
    }
    rig->now_ms = to_ms;
    rig_check(rig);
}
