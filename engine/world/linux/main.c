/* qingfend -- the engine's program: options, boot, threads, signals. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "types/ensure.h"
#include "types/wire.h"
#include "util/checksum.h"
#include "util/processor.h"
#include "world/linux/boot.h"
#include "world/linux/crash_point.h"
#include "world/linux/lmdb_store.h"
#include "world/linux/loop.h"
#include "world/linux/read_fault.h"

/* docs/commands.md, Exit status. */
#define EXIT_FAILED 1
#define EXIT_USAGE  2

/* Bytes of the two parts of --listen, with a NUL. */
#define HOST_SIZE 256
#define PORT_SIZE 16

/* Handles that are not connections: the standard three, the store's lock, the listening socket;
 * of a shard its ring, eventfd, LMDB, two segments, and some to spare. */
#define OWN_HANDLES       32
#define OWN_HANDLES_SHARD 12

struct options {
    const char *data;
    const char *listen;
    char host[HOST_SIZE]; /* The two parts of it. */
    char port[PORT_SIZE];
    bool manual_clock;
    uint32_t checkpoint_seconds;
    uint32_t connections;
    uint32_t stall_seconds;
    uint32_t buffers_mib;
    uint32_t ids_millions;
};

static const char usage[] =
    "usage: qingfend --data DIR [--listen HOST:PORT] [--clock system|manual] [options]\n"
    "\n"
    "Serves the clearing store in DIR (made by `qingfen init`). Prints one line\n"
    "\"qingfend ready on HOST:PORT\" on stdout when it accepts connections. SIGTERM or SIGINT\n"
    "drains: everything taken is decided, made durable and answered, a checkpoint is written,\n"
    "then it exits 0. While the store is still being opened nobody has been answered: then it\n"
    "exits 0 at once, but for a SIGINT that was ignored when it was started.\n"
    "\n"
    "  --data DIR             the store; only one engine can have it open\n"
    "  --listen HOST:PORT     where to listen (default 127.0.0.1:7040); port 0 picks a free one\n"
    "  --clock system|manual  system: the machine's clock. manual: starts at the journal's last\n"
    "                         stamp (a new store: 2025-01-01T00:00:00+08:00) and stands still\n"
    "                         until `qingfen clock --set` moves it\n"
    "  --checkpoint SECONDS   merge changes into the state at least this often (default 60)\n"
    "  --connections N        refuse more at once (default 12288, and what `ulimit -n` allows)\n"
    "  --stall SECONDS        close a client that says no first frame, does not end one that it\n"
    "                         began, or takes no answer for so long (default 60)\n"
    "  --buffers MIB          unread and unsent bytes of a shard's connections, at most; above it\n"
    "                         who has held most for longest is closed (default 512)\n"
    "  --ids MILLIONS         ids of messages and settlements that memory is reserved for, 6.7 MB "
    "a\n"
    "                         million, two ids a settlement (default 64); of more the oldest are\n"
    "                         looked for in the store\n"
    "  --help, --version\n";

static int bad_usage(const char *what, const char *value)
{
    fprintf(stderr, "qingfend: %s%s%s\n\n%s", what, value != NULL ? ": " : "",
            value != NULL ? value : "", usage);
    return EXIT_USAGE;
}

/* A number in first..last; false when it is none. */
static bool read_number(const char *text, uint32_t first, uint32_t last, uint32_t *ret_number)
{
    char *end = NULL;
    const unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number < first || number > last) return false;
    *ret_number = (uint32_t)number;
    return true;
}

/* A number of 0 to 65535: getaddrinfo() takes larger ones and keeps 16 bits of them. */
static bool is_port(const char *text)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') return false;
    errno = 0;
    const unsigned long number = strtoul(text, &end, 10);
    return errno == 0 && *end == '\0' && number <= UINT16_MAX;
}

static bool split_address(const char *text, char host[HOST_SIZE], char port[PORT_SIZE])
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || !is_port(colon + 1)) return false;
    size_t size = (size_t)(colon - text);
    if (text[0] == '[' && colon[-1] == ']') { /* [::1]:7040 */
        text++;
        size -= 2;
    }
    const size_t port_size = strlen(colon + 1);
    if (size >= HOST_SIZE || port_size >= PORT_SIZE) return false;
    memcpy(host, text, size);
    host[size] = '\0';
    memcpy(port, colon + 1, port_size + 1);
    return true;
}

