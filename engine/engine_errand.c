/* engine_errand -- messages that make more than one stop: wallet messages that need to know
 * something of another person first, pushes that every shard keeps, questions that look at much.
 *
 *   one stop    to the shard of the person who decides, as a settlement goes to its person's
 *   two stops   REQUEST_WALLET_FACT to the other person's shard; then the message, with the fact in
 *               front, to the deciding one. Only a premium's claim needs the message for its fact.
 *               Where one shard is home to both, one stop does: it looks at the other one itself
 *   a reversal  home 0 first, which knows the disputes; then the deciding shard, with a fact that
 *               says so if the payment is in one. Where it names the settlement, the deciding
 *               shard is asked before that which payment it means
 *   everywhere  to every shard in turn, 0 first: it decides, for only what it took goes on, with a
 *               fact that says so. The answer is the first refusal, else shard 0's; the same
 *               message once more completes what a crash left, however late
 *   questions   REQUEST_PERSON, a slice at a time, with the cursor the slice before gave
 *
 * ORDER   Messages with one stop keep the order of engine.c. One with two stops is judged when its
 *         fact is there, so messages sent behind it without waiting for its answer may be judged
 *         before it; of two of them to the same shards neither needs to be first. Who needs an
 *         order waits for the answer. A fact may be older than the judgement by what is on the
 *         way: what then no longer holds is put right by the mail between persons, which no
 *         judgement can refuse.
 * BOUNDS  ERRANDS_MAX in one home; when all are under way, frames wait (HOME_BLOCKED). A turn works
 *         off what waited when it began: a long question takes its turns between other work. */
#include <stdlib.h>

#include "codec/wallet.h"
#include "codec/wallet_reply.h"
#include "codec/wire_table.h"
#include "engine_internal.h"
#include "shard_wallet.h"
#include "types/ensure.h"
#include "util/cache_line.h"

#define ERRANDS_MAX 2048
#define GIVEN_MAX   64 /* Requests given to the own shard in one step. */
#define FACT_SIZE   sizeof(struct wallet_fact)

enum errand_stage {
    ERRAND_FACT,    /* Asks the other person's shard. */
    ERRAND_DECIDE,  /* Then the deciding one. */
    ERRAND_NAME,    /* Asks the deciding shard which payment a reversal means. */
    ERRAND_DISPUTE, /* Then home 0 whether it is disputed. */
    ERRAND_PLAIN,   /* Then the deciding shard, without a fact. */
    ERRAND_SPREAD,  /* Shard 0, which decides about a push. */
    ERRAND_FOLLOW,  /* Then the others, one after another. */
    ERRAND_ASK,     /* A question. */
    ERRAND_SEEK,    /* A question that names nobody: shard after shard until one knows. */
};

struct errand {
    uint64_t ticket; /* Of the call that is answered in the end. */
    uint16_t type;
    uint16_t province;
    uint8_t stage;               /* enum errand_stage */
    uint32_t shard;              /* Where the request goes, or is. */
    uint32_t first;              /* Of two stops: the deciding shard. */
    uint8_t other[PSN_KEY_SIZE]; /* And the other person. */
    uint32_t size;               /* Of the message, bytes. */
    char pay_id[WALLET_ID_SIZE]; /* Of a reversal. */
    uint8_t *question;           /* Cursor and message, when there is a cursor; malloc'ed. */
    size_t cursor;               /* Bytes of it. */
    struct result kept; /* Of a push shard 0's answer, of what is sought the refusal so far, while
                         * others are asked; its data is the errand's. */
    uint32_t next_free;
    uint8_t body[FACT_SIZE + WALLET_MESSAGE_MAX]; /* Room for the fact, then the message. */
};

struct errands {
    struct errand list[ERRANDS_MAX];
    uint32_t free;               /* First unused, ERRANDS_MAX: none. */
    uint32_t queue[ERRANDS_MAX]; /* Those with a request to be sent, oldest first. */
    uint32_t queue_head;
    uint32_t queue_count;
};

