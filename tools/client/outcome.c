#include "tools/client/outcome.h"

#include <stdio.h>

#include "codec/wire_table.h"
#include "common.pb-c.h"
#include "settlement.pb-c.h"
#include "types/error.h"
#include "types/wire.h"

#define WIRE_TYPE_VARINT 0
#define WIRE_TYPE_BYTES  2

/* Field numbers of proto/common.proto, Reply, and proto/settlement.proto, SetlBatchReply. */
enum {
    REPLY_CODE = 1,
    REPLY_DUP = 6,
    REPLY_INDEX = 12,
    BATCH_CODE = 1,
    BATCH_ACCEPTED = 3,
    BATCH_DUPLICATE = 4,
    BATCH_REJECTED = 5,
    BATCH_RESULTS = 6,
};

struct field {
    uint64_t number;
    uint64_t value;       /* Of a varint. */
    struct bytes stretch; /* Of a length-delimited field. */
};

/* Reads one field; NULL when malformed. Other wire types are passed over with number 0. */
static const uint8_t *read_field(const uint8_t *at, const uint8_t *end, struct field *ret_field)
{
    uint64_t tag;
    const uint8_t *value = wire_varint(at, end, &tag);
    if (value == NULL) return NULL;
    *ret_field = (struct field){.number = tag >> 3};
    if ((tag & 7) == WIRE_TYPE_VARINT) return wire_varint(value, end, &ret_field->value);
    if ((tag & 7) == WIRE_TYPE_BYTES) {
        uint64_t size;
        value = wire_varint(value, end, &size);
        if (value == NULL || size > (uint64_t)(end - value)) return NULL;
        ret_field->stretch = (struct bytes){value, size};
        return value + size;
    }
    ret_field->number = 0;
    return wire_skip(tag, value, end);
}

bool outcome_read(struct bytes reply, struct outcome *ret_outcome)
{
    struct outcome outcome = {.reply = reply};
    const uint8_t *at = reply.data;
    const uint8_t *end = at + reply.size;
    while (at != end) {
        struct field field;
        at = read_field(at, end, &field);
        if (at == NULL) return false;
        if (field.number == REPLY_CODE) outcome.code = (uint32_t)field.value;
        if (field.number == REPLY_DUP) outcome.dup = field.value != 0;
        if (field.number == REPLY_INDEX) outcome.index = (uint32_t)field.value;
    }
    *ret_outcome = outcome;
    return true;
}

bool batch_outcome_read(struct bytes reply, struct batch_outcome *ret_batch)
{
    struct batch_outcome batch = {.reply = reply};
    const uint8_t *at = reply.data;
    const uint8_t *end = at + reply.size;
    while (at != end) {
        struct field field;
        at = read_field(at, end, &field);
        if (at == NULL) return false;
        if (field.number == BATCH_CODE) batch.code = (uint32_t)field.value;
        if (field.number == BATCH_ACCEPTED) batch.accepted = (uint32_t)field.value;
        if (field.number == BATCH_DUPLICATE) batch.duplicate = (uint32_t)field.value;
        if (field.number == BATCH_REJECTED) batch.rejected = (uint32_t)field.value;
    }
    *ret_batch = batch;
    return true;
}

int batch_outcome_next(const struct batch_outcome *batch, size_t *position,
                       struct outcome *ret_outcome)
{
    const uint8_t *at = batch->reply.data + *position;
    const uint8_t *end = batch->reply.data + batch->reply.size;
    while (at != end) {
        struct field field;
        at = read_field(at, end, &field);
        if (at == NULL) return -1;
        if (field.number != BATCH_RESULTS) continue;
        *position = (size_t)(at - batch->reply.data);
        return outcome_read(field.stretch, ret_outcome) ? 1 : -1;
    }
    return 0;
}

/* Most texts of a field begin with its name. What is wrong with no field in particular mostly says
 * again, and more of it, what the whole answer says: then it takes its place. */
static void put_errors(Qingfen__V1__FieldError *const *errors, size_t count, char *out, size_t size)
{
    size_t used = strlen(out);
    for (size_t i = 0; i < count && used < size; i++) {
        const char *what = errors[i]->text[0] != '\0' ? errors[i]->text : errors[i]->check;
        const char *field = errors[i]->field;
        const bool is_named =
            strncmp(what, field, strlen(field)) == 0; /* Also when it is of none. */
        if (field[0] == '\0' && strncmp(what, out, used) == 0) used = 0;
        const int n = snprintf(out + used, size - used, "%s%s%s%s", used == 0 ? "" : "; ",
                               is_named ? "" : field, is_named ? "" : ": ", what);
        used += (size_t)n;
    }
}

void outcome_text(uint16_t type, struct bytes reply, char *ret_text, size_t size)
{
    snprintf(ret_text, size, "unreadable reply");
    if (type == MESSAGE_ERROR) {
        Qingfen__V1__ErrorReply *error =
            qingfen__v1__error_reply__unpack(NULL, reply.size, reply.data);
        if (error == NULL) return;
        snprintf(ret_text, size, "%s", error->text[0] ? error->text : error_text(error->code));
        qingfen__v1__error_reply__free_unpacked(error, NULL);
    } else if (type == (MESSAGE_SETL_BATCH | MESSAGE_REPLY_BIT)) {
        Qingfen__V1__SetlBatchReply *batch =
            qingfen__v1__setl_batch_reply__unpack(NULL, reply.size, reply.data);
        if (batch == NULL) return;
        snprintf(ret_text, size, "%s", batch->text[0] ? batch->text : error_text(batch->code));
        put_errors(batch->errors, batch->n_errors, ret_text, size);
        qingfen__v1__setl_batch_reply__free_unpacked(batch, NULL);
    } else {
        Qingfen__V1__Reply *single = qingfen__v1__reply__unpack(NULL, reply.size, reply.data);
        if (single == NULL) return;
        snprintf(ret_text, size, "%s", single->text[0] ? single->text : error_text(single->code));
        put_errors(single->errors, single->n_errors, ret_text, size);
        qingfen__v1__reply__free_unpacked(single, NULL);
    }
}
