/* bundle -- all documents of a clearing month in folders, by a few processes at once. */
#include "tools/qingfen/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/documents/names.h"
#include "tools/documents/save.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/papers.h"
#include "tools/qingfen/progress.h"
#include "types/ensure.h"

#define JOBS_MAX 4 /* By default; more processes wait for the engine and the disk. */

struct bundle {
    const struct bundle_order *order;
    struct papers papers;
    char folder[PATH_MAX]; /* Where it is put together, beside its place. */
    json_t *documents;     /* Of the manifest. */
    struct progress progress;
    uint64_t files;
    int told; /* Pipe to the parent, a byte for each file; -1: this is no child. */
};

static bool complain(const char *path)
{
    fprintf(stderr, "qingfen document: %s: %s\n", path, strerror(errno));
    return false;
}

static int remove_one(const char *path, const struct stat *about, int what, struct FTW *walk)
{
    (void)about;
    (void)what;
    (void)walk;
    return remove(path);
}

static void count_files(struct bundle *bundle, uint64_t files)
{
    bundle->files += files;
    progress_show(&bundle->progress, bundle->files, 0, bundle->files);
}

static json_t *write_file(struct bundle *bundle, const struct document *document,
                          enum document_format format, const char *folder)
{
    struct document_fault fault;
    struct stat about;
    uint8_t hash[SHA256_SIZE];
    char name[NAME_MAX * 2];
    char path[PATH_MAX + NAME_MAX * 2];
    snprintf(name, sizeof name, "%s/%s.%s", folder, document->number, document_format_name(format));
    snprintf(path, sizeof path, "%s/%s", bundle->folder, name);
    if (!render_file(document, format, path, &fault) || !save_digest(path, hash, &fault)) {
        fprintf(stderr, "qingfen document: %s\n", fault.text);
        return NULL;
    }
    char text[2 * SHA256_SIZE + 1];
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    }
    if (stat(path, &about) != 0) {
        complain(path);
        return NULL;
    }
    if (bundle->told < 0) {
        count_files(bundle, 1);
    } else if (write(bundle->told, "", 1) != 1) {
        complain("the process that collects"); /* It ended: nobody wants the rest. */
        return NULL;
    }
    return json_pack("{s:s, s:s, s:I, s:s}", "path", name, "format", document_format_name(format),
                     "bytes", (json_int_t)about.st_size, "sha256", text);
}

/* Paper is for what is signed and sent, the letters: tables are worked with. */
static bool is_wanted(const struct bundle *bundle, const struct document *document, int format)
{
    if (bundle->order->format >= 0) return bundle->order->format == format;
    return format != DOCUMENT_PDF || document->type->is_letter;
}

/* Writes a document in its formats and notes it in the manifest; frees it. */
static bool write_document(struct bundle *bundle, struct document *document, const char *folder)
{
    char digest[2 * SHA256_SIZE + 1];
    json_t *files = json_array();
    bool is_written = true;
    for (int format = 0; format < DOCUMENT_FORMAT_COUNT && is_written; format++) {
        if (!is_wanted(bundle, document, format)) continue;
        json_t *file = write_file(bundle, document, (enum document_format)format, folder);
        is_written = file != NULL;
        if (is_written) json_array_append_new(files, file);
    }
    json_array_append_new(bundle->documents,
                          json_pack("{s:s, s:s, s:s, s:i, s:{s:I, s:I, s:I}, s:s, s:o}", "document",
                                    document->type->id, "title", document->title, "number",
                                    document->number, "province", (int)document->province,
                                    "controls", "rows", (json_int_t)document->controls.rows,
                                    "count", (json_int_t)document->controls.count, "sum",
                                    (json_int_t)document->controls.sum, "digest",
                                    document_digest_text(document, digest), "files", files));
    document_free(document);
    return is_written;
}

static bool make_folder(const struct bundle *bundle, const char *name)
{
    char path[PATH_MAX + NAME_MAX];
    snprintf(path, sizeof path, "%s/%s", bundle->folder, name);
    return mkdir(path, 0777) == 0 || complain(path);
}

static bool write_province(struct bundle *bundle, uint8_t province)
{
    char folder[NAMES_SIZE + 4];
    snprintf(folder, sizeof folder, "%02u-%s", province_codes[province], names_province(province));
    if (!make_folder(bundle, folder)) return false;
    for (int kind = 0; kind < DOCUMENT_KIND_COUNT; kind++) {
        struct document *document;
        if (document_types[kind].is_national) continue;
        if (!papers_make(&bundle->papers, (enum document_kind)kind, province, NULL, 0, true,
                         &document)) {
            return false;
        }
        if (document != NULL && !write_document(bundle, document, folder)) return false;
    }
    return true;
}

