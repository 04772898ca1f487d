/* corpus -- see corpus.h. */
#include "bench/corpus.h"

#include <stdlib.h>

#include "codec/messages.h"
#include "deploy/embedded_tables.h"
#include "tools/workload/workload.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"

#define MESSAGE_ROOM SETTLEMENT_ENCODED_MAX /* Bytes that must be free before one is encoded. */
#define MESSAGE_MEAN 288                    /* Bytes; more than the mean of a whole month. */

static size_t encode(const struct workload_item *item, uint8_t *out, uint16_t *ret_type)
{
    uint8_t psn_key[PSN_KEY_SIZE];
    const struct bytes key = {psn_key, sizeof psn_key};
    le_store64(psn_key, checksum_hash64(1, item->psn_no.data, item->psn_no.size));
    le_store64(psn_key + 8, checksum_hash64(2, item->psn_no.data, item->psn_no.size));

    if (item->kind == WORKLOAD_CORRECTION) {
        struct correction correction = item->correction;
        correction.psn_key = key;
        *ret_type = MESSAGE_CORRECTION;
        return correction_encode(&correction, out);
    }
    struct settlement settlement = item->settlement;
    settlement.psn_key = key;
    *ret_type = MESSAGE_SETL_POST;
    return settlement_encode(&settlement, out);
}

struct corpus *corpus_new(uint64_t count, bool corrections)
{
    const struct workload_config config = {
        .month = CORPUS_MONTH,
        .seed = 7,
        .count = count < 1000 ? 1000 : count,
        .corrections = corrections,
    };
    const size_t room = count * MESSAGE_MEAN + MESSAGE_ROOM;
    struct corpus *corpus = calloc(1, sizeof *corpus);
    struct workload *workload = malloc(sizeof *workload);
    ENSURE(corpus != NULL);
    ENSURE(workload != NULL);
    ENSURE(workload_config_check(&config) == NULL);
    corpus->list = calloc(count, sizeof *corpus->list);
    corpus->bytes = malloc(room);
    ENSURE(corpus->list != NULL);
    ENSURE(corpus->bytes != NULL);

    size_t used = 0;
    workload_init(workload, &config);
    for (; corpus->count < count; corpus->count++) {
        const struct workload_item *item = workload_next(workload);
        struct request *request = &corpus->list[corpus->count];
        ENSURE(item != NULL);
        ENSURE(room - used >= MESSAGE_ROOM);
        const size_t size = encode(item, corpus->bytes + used, &request->type);
        request->ticket = corpus->count;
        request->body = (struct bytes){corpus->bytes + used, size};
        used += size;
    }
    free(workload);
    return corpus;
}

void corpus_free(struct corpus *corpus)
{
    if (corpus == NULL) return;
    free(corpus->list);
    free(corpus->bytes);
    free(corpus);
}

uint64_t corpus_settlements(const struct corpus *corpus, struct settlement *out, uint64_t room)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < corpus->count && count < room; i++) {
        uint32_t field;
        if (corpus->list[i].type != MESSAGE_SETL_POST) continue;
        ENSURE(settlement_decode(corpus->list[i].body, &out[count], &field));
        count++;
    }
    return count;
}

void corpus_tables(struct tables *ret_tables)
{
    struct table_error error;
    tables_init(ret_tables);
    for (size_t i = 0; i < TABLE_FILE_COUNT; i++) {
        ENSURE(tables_load(ret_tables, (enum table_file)i,
                           (struct bytes){embedded_tables[i].data, embedded_tables[i].size},
                           &error));
    }
    ENSURE(tables_complete(ret_tables, &error));
}
