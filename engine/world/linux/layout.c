/* layout -- see layout.h. Boot only: it may allocate and may be slow. */
#include "world/linux/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "types/civil.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "util/text.h"
#include "world/linux/crash_point.h"
#include "world/linux/files.h"

#define STORE_FILE_NEW LAYOUT_STORE_FILE ".new"
#define STORE_TEXT_MAX 4096
#define SUM_NAME       "sum="
#define SUM_LINE_SIZE  (sizeof SUM_NAME - 1 + 8 + 1) /* Eight hex digits and LF. */
#define FOLDER_MODE    0750
#define FILE_MODE      0640
#define MADE_PER_SHARD 3

/* ---- paths --------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void path_set(char ret[LAYOUT_PATH_MAX],
                                                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(ret, LAYOUT_PATH_MAX, format, arguments);
    va_end(arguments);
    ENSURE(size > 0);
    ENSURE(size < LAYOUT_PATH_MAX); /* By LAYOUT_FOLDER_MAX and LAYOUT_FILE_NAME_MAX. */
}

void layout_journal_path(const struct layout *layout, uint32_t shard, char ret[LAYOUT_PATH_MAX])
{
    ENSURE(shard < LAYOUT_SHARDS_MAX);
    path_set(ret, "%s/shard-%04" PRIu32 "/journal", layout->folder, shard);
}

void layout_state_path(const struct layout *layout, uint32_t shard, char ret[LAYOUT_PATH_MAX])
{
    ENSURE(shard < LAYOUT_SHARDS_MAX);
    path_set(ret, "%s/shard-%04" PRIu32 "/state", layout->folder, shard);
}

static bool file_name_valid(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= LAYOUT_FILE_NAME_MAX && name[0] != '.' && strchr(name, '/') == NULL;
}

void layout_table_path(const struct layout *layout, const char *name, char ret[LAYOUT_PATH_MAX])
{
    ENSURE(file_name_valid(name));
    path_set(ret, "%s/tables/%s", layout->folder, name);
}

static int folder_name_check(const char *dir, struct problem *problem)
{
    if (dir[0] == '\0') return problem_set(problem, -EINVAL, "the store's folder has no name");
    if (strlen(dir) >= LAYOUT_FOLDER_MAX)
        return problem_set(problem, -ENAMETOOLONG,
                           "the name of the store's folder is longer than %d bytes",
                           LAYOUT_FOLDER_MAX - 1);
    return 0;
}

/* ---- making -------------------------------------------------------------------------------- */

/* What layout_create() has made so far, in order, so that a failure can be undone without touching
 * anything that was there before. */
struct making {
    const char *dir;
    char (*made)[LAYOUT_PATH_MAX]; /* Room from the start: what is made must be undone. */
    size_t made_count;
    size_t made_max;
    struct problem *problem;
};

static void made_add(struct making *making, const char *path)
{
    ENSURE(making->made_count < making->made_max);
    path_set(making->made[making->made_count++], "%s", path);
}

static void made_undo(struct making *making)
{
    while (making->made_count > 0) {
        remove(making->made[--making->made_count]); /* A folder only when it is empty again. */
    }
}

static int make_folder(struct making *making, const char *path)
{
    if (mkdir(path, FOLDER_MODE) != 0)
        return problem_of_system(making->problem, errno, path, "cannot make the folder");
    made_add(making, path);
    return 0;
}

static int sync_folder(struct making *making, const char *path)
{
    int r = folder_sync(path);
    return r == 0 ? 0 : problem_of_system(making->problem, -r, path, "cannot sync the folder");
}

static int write_all(int fd, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t written = write(fd, bytes.data, bytes.size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -errno;
        bytes.data += written;
        bytes.size -= (size_t)written;
    }
    return 0;
}

static int make_file(struct making *making, const char *path, struct bytes text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd < 0) return problem_of_system(making->problem, errno, path, "cannot make the file");
    made_add(making, path);
    int r = write_all(fd, text);
    if (r == 0 && fsync(fd) != 0) r = -errno;
    if (close(fd) != 0 && r == 0) r = -errno;
    return r == 0 ? 0 : problem_of_system(making->problem, -r, path, "cannot write the file");
}

