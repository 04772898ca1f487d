#include "tools/backup/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "types/civil.h"
#include "types/ensure.h"
#include "util/text.h"
#include "world/linux/files.h"

#define TEXT_MAX     (64 * 1024)
#define FILE_MAX     (16 * 1024 * 1024)
#define HEX_SHA_SIZE (2 * SHA256_SIZE + 1)

/* ---- paths and files ------------------------------------------------------------------------ */

void manifest_path(const char *folder, uint32_t run, char ret_path[LAYOUT_PATH_MAX])
{
    const int size = snprintf(ret_path, LAYOUT_PATH_MAX, "%s/run-%08" PRIu32 ".txt", folder, run);
    ENSURE(size > 0 && size < LAYOUT_PATH_MAX);
}

void backup_shard_path(const char *folder, uint32_t shard, char ret_path[LAYOUT_PATH_MAX])
{
    const int size = snprintf(ret_path, LAYOUT_PATH_MAX, "%s/shard-%04" PRIu32, folder, shard);
    ENSURE(size > 0 && size < LAYOUT_PATH_MAX);
}

int backup_read_file(const char *path, uint8_t **ret_text, size_t *ret_size,
                     struct problem *problem)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd < 0) return problem_of_system(problem, errno, path, "cannot open the file");
    int r = fstat(fd, &status) == 0
                ? 0
                : problem_of_system(problem, errno, path, "cannot read the file");
    if (r == 0 && status.st_size > FILE_MAX)
        r = problem_set(problem, -EUCLEAN, "%s: the file is too large", path);
    const size_t room = r == 0 ? (size_t)status.st_size : 0;
    uint8_t *text = malloc(room + 1);
    if (text == NULL) {
        close(fd);
        return problem_set(problem, -ENOMEM, "not enough memory");
    }
    size_t size = 0;
    while (r == 0 && size < room) {
        const ssize_t got = read(fd, text + size, room - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) r = problem_of_system(problem, errno, path, "cannot read the file");
        if (got == 0) r = problem_set(problem, -EIO, "%s: the file became shorter", path);
        if (got > 0) size += (size_t)got;
    }
    close(fd);
    if (r != 0) {
        free(text);
        return r;
    }
    text[size] = 0;
    *ret_text = text;
    *ret_size = size;
    return 0;
}

