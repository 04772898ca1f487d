#include "tools/client/fleet.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "dispatch/route.h"
#include "tools/client/clock.h"
#include "types/ensure.h"

#define SILENCE_NS    (60 * NS_PER_SECOND) /* No answer for so long: the connection is dead. */
#define HOLD_PAUSE_MS 20                   /* Before what the engine had no room for goes again. */
#define MEND_PAUSE_MS 100

static int fail(struct fleet *fleet, int r, const char *text)
{
    snprintf(fleet->text, sizeof(fleet->text), "%s", text);
    return r;
}

/* Home of lane `index` as Hello wants it: the shard plus 1. With fewer lanes than shards a lane
 * serves several, and the engine sends its records on. */
static uint32_t lane_home(const struct fleet *fleet, uint32_t index)
{
    if (fleet->lane_count < fleet->shards) return 0;
    return index % fleet->shards + 1;
}

static void learn(struct fleet *fleet, const Qingfen__V1__HelloReply *hello)
{
    fleet->shards = hello->shards;
    fleet->engine_ms = hello->now;
    fleet->engine_at_ns = clock_ns();
    fleet->manual_clock = hello->manual_clock;
    memset(fleet->store_id, 0, sizeof(fleet->store_id));
    if (hello->store_id.len == sizeof(fleet->store_id)) {
        memcpy(fleet->store_id, hello->store_id.data, sizeof(fleet->store_id));
    }
}

static bool is_same_store(const struct fleet *fleet, const Qingfen__V1__HelloReply *hello)
{
    return hello->shards == fleet->shards && hello->store_id.len == sizeof(fleet->store_id) &&
           memcmp(hello->store_id.data, fleet->store_id, sizeof(fleet->store_id)) == 0;
}

/* Connects one lane, trying until the deadline. */
static int connect_lane(struct fleet *fleet, uint32_t index, int64_t deadline_ns)
{
    struct client *client = &fleet->lanes[index].client;
    for (;;) {
        Qingfen__V1__HelloReply *hello;
        int r = client_connect(client, deadline_ns);
        if (r == 0) {
            r = client_hello(client, fleet->options.province, lane_home(fleet, index), &hello);
        }
        if (r == 0) {
            const bool same = is_same_store(fleet, hello);
            qingfen__v1__hello_reply__free_unpacked(hello, NULL);
            fleet->heard_ns[index] = clock_ns();
            return same ? 0 : fail(fleet, -ESTALE, "there is another store behind the address now");
        }
        client_close(client);
        if (r == -EPERM || clock_ns() >= deadline_ns) return fail(fleet, r, client->text);
        poll(NULL, 0, MEND_PAUSE_MS);
    }
}

/* Asks the first connection how many shards there are. */
static int look_around(struct fleet *fleet)
{
    struct client client;
    Qingfen__V1__HelloReply *hello;

    client_init(&client, &fleet->options.address);
    int r = client_connect(&client, 0);
    if (r == 0) r = client_hello(&client, fleet->options.province, 0, &hello);
    if (r != 0) {
        fail(fleet, r, client.text);
    } else {
        learn(fleet, hello);
        qingfen__v1__hello_reply__free_unpacked(hello, NULL);
        if (fleet->shards == 0 || fleet->shards > SHARDS_MAX) {
            r = fail(fleet, -EPROTO, "the engine says a number of shards that cannot be");
        }
    }
    client_done(&client);
    return r;
}

int fleet_open(struct fleet *fleet, const struct fleet_options *options)
{
    *fleet = (struct fleet){.options = *options};
    int r = look_around(fleet);
    if (r != 0) return r;

    const uint32_t wanted = options->lanes == 0 ? fleet->shards : options->lanes;
    fleet->lane_count = wanted;
    fleet->lanes = calloc(wanted, sizeof(*fleet->lanes));
    fleet->lost_ns = calloc(wanted, sizeof(*fleet->lost_ns));
    fleet->heard_ns = calloc(wanted, sizeof(*fleet->heard_ns));
    NEED_MEMORY(fleet->lanes);
    NEED_MEMORY(fleet->lost_ns);
    NEED_MEMORY(fleet->heard_ns);
    for (uint32_t i = 0; i < wanted; i++) {
        lane_init(&fleet->lanes[i], &options->address, options->batch, options->window,
                  options->body_max == 0 ? LANE_BODY_MAX : options->body_max);
    }
    for (uint32_t i = 0; i < wanted && r == 0; i++) {
        r = connect_lane(fleet, i, 0);
    }
    if (r != 0) fleet_close(fleet);
    return r;
}

void fleet_close(struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->lane_count; i++) {
        lane_done(&fleet->lanes[i]);
    }
    free(fleet->lanes);
    free(fleet->lost_ns);
    free(fleet->heard_ns);
    fleet->lanes = NULL;
    fleet->lost_ns = NULL;
    fleet->heard_ns = NULL;
    fleet->lane_count = 0;
}

