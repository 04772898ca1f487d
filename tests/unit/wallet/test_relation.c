/* Who may give to whom, and what provinces push about a person. */
#include "tests/lib/unit.h"
#include "tests/lib/wallet_rig.h"
#include "types/wire.h"

enum {
    GIVER,
    RECEIVER,
    SECOND,
    THIRD,
};
#define YUNNAN   530100
#define SICHUAN  510100
#define GUIZHOU  520100
#define EMPLOYEE 310
#define RESIDENT 390

static struct wallet_rig *rig;

static int begin(void **state)
{
    (void)state;
    rig = rig_new();
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_GRANT);
    rig_rule(rig, PARAM_TRSF_MAX_COUNT, 0, 1000);
    rig_rule(rig, PARAM_TRSF_MAX_SUM, 0, 1000000000);
    assert_int_equal(rig_open(rig, GIVER, YUNNAN, EMPLOYEE), 0);
    assert_int_equal(rig_grant(rig, GIVER, 100000000), 0);
    assert_int_equal(rig_open(rig, RECEIVER, SICHUAN, RESIDENT), 0);
    assert_int_equal(rig_open(rig, SECOND, GUIZHOU, RESIDENT), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_free(rig);
    return 0;
}

static uint32_t count_out(enum outgoing_type type, uint32_t why)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rig->out_count; i++)
        count += rig->out[i].type == type && rig->out[i].why == why;
    return count;
}

/* -- bind ------------------------------------------------------------------------------------- */

static struct wallet_order bind_order(int giver, int receiver)
{
    struct wallet_order order = rig_order(rig, MESSAGE_RLTS_BIND);
    order.psn_key = rig_key_bytes(giver);
    order.other_key = rig_key_bytes(receiver);
    order.rlts_code = 2;
    order.flag = order.flag2 = true;
    return order;
}

static void test_bind(void **state)
{
    (void)state;
    char id[WALLET_ID_SIZE];
    struct wallet_order order = bind_order(GIVER, RECEIVER);
    assert_int_equal(give(rig, &order), 0);
    memcpy(id, rig->decision.said.id, sizeof id);
    assert_int_equal(rig->decision.ids[0].domain, ID_RELATION);
    assert_string_equal(rig->decision.ids[0].text, id);
    assert_int_equal(rig_person(rig, RECEIVER)->relation_count, 0);
    rig_deliver(rig);
    const struct psn_key giver = rig_key(GIVER);
    const struct relation_row *row =
        person_relation(rig_person(rig, RECEIVER), &giver, SIDE_RECEIVER);
    assert_non_null(row);
    assert_string_equal(row->rlts_id, id);
    assert_int_equal(row->rlts_code, 2);
    assert_int_equal(row->since_ms, rig->now_ms);

    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && rig->decision.dup);
    assert_string_equal(rig->decision.said.id, id);
    order.rlts_code = 3;
    assert_int_equal(give(rig, &order), ERROR_CLIENT_NO_REUSED);
    /* The other way round is another relation. */
    rig_rule(rig, PARAM_SOURCE_WALLET, 0, 1);
    assert_int_equal(rig_bind(rig, RECEIVER, GIVER), 0);
    assert_string_not_equal(rig->decision.said.id, id);
}