/* The options that are numbers, by their letter below. */
static const struct number_option {
    int letter;
    uint32_t first;
    uint32_t last;
    size_t at; /* In struct options: a uint32_t. */
    const char *wrong;
} numbers[] = {
    {'p', 1, 86400, offsetof(struct options, checkpoint_seconds),
     "--checkpoint is not in 1..86400 seconds"},
    {'n', 1, 1000000, offsetof(struct options, connections), "--connections is not in 1..1000000"},
    {'s', 1, 86400, offsetof(struct options, stall_seconds), "--stall is not in 1..86400 seconds"},
    {'b', 16, 65536, offsetof(struct options, buffers_mib), "--buffers is not in 16..65536 MiB"},
    {'i', 1, 100000, offsetof(struct options, ids_millions), "--ids is not in 1..100000 millions"},
};

/* 0, or an exit code. */
static int take_number(int letter, struct options *options)
{
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        const struct number_option *number = &numbers[i];
        uint32_t *place = (uint32_t *)(void *)((uint8_t *)options + number->at);
        if (number->letter != letter) continue;
        return read_number(optarg, number->first, number->last, place)
                   ? 0
                   : bad_usage(number->wrong, optarg);
    }
    return bad_usage("see the options below", NULL);
}

/* 0 to go on, -1 when the program has said all it was asked, else an exit code. */
static int take_option(int letter, struct options *options)
{
    switch (letter) {
    case 'd':
        options->data = optarg;
        return 0;
    case 'l':
        options->listen = optarg;
        return 0;
    case 'c':
        options->manual_clock = strcmp(optarg, "manual") == 0;
        if (options->manual_clock || strcmp(optarg, "system") == 0) return 0;
        return bad_usage("--clock is neither system nor manual", optarg);
    case 'h':
        fputs(usage, stdout);
        return -1;
    case 'v':
        puts("qingfend " QINGFEN_VERSION);
        return -1;
    default:
        return take_number(letter, options);
    }
}

/* False when the machine has not so much. Linux would give the addresses all the same, and end the
 * program, or another one, without a word when they are touched. */
static bool ids_fit(uint32_t millions)
{
    const uint64_t bytes = millions * UINT64_C(6700000); /* ledger/directory.h */
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page_size = sysconf(_SC_PAGESIZE);
    return pages <= 0 || page_size <= 0 || bytes <= (uint64_t)pages * (uint64_t)page_size;
}

