/* batch -- SetlBatch taken apart into the bytes of its records, without decoding them. */
#ifndef CODEC_BATCH_H
#define CODEC_BATCH_H

#include "types/error.h"
#include "types/settlement.h"
#include "types/wire.h"

struct batch {
    uint32_t count;
    struct bytes records[BATCH_RECORDS_MAX]; /* SetlPost bodies, views into the payload. */
};

/* False with *ret_failure set when the payload is no SetlBatch, holds no record or too many, or its
 * control totals (cnt, sum_amt) differ from its records. */
bool batch_open(struct bytes payload, struct batch *ret_batch, struct failure *ret_failure);

#endif
