/* main -- the bare loop as a program: options, Hello, and the figures at the end. See bare.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "admit/frame.h"
#include "bench/bare/bare.h"
#include "bench/bare/group.h"
#include "dispatch/route.h"
#include "session.pb-c.h"
#include "types/ensure.h"

#define HELLO_SIZE_MAX 4096 /* With its head. */
#define HELLO_SECONDS  5    /* A client that says nothing for so long is let go. */

static const char usage[] =
    "Usage: bare_loop --folder DIR [--listen HOST:PORT] [--shards N] [--file-mb N] [--dsync] "
    "[--terse]\n\n"
    "Receives settlements as qingfend does, writes them durably and answers 'accepted' to each:\n"
    "no decoding, no duplicates, no books. A yardstick for `qingfen load --to HOST:PORT`.\n\n"
    "  --folder DIR        where bare-0.dat, bare-1.dat, ... are made or used again\n"
    "  --listen HOST:PORT  an IPv4 address; port 0: any (default 127.0.0.1:0)\n"
    "  --shards N          threads, 1 to 64 (default 1)\n"
    "  --file-mb N         size of each file, a multiple of 4 (default 256)\n"
    "  --dsync             writes with RWF_DSYNC instead of a linked fdatasync, as it does\n"
    "                      anyway what is as large as the engine has written so\n"
    "  --terse             answers a batch by its counts, without a result for each record\n\n"
    "Ends on SIGTERM or SIGINT and prints a line for each shard.\n";

static sem_t ready_shards;

_Noreturn void bare_give_up(const char *what, int error)
{
    fprintf(stderr, "bare: %s: %s\n", what, strerror(error));
    _exit(1);
}

void bare_shard_ready(void)
{
    sem_post(&ready_shards);
}

/* -- Hello ----------------------------------------------------------------------------------- */

static bool receive_all(int fd, uint8_t *data, size_t size)
{
    return recv(fd, data, size, MSG_WAITALL) == (ssize_t)size;
}

/* Reads the first frame, which must be Hello, and nothing behind it. NULL when it is none; the
 * caller frees it. */
static Qingfen__V1__Hello *read_hello(int fd, uint64_t *ret_request_id)
{
    uint8_t data[HELLO_SIZE_MAX];
    struct frame frame;
    size_t size;
    if (!receive_all(fd, data, FRAME_HEAD_SIZE)) return NULL;
    enum frame_state state = frame_read((struct bytes){data, FRAME_HEAD_SIZE}, &frame, &size);
    if (state == FRAME_PARTIAL && size <= sizeof data) {
        if (!receive_all(fd, data + FRAME_HEAD_SIZE, size - FRAME_HEAD_SIZE)) return NULL;
        state = frame_read((struct bytes){data, size}, &frame, &size);
    }
    if (state != FRAME_WHOLE || frame.type != MESSAGE_HELLO) return NULL;
    *ret_request_id = frame.request_id;
    return qingfen__v1__hello__unpack(NULL, frame.payload.size, frame.payload.data);
}

static void answer_hello(int fd, uint64_t request_id, uint32_t shards, uint32_t home,
                         uint8_t store_id[16])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    Qingfen__V1__HelloReply reply = QINGFEN__V1__HELLO_REPLY__INIT;
    reply.version = FRAME_VERSION;
    reply.shards = shards;
    reply.home_shard = home + 1;
    reply.store_id = (ProtobufCBinaryData){16, store_id};
    reply.frame_payload_max = FRAME_PAYLOAD_MAX;
    reply.batch_records_max = BATCH_RECORDS_MAX;
    reply.now = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;

    uint8_t data[HELLO_SIZE_MAX];
    ENSURE(qingfen__v1__hello_reply__get_packed_size(&reply) <= sizeof data - FRAME_HEAD_SIZE);
    const size_t size = qingfen__v1__hello_reply__pack(&reply, data + FRAME_HEAD_SIZE);
    frame_write_head(data, MESSAGE_HELLO | MESSAGE_REPLY_BIT, request_id,
                     (struct bytes){data + FRAME_HEAD_SIZE, size});
    (void)send(fd, data, FRAME_HEAD_SIZE + size, MSG_NOSIGNAL);
}

static void hand(struct bare_shard *shard, int what)
{
    ENSURE(write(shard->inbox[1], &what, sizeof what) == (ssize_t)sizeof what);
}

/* Greets one client and hands it to the shard it asks for, or to the next in turn. */
static void greet(int fd, struct bare_shard *shards, uint32_t count, uint8_t store_id[16])
{
    static uint32_t turn;
    ENSURE(count > 0);
    const struct timeval patience = {.tv_sec = HELLO_SECONDS};
    uint64_t request_id;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    Qingfen__V1__Hello *hello = read_hello(fd, &request_id);
    if (hello == NULL) {
        fprintf(stderr, "bare: a client that does not begin with Hello is let go\n");
        close(fd);
        return;
    }
    const uint32_t home = (hello->home_shard > 0 ? hello->home_shard - 1 : turn++) % count;
    qingfen__v1__hello__free_unpacked(hello, NULL);
    answer_hello(fd, request_id, count, home, store_id);
    hand(&shards[home], fd);
}

/* -- the program ----------------------------------------------------------------------------- */

