/* failing -- makes the n-th use of a resource fail in a real program (LD_PRELOAD).
 *
 * It stands between a program and libc, jemalloc, LMDB and liburing, counts the calls of each kind
 * from main() on, and lets one of them (or all from one on) fail as the system would: nothing is
 * done, an errno is given. Operations that go through io_uring are looked at when they are
 * submitted; one that must fail is made one that does nothing, and its completion gets the errno.
 *
 *   FAILING=KIND:N:ERRNO:MODE   N from 1; ERRNO a number; MODE once, on (from then on) or short
 *                               (the call does a part, where a kind knows that)
 *   FAILING_TOLD=FILE           the struct told below, so that a driver knows what was reached,
 *                               however the program ended
 *
 * Without FAILING it only counts. Knows nothing of Qingfen. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <link.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    KIND_NONE = -1,
    KIND_ALLOC,  /* malloc and its family, whoever asks but libcrypto. */
    KIND_MAP,    /* mmap */
    KIND_WRITE,  /* To regular files, by call or ring. */
    KIND_SYNC,   /* By call or ring. */
    KIND_FILE,   /* Names, handles, sizes: open, rename, unlink, ftruncate, socket, ... */
    KIND_READ,   /* Of regular files. */
    KIND_LMDB,   /* Calls of LMDB from outside it. */
    KIND_RING,   /* Setting a ring up, submitting to it. */
    KIND_OP,     /* Other operations of a ring: accept, recv, send, timeout, cancel. */
    KIND_THREAD, /* pthread_create */
    KIND_COMMIT, /* Commits of LMDB. */
    KIND_LOOKUP, /* Looks into LMDB of who judges: outside of transactions that write. */
    KIND_CRYPTO, /* malloc and its family, when libcrypto asks: thousands, all at its beginning. */
    KIND_COUNT,
};

static const char *const kind_names[KIND_COUNT] = {
    "alloc", "map", "write",  "sync",   "file",   "read",   "lmdb",
    "ring",  "op",  "thread", "commit", "lookup", "crypto",
};

/* What the driver reads; little-endian, as is. */
struct told {
    atomic_uint_fast64_t counts[16];
    uint64_t fired;   /* How often something was made to fail. */
    uint64_t caller;  /* Of the first: offset in its module. */
    char call[48];    /* Its name. */
    char module[160]; /* Who called. */
};

enum mode {
    MODE_ONCE,
    MODE_ON,
    MODE_SHORT
};

static struct told nobody;
static struct told *told = &nobody;
static enum kind wanted = KIND_NONE;
static uint64_t wanted_n;
static int wanted_errno;
static enum mode wanted_mode;
static atomic_bool counting;        /* From main() on. */
static _Thread_local unsigned deep; /* Inside a library that is counted from outside. */
static _Thread_local bool writes;   /* Inside a transaction of LMDB that writes. */

/* -- deciding -------------------------------------------------------------------------------- */

static void note(const char *call, const void *caller)
{
    if (__atomic_fetch_add(&told->fired, 1, __ATOMIC_RELAXED) != 0) return;
    Dl_info info;
    snprintf(told->call, sizeof told->call, "%s", call);
    if (dladdr(caller, &info) == 0) return;
    told->caller = (uint64_t)((const char *)caller - (const char *)info.dli_fbase);
    snprintf(told->module, sizeof told->module, "%s", info.dli_fname);
}

/* Counts one use; true when it must fail (or, in MODE_SHORT, be cut short). */
static bool strikes(enum kind kind, const char *call, const void *caller)
{
    if (!atomic_load_explicit(&counting, memory_order_relaxed)) return false;
    const uint64_t n = atomic_fetch_add(&told->counts[kind], 1) + 1;
    if (kind != wanted) return false;
    if (wanted_mode == MODE_ON ? n < wanted_n : n != wanted_n) return false;
    note(call, caller);
    return true;
}