/* Wrong in every way, and mended one by one. */
static void test_bind_order_of_checks(void **state)
{
    (void)state;
    struct wallet_order order = bind_order(THIRD, THIRD);
    order.flag = order.flag2 = false;
    order.rlts_code = 9;
    rig_rule(rig, PARAM_SOURCE_WALLET, 0, 0);
    rig_rule(rig, PARAM_RELATIVES, 0, 1);
    rig->province = 53;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;
    assert_int_equal(give(rig, &order), ERROR_MALFORMED);
    assert_int_equal(rig->decision.failures.list[0].field, 15);
    order.flag = true;
    assert_int_equal(give(rig, &order), ERROR_MALFORMED);
    assert_int_equal(rig->decision.failures.list[0].field, 16);
    order.flag2 = true;
    assert_int_equal(give(rig, &order), ERROR_MALFORMED);
    assert_int_equal(rig->decision.failures.list[0].field, 11);
    order.other_key = rig_key_bytes(19);
    assert_int_equal(give(rig, &order), ERROR_RELATION_KIND);
    order.rlts_code = 2;
    assert_int_equal(give(rig, &order), ERROR_RELATION_KIND);
    rig_rule(rig, PARAM_RELATIVES, 0, 2);
    assert_int_equal(give(rig, &order), ERROR_GIVER_INSUTYPE); /* Nothing is known of the giver. */
    order.psn_key = rig_key_bytes(SECOND);                     /* A resident. */
    assert_int_equal(give(rig, &order), ERROR_GIVER_INSUTYPE);
    rig_rule(rig, PARAM_SOURCE_WALLET, 0, 1); /* Who may pass a wallet on. */
    assert_int_equal(give(rig, &order), ERROR_RECEIVER_INSURANCE);
    order.psn_key = rig_key_bytes(GIVER);
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_PAUSED, 20260301), 0);
    order = bind_order(GIVER, 19);
    assert_int_equal(give(rig, &order), ERROR_INSURED_STATE);
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_NORMAL, 20260302), 0);
    order = bind_order(GIVER, 19);
    assert_int_equal(give(rig, &order), ERROR_RECEIVER_INSURANCE);
    assert_int_equal(rig_state(rig, 19, YUNNAN, 340, INSURED_NORMAL, 20260302), 0);
    order = bind_order(GIVER, 19);
    assert_int_equal(give(rig, &order), ERROR_RECEIVER_INSURANCE);
    assert_int_equal(rig_state(rig, 19, YUNNAN, RESIDENT, INSURED_ENDED, 20260303), 0);
    order = bind_order(GIVER, 19);
    assert_int_equal(give(rig, &order), ERROR_RECEIVER_INSURANCE);
    assert_int_equal(rig_state(rig, 19, YUNNAN, RESIDENT, INSURED_NORMAL, 20260304), 0);
    order = bind_order(GIVER, 19);
    assert_int_equal(give(rig, &order), 0);
}

static void fill_relations(int who)
{
    struct person *person = rig_person(rig, who);
    for (uint32_t i = person->relation_count; i < RELATIONS_MAX; i++) {
        struct relation_row *row = &person->relations[i];
        memset(row, 0, sizeof *row);
        memset(row->other.bytes, (int)(0x80 + i), PSN_KEY_SIZE);
        row->side = SIDE_RECEIVER;
        row->rlts_id[0] = 'R';
    }
    person->relation_count = RELATIONS_MAX;
    rig_touch(rig, who);
}

static void test_bind_full(void **state)
{
    (void)state;
    fill_relations(GIVER);
    assert_int_equal(rig_bind(rig, GIVER, SECOND), ERROR_TOO_MANY);
    fill_relations(RECEIVER);
    assert_int_equal(rig_bind(rig, SECOND, RECEIVER), ERROR_TOO_MANY);
}

/* The receiver's list fills up between fact and news: the relation ends at the giver too, and what
 * was given meanwhile goes home. */
static void test_relation_not_kept(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    struct person *receiver = rig_person(rig, RECEIVER);
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 500), 0);
    char id[WALLET_ID_SIZE];
    memcpy(id, rig->decision.said.id, sizeof id);
    assert_int_equal(rig_accept(rig, RECEIVER, id), 0);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 600), 0);
    fill_relations(RECEIVER);
    rig_deliver(rig);
    assert_int_equal(giver->relation_count, 0);
    assert_int_equal(giver->transfer_count, 0);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(receiver->lot_count, 0);
    assert_int_equal(receiver->offer_count, 0);
    assert_int_equal(count_out(OUT_TRSF_RETURNED, STAS_VOIDED), 2);
}