/* As take_option(). */
static int read_options(int argc, char **argv, struct options *ret_options)
{
    static const struct option longs[] = {
        {"data", required_argument, NULL, 'd'},
        {"listen", required_argument, NULL, 'l'},
        {"clock", required_argument, NULL, 'c'},
        {"checkpoint", required_argument, NULL, 'p'},
        {"connections", required_argument, NULL, 'n'},
        {"stall", required_argument, NULL, 's'},
        {"buffers", required_argument, NULL, 'b'},
        {"ids", required_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    *ret_options = (struct options){
        .listen = "127.0.0.1:7040",
        .checkpoint_seconds = 60,
        .connections = LOOP_SESSIONS_MAX,
        .stall_seconds = 60,
        .buffers_mib = 512,
        .ids_millions = 64,
    };
    int letter;
    while ((letter = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        const int said = take_option(letter, ret_options);
        if (said != 0) return said;
    }
    if (optind < argc) return bad_usage("not an option", argv[optind]);
    if (ret_options->data == NULL) return bad_usage("--data is missing", NULL);
    if (!split_address(ret_options->listen, ret_options->host, ret_options->port)) {
        return bad_usage("--listen is not HOST:PORT", ret_options->listen);
    }
    if (!ids_fit(ret_options->ids_millions)) {
        char millions[16];
        snprintf(millions, sizeof millions, "%u", ret_options->ids_millions);
        return bad_usage("--ids is in millions, 6.7 MB each: more than this machine's memory",
                         millions);
    }
    return 0;
}

/* -- listening ------------------------------------------------------------------------------- */

/* What accepted connections inherit: a peer that vanished without a word is noticed in two minutes.
 */
static void keep_alive(int fd)
{
    const int on = 1;
    const int idle_s = 60;
    const int interval_s = 15;
    const int count = 4;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static int open_socket(const struct options *options, struct problem *problem)
{
    const char *address = options->listen;
    struct addrinfo *list;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    const int on = 1;

    const int found = getaddrinfo(options->host, options->port, &hints, &list);
    if (found != 0) {
        return problem_set(problem, -EINVAL, "--listen %s: %s", address, gai_strerror(found));
    }
    const int fd = socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? -errno : 0;
    if (r == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        keep_alive(fd);
        if (bind(fd, list->ai_addr, list->ai_addrlen) != 0 || listen(fd, 4096) != 0) r = -errno;
    }
    freeaddrinfo(list);
    if (r == 0) return fd;
    if (fd >= 0) close(fd);
    return problem_set(problem, r, "cannot listen on %s: %s", address, strerror(-r));
}

/* Connections there are handles for, beside the engine's own; `wanted` at most. */
static uint32_t connections_allowed(uint32_t wanted, uint32_t shards)
{
    struct rlimit files;
    const rlim_t own = OWN_HANDLES + OWN_HANDLES_SHARD * (rlim_t)shards;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return wanted;
    files.rlim_cur = files.rlim_max; /* The soft limit is for programs that use select(). */
    (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur == RLIM_INFINITY || files.rlim_cur >= own + wanted) return wanted;
    const rlim_t allowed = files.rlim_cur > own ? files.rlim_cur - own : 1;
    fprintf(stderr,
            "qingfend: the limit of open files allows %llu connections, not %u (ulimit -n, "
            "LimitNOFILE=)\n",
            (unsigned long long)allowed, wanted);
    return (uint32_t)allowed;
}

static void tell_ready(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    char host[64] = "?";
    char port[16] = "?";
    getsockname(fd, (struct sockaddr *)&address, &size);
    getnameinfo((struct sockaddr *)&address, size, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
    const bool six = address.ss_family == AF_INET6;
    printf("qingfend ready on %s%s%s:%s\n", six ? "[" : "", host, six ? "]" : "", port);
    fflush(stdout);
}

/* -- boot ------------------------------------------------------------------------------------ */

struct boot_job {
    pthread_t thread;
    const struct layout *layout;
    const struct tables *tables;
    const struct params *params;
    uint32_t shard;
    const struct boot_options *options;
    struct boot_shard boot;
    struct problem problem;
    int status;
};

static void *boot_one(void *context)
{
    struct boot_job *job = context;
    job->status = boot_open(job->layout, job->shard, job->tables, job->params, job->options,
                            &job->boot, &job->problem);
    checksum_thread_done();
    checksum_pieces_thread_done();
    return NULL;
}

/* Before anything is served: without a thread a shard would be missing, so the program ends. */
static void start_thread(pthread_t *ret_thread, void *(*run)(void *), void *context)
{
    const int error = pthread_create(ret_thread, NULL, run, context);
    if (error == 0) return;
    fprintf(stderr,
            "qingfend: cannot start a thread: %s; raise the limit of processes (ulimit -u, "
            "TasksMax=) or give it more memory\n",
            strerror(error));
    _exit(1);
}

/* All shards at once, each on its own thread. False when one of them could not be opened. */
static bool boot_all(struct boot_job *jobs, uint32_t count)
{
    bool good = true;
    for (uint32_t i = 0; i < count; i++)
        start_thread(&jobs[i].thread, boot_one, &jobs[i]);
    for (uint32_t i = 0; i < count; i++) {
        pthread_join(jobs[i].thread, NULL);
        if (jobs[i].status != 0) {
            fprintf(stderr, "qingfend: %s\n", jobs[i].problem.text);
            good = false;
        }
    }
    return good;
}

/* -- running --------------------------------------------------------------------------------- */

/* False when it was told to end before: what holds up a start, such as a full disk, must not hold
 * up the end. */
static bool wait_until_ready(struct loops *loops, const sigset_t *signals)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    do {
        if (sigtimedwait(signals, NULL, &pause) > 0) return false;
    } while (atomic_load(&loops->ready) < loops->count);
    return true;
}

static void wait_for_end(const sigset_t *signals)
{
    int signal;
    while (sigwait(signals, &signal) != 0) {
    }
}

static bool make_loops(struct loops *loops, struct boot_job *jobs)
{
    for (uint32_t i = 0; i < loops->count; i++) {
        struct boot_shard *boot = &jobs[i].boot;
        loops->list[i] = loop_new(loops, i, boot->shard, &boot->folder, &boot->scan);
        if (loops->list[i] == NULL) return false;
    }
    return true;
}

static int finish(struct loops *loops, struct boot_job *jobs)
{
    int code = 0;
    for (uint32_t i = 0; i < loops->count; i++) {
        const int r = loop_finish(loops->list[i]);
        if (r != 0) {
            fprintf(stderr,
                    "qingfend: shard %u: the last checkpoint failed: %s; the journal is "
                    "whole, the next start replays it\n",
                    i, strerror(-r));
            code = 1;
        }
        crash_point("last-checkpoint-done");
        jobs[i].boot.shard = NULL; /* The loop's, and gone with it. */
        boot_close(&jobs[i].boot);
    }
    engine_free(loops->engine);
    return code;
}

static int serve(const struct options *options, const struct layout *layout,
                 const struct tables *tables, const struct calendar *calendar,
                 struct boot_job *jobs)
{
    static struct loops loops;
    pthread_t threads[LAYOUT_SHARDS_MAX] = {0};
    struct problem problem;
    sigset_t signals;
    struct engine_config config = {
        .shards = layout->shards,
        .tables = tables,
        .calendar = calendar,
        .settings = &tables->cycle,
        .manual_clock = options->manual_clock,
        .sessions_max = LOOP_SESSIONS_MAX,
    };

    memcpy(config.store_id, layout->store_id, sizeof config.store_id);
    /* From here on the end is a drain. The loops inherit the mask: only this thread waits. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    const int fd = open_socket(options, &problem);
    if (fd < 0) {
        fprintf(stderr, "qingfend: %s\n", problem.text);
        return 1;
    }

    loops.count = layout->shards;
    loops.listen_fd = fd;
    loops.manual_clock = options->manual_clock;
    loops.checkpoint_seconds = options->checkpoint_seconds;
    loops.connections_max = connections_allowed(options->connections, layout->shards);
    loops.stall_ms = (int64_t)options->stall_seconds * 1000;
    loops.buffer_bytes_max = (uint64_t)options->buffers_mib << 20;
    loops.engine = engine_new(&config);
    if (loops.engine == NULL) {
        fprintf(stderr, "qingfend: no memory for %u shards\n", layout->shards);
        return 1;
    }
    if (!make_loops(&loops, jobs)) return 1;
    for (uint32_t i = 0; i < loops.count; i++)
        start_thread(&threads[i], loop_run, loops.list[i]);
    if (wait_until_ready(&loops, &signals)) {
        crash_point("all-ready");
        tell_ready(fd);
        wait_for_end(&signals);
    }
    atomic_store(&loops.stopping, true);
    for (uint32_t i = 0; i < loops.count; i++)
        loop_wake(loops.list[i]);
    for (uint32_t i = 0; i < loops.count; i++)
        pthread_join(threads[i], NULL);
    close(fd);
    return finish(&loops, jobs);
}

/* Told to end while the store is still being opened: nobody has been answered, so nothing has to be
 * drained, and a start may be broken off anywhere, as by a crash. */
static void end_at_once(int signal)
{
    (void)signal;
    _exit(0);
}

/* From the first step of a start until serve(). A shell's script starts what it leaves in the
 * background with SIGINT ignored, for that is meant for the script. */
static void end_at_once_when_told(void)
{
    struct sigaction inherited;
    signal(SIGTERM, end_at_once);
    sigaction(SIGINT, NULL, &inherited);
    if (inherited.sa_handler != SIG_IGN) signal(SIGINT, end_at_once);
}

/* Opens the store, locks it and reads its tables. 0, or an exit code after saying why not. */
static int open_store(const char *dir, struct layout *ret_layout, int *ret_lock,
                      struct tables *ret_tables, struct calendar *ret_calendar,
                      struct params *ret_params)
{
    struct problem problem;
    const int r = layout_open(dir, ret_layout, &problem);
    if (r == 0 && layout_lock(dir, true, ret_lock, &problem) == 0 &&
        boot_tables(ret_layout, ret_tables, &problem) == 0 &&
        boot_calendar(ret_layout, ret_calendar, &problem) == 0 &&
        boot_params(ret_layout, ret_params, &problem) == 0) {
        return 0;
    }
    fprintf(stderr, "qingfend: %s\n", problem.text);
    return r == -ENOENT ? EXIT_USAGE : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct options options;
    struct layout layout;
    static struct tables tables;
    static struct calendar calendar;
    static struct params params;
    int lock_fd;

    if (!processor_suffices()) {
        fprintf(stderr, "qingfend: " PROCESSOR_TOO_OLD "\n");
        return EXIT_FAILED;
    }
    const int said = read_options(argc, argv, &options);
    if (said != 0) return said < 0 ? 0 : said;
    signal(SIGPIPE, SIG_IGN);
    end_at_once_when_told();
    read_fault_watch();
    signal(SIGXFSZ, SIG_IGN); /* A limit of file sizes is an error of the call that met it. */
    const int opened = open_store(options.data, &layout, &lock_fd, &tables, &calendar, &params);
    if (opened != 0) return opened;
    const struct boot_options boot_options = {
        .manual_clock = options.manual_clock,
        .ids = (uint64_t)options.ids_millions * 1000000,
    };
    struct boot_job *jobs = calloc(layout.shards, sizeof *jobs);
    NEED_MEMORY(jobs);
    for (uint32_t i = 0; i < layout.shards; i++) {
        jobs[i].layout = &layout;
        jobs[i].tables = &tables;
        jobs[i].params = &params;
        jobs[i].shard = i;
        jobs[i].options = &boot_options;
    }
    int code = EXIT_FAILED;
    if (boot_all(jobs, layout.shards)) code = serve(&options, &layout, &tables, &calendar, jobs);
    free(jobs);
    layout_unlock(lock_fd);
    return code;
}
