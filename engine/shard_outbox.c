/* shard_outbox -- what waits for a province or the platform, from a position on. Reads only; what
 * was read is acknowledged by a message of its own. */
#include <errno.h>
#include <stdlib.h>

#include "codec/failure_text.h"
#include "codec/wallet.h"
#include "codec/wallet_reply.h"
#include "shard_asking.h"
#include "types/ensure.h"
#include "util/text.h"

#define OUTBOX_WHY_SIZE 160 /* Bytes. */

/* The entry that was read last: the next message is often in it, too. */
struct queued {
    uint64_t seq;
    struct walk walk;
    struct wallet_entry entry;
};

static bool read_queued(const struct asking *a, uint64_t seq, struct queued *queued)
{
    struct entry entry;
    if (queued->seq == seq) return true;
    if (!walk_to(a->shard, &queued->walk, seq, &entry)) return false;
    ENSURE(wallet_entry_decode(entry.body, &queued->entry));
    queued->seq = seq;
    return true;
}

/* False when it cannot be read, which is noted then. It has not been acknowledged: it is there. */
static bool read_outgoing(const struct asking *a, uint32_t dest, uint64_t position,
                          struct queued *queued, struct outgoing *ret_outgoing)
{
    uint64_t seq;
    struct op op;
    bool bad;
    const bool there = outbox_find(a->shard, dest, position, &seq);
    NEED_STORE(there ? 0 : -EUCLEAN, "say where a message of an outbox stands");
    if (!read_queued(a, seq, queued)) return false;
    struct bytes ops = queued->entry.ops;
    bool found = false;
    while (!found && ops_next(&ops, &op, &bad)) {
        if (op.op != OP_QUEUE) continue;
        memcpy(ret_outgoing, op.data.data, sizeof *ret_outgoing);
        found = ret_outgoing->dest == dest && ret_outgoing->position == position;
    }
    ENSURE(found);
    return true;
}

/* Nobody but the reader can say that it will do without a message: it is told which one it is, and
 * may ask for what is behind it. */
static uint32_t refuse_position(const struct asking *a, uint64_t position,
                                const struct failure *failure)
{
    char why[OUTBOX_WHY_SIZE];
    char place[OUTBOX_WHY_SIZE];
    struct text text = text_begin(why, sizeof why);
    text_add(&text, "position ");
    text_add_int(&text, (int64_t)position);
    text_add(&text, " of this outbox: ");
    failure_text(0, failure, place, sizeof place);
    text_add(&text, place);
    return asking_refuse(a, failure->code, why);
}

/* A page ends before a message that cannot be read; one that would begin with it is refused. So
 * what is readable is given, and the refusal is always about the position right behind the
 * question's. */
static uint32_t give_outbox(const struct asking *a, uint32_t dest)
{
    const struct person_question *q = a->question;
    const struct shelf_counters *c = &a->shard->counters;
    const uint64_t acked = c->out_acked[dest];
    const uint64_t last = c->out_next[dest] - 1;
    const uint64_t from = q->after > acked ? q->after : acked;
    uint32_t count = 0;
    size_t size;
    struct failure failure;
    struct queued queued = {.seq = 0};
    struct outgoing *list = malloc(q->limit * sizeof *list);
    if (list == NULL) return ERROR_OVERLOAD;
    while (from + count < last && count < q->limit &&
           read_outgoing(a, dest, from + count + 1, &queued, &list[count]))
        count++;
    if (count == 0 && unread_take(a->shard, &failure)) {
        free(list);
        return refuse_position(a, from + 1, &failure);
    }
    unread_leave(a->shard);
    uint8_t *data = outbox_reply_encode(acked, last, list, count, &size);
    free(list);
    return asking_give(a, data, size);
}

uint32_t answer_outbox(const struct asking *a)
{
    const uint32_t dest = outbox_dest(a->question->dest);
    if (dest == OUTBOX_COUNT) return asking_refuse(a, ERROR_AREA_UNKNOWN, "dest");
    if (a->province != 0 && a->province != a->question->dest) {
        return asking_refuse(a, ERROR_SENDER_NOT_ALLOWED, "another province's outbox");
    }
    return give_outbox(a, dest);
}