/* -- unbind ----------------------------------------------------------------------------------- */

static void bind_all(void)
{
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    assert_int_equal(rig_bind(rig, RECEIVER, SECOND), 0);
    rig_deliver(rig);
}

static void test_unbind(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    struct person *receiver = rig_person(rig, RECEIVER);
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), ERROR_NO_RELATION);
    bind_all();
    for (int i = 0; i < 20; i++)
        rig_pass(rig, GIVER, RECEIVER, 1, 1000);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 555), 0);
    char id[WALLET_ID_SIZE];
    memcpy(id, rig->decision.said.id, sizeof id);
    rig_deliver(rig);
    assert_int_equal(receiver->offer_count, 1);

    rig->province = 53;
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), 0);
    assert_int_equal(giver->transfer_count, 1); /* Its end is an entry of its own. */
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_ENDED);
    assert_true(rig_deliver_from(rig, GIVER, RECEIVER));
    assert_int_equal(receiver->lot_count, 8); /* 12 of 20 are on their way. */
    rig_deliver(rig);
    assert_int_equal(receiver->lot_count, 0);
    assert_int_equal(receiver->offer_count, 0);
    assert_int_equal(receiver->relation_count, 1);
    assert_int_equal(giver->transfer_count, 0);
    assert_int_equal(giver->relation_count, 0);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(giver->hold.granted, 100000000);
    assert_int_equal(count_out(OUT_TRSF_RETURNED, STAS_VOIDED), 2);
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_ENDED);

    /* By the receiver; and a relation of the receiver's own row is not this giver's. */
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    rig_deliver(rig);
    struct wallet_order order = rig_order(rig, MESSAGE_RLTS_UNBIND);
    order.rlts_id = bytes_of(giver->relations[0].rlts_id);
    order.side = SIDE_RECEIVER;
    order.psn_key = rig_key_bytes(RECEIVER);
    assert_int_equal(give(rig, &order), ERROR_NO_RELATION);
    order.psn_key = (struct bytes){NULL, 0}; /* The id leads to the giver. */
    assert_int_equal(give(rig, &order), 0);
    rig_deliver(rig);
    assert_int_equal(receiver->relation_count, 1);
}

/* Bound again while the old lots are on their way home: what comes now stays. */
static void test_unbind_and_bind_again(void **state)
{
    (void)state;
    struct person *receiver = rig_person(rig, RECEIVER);
    bind_all();
    for (int i = 0; i < 40; i++)
        rig_pass(rig, GIVER, RECEIVER, 1, 1000);
    rig_time(rig, "2026-03-02T13:00:00");
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), 0);
    rig_time(rig, "2026-03-02T13:00:01");
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 77), 0);
    char id[WALLET_ID_SIZE];
    memcpy(id, rig->decision.said.id, sizeof id);
    assert_int_equal(rig_accept(rig, RECEIVER, id), 0);
    while (rig_deliver_from(rig, GIVER, RECEIVER))
        ;
    assert_int_equal(receiver->lot_count, 29);
    rig_deliver(rig);
    assert_int_equal(receiver->lot_count, 1);
    assert_int_equal(receiver->lots[0].amount, 77);
}

/* g -> r1 -> r2: the end of g and r1 brings home what is at r1 and not what is at r2; what r1 had
 * under way to another and comes back finds its relation dead. */