static int write_whole(int fd, struct bytes text)
{
    while (text.size > 0) {
        const ssize_t written = write(fd, text.data, text.size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -errno;
        text.data += written;
        text.size -= (size_t)written;
    }
    return fsync(fd) == 0 ? 0 : -errno;
}

int backup_write_file(const char *folder, const char *path, struct bytes text,
                      struct problem *problem)
{
    char new_path[LAYOUT_PATH_MAX + 8];
    snprintf(new_path, sizeof new_path, "%s.new", path);
    const int fd = open(new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, BACKUP_FILE_MODE);
    if (fd < 0) return problem_of_system(problem, errno, new_path, "cannot make the file");
    int r = write_whole(fd, text);
    if (close(fd) != 0 && r == 0) r = -errno;
    if (r == 0 && rename(new_path, path) != 0) r = -errno;
    if (r != 0) {
        unlink(new_path);
        return problem_of_system(problem, -r, path, "cannot write the file");
    }
    r = folder_sync(folder);
    return r == 0 ? 0 : problem_of_system(problem, -r, folder, "cannot sync the folder");
}

/* ---- writing -------------------------------------------------------------------------------- */

struct lines {
    char *text; /* TEXT_MAX bytes */
    size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct lines *lines, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int size =
        vsnprintf(lines->text + lines->size, TEXT_MAX - lines->size, format, arguments);
    va_end(arguments);
    ENSURE(size >= 0 && (size_t)size < TEXT_MAX - lines->size); /* 64 shards and 64 files fit. */
    lines->size += (size_t)size;
}

static const char *hex(const uint8_t *bytes, size_t size, char ret_text[HEX_SHA_SIZE])
{
    text_put_bytes(ret_text, bytes, size);
    return ret_text;
}

static const char *iso(int64_t ms, char ret_text[CIVIL_ISO_SIZE])
{
    if (ms == INT64_MIN) return "none";
    civil_format_iso(ms, ret_text);
    return ret_text;
}

static void write_lines(struct lines *lines, const struct manifest *m)
{
    char sum[HEX_SHA_SIZE];
    char at[CIVIL_ISO_SIZE];
    add(lines,
        "# A run of qingfen backup; see docs/formats.md, Backup. Never edit it: the last line is\n"
        "# the SHA-256 of all lines above it.\n"
        "format=%d\nrun=%" PRIu32 "\n",
        BACKUP_FORMAT, m->run);
    add(lines, "store_id=%s\n", hex(m->store_id, STORE_ID_SIZE, sum));
    add(lines, "shards=%" PRIu32 "\n", m->shards);
    add(lines, "began=%s\n", iso(m->began_ms, at));
    add(lines, "horizon=%s\n", iso(m->horizon_ms, at));
    add(lines, "previous=%s\n", hex(m->previous, SHA256_SIZE, sum));
    for (uint32_t i = 0; i < m->file_count; i++)
        add(lines, "file=%s %s\n", hex(m->files[i].sum, SHA256_SIZE, sum), m->files[i].name);
    for (uint32_t s = 0; s < m->shards; s++) {
        const struct backup_shard *shard = &m->shard[s];
        add(lines,
            "shard=%" PRIu32 " segment=%" PRIu32 " offset=%" PRIu64 " blocks=%" PRIu64
            " entries=%" PRIu64 " stamp=%s hash=%s\n",
            s, shard->end.segment, shard->end.offset, shard->end.next_block - 1,
            shard->end.next_seq - 1, iso(shard->stamp_ms, at),
            hex(shard->end.previous, SHA256_SIZE, sum));
    }
}

static void sum_of(const void *data, size_t size, uint8_t ret_sum[SHA256_SIZE])
{
    checksum_sha256((struct bytes){data, size}, (struct bytes){NULL, 0}, ret_sum);
}

int manifest_write(const char *folder, struct manifest *manifest, struct problem *problem)
{
    char path[LAYOUT_PATH_MAX];
    char text[HEX_SHA_SIZE];
    uint8_t sum[SHA256_SIZE];
    struct lines lines = {.text = malloc(TEXT_MAX)};
    if (lines.text == NULL) return problem_set(problem, -ENOMEM, "not enough memory");
    write_lines(&lines, manifest);
    sum_of(lines.text, lines.size, sum);
    add(&lines, "sum=%s\n", hex(sum, SHA256_SIZE, text));
    sum_of(lines.text, lines.size, manifest->sum);
    manifest_path(folder, manifest->run, path);
    const int r = backup_write_file(
        folder, path, (struct bytes){(const uint8_t *)lines.text, lines.size}, problem);
    free(lines.text);
    return r;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Exactly `size` bytes, then the end mark or a blank. */
static bool unhex(const char *text, size_t size, uint8_t *ret_bytes)
{
    return text_take_bytes(text, size, ret_bytes) &&
           (text[2 * size] == '\0' || text[2 * size] == ' ');
}

static bool uniso(const char *text, int64_t *ret_ms)
{
    if (strcmp(text, "none") != 0) return civil_parse_iso(text, ret_ms);
    *ret_ms = INT64_MIN;
    return true;
}

static bool unnumber(const char *text, uint64_t most, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    *ret_number = strtoull(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *ret_number <= most && text[0] != '-';
}

static bool read_file_line(const char *value, struct manifest *m)
{
    struct backup_file *file = &m->files[m->file_count];
    if (m->file_count == BACKUP_FILES_MAX || !unhex(value, SHA256_SIZE, file->sum)) return false;
    const char *name = value + 2 * SHA256_SIZE + 1;
    if (value[2 * SHA256_SIZE] != ' ' || name[0] == '/' || strstr(name, "..") != NULL) return false;
    if (strlen(name) == 0 || strlen(name) >= sizeof file->name) return false;
    memcpy(file->name, name, strlen(name) + 1);
    m->file_count++;
    return true;
}

/* Takes "NAME=NUMBER " off the front. */
static bool take_number(const char **text, const char *name, uint64_t most, uint64_t *ret_number)
{
    const size_t size = strlen(name);
    char digits[24];
    if (strncmp(*text, name, size) != 0) return false;
    const char *value = *text + size;
    const size_t used = strcspn(value, " ");
    if (used >= sizeof digits || value[used] == '\0') return false;
    memcpy(digits, value, used);
    digits[used] = '\0';
    *text = value + used + 1;
    return unnumber(digits, most, ret_number);
}

static bool take_stamp(const char **text, int64_t *ret_ms)
{
    static const char name[] = "stamp=";
    char stamp[CIVIL_ISO_SIZE];
    if (strncmp(*text, name, sizeof name - 1) != 0) return false;
    const char *value = *text + sizeof name - 1;
    const size_t used = strcspn(value, " ");
    if (used >= sizeof stamp || value[used] == '\0') return false;
    memcpy(stamp, value, used);
    stamp[used] = '\0';
    *text = value + used + 1;
    return uniso(stamp, ret_ms);
}

static bool read_shard_line(const char *value, uint32_t number, struct manifest *m)
{
    uint64_t at;
    uint64_t segment;
    if (number >= LAYOUT_SHARDS_MAX) return false;
    struct backup_shard *s = &m->shard[number];
    if (!take_number(&value, "", LAYOUT_SHARDS_MAX, &at) || at != number ||
        !take_number(&value, "segment=", UINT32_MAX, &segment) || segment == 0 ||
        !take_number(&value, "offset=", SEGMENT_SIZE, &s->end.offset) ||
        !take_number(&value, "blocks=", UINT64_MAX - 1, &s->end.next_block) ||
        !take_number(&value, "entries=", UINT64_MAX - 1, &s->end.next_seq) ||
        !take_stamp(&value, &s->stamp_ms))
        return false;
    s->end.segment = (uint32_t)segment;
    s->end.next_block++;
    s->end.next_seq++;
    return s->end.offset % BLOCK_ALIGN == 0 && strncmp(value, "hash=", 5) == 0 &&
           unhex(value + 5, SHA256_SIZE, s->end.previous);
}

/* One line; the rows of files and shards may be many. */
static bool read_line(char *line, uint32_t *shards_read, struct manifest *m)
{
    uint64_t number = 0;
    if (line[0] == '#') return true;
    char *value = strchr(line, '=');
    if (value == NULL) return false;
    *value++ = '\0';
    if (strcmp(line, "format") == 0)
        return unnumber(value, BACKUP_FORMAT, &number) && number == BACKUP_FORMAT;
    if (strcmp(line, "run") == 0) {
        const bool good = unnumber(value, UINT32_MAX, &number);
        m->run = (uint32_t)number;
        return good;
    }
    if (strcmp(line, "shards") == 0) {
        const bool good = unnumber(value, LAYOUT_SHARDS_MAX, &number) && number != 0;
        m->shards = (uint32_t)number;
        return good;
    }
    if (strcmp(line, "store_id") == 0) return unhex(value, STORE_ID_SIZE, m->store_id);
    if (strcmp(line, "began") == 0) return uniso(value, &m->began_ms);
    if (strcmp(line, "horizon") == 0) return uniso(value, &m->horizon_ms);
    if (strcmp(line, "previous") == 0) return unhex(value, SHA256_SIZE, m->previous);
    if (strcmp(line, "file") == 0) return read_file_line(value, m);
    return strcmp(line, "shard") == 0 && read_shard_line(value, (*shards_read)++, m);
}

/* Splits off the last line, "sum=…", and holds it against those above. */
static bool sum_holds(const uint8_t *text, size_t size, size_t *ret_body_size)
{
    static const char name[] = "sum=";
    const size_t line = sizeof name - 1 + 2 * (size_t)SHA256_SIZE + 1;
    uint8_t want[SHA256_SIZE];
    uint8_t sum[SHA256_SIZE];
    char digits[HEX_SHA_SIZE];
    if (size <= line || text[size - 1] != '\n') return false;
    const uint8_t *last = text + size - line;
    if (last[-1] != '\n' || memcmp(last, name, sizeof name - 1) != 0) return false;
    memcpy(digits, last + sizeof name - 1, sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';
    sum_of(text, size - line, sum);
    *ret_body_size = size - line;
    return unhex(digits, SHA256_SIZE, want) && memcmp(want, sum, sizeof sum) == 0;
}

static bool read_lines(char *text, size_t size, struct manifest *m)
{
    uint32_t shards_read = 0;
    char *end = text + size;
    while (text < end) {
        char *stop = memchr(text, '\n', (size_t)(end - text));
        if (stop == NULL) return false;
        *stop = '\0';
        if (!read_line(text, &shards_read, m)) return false;
        text = stop + 1;
    }
    return m->shards != 0 && shards_read == m->shards && m->file_count != 0 &&
           strcmp(m->files[0].name, BACKUP_STORE_FILE) == 0;
}

int manifest_read(const char *folder, uint32_t run, struct manifest *ret_manifest,
                  struct problem *problem)
{
    char path[LAYOUT_PATH_MAX];
    uint8_t *text = NULL;
    size_t size = 0;
    size_t body = 0;
    manifest_path(folder, run, path);
    int r = backup_read_file(path, &text, &size, problem);
    if (r != 0) return r;
    memset(ret_manifest, 0, sizeof *ret_manifest);
    sum_of(text, size, ret_manifest->sum);
    if (!sum_holds(text, size, &body)) {
        r = problem_set(problem, -EUCLEAN, "%s: damaged: its lines do not match its sum", path);
    } else if (!read_lines((char *)text, body, ret_manifest) || ret_manifest->run != run) {
        r = problem_set(problem, -EUCLEAN, "%s: not a run that this program can read", path);
    }
    free(text);
    return r;
}

int manifest_newest(const char *folder, struct manifest *ret_manifest, struct problem *problem)
{
    DIR *stream = opendir(folder);
    uint32_t newest = 0;
    struct dirent *entry;
    if (stream == NULL) return problem_of_system(problem, errno, folder, "cannot read the folder");
    while ((entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;
        if (strncmp(name, "run-", 4) != 0 || strspn(name + 4, "0123456789") != 8 ||
            strcmp(name + 12, ".txt") != 0)
            continue;
        const uint32_t run = (uint32_t)strtoul(name + 4, NULL, 10);
        if (run > newest) newest = run;
    }
    closedir(stream);
    if (newest == 0)
        return problem_set(problem, -ENOENT, "%s is not a backup: no run of it ended", folder);
    return manifest_read(folder, newest, ret_manifest, problem);
}
