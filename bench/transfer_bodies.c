/* transfer_bodies -- wallet transfers through two shards in one process: submit, accept, and the
 * mail they cause.
 *
 * The driver does what homes do with messages of two stops and with mail: it asks the receiver's
 * shard for its fact, gives the message with the fact in front to the giver's, takes every block as
 * written at once, and carries mail until there is none. Merges run in between with the clock
 * stopped. */
#include <stdlib.h>

#include "bench/bodies.h"
#include "bench/corpus.h"
#include "codec/mail.h"
#include "journal/block.h"
#include "ledger/merge.h"
#include "shard.h"
#include "shard_wallet.h"
#include "tests/lib/journal_memory.h"
#include "tests/unit/world/temp_folder.h"
#include "types/ensure.h"
#include "util/le.h"
#include "wallet.pb-c.h"
#include "wallet/params.h"
#include "wallet/person.h"
#include "world/linux/lmdb_store.h"

#define SHARDS        2
#define ROUND         256 /* Pairs that are under way at the same time. */
#define MAILS_MAX     16  /* Batches of mail given in one step. */
#define MESSAGE_ROOM  256
#define PER_PAIR      16 /* Transfers of a pair: its wallet then has so many lots. */
#define BEGIN_MS      (CORPUS_NOW_MS + INT64_C(12) * 60 * 60 * 1000)
#define GIVER_AREA    530100
#define RECEIVER_AREA 510100
#define HASH_SEED     UINT64_C(0x7a115e4)
#define BLOCK_PLACE   92 /* head_crc: covers the head, and with it payload and chain. */

struct pair {
    struct psn_key giver;
    struct psn_key receiver;
};

struct side {
    char folder[TEMP_FOLDER_SIZE];
    struct store *store;
    struct shard *shard;
    struct journal_view journal; /* In memory: there is no disk. */
};

/* A message on its way: room for the fact in front of it. */
struct errand {
    uint32_t size; /* Of the message. */
    uint8_t bytes[sizeof(struct wallet_fact) + MESSAGE_ROOM];
};

struct transfer_bench {
    struct tables tables;
    struct params params;
    struct side sides[SHARDS];
    struct pair *pairs;
    uint64_t pair_count;
    uint8_t *messages; /* Submit and accept of every transfer; MESSAGE_ROOM each, size in front. */
    struct errand errands[ROUND];
    uint64_t sum;
    const struct bench_clock *clock;
};

/* -- persons and messages -------------------------------------------------------------------- */

static uint64_t scattered(uint64_t number)
{
    uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ x >> 27;
}

static struct psn_key key_of(uint64_t number)
{
    struct psn_key key;
    le_store64(key.bytes, scattered(2 * number));
    le_store64(key.bytes + 8, scattered(2 * number + 1));
    return key;
}

static ProtobufCBinaryData view(struct psn_key *key)
{
    return (ProtobufCBinaryData){.len = PSN_KEY_SIZE, .data = key->bytes};
}

static void number_text(char letter, uint64_t number, char out[24])
{
    char digits[24];
    size_t count = 0;
    size_t used = 0;
    for (; count == 0 || number != 0; number /= 10)
        digits[count++] = (char)('0' + number % 10);
    out[used++] = letter;
    while (count != 0)
        out[used++] = digits[--count];
    out[used] = 0;
}

static uint32_t pack(const ProtobufCMessage *message, uint8_t *out)
{
    ENSURE(protobuf_c_message_get_packed_size(message) <= MESSAGE_ROOM);
    return (uint32_t)protobuf_c_message_pack(message, out);
}

static uint32_t pack_open(struct psn_key *key, uint32_t area, uint64_t number, uint8_t *out)
{
    Qingfen__V1__WltOpen open = QINGFEN__V1__WLT_OPEN__INIT;
    char msgid[24];
    number_text('O', number, msgid);
    open.msgid = msgid;
    open.psn_key = view(key);
    open.insu_admdvs = open.use_loc_admdvs = area;
    open.insutype = 310;
    open.auth_kind = 1;
    return pack(&open.base, out);
}

