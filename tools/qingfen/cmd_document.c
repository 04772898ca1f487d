/* document -- official papers of a clearing month: one, or all of them in folders. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/client/table.h"
#include "tools/documents/names.h"
#include "tools/documents/save.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/papers.h"
#include "tools/qingfen/progress.h"
#include "types/civil.h"
#include "types/ensure.h"

static const struct command_help help = {
    .usage = "document list\n"
             "       qingfen document TYPE --period YYYY-MM [--province PP] [OPTIONS]\n"
             "       qingfen document bundle --period YYYY-MM --all|--province PP --out DIR",
    .about =
        "list: the types of documents.\n"
        "TYPE: one document, such as CLR_PAYABLE or NOTICE_PAY. csv and json go to stdout or "
        "--out,\n"
        "xlsx and pdf to --out; its ending says the format when --format does not.\n"
        "bundle: a folder for each province with every document of the month in every format (or\n"
        "one), and a manifest with the SHA-256 of each file. DIR must not be there yet, or be "
        "empty.\n"
        "Every number is held against the ledger first; when anything differs nothing is "
        "written.\n",
    .examples = "  qingfen document CLR_NATIONAL --period 2026-03 --out national.xlsx\n"
                "  qingfen document NOTICE_PAY --period 2026-03 --province 34 --out notice.pdf\n"
                "  qingfen document RECON_DAILY --period 2026-03 --date 2026-03-05 --province 34\n"
                "  qingfen document bundle --period 2026-03 --all --out 2026-03-documents\n",
};

struct wish {
    struct client_address address;
    uint32_t as;
    uint32_t period;
    uint32_t province; /* Two digits, 0: not said. */
    uint32_t date;     /* yyyymmdd, 0: not said. */
    bool is_all;
    const char *number;
    const char *format;
    const char *out;
};

static int list_types(void)
{
    const struct table_column columns[] = {
        {"type", TABLE_LEFT}, {"title 名称", TABLE_LEFT}, {"one for each", TABLE_LEFT}};
    struct table *table = table_new(columns, 3);
    for (int kind = 0; kind < DOCUMENT_KIND_COUNT; kind++) {
        const struct document_type *type = &document_types[kind];
        table_cell(table, "%s", type->id);
        table_cell(table, "%s%s", type->is_national ? "" : "__", type->title);
        table_cell(table, "%s", type->issued);
    }
    table_print(table, stdout);
    table_free(table);
    return EXIT_DONE;
}

/* "2026-03-05" or "20260305", of an existing day. */
static bool date_parse(const char *text, uint32_t *ret_date)
{
    char digits[9];
    uint64_t date;
    if (strlen(text) == 10 && text[4] == '-' && text[7] == '-') {
        snprintf(digits, sizeof digits, "%.4s%.2s%.2s", text, text + 5, text + 8);
    } else if (strlen(text) == 8) {
        memcpy(digits, text, sizeof digits);
    } else {
        return false;
    }
    if (!number_parse(digits, &date)) return false;
    const uint32_t month = (uint32_t)(date / 100);
    const int32_t day = (int32_t)(date % 100);
    if (!civil_month_valid(month) || day < 1 || day > civil_month_days(month)) return false;
    *ret_date = (uint32_t)date;
    return true;
}

/* -- one document ------------------------------------------------------------------------------ */

/* What --format says, else the ending of --out, else csv. False: neither is a format. */
static bool choose_format(const struct wish *wish, enum document_format *ret_format)
{
    *ret_format = DOCUMENT_CSV;
    if (wish->format != NULL) return document_format_parse(wish->format, ret_format);
    if (wish->out == NULL) return true;
    const char *dot = strrchr(wish->out, '.');
    return dot != NULL && document_format_parse(dot + 1, ret_format);
}

static int print_document(const struct document *document, enum document_format format)
{
    size_t size;
    char *text;
    if (format == DOCUMENT_CSV) {
        text = render_csv(document, &size);
        fwrite(text, 1, size, stdout);
    } else {
        json_t *json = render_json(document);
        text = json_dumps(json, JSON_COMPACT);
        ENSURE(text != NULL);
        puts(text);
        json_decref(json);
    }
    free(text);
    return EXIT_DONE;
}