static int open_listener(const char *address)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    struct sockaddr_in where = {.sin_family = AF_INET};
    socklen_t size = sizeof where;
    const int on = 1;
    if (colon == NULL || (size_t)(colon - address) >= sizeof host) {
        bare_give_up("--listen wants HOST:PORT", EINVAL);
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    where.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &where.sin_addr) != 1) {
        bare_give_up("--listen wants an IPv4 address", EINVAL);
    }
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) bare_give_up("cannot open a socket", errno);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&where, sizeof where) != 0 || listen(fd, 128) != 0 ||
        getsockname(fd, (struct sockaddr *)&where, &size) != 0) {
        bare_give_up("cannot listen", errno);
    }
    printf("bare ready on %s:%u\n", host, ntohs(where.sin_port));
    fflush(stdout);
    return fd;
}

static int open_signals(void)
{
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    if (sigprocmask(SIG_BLOCK, &wanted, NULL) != 0) bare_give_up("cannot block signals", errno);
    const int fd = signalfd(-1, &wanted, SFD_CLOEXEC);
    if (fd < 0) bare_give_up("cannot wait for signals", errno);
    return fd;
}

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    const uint64_t value = strtoull(text, &end, 10);
    if (errno != 0 || *end != 0 || end == text || value < least || value > most) {
        fprintf(stderr, "bare: '%s' is no number from %llu to %llu\n", text,
                (unsigned long long)least, (unsigned long long)most);
        exit(2);
    }
    return value;
}

static const char *read_options(int argc, char **argv, struct bare_options *options)
{
    static const struct option names[] = {
        {"folder", required_argument, NULL, 'f'}, {"listen", required_argument, NULL, 'l'},
        {"shards", required_argument, NULL, 's'}, {"file-mb", required_argument, NULL, 'm'},
        {"dsync", no_argument, NULL, 'd'},        {"terse", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},         {0},
    };
    const char *listen_on = "127.0.0.1:0";
    *options = (struct bare_options){.shards = 1, .file_bytes = 256u << 20};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'f':
            options->folder = optarg;
            break;
        case 'l':
            listen_on = optarg;
            break;
        case 's':
            options->shards = (uint32_t)number(optarg, 1, SHARDS_MAX);
            break;
        case 'm':
            options->file_bytes = number(optarg, 4, 1u << 20) / 4 * 4 << 20;
            break;
        case 'd':
            options->dsync = true;
            break;
        case 't':
            options->terse = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(0);
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (options->folder == NULL || optind < argc) {
        fputs(usage, stderr);
        exit(2);
    }
    return listen_on;
}

static void print_shard(const struct bare_shard *shard)
{
    const uint64_t records = shard->records;
    printf("shard=%u records=%llu frames=%llu frame_bytes=%llu groups=%llu device_bytes=%llu "
           "cpu_ns=%llu cpu_ns_per_record=%llu\n",
           shard->index, (unsigned long long)records, (unsigned long long)shard->frames,
           (unsigned long long)shard->frame_bytes, (unsigned long long)shard->groups,
           (unsigned long long)shard->device_bytes, (unsigned long long)shard->cpu_ns,
           (unsigned long long)(records == 0 ? 0 : shard->cpu_ns / records));
}

/* Greets clients until a signal comes. */
static void serve(int listener, int signals, struct bare_shard *shards, uint32_t count)
{
    uint8_t store_id[16];
    if (getrandom(store_id, sizeof store_id, 0) != (ssize_t)sizeof store_id) {
        bare_give_up("no random bytes", errno);
    }
    struct pollfd fds[2] = {{listener, POLLIN, 0}, {signals, POLLIN, 0}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) bare_give_up("cannot wait", errno);
        if (fds[1].revents != 0) return;
        if (fds[0].revents == 0) continue;
        const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) greet(fd, shards, count, store_id);
    }
}

int main(int argc, char **argv)
{
    static struct bare_shard shards[SHARDS_MAX];
    pthread_t threads[SHARDS_MAX];
    struct bare_options options;
    const char *listen_on = read_options(argc, argv, &options);
    const int signals = open_signals(); /* Before the threads, which inherit the mask. */

    sem_init(&ready_shards, 0, 0);
    for (uint32_t i = 0; i < options.shards; i++) {
        shards[i] = (struct bare_shard){.options = &options, .index = i};
        if (pipe2(shards[i].inbox, O_CLOEXEC) != 0) bare_give_up("cannot open a pipe", errno);
        const int r = pthread_create(&threads[i], NULL, bare_shard_run, &shards[i]);
        if (r != 0) bare_give_up("cannot start a thread", r);
    }
    for (uint32_t i = 0; i < options.shards; i++) {
        while (sem_wait(&ready_shards) != 0) {
        }
    }
    const int listener = open_listener(listen_on);
    serve(listener, signals, shards, options.shards);

    for (uint32_t i = 0; i < options.shards; i++)
        hand(&shards[i], BARE_STOP);
    for (uint32_t i = 0; i < options.shards; i++) {
        pthread_join(threads[i], NULL);
        print_shard(&shards[i]);
    }
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    printf("process_cpu_ns=%lld\n",
           1000 * (1000000LL * (used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                   used.ru_utime.tv_usec + used.ru_stime.tv_usec));
    return 0;
}
