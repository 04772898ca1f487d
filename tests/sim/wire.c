/* wire -- connections of the simulated world: both ends and what is between them.
 *
 * The centre's end does what world/linux/sessions.c does: frames are taken off what has arrived
 * until the home takes no more; then nothing more is read than one frame can be long, and what
 * arrives waits outside. A client that takes nothing is not read. */
#include <stdlib.h>

#include "tests/sim/world_internal.h"
#include "types/ensure.h"

#define UNSENT_MAX (1u << 20) /* OUT_THROTTLE of sessions.c. */
#define FAR_US     120        /* A delivery takes so long at least … */
#define SPREAD_US  400        /* … and up to so much more. */
#define STALL_US   400000

/* ---- pipes --------------------------------------------------------------------------------- */

void pipe_add(struct pipe *pipe, struct bytes bytes)
{
    if (bytes.size == 0) return;
    if (pipe->start + pipe->size + bytes.size > pipe->room && pipe->start != 0) {
        memmove(pipe->data, pipe->data + pipe->start, pipe->size);
        pipe->start = 0;
    }
    if (pipe->size + bytes.size > pipe->room) {
        size_t room = pipe->room == 0 ? 4096 : 2 * pipe->room;
        while (room < pipe->size + bytes.size)
            room *= 2;
        uint8_t *more = realloc(pipe->data, room);
        ENSURE(more != NULL);
        pipe->data = more;
        pipe->room = room;
    }
    if (bytes.size != 0) memcpy(pipe->data + pipe->start + pipe->size, bytes.data, bytes.size);
    pipe->size += bytes.size;
}

void pipe_take(struct pipe *pipe, size_t size)
{
    pipe->start += size;
    pipe->size -= size;
    if (pipe->size == 0) pipe->start = 0;
}

void pipe_free(struct pipe *pipe)
{
    free(pipe->data);
    *pipe = (struct pipe){0};
}

/* Moves bytes from the front of one to the end of another. */
static void pipe_move(struct pipe *from, struct pipe *to, size_t size)
{
    pipe_add(to, (struct bytes){from->data + from->start, size});
    pipe_take(from, size);
}

/* ---- the life of a connection -------------------------------------------------------------- */

static uint32_t index_of(const struct sim_world *world, const struct connection *connection)
{
    return (uint32_t)(connection - world->connections);
}

static void release(struct connection *connection)
{
    if (connection->client || connection->open) return;
    connection->used = false;
    connection->life++; /* Whatever is still on its way is void. */
    connection->up.size = connection->up.start = 0;
    connection->down.size = connection->down.start = 0;
    connection->inbox.size = connection->inbox.start = 0;
    connection->in.size = connection->in.start = 0;
    connection->out.size = connection->out.start = 0;
}

/* The centre's end closes. */
static void close_session(struct sim_world *world, struct connection *connection)
{
    if (!connection->open) return;
    struct sim_shard *shard = &world->shards[connection->shard];
    connection->open = false;
    connection->waiting = connection->dirty = false;
    connection->held = 0;
    connection->in.size = connection->in.start = 0;
    connection->out.size = connection->out.start = 0;
    if (shard->home != NULL) {
        home_session_closed(shard->home, connection->session);
        shard->free_sessions[shard->free_count++] = connection->session;
        centre_wake(shard);
    }
}

/* The line is cut: both ends see it, and what was on its way is gone. */
static void cut(struct sim_world *world, struct connection *connection)
{
    close_session(world, connection);
    connection->ended = true;
    connection->life++;
    connection->up.size = connection->up.start = 0;
    connection->down.size = connection->down.start = 0;
    release(connection);
}

void wire_init_shard(struct sim_shard *shard)
{
    shard->free_count = 0;
    for (uint32_t i = SESSIONS_MAX; i-- > 0;)
        shard->free_sessions[shard->free_count++] = i;
}

void wire_done(struct sim_world *world)
{
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &world->connections[i];
        pipe_free(&connection->up);
        pipe_free(&connection->down);
        pipe_free(&connection->inbox);
        pipe_free(&connection->lent);
        pipe_free(&connection->in);
        pipe_free(&connection->out);
    }
}

void wire_down(struct sim_world *world)
{
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &world->connections[i];
        if (!connection->used) continue;
        if (connection->down.size != 0 && prng_chance(&world->prng, 500)) {
            /* What left before, or a part of it, arrives all the same. */
            const size_t arrives = prng_below(&world->prng, connection->down.size + 1);
            sim_note_bytes(world, (struct bytes){pipe_bytes(&connection->down).data, arrives});
            if (connection->client) pipe_move(&connection->down, &connection->inbox, arrives);
        }
        cut(world, connection);
    }
}

/* ---- the way ------------------------------------------------------------------------------- */