struct errands *errands_new(void)
{
    struct errands *errands = calloc(1, sizeof *errands);
    if (errands == NULL) return NULL;
    for (uint32_t i = 0; i < ERRANDS_MAX; i++)
        errands->list[i].next_free = i + 1;
    return errands;
}

void errands_free(struct errands *errands)
{
    if (errands == NULL) return;
    for (uint32_t i = 0; i < ERRANDS_MAX; i++) {
        free(errands->list[i].question);
        free(errands->list[i].kept.data);
    }
    free(errands);
}

bool errand_type(uint16_t type)
{
    return wallet_type(type) || person_type(type);
}

/* -- who may send what ----------------------------------------------------------------------- */

/* What a province sends itself; all else comes through the platform or from the centre. For whose
 * area it may is the shard's to judge: it knows the person. */
static bool province_may(uint16_t type)
{
    switch (type) {
    case MESSAGE_WLT_CLOSE:
    case MESSAGE_WLT_FREEZE:
    case MESSAGE_WLT_UNFREEZE:
    case MESSAGE_PSN_STATE_PUSH:
    case MESSAGE_PA_HOLD_ACK:
    case MESSAGE_PA_GRANT:
    case MESSAGE_WLT_PAY_PRE:
    case MESSAGE_WLT_PAY:
    case MESSAGE_WLT_PAY_REVERSE:
    case MESSAGE_OUTBOX_GET:
    case MESSAGE_OUTBOX_ACK:
    case MESSAGE_PREM_REVERSE:
    case MESSAGE_PREM_DUE:
    case MESSAGE_AUTH_SWITCH_PUSH:
    case MESSAGE_FILING_PUSH:
    case MESSAGE_INST_DIR_PUSH:
        return true;
    default:
        return person_type(type);
    }
}

static bool allowed(uint16_t type, uint16_t province, const struct wallet_route *route)
{
    if (province == 0) return true;
    /* An outbox is read by whom it is for. */
    if (route->way == WAY_OUTBOX && outbox_code(route->dest) != province) return false;
    return province_may(type);
}

/* -- answers --------------------------------------------------------------------------------- */

void errand_refuse(struct home *home, uint64_t ticket, uint16_t type, struct bytes msgid,
                   const struct result *result, uint32_t shard)
{
    size_t size;
    uint8_t *payload;
    if (person_type(type)) {
        payload = centre_refusal_encode(result->code, NULL, &size);
    } else {
        const struct wallet_reply reply = {
            .type = type,
            .code = result->code,
            .msgid = msgid,
            .shard = shard,
            .failures = result->failures,
            .failure_count = result->failure_count,
        };
        payload = wallet_reply_encode(&reply, &size);
    }
    NEED_MEMORY(payload);
    home_answer(home, ticket, (struct bytes){payload, size});
    free(payload);
}

static struct bytes message_of(const struct errand *errand)
{
    return (struct bytes){errand->body + FACT_SIZE, errand->size};
}

static void errand_end(struct errands *errands, struct errand *errand)
{
    free(errand->question);
    errand->question = NULL;
    errand->cursor = 0;
    free(errand->kept.data);
    errand->kept = (struct result){0};
    errand->next_free = errands->free;
    errands->free = (uint32_t)(errand - errands->list);
}

/* The result is the answer: a payload, or the code of a refusal. Takes result->data. */
static void finish(struct home *home, struct errand *errand, const struct result *result)
{
    if (result->data != NULL) {
        home_answer(home, errand->ticket, (struct bytes){result->data, result->data_size});
        free(result->data);
    } else {
        struct wallet_route route;
        wallet_route(errand->type, message_of(errand), &route);
        errand_refuse(home, errand->ticket, errand->type, route.msgid, result, errand->shard);
    }
    errand_end(home->errands, errand);
}

/* -- sending --------------------------------------------------------------------------------- */

static void enqueue(struct errands *errands, struct errand *errand)
{
    ENSURE(errands->queue_count < ERRANDS_MAX);
    errands->queue[(errands->queue_head + errands->queue_count++) % ERRANDS_MAX] =
        (uint32_t)(errand - errands->list);
}

