#include "codec/batch.h"

#include "codec/messages.h"
#include "codec/wire_table.h"

enum {
    BATCH_RECORDS = 1,
    BATCH_ID = 2,
    BATCH_PART = 3,
    BATCH_PARTS = 4,
    BATCH_CNT = 5,
    BATCH_SUM_AMT = 6,
    BATCH_FIELDS,
};

#define NUMBER_MAX 0x1fffffff /* Of a field, as protobuf has it. */

/* The tags of the fields as they stand on the wire: number and wire type. */
static const uint8_t tags[BATCH_FIELDS] = {
    [BATCH_RECORDS] = WIRE_TAG(BATCH_RECORDS, WIRE_BYTES),
    [BATCH_ID] = WIRE_TAG(BATCH_ID, WIRE_BYTES),
    [BATCH_PART] = WIRE_TAG(BATCH_PART, WIRE_U32),
    [BATCH_PARTS] = WIRE_TAG(BATCH_PARTS, WIRE_U32),
    [BATCH_CNT] = WIRE_TAG(BATCH_CNT, WIRE_U32),
    [BATCH_SUM_AMT] = WIRE_TAG(BATCH_SUM_AMT, WIRE_S64),
};

/* Sum of medfee_sumamt; what cannot be decoded or added counts as nothing and makes totals differ.
 */
static int64_t sum_of(const struct batch *batch)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct settlement s;
        uint32_t field;
        int64_t next;
        if (!settlement_decode(batch->records[i], &s, &field)) continue;
        if (!__builtin_add_overflow(sum, s.amounts[AMOUNT_MEDFEE], &next)) sum = next;
    }
    return sum;
}

static bool refuse(struct failure *failure, uint32_t code, uint32_t field, enum check check,
                   int64_t got, int64_t want)
{
    *failure = (struct failure){.code = (uint16_t)code,
                                .field = (uint16_t)field,
                                .check = (uint16_t)check,
                                .got = got,
                                .want = want};
    return false;
}

bool batch_open(struct bytes payload, struct batch *ret_batch, struct failure *ret_failure)
{
    const uint8_t *at = payload.data;
    const uint8_t *end = at + payload.size;
    uint64_t cnt = 0;
    uint64_t sum_amt = 0;
    bool cnt_sent = false;
    bool sum_sent = false;

    ret_batch->count = 0;
    while (at < end) {
        uint64_t tag;
        uint64_t value;
        at = wire_varint(at, end, &tag);
        if (at == NULL || tag >> 3 == 0 || tag >> 3 > NUMBER_MAX) {
            return refuse(ret_failure, ERROR_MALFORMED, 0, 0, 0, 0);
        }
        const uint32_t field = (uint32_t)(tag >> 3);
        const uint8_t *next = wire_skip(tag, at, end);
        /* Totals that are there and not what they must be are not "no totals". */
        if (next == NULL || (field < BATCH_FIELDS && tag != tags[field])) {
            return refuse(ret_failure, ERROR_MALFORMED, field, 0, 0, 0);
        }
        if (field == BATCH_RECORDS) {
            if (ret_batch->count == BATCH_RECORDS_MAX) {
                return refuse(ret_failure, ERROR_MALFORMED, field, CHECK_RANGE,
                              BATCH_RECORDS_MAX + 1, BATCH_RECORDS_MAX);
            }
            at = wire_varint(at, end, &value);
            ret_batch->records[ret_batch->count++] = (struct bytes){at, value};
        } else if (field == BATCH_CNT) {
            cnt_sent = wire_varint(at, end, &cnt) != NULL;
        } else if (field == BATCH_SUM_AMT) {
            sum_sent = wire_varint(at, end, &sum_amt) != NULL;
        }
        at = next;
    }
    if (ret_batch->count == 0) {
        return refuse(ret_failure, ERROR_MALFORMED, BATCH_RECORDS, CHECK_MISSING, 0, 0);
    }
    if (cnt_sent && cnt != ret_batch->count) {
        return refuse(ret_failure, ERROR_BATCH_TOTALS, BATCH_CNT, CHECK_MATCH, (int64_t)cnt,
                      ret_batch->count);
    }
    if (sum_sent) {
        const int64_t said = wire_unzigzag(sum_amt);
        const int64_t sum = sum_of(ret_batch);
        if (said != sum) {
            return refuse(ret_failure, ERROR_BATCH_TOTALS, BATCH_SUM_AMT, CHECK_MATCH, said, sum);
        }
    }
    return true;
}
