/* engine_mail -- carries mail from the own shard to the others, and to itself.
 *
 * The shard keeps what it has to tell other persons and provinces until they have it, over crashes
 * too (codec/mail.h); the home only carries: as much as there is room for, at most MAIL_TURN
 * batches a turn and shard, and before new messages, so that neither holds up the other for long.
 * What a stop leaves here goes on at the next start. */
#include <stdlib.h>

#include "engine_internal.h"
#include "shard_wallet.h"

#define MAIL_TURN 16

/* Sends what was taken and had no room. */
static bool send_held(struct home *home, uint32_t shard, int64_t now_ms)
{
    struct held_mail *held = &home->mail[shard];
    const struct request request = {
        .ticket = TICKET_MAIL | ticket_make(home->index, 0),
        .type = REQUEST_MAIL,
        .body = {held->bytes, held->size},
    };
    const bool sent = shard == home->index ? home_give(home, &request, 1, now_ms) == 1
                                           : home_lane_send(home, shard, &request);
    if (sent) held->size = 0;
    return sent;
}

static bool carry(struct home *home, uint32_t shard, int64_t now_ms)
{
    struct held_mail *held = &home->mail[shard];
    bool any = false;
    for (int i = 0; i < MAIL_TURN; i++) {
        if (held->size == 0) {
            held->size = (uint32_t)shard_mail_take(home->shard, shard, held->bytes);
        }
        if (held->size == 0 || !send_held(home, shard, now_ms)) break;
        any = true;
    }
    return any;
}

bool mail_turn(struct home *home, int64_t now_ms)
{
    bool any = false;
    if (home->mail_stopped) return false;
    const bool waits = shard_mail_waits(home->shard);
    for (uint32_t shard = 0; shard < home->engine->config.shards; shard++) {
        if (waits || home->mail[shard].size != 0) any |= carry(home, shard, now_ms);
    }
    return any;
}

void home_stop_mail(struct home *home)
{
    home->mail_stopped = true;
}