/* When something sent now arrives, behind what was sent before; stalls now and then. */
static uint64_t arrival(struct sim_world *world, uint64_t *last_us)
{
    uint64_t at_us = world->now_us + sim_between(world, FAR_US, SPREAD_US);
    if (sim_happens(world, world->config.faults.stall)) at_us += sim_between(world, 0, STALL_US);
    if (at_us < *last_us) at_us = *last_us;
    *last_us = at_us;
    return at_us - world->now_us;
}

/* Sends `size` bytes on their way, in one piece or in two. */
static void send_bytes(struct sim_world *world, struct connection *connection,
                       enum sim_event_kind kind, size_t size, uint64_t *last_us)
{
    const uint32_t index = index_of(world, connection);
    size_t first = size;
    if (size > 1 && sim_happens(world, world->config.faults.split))
        first = 1 + prng_below(&world->prng, size - 1);
    sim_schedule(world, arrival(world, last_us), kind, index, connection->life, (int64_t)first);
    if (first != size)
        sim_schedule(world, arrival(world, last_us), kind, index, connection->life,
                     (int64_t)(size - first));
}

/* ---- the centre's end ---------------------------------------------------------------------- */

static bool is_throttled(const struct connection *connection)
{
    return connection->out.size + connection->down.size > UNSENT_MAX;
}

/* Takes whole frames off what was read, as sessions.c does. */
static void take_frames(struct sim_world *world, struct connection *connection)
{
    struct home *home = world->shards[connection->shard].home;
    const int64_t now_ms = sim_clock_ms(world);
    size_t used = 0;
    bool blocked = false;
    while (used < connection->in.size && !connection->close_after) {
        const struct bytes all = pipe_bytes(&connection->in);
        struct frame frame = {0};
        size_t size = 0;
        const enum frame_state state =
            frame_read((struct bytes){all.data + used, all.size - used}, &frame, &size);
        if (state == FRAME_PARTIAL) break;
        if (state != FRAME_WHOLE) {
            home_submit(home, now_ms);
            home_bad_stream(home, connection->session, state, frame.request_id);
            used = connection->in.size;
            break;
        }
        if (is_throttled(connection) ||
            home_frame(home, connection->session, &frame, now_ms) == HOME_BLOCKED) {
            blocked = true;
            break;
        }
        used += size;
    }
    home_submit(home, now_ms); /* From here on the bytes may go. */
    if (connection->close_after) used = connection->in.size;
    pipe_take(&connection->in, used);
    connection->waiting = blocked;
}

/* Reads what has arrived, as far as there is room, and takes it. */
static void take_input(struct sim_world *world, struct connection *connection)
{
    if (connection->held != 0 &&
        !(connection->waiting && connection->in.size > FRAME_PAYLOAD_MAX)) {
        pipe_move(&connection->up, &connection->in, connection->held);
        connection->held = 0;
    }
    take_frames(world, connection);
    if (connection->end_of_input && !connection->waiting && connection->in.size != 0) {
        home_bad_stream(world->shards[connection->shard].home, connection->session, FRAME_PARTIAL,
                        0);
        pipe_take(&connection->in, connection->in.size);
    }
    centre_wake(&world->shards[connection->shard]);
}

/* Everything was answered and sent: then one that is to end does. */
static void end_if_done(struct sim_world *world, struct connection *connection)
{
    const struct home *home = world->shards[connection->shard].home;
    if (!connection->open || connection->out.size != 0) return;
    if (home_session_busy(home, connection->session)) return;
    if (!connection->close_after && !(connection->end_of_input && !connection->waiting)) return;
    close_session(world, connection);
    sim_schedule(world, arrival(world, &connection->down_us), SIM_DOWN_END,
                 index_of(world, connection), connection->life, 0);
}

bool wire_take_waiting(struct sim_shard *shard)
{
    struct sim_world *world = shard->world;
    bool any = false;
    for (uint32_t i = 0; i < SESSIONS_MAX; i++) {
        if (shard->free_count == SESSIONS_MAX) return any;
        struct connection *connection = &world->connections[shard->sessions[i]];
        if (!connection->open || connection->session != i || connection->shard != shard->index ||
            !connection->waiting)
            continue;
        if (is_throttled(connection) || !home_ready(shard->home)) continue;
        const size_t before = connection->in.size;
        take_input(world, connection);
        any |= connection->in.size != before;
        end_if_done(world, connection);
    }
    return any;
}

void wire_queue(struct sim_shard *shard, uint32_t session, struct bytes frame)
{
    struct connection *connection = &shard->world->connections[shard->sessions[session]];
    if (!connection->open) return;
    pipe_add(&connection->out, frame);
    connection->dirty = true;
    shard->world->dirty = true;
}

void wire_close_after(struct sim_shard *shard, uint32_t session)
{
    struct connection *connection = &shard->world->connections[shard->sessions[session]];
    connection->close_after = true;
    connection->dirty = true;
    shard->world->dirty = true;
}

