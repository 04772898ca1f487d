/* shard_asking -- what the answers to questions about persons share: who asks, what for, and where
 * the answer goes. Reads only; of one shard, inside its step. */
#ifndef SHARD_ASKING_H
#define SHARD_ASKING_H

#include "codec/person.h"
#include "shard_internal.h"
#include "types/civil.h"

/* A question while it is answered. Borrows all that it points to. */
struct asking {
    const struct shard *shard;
    const struct person_question *question;
    struct bytes cursor;
    int64_t now_ms;
    uint16_t province; /* Of the session, 0: everybody's. */
    struct answer *answer;
    bool *more;
};

/* The reply's bytes, which the answer owns from here on. NULL, for want of memory: ERROR_OVERLOAD.
 */
static inline uint32_t asking_give(const struct asking *a, uint8_t *data, size_t size)
{
    if (data == NULL) return ERROR_OVERLOAD;
    a->answer->data = data;
    a->answer->size = size;
    return ERROR_OK;
}

/* A refusal with its code and, when it is not NULL, a sentence. Returns the code. */
static inline uint32_t asking_refuse(const struct asking *a, uint32_t code, const char *why)
{
    size_t size;
    uint8_t *data = person_refusal_encode(code, why, &size);
    return asking_give(a, data, size) == ERROR_OK ? code : ERROR_OVERLOAD;
}

/* The person's key; zeros when the question names nobody. */
static inline struct bytes asking_key(const struct asking *a)
{
    return (struct bytes){a->question->psn_key.bytes, PSN_KEY_SIZE};
}

/* True when the session may see what belongs to that area. */
static inline bool asking_sees(const struct asking *a, uint32_t admdvs)
{
    return a->province == 0 || province_of_area(admdvs) == province_index(a->province);
}

/* True when a correction took the record back. */
static inline bool asking_taken_back(const struct asking *a, const struct entry *entry)
{
    return (mark_of(a->shard, entry->seq).flags & MARK_REVERSED) != 0;
}

/* 异地结算单: one settlement with every figure and what became of it. An error code; 6002 for a
 * settlement of another person or of provinces the session is none of. */
uint32_t answer_statement(const struct asking *a);

/* Messages of an outbox that are not acknowledged, from behind the position asked for. An error
 * code; 6010 when the first of them cannot be read. */
uint32_t answer_outbox(const struct asking *a);

#endif