/* 0 when `dir` is there and empty, 1 when it is not there. */
static int look_for_folder(const char *dir, struct problem *problem)
{
    DIR *stream = opendir(dir);
    if (stream == NULL && errno == ENOENT) return 1;
    if (stream == NULL && errno == ENOTDIR)
        return problem_set(problem, -EEXIST, "%s is there and is not a folder", dir);
    if (stream == NULL) return problem_of_system(problem, errno, dir, "cannot read the folder");
    int r = 0;
    struct dirent *entry;
    while (r == 0 && (entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0)
            continue;
        if (strcmp(name, LAYOUT_STORE_FILE) == 0)
            r = problem_set(problem, -EEXIST, "%s is a store already", dir);
    }
    rewinddir(stream);
    while (r == 0 && (entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strcmp(name, "lost+found") == 0)
            continue;
        r = problem_set(problem, -ENOTEMPTY,
                        "%s is not empty (it holds \"%s\"); a store needs a folder of its own", dir,
                        name);
    }
    closedir(stream);
    return r;
}

/* The folder that `dir` stands in. */
static void parent_of(const char *dir, char ret[LAYOUT_PATH_MAX])
{
    size_t size = strlen(dir);
    while (size > 1 && dir[size - 1] == '/')
        size--;
    while (size > 0 && dir[size - 1] != '/')
        size--;
    while (size > 1 && dir[size - 1] == '/')
        size--;
    path_set(ret, "%.*s", size == 0 ? 1 : (int)size, size == 0 ? "." : dir);
}

static int make_tables(struct making *making, const struct layout_file *files, size_t count)
{
    char path[LAYOUT_PATH_MAX];
    path_set(path, "%s/tables", making->dir);
    int r = make_folder(making, path);
    for (size_t i = 0; i < count && r == 0; i++) {
        if (!file_name_valid(files[i].name))
            return problem_set(making->problem, -EINVAL, "\"%.80s\" is not a name for a table",
                               files[i].name);
        path_set(path, "%s/tables/%s", making->dir, files[i].name);
        r = make_file(making, path, files[i].text);
    }
    if (r != 0) return r;
    path_set(path, "%s/tables", making->dir);
    return sync_folder(making, path);
}

static int make_shard(struct making *making, uint32_t shard)
{
    char path[LAYOUT_PATH_MAX];
    path_set(path, "%s/shard-%04" PRIu32, making->dir, shard);
    int r = make_folder(making, path);
    if (r != 0) return r;
    path_set(path, "%s/shard-%04" PRIu32 "/journal", making->dir, shard);
    r = make_folder(making, path);
    if (r != 0) return r;
    crash_point("init-shard");
    path_set(path, "%s/shard-%04" PRIu32 "/state", making->dir, shard);
    r = make_folder(making, path);
    if (r != 0) return r;
    path_set(path, "%s/shard-%04" PRIu32, making->dir, shard);
    return sync_folder(making, path);
}

/* The last step: with this file the folder is a store. */
static int make_store_file(struct making *making, uint32_t shards, int64_t created_ms)
{
    uint8_t secret[STORE_ID_SIZE + LAYOUT_HASH_KEY_SIZE];
    if (getrandom(secret, sizeof secret, 0) != sizeof secret)
        return problem_of_system(making->problem, errno, making->dir, "no random numbers");
    char store_id[2 * STORE_ID_SIZE + 1], hash_key[2 * LAYOUT_HASH_KEY_SIZE + 1];
    text_put_bytes(store_id, secret, STORE_ID_SIZE);
    text_put_bytes(hash_key, secret + STORE_ID_SIZE, LAYOUT_HASH_KEY_SIZE);
    char created[CIVIL_ISO_SIZE], text[STORE_TEXT_MAX];
    civil_format_iso(created_ms - created_ms % MS_PER_SECOND, created);
    int size = snprintf(text, sizeof text,
                        "# A Qingfen store. Written once by `qingfen init`; never edit it.\n"
                        "format=%d\nstore_id=%s\nshards=%" PRIu32 "\nhash_key=%s\ncreated=%s\n",
                        LAYOUT_FORMAT, store_id, shards, hash_key, created);
    ENSURE(size > 0);
    ENSURE((size_t)size + SUM_LINE_SIZE < sizeof text);
    snprintf(text + size, SUM_LINE_SIZE + 1, SUM_NAME "%08" PRIx32 "\n",
             checksum_crc32c(0, text, (size_t)size));

    char new_path[LAYOUT_PATH_MAX], path[LAYOUT_PATH_MAX];
    path_set(new_path, "%s/" STORE_FILE_NEW, making->dir);
    path_set(path, "%s/" LAYOUT_STORE_FILE, making->dir);
    int r = make_file(making, new_path, bytes_of(text));
    if (r != 0) return r;
    crash_point("init-store-written");
    r = sync_folder(making, making->dir); /* What it vouches for is durable before it is there. */
    if (r != 0) return r;
    if (rename(new_path, path) != 0)
        return problem_of_system(making->problem, errno, path, "cannot rename the file to this");
    made_add(making, path);
    crash_point("init-renamed");
    return sync_folder(making, making->dir);
}

