/* Fuzz: any bytes as a SetlBatch, taken apart by the engine's own reader and by protobuf-c. What
 * the engine takes protobuf-c takes too, with the same records; the records lie inside the payload
 * and in its order. */
#include <stdlib.h>

#include "codec/batch.h"
#include "proto/settlement.pb-c.h"
#include "types/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct batch batch;
    struct failure failure = {0};
    const struct bytes payload = {data, size};
    if (!batch_open(payload, &batch, &failure)) {
        ENSURE(failure.code != ERROR_OK);
        return 0;
    }
    ENSURE(batch.count >= 1);
    ENSURE(batch.count <= BATCH_RECORDS_MAX);
    const uint8_t *end = data;
    for (uint32_t i = 0; i < batch.count; i++) {
        const struct bytes record = batch.records[i];
        if (record.size == 0) continue;
        ENSURE(record.data >= end);
        ENSURE(record.data + record.size <= data + size);
        end = record.data + record.size;
    }
    Qingfen__V1__SetlBatch *other = qingfen__v1__setl_batch__unpack(NULL, size, data);
    if (other == NULL) return 0; /* It also reads the records, which the engine does one by one. */
    ENSURE(other->n_records == batch.count);
    qingfen__v1__setl_batch__free_unpacked(other, NULL);
    return 0;
}
