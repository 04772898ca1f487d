/* load_transfers -- wallets in pairs, and money going from one to the other, as fast as it goes.
 *
 * WHAT    A transfer is two messages: the giver's submit and, with the id it was answered, the
 *         receiver's accept. Its latency is from the submit going out to the accept being answered.
 *         A pair has one transfer under way at a time, as the rules want it.
 *
 * The money is granted beforehand (pa_hold_mode grant): what a province's own system would take to
 * freeze it is not measured. */
#include "tools/qingfen/load_transfers.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "codec/wire_table.h"
#include "person.pb-c.h"
#include "tools/client/clock.h"
#include "tools/client/histogram.h"
#include "tools/qingfen/commands.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wallet.h"
#include "util/text.h"
#include "wallet.pb-c.h"

#define GIVER_AREA    530100
#define RECEIVER_AREA 510100
#define GRANT_FEN     INT64_C(100000000000)
#define AMOUNT_FEN    1
#define BODY_MAX      256 /* Bytes of a message: an id or two, two keys, names of NUMBER_SIZE. */
#define ASK_NS        (10 * NS_PER_SECOND)
#define NAP_NS        (20 * NS_PER_MS)
#define RULES_WAIT_MS 1000
#define DRAIN_NS      (30 * NS_PER_SECOND)
#define ANSWERS_AHEAD 8 /* Most come in the order of their messages. */
#define SENDS_AHEAD   4

/* What a pair waits for. */
enum step {
    STEP_OPEN_GIVER,
    STEP_OPEN_RECEIVER,
    STEP_BIND,
    STEP_GRANT,
    STEP_READY,
    STEP_SUBMITTED,
    STEP_TO_ACCEPT,
    STEP_ACCEPTING,
    STEP_BROKEN, /* Something was refused: the pair takes no further part. */
};

struct pair {
    uint8_t giver[PSN_KEY_SIZE];
    uint8_t receiver[PSN_KEY_SIZE];
    char trsf_id[WALLET_ID_SIZE];
    char wlt_id[WALLET_ID_SIZE];
    uint32_t transfers;
    enum step step;
    int64_t since_ns;
};

/* Pairs in the order in which they came: a ring with a place for each. */
struct queue {
    uint32_t *list; /* malloc'ed */
    uint64_t head;
    uint64_t tail;
};

struct run {
    const struct load_transfers *options;
    struct fleet fleet;
    struct pair *pairs;
    struct queue accepts; /* Pairs whose transfer waits to be accepted: these first. */
    struct queue ready;   /* All others that can go on. */
    uint64_t under_way;
    uint64_t begun;
    uint64_t done;
    uint64_t errors;
    struct histogram latency_ns;
    int64_t last_ns;
};

static void random_key(uint64_t seed, uint64_t index, uint8_t key[PSN_KEY_SIZE])
{
    for (int half = 0; half < 2; half++) {
        uint64_t z =
            seed * 0x9e3779b97f4a7c15u + (2 * index + (uint64_t)half + 1) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        z ^= z >> 31;
        memcpy(key + 8 * half, &z, sizeof z);
    }
}

static void put_ready(struct run *run, uint32_t pair)
{
    struct queue *queue = run->pairs[pair].step == STEP_TO_ACCEPT ? &run->accepts : &run->ready;
    queue->list[queue->tail++ % run->options->pairs] = pair;
}

/* Asks memory for a pair that is about to be needed: there are more of them than a cache holds. */
static void pair_ahead(const struct run *run, uint32_t index)
{
    const struct pair *pair = &run->pairs[index];
    __builtin_prefetch(pair);
    __builtin_prefetch(&pair->since_ns);
}

static bool any_ready(const struct run *run)
{
    return run->accepts.head != run->accepts.tail || run->ready.head != run->ready.tail;
}

/* -- messages ------------------------------------------------------------------------------------
 */

static ProtobufCBinaryData key_view(uint8_t *key)
{
    return (ProtobufCBinaryData){.len = PSN_KEY_SIZE, .data = key};
}

