#include "tools/client/client.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/client/clock.h"
#include "tools/client/outcome.h"
#include "types/ensure.h"
#include "types/error.h"

#define RECEIVE_ROOM        (256 * 1024)        /* Bytes asked of the socket at once. */
#define CONNECT_TRY_NS      (5 * NS_PER_SECOND) /* For one address of a host. */
#define CONNECT_PAUSE_MS    100                 /* Between two rounds of tries. */
#define HELLO_TIMEOUT_NS    (10 * NS_PER_SECOND)
#define PROTOCOL_VERSION    1
#define SOCKET_BUFFER_BYTES (4 * 1024 * 1024)

bool client_address_parse(const char *text, struct client_address *ret_address)
{
    const char *host = text;
    size_t host_size;
    const char *port = NULL;
    if (text[0] == '[') {
        const char *end = strchr(text, ']');
        if (end == NULL || (end[1] != '\0' && end[1] != ':')) return false;
        host = text + 1;
        host_size = (size_t)(end - host);
        if (end[1] == ':') port = end + 2;
        if (host_size == 0) return false;
    } else {
        const char *colon = strrchr(text, ':');
        host_size = colon == NULL ? strlen(text) : (size_t)(colon - text);
        if (colon != NULL) port = colon + 1;
        if (memchr(text, ':', host_size) != NULL) return false; /* IPv6 needs its brackets. */
        if (text[0] == '\0') return false;
    }
    if (host_size >= sizeof(ret_address->host)) return false;

    unsigned long number = DEFAULT_PORT;
    if (port != NULL) {
        if (port[0] < '0' || port[0] > '9') return false;
        char *end;
        number = strtoul(port, &end, 10);
        if (*end != '\0' || number == 0 || number > 65535) return false;
    }
    snprintf(ret_address->host, sizeof(ret_address->host), "%.*s", (int)host_size, host);
    if (host_size == 0) strcpy(ret_address->host, "127.0.0.1");
    snprintf(ret_address->port, sizeof(ret_address->port), "%lu", number);
    return true;
}

void client_init(struct client *client, const struct client_address *address)
{
    *client = (struct client){.address = *address, .fd = -1};
}

void client_close(struct client *client)
{
    if (client->fd >= 0) close(client->fd);
    client->fd = -1;
    client->in_begin = 0;
    client->in_end = 0;
}

void client_done(struct client *client)
{
    client_close(client);
    free(client->in);
    client->in = NULL;
    client->in_room = 0;
}

/* Milliseconds for poll() until the deadline, rounded up, at least 0. */
static int poll_ms(int64_t deadline_ns)
{
    const int64_t left = deadline_ns - clock_ns();
    if (left <= 0) return 0;
    const int64_t ms = (left + NS_PER_MS - 1) / NS_PER_MS;
    return ms > 1000000 ? 1000000 : (int)ms;
}

/* Waits for `events`; 0, or -ETIMEDOUT. Errors of the socket show at the next call on it. */
static int wait_for(int fd, short events, int64_t deadline_ns)
{
    for (;;) {
        struct pollfd poll_fd = {.fd = fd, .events = events};
        const int n = poll(&poll_fd, 1, poll_ms(deadline_ns));
        if (n > 0) return 0;
        if (n < 0 && errno != EINTR) return -errno;
        if (clock_ns() >= deadline_ns) return -ETIMEDOUT;
    }
}