#define STRIKES(kind) strikes(kind, __func__, __builtin_return_address(0))

static bool cuts_short(void)
{
    return wanted_mode == MODE_SHORT;
}

/* Half of a size; whole pages where there are any, so that O_DIRECT stays content. */
static size_t part_of(size_t size)
{
    const size_t half = size / 2;
    if (half >= 4096) return half & ~(size_t)4095;
    return half >= 512 ? half & ~(size_t)511 : half;
}

#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (real == NULL) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* -- memory ---------------------------------------------------------------------------------- */

/* For whoever asks while the real functions are looked up. */
static char early[65536];
static atomic_size_t early_used;

static void *early_take(size_t size)
{
    const size_t at = atomic_fetch_add(&early_used, (size + 15) & ~(size_t)15);
    if (at + size > sizeof early) abort();
    return early + at;
}

static bool is_early(const void *pointer)
{
    return (const char *)pointer >= early && (const char *)pointer < early + sizeof early;
}

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);
static void *(*real_aligned_alloc)(size_t, size_t);
static int (*real_posix_memalign)(void **, size_t, size_t);

static void find_memory(void)
{
    static _Thread_local bool looking;
    if (real_free != NULL || looking) return;
    looking = true;
    real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    real_aligned_alloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc");
    real_posix_memalign = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
    real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    looking = false;
}

/* Where libcrypto's code is: between these two addresses. */
static const char *crypto_from, *crypto_to;

static int find_crypto(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size, (void)context;
    if (strstr(info->dlpi_name, "libcrypto") == NULL) return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0) continue;
        crypto_from = (const char *)info->dlpi_addr + part->p_vaddr;
        crypto_to = crypto_from + part->p_memsz;
    }
    return 1;
}

static enum kind asks(const void *caller)
{
    const char *at = caller;
    return at >= crypto_from && at < crypto_to ? KIND_CRYPTO : KIND_ALLOC;
}

#define STRIKES_MEMORY() \
    strikes(asks(__builtin_return_address(0)), __func__, __builtin_return_address(0))

void *malloc(size_t size)
{
    find_memory();
    if (real_malloc == NULL) return early_take(size);
    if (!STRIKES_MEMORY()) return real_malloc(size);
    errno = ENOMEM;
    return NULL;
}

void *calloc(size_t count, size_t size)
{
    find_memory();
    if (real_calloc == NULL) return early_take(count * size);
    if (!STRIKES_MEMORY()) return real_calloc(count, size);
    errno = ENOMEM;
    return NULL;
}

void *realloc(void *pointer, size_t size)
{
    find_memory();
    if (is_early(pointer)) {
        void *more = real_malloc(size);
        if (more != NULL) memcpy(more, pointer, size);
        return more;
    }
    if (!STRIKES_MEMORY()) return real_realloc(pointer, size);
    errno = ENOMEM;
    return NULL;
}

void *aligned_alloc(size_t align, size_t size)
{
    find_memory();
    if (!STRIKES_MEMORY()) return real_aligned_alloc(align, size);
    errno = ENOMEM;
    return NULL;
}

int posix_memalign(void **ret, size_t align, size_t size)
{
    find_memory();
    return STRIKES_MEMORY() ? ENOMEM : real_posix_memalign(ret, align, size);
}

void free(void *pointer)
{
    find_memory();
    if (!is_early(pointer) && real_free != NULL) real_free(pointer);
}

/* jemalloc 5.3 follows a null pointer when it gets no memory for the arena of a new thread; what
 * its other failures come to for the program is KIND_ALLOC. */
static bool is_allocator(const void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) != 0 && strstr(info.dli_fname, "jemalloc") != NULL;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    REAL(mmap);
    if (is_allocator(__builtin_return_address(0)) || !STRIKES(KIND_MAP))
        return real(at, size, protection, flags, fd, offset);
    errno = wanted_errno;
    return MAP_FAILED;
}

