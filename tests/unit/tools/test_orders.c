/* Orders of wallet and premium from the command line: every verb's own example makes a message, the
 * same words make the same ids, and what makes no sense is refused before anything is sent. */
#include <stdio.h>
#include <stdlib.h>

#include "premium.pb-c.h"
#include "tests/lib/unit.h"
#include "tools/qingfen/order.h"
#include "wallet.pb-c.h"

#define ARGS_MAX 40
#define ROOM     2048

static uint8_t packed[ROOM];

/* Splits at blanks: no word of these holds one. */
static size_t pack(const struct order_verb *verb, const char *words)
{
    static char line[1024];
    char *argv[ARGS_MAX] = {NULL};
    int argc = 0;
    char *rest = line;
    char *word;
    snprintf(line, sizeof line, "%s %s", verb->name, words);
    while ((word = strsep(&rest, " ")) != NULL && argc < ARGS_MAX - 1)
        argv[argc++] = word;
    return order_pack(verb, argc, argv, packed, ROOM);
}

static const struct order_verb *verb_of(const char *name)
{
    const struct order_verb *const lists[] = {wallet_verbs, premium_verbs};
    for (int i = 0; i < 2; i++) {
        for (const struct order_verb *verb = lists[i]; verb->name != NULL; verb++) {
            if (strcmp(verb->name, name) == 0 && (i == 0 || strcmp(name, "pay") != 0)) return verb;
        }
    }
    fail_msg("%s", name);
    return NULL;
}

/* With it every field of the table was found in its message, with a type that fits. */
static void every_example_makes_a_message(void **state)
{
    const struct order_verb *const lists[] = {wallet_verbs, premium_verbs};
    (void)state;
    for (int i = 0; i < 2; i++) {
        for (const struct order_verb *verb = lists[i]; verb->name != NULL; verb++) {
            const size_t size = pack(verb, verb->example);
            if (size == 0) fail_msg("%s %s", verb->name, verb->example);
            ProtobufCMessage *message =
                protobuf_c_message_unpack(verb->request, NULL, size, packed);
            assert_non_null(message);
            protobuf_c_message_free_unpacked(message, NULL);
        }
    }
}

static void every_field_is_of_its_message(void **state)
{
    static const char *const taken[] = {"to", "as", "format", "msgid", "file", "help"};
    const struct order_verb *const lists[] = {wallet_verbs, premium_verbs};
    (void)state;
    for (int i = 0; i < 2; i++) {
        for (const struct order_verb *verb = lists[i]; verb->name != NULL; verb++) {
            for (const struct order_field *field = verb->fields; field->option != NULL; field++) {
                const ProtobufCFieldDescriptor *found =
                    protobuf_c_message_descriptor_get_field_by_name(verb->request, field->field);
                if (found == NULL) fail_msg("%s: %s", verb->name, field->field);
                for (size_t k = 0; k < sizeof taken / sizeof taken[0]; k++)
                    assert_string_not_equal(field->option, taken[k]);
                if (field->kind == ORDER_PERSON)
                    assert_int_equal(found->type, PROTOBUF_C_TYPE_BYTES);
                if (field->kind == ORDER_YUAN)
                    assert_int_equal(found->type, PROTOBUF_C_TYPE_SINT64);
                if (field->kind == ORDER_FLAG || field->kind == ORDER_SWITCH)
                    assert_int_equal(found->type, PROTOBUF_C_TYPE_BOOL);
                if (field->kind == ORDER_WORD)
                    assert_true(field->words != NULL && strchr(field->words, ' ') == NULL);
                if (field->kind == ORDER_TEXT || field->kind == ORDER_MADE)
                    assert_int_equal(found->type, PROTOBUF_C_TYPE_STRING);
            }
        }
    }
}

static Qingfen__V1__TrsfSubmit *transfer(const char *words)
{
    const size_t size = pack(verb_of("transfer"), words);
    assert_true(size != 0);
    return qingfen__v1__trsf_submit__unpack(NULL, size, packed);
}