static struct errand *queued(struct errands *errands, uint32_t place)
{
    return &errands->list[errands->queue[(errands->queue_head + place) % ERRANDS_MAX]];
}

static void dequeue(struct errands *errands, uint32_t count)
{
    errands->queue_head = (errands->queue_head + count) % ERRANDS_MAX;
    errands->queue_count -= count;
}

static struct request request_of(const struct home *home, const struct errand *errand)
{
    struct request request = {
        .ticket =
            TICKET_ERRAND | ticket_make(home->index, (uint32_t)(errand - home->errands->list)),
        .type = errand->type,
        .province = errand->province,
        .body = message_of(errand),
    };
    switch ((enum errand_stage)errand->stage) {
    case ERRAND_FACT:
        request.type = REQUEST_WALLET_FACT;
        request.period = errand->type;
        if (errand->type != MESSAGE_PREM_PAY) {
            request.body = (struct bytes){errand->other, PSN_KEY_SIZE};
        }
        break;
    case ERRAND_DECIDE:
    case ERRAND_FOLLOW:
        request.area = FACT_SIZE;
        request.body = (struct bytes){errand->body, FACT_SIZE + errand->size};
        break;
    case ERRAND_DISPUTE:
        request.type = REQUEST_DISPUTED;
        request.body = bytes_of(errand->pay_id);
        break;
    case ERRAND_NAME:
        request.type = REQUEST_PAY_ID;
        request.period = errand->type;
        break;
    case ERRAND_PLAIN:
    case ERRAND_SPREAD:
        break;
    case ERRAND_ASK:
    case ERRAND_SEEK:
        request.type = REQUEST_PERSON;
        request.period = errand->type;
        request.area = (uint32_t)errand->cursor;
        if (errand->question != NULL) {
            request.body = (struct bytes){errand->question, errand->cursor + errand->size};
        }
        break;
    }
    return request;
}

/* Gives the own shard what of the first `count` stands in front for it; gives how many it took. */
static uint32_t give_own(struct home *home, uint32_t count, int64_t now_ms)
{
    struct errands *errands = home->errands;
    struct request list[GIVEN_MAX];
    uint32_t run = 0;
    while (run < count && run < GIVEN_MAX && queued(errands, run)->shard == home->index) {
        list[run] = request_of(home, queued(errands, run));
        run++;
    }
    /* Out of the queue first: the shard may answer inside the step, and an answer may queue. */
    uint32_t numbers[GIVEN_MAX];
    for (uint32_t i = 0; i < run; i++)
        numbers[i] = (uint32_t)(queued(errands, i) - errands->list);
    dequeue(errands, run);
    const uint32_t taken = home_give(home, list, run, now_ms);
    for (uint32_t i = run; i-- > taken;) { /* Back to the front, in their order. */
        errands->queue_head = (errands->queue_head + ERRANDS_MAX - 1) % ERRANDS_MAX;
        errands->queue[errands->queue_head] = numbers[i];
        errands->queue_count++;
    }
    return taken;
}

bool errand_turn(struct home *home, int64_t now_ms)
{
    struct errands *errands = home->errands;
    uint32_t left = errands->queue_count;
    bool any = false;
    while (left != 0) {
        const struct errand *errand = queued(errands, 0);
        uint32_t sent;
        if (errand->shard == home->index) {
            sent = give_own(home, left, now_ms);
        } else {
            const struct request request = request_of(home, errand);
            sent = home_lane_send(home, errand->shard, &request);
            dequeue(errands, sent);
        }
        if (sent == 0) return any;
        left -= sent;
        any = true;
    }
    return any;
}

/* -- disputes -------------------------------------------------------------------------------- */

/* The debts of a payment are records numbered with its id, "-" and a running number. */
static bool is_debt_of(const struct record_ref *ref, struct bytes pay_id)
{
    return ref->size > pay_id.size && memcmp(ref->setl_id, pay_id.data, pay_id.size) == 0 &&
           ref->setl_id[pay_id.size] == '-';
}