static uint32_t pack_bind(struct pair *pair, uint64_t number, uint8_t *out)
{
    Qingfen__V1__RltsBind bind = QINGFEN__V1__RLTS_BIND__INIT;
    char msgid[24];
    number_text('B', number, msgid);
    bind.msgid = msgid;
    bind.giver_psn_key = view(&pair->giver);
    bind.recv_psn_key = view(&pair->receiver);
    bind.rlts_code = 3;
    bind.proof_kind = 1;
    bind.consent_giver = bind.consent_recv = true;
    return pack(&bind.base, out);
}

static uint32_t pack_grant(struct pair *pair, uint64_t number, uint8_t *out)
{
    Qingfen__V1__PaGrant grant = QINGFEN__V1__PA_GRANT__INIT;
    char msgid[24];
    number_text('G', number, msgid);
    grant.msgid = msgid;
    grant.psn_key = view(&pair->giver);
    grant.insu_admdvs = GIVER_AREA;
    grant.granted_amt = 1000000000;
    grant.seq = 1;
    return pack(&grant.base, out);
}

static uint32_t pack_submit(struct pair *pair, uint64_t number, uint8_t *out)
{
    Qingfen__V1__TrsfSubmit submit = QINGFEN__V1__TRSF_SUBMIT__INIT;
    char msgid[24];
    char wlt_id[WALLET_ID_SIZE];
    number_text('T', number, msgid);
    wallet_id_make('W', &pair->giver, 0, wlt_id);
    submit.msgid = submit.client_no = msgid;
    submit.giver_wlt_id = wlt_id;
    submit.giver_psn_key = view(&pair->giver);
    submit.recv_psn_key = view(&pair->receiver);
    submit.src = 1;
    submit.trsf_amt = 100;
    submit.auth_kind = 1;
    return pack(&submit.base, out);
}

/* The giver's first number was the relation's. */
static uint32_t pack_accept(struct pair *pair, uint64_t number, uint64_t turn, uint8_t *out)
{
    Qingfen__V1__TrsfAccept accept = QINGFEN__V1__TRSF_ACCEPT__INIT;
    char msgid[24];
    char trsf_id[WALLET_ID_SIZE];
    number_text('A', number, msgid);
    wallet_id_make('T', &pair->giver, 1 + turn, trsf_id);
    accept.msgid = msgid;
    accept.trsf_id = trsf_id;
    accept.recv_psn_key = view(&pair->receiver);
    return pack(&accept.base, out);
}

static uint8_t *message_at(const struct transfer_bench *bench, uint64_t transfer, bool accept)
{
    return bench->messages + (2 * transfer + accept) * (4 + MESSAGE_ROOM);
}

static void encode_transfers(struct transfer_bench *bench, uint64_t count)
{
    bench->messages = malloc(2 * count * (4 + MESSAGE_ROOM));
    ENSURE(bench->messages != NULL);
    for (uint64_t i = 0; i < count; i++) {
        struct pair *pair = &bench->pairs[i % bench->pair_count];
        uint8_t *submit = message_at(bench, i, false);
        uint8_t *accept = message_at(bench, i, true);
        le_store32(submit, pack_submit(pair, i, submit + 4));
        le_store32(accept, pack_accept(pair, i, i / bench->pair_count, accept + 4));
    }
}

/* -- the driver ------------------------------------------------------------------------------ */

static struct side *home(struct transfer_bench *bench, const struct psn_key *key)
{
    return &bench->sides[route_shard(key->bytes, SHARDS)];
}

