#include "codec/reply.h"

#include "codec/failure_text.h"
#include "codec/messages.h"
#include "codec/wire_table.h"

#define FAILURE_SIZE_MAX 400
#define TEXT_SIZE        256

enum {
    REPLY_CODE = 1,
    REPLY_TEXT = 2,
    REPLY_MSGID = 3,
    REPLY_ENGINE_SEQ = 4,
    REPLY_POSTED_AT = 5,
    REPLY_DUP = 6,
    REPLY_CLR_PERIOD = 7,
    REPLY_ORIG_PERIOD = 8,
    REPLY_SHARD = 9,
    REPLY_STATE = 10,
    REPLY_ERRORS = 11,
    REPLY_INDEX = 12,
};

static size_t failure_encode(uint16_t type, const struct failure *failure, uint8_t *out)
{
    char text[TEXT_SIZE];
    uint8_t *at = out;

    failure_text(type, failure, text, sizeof text);
    at = wire_put_number(at, 1, failure->code);
    at = wire_put_view(at, 2, bytes_of(message_field_name(type, failure->field)));
    at = wire_put_view(at, 3, bytes_of(check_name(failure->check)));
    at = wire_put_signed(at, 4, failure->got);
    at = wire_put_signed(at, 5, failure->want);
    at = wire_put_view(at, 6, bytes_of(text));
    return (size_t)(at - out);
}

uint8_t *failures_encode(uint32_t field, uint16_t type, const struct failure *failures,
                         uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t body[FAILURE_SIZE_MAX];
        const size_t size = failure_encode(type, &failures[i], body);
        out = wire_put_view(out, field, (struct bytes){body, size});
    }
    return out;
}

size_t failures_size_max(uint32_t count)
{
    return (size_t)count * (FAILURE_SIZE_MAX + 4);
}

size_t reply_size_max(const struct reply *reply)
{
    return 160 + reply->msgid.size + failures_size_max(reply->failure_count);
}

/* The fields between the number of the entry and the failures. */
static uint8_t *common_encode(const struct reply *reply, uint8_t *at)
{
    at = wire_put_number(at, REPLY_POSTED_AT, (uint64_t)reply->stamp_ms);
    at = wire_put_number(at, REPLY_DUP, reply->dup);
    at = wire_put_number(at, REPLY_CLR_PERIOD, reply->period);
    if (reply->orig_period != reply->period) {
        at = wire_put_number(at, REPLY_ORIG_PERIOD, reply->orig_period);
    }
    at = wire_put_number(at, REPLY_SHARD, reply->shard);
    return wire_put_view(at, REPLY_STATE, bytes_of(reply->state));
}

size_t reply_encode(const struct reply *reply, uint8_t *out)
{
    uint8_t *at = out;
    if (reply->code != 0) {
        at = wire_put_number(at, REPLY_CODE, reply->code);
        at = wire_put_view(at, REPLY_TEXT, bytes_of(error_text(reply->code)));
    }
    at = wire_put_view(at, REPLY_MSGID, reply->msgid);
    at = wire_put_number(at, REPLY_ENGINE_SEQ, reply->seq);
    at = common_encode(reply, at);
    at = failures_encode(REPLY_ERRORS, reply->type, reply->failures, reply->failure_count, at);
    at = wire_put_number(at, REPLY_INDEX, reply->index);
    return (size_t)(at - out);
}

/* A number of 64 bits has ten bytes at most, one of 32 bits five, a tag one; the longest state is
 * TOMBSTONE. */
_Static_assert(11 + 2 + 3 * 6 + 2 + 9 <= REPLY_COMMON_MAX, "all that is common has room");

static void know_common(const struct reply *reply, struct reply_common *common)
{
    common->stamp_ms = reply->stamp_ms;
    common->period = reply->period;
    common->orig_period = reply->orig_period;
    common->shard = reply->shard;
    common->dup = reply->dup;
    common->state = reply->state;
    common->size = (uint8_t)(common_encode(reply, common->bytes) - common->bytes);
}

static bool is_known(const struct reply *reply, const struct reply_common *common)
{
    return reply->stamp_ms == common->stamp_ms && reply->state == common->state &&
           reply->period == common->period && reply->orig_period == common->orig_period &&
           reply->shard == common->shard && reply->dup == common->dup;
}

/* A result without failures and msgid: beside what is common only two numbers differ. */
static size_t plain_encode(const struct reply *reply, struct reply_common *common, uint8_t *out)
{
    if (!is_known(reply, common)) know_common(reply, common);
    uint8_t *at = wire_put_number(out, REPLY_ENGINE_SEQ, reply->seq);
    /* A fixed size costs less than the right one. */
    memcpy(at, common->bytes, sizeof common->bytes);
    at = wire_put_number(at + common->size, REPLY_INDEX, reply->index);
    return (size_t)(at - out);
}

size_t reply_encode_result(const struct reply *reply, struct reply_common *common, uint8_t *out)
{
    /* The length comes first and is nearly always one byte: write behind it, then look. */
    uint8_t *body = out + 2;
    const bool plain = reply->code == 0 && reply->failure_count == 0 && reply->msgid.size == 0;
    const size_t size = plain ? plain_encode(reply, common, body) : reply_encode(reply, body);
    uint8_t head[8];
    uint8_t *end = wire_put_varint(head, 6 << 3 | 2);
    end = wire_put_varint(end, size);
    const size_t head_size = (size_t)(end - head);
    if (head_size != 2) memmove(out + head_size, body, size);
    memcpy(out, head, head_size);
    return head_size + size;
}

size_t batch_reply_encode_head(uint32_t accepted, uint32_t duplicate, uint32_t rejected,
                               uint8_t *out)
{
    uint8_t *at = wire_put_number(out, 3, accepted);
    at = wire_put_number(at, 4, duplicate);
    at = wire_put_number(at, 5, rejected);
    return (size_t)(at - out);
}

size_t batch_reply_encode_refusal(const struct failure *failure, uint8_t *out)
{
    uint8_t *at = wire_put_number(out, 1, failure->code);
    at = wire_put_view(at, 2, bytes_of(error_text(failure->code)));
    at = failures_encode(7, 0x0104, failure, 1, at);
    return (size_t)(at - out);
}

size_t error_reply_encode(uint32_t code, const char *text, bool closing, uint8_t *out)
{
    uint8_t *at = wire_put_number(out, 1, code);
    at = wire_put_view(at, 2, bytes_of(text));
    at = wire_put_number(at, 3, closing);
    return (size_t)(at - out);
}
