/* Fuzz: any bytes as each question of persons and of outboxes; the first byte says which. What is
 * taken stays inside the limits that the shards rely on, what is not says why; a refusal and a page
 * of outgoing messages can be written. */
#include <stdlib.h>

#include "codec/person.h"
#include "codec/wallet.h"
#include "codec/wallet_reply.h"
#include "types/ensure.h"
#include "types/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t types[] = {
    MESSAGE_STMT_GET,     MESSAGE_YEAR_SUM_GET, MESSAGE_WLT_QUERY,  MESSAGE_WLT_RECORDS,
    MESSAGE_SETL_RECORDS, MESSAGE_REGION_QUERY, MESSAGE_INST_QUERY, MESSAGE_OUTBOX_GET,
};

static bool ended(const char *text, size_t room)
{
    return memchr(text, 0, room) != NULL;
}

static void question_laws(const struct person_question *q)
{
    ENSURE(ended(q->setl_id, sizeof q->setl_id));
    ENSURE(ended(q->fixmedins_code, sizeof q->fixmedins_code));
    ENSURE(ended(q->page_token, sizeof q->page_token));
    ENSURE(q->kind < RECORDS_KIND_END);
    ENSURE(q->from_ms >= 0 && q->to_ms >= 0);
    ENSURE(q->to_ms == 0 || q->from_ms <= q->to_ms);
    switch (q->type) {
    case MESSAGE_WLT_RECORDS:
    case MESSAGE_SETL_RECORDS:
        ENSURE(q->limit >= 1 && q->limit <= PERSON_PAGE_MAX);
        ENSURE(q->has_key);
        break;
    case MESSAGE_OUTBOX_GET:
        ENSURE(q->limit >= 1 && q->limit <= 1000);
        break;
    case MESSAGE_STMT_GET:
        ENSURE(q->setl_id[0] != '\0' && q->area != 0);
        break;
    case MESSAGE_YEAR_SUM_GET:
        ENSURE(q->has_key && q->year >= 2000 && q->year <= 2999);
        break;
    case MESSAGE_WLT_QUERY:
        ENSURE(q->has_key);
        break;
    default:
        break;
    }
}

/* Rows of an outbox are our own; whatever stands in them, they fit their room. */
static void outbox_laws(struct bytes body)
{
    static struct outgoing list[4];
    const uint32_t count = (uint32_t)(body.size / sizeof list[0]) % 5;
    size_t size;
    if (count != 0) memcpy(list, body.data, count * sizeof list[0]);
    uint8_t *reply = outbox_reply_encode(1, 2, list, count, &size);
    ENSURE(reply != NULL);
    free(reply);
}

static void statement_laws(struct bytes body)
{
    static const struct statement_step step = {.seq = 1, .what = "refund", .setl_id = "S-1"};
    const struct statement statement = {
        .settlement = body, .state = "ACCRUED", .steps = &step, .step_count = 1};
    size_t size;
    free(statement_reply_encode(&statement, &size));
    const struct bytes records[2] = {body, body};
    free(settlement_records_encode(records, 2, "", &size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct person_question question;
    struct person_question again;
    char why[QUESTION_WHY_SIZE] = "";
    size_t reply_size;

    if (size == 0) return 0;
    const struct bytes body = {data + 1, size - 1};
    const size_t which = data[0] % 10;
    if (which == 8) outbox_laws(body);
    if (which == 9) statement_laws(body);
    if (which >= 8) return 0;
    if (person_question_decode(types[which], body, &question, why)) {
        question_laws(&question);
        ENSURE(person_question_decode(types[which], body, &again, why));
        ENSURE(memcmp(&question, &again, sizeof question) == 0);
    } else {
        ENSURE(why[0] != '\0' && ended(why, sizeof why));
        uint8_t *reply = person_refusal_encode(1001, why, &reply_size);
        ENSURE(reply != NULL);
        free(reply);
    }
    return 0;
}