/* What an answer says; a fact goes in front of the message it was asked for. */
static void take_span(struct transfer_bench *bench, struct result_span span)
{
    for (uint32_t i = 0; i < span.count; i++) {
        const struct result *result = &span.list[i];
        ENSURE(result->code == ERROR_OK && !result->dup);
        if (result->type == REQUEST_WALLET_FACT) {
            ENSURE(result->data_size == sizeof(struct wallet_fact));
            memcpy(bench->errands[result->ticket].bytes, result->data, result->data_size);
        } else {
            bench->sum += result->seq ^ result->data_size << 32;
        }
        free(result->data);
    }
}

static void take_results(struct transfer_bench *bench, const struct effects *effects)
{
    take_span(bench, effects->results[0]);
    take_span(bench, effects->results[1]); /* Where the shard's ring begins again. */
}

static void step(struct transfer_bench *bench, struct side *side, const struct event *event,
                 struct effects *ret_effects)
{
    shard_step(side->shard, event, ret_effects);
    take_results(bench, ret_effects);
}

static void merge_inline(struct transfer_bench *bench, struct side *side, struct merge *merge)
{
    while (merge != NULL) {
        const struct bench_clock *clock = bench->clock;
        struct effects effects;
        if (clock->pause != NULL) clock->pause(clock->context);
        const int status = merge_run(merge);
        if (clock->resume != NULL) clock->resume(clock->context);
        step(bench, side,
             &(struct event){.now_ms = BEGIN_MS, .kind = EVENT_MERGED, .status = status}, &effects);
        merge = effects.merge;
    }
}

/* The block stands on the disk at once. */
static void flush(struct transfer_bench *bench, struct side *side)
{
    struct effects effects;
    step(bench, side, &(struct event){.now_ms = BEGIN_MS, .kind = EVENT_FLUSH}, &effects);
    if (effects.append.size != 0) {
        bench->sum = bench->sum * 31 + le_load32(effects.append.data + BLOCK_PLACE);
        const struct bench_clock *clock = bench->clock;
        if (clock->pause != NULL) clock->pause(clock->context);
        const struct memory_block *copy =
            journal_memory_add(&side->journal, effects.append, SEGMENT_SIZE);
        if (clock->resume != NULL) clock->resume(clock->context);
        const struct event written = {
            .now_ms = BEGIN_MS, .kind = EVENT_WRITTEN, .written = copy->place};
        step(bench, side, &written, &effects);
    }
    merge_inline(bench, side, effects.merge);
}

static void give(struct transfer_bench *bench, struct side *side, const struct request *list,
                 uint32_t count)
{
    for (uint32_t done = 0; done < count;) {
        struct event event = {.now_ms = BEGIN_MS, .kind = EVENT_REQUESTS};
        struct effects effects;
        event.requests.list = list + done;
        event.requests.count = count - done;
        step(bench, side, &event, &effects);
        done += effects.taken;
        if (done < count) flush(bench, side);
    }
}

/* Gives what is for one shard in one piece, as homes do. */
static void give_all(struct transfer_bench *bench, const struct request *list, uint32_t count,
                     const struct psn_key *const *whose)
{
    for (uint32_t i = 0; i < SHARDS; i++) {
        struct request its[ROUND];
        uint32_t its_count = 0;
        for (uint32_t k = 0; k < count; k++) {
            if (home(bench, whose[k]) == &bench->sides[i]) its[its_count++] = list[k];
        }
        give(bench, &bench->sides[i], its, its_count);
        flush(bench, &bench->sides[i]);
    }
}

static bool carry(struct transfer_bench *bench, uint32_t from, uint32_t to)
{
    static uint8_t bytes[MAILS_MAX][MAIL_BATCH_MAX];
    struct request list[MAILS_MAX];
    uint32_t count = 0;
    while (count < MAILS_MAX) {
        const size_t size = shard_mail_take(bench->sides[from].shard, to, bytes[count]);
        if (size == 0) break;
        list[count] = (struct request){.type = REQUEST_MAIL, .body = {bytes[count], size}};
        count++;
    }
    give(bench, &bench->sides[to], list, count);
    return count != 0;
}