static int make_all(struct making *making, uint32_t shards, int64_t created_ms,
                    const struct layout_file *files, size_t count)
{
    int found = look_for_folder(making->dir, making->problem);
    if (found < 0) return found;
    int r = found == 1 ? make_folder(making, making->dir) : 0;
    if (r != 0) return r;
    crash_point("init-folder");
    r = make_tables(making, files, count);
    if (r != 0) return r;
    crash_point("init-tables");
    char path[LAYOUT_PATH_MAX];
    path_set(path, "%s/lock", making->dir);
    r = make_file(making, path, (struct bytes){NULL, 0});
    crash_point("init-lock");
    for (uint32_t shard = 0; shard < shards && r == 0; shard++)
        r = make_shard(making, shard);
    if (r != 0) return r;
    crash_point("init-shards");
    r = make_store_file(making, shards, created_ms);
    crash_point("init-made");
    if (r != 0 || found == 0) return r;
    parent_of(making->dir, path);
    return sync_folder(making, path);
}

int layout_create(const char *dir, uint32_t shards, int64_t created_ms,
                  const struct layout_file *files, size_t count, struct problem *problem)
{
    int r = folder_name_check(dir, problem);
    if (r != 0) return r;
    if (shards < 1 || shards > LAYOUT_SHARDS_MAX)
        return problem_set(problem, -EINVAL, "a store has 1 to %d shards, not %" PRIu32,
                           LAYOUT_SHARDS_MAX, shards);
    if (created_ms < 0) return problem_set(problem, -EINVAL, "the time is before 1970");

    /* The folder, tables/, the lock, qingfen.store under both its names; files; shards. */
    size_t made_max = 5 + count + (size_t)shards * MADE_PER_SHARD;
    struct making making = {.dir = dir, .made_max = made_max, .problem = problem};
    making.made = calloc(made_max, sizeof *making.made);
    if (making.made == NULL) return problem_set(problem, -ENOMEM, "not enough memory");
    r = make_all(&making, shards, created_ms, files, count);
    if (r != 0) made_undo(&making);
    free(making.made);
    return r;
}

/* ---- opening ------------------------------------------------------------------------------- */

enum store_field {
    FIELD_FORMAT,
    FIELD_STORE_ID,
    FIELD_SHARDS,
    FIELD_HASH_KEY,
    FIELD_CREATED,
    FIELD_COUNT,
};

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_FORMAT] = "format",     [FIELD_STORE_ID] = "store_id", [FIELD_SHARDS] = "shards",
    [FIELD_HASH_KEY] = "hash_key", [FIELD_CREATED] = "created",
};

static bool hex_parse(const char *text, size_t size, uint8_t *ret_bytes)
{
    return strlen(text) == 2 * size && text_take_bytes(text, size, ret_bytes);
}