/* Looks at every dispute there ever was: they are few beside the payments. */
static bool payment_disputed(const struct cycle *cycle, struct bytes pay_id)
{
    for (uint32_t i = cycle_count(cycle, ROW_DISPUTE); i-- > 0;) {
        const struct dispute_row *row = cycle_row(cycle, ROW_DISPUTE, i);
        if (row->state != DISPUTE_RESOLVED && is_debt_of(&row->ref, pay_id)) return true;
    }
    return false;
}

/* -- results --------------------------------------------------------------------------------- */

static void take_fact(struct home *home, struct errand *errand, const struct result *result)
{
    if (result->code != ERROR_OK) {
        finish(home, errand, result);
        return;
    }
    ENSURE(result->data_size == FACT_SIZE);
    memcpy(errand->body, result->data, FACT_SIZE);
    free(result->data);
    errand->stage = ERRAND_DECIDE;
    errand->shard = errand->first;
    enqueue(home->errands, errand);
}

/* A fact only where there is something to say: the entry keeps it. */
static void take_dispute(struct home *home, struct errand *errand, bool disputed)
{
    const struct wallet_fact fact = {.disputed = 1};
    memcpy(errand->body, &fact, FACT_SIZE);
    errand->stage = disputed ? ERRAND_DECIDE : ERRAND_PLAIN;
    errand->shard = errand->first;
    enqueue(home->errands, errand);
}

/* Asks home 0. Without a payment the shard says what is wrong with the message. */
static void ask_dispute(struct home *home, struct errand *errand, struct bytes pay_id)
{
    if (pay_id.size == 0 || pay_id.size >= WALLET_ID_SIZE) {
        take_dispute(home, errand, false);
    } else if (home->index == 0) {
        take_dispute(home, errand, payment_disputed(home->desk.cycle, pay_id));
    } else {
        memset(errand->pay_id, 0, sizeof errand->pay_id);
        memcpy(errand->pay_id, pay_id.data, pay_id.size);
        errand->stage = ERRAND_DISPUTE;
        errand->shard = 0;
        enqueue(home->errands, errand);
    }
}

static void take_name(struct home *home, struct errand *errand, const struct result *result)
{
    if (result->code != ERROR_OK) {
        finish(home, errand, result);
        return;
    }
    ask_dispute(home, errand, (struct bytes){result->data, result->data_size});
    free(result->data);
}

static void take_spread(struct home *home, struct errand *errand, const struct result *result)
{
    if (result->code != ERROR_OK) {
        finish(home, errand, result);
        return;
    }
    if (errand->stage == ERRAND_SPREAD) {
        const struct wallet_fact fact = {.decided = 1};
        memcpy(errand->body, &fact, FACT_SIZE);
        errand->stage = ERRAND_FOLLOW;
        errand->kept = *result;
    } else {
        free(result->data);
    }
    if (errand->shard + 1 < home->engine->config.shards) {
        errand->shard++;
        enqueue(home->errands, errand);
        return;
    }
    const struct result kept = errand->kept;
    errand->kept.data = NULL;
    finish(home, errand, &kept);
}

/* Keeps the cursor of a question that is not done, in front of its message. */
static void keep_cursor(struct errand *errand, const struct result *result)
{
    const struct bytes message = message_of(errand);
    uint8_t *question = malloc(result->data_size + message.size + 1);
    NEED_MEMORY(question);
    if (result->data_size != 0) memcpy(question, result->data, result->data_size);
    memcpy(question + result->data_size, message.data, message.size);
    free(result->data);
    free(errand->question);
    errand->question = question;
    errand->cursor = result->data_size;
}

/* The code of an answer: the result's, or the one its payload begins with, field 1 of every reply.
 */
static uint32_t code_of(const struct result *result)
{
    const uint8_t *at = result->data;
    uint64_t code;
    if (result->code != ERROR_OK || result->data_size < 2 || *at != 1 << 3) return result->code;
    return wire_varint(at + 1, at + result->data_size, &code) == NULL ? ERROR_OK : (uint32_t)code;
}

/* A shard had nothing, or nothing that the session may see: another one may have it, and what
 * stands in which shard must not show. Takes result->data. */