static void test_hop_and_unbind(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    struct person *first = rig_person(rig, RECEIVER);
    struct person *second = rig_person(rig, SECOND);
    bind_all();
    rig_pass(rig, GIVER, RECEIVER, 1, 10000);
    rig_pass(rig, RECEIVER, SECOND, 2, 4000);
    assert_int_equal(rig_submit(rig, RECEIVER, SECOND, 2, 1000), 0);
    rig_deliver(rig);
    assert_int_equal(person_balance(first), 5000);
    assert_int_equal(giver->holder_count, 2);

    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), 0);
    rig_deliver(rig);
    assert_int_equal(person_balance(first), 0);
    assert_int_equal(person_balance(second), 4000);
    assert_int_equal(first->transfer_count, 1);
    assert_int_equal(giver->hold.held, 5000);
    rig_time(rig, "2026-03-03T06:00:00");
    rig_deliver(rig);
    assert_int_equal(person_balance(first), 0);
    assert_int_equal(giver->hold.held, 4000);
    assert_int_equal(giver->holder_count, 1);
    assert_memory_equal(&second->lots[0].origin, &giver->key, PSN_KEY_SIZE);
    assert_memory_equal(&second->lots[0].from, &first->key, PSN_KEY_SIZE);
    assert_int_equal(second->lots[0].origin_admdvs, YUNNAN);
}

/* A relation that began anew is another one: what came by the first and was not there when it ended
 * goes home when it comes back. */
static void test_back_after_binding_anew(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    struct person *receiver = rig_person(rig, RECEIVER);
    bind_all();
    rig_pass(rig, GIVER, RECEIVER, 1, 10000);
    assert_int_equal(rig_submit(rig, RECEIVER, SECOND, 2, 1000), 0);
    rig_deliver(rig);
    rig_time(rig, "2026-03-02T13:00:00");
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), 0);
    rig_deliver(rig);
    rig_time(rig, "2026-03-02T13:00:01");
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    rig_pass(rig, GIVER, RECEIVER, 1, 77);
    assert_int_equal(giver->hold.held, 1077);
    rig_time(rig, "2026-03-03T06:00:00");
    rig_deliver(rig);
    assert_int_equal(person_balance(receiver), 77);
    assert_int_equal(giver->hold.held, 77);
}

/* -- insured state ---------------------------------------------------------------------------- */

/* All of g's everywhere goes home, also out of transfers under way between others. */
static void test_giver_ends(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    bind_all();
    assert_int_equal(rig_bind(rig, GIVER, SECOND), 0);
    rig_deliver(rig);
    for (int i = 0; i < 20; i++)
        rig_pass(rig, GIVER, RECEIVER, 1, 10000);
    rig_pass(rig, RECEIVER, SECOND, 2, 4000);
    assert_int_equal(rig_submit(rig, RECEIVER, SECOND, 2, 15000), 0);
    assert_int_equal(rig_submit(rig, GIVER, SECOND, 1, 500), 0);
    char id[WALLET_ID_SIZE];
    memcpy(id, rig->decision.said.id, sizeof id);
    rig_deliver(rig);

    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_ENDED, 20260302), 0);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 1), ERROR_NO_RELATION);
    assert_int_equal(rig_accept(rig, SECOND, id), ERROR_TRANSFER_ENDED);
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), ERROR_INSURED_STATE);
    rig_deliver(rig);
    assert_int_equal(giver->relation_count, 0);
    assert_int_equal(giver->transfer_count, 0);
    assert_int_equal(giver->holder_count, 0);
    assert_int_equal(giver->hold.held, 0);
    for (int who = RECEIVER; who <= SECOND; who++) {
        assert_int_equal(rig_person(rig, who)->lot_count, 0);
        assert_int_equal(rig_person(rig, who)->transfer_count, 0);
        assert_int_equal(rig_person(rig, who)->offer_count, 0);
        assert_int_equal(rig_person(rig, who)->relation_count, 1); /* r1 -> r2 stays. */
    }
}