/* Digits only, no leading zero, at most four of them. */
static bool number_parse(const char *text, uint32_t *ret_number)
{
    size_t size = strlen(text);
    if (size < 1 || size > 4 || strspn(text, "0123456789") != size) return false;
    if (size > 1 && text[0] == '0') return false;
    *ret_number = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

/* Where a line stands, for the sentence. */
struct place {
    const char *path;
    int line;
    struct problem *problem;
};

static int field_read(const struct place *place, enum store_field field, const char *value,
                      struct layout *layout)
{
    const char *wanted = NULL;
    uint32_t number;
    switch (field) {
    case FIELD_FORMAT:
        if (number_parse(value, &number) && number != LAYOUT_FORMAT)
            return problem_set(place->problem, -EUCLEAN,
                               "%s:%d: this store has format %" PRIu32
                               ", this program reads format %d",
                               place->path, place->line, number, LAYOUT_FORMAT);
        if (!number_parse(value, &number)) wanted = "a number";
        break;
    case FIELD_STORE_ID:
        if (!hex_parse(value, STORE_ID_SIZE, layout->store_id)) wanted = "32 hex digits";
        break;
    case FIELD_SHARDS:
        if (!number_parse(value, &layout->shards) || layout->shards < 1 ||
            layout->shards > LAYOUT_SHARDS_MAX)
            wanted = "a number from 1 to 64";
        break;
    case FIELD_HASH_KEY:
        if (!hex_parse(value, LAYOUT_HASH_KEY_SIZE, layout->hash_key)) wanted = "32 hex digits";
        break;
    case FIELD_CREATED:
        if (!civil_parse_iso(value, &layout->created_ms)) wanted = "a time in ISO 8601";
        break;
    case FIELD_COUNT:
        break;
    }
    if (wanted == NULL) return 0;
    /* The hash key is a secret: a bad value is not repeated. */
    return problem_set(place->problem, -EUCLEAN, "%s:%d: %s must be %s", place->path, place->line,
                       field_names[field], wanted);
}

static int line_read(const struct place *place, char *line, bool seen[FIELD_COUNT],
                     struct layout *layout)
{
    if (line[0] == '\0' || line[0] == '#') return 0;
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return problem_set(place->problem, -EUCLEAN, "%s:%d: this line is not name=value",
                           place->path, place->line);
    *equals = '\0';
    for (int field = 0; field < FIELD_COUNT; field++) {
        if (strcmp(line, field_names[field]) != 0) continue;
        if (seen[field])
            return problem_set(place->problem, -EUCLEAN, "%s:%d: %s is there a second time",
                               place->path, place->line, field_names[field]);
        seen[field] = true;
        return field_read(place, (enum store_field)field, equals + 1, layout);
    }
    return problem_set(place->problem, -EUCLEAN, "%s:%d: unknown name \"%.40s\"", place->path,
                       place->line, line);
}

/* The last line may be the sum of all that is before it; stores of older programs have none. Gives
 * in *ret_size what is left to read. */
static int sum_check(const char *path, const char *text, size_t size, size_t *ret_size,
                     struct problem *problem)
{
    *ret_size = size;
    if (size <= SUM_LINE_SIZE) return 0;
    const size_t before = size - SUM_LINE_SIZE;
    if (memcmp(text + before, SUM_NAME, sizeof SUM_NAME - 1) != 0) return 0;
    char right[SUM_LINE_SIZE + 1];
    snprintf(right, sizeof right, SUM_NAME "%08" PRIx32 "\n", checksum_crc32c(0, text, before));
    if (memcmp(text + before, right, SUM_LINE_SIZE) != 0)
        return problem_set(problem, -EUCLEAN, "%s: it does not match the sum in its last line",
                           path);
    *ret_size = before;
    return 0;
}

static int text_read(const char *path, char *text, size_t size, struct layout *layout,
                     struct problem *problem)
{
    if (memchr(text, '\0', size) != NULL)
        return problem_set(problem, -EUCLEAN, "%s: there are zero bytes in it", path);
    if (size == 0 || text[size - 1] != '\n')
        return problem_set(problem, -EUCLEAN, "%s: it does not end with a whole line", path);
    const int r = sum_check(path, text, size, &size, problem);
    if (r != 0) return r;
    bool seen[FIELD_COUNT] = {false};
    int line_number = 1;
    for (char *line = text; line < text + size; line_number++) {
        char *end = strchr(line, '\n');
        *end = '\0';
        struct place place = {path, line_number, problem};
        const int read = line_read(&place, line, seen, layout);
        if (read != 0) return read;
        line = end + 1;
    }
    for (int field = 0; field < FIELD_COUNT; field++) {
        if (!seen[field])
            return problem_set(problem, -EUCLEAN, "%s: %s is missing", path, field_names[field]);
    }
    return 0;
}

static int folder_check(const char *path, struct problem *problem)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return errno == ENOENT
                   ? problem_set(problem, -EUCLEAN, "%s: this folder is missing", path)
                   : problem_of_system(problem, errno, path, "cannot look at the folder");
    if (!S_ISDIR(status.st_mode))
        return problem_set(problem, -EUCLEAN, "%s: this is not a folder", path);
    return 0;
}