static void a_transfer(void **state)
{
    (void)state;
    Qingfen__V1__TrsfSubmit *order = transfer(
        "--wallet W1 --receiver-key 000102030405060708090a0b0c0d0e0F --amount 500 --source wallet");
    static const uint8_t key[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    assert_string_equal(order->giver_wlt_id, "W1");
    assert_int_equal(order->recv_psn_key.len, 16);
    assert_memory_equal(order->recv_psn_key.data, key, 16);
    assert_int_equal(order->giver_psn_key.len, 0);
    assert_int_equal(order->trsf_amt, 50000);
    assert_int_equal(order->src, 2);
    assert_int_equal(order->auth_kind, 1);
    assert_int_equal(strlen(order->client_no), 30);
    assert_int_equal(strlen(order->msgid), 30);
    assert_int_equal(order->sender_admdvs, 0);
    qingfen__v1__trsf_submit__free_unpacked(order, NULL);
}

/* The same words twice are one order; a number of its own, another amount or another type of
 * message with the same content are others. */
static void repeats(void **state)
{
    (void)state;
    Qingfen__V1__TrsfSubmit *a = transfer("--wallet W1 --receiver-no P2 --amount 500");
    Qingfen__V1__TrsfSubmit *b = transfer("--receiver-no P2 --amount 500.00 --wallet=W1");
    Qingfen__V1__TrsfSubmit *c = transfer("--wallet W1 --receiver-no P2 --amount 500.01");
    Qingfen__V1__TrsfSubmit *d =
        transfer("--wallet W1 --receiver-no P2 --amount 500 --client-no 7");
    Qingfen__V1__TrsfSubmit *e = transfer("--wallet W1 --receiver-no P3 --amount 500");
    assert_string_equal(a->msgid, b->msgid);
    assert_string_equal(a->client_no, b->client_no);
    assert_memory_equal(a->recv_psn_key.data, b->recv_psn_key.data, 16);
    assert_string_not_equal(a->client_no, c->client_no);
    assert_string_not_equal(a->msgid, c->msgid);
    assert_string_equal(d->client_no, "7");
    assert_string_not_equal(a->msgid, d->msgid);
    assert_string_not_equal(a->client_no, e->client_no);
    qingfen__v1__trsf_submit__free_unpacked(a, NULL);
    qingfen__v1__trsf_submit__free_unpacked(b, NULL);
    qingfen__v1__trsf_submit__free_unpacked(c, NULL);
    qingfen__v1__trsf_submit__free_unpacked(d, NULL);
    qingfen__v1__trsf_submit__free_unpacked(e, NULL);

    char msgids[2][31];
    for (int i = 0; i < 2; i++) {
        const size_t size =
            pack(verb_of(i == 0 ? "accept" : "decline"), "--transfer T1 --receiver-no P2");
        Qingfen__V1__TrsfAccept *order = qingfen__v1__trsf_accept__unpack(NULL, size, packed);
        snprintf(msgids[i], sizeof msgids[i], "%s", order->msgid);
        qingfen__v1__trsf_accept__free_unpacked(order, NULL);
    }
    assert_string_not_equal(msgids[0], msgids[1]);
}

/* A quote that is asked again must not be answered "ASKED" for ever. */
static void questions_are_new_each_time(void **state)
{
    char msgids[2][31];
    (void)state;
    for (int i = 0; i < 2; i++) {
        const size_t size = pack(verb_of("quote"), "--psn-no P2 --insu 530100 --year 2026");
        Qingfen__V1__PremQuote *order = qingfen__v1__prem_quote__unpack(NULL, size, packed);
        assert_int_equal(order->insutype, 390);
        snprintf(msgids[i], sizeof msgids[i], "%s", order->msgid);
        qingfen__v1__prem_quote__free_unpacked(order, NULL);
    }
    assert_string_not_equal(msgids[0], msgids[1]);
}

static void words_and_switches(void **state)
{
    (void)state;
    size_t size = pack(verb_of("bind"), "--giver-no P1 --receiver-no P2 --relation "
                                        "maternal-grandchild --consent-giver");
    Qingfen__V1__RltsBind *bind = qingfen__v1__rlts_bind__unpack(NULL, size, packed);
    assert_int_equal(bind->rlts_code, 8);
    assert_int_equal(bind->proof_kind, 1);
    assert_true(bind->consent_giver);
    assert_false(bind->consent_recv);
    qingfen__v1__rlts_bind__free_unpacked(bind, NULL);
    size = pack(verb_of("bind"), "--giver-no P1 --receiver-no P2 --relation 3");
    bind = qingfen__v1__rlts_bind__unpack(NULL, size, packed);
    assert_int_equal(bind->rlts_code, 3);
    qingfen__v1__rlts_bind__free_unpacked(bind, NULL);
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *verb;
        const char *words;
    } cases[] = {
        {"open", "--psn-no P1 --insu 510100 --use-loc 510100"},
        {"open", "--insu 510100 --use-loc 510100 --insutype 310"},
        {"open", "--psn-no P1 --insu 5101 --use-loc 510100 --insutype 310"},
        {"open", "--psn-no P1 --insu 510100 --use-loc 510100 --insutype x"},
        {"open", "--psn-no P1 --psn-key 00 --insu 510100 --use-loc 510100 --insutype 310"},
        {"open", "--psn-no P1 --insu 510100 --use-loc 510100 --insutype 4294967296"},
        {"transfer", "--wallet W1 --receiver-key 0001 --amount 5"},
        {"transfer", "--wallet W1 --receiver-key +001020304050607+001020304050607 --amount 5"},
        {"transfer", "--wallet W1 --receiver-no P2 --amount -5"},
        {"transfer", "--wallet W1 --receiver-no P2 --amount 5.001"},
        {"transfer", "--wallet W1 --receiver-no P2 --amount 5 --source purse"},
        {"transfer", "--wallet W1 --receiver-no P2 --amount 5 --source 3"},
        {"bind", "--giver-no P1 --receiver-no P2 --relation 9"},
        {"bind", "--giver-no P1 --receiver-no P2 --relation 0"},
        {"bind", "--giver-no P1 --receiver-no P2 --relation grand"},
        {"switch", "--psn-no P1 --insu 350100 --set yes --from 2026-03-01T08:00:00+08:00"},
        {"switch", "--psn-no P1 --insu 350100 --set on --from tomorrow"},
        {"state", "--psn-no P1 --insu 350100 --insutype 310 --state ended --from 2026-02-30"},
        {"freeze", "--wallet W1"},
        {"close", "--wallet W1 --reason asked word"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (pack(verb_of(cases[i].verb), cases[i].words) != 0)
            fail_msg("%s %s", cases[i].verb, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_makes_a_message),
        cmocka_unit_test(every_field_is_of_its_message),
        cmocka_unit_test(a_transfer),
        cmocka_unit_test(repeats),
        cmocka_unit_test(questions_are_new_each_time),
        cmocka_unit_test(words_and_switches),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