/* Lays a message into the lane of the person who decides it, which has room; gives the time. */
static int64_t post(struct run *run, const uint8_t *decides, uint16_t type,
                    const ProtobufCMessage *message, uint32_t pair)
{
    uint8_t body[BODY_MAX];
    const size_t size = protobuf_c_message_pack(message, body);
    return lane_post(fleet_lane(&run->fleet, decides), type, (struct bytes){body, size}, pair)
        ->since_ns;
}

#define NUMBER_SIZE 24

/* What the sender calls a message: a letter, the run, the pair and its how many-th transfer. printf
 * would take as long as all else about a message. */
static void name_message(const struct run *run, char letter, uint32_t pair, uint32_t turn,
                         char out[NUMBER_SIZE])
{
    char *at = out;
    *at++ = letter;
    at = text_put_hex(at, (uint32_t)run->options->seed, 8);
    at = text_put_hex(at, pair, 6);
    at = text_put_hex(at, turn, 6);
    *at = 0;
}

static void post_open(struct run *run, uint32_t index, bool giver)
{
    struct pair *pair = &run->pairs[index];
    char msgid[NUMBER_SIZE];
    Qingfen__V1__WltOpen open = QINGFEN__V1__WLT_OPEN__INIT;
    name_message(run, 'O', index, giver, msgid);
    open.msgid = msgid;
    open.psn_key = key_view(giver ? pair->giver : pair->receiver);
    open.insu_admdvs = open.use_loc_admdvs = giver ? GIVER_AREA : RECEIVER_AREA;
    open.insutype = giver ? 310 : 390;
    open.auth_kind = 1;
    (void)post(run, open.psn_key.data, MESSAGE_WLT_OPEN, &open.base, index);
}

static void post_bind(struct run *run, uint32_t index)
{
    struct pair *pair = &run->pairs[index];
    char msgid[NUMBER_SIZE];
    Qingfen__V1__RltsBind bind = QINGFEN__V1__RLTS_BIND__INIT;
    name_message(run, 'B', index, 0, msgid);
    bind.msgid = msgid;
    bind.giver_psn_key = key_view(pair->giver);
    bind.recv_psn_key = key_view(pair->receiver);
    bind.rlts_code = 3;
    bind.proof_kind = 1;
    bind.consent_giver = bind.consent_recv = true;
    (void)post(run, pair->giver, MESSAGE_RLTS_BIND, &bind.base, index);
}

static void post_grant(struct run *run, uint32_t index)
{
    struct pair *pair = &run->pairs[index];
    char msgid[NUMBER_SIZE];
    Qingfen__V1__PaGrant grant = QINGFEN__V1__PA_GRANT__INIT;
    name_message(run, 'G', index, 0, msgid);
    grant.msgid = msgid;
    grant.psn_key = key_view(pair->giver);
    grant.insu_admdvs = GIVER_AREA;
    grant.granted_amt = GRANT_FEN;
    grant.seq = 1;
    (void)post(run, pair->giver, MESSAGE_PA_GRANT, &grant.base, index);
}

static void post_submit(struct run *run, uint32_t index)
{
    struct pair *pair = &run->pairs[index];
    char msgid[NUMBER_SIZE];
    Qingfen__V1__TrsfSubmit submit = QINGFEN__V1__TRSF_SUBMIT__INIT;
    name_message(run, 'T', index, pair->transfers, msgid);
    submit.msgid = submit.client_no = msgid;
    submit.giver_wlt_id = pair->wlt_id;
    submit.giver_psn_key = key_view(pair->giver);
    submit.recv_psn_key = key_view(pair->receiver);
    submit.src = 1;
    submit.trsf_amt = AMOUNT_FEN;
    submit.auth_kind = 1;
    pair->since_ns = post(run, pair->giver, MESSAGE_TRSF_SUBMIT, &submit.base, index);
}

static void post_accept(struct run *run, uint32_t index)
{
    struct pair *pair = &run->pairs[index];
    char msgid[NUMBER_SIZE];
    Qingfen__V1__TrsfAccept accept = QINGFEN__V1__TRSF_ACCEPT__INIT;
    name_message(run, 'A', index, pair->transfers, msgid);
    accept.msgid = msgid;
    accept.trsf_id = pair->trsf_id;
    accept.recv_psn_key = key_view(pair->receiver);
    (void)post(run, pair->giver, MESSAGE_TRSF_ACCEPT, &accept.base, index);
}