static void seek_on(struct home *home, struct errand *errand, const struct result *result)
{
    struct result no = *result;
    if (errand->kept.data != NULL) { /* Of two refusals the one that found something. */
        const bool before = code_of(&errand->kept) == ERROR_NOT_PERMITTED;
        free(before ? no.data : errand->kept.data);
        if (before) no = errand->kept;
        errand->kept = (struct result){0};
    }
    if (errand->shard + 1 == home->engine->config.shards) {
        finish(home, errand, &no);
        return;
    }
    errand->kept = no;
    free(errand->question);
    errand->question = NULL;
    errand->cursor = 0;
    errand->shard++;
    enqueue(home->errands, errand);
}

static void take_answer(struct home *home, struct errand *errand, const struct result *result)
{
    if (result->state == STATE_MORE) {
        keep_cursor(errand, result);
        enqueue(home->errands, errand);
        return;
    }
    const uint32_t code = code_of(result);
    if (errand->stage == ERRAND_SEEK && (code == ERROR_NOT_FOUND || code == ERROR_NOT_PERMITTED)) {
        seek_on(home, errand, result);
    } else {
        finish(home, errand, result);
    }
}

static struct errand *errand_of(const struct home *home, uint64_t ticket)
{
    const uint32_t number = (uint32_t)ticket;
    ENSURE(number < ERRANDS_MAX);
    return &home->errands->list[number];
}

uint64_t errand_ticket(const struct home *home, uint64_t ticket)
{
    return errand_of(home, ticket)->ticket;
}

void errand_ahead(const struct home *home, uint64_t ticket)
{
    const struct errand *errand = errand_of(home, ticket);
    __builtin_prefetch(errand);
    __builtin_prefetch(errand->body, 1); /* The fact's place. */
}

void errand_result(struct home *home, const struct result *result)
{
    struct errand *errand = errand_of(home, result->ticket);
    switch ((enum errand_stage)errand->stage) {
    case ERRAND_FACT:
        take_fact(home, errand, result);
        return;
    case ERRAND_NAME:
        take_name(home, errand, result);
        return;
    case ERRAND_DISPUTE:
        take_dispute(home, errand, result->seq != 0);
        return;
    case ERRAND_DECIDE:
    case ERRAND_PLAIN:
        finish(home, errand, result);
        return;
    case ERRAND_SPREAD:
    case ERRAND_FOLLOW:
        take_spread(home, errand, result);
        return;
    case ERRAND_ASK:
    case ERRAND_SEEK:
        take_answer(home, errand, result);
        return;
    }
}

void errand_disputed(struct home *home, const struct request *request)
{
    const struct result result = {
        .ticket = request->ticket,
        .type = request->type,
        .seq = payment_disputed(home->desk.cycle, request->body),
    };
    home_return(home, &result);
}

/* -- beginning ------------------------------------------------------------------------------- */

/* The next one lies anywhere among those that ended last: memory is asked for it now. */
static void next_errand_ahead(const struct errands *errands)
{
    if (errands->free == ERRANDS_MAX) return;
    const struct errand *next = &errands->list[errands->free];
    __builtin_prefetch(next, 1);
    __builtin_prefetch(&next->next_free, 1);
    __builtin_prefetch(next->body + FACT_SIZE, 1);
    __builtin_prefetch(next->body + FACT_SIZE + CACHE_LINE, 1);
}

/* NULL when too many are under way. */
static struct errand *make(struct home *home, const struct request *request,
                           enum errand_stage stage, uint32_t shard, uint32_t first)
{
    struct errands *errands = home->errands;
    if (errands->free == ERRANDS_MAX) return NULL;
    struct errand *errand = &errands->list[errands->free];
    errands->free = errand->next_free;
    next_errand_ahead(errands);
    errand->ticket = request->ticket;
    errand->type = request->type;
    errand->province = request->province;
    errand->stage = (uint8_t)stage;
    errand->shard = shard;
    errand->first = first;
    errand->size = (uint32_t)request->body.size;
    if (request->body.size != 0) {
        memcpy(errand->body + FACT_SIZE, request->body.data, request->body.size);
    }
    return errand;
}

