#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.pb-c.h"
#include "tests/lib/unit.h"
#include "tools/client/client.h"
#include "types/error.h"

static const struct client_address nowhere = {"127.0.0.1", "1"};

/* What client_hello() makes of an engine that has said this already. */
static int hello(struct client *client, uint16_t type, uint64_t id, const ProtobufCMessage *said)
{
    uint8_t bytes[FRAME_HEAD_SIZE + 512];
    int pair[2];
    Qingfen__V1__HelloReply *reply = NULL;
    const size_t size = protobuf_c_message_pack(said, bytes + FRAME_HEAD_SIZE);
    frame_write_head(bytes, type, id, (struct bytes){bytes + FRAME_HEAD_SIZE, size});
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    assert_int_equal(send(pair[1], bytes, FRAME_HEAD_SIZE + size, 0), FRAME_HEAD_SIZE + size);
    client_init(client, &nowhere);
    client->fd = pair[0];
    const int r = client_hello(client, 0, 0, &reply);
    if (r == 0) qingfen__v1__hello_reply__free_unpacked(reply, NULL);
    close(pair[1]);
    client_done(client);
    return r;
}

/* Who finds no place is told so before anything else, and that is what has to be heard. */
static void a_closing_engine_is_quoted(void **state)
{
    (void)state;
    struct client client;
    char text[] = "too many connections; close some, or try again later";
    Qingfen__V1__ErrorReply error = QINGFEN__V1__ERROR_REPLY__INIT;
    error.code = ERROR_OVERLOAD;
    error.text = text;
    assert_int_equal(hello(&client, MESSAGE_ERROR, 0, &error.base), -EBUSY);
    assert_string_equal(client.text, "127.0.0.1:1 closed the connection: 1007 too many "
                                     "connections; close some, or try again later");
}

static void a_no_is_one_and_nonsense_is_no_answer(void **state)
{
    (void)state;
    struct client client;
    Qingfen__V1__HelloReply reply = QINGFEN__V1__HELLO_REPLY__INIT;
    assert_int_equal(hello(&client, MESSAGE_HELLO | MESSAGE_REPLY_BIT, 1, &reply.base), 0);
    reply.code = ERROR_SENDER_NOT_ALLOWED;
    assert_int_equal(hello(&client, MESSAGE_HELLO | MESSAGE_REPLY_BIT, 1, &reply.base), -EPERM);
    assert_int_equal(hello(&client, MESSAGE_SETL_POST | MESSAGE_REPLY_BIT, 1, &reply.base),
                     -EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closing_engine_is_quoted),
        cmocka_unit_test(a_no_is_one_and_nonsense_is_no_answer),
    };
    return cmocka_run_group_tests_name("tools/client", tests, NULL, NULL);
}