/* News in every order of delivery: whatever overtakes what, all comes home. */
static void test_giver_ends_under_mail(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t chance = seed * UINT64_C(0x9e3779b97f4a7c15);
        end(NULL);
        begin(NULL);
        bind_all();
        assert_int_equal(rig_bind(rig, SECOND, RECEIVER), 0);
        rig_deliver(rig);
        rig_pass(rig, GIVER, RECEIVER, 1, 9000);
        rig_pass(rig, GIVER, RECEIVER, 1, 1000);
        for (int hop = 0; hop < 6; hop++) {
            const int from = hop % 2 == 0 ? RECEIVER : SECOND;
            const int to = hop % 2 == 0 ? SECOND : RECEIVER;
            char id[WALLET_ID_SIZE];
            if (hop == (int)(seed % 6)) {
                assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_ENDED, 20260302),
                                 0);
            }
            if (rig_submit(rig, from, to, 2, 500 + hop) == 0) {
                memcpy(id, rig->decision.said.id, sizeof id);
                (void)rig_accept(rig, to, id);
            }
            for (int i = 0; i < 3; i++) {
                chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
                (void)rig_deliver_any(rig, chance >> 33);
            }
        }
        for (int i = 0; i < 2000 && rig_mail(rig) != 0; i++) {
            chance = chance * UINT64_C(6364136223846793005) + 1442695040888963407u;
            (void)rig_deliver_any(rig, chance >> 33);
        }
        assert_int_equal(rig_mail(rig), 0);
        rig_check(rig);
        rig_time(rig, "2026-03-03T06:00:00");
        rig_deliver(rig);
        assert_int_equal(rig_person(rig, GIVER)->hold.held, 0);
        assert_int_equal(rig_person(rig, GIVER)->holder_count, 0);
        assert_int_equal(rig_person(rig, RECEIVER)->lot_count, 0);
        assert_int_equal(rig_person(rig, SECOND)->lot_count, 0);
    }
}

/* A giver who moves: the old area's money goes home to the old province; the new one gives anew. */
static void test_giver_moves(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    bind_all();
    rig_pass(rig, GIVER, RECEIVER, 1, 10000);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 300), 0);
    rig_deliver(rig);
    rig->out_count = 0;
    assert_int_equal(rig_state(rig, GIVER, GUIZHOU, EMPLOYEE, INSURED_NORMAL, 20260302), 0);
    assert_int_equal(giver->wallet.insu_admdvs, YUNNAN);
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), ERROR_INSURED_STATE);
    rig_deliver(rig);
    assert_int_equal(giver->wallet.insu_admdvs, GUIZHOU);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(rig_person(rig, RECEIVER)->lot_count, 0);
    uint32_t releases = 0;
    for (uint32_t i = 0; i < rig->out_count; i++) {
        if (rig->out[i].type != OUT_PA_RELEASE) continue;
        releases++;
        assert_int_equal(rig->out[i].dest, 24); /* Yunnan. */
    }
    assert_int_equal(releases, 2);
    /* What Yunnan says now is over; and its old pushes are older. */
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_ENDED, 20260305), 0);
    assert_true(rig->decision.nothing);
    assert_int_equal(giver->insured.insu_admdvs, GUIZHOU);
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    rig_deliver(rig);
    /* What Yunnan granted is not Guizhou's, which numbers its own. */
    assert_int_equal(giver->hold.granted, 0);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 500), ERROR_SOURCE_BALANCE);
    assert_int_equal(giver->hold.grant_seq, 0);
    assert_int_equal(rig_grant(rig, GIVER, 500), 0);
    rig_pass(rig, GIVER, RECEIVER, 1, 500);
    assert_int_equal(rig_person(rig, RECEIVER)->lots[0].origin_admdvs, GUIZHOU);
}

/* The new area grants before all is home from the old one: that is none of what it granted. */
static void test_granted_while_moving(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    bind_all();
    rig_pass(rig, GIVER, RECEIVER, 1, 10000);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 300), 0);
    assert_int_equal(rig_state(rig, GIVER, GUIZHOU, EMPLOYEE, INSURED_NORMAL, 20260302), 0);
    assert_int_equal(giver->hold.granted, 10300);
    assert_int_equal(rig_grant(rig, GIVER, 10299), ERROR_SOURCE_BALANCE);
    assert_int_equal(rig_grant(rig, GIVER, 10400), 0);
    rig_deliver(rig);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(giver->hold.granted, 100);
    assert_int_equal(giver->hold.grant_seq, 1);
}