static bool write_national(struct bundle *bundle)
{
    struct document *document;
    return papers_make(&bundle->papers, DOCUMENT_CLR_NATIONAL, MONTH_ANYBODY, NULL, 0, true,
                       &document) &&
           make_folder(bundle, "00-全国") && write_document(bundle, document, "00-全国");
}

/* -- by several processes ---------------------------------------------------------------------- */

static void part_path(const struct bundle *bundle, uint32_t job, char ret_path[PATH_MAX + 32])
{
    snprintf(ret_path, PATH_MAX + 32, "%s/.part-%u", bundle->folder, job);
}

/* Every `jobs`th of the provinces. */
static bool write_provinces(struct bundle *bundle, const uint8_t *provinces, uint32_t count,
                            uint32_t job, uint32_t jobs)
{
    for (uint32_t i = job; i < count; i += jobs) {
        if (!write_province(bundle, provinces[i])) return false;
    }
    return true;
}

/* The life of a child: its provinces, and what the manifest says of them in a file. */
static _Noreturn void be_job(struct bundle *bundle, const uint8_t *provinces, uint32_t count,
                             uint32_t job, uint32_t jobs)
{
    char path[PATH_MAX + 32];
    part_path(bundle, job, path);
    json_decref(bundle->documents);
    bundle->documents = json_array();
    const bool is_done = papers_reconnect(&bundle->papers) &&
                         write_provinces(bundle, provinces, count, job, jobs) &&
                         (json_dump_file(bundle->documents, path, 0) == 0 || complain(path));
    _exit(is_done ? EXIT_DONE : EXIT_FAILED);
}

/* Waits for the children and counts their files; true when every one of them is done. */
static bool await_jobs(struct bundle *bundle, int told, const pid_t *children, uint32_t count)
{
    char bytes[64];
    ssize_t size;
    bool is_done = true;
    while ((size = read(told, bytes, sizeof bytes)) > 0 || (size < 0 && errno == EINTR)) {
        if (size > 0) count_files(bundle, (uint64_t)size);
    }
    for (uint32_t i = 0; i < count; i++) {
        int status = 0;
        while (waitpid(children[i], &status, 0) < 0 && errno == EINTR) {
        }
        is_done = is_done && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE;
    }
    return is_done;
}

/* Puts the children's lists together in the order of the provinces, as one process would. */
static bool collect_parts(struct bundle *bundle, const uint8_t *provinces, uint32_t count,
                          uint32_t jobs)
{
    bool is_whole = true;
    json_t **parts = calloc(jobs, sizeof(json_t *));
    NEED_MEMORY(parts);
    for (uint32_t job = 0; job < jobs && is_whole; job++) {
        char path[PATH_MAX + 32];
        part_path(bundle, job, path);
        parts[job] = json_load_file(path, 0, NULL);
        is_whole = parts[job] != NULL && unlink(path) == 0;
        if (!is_whole) complain(path);
    }
    for (uint32_t i = 0; i < count && is_whole; i++) {
        size_t at;
        json_t *document;
        json_array_foreach(parts[i % jobs], at, document)
        {
            const json_int_t code = json_integer_value(json_object_get(document, "province"));
            if (code == province_codes[provinces[i]]) {
                json_array_append(bundle->documents, document);
            }
        }
    }
    for (uint32_t job = 0; job < jobs; job++) {
        json_decref(parts[job]);
    }
    free(parts);
    return is_whole;
}

static uint32_t job_count(const struct bundle *bundle, uint32_t provinces)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t jobs = bundle->order->jobs;
    if (jobs == 0)
        jobs = processors < 1 ? 1 : processors > JOBS_MAX ? JOBS_MAX : (uint32_t)processors;
    return jobs < provinces ? jobs : provinces;
}

static bool run_jobs(struct bundle *bundle, const uint8_t *provinces, uint32_t count)
{
    const uint32_t jobs = job_count(bundle, count);
    pid_t children[PROVINCE_COUNT];
    int ends[2];
    uint32_t begun = 0;
    if (jobs <= 1) return write_provinces(bundle, provinces, count, 0, 1);
    if (pipe2(ends, O_CLOEXEC) != 0) return complain("pipe");
    while (begun < jobs) {
        const pid_t child = fork();
        if (child < 0) break;
        if (child == 0) {
            close(ends[0]);
            bundle->told = ends[1];
            be_job(bundle, provinces, count, begun, jobs);
        }
        children[begun++] = child;
    }
    const bool is_begun = begun == jobs || complain("fork");
    close(ends[1]);
    const bool is_done = await_jobs(bundle, ends[0], children, begun);
    close(ends[0]);
    return is_begun && is_done && collect_parts(bundle, provinces, count, jobs);
}