void wire_flush(struct sim_world *world)
{
    if (!world->dirty) return;
    world->dirty = false;
    for (uint32_t i = 0; i < world->connection_count; i++) {
        struct connection *connection = &world->connections[i];
        if (!connection->dirty) continue;
        connection->dirty = false;
        const size_t size = connection->out.size;
        if (size != 0) {
            pipe_move(&connection->out, &connection->down, size);
            send_bytes(world, connection, SIM_DOWN, size, &connection->down_us);
        }
        end_if_done(world, connection);
    }
}

/* ---- events -------------------------------------------------------------------------------- */

static void on_open(struct sim_world *world, struct connection *connection)
{
    struct sim_shard *shard = &world->shards[connection->shard];
    if (!world->accepting || shard->free_count == 0) {
        cut(world, connection);
        return;
    }
    connection->open = true;
    connection->end_of_input = connection->close_after = false;
    connection->session = shard->free_sessions[--shard->free_count];
    shard->sessions[connection->session] = index_of(world, connection);
    home_session_opened(shard->home, connection->session);
}

static void on_up(struct sim_world *world, struct connection *connection, size_t size)
{
    if (!connection->open) return; /* Nobody reads it any more. */
    sim_note_bytes(world,
                   (struct bytes){pipe_bytes(&connection->up).data + connection->held, size});
    connection->held += size;
    if (!connection->waiting) take_input(world, connection);
}

static void on_down(struct sim_world *world, struct connection *connection, size_t size)
{
    sim_note_bytes(world, (struct bytes){pipe_bytes(&connection->down).data, size});
    if (connection->client) {
        pipe_move(&connection->down, &connection->inbox, size);
    } else {
        pipe_take(&connection->down, size);
    }
    if (connection->open && connection->waiting) centre_wake(&world->shards[connection->shard]);
}

static void on_up_end(struct sim_world *world, struct connection *connection)
{
    if (connection->open && prng_chance(&world->prng, 500)) { /* Its answers go nowhere. */
        connection->end_of_input = true;
        if (!connection->waiting) take_input(world, connection);
        end_if_done(world, connection);
    } else {
        close_session(world, connection);
    }
    release(connection);
}

void wire_event(struct sim_world *world, const struct sim_event *event)
{
    struct connection *connection = &world->connections[event->index];
    const bool delivery = event->kind == SIM_UP || event->kind == SIM_DOWN;
    if (delivery && sim_happens(world, world->config.faults.cut)) {
        cut(world, connection);
        return;
    }
    switch (event->kind) {
    case SIM_OPEN:
        on_open(world, connection);
        return;
    case SIM_UP:
        on_up(world, connection, (size_t)event->value);
        return;
    case SIM_UP_END:
        on_up_end(world, connection);
        return;
    case SIM_DOWN:
        on_down(world, connection, (size_t)event->value);
        return;
    case SIM_DOWN_END:
        connection->ended = true;
        release(connection);
        return;
    default:
        ENSURE(false);
    }
}

/* ---- the client's end ---------------------------------------------------------------------- */

int sim_connect(struct sim_world *world, uint32_t shard)
{
    ENSURE(shard < world->config.shards);
    if (!world->accepting) return -1;
    uint32_t index = 0;
    while (index < CONNECTIONS_MAX && world->connections[index].used)
        index++;
    if (index == CONNECTIONS_MAX) return -1;
    if (index >= world->connection_count) world->connection_count = index + 1;
    struct connection *connection = &world->connections[index];
    connection->used = connection->client = true;
    connection->ended = connection->end_of_input = connection->close_after = false;
    connection->life++;
    connection->shard = shard;
    connection->up_us = connection->down_us = 0;
    sim_schedule(world, arrival(world, &connection->up_us), SIM_OPEN, index, connection->life, 0);
    return (int)index;
}

void sim_hang_up(struct sim_world *world, int number)
{
    struct connection *connection = &world->connections[number];
    if (!connection->client) return;
    connection->client = false;
    if (!connection->ended) {
        sim_schedule(world, arrival(world, &connection->up_us), SIM_UP_END, (uint32_t)number,
                     connection->life, 0);
        return;
    }
    release(connection);
}

bool sim_connected(const struct sim_world *world, int number)
{
    const struct connection *connection = &world->connections[number];
    return connection->client && !connection->ended;
}

void sim_send(struct sim_world *world, int number, struct bytes bytes)
{
    struct connection *connection = &world->connections[number];
    if (!connection->client || connection->ended || bytes.size == 0) return;
    pipe_add(&connection->up, bytes);
    send_bytes(world, connection, SIM_UP, bytes.size, &connection->up_us);
}

struct bytes sim_receive(struct sim_world *world, int number)
{
    struct connection *connection = &world->connections[number];
    const struct pipe given = connection->inbox;
    connection->inbox = connection->lent;
    connection->lent = given;
    connection->inbox.size = connection->inbox.start = 0;
    return pipe_bytes(&connection->lent);
}
