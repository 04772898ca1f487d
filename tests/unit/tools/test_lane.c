#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/unit.h"
#include "tools/client/lane.h"

/* The engine's end of the wire, with the frames it has read. */
struct peer {
    int fd;
    uint8_t bytes[1 << 16];
    size_t size;
    size_t at;
};

static const struct client_address nowhere = {"127.0.0.1", "1"};

static void join(struct lane *lane, struct peer *peer)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    lane->client.fd = pair[0];
    *peer = (struct peer){.fd = pair[1]};
}

/* The request id of the next frame that arrived, 0 when there is none. */
static uint64_t next_id(struct peer *peer, uint16_t *ret_type)
{
    const ssize_t n = recv(peer->fd, peer->bytes + peer->size, sizeof(peer->bytes) - peer->size, 0);
    if (n > 0) peer->size += (size_t)n;
    struct frame frame;
    size_t size;
    const struct bytes rest = {peer->bytes + peer->at, peer->size - peer->at};
    if (rest.size == 0 || frame_read(rest, &frame, &size) != FRAME_WHOLE) return 0;
    peer->at += size;
    *ret_type = frame.type;
    return frame.request_id;
}

static void answer(const struct peer *peer, uint64_t id)
{
    uint8_t head[FRAME_HEAD_SIZE];
    frame_write_head(head, MESSAGE_SETL_BATCH | MESSAGE_REPLY_BIT, id, (struct bytes){head, 0});
    assert_int_equal(send(peer->fd, head, sizeof(head), 0), sizeof(head));
}

static bool is_done = true;
static uint64_t tags;

static bool note(void *owner, struct lane *lane, struct lane_slot *slot, const struct frame *reply)
{
    (void)owner;
    (void)lane;
    (void)reply;
    if (is_done) tags = tags * 10 + slot->tags[0];
    return is_done;
}

static void add(struct lane *lane, uint64_t tag)
{
    assert_true(lane_has_room(lane));
    lane_add(lane, bytes_of("settlement"), tag);
}

static void everything_goes_in_order_and_again_after_a_loss(void **state) /* (L1) */
{
    (void)state;
    struct lane lane;
    struct peer peer;
    uint16_t type;
    tags = 0;
    lane_init(&lane, &nowhere, 2, 4, LANE_BODY_MAX);
    join(&lane, &peer);
    add(&lane, 1);
    add(&lane, 2); /* The first batch is full. */
    add(&lane, 3);
    lane_seal(&lane);
    lane_post(&lane, MESSAGE_CORRECTION, bytes_of("correction"), 4);
    assert_int_equal(lane.open_records, 4);
    assert_int_equal(lane_send(&lane), 0);
    assert_int_equal(next_id(&peer, &type), 1);
    assert_int_equal(type, MESSAGE_SETL_BATCH);
    assert_int_equal(next_id(&peer, &type), 2);
    assert_int_equal(next_id(&peer, &type), 3);
    assert_int_equal(type, MESSAGE_CORRECTION);

    answer(&peer, 2); /* In any order; then the wire breaks. */
    assert_int_equal(lane_receive(&lane, note, NULL), 0);
    close(peer.fd);
    assert_true(lane_receive(&lane, note, NULL) < 0);
    client_close(&lane.client);
    assert_int_equal(lane.open_records, 3);

    join(&lane, &peer);
    lane_again(&lane);
    assert_int_equal(lane_send(&lane), 0);
    assert_int_equal(next_id(&peer, &type), 1);
    assert_int_equal(next_id(&peer, &type), 3);
    assert_int_equal(next_id(&peer, &type), 0);
    answer(&peer, 1);
    answer(&peer, 1); /* An answer to nothing is passed over. */
    answer(&peer, 3);
    answer(&peer, 99);
    assert_int_equal(lane_receive(&lane, note, NULL), 0);
    assert_true(lane_is_empty(&lane));
    assert_int_equal(lane.open_records, 0);
    assert_int_equal(tags, 314);
    close(peer.fd);
    lane_done(&lane);
}