int pthread_create(pthread_t *ret, const pthread_attr_t *how, void *(*run)(void *), void *context)
{
    REAL(pthread_create);
    return STRIKES(KIND_THREAD) ? wanted_errno : real(ret, how, run, context);
}

/* -- files ----------------------------------------------------------------------------------- */

static bool is_file(int fd)
{
    struct stat status;
    const int before = errno;
    const bool is = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    errno = before;
    return is;
}

#define FAIL_WITH_ERRNO(value) \
    do {                       \
        errno = wanted_errno;  \
        return value;          \
    } while (0)

static ssize_t cut_pwrite(int fd, const void *data, size_t size, off_t at)
{
    REAL(pwrite);
    if (!is_file(fd) || !strikes(KIND_WRITE, "pwrite", __builtin_return_address(0)))
        return real(fd, data, size, at);
    if (cuts_short()) return real(fd, data, part_of(size), at);
    FAIL_WITH_ERRNO(-1);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return cut_pwrite(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at)
{
    return cut_pwrite(fd, data, size, at);
}

ssize_t write(int fd, const void *data, size_t size)
{
    REAL(write);
    if (!is_file(fd) || !STRIKES(KIND_WRITE)) return real(fd, data, size);
    if (cuts_short()) return real(fd, data, part_of(size));
    FAIL_WITH_ERRNO(-1);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    REAL(writev);
    if (!is_file(fd) || !STRIKES(KIND_WRITE)) return real(fd, parts, count);
    if (cuts_short()) return real(fd, parts, count - 1 > 0 ? count - 1 : 1);
    FAIL_WITH_ERRNO(-1);
}

int fsync(int fd)
{
    REAL(fsync);
    if (!STRIKES(KIND_SYNC)) return real(fd);
    FAIL_WITH_ERRNO(-1);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    if (!STRIKES(KIND_SYNC)) return real(fd);
    FAIL_WITH_ERRNO(-1);
}

int msync(void *at, size_t size, int flags)
{
    REAL(msync);
    if (!STRIKES(KIND_SYNC)) return real(at, size, flags);
    FAIL_WITH_ERRNO(-1);
}

static ssize_t cut_pread(int fd, void *data, size_t size, off_t at)
{
    REAL(pread);
    if (!is_file(fd) || !strikes(KIND_READ, "pread", __builtin_return_address(0)))
        return real(fd, data, size, at);
    if (cuts_short()) return real(fd, data, part_of(size), at);
    FAIL_WITH_ERRNO(-1);
}

ssize_t pread(int fd, void *data, size_t size, off_t at)
{
    return cut_pread(fd, data, size, at);
}

ssize_t pread64(int fd, void *data, size_t size, off_t at)
{
    return cut_pread(fd, data, size, at);
}

ssize_t read(int fd, void *data, size_t size)
{
    REAL(read);
    if (!is_file(fd) || !STRIKES(KIND_READ)) return real(fd, data, size);
    if (cuts_short()) return real(fd, data, part_of(size));
    FAIL_WITH_ERRNO(-1);
}

/* stdio reads by calls of its own, so a whole fread() fails here; ferror() knows it afterwards. */
size_t fread(void *data, size_t size, size_t count, FILE *file)
{
    REAL(fread);
    if (cuts_short() || !STRIKES(KIND_READ)) return real(data, size, count, file);
    file->_flags |= 0x20; /* glibc's mark of an error. */
    FAIL_WITH_ERRNO(0);
}

/* open() in its four names; the mode is there only when a file may be made. */
#define OPEN(name)                                                        \
    int name(const char *path, int flags, ...)                            \
    {                                                                     \
        REAL(name);                                                       \
        va_list rest;                                                     \
        va_start(rest, flags);                                            \
        const mode_t mode = (flags & O_CREAT) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                     \
        if (!STRIKES(KIND_FILE)) return real(path, flags, mode);          \
        FAIL_WITH_ERRNO(-1);                                              \
    }
OPEN(open)
OPEN(open64)

#define FILE_CALL(result, failed, name, parameters, arguments) \
    result name parameters                                     \
    {                                                          \
        REAL(name);                                            \
        if (!STRIKES(KIND_FILE)) return real arguments;        \
        FAIL_WITH_ERRNO(failed);                               \
    }
FILE_CALL(FILE *, NULL, fopen, (const char *path, const char *how), (path, how))
FILE_CALL(FILE *, NULL, fopen64, (const char *path, const char *how), (path, how))
FILE_CALL(DIR *, NULL, opendir, (const char *path), (path))
FILE_CALL(int, -1, rename, (const char *from, const char *to), (from, to))
FILE_CALL(int, -1, unlink, (const char *path), (path))
FILE_CALL(int, -1, remove, (const char *path), (path))
FILE_CALL(int, -1, ftruncate, (int fd, off_t size), (fd, size))
FILE_CALL(int, -1, ftruncate64, (int fd, off_t size), (fd, size))
FILE_CALL(int, -1, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
FILE_CALL(int, -1, fallocate64, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size))
FILE_CALL(int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
FILE_CALL(int, -1, flock, (int fd, int what), (fd, what))
FILE_CALL(int, -1, eventfd, (unsigned first, int flags), (first, flags))
FILE_CALL(int, -1, socket, (int family, int type, int protocol), (family, type, protocol))
FILE_CALL(int, -1, bind, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
FILE_CALL(int, -1, listen, (int fd, int backlog), (fd, backlog))

/* -- LMDB ------------------------------------------------------------------------------------ */

/* LMDB calls itself through the same names: only calls from outside count. */
#define LMDB_CALL(name, parameters, arguments)                    \
    int name parameters                                           \
    {                                                             \
        REAL(name);                                               \
        if (deep == 0 && STRIKES(KIND_LMDB)) return wanted_errno; \
        deep++;                                                   \
        const int r = real arguments;                             \
        deep--;                                                   \
        return r;                                                 \
    }
LMDB_CALL(mdb_env_create, (MDB_env * *env), (env))
LMDB_CALL(mdb_env_open, (MDB_env * env, const char *path, unsigned flags, mdb_mode_t mode),
          (env, path, flags, mode))
LMDB_CALL(mdb_env_set_mapsize, (MDB_env * env, size_t size), (env, size))
LMDB_CALL(mdb_env_set_maxdbs, (MDB_env * env, MDB_dbi count), (env, count))
LMDB_CALL(mdb_txn_renew, (MDB_txn * txn), (txn))
LMDB_CALL(mdb_dbi_open, (MDB_txn * txn, const char *name, unsigned flags, MDB_dbi *ret),
          (txn, name, flags, ret))
LMDB_CALL(mdb_drop, (MDB_txn * txn, MDB_dbi table, int del), (txn, table, del))
LMDB_CALL(mdb_get, (MDB_txn * txn, MDB_dbi table, MDB_val *key, MDB_val *value),
          (txn, table, key, value))
LMDB_CALL(mdb_put, (MDB_txn * txn, MDB_dbi table, MDB_val *key, MDB_val *value, unsigned flags),
          (txn, table, key, value, flags))
LMDB_CALL(mdb_del, (MDB_txn * txn, MDB_dbi table, MDB_val *key, MDB_val *value),
          (txn, table, key, value))
LMDB_CALL(mdb_cursor_open, (MDB_txn * txn, MDB_dbi table, MDB_cursor **ret), (txn, table, ret))
LMDB_CALL(mdb_cursor_renew, (MDB_txn * txn, MDB_cursor *cursor), (txn, cursor))
LMDB_CALL(mdb_cursor_put, (MDB_cursor * cursor, MDB_val *key, MDB_val *value, unsigned flags),
          (cursor, key, value, flags))
LMDB_CALL(mdb_cursor_del, (MDB_cursor * cursor, unsigned flags), (cursor, flags))

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **ret)
{
    REAL(mdb_txn_begin);
    if (deep == 0 && STRIKES(KIND_LMDB)) return wanted_errno;
    if (deep == 0) writes = (flags & MDB_RDONLY) == 0;
    deep++;
    const int r = real(env, parent, flags, ret);
    deep--;
    return r;
}

int mdb_cursor_get(MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
    REAL(mdb_cursor_get);
    if (deep == 0 && STRIKES(KIND_LMDB)) return wanted_errno;
    if (deep == 0 && !writes && STRIKES(KIND_LOOKUP)) return wanted_errno;
    deep++;
    const int r = real(cursor, key, value, op);
    deep--;
    return r;
}

/* A commit that fails has freed the transaction all the same. */
int mdb_txn_commit(MDB_txn *txn)
{
    REAL(mdb_txn_commit);
    const bool struck = deep == 0 && STRIKES(KIND_COMMIT);
    if (deep == 0) writes = false;
    deep++;
    if (struck) mdb_txn_abort(txn);
    const int r = struck ? wanted_errno : real(txn);
    deep--;
    return r;
}

/* -- io_uring -------------------------------------------------------------------------------- */

#define DOOMED_MAX 256

/* Operations that were made harmless, until their completion can be given its errno. */
static _Thread_local struct {
    uint64_t tag;
    int result;
} doomed[DOOMED_MAX];
static _Thread_local unsigned doomed_count;
static _Thread_local unsigned seen;   /* Completions up to this one were looked at. */
static _Thread_local unsigned looked; /* And submissions. */

static enum kind kind_of_operation(const struct io_uring_sqe *sqe)
{
    switch (sqe->opcode) {
    case IORING_OP_WRITE:
    case IORING_OP_WRITEV:
        return KIND_WRITE;
    case IORING_OP_FSYNC:
        return KIND_SYNC;
    case IORING_OP_READ:
        return is_file(sqe->fd) ? KIND_READ : KIND_NONE; /* The other is a loop's alarm clock. */
    case IORING_OP_ACCEPT:
    case IORING_OP_RECV:
    case IORING_OP_SEND:
    case IORING_OP_TIMEOUT:
    case IORING_OP_ASYNC_CANCEL:
        return KIND_OP;
    default:
        return KIND_NONE;
    }
}

static void doom(struct io_uring_sqe *sqe, int result)
{
    if (doomed_count == DOOMED_MAX) abort();
    doomed[doomed_count].tag = sqe->user_data;
    doomed[doomed_count++].result = result;
    const uint8_t flags = sqe->flags & (IOSQE_IO_LINK | IOSQE_IO_DRAIN);
    const uint64_t tag = sqe->user_data;
    /* An operation on no file: it fails, and so breaks its link, as the real one would. */
    io_uring_prep_fsync(sqe, -1, 0);
    sqe->flags = flags;
    sqe->user_data = tag;
}

static void look_at_submissions(struct io_uring *ring, const void *caller)
{
    struct io_uring_sq *sq = &ring->sq;
    bool cut = false; /* A short operation cancels what is linked to it. */
    if ((int)(looked - sq->sqe_head) < 0) looked = sq->sqe_head;
    for (; looked != sq->sqe_tail; looked++) {
        struct io_uring_sqe *sqe = &sq->sqes[looked & *sq->kring_mask];
        if (cut) {
            cut = (sqe->flags & IOSQE_IO_LINK) != 0;
            doom(sqe, -ECANCELED);
            continue;
        }
        const enum kind kind = kind_of_operation(sqe);
        if (kind == KIND_NONE || !strikes(kind, "an operation of the ring", caller)) continue;
        if (!cuts_short()) {
            doom(sqe, -wanted_errno);
        } else if (kind == KIND_WRITE || kind == KIND_READ) {
            sqe->len = (unsigned)part_of(sqe->len);
            cut = (sqe->flags & IOSQE_IO_LINK) != 0;
            sqe->flags &= (uint8_t)~IOSQE_IO_LINK;
        }
    }
}

/* Completions cannot come but in calls that submit or wait: these set what the program will see. */
static void look_at_completions(struct io_uring *ring)
{
    struct io_uring_cq *cq = &ring->cq;
    const unsigned head = *cq->khead;
    const unsigned tail = __atomic_load_n(cq->ktail, __ATOMIC_ACQUIRE);
    if ((int)(seen - head) < 0) seen = head;
    for (; seen != tail; seen++) {
        struct io_uring_cqe *cqe = &cq->cqes[seen & *cq->kring_mask];
        for (unsigned i = 0; i < doomed_count; i++) {
            if (doomed[i].tag != cqe->user_data) continue;
            cqe->res = doomed[i].result;
            doomed[i] = doomed[--doomed_count];
            break;
        }
    }
}

#define SUBMIT(name, parameters, arguments)                     \
    int name parameters                                         \
    {                                                           \
        REAL(name);                                             \
        if (STRIKES(KIND_RING)) return -wanted_errno;           \
        look_at_submissions(ring, __builtin_return_address(0)); \
        const int r = real arguments;                           \
        look_at_completions(ring);                              \
        return r;                                               \
    }
SUBMIT(io_uring_submit, (struct io_uring * ring), (ring))
SUBMIT(io_uring_submit_and_wait, (struct io_uring * ring, unsigned count), (ring, count))
SUBMIT(io_uring_submit_and_get_events, (struct io_uring * ring), (ring))

#define RING_CALL(name, parameters, arguments)                      \
    int name parameters                                             \
    {                                                               \
        REAL(name);                                                 \
        return STRIKES(KIND_RING) ? -wanted_errno : real arguments; \
    }
RING_CALL(io_uring_queue_init_params,
          (unsigned entries, struct io_uring *ring, struct io_uring_params *params),
          (entries, ring, params))
RING_CALL(io_uring_register_buf_ring,
          (struct io_uring * ring, struct io_uring_buf_reg *reg, unsigned flags),
          (ring, reg, flags))
RING_CALL(io_uring_register_ring_fd, (struct io_uring * ring), (ring))

/* -- beginning ------------------------------------------------------------------------------- */

static void read_order(void)
{
    static const char *const modes[] = {"once", "on", "short"};
    char kind[16], mode[16];
    unsigned long long n;
    const char *text = getenv("FAILING");
    if (text == NULL) return;
    if (sscanf(text, "%15[^:]:%llu:%d:%15s", kind, &n, &wanted_errno, mode) != 4) abort();
    for (int i = 0; i < KIND_COUNT; i++)
        if (strcmp(kind, kind_names[i]) == 0) wanted = (enum kind)i;
    for (int i = 0; i < 3; i++)
        if (strcmp(mode, modes[i]) == 0) wanted_mode = (enum mode)i;
    if (wanted == KIND_NONE) abort();
    wanted_n = n;
}

static void open_told(void)
{
    const char *path = getenv("FAILING_TOLD");
    if (path == NULL) return;
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof(struct told)) != 0) abort();
    void *map = mmap(NULL, sizeof(struct told), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) abort();
    close(fd);
    told = map;
}

static int (*real_main)(int, char **, char **);

static int counted_main(int argc, char **argv, char **environment)
{
    read_order();
    open_told();
    dl_iterate_phdr(find_crypto, NULL);
    atomic_store(&counting, true);
    return real_main(argc, argv, environment);
}

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end);

int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    REAL(__libc_start_main);
    real_main = main;
    return real(counted_main, argc, argv, init, fini, rtld_fini, stack_end);
}
