/* document -- official papers of a clearing month: one, or all of them in folders. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/table.h"
#include "tools/documents/save.h"
#include "tools/qingfen/bundle.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/papers.h"
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
        "bundle: a folder for each province with every document of the month: tables as csv, json "
        "and\n"
        "xlsx, notices also as pdf; with --format all in that one. A manifest has the SHA-256 of "
        "each\n"
        "file. DIR must not be there yet, or be empty.\n"
        "--version N: tables as that version of the batch has them, for ever the same; in a bundle "
        "only\n"
        "the CLR_NATIONAL, CLR_PAYABLE and CLR_RECEIVABLE.\n"
        "Every number is held against the ledger first; when anything differs nothing is "
        "written.\n",
    .examples = "  qingfen document CLR_NATIONAL --period 2026-03 --out national.xlsx\n"
                "  qingfen document NOTICE_PAY --period 2026-03 --province 34 --out notice.pdf\n"
                "  qingfen document RECON_DAILY --period 2026-03 --date 2026-03-05 --province 34\n"
                "  qingfen document bundle --period 2026-03 --all --out 2026-03-documents\n"
                "  qingfen document CLR_PAYABLE --period 2026-03 --province 34 --version 1\n",
};

struct wish {
    struct client_address address;
    uint32_t as;
    uint32_t period;
    uint32_t province; /* Two digits, 0: not said. */
    uint32_t date;     /* yyyymmdd, 0: not said. */
    bool is_all;
    uint64_t version; /* Of the batch, 0: not said. */
    uint64_t jobs;    /* 0: not said. */
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
        NEED_MEMORY(text);
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
    const bool is_open = papers_open(&papers, &wish->address, wish->as, wish->period);
    papers.version = (uint32_t)wish->version;
    if (is_open &&
        papers_make(&papers, type->kind, province, wish->number, wish->date, false, &document)) {
        if (document == NULL) {
            fprintf(stderr, "qingfen document: there is no %s of %02u in %04u-%02u\n",
                    wish->number != NULL ? wish->number : type->id, wish->province,
                    wish->period / 100, wish->period % 100);
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
    struct bundle_order order = {
        .address = wish->address,
        .as = wish->as,
        .period = wish->period,
        .version = (uint32_t)wish->version,
        .province = wish->province,
        .format = -1,
        .jobs = (uint32_t)wish->jobs,
        .out = wish->out,
    };
    enum document_format only;
    if (wish->format != NULL) {
        if (!document_format_parse(wish->format, &only)) {
            return options_refuse(&help, "the format is csv, json, xlsx or pdf");
        }
        order.format = (int)only;
    }
    return bundle_make(&order);
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
    if (wish->jobs != 0) return options_refuse(&help, "--jobs belongs to 'document bundle'");
    if (wish->version != 0 && !papers_has_versions(type->kind)) {
        return options_refuse(&help, "%s follows the present state: it has no --version", type->id);
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
        {"version", OPTION_NUMBER, &wish.version, "N",
         "tables of that version of the batch (default: the present one)", 1, UINT32_MAX},
        {"date", OPTION_TEXT, &date, "YYYY-MM-DD", "RECON_DAILY: the day (default: the month)", 0,
         0},
        {"format", OPTION_TEXT, &wish.format, "FORMAT",
         "csv, json, xlsx or pdf (default: by --out, else csv; bundle: see above)", 0, 0},
        {"jobs", OPTION_NUMBER, &wish.jobs, "N",
         "bundle: processes at once (default: one a processor, at most 4)", 1, 32},
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