static bool begin(struct home *home, const struct request *request, enum errand_stage stage,
                  uint32_t shard, uint32_t first)
{
    struct errand *errand = make(home, request, stage, shard, first);
    if (errand != NULL) enqueue(home->errands, errand);
    return errand != NULL;
}

static bool begin_two_stops(struct home *home, const struct request *request,
                            const struct wallet_route *route, uint32_t deciding)
{
    const uint32_t shard = route_shard(route->other, home->engine->config.shards);
    struct errand *errand = make(home, request, ERRAND_FACT, shard, deciding);
    if (errand == NULL) return false;
    memcpy(errand->other, route->other, sizeof errand->other);
    enqueue(home->errands, errand);
    return true;
}

/* True when both persons are at home in the deciding shard, and a look at the other one is all that
 * is needed: then it looks when it decides. */
static bool both_there(const struct home *home, uint16_t type, const struct wallet_route *route,
                       uint32_t deciding)
{
    return fact_is_look(type) && route_shard(route->other, home->engine->config.shards) == deciding;
}

/* By the payment, or by the settlement it was made for. */
static bool begin_reversal(struct home *home, const struct request *request, uint32_t shard)
{
    struct wallet_order order;
    uint32_t field;
    struct errand *errand = make(home, request, ERRAND_NAME, shard, shard);
    if (errand == NULL) return false;
    if (!wallet_order_decode(request->type, message_of(errand), &order, &field)) {
        take_dispute(home, errand, false); /* The shard says what is wrong with it. */
    } else if (order.pay_id.size != 0 || request->type == MESSAGE_PREM_REVERSE) {
        ask_dispute(home, errand, order.pay_id);
    } else {
        enqueue(home->errands, errand);
    }
    return true;
}

/* The shard a question goes to; what names nobody the own one answers, or says what is missing. */
static uint32_t shard_of(const struct home *home, const struct wallet_route *route)
{
    const uint32_t shards = home->engine->config.shards;
    switch (route->way) {
    case WAY_ONE:
    case WAY_TWO:
        return route_shard(route->first, shards);
    case WAY_OUTBOX:
        return outbox_shard(route->dest, shards);
    case WAY_EVERYWHERE:
        return 0;
    case WAY_NOWHERE:
        break;
    }
    return home->index;
}

bool errand_take(struct home *home, const struct request *request, int64_t now_ms)
{
    struct wallet_route route;
    wallet_route(request->type, request->body, &route);
    if (!allowed(request->type, request->province, &route)) {
        const struct result result = {.code = ERROR_SENDER_NOT_ALLOWED};
        errand_refuse(home, request->ticket, request->type, route.msgid, &result, home->index);
        return true;
    }
    if (request->body.size > WALLET_MESSAGE_MAX) {
        const struct failure failure = {.code = ERROR_MALFORMED,
                                        .check = CHECK_LENGTH,
                                        .got = (int64_t)request->body.size,
                                        .want = WALLET_MESSAGE_MAX};
        const struct result result = {
            .code = ERROR_MALFORMED, .failures = &failure, .failure_count = 1};
        errand_refuse(home, request->ticket, request->type, route.msgid, &result, home->index);
        return true;
    }
    const uint32_t shard = shard_of(home, &route);
    if (person_type(request->type)) {
        return begin(home, request, route.way == WAY_EVERYWHERE ? ERRAND_SEEK : ERRAND_ASK, shard,
                     0);
    }
    if (route.way == WAY_EVERYWHERE) return begin(home, request, ERRAND_SPREAD, 0, 0);
    if (route.way == WAY_TWO && !both_there(home, request->type, &route, shard)) {
        return begin_two_stops(home, request, &route, shard);
    }
    if (request->type == MESSAGE_WLT_PAY_REVERSE || request->type == MESSAGE_PREM_REVERSE) {
        return begin_reversal(home, request, shard);
    }
    struct request one_stop = *request;
    one_stop.area = route.way == WAY_TWO ? FACT_HERE : 0;
    home_route(home, &one_stop, shard, now_ms);
    return true;
}