static void what_is_for_later_goes_again_when_all_else_is_answered(void **state)
{
    (void)state;
    struct lane lane;
    struct peer peer;
    uint16_t type;
    tags = 0;
    lane_init(&lane, &nowhere, 1, 4, LANE_BODY_MAX);
    join(&lane, &peer);
    add(&lane, 1);
    add(&lane, 2);
    assert_int_equal(lane_send(&lane), 0);
    assert_int_equal(next_id(&peer, &type), 1);
    assert_int_equal(next_id(&peer, &type), 2);
    is_done = false;
    answer(&peer, 1);
    assert_int_equal(lane_receive(&lane, note, NULL), 0);
    is_done = true;
    add(&lane, 3); /* It must not overtake the first. */
    assert_false(lane_wants_send(&lane));
    assert_int_equal(lane_send(&lane), 0);
    assert_int_equal(next_id(&peer, &type), 0);
    assert_false(lane_is_held(&lane));
    answer(&peer, 2);
    assert_int_equal(lane_receive(&lane, note, NULL), 0);
    assert_true(lane_is_held(&lane));
    lane_again(&lane);
    assert_int_equal(lane_send(&lane), 0);
    assert_int_equal(next_id(&peer, &type), 1);
    assert_int_equal(next_id(&peer, &type), 3);
    answer(&peer, 1);
    answer(&peer, 3);
    assert_int_equal(lane_receive(&lane, note, NULL), 0);
    assert_true(lane_is_empty(&lane));
    close(peer.fd);
    lane_done(&lane);
}

static void a_window_is_never_overfilled(void **state)
{
    (void)state;
    struct lane lane;
    struct peer peer;
    lane_init(&lane, &nowhere, 1, 3, LANE_BODY_MAX);
    join(&lane, &peer);
    for (uint64_t id = 1; id <= 100; id++) {
        uint16_t type;
        if (!lane_has_room(&lane)) {
            answer(&peer, id - 3);
            assert_int_equal(lane_receive(&lane, note, NULL), 0);
        }
        add(&lane, id);
        assert_int_equal(lane_send(&lane), 0);
        assert_int_equal(next_id(&peer, &type), id);
        assert_true(lane.open_records <= 3);
    }
    expect_assert_failure(lane_add(&lane, bytes_of("x"), 0));
    close(peer.fd);
    lane_done(&lane);
}

/* Bodies written in place stand behind a tag and their shortest length, also where one byte of
 * length is enough; alone in a frame they stand by themselves. */
static void bodies_are_written_where_they_are_sent_from(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 127, 128, 200, 1000};
    struct lane lane;
    uint8_t body[1000];
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)(i * 7);
    for (uint32_t batch = 1; batch <= 5; batch += 4) {
        size_t end = FRAME_HEAD_SIZE;
        lane_init(&lane, &nowhere, batch, 5, LANE_BODY_MAX);
        for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            memcpy(lane_reserve(&lane), body, sizes[i]);
            const struct lane_slot *slot = lane_commit(&lane, sizes[i], i);
            const uint32_t place = batch == 1 ? 0 : i;
            const uint8_t *head = slot->frame + end;
            const size_t head_size = batch == 1 ? 0 : sizes[i] < 128 ? 2 : 3;
            assert_int_equal(slot->tags[place], i);
            assert_int_equal(slot->starts[place], end + head_size);
            assert_int_equal(slot->ends[place], end + head_size + sizes[i]);
            assert_memory_equal(head + head_size, body, sizes[i]);
            if (head_size > 0) assert_int_equal(head[0], 0x0a);
            if (head_size == 2) assert_int_equal(head[1], sizes[i]);
            if (head_size == 3) assert_int_equal((head[1] & 0x7f) | head[2] << 7, sizes[i]);
            if (batch > 1) end = slot->ends[place];
        }
        lane_done(&lane);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_goes_in_order_and_again_after_a_loss),
        cmocka_unit_test(what_is_for_later_goes_again_when_all_else_is_answered),
        cmocka_unit_test(a_window_is_never_overfilled),
        cmocka_unit_test(bodies_are_written_where_they_are_sent_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
