/* qingfen_client -- everything a C program needs to send settlements to Qingfen.
 *
 * WHAT    One connection for each shard of the engine, many messages under way on each, every
 *         message on the connection of its person's home shard, and one word on each when it is
 *         durable or refused.
 *
 *             struct post post;
 *             struct fleet_options options = {.batch = 512, .window = 8,
 *                                             .retry_ns = 30 * NS_PER_SECOND};
 *             client_address_parse("127.0.0.1:7040", &options.address);
 *             if (post_open(&post, options, told, owner) != 0) … post.fleet.text
 *             for (…)
 *                 if (post_settlement(&post, &settlement, tag) != 0) … post.fleet.text
 *             if (post_finish(&post) != 0) … post.fleet.text
 *             post_close(&post);
 *
 *         A whole program: tools/client/example/clear_one_day.c. The page for readers:
 *         docs/client.md.
 *
 * LAYERS  post.h     messages in, outcomes out: what most programs want
 *         fleet.h    the connections: open, route by person, mend, wait
 *         lane.h     one connection as a pipeline, frames with their records
 *         client.h   one connection, one question, one answer: for everything but mass
 *         outcome.h  answers without unpacking; messages.h a settlement to bytes and back;
 *         histogram.h latencies; the *.pb-c.h all other messages, by protobuf-c
 *
 * OUTCOMES  code 0: the engine has it in its journal, synced; dup when it had it before. Any other
 *         code of types/error.def: refused, nothing was changed, and the same again will be refused
 *         again. No outcome, because a call failed: nobody knows. Send it again, the same bytes
 *         under the same msgid and setl_id: the engine recognises what it did before.
 *
 * LOST CONNECTIONS  are taken up again for `retry_ns`, and everything open is sent again, in the
 *         old order. What had been done then comes back with `dup`. 0: the first loss ends it. A
 *         store that is another one behind the same address ends it, too.
 *
 * THREADS  None are started, and no lock is taken. A struct is used by one thread at a time;
 * several threads each open a post or a fleet of their own. Callbacks come from within the calls,
 *         and may not call back into the same struct, nor block for long: meanwhile nothing is sent
 *         or received.
 *
 * MEMORY   All of it is made by open and freed by close: `window` frames of up to `batch` records
 *         for each connection, 1 KiB a record and 5 KiB a frame at most, and buffers of some
 *         hundred KiB for what is received. Messages are copied, or written in place
 *         (lane_reserve), and what was handed over may be reused at once. Without memory the
 *         process ends with a sentence (NEED_MEMORY), as it does when the library finds a bug of
 *         its own or of its caller (ENSURE).
 *
 * TIME     No timer: a batch goes out when it is full or when fleet_seal() or post_finish() says
 *         so. A program that has nothing to send for a while seals and pumps. */
#ifndef QINGFEN_CLIENT_H
#define QINGFEN_CLIENT_H

#include "codec/messages.h"
#include "tools/client/clock.h"
#include "tools/client/histogram.h"
#include "tools/client/outcome.h"
#include "tools/client/post.h"
#include "types/error.h"

#endif