/* Whose account nobody keeps any more and who has no wallet: a grant ends all the same. */
static void test_moves_without_a_wallet(void **state)
{
    (void)state;
    const struct person *person = rig_person(rig, THIRD);
    assert_int_equal(rig_state(rig, THIRD, YUNNAN, EMPLOYEE, INSURED_NORMAL, 20260301), 0);
    assert_int_equal(rig_grant(rig, THIRD, 500), 0);
    assert_int_equal(rig_state(rig, THIRD, YUNNAN, EMPLOYEE, INSURED_PAUSED, 20260302), 0);
    assert_int_equal(rig_state(rig, THIRD, YUNNAN, EMPLOYEE, INSURED_NORMAL, 20260303), 0);
    assert_int_equal(person->hold.granted, 500);
    assert_int_equal(rig_state(rig, THIRD, GUIZHOU, EMPLOYEE, INSURED_NORMAL, 20260304), 0);
    assert_int_equal(person->hold.granted, 0);
    assert_int_equal(person->hold.grant_seq, 0);
}

static void test_push_order(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    struct wallet_order order = rig_order(rig, MESSAGE_PSN_STATE_PUSH);
    order.psn_key = rig_key_bytes(GIVER);
    order.insu_admdvs = YUNNAN;
    order.insutype = EMPLOYEE;
    order.use = INSURED_PAUSED;
    order.from = 20260302;
    order.which = 2;
    rig->province = 51;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 53;
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(giver->insured.state, INSURED_PAUSED);
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && rig->decision.dup);
    order.use = INSURED_NORMAL;
    assert_int_equal(give(rig, &order), ERROR_CLIENT_NO_REUSED);
    order.which = 1;
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && !rig->decision.dup);
    order.from = 20260301;
    order.which = 9;
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(giver->insured.state, INSURED_PAUSED);
    order.from = 20260302;
    order.which = 3;
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(giver->insured.state, INSURED_NORMAL);
    order.insutype = 1000;
    order.which = 4;
    assert_int_equal(give(rig, &order), ERROR_UNKNOWN_CODE);
}

/* A receiver's own loss of insurance leaves the lots (docs/rules.md): only giving ends. */
static void test_receiver_ends(void **state)
{
    (void)state;
    bind_all();
    rig_pass(rig, GIVER, RECEIVER, 1, 10000);
    rig_pass(rig, RECEIVER, SECOND, 2, 4000);
    assert_int_equal(rig_state(rig, RECEIVER, SICHUAN, RESIDENT, INSURED_ENDED, 20260302), 0);
    rig_deliver(rig);
    assert_int_equal(person_balance(rig_person(rig, RECEIVER)), 6000);
    /* The relation in which this person gives has ended, and what it passed on came home. */
    assert_int_equal(rig_person(rig, SECOND)->relation_count, 0);
    assert_int_equal(person_balance(rig_person(rig, SECOND)), 0);
    assert_int_equal(rig_person(rig, GIVER)->hold.held, 6000);
    assert_int_equal(rig_person(rig, RECEIVER)->relation_count, 1);
}