static int make_one(const struct wish *wish, const struct document_type *type,
                    enum document_format format)
{
    struct papers papers;
    struct document *document = NULL;
    struct document_fault fault;
    int status = EXIT_FAILED;
    const uint8_t province = wish->province == 0 ? MONTH_ANYBODY : province_index(wish->province);
    if (papers_open(&papers, &wish->address, wish->as, wish->period) &&
        papers_make(&papers, type->kind, province, wish->number, wish->date, false, &document)) {
        if (document == NULL) {
            fprintf(stderr, "qingfen document: there is no %s in %04u-%02u\n",
                    wish->number != NULL ? wish->number : type->id, wish->period / 100,
                    wish->period % 100);
        } else if (wish->out == NULL) {
            status = print_document(document, format);
        } else if (save_document(document, format, wish->out, &fault)) {
            fprintf(stderr, "%s: %s, %llu rows\n", wish->out, document->title,
                    (unsigned long long)document->controls.rows);
            status = EXIT_DONE;
        } else {
            fprintf(stderr, "qingfen document: %s\n", fault.text);
        }
    }
    document_free(document);
    papers_close(&papers);
    return status;
}

/* -- the bundle -------------------------------------------------------------------------------- */

struct bundle {
    struct papers papers;
    char folder[PATH_MAX]; /* Where it is put together, beside its place. */
    int only;              /* enum document_format, or -1: all. */
    json_t *documents;     /* Of the manifest. */
    FILE *sums;            /* SHA256SUMS */
    char *sums_text;
    size_t sums_size;
    struct progress progress;
    uint64_t files;
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
    fprintf(bundle->sums, "%s  %s\n", text, name);
    if (stat(path, &about) != 0) {
        complain(path);
        return NULL;
    }
    bundle->files++;
    progress_show(&bundle->progress, bundle->files, 0, bundle->files);
    return json_pack("{s:s, s:s, s:I, s:s}", "path", name, "format", document_format_name(format),
                     "bytes", (json_int_t)about.st_size, "sha256", text);
}