static void deliver(struct transfer_bench *bench)
{
    for (bool any = true; any;) {
        any = false;
        for (uint32_t i = 0; i < SHARDS * SHARDS; i++)
            any |= carry(bench, i / SHARDS, i % SHARDS);
        for (uint32_t i = 0; i < SHARDS; i++)
            flush(bench, &bench->sides[i]);
    }
}

/* Messages of two stops, or of one where both persons of the pair are at home in the same shard;
 * one for each of `count` pairs from `first` on; they stand in errands. */
static void two_stops(struct transfer_bench *bench, uint64_t first, uint32_t count, uint16_t type)
{
    const struct psn_key *givers[ROUND];
    const struct psn_key *receivers[ROUND];
    struct request list[ROUND];
    uint32_t facts = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct pair *pair = &bench->pairs[(first + i) % bench->pair_count];
        givers[i] = &pair->giver;
        if (home(bench, &pair->giver) == home(bench, &pair->receiver)) continue;
        receivers[facts] = &pair->receiver;
        list[facts++] = (struct request){
            .ticket = i,
            .type = REQUEST_WALLET_FACT,
            .period = type,
            .body = {pair->receiver.bytes, PSN_KEY_SIZE},
        };
    }
    give_all(bench, list, facts, receivers);
    for (uint32_t i = 0; i < count; i++) {
        const struct pair *pair = &bench->pairs[(first + i) % bench->pair_count];
        const uint8_t *bytes = bench->errands[i].bytes;
        const size_t size = bench->errands[i].size;
        const size_t fact = sizeof(struct wallet_fact);
        list[i] = (struct request){.ticket = i, .type = type};
        if (home(bench, &pair->giver) == home(bench, &pair->receiver)) {
            list[i].area = FACT_HERE;
            list[i].body = (struct bytes){bytes + fact, size};
        } else {
            list[i].area = fact;
            list[i].body = (struct bytes){bytes, fact + size};
        }
    }
    give_all(bench, list, count, givers);
    deliver(bench);
}

/* -- preparing ------------------------------------------------------------------------------- */

static void open_side(struct transfer_bench *bench, uint32_t number)
{
    struct side *side = &bench->sides[number];
    struct shard_config config;
    struct replay_start start;
    const char *why;

    temp_folder_make(side->folder);
    ENSURE(store_open(side->folder, false, false, &side->store) == 0);
    shard_config_init(&config);
    memset(config.store_id, 0x5a, sizeof config.store_id);
    config.shard = number;
    config.shards = SHARDS;
    config.hash_seed = HASH_SEED;
    config.tables = &bench->tables;
    config.params = &bench->params;
    config.store = side->store;
    config.journal = &side->journal;
    ENSURE(shard_open(&config, &side->shard, &start, &why) == 0);
}

/* As many a day as there are, at any hour, from limits granted beforehand. */
static void loosen(struct params *params)
{
    static const struct rule_row rows[] = {
        {.param = PARAM_WALLET_ENABLED, .value = 1},
        {.param = PARAM_TRSF_MAX_COUNT, .value = 1000},
        {.param = PARAM_TRSF_MAX_SUM, .value = 1000000000},
        {.param = PARAM_PA_HOLD_MODE, .value = HOLD_GRANT},
    };
    params_init(params);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ENSURE(params_put(params, &rows[i]));
}

static void open_wallets(struct transfer_bench *bench, uint64_t first, uint32_t count, bool givers)
{
    const struct psn_key *whose[ROUND];
    struct request list[ROUND];
    for (uint32_t i = 0; i < count; i++) {
        struct pair *pair = &bench->pairs[first + i];
        struct errand *errand = &bench->errands[i];
        struct psn_key *key = givers ? &pair->giver : &pair->receiver;
        errand->size = pack_open(key, givers ? GIVER_AREA : RECEIVER_AREA, 2 * (first + i) + givers,
                                 errand->bytes);
        whose[i] = key;
        list[i] = (struct request){.type = MESSAGE_WLT_OPEN, .body = {errand->bytes, errand->size}};
    }
    give_all(bench, list, count, whose);
}