/* More relations, transfers and holders than one entry takes. */
static void test_giver_ends_large(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    for (int who = SECOND + 1; who < RIG_PERSONS; who++) {
        assert_int_equal(rig_open(rig, who, SICHUAN, RESIDENT), 0);
    }
    for (int who = RECEIVER; who < RIG_PERSONS; who++) {
        assert_int_equal(rig_bind(rig, GIVER, who), 0);
    }
    rig_deliver(rig);
    for (int who = RECEIVER; who < RIG_PERSONS; who++)
        rig_pass(rig, GIVER, who, 1, 100);
    for (int who = RECEIVER; who < RECEIVER + TRANSFERS_MAX; who++)
        assert_int_equal(rig_submit(rig, GIVER, who, 1, 50), 0);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER + TRANSFERS_MAX, 1, 50), ERROR_TOO_MANY);
    rig_deliver(rig);
    assert_int_equal(giver->holder_count, RIG_PERSONS - 1);
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_PAUSED, 20260302), 0);
    assert_int_equal(giver->relation_count, RIG_PERSONS - 1 - 12);
    rig_deliver(rig);
    assert_int_equal(giver->relation_count, 0);
    assert_int_equal(giver->transfer_count, 0);
    assert_int_equal(giver->holder_count, 0);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(count_out(OUT_TRSF_RETURNED, STAS_VOIDED), 2 * TRANSFERS_MAX);
}

/* Insured again before all has ended: what still ends takes along what was accepted meanwhile. */
static void test_giver_ends_and_is_back(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    const int last = RIG_PERSONS - 1;
    assert_int_equal(rig_open(rig, last, SICHUAN, RESIDENT), 0);
    for (int who = RECEIVER; who < RIG_PERSONS; who++) {
        if (who > SECOND && who < last) {
            assert_int_equal(rig_open(rig, who, SICHUAN, RESIDENT), 0);
        }
        assert_int_equal(rig_bind(rig, GIVER, who), 0);
    }
    assert_int_equal(rig_submit(rig, GIVER, last, 1, 50), 0);
    char id[WALLET_ID_SIZE];
    memcpy(id, rig->decision.said.id, sizeof id);
    rig_deliver(rig);
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_PAUSED, 20260302), 0);
    rig_time(rig, "2026-03-02T12:00:01");
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_NORMAL, 20260303), 0);
    assert_int_equal(rig_accept(rig, last, id), 0);
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0); /* Anew: this one stays. */
    rig_deliver(rig);
    assert_int_equal(giver->relation_count, 1);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(rig_person(rig, last)->lot_count, 0);
}

/* -- switches, filings ------------------------------------------------------------------------ */

static struct wallet_order switch_order(bool on, int64_t eff_ms)
{
    struct wallet_order order = rig_order(rig, MESSAGE_AUTH_SWITCH_PUSH);
    order.psn_key = rig_key_bytes(THIRD);
    order.insu_admdvs = 350100;
    order.which = 1;
    order.flag = on;
    order.eff_ms = eff_ms;
    return order;
}

static void test_switches(void **state)
{
    (void)state;
    const struct person *person = rig_person(rig, THIRD);
    struct wallet_order order = switch_order(true, 1000);
    rig->province = 53;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 35;
    order.which = 2;
    assert_int_equal(give(rig, &order), ERROR_SWITCH_INVALID);
    order.which = 1;
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && rig->decision.dup);
    order.flag = false;
    assert_int_equal(give(rig, &order), ERROR_SWITCH_INVALID);
    order.eff_ms = 999;
    assert_int_equal(give(rig, &order), ERROR_SWITCH_INVALID);
    for (int64_t at = 2000; at < 12000; at += 1000) {
        order = switch_order(at % 2000 == 0, at);
        assert_int_equal(give(rig, &order), 0);
    }
    assert_int_equal(person->switch_count, SWITCHES_MAX); /* The oldest have gone. */
    assert_int_equal(person->switches[0].eff_ms, 4000);
    assert_int_equal(person->switches[SWITCHES_MAX - 1].eff_ms, 11000);
}

static struct wallet_order filing_order(const char *number, uint32_t from, uint32_t to)
{
    struct wallet_order order = rig_order(rig, MESSAGE_FILING_PUSH);
    order.psn_key = rig_key_bytes(THIRD);
    order.insu_admdvs = 350100;
    order.place = SICHUAN;
    order.name = bytes_of(number);
    order.from = from;
    order.to = to;
    return order;
}