static int folders_check(const struct layout *layout, struct problem *problem)
{
    char path[LAYOUT_PATH_MAX];
    path_set(path, "%s/tables", layout->folder);
    int r = folder_check(path, problem);
    for (uint32_t shard = 0; shard < layout->shards && r == 0; shard++) {
        layout_journal_path(layout, shard, path);
        r = folder_check(path, problem);
        if (r != 0) return r;
        layout_state_path(layout, shard, path);
        r = folder_check(path, problem);
    }
    return r;
}

int layout_open(const char *dir, struct layout *ret_layout, struct problem *problem)
{
    int r = folder_name_check(dir, problem);
    if (r != 0) return r;
    char path[LAYOUT_PATH_MAX], text[STORE_TEXT_MAX + 1];
    path_set(path, "%s/" LAYOUT_STORE_FILE, dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return problem_set(problem, -ENOENT, "%s is not a store: there is no %s in it", dir,
                           LAYOUT_STORE_FILE);
    if (fd < 0) return problem_of_system(problem, errno, path, "cannot open the file");
    ssize_t size = read(fd, text, sizeof text);
    int error = errno;
    close(fd);
    if (size < 0) return problem_of_system(problem, error, path, "cannot read the file");
    if (size > STORE_TEXT_MAX)
        return problem_set(problem, -EUCLEAN, "%s: it is longer than %d bytes", path,
                           STORE_TEXT_MAX);

    struct layout layout = {0};
    memcpy(layout.folder, dir, strlen(dir) + 1); /* folder_name_check() knows that it fits. */
    r = text_read(path, text, (size_t)size, &layout, problem);
    if (r != 0) return r;
    r = folders_check(&layout, problem);
    if (r != 0) return r;
    *ret_layout = layout;
    return 0;
}

/* ---- the lock ------------------------------------------------------------------------------ */

/* Says who is in the way. Readers leave no number in the file; when a shared lock is to be had, it
 * is they. */
static int lock_problem(int fd, const char *dir, struct problem *problem)
{
    if (flock(fd, LOCK_SH | LOCK_NB) == 0)
        return problem_set(problem, -EBUSY,
                           "%s is being read by another program (a verify?); wait for its end",
                           dir);
    char text[24] = "";
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    long pid = size > 0 ? strtol(text, NULL, 10) : 0;
    if (pid > 0)
        return problem_set(problem, -EBUSY, "%s is in use by process %ld; stop that one first", dir,
                           pid);
    return problem_set(problem, -EBUSY, "%s is in use by another process", dir);
}

int layout_lock(const char *dir, bool exclusive, int *ret_fd, struct problem *problem)
{
    int r = folder_name_check(dir, problem);
    if (r != 0) return r;
    char path[LAYOUT_PATH_MAX];
    path_set(path, "%s/lock", dir);
    /* A reader needs no right to write; an engine makes the file where it was lost in a copy. */
    int fd = open(path, (exclusive ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC, FILE_MODE);
    if (fd < 0) return problem_of_system(problem, errno, path, "cannot open the lock");
    if (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
        r = errno == EWOULDBLOCK ? lock_problem(fd, dir, problem)
                                 : problem_of_system(problem, errno, path, "cannot lock");
        close(fd);
        return r;
    }
    if (exclusive) {
        char text[24];
        int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
        /* Only for the sentence above: when it cannot be written, the lock holds all the same. */
        if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)size, 0) < 0) errno = 0;
    }
    *ret_fd = fd;
    return 0;
}

void layout_unlock(int fd)
{
    if (fd < 0) return;
    if (ftruncate(fd, 0) != 0) errno = 0; /* A reader's: it wrote nothing. */
    close(fd);
}