/* Writes a document in every format and notes it in the manifest; frees it. */
static bool write_document(struct bundle *bundle, struct document *document, const char *folder)
{
    char digest[2 * SHA256_SIZE + 1];
    json_t *files = json_array();
    bool is_written = true;
    for (int format = 0; format < DOCUMENT_FORMAT_COUNT && is_written; format++) {
        if (bundle->only >= 0 && bundle->only != format) continue;
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

static bool write_manifest(struct bundle *bundle)
{
    const struct month *month = &bundle->papers.month;
    struct document_fault fault;
    char path[PATH_MAX + 16];
    char digest[2 * SHA256_SIZE + 1];
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        snprintf(digest + 2 * i, 3, "%02x", month->digest[i]);
    }
    json_t *json = json_pack("{s:i, s:i, s:i, s:s, s:s, s:I, s:I, s:s, s:o}", "period",
                             (int)month->period, "batch", (int)month->number, "version",
                             (int)month->version, "state", month->state, "mode", month->mode,
                             "count", (json_int_t)month->count, "gross", (json_int_t)month->gross,
                             "batch_digest", digest, "documents", json_incref(bundle->documents));
    ENSURE(json != NULL);
    char *text = json_dumps(json, JSON_INDENT(1));
    ENSURE(text != NULL && fflush(bundle->sums) == 0);
    snprintf(path, sizeof path, "%s/manifest.json", bundle->folder);
    bool is_written = save_bytes(path, text, strlen(text), &fault);
    snprintf(path, sizeof path, "%s/SHA256SUMS", bundle->folder);
    is_written = is_written && save_bytes(path, bundle->sums_text, bundle->sums_size, &fault);
    free(text);
    json_decref(json);
    if (!is_written) fprintf(stderr, "qingfen document: %s\n", fault.text);
    return is_written;
}

/* Everything is on the disk before the folder gets its name. */
static bool publish(const struct bundle *bundle, const char *out)
{
    const int fd = open(bundle->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return complain(bundle->folder);
    const bool is_synced = syncfs(fd) == 0;
    close(fd);
    if (!is_synced) return complain(bundle->folder);
    return rename(bundle->folder, out) == 0 || complain(out);
}

static bool fill_bundle(struct bundle *bundle, const struct wish *wish)
{
    /* What can be tied is tied before the first file. */
    if (!papers_open(&bundle->papers, &wish->address, wish->as, wish->period) ||
        !papers_month(&bundle->papers) || !papers_notices(&bundle->papers)) {
        return false;
    }
    if (mkdir(bundle->folder, 0777) != 0) return complain(bundle->folder);
    if (wish->is_all && !write_national(bundle)) return false;
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        const bool is_wanted = wish->is_all || province_index(wish->province) == p;
        if (is_wanted && !write_province(bundle, p)) return false;
    }
    return write_manifest(bundle) && publish(bundle, wish->out);
}

static int make_bundle(const struct wish *wish, int only)
{
    struct bundle bundle = {.only = only, .documents = json_array()};
    size_t size = strlen(wish->out);
    while (size > 1 && wish->out[size - 1] == '/') {
        size--;
    }
    const int written = snprintf(bundle.folder, sizeof bundle.folder, "%.*s.%ld.new", (int)size,
                                 wish->out, (long)getpid());
    ENSURE(written > 0 && (size_t)written < sizeof bundle.folder);
    bundle.sums = open_memstream(&bundle.sums_text, &bundle.sums_size);
    ENSURE(bundle.sums != NULL && bundle.documents != NULL);
    progress_begin(&bundle.progress);
    const bool is_done = fill_bundle(&bundle, wish);
    progress_end(&bundle.progress);
    if (is_done) {
        fprintf(stderr, "%s: %zu documents, %llu files\n", wish->out,
                json_array_size(bundle.documents), (unsigned long long)bundle.files);
    } else {
        nftw(bundle.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    }
    fclose(bundle.sums);
    free(bundle.sums_text);
    json_decref(bundle.documents);
    papers_close(&bundle.papers);
    return is_done ? EXIT_DONE : EXIT_FAILED;
}

/* -- the command ------------------------------------------------------------------------------- */

static int run_bundle(const struct wish *wish)
{
    if (wish->is_all == (wish->province != 0)) {
        return options_refuse(&help, "bundle: say --all or --province PP");
    }
    if (wish->is_all && wish->as != 0) {
        return options_refuse(&help, "--all is for the centre, not with --as");
    }
    if (wish->out == NULL) return options_refuse(&help, "bundle: --out DIR is needed");
    if (strlen(wish->out) > PATH_MAX - 64) return options_refuse(&help, "--out is too long");
    if (wish->number != NULL || wish->date != 0) {
        return options_refuse(&help, "--notice and --date belong to a single document");
    }
    enum document_format only;
    if (wish->format == NULL) return make_bundle(wish, -1);
    if (!document_format_parse(wish->format, &only)) {
        return options_refuse(&help, "the format is csv, json, xlsx or pdf");
    }
    return make_bundle(wish, (int)only);
}

static int run_one(const struct wish *wish, const char *word)
{
    enum document_format format;
    const struct document_type *type = document_type_find(word);
    if (type == NULL) {
        return options_refuse(&help, "there is no document '%s'; 'qingfen document list' has them",
                              word);
    }
    if (wish->is_all) return options_refuse(&help, "--all belongs to 'document bundle'");
    if (wish->number != NULL && !type->is_letter) {
        return options_refuse(&help, "--notice belongs to notices, not to %s", type->id);
    }
    if (wish->date != 0 &&
        (type->kind != DOCUMENT_RECON_DAILY || wish->date / 100 != wish->period)) {
        return options_refuse(&help, "--date is a day of the month, for RECON_DAILY");
    }
    if (!type->is_national && wish->province == 0 && wish->number == NULL) {
        return options_refuse(&help, "%s is made for one province: --province PP", type->id);
    }
    if (type->is_national && (wish->province != 0 || wish->as != 0)) {
        return options_refuse(&help, "%s is made for the whole country", type->id);
    }
    if (!choose_format(wish, &format)) {
        return options_refuse(&help, "the format is csv, json, xlsx or pdf");
    }
    if (wish->out == NULL && format != DOCUMENT_CSV && format != DOCUMENT_JSON) {
        return options_refuse(&help, "%s needs --out FILE", document_format_name(format));
    }
    return make_one(wish, type, format);
}

int cmd_document(int argc, char **argv)
{
    struct wish wish = {.address = options_address()};
    const char *date = NULL;
    const struct option_spec specs[] = {
        OPTION_TO(&wish.address),
        OPTION_AS(&wish.as),
        {"period", OPTION_PERIOD, &wish.period, "YYYY-MM", "the month", 0, 0},
        {"province", OPTION_PROVINCE, &wish.province, "PP", "whose document, two digits", 0, 0},
        {"all", OPTION_FLAG, &wish.is_all, NULL, "bundle: of all provinces, and the national table",
         0, 0},
        {"notice", OPTION_TEXT, &wish.number, "NUMBER", "only this notice", 0, 0},
        {"date", OPTION_TEXT, &date, "YYYY-MM-DD", "RECON_DAILY: the day (default: the month)", 0,
         0},
        {"format", OPTION_TEXT, &wish.format, "FORMAT",
         "csv, json, xlsx or pdf (default: by --out, else csv; bundle: all)", 0, 0},
        {"out", OPTION_TEXT, &wish.out, "FILE", "where it is written (bundle: the folder)", 0, 0},
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "say list, bundle or a type of document");
    if (strcmp(argv[0], "list") == 0) return list_types();
    if (wish.period == 0) return options_refuse(&help, "--period is needed, for example 2026-03");
    if (date != NULL && !date_parse(date, &wish.date)) {
        return options_refuse(&help, "--date '%s': it should be a day such as 2026-03-05", date);
    }
    if (strcmp(argv[0], "bundle") == 0) return run_bundle(&wish);
    return run_one(&wish, argv[0]);
}