/* -- answers -------------------------------------------------------------------------------------
 */

/* Of a WalletReply what a pair goes on with. Read by table: whole replies, with memory for each of
 * their texts, were a sixth of what the load costs. */
struct said {
    uint32_t code;
    struct bytes text;
    struct bytes wlt_id;
    struct bytes trsf_id;
};

#define SAID(number, of_kind, member)                    \
    [number] = {.kind = (of_kind),                       \
                .tag = WIRE_TAG(number, of_kind),        \
                .offset = offsetof(struct said, member), \
                .name = #member}

static const struct wire_table said_table = {
    .noun_size = sizeof(struct said),
    .fields = {SAID(1, WIRE_U32, code), SAID(2, WIRE_BYTES, text), SAID(10, WIRE_BYTES, wlt_id),
               SAID(12, WIRE_BYTES, trsf_id)},
};

/* An id that is too long is no id. */
static void keep_id(struct bytes id, char out[WALLET_ID_SIZE])
{
    memset(out, 0, WALLET_ID_SIZE);
    if (id.size != 0 && id.size < WALLET_ID_SIZE) memcpy(out, id.data, id.size);
}

static void take_answer(struct run *run, uint32_t index, const struct said *reply, int64_t now_ns)
{
    struct pair *pair = &run->pairs[index];
    run->under_way--;
    if (reply->code != 0) {
        if (run->errors++ == 0) {
            (void)fprintf(stderr, "qingfen load: first error: %u %.*s\n", reply->code,
                          (int)reply->text.size, (const char *)reply->text.data);
        }
        pair->step = STEP_BROKEN;
        return;
    }
    switch (pair->step) {
    case STEP_OPEN_GIVER:
        keep_id(reply->wlt_id, pair->wlt_id);
        pair->step = STEP_OPEN_RECEIVER;
        break;
    case STEP_OPEN_RECEIVER:
        pair->step = STEP_BIND;
        break;
    case STEP_BIND:
        pair->step = STEP_GRANT;
        break;
    case STEP_GRANT:
        pair->step = STEP_READY;
        return; /* Goes on when all pairs are. */
    case STEP_SUBMITTED:
        keep_id(reply->trsf_id, pair->trsf_id);
        pair->step = STEP_TO_ACCEPT;
        break;
    case STEP_ACCEPTING:
        run->done++;
        run->last_ns = now_ns;
        histogram_add(&run->latency_ns, (uint64_t)(run->last_ns - pair->since_ns), 1);
        pair->transfers++;
        pair->step = STEP_READY;
        break;
    case STEP_READY:
    case STEP_TO_ACCEPT:
    case STEP_BROKEN:
        return;
    }
    put_ready(run, index);
}

static bool answered(void *owner, struct lane *lane, struct lane_slot *slot,
                     const struct frame *reply)
{
    struct run *run = owner;
    if (slot == NULL) {
        (void)snprintf(lane->client.text, sizeof lane->client.text, "the engine cannot read us");
        return true;
    }
    const size_t place = (size_t)(slot - lane->slots) + ANSWERS_AHEAD;
    pair_ahead(run, (uint32_t)lane->slots[place % lane->window].tags[0]);
    struct said said;
    uint32_t field;
    if (!wire_decode(&said_table, reply->payload, &said, &field)) {
        said = (struct said){.code = ERROR_MALFORMED};
    }
    take_answer(run, (uint32_t)slot->tags[0], &said, lane->received_ns);
    return true;
}

/* -- phases --------------------------------------------------------------------------------------
 */

static const uint8_t *decides(const struct pair *pair)
{
    return pair->step == STEP_OPEN_RECEIVER ? pair->receiver : pair->giver;
}

/* The pair's next message. */
static void go_on(struct run *run, uint32_t index)
{
    struct pair *pair = &run->pairs[index];
    run->under_way++;
    switch (pair->step) {
    case STEP_OPEN_GIVER:
        post_open(run, index, true);
        return;
    case STEP_OPEN_RECEIVER:
        post_open(run, index, false);
        return;
    case STEP_BIND:
        post_bind(run, index);
        return;
    case STEP_GRANT:
        post_grant(run, index);
        return;
    case STEP_READY:
        pair->step = STEP_SUBMITTED;
        run->begun++;
        post_submit(run, index);
        return;
    case STEP_TO_ACCEPT:
        pair->step = STEP_ACCEPTING;
        post_accept(run, index);
        return;
    case STEP_SUBMITTED:
    case STEP_ACCEPTING:
    case STEP_BROKEN:
        run->under_way--;
    }
}

/* Sends for the pairs of a queue, as long as `begin` allows new transfers and lanes have room. */
static void send_queue(struct run *run, struct queue *queue, bool begin)
{
    const uint64_t pairs = run->options->pairs;
    ENSURE(pairs != 0);
    while (queue->head != queue->tail && run->under_way < run->options->window) {
        const uint32_t index = queue->list[queue->head % pairs];
        pair_ahead(run, queue->list[(queue->head + SENDS_AHEAD) % pairs]);
        const struct pair *pair = &run->pairs[index];
        if (pair->step == STEP_READY && (!begin || run->begun >= run->options->count)) {
            queue->head++; /* It rests. */
            continue;
        }
        if (!lane_has_room(fleet_lane(&run->fleet, decides(pair)))) return;
        queue->head++;
        go_on(run, index);
    }
}

static void send_ready(struct run *run, bool begin)
{
    send_queue(run, &run->accepts, begin);
    send_queue(run, &run->ready, begin);
}

static int prepare(struct run *run)
{
    const int64_t deadline = clock_ns() + 600 * NS_PER_SECOND;
    for (uint32_t i = 0; i < run->options->pairs; i++)
        put_ready(run, i);
    while (any_ready(run) || run->under_way != 0) {
        send_ready(run, false);
        const int r = fleet_pump(&run->fleet, NAP_NS);
        if (r != 0) return r;
        if (clock_ns() > deadline) return -1;
    }
    return 0;
}

static int measure(struct run *run)
{
    const int64_t start = clock_ns();
    const int64_t end = start + (int64_t)run->options->seconds * NS_PER_SECOND;
    run->last_ns = start + 1;
    for (uint32_t i = 0; i < run->options->pairs; i++) {
        if (run->pairs[i].step == STEP_READY) put_ready(run, i);
    }
    for (;;) {
        const int64_t now = clock_ns();
        const bool begin = now < end && run->begun < run->options->count;
        send_ready(run, begin);
        if (!begin && run->under_way == 0 && !any_ready(run)) return 0;
        if (now > end + DRAIN_NS) return 0;
        const int r = fleet_pump(&run->fleet, NAP_NS);
        if (r != 0) return r;
    }
}

static int print(const struct run *run, int64_t start)
{
    const uint64_t rate =
        (uint64_t)((unsigned __int128)run->done * NS_PER_SECOND / (run->last_ns - start));
    printf("transfers_per_s=%llu p50_us=%llu p99_us=%llu p999_us=%llu errors=%llu\n",
           (unsigned long long)rate,
           (unsigned long long)histogram_quantile(&run->latency_ns, 500000) / 1000,
           (unsigned long long)histogram_quantile(&run->latency_ns, 990000) / 1000,
           (unsigned long long)histogram_quantile(&run->latency_ns, 999000) / 1000,
           (unsigned long long)run->errors);
    return run->errors != 0 ? EXIT_FAILED : EXIT_DONE;
}

/* -- the rules of the store ----------------------------------------------------------------------
 */

/* Limits of a day, the night and the holds stand in the way of a measurement. */
static bool loosen(struct client *client, int64_t from_ms, uint64_t seed)
{
    static const char *const rules[][2] = {
        {"wallet_enabled", "on"},
        {"trsf_max_per_day", "1000"},
        {"trsf_max_sum_per_day", "1000000000"},
        {"trsf_night_from", "24:00"},
        {"trsf_night_to", "00:00"},
        {"pa_hold_mode", "grant"},
    };
    static const uint32_t areas[] = {GIVER_AREA, RECEIVER_AREA};
    for (size_t i = 0; i < 2 * sizeof rules / sizeof rules[0]; i++) {
        uint8_t body[256];
        char msgid[32];
        struct frame reply;
        Qingfen__V1__RulePush push = QINGFEN__V1__RULE_PUSH__INIT;
        (void)snprintf(msgid, sizeof msgid, "R%llx-%zu", (unsigned long long)seed, i);
        push.msgid = msgid;
        push.param = (char *)(uintptr_t)rules[i / 2][0];
        push.value = (char *)(uintptr_t)rules[i / 2][1];
        push.admdvs = areas[i % 2];
        push.eff_from = from_ms;
        const struct bytes payload = {body, qingfen__v1__rule_push__pack(&push, body)};
        if (client_ask(client, MESSAGE_RULE_PUSH, payload, ASK_NS, &reply) != 0) {
            (void)fprintf(stderr, "qingfen load: %s\n", client->text);
            return false;
        }
        Qingfen__V1__WalletReply *said =
            qingfen__v1__wallet_reply__unpack(NULL, reply.payload.size, reply.payload.data);
        const bool good = said != NULL && said->code == 0;
        if (!good) {
            (void)fprintf(stderr, "qingfen load: rule %s refused: %s\n", push.param,
                          said != NULL ? said->text : "no answer of its kind");
        }
        if (said != NULL) qingfen__v1__wallet_reply__free_unpacked(said, NULL);
        if (!good) return false;
    }
    return true;
}

static bool open_rules(const struct load_transfers *options)
{
    struct client client;
    Qingfen__V1__HelloReply *hello = NULL;
    client_init(&client, &options->address);
    bool good = client_connect(&client, 0) == 0 && client_hello(&client, 0, 0, &hello) == 0;
    if (!good) {
        (void)fprintf(stderr, "qingfen load: %s\n", client.text);
    } else {
        /* No rule begins in the past, and the engine's clock has gone on since its hello. */
        const int64_t wait_ms = hello->manual_clock ? 0 : RULES_WAIT_MS;
        good = loosen(&client, hello->now + wait_ms, options->seed);
        if (good && wait_ms != 0) sleep(RULES_WAIT_MS / 1000 + 1);
        qingfen__v1__hello_reply__free_unpacked(hello, NULL);
    }
    client_done(&client);
    return good;
}

static int run_all(struct run *run)
{
    if (prepare(run) != 0) {
        (void)fprintf(stderr, "qingfen load: %s\n", run->fleet.text);
        return EXIT_FAILED;
    }
    (void)fprintf(stderr, "%llu pairs of wallets are open\n",
                  (unsigned long long)run->options->pairs);
    const int64_t start = clock_ns();
    if (measure(run) != 0) {
        (void)fprintf(stderr, "qingfen load: %s\n", run->fleet.text);
        return EXIT_FAILED;
    }
    return print(run, start);
}

int load_transfers_run(const struct load_transfers *options)
{
    static struct run run; /* Its histogram is too large for the stack. */
    const struct fleet_options fleet = {
        .address = options->address,
        .lanes = options->lanes,
        .batch = 1,
        .window = (uint32_t)options->window,
        .body_max = BODY_MAX,
        .answered = answered,
        .owner = &run,
    };
    ENSURE(options->pairs != 0);
    run = (struct run){.options = options};
    if (!open_rules(options)) return EXIT_FAILED;
    run.pairs = calloc(options->pairs, sizeof *run.pairs);
    run.ready.list = calloc(options->pairs, sizeof *run.ready.list);
    run.accepts.list = calloc(options->pairs, sizeof *run.accepts.list);
    if (run.pairs == NULL || run.ready.list == NULL || run.accepts.list == NULL) {
        (void)fprintf(stderr, "qingfen load: no memory for the pairs\n");
        free(run.pairs);
        free(run.ready.list);
        free(run.accepts.list);
        return EXIT_FAILED;
    }
    for (uint32_t i = 0; i < options->pairs; i++) {
        random_key(options->seed, 2 * i, run.pairs[i].giver);
        random_key(options->seed, 2 * i + 1, run.pairs[i].receiver);
    }
    int status = EXIT_FAILED;
    if (fleet_open(&run.fleet, &fleet) != 0) {
        (void)fprintf(stderr, "qingfen load: %s\n", run.fleet.text);
    } else {
        status = run_all(&run);
        fleet_close(&run.fleet);
    }
    free(run.pairs);
    free(run.ready.list);
    free(run.accepts.list);
    return status;
}
