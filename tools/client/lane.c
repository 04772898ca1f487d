#include "tools/client/lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "codec/wire_table.h"
#include "tools/client/clock.h"
#include "types/ensure.h"
#include "util/cache_line.h"

#define SEND_PARTS_MAX 256  /* Frames in one system call. */
#define RECORD_TAG     0x0a /* Field 1, length-delimited: SetlBatch.records. */
#define RECORD_HEAD    4    /* Tag and the length as a varint of a body within LANE_BODY_MAX. */
#define BODY_ROOM      1024 /* Bytes a record takes at most on average; see slot_takes(). */

static size_t room_of(uint32_t batch, uint32_t body_max)
{
    const size_t records = batch == 1 ? 0 : (size_t)batch * (BODY_ROOM + RECORD_HEAD);
    const size_t room = FRAME_HEAD_SIZE + body_max + records;
    const size_t most = FRAME_HEAD_SIZE + FRAME_PAYLOAD_MAX;
    return room < most ? room : most;
}

static void *need(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    NEED_MEMORY(memory);
    return memory;
}

/* Bytes of all that belongs to a slot. */
static size_t slot_size(const struct lane *lane)
{
    const size_t of_record = sizeof(*lane->slots->tags) + sizeof(*lane->slots->starts) +
                             sizeof(*lane->slots->ends) + sizeof(*lane->slots->fates);
    const size_t size = lane->batch * of_record + lane->slot_room;
    return (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* It lies together, the frame last: of a short message the processor fetches a few lines in a row.
 */
static void lay_slot(const struct lane *lane, uint8_t *memory, struct lane_slot *slot)
{
    slot->tags = (uint64_t *)(void *)memory;
    slot->starts = (uint32_t *)(void *)(slot->tags + lane->batch);
    slot->ends = slot->starts + lane->batch;
    slot->fates = (uint8_t *)(slot->ends + lane->batch);
    slot->frame = slot->fates + lane->batch;
}

void lane_init(struct lane *lane, const struct client_address *address, uint32_t batch,
               uint32_t window, uint32_t body_max)
{
    ENSURE(batch >= 1);
    ENSURE(window >= 1);
    ENSURE(body_max >= 1 && body_max <= LANE_BODY_MAX);
    *lane = (struct lane){.batch = batch, .window = window, .body_max = body_max};
    lane->slot_room = room_of(batch, body_max);
    client_init(&lane->client, address);
    lane->slots = need(window, sizeof(*lane->slots));
    lane->fill = lane->slots;
    const size_t size = slot_size(lane);
    lane->memory = need(window, size);
    for (uint32_t i = 0; i < window; i++)
        lay_slot(lane, lane->memory + i * size, &lane->slots[i]);
}

void lane_done(struct lane *lane)
{
    free(lane->memory);
    free(lane->slots);
    client_done(&lane->client);
}

static struct lane_slot *slot_at(const struct lane *lane, uint64_t sequence)
{
    return &lane->slots[sequence % lane->window];
}

bool lane_has_room(const struct lane *lane)
{
    return lane->filling - lane->oldest < lane->window;
}

static bool filling_has_records(const struct lane *lane)
{
    return lane_has_room(lane) && lane->fill->count > 0;
}

bool lane_is_empty(const struct lane *lane)
{
    return lane->filling == lane->oldest && !filling_has_records(lane);
}

static struct lane_slot *slot_begin(struct lane *lane, uint16_t type)
{
    struct lane_slot *slot = lane->fill;
    slot->type = type;
    slot->size = FRAME_HEAD_SIZE;
    slot->answered = false;
    slot->again = false;
    slot->request_id = lane->filling + 1;
    slot->since_ns = clock_ns();
    return slot;
}

static void slot_note(struct lane *lane, struct lane_slot *slot, size_t body_size, uint64_t tag)
{
    slot->ends[slot->count] = (uint32_t)slot->size;
    slot->starts[slot->count] = (uint32_t)(slot->size - body_size);
    slot->tags[slot->count] = tag;
    slot->fates[slot->count] = 0;
    slot->count++;
    lane->open_records++;
}

void lane_seal(struct lane *lane)
{
    if (!filling_has_records(lane)) return;
    struct lane_slot *slot = lane->fill;
    const struct bytes payload = {slot->frame + FRAME_HEAD_SIZE, slot->size - FRAME_HEAD_SIZE};
    frame_write_head(slot->frame, slot->type, slot->request_id, payload);
    lane->filling++;
    lane->fill = slot_at(lane, lane->filling);
}

struct lane_slot *lane_post(struct lane *lane, uint16_t type, struct bytes body, uint64_t tag)
{
    ENSURE(lane_has_room(lane));
    ENSURE(!filling_has_records(lane));
    ENSURE(body.size <= lane->body_max);
    struct lane_slot *slot = slot_begin(lane, type);
    memcpy(slot->frame + slot->size, body.data, body.size);
    slot->size += body.size;
    slot_note(lane, slot, body.size, tag);
    lane_seal(lane);
    return slot;
}

/* Where the body of a record in a batch is written: behind its tag and a length of two bytes, which
 * all but the shortest records have. */
#define BODY_OFFSET 3
#define SHORT_BODY  128 /* Bytes: from here on a varint has two. */

uint8_t *lane_reserve(struct lane *lane)
{
    ENSURE(lane_has_room(lane));
    struct lane_slot *slot = lane->fill;
    if (lane->batch == 1) {
        slot_begin(lane, MESSAGE_SETL_POST);
        return slot->frame + slot->size;
    }
    if (slot->count == 0) slot_begin(lane, MESSAGE_SETL_BATCH);
    return slot->frame + slot->size + BODY_OFFSET;
}

struct lane_slot *lane_commit(struct lane *lane, size_t size, uint64_t tag)
{
    ENSURE(size <= lane->body_max);
    struct lane_slot *slot = lane->fill;
    if (lane->batch > 1) {
        uint8_t *head = slot->frame + slot->size;
        if (size < SHORT_BODY) memmove(head + BODY_OFFSET - 1, head + BODY_OFFSET, size);
        *head++ = RECORD_TAG;
        head = wire_put_varint(head, size);
        slot->size = (size_t)(head - slot->frame);
    }
    slot->size += size;
    slot_note(lane, slot, size, tag);

    /* Full is also a slot that might not hold the largest body there is. */
    const bool full =
        slot->count == lane->batch || slot->size + RECORD_HEAD + lane->body_max > lane->slot_room;
    if (full) lane_seal(lane);
    return slot;
}

struct lane_slot *lane_add(struct lane *lane, struct bytes body, uint64_t tag)
{
    ENSURE(body.size <= lane->body_max);
    memcpy(lane_reserve(lane), body.data, body.size);
    return lane_commit(lane, body.size, tag);
}

bool lane_wants_send(const struct lane *lane)
{
    return lane->held > 0 ? lane->sent_size > 0 : lane->sending < lane->filling;
}

/* Answered slots are not sent again; but never leave one half sent. */
static void pass_answered(struct lane *lane)
{
    while (lane->sent_size == 0 && lane->sending < lane->filling &&
           slot_at(lane, lane->sending)->answered) {
        lane->sending++;
    }
}

static int gather(struct lane *lane, struct iovec parts[SEND_PARTS_MAX])
{
    const int most = lane->held > 0 ? (lane->sent_size > 0) : SEND_PARTS_MAX;
    int count = 0;
    for (uint64_t s = lane->sending; s < lane->filling && count < most; s++) {
        const struct lane_slot *slot = slot_at(lane, s);
        const size_t skip = s == lane->sending ? lane->sent_size : 0;
        if (slot->answered && skip == 0) break; /* pass_answered() goes over it next time. */
        parts[count++] = (struct iovec){slot->frame + skip, slot->size - skip};
    }
    return count;
}

/* Slots at the front that are answered may be filled anew; one that is half sent still has its
 * bytes needed. */
static void free_answered(struct lane *lane)
{
    while (lane->oldest < lane->filling && slot_at(lane, lane->oldest)->answered) {
        if (lane->oldest == lane->sending && lane->sent_size > 0) break;
        slot_at(lane, lane->oldest)->count = 0;
        lane->oldest++;
    }
    if (lane->sending < lane->oldest) lane->sending = lane->oldest;
}

static void note_sent(struct lane *lane, size_t size)
{
    while (size > 0) {
        const size_t left = slot_at(lane, lane->sending)->size - lane->sent_size;
        if (size < left) {
            lane->sent_size += size;
            return;
        }
        size -= left;
        lane->sent_size = 0;
        lane->sending++;
        free_answered(lane);
    }
}

int lane_send(struct lane *lane)
{
    for (;;) {
        struct iovec parts[SEND_PARTS_MAX];
        pass_answered(lane);
        const int count = gather(lane, parts);
        if (count == 0) return 0;

        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        const ssize_t n = sendmsg(lane->client.fd, &message, MSG_NOSIGNAL);
        if (n >= 0) {
            note_sent(lane, (size_t)n);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return 0;
        } else if (errno != EINTR) {
            const int r = -errno;
            snprintf(lane->client.text, sizeof(lane->client.text), "connection to %s:%s lost: %s",
                     lane->client.address.host, lane->client.address.port, strerror(-r));
            return r;
        }
    }
}

static void settle(struct lane *lane, struct lane_slot *slot, bool done)
{
    if (done) {
        slot->answered = true;
        lane->open_records -= slot->count;
        if (slot->again) lane->held--;
        slot->again = false;
        free_answered(lane);
    } else if (!slot->again) {
        slot->again = true;
        lane->held++;
    }
}

int lane_receive(struct lane *lane, lane_answered *answered, void *owner)
{
    const int64_t n = client_receive(&lane->client);
    lane->received_ns = clock_ns();
    struct frame reply;
    int r;
    while ((r = client_next(&lane->client, &reply)) == 1) {
        const uint64_t sequence = reply.request_id - 1;
        if (sequence < lane->oldest || sequence >= lane->filling) {
            /* An error without a request: the engine could not read us and is about to close. */
            if (reply.type == MESSAGE_ERROR && answered(owner, lane, NULL, &reply)) return -EPROTO;
            continue;
        }
        struct lane_slot *slot = slot_at(lane, sequence);
        if (!slot->answered) settle(lane, slot, answered(owner, lane, slot, &reply));
    }
    if (r < 0) return r;
    return n < 0 ? (int)n : 0;
}

bool lane_is_held(const struct lane *lane)
{
    if (lane->held == 0 || lane->sent_size > 0) return false;
    for (uint64_t s = lane->oldest; s < lane->sending; s++) {
        const struct lane_slot *slot = slot_at(lane, s);
        if (!slot->answered && !slot->again) return false;
    }
    return true;
}

void lane_again(struct lane *lane)
{
    for (uint64_t s = lane->oldest; s < lane->filling; s++) {
        slot_at(lane, s)->again = false;
    }
    lane->held = 0;
    lane->sending = lane->oldest;
    lane->sent_size = 0;
}
