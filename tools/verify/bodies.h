/* bodies -- what stands in an entry, read by protobuf-c: another decoder than the engine's. */
#ifndef VERIFY_BODIES_H
#define VERIFY_BODIES_H

#include <protobuf-c/protobuf-c.h>

#include "types/settlement.h"

/* Memory for one entry's message; emptied by bodies_reset(). */
struct arena {
    uint8_t *memory;
    size_t size;
    size_t used;
    ProtobufCAllocator allocator;
};

/* False without memory. */
bool arena_init(struct arena *arena);
void arena_done(struct arena *arena);

/* Each resets the arena, whose memory the views in the result borrow until the next reset. False
 * when the body is no message of that kind. */
bool body_settlement(struct arena *arena, struct bytes body, struct settlement *ret_settlement);
bool body_adjustment(struct arena *arena, struct bytes body, struct adjustment *ret_adjustment);
bool body_correction(struct arena *arena, struct bytes body, struct correction *ret_correction);

#endif