static void grant(struct transfer_bench *bench, uint64_t first, uint32_t count)
{
    const struct psn_key *whose[ROUND];
    struct request list[ROUND];
    for (uint32_t i = 0; i < count; i++) {
        struct pair *pair = &bench->pairs[first + i];
        struct errand *errand = &bench->errands[i];
        errand->size = pack_grant(pair, first + i, errand->bytes);
        whose[i] = &pair->giver;
        list[i] = (struct request){.type = MESSAGE_PA_GRANT, .body = {errand->bytes, errand->size}};
    }
    give_all(bench, list, count, whose);
}

static void make_pairs(struct transfer_bench *bench)
{
    bench->pairs = malloc(bench->pair_count * sizeof *bench->pairs);
    ENSURE(bench->pairs != NULL);
    for (uint64_t i = 0; i < bench->pair_count; i++)
        bench->pairs[i] = (struct pair){key_of(2 * i), key_of(2 * i + 1)};
    for (uint64_t first = 0; first < bench->pair_count; first += ROUND) {
        const uint64_t left = bench->pair_count - first;
        const uint32_t count = (uint32_t)(left < ROUND ? left : ROUND);
        open_wallets(bench, first, count, true);
        open_wallets(bench, first, count, false);
        for (uint32_t i = 0; i < count; i++) {
            struct errand *errand = &bench->errands[i];
            errand->size = pack_bind(&bench->pairs[first + i], first + i,
                                     errand->bytes + sizeof(struct wallet_fact));
        }
        two_stops(bench, first, count, MESSAGE_RLTS_BIND);
        grant(bench, first, count);
    }
}

void *bench_transfer_prepare(uint64_t count)
{
    static const struct bench_clock none;
    struct transfer_bench *bench = calloc(1, sizeof *bench);
    ENSURE(bench != NULL);
    bench->clock = &none;
    bench->pair_count = count / PER_PAIR < ROUND ? ROUND : count / PER_PAIR;
    corpus_tables(&bench->tables);
    loosen(&bench->params);
    for (uint32_t i = 0; i < SHARDS; i++)
        open_side(bench, i);
    make_pairs(bench);
    encode_transfers(bench, count);
    return bench;
}

/* -- running --------------------------------------------------------------------------------- */

static void put_messages(struct transfer_bench *bench, uint64_t first, uint32_t count, bool accept)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *message = message_at(bench, first + i, accept);
        struct errand *errand = &bench->errands[i];
        errand->size = le_load32(message);
        memcpy(errand->bytes + sizeof(struct wallet_fact), message + 4, errand->size);
    }
}

uint64_t bench_transfer_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct transfer_bench *bench = prepared;
    bench->clock = clock;
    for (uint64_t first = 0; first < count; first += ROUND) {
        const uint64_t left = count - first;
        const uint32_t now = (uint32_t)(left < ROUND ? left : ROUND);
        put_messages(bench, first, now, false);
        two_stops(bench, first, now, MESSAGE_TRSF_SUBMIT);
        put_messages(bench, first, now, true);
        two_stops(bench, first, now, MESSAGE_TRSF_ACCEPT);
    }
    return bench->sum;
}

void bench_transfer_finish(void *prepared)
{
    struct transfer_bench *bench = prepared;
    for (uint32_t i = 0; i < SHARDS; i++) {
        shard_free(bench->sides[i].shard);
        store_close(bench->sides[i].store);
        journal_memory_free(&bench->sides[i].journal);
        temp_folder_remove(bench->sides[i].folder);
    }
    free(bench->pairs);
    free(bench->messages);
    free(bench);
}