struct lane *fleet_lane(const struct fleet *fleet, const uint8_t psn_key[PSN_KEY_SIZE])
{
    const uint32_t shard = route_shard(psn_key, fleet->shards);
    if (fleet->lane_count == fleet->shards) return &fleet->lanes[shard]; /* As nearly always. */
    if (fleet->lane_count < fleet->shards) return &fleet->lanes[shard % fleet->lane_count];

    /* Several lanes to a shard: another byte of the key chooses, so that (F1) holds. */
    const uint32_t beyond = fleet->lane_count - shard - 1;
    const uint32_t copies = beyond / fleet->shards + 1;
    return &fleet->lanes[shard + psn_key[4] % copies * fleet->shards];
}

/* The lane's connection is gone, client.text says why: connects it again for a while. */
static int mend(struct fleet *fleet, uint32_t index, int r)
{
    struct lane *lane = &fleet->lanes[index];
    const int64_t now = clock_ns();
    client_close(&lane->client);
    if (fleet->options.retry_ns == 0) return fail(fleet, r, lane->client.text);

    /* Counted from the first loss since anything was answered: a connection that is opened and lost
     * over and over does not keep us for ever. */
    const bool first = fleet->lost_ns[index] == 0;
    if (first) fleet->lost_ns[index] = now;
    const int64_t deadline = fleet->lost_ns[index] + fleet->options.retry_ns;
    if (now >= deadline) return fail(fleet, r, lane->client.text);
    if (first) {
        fprintf(stderr, "%s; trying again for %d s\n", lane->client.text,
                (int)(fleet->options.retry_ns / NS_PER_SECOND));
    }
    poll(NULL, 0, MEND_PAUSE_MS);
    r = connect_lane(fleet, index, deadline);
    if (r != 0) return r;
    if (first) fprintf(stderr, "connected again\n");
    lane_again(lane);
    return 0;
}

struct hearing {
    struct fleet *fleet;
    uint32_t index;
};

static bool hear(void *owner, struct lane *lane, struct lane_slot *slot, const struct frame *reply)
{
    const struct hearing *hearing = owner;
    struct fleet *fleet = hearing->fleet;
    if (slot != NULL) {
        fleet->heard_ns[hearing->index] = lane->received_ns;
        fleet->lost_ns[hearing->index] = 0;
    }
    return fleet->options.answered(fleet->options.owner, lane, slot, reply);
}

static int pump_lane(struct fleet *fleet, uint32_t index, short events)
{
    struct lane *lane = &fleet->lanes[index];
    struct hearing hearing = {fleet, index};
    int r = 0;
    if ((events & (POLLIN | POLLERR | POLLHUP)) != 0) r = lane_receive(lane, hear, &hearing);
    if (r == 0 && lane_is_held(lane)) {
        poll(NULL, 0, HOLD_PAUSE_MS);
        lane_again(lane);
    }
    if (r == 0) r = lane_send(lane);
    return r;
}

/* The engine took our frames and says nothing more. */
static bool is_silent(struct fleet *fleet, uint32_t index, int64_t now)
{
    struct lane *lane = &fleet->lanes[index];
    if (lane->oldest == lane->filling) fleet->heard_ns[index] = now;
    if (now - fleet->heard_ns[index] < SILENCE_NS) return false;
    snprintf(lane->client.text, sizeof(lane->client.text), "no answer from %s:%s within %d s",
             lane->client.address.host, lane->client.address.port,
             (int)(SILENCE_NS / NS_PER_SECOND));
    return true;
}

int fleet_pump(struct fleet *fleet, int64_t wait_ns)
{
    struct pollfd fds[FLEET_LANES_MAX];
    for (uint32_t i = 0; i < fleet->lane_count; i++) {
        int r = lane_send(&fleet->lanes[i]);
        if (r != 0) r = mend(fleet, i, r);
        if (r != 0) return r;
        const bool waits = lane_wants_send(&fleet->lanes[i]);
        fds[i].fd = fleet->lanes[i].client.fd;
        fds[i].events = (short)(POLLIN | (waits ? POLLOUT : 0));
        fds[i].revents = 0;
    }
    const struct timespec wait = {wait_ns / NS_PER_SECOND, wait_ns % NS_PER_SECOND};
    const int n = ppoll(fds, fleet->lane_count, &wait, NULL);
    if (n < 0 && errno != EINTR) return fail(fleet, -errno, strerror(errno));

    const int64_t now = clock_ns();
    for (uint32_t i = 0; i < fleet->lane_count; i++) {
        int r = 0;
        if (fds[i].revents != 0) r = pump_lane(fleet, i, fds[i].revents);
        if (r == 0 && wait_ns > 0 && is_silent(fleet, i, now)) r = -ETIMEDOUT;
        if (r != 0) r = mend(fleet, i, r);
        if (r != 0) return r;
    }
    return 0;
}

void fleet_seal(struct fleet *fleet)
{
    for (uint32_t i = 0; i < fleet->lane_count; i++) {
        lane_seal(&fleet->lanes[i]);
    }
}

uint64_t fleet_open_records(const struct fleet *fleet)
{
    uint64_t records = 0;
    for (uint32_t i = 0; i < fleet->lane_count; i++) {
        records += fleet->lanes[i].open_records;
    }
    return records;
}