static int connect_one(const struct addrinfo *info, int *ret_fd)
{
    const int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;

    const int on = 1;
    const int room = SOCKET_BUFFER_BYTES; /* A wish; the kernel cuts it to its own limit. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));

    int r = connect(fd, info->ai_addr, info->ai_addrlen) == 0 ? 0 : -errno;
    if (r == -EINPROGRESS) {
        r = wait_for(fd, POLLOUT, clock_ns() + CONNECT_TRY_NS);
        int error = 0;
        socklen_t size = sizeof(error);
        if (r == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0) r = -error;
    }
    if (r != 0) {
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static int connect_any(struct client *client, const struct addrinfo *list)
{
    int r = -EHOSTUNREACH;
    for (const struct addrinfo *info = list; info != NULL; info = info->ai_next) {
        r = connect_one(info, &client->fd);
        if (r == 0) return 0;
    }
    return r;
}

int client_connect(struct client *client, int64_t deadline_ns)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;

    client_close(client);
    const int found = getaddrinfo(client->address.host, client->address.port, &hints, &list);
    if (found != 0) {
        snprintf(client->text, sizeof(client->text), "cannot find host '%s': %s",
                 client->address.host, gai_strerror(found));
        return -EHOSTUNREACH;
    }
    int r;
    while ((r = connect_any(client, list)) != 0 && clock_ns() < deadline_ns) {
        poll(NULL, 0, CONNECT_PAUSE_MS);
    }
    freeaddrinfo(list);
    if (r != 0) {
        snprintf(client->text, sizeof(client->text), "cannot connect to %s:%s: %s%s",
                 client->address.host, client->address.port, strerror(-r),
                 r == -ECONNREFUSED ? " (is qingfend running?)" : "");
    }
    return r;
}

static void say_lost(struct client *client, int r)
{
    const char *why = r == 0 ? "the engine closed it" : strerror(-r);
    snprintf(client->text, sizeof(client->text), "connection to %s:%s lost: %s",
             client->address.host, client->address.port, why);
}

/* Room for RECEIVE_ROOM bytes behind in_end; what is there is moved to the front when that helps.
 */
static void make_room(struct client *client)
{
    if (client->in_begin == client->in_end) client->in_begin = client->in_end = 0;
    if (client->in_room - client->in_end >= RECEIVE_ROOM) return;

    const size_t there = client->in_end - client->in_begin;
    if (client->in_begin > 0) memmove(client->in, client->in + client->in_begin, there);
    client->in_begin = 0;
    client->in_end = there;
    if (client->in_room - there >= RECEIVE_ROOM) return;

    client->in_room = 2 * there + 2 * RECEIVE_ROOM;
    client->in = realloc(client->in, client->in_room);
    NEED_MEMORY(client->in);
}

int64_t client_receive(struct client *client)
{
    make_room(client);
    ssize_t n;
    do {
        n = recv(client->fd, client->in + client->in_end, client->in_room - client->in_end, 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
    if (n <= 0) {
        const int r = n == 0 ? 0 : -errno;
        say_lost(client, r);
        return r == 0 ? -ECONNRESET : r;
    }
    client->in_end += (size_t)n;
    return n;
}

int client_next(struct client *client, struct frame *ret_frame)
{
    if (client->in_begin == client->in_end) return 0; /* Perhaps there is no buffer yet. */
    const struct bytes stream = {client->in + client->in_begin, client->in_end - client->in_begin};
    size_t size;
    switch (frame_read(stream, ret_frame, &size)) {
    case FRAME_WHOLE:
        client->in_begin += size;
        return 1;
    case FRAME_PARTIAL:
        return 0;
    case FRAME_BAD_MAGIC:
    case FRAME_BAD_VERSION:
    case FRAME_TOO_LONG:
    case FRAME_BAD_CRC:
        break;
    }
    snprintf(client->text, sizeof(client->text),
             "%s:%s does not speak Qingfen's protocol (a frame is damaged)", client->address.host,
             client->address.port);
    return -EBADMSG;
}

/* Sends all of head and payload, waiting where the socket is full. */
static int send_all(struct client *client, struct iovec *parts, int count, int64_t deadline_ns)
{
    while (count > 0) {
        const struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)count};
        ssize_t n = sendmsg(client->fd, &message, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            int r = -errno;
            if (r == -EAGAIN) r = wait_for(client->fd, POLLOUT, deadline_ns);
            if (r != 0) return r;
            continue;
        }
        while (count > 0 && (size_t)n >= parts->iov_len) {
            n -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count > 0) {
            parts->iov_base = (uint8_t *)parts->iov_base + n;
            parts->iov_len -= (size_t)n;
        }
    }
    return 0;
}

int client_ask(struct client *client, uint16_t type, struct bytes payload, int64_t timeout_ns,
               struct frame *ret_reply)
{
    const int64_t deadline_ns = clock_ns() + timeout_ns;
    uint8_t head[FRAME_HEAD_SIZE];
    struct iovec parts[2] = {
        {head, sizeof(head)},
        {(void *)(uintptr_t)payload.data, payload.size},
    };

    frame_write_head(head, type, ++client->last_id, payload);
    int r = send_all(client, parts, payload.size == 0 ? 1 : 2, deadline_ns);
    /* A refusal may already wait to be read although our bytes no longer go out. */
    if (r == -ETIMEDOUT) goto lost;
    for (;;) {
        while ((r = client_next(client, ret_reply)) == 1) {
            if (ret_reply->request_id == client->last_id) return 0;
            /* Answer to a frame nobody could read: the engine is about to close. */
            if (ret_reply->type == MESSAGE_ERROR && ret_reply->request_id == 0) return 0;
        }
        if (r < 0) return r;
        r = wait_for(client->fd, POLLIN, deadline_ns);
        if (r != 0) goto lost;
        const int64_t n = client_receive(client);
        if (n < 0) return (int)n;
    }
lost:
    if (r == -ETIMEDOUT) {
        snprintf(client->text, sizeof(client->text), "no answer from %s:%s within %d s",
                 client->address.host, client->address.port, (int)(timeout_ns / NS_PER_SECOND));
    } else {
        say_lost(client, r);
    }
    return r;
}

/* An error comes where the reply should: the engine closes the connection, and says why. */
static int say_closed(struct client *client, struct bytes payload)
{
    struct outcome outcome = {.code = ERROR_INTERNAL};
    (void)outcome_read(payload, &outcome);
    const size_t used =
        (size_t)snprintf(client->text, sizeof(client->text), "%s:%s closed the connection: %u ",
                         client->address.host, client->address.port, outcome.code);
    if (used < sizeof(client->text)) {
        outcome_text(MESSAGE_ERROR, payload, client->text + used, sizeof(client->text) - used);
    }
    return -EBUSY;
}

int client_hello(struct client *client, uint32_t province, uint32_t home_shard,
                 Qingfen__V1__HelloReply **ret_reply)
{
    Qingfen__V1__Hello hello = QINGFEN__V1__HELLO__INIT;
    char name[] = "qingfen " QINGFEN_VERSION;
    hello.version = PROTOCOL_VERSION;
    hello.province = province;
    hello.client = name;
    hello.home_shard = home_shard;

    uint8_t payload[128]; /* Three small numbers and a name of a known length. */
    ENSURE(qingfen__v1__hello__get_packed_size(&hello) <= sizeof(payload));
    const size_t size = qingfen__v1__hello__pack(&hello, payload);

    struct frame frame;
    const int r =
        client_ask(client, MESSAGE_HELLO, (struct bytes){payload, size}, HELLO_TIMEOUT_NS, &frame);
    if (r != 0) return r;
    if (frame.type == MESSAGE_ERROR) return say_closed(client, frame.payload);

    Qingfen__V1__HelloReply *reply = NULL;
    if (frame.type == (MESSAGE_HELLO | MESSAGE_REPLY_BIT)) {
        reply = qingfen__v1__hello_reply__unpack(NULL, frame.payload.size, frame.payload.data);
    }
    if (reply == NULL) {
        snprintf(client->text, sizeof(client->text),
                 "%s:%s did not answer Hello as the engine does", client->address.host,
                 client->address.port);
        return -EPROTO;
    }
    if (reply->code != 0) {
        snprintf(client->text, sizeof(client->text), "%s:%s refused the connection: %u %s",
                 client->address.host, client->address.port, reply->code, reply->text);
        qingfen__v1__hello_reply__free_unpacked(reply, NULL);
        return -EPERM;
    }
    *ret_reply = reply;
    return 0;
}