static void test_filings(void **state)
{
    (void)state;
    const struct person *person = rig_person(rig, THIRD);
    char numbers[FILINGS_MAX + 1][8] = {{0}};
    struct wallet_order order = filing_order("F", 20260301, 20260228);
    rig->province = 53;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 35;
    assert_int_equal(give(rig, &order), ERROR_FILING_INVALID);
    order.to = 20260301;
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && rig->decision.dup);
    order.place = YUNNAN;
    assert_int_equal(give(rig, &order), ERROR_FILING_INVALID);
    for (int i = 1; i < FILINGS_MAX; i++) {
        numbers[i][0] = (char)('A' + i % 26);
        numbers[i][1] = (char)('A' + i / 26);
        order = filing_order(numbers[i], 20260101, 0);
        assert_int_equal(give(rig, &order), 0);
    }
    assert_int_equal(person->filing_count, FILINGS_MAX);
    order = filing_order("LAST", 20260101, 0);
    assert_int_equal(give(rig, &order), 0); /* "F" has ended and makes room. */
    assert_int_equal(person->filing_count, FILINGS_MAX);
    order = filing_order("NOROOM", 20260101, 0);
    assert_int_equal(give(rig, &order), ERROR_TOO_MANY);
}

/* Nobody speaks for the insured of another province, by whatever area of its own. */
static void test_pushed_by_another_province(void **state)
{
    (void)state;
    const struct person *person = rig_person(rig, THIRD);
    assert_int_equal(rig_open(rig, THIRD, 350200, RESIDENT), 0);
    struct wallet_order push = switch_order(true, 1000);
    struct wallet_order filing = filing_order("F", 20260301, 0);
    push.insu_admdvs = filing.insu_admdvs = YUNNAN;
    rig->province = 53;
    assert_int_equal(give(rig, &push), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(give(rig, &filing), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;
    assert_int_equal(give(rig, &push), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(person->switch_count + person->filing_count, 0);
    rig->province = 35; /* Another city of the same one. */
    push.insu_admdvs = filing.insu_admdvs = 350100;
    assert_int_equal(give(rig, &push), 0);
    assert_int_equal(give(rig, &filing), 0);
}

/* Where more than one transfer of a pair may wait, each of them ends by an entry of its own. */
static void test_unbind_under_many(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    rig_rule(rig, PARAM_PENDING_SCOPE, 0, PENDING_NONE);
    rig->one_a_pair = false;
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    assert_int_equal(rig_bind(rig, GIVER, SECOND), 0);
    rig_deliver(rig);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 100 + i), 0);
    assert_int_equal(rig_submit(rig, GIVER, SECOND, 1, 1000), 0);
    rig_deliver(rig);
    assert_int_equal(giver->transfer_count, 4);
    assert_int_equal(rig_person(rig, RECEIVER)->offer_count, 3);
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), 0);
    rig_deliver(rig);
    assert_int_equal(giver->transfer_count, 1);
    assert_int_equal(giver->hold.held, 1000); /* The other pair's stays. */
    assert_int_equal(rig_person(rig, RECEIVER)->offer_count, 0);
    assert_int_equal(count_out(OUT_TRSF_RETURNED, STAS_VOIDED), 6); /* Both sides hear of each. */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_bind),
        TEST(test_bind_order_of_checks),
        TEST(test_bind_full),
        TEST(test_relation_not_kept),
        TEST(test_unbind),
        TEST(test_unbind_and_bind_again),
        TEST(test_unbind_under_many),
        TEST(test_hop_and_unbind),
        TEST(test_back_after_binding_anew),
        TEST(test_giver_ends),
        TEST(test_giver_ends_under_mail),
        TEST(test_giver_moves),
        TEST(test_granted_while_moving),
        TEST(test_moves_without_a_wallet),
        TEST(test_push_order),
        TEST(test_receiver_ends),
        TEST(test_giver_ends_large),
        TEST(test_giver_ends_and_is_back),
        TEST(test_switches),
        TEST(test_filings),
        TEST(test_pushed_by_another_province),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