/* -- the whole --------------------------------------------------------------------------------- */

/* For `sha256sum -c`. */
static bool write_sums(const struct bundle *bundle)
{
    struct document_fault fault;
    char path[PATH_MAX + 32];
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    NEED_MEMORY(out);
    size_t i;
    size_t f;
    json_t *document;
    json_t *file;
    json_array_foreach(bundle->documents, i, document)
    {
        json_array_foreach(json_object_get(document, "files"), f, file)
        {
            fprintf(out, "%s  %s\n", json_string_value(json_object_get(file, "sha256")),
                    json_string_value(json_object_get(file, "path")));
        }
    }
    ENSURE(fclose(out) == 0);
    snprintf(path, sizeof path, "%s/SHA256SUMS", bundle->folder);
    const bool is_written = save_bytes(path, text, size, &fault);
    free(text);
    if (!is_written) fprintf(stderr, "qingfen document: %s\n", fault.text);
    return is_written;
}

static bool write_manifest(const struct bundle *bundle)
{
    const struct month *month = &bundle->papers.month;
    /* Of a version it is said what it became, not how far the batch has come since. */
    const bool is_published =
        bundle->order->version != 0 && month->version <= month->published_version;
    struct document_fault fault;
    char path[PATH_MAX + 32];
    char digest[2 * SHA256_SIZE + 1];
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        snprintf(digest + 2 * i, 3, "%02x", month->digest[i]);
    }
    json_t *json =
        json_pack("{s:i, s:i, s:i, s:s, s:s, s:I, s:I, s:s, s:o}", "period", (int)month->period,
                  "batch", (int)month->number, "version", (int)month->version, "state",
                  is_published ? "PUBLISHED" : month->state, "mode", month->mode, "count",
                  (json_int_t)month->count, "gross", (json_int_t)month->gross, "batch_digest",
                  digest, "documents", json_incref(bundle->documents));
    NEED_MEMORY(json);
    char *text = json_dumps(json, JSON_INDENT(1));
    NEED_MEMORY(text);
    snprintf(path, sizeof path, "%s/manifest.json", bundle->folder);
    const bool is_written = save_bytes(path, text, strlen(text), &fault);
    free(text);
    json_decref(json);
    if (!is_written) fprintf(stderr, "qingfen document: %s\n", fault.text);
    return is_written && write_sums(bundle);
}

/* Everything is on the disk before the folder gets its name. */
static bool publish(const struct bundle *bundle)
{
    const int fd = open(bundle->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return complain(bundle->folder);
    const bool is_synced = syncfs(fd) == 0;
    close(fd);
    if (!is_synced) return complain(bundle->folder);
    return rename(bundle->folder, bundle->order->out) == 0 || complain(bundle->order->out);
}

static bool fill_bundle(struct bundle *bundle)
{
    const struct bundle_order *order = bundle->order;
    const uint8_t one = province_index(order->province);
    uint8_t provinces[PROVINCE_COUNT];
    uint32_t count = 0;
    if (!papers_open(&bundle->papers, &order->address, order->as, order->period)) return false;
    bundle->papers.version = order->version;
    /* What can be tied is tied before the first file. */
    if (!papers_month(&bundle->papers)) return false;
    if (order->version == 0 && !papers_notices(&bundle->papers)) return false;
    if (mkdir(bundle->folder, 0777) != 0) return complain(bundle->folder);
    if (order->province == 0 && !write_national(bundle)) return false;
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        if (order->province == 0 || one == p) provinces[count++] = p;
    }
    return run_jobs(bundle, provinces, count) && write_manifest(bundle) && publish(bundle);
}

int bundle_make(const struct bundle_order *order)
{
    struct bundle bundle = {.order = order, .documents = json_array(), .told = -1};
    size_t size = strlen(order->out);
    while (size > 1 && order->out[size - 1] == '/') {
        size--;
    }
    const int written = snprintf(bundle.folder, sizeof bundle.folder, "%.*s.%ld.new", (int)size,
                                 order->out, (long)getpid());
    ENSURE(written > 0 && (size_t)written < sizeof bundle.folder);
    NEED_MEMORY(bundle.documents);
    progress_begin(&bundle.progress);
    const bool is_done = fill_bundle(&bundle);
    progress_end(&bundle.progress);
    if (is_done) {
        fprintf(stderr, "%s: %zu documents, %llu files\n", order->out,
                json_array_size(bundle.documents), (unsigned long long)bundle.files);
    } else {
        nftw(bundle.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    json_decref(bundle.documents);
    papers_close(&bundle.papers);
    return is_done ? EXIT_DONE : EXIT_FAILED;
}
