#include "tools/qingfen/batch_page.h"

#include <stdio.h>
#include <string.h>

#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/grid.h"
#include "tools/qingfen/words.h"

#define SIGNATURES_A_LINE 8
#define SIGNATURE_COLUMNS 12 /* "23 黑龙江 +" and a blank */

/* States in the order of enum batch_state, from CUT, with the Chinese terms. */
static const struct {
    const char *state;
    const char *chinese;
} states[] = {
    {"CUT", "记账截止"}, {"COMPUTED", "清分"}, {"PUBLISHED", "公示"},
    {"SIGNED", "签章"},  {"NOTICED", "通知"},  {"PAYING", "拨付中"},
    {"SETTLED", "结清"}, {"ARCHIVED", "归档"}, {"ABORTED", "作废"},
};

const char *batch_page_next(const char *state, bool is_stale)
{
    static const struct {
        const char *state;
        const char *next;
    } steps[] = {
        {"CUT", "the centre computes it: qingfen period compute"},
        {"COMPUTED", "the centre publishes it: qingfen period publish"},
        {"PUBLISHED", "the provinces sign, or object: qingfen period sign"},
        {"SIGNED", "the centre issues the notices: qingfen period notice"},
        {"NOTICED", "the payers pay and report: qingfen notice pay"},
        {"PAYING", "payers pay, payees confirm receipt: qingfen notice receive"},
        {"SETTLED", "the centre archives it: qingfen period archive"},
        {"ARCHIVED", "nothing: it is done"},
        {"ABORTED", "the centre cuts the month's money into the next batch: qingfen period cut"},
    };
    if (is_stale) return "it has changed: the centre computes it again: qingfen period compute";
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (strcmp(steps[i].state, state) == 0) return steps[i].next;
    }
    return "not known to this version of the command";
}

static void print_hex(ProtobufCBinaryData bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        printf("%02x", bytes.data[i]);
    }
}

/* A digest of zeros: the tables were not computed yet. */
static bool has_digest(const Qingfen__V1__Batch *batch)
{
    for (size_t i = 0; i < batch->digest.len; i++) {
        if (batch->digest.data[i] != 0) return true;
    }
    return false;
}

static void print_head(const Qingfen__V1__Batch *batch)
{
    char month[WORDS_SIZE];
    char count[YUAN_SIZE];
    printf("batch 清算批次 %u-%u  %s%s\n", batch->period, batch->number, batch->state,
           batch->stale ? ", changed since it was computed" : "");
    printf("  month        %s\n", words_period(batch->period, month));
    printf("  mode         %s (what the notices ask for)\n", batch->mode);
    printf("  version      %u", batch->version);
    if (batch->published_version != 0) printf(", published %u", batch->published_version);
    printf("\n  records      %s\n", count_format_grouped(batch->count, count));
    if (has_digest(batch)) {
        printf("  digest       ");
        print_hex(batch->digest);
        putchar('\n');
    }
    if (batch->n_unwound > 0) {
        printf("  unwound     ");
        for (size_t i = 0; i < batch->n_unwound; i++) {
            char name[WORDS_SIZE];
            printf(" %s", words_province(batch->unwound[i], name));
        }
        putchar('\n');
    }
}

static void print_states(const Qingfen__V1__Batch *batch)
{
    const struct table_column columns[] = {
        {"state", TABLE_LEFT}, {"状态", TABLE_LEFT}, {"since", TABLE_LEFT}};
    struct table *table = table_new(columns, 3);
    const size_t known = sizeof(states) / sizeof(states[0]);
    for (size_t i = 0; i < batch->n_at && i < known; i++) {
        char at[WORDS_SIZE];
        if (batch->at[i] == 0) continue;
        table_cell(table, "%s", states[i].state);
        table_cell(table, "%s", states[i].chinese);
        table_cell(table, "%s", words_time(batch->at[i], at));
    }
    putchar('\n');
    table_print(table, stdout);
    table_free(table);
}

static void print_totals(const Qingfen__V1__Batch *batch)
{
    const struct table_column columns[] = {
        {"mode", TABLE_LEFT}, {"moves (yuan)", TABLE_RIGHT}, {"saves (yuan)", TABLE_RIGHT}};
    const struct {
        const char *mode;
        int64_t total;
    } rows[] = {
        {"gross 全额", batch->gross},
        {"bilateral 双边轧差", batch->bilateral},
        {"multilateral 多边轧差", batch->multilateral},
    };
    struct table *table = table_new(columns, 3);
    for (size_t i = 0; i < 3; i++) {
        char text[YUAN_SIZE];
        table_cell(table, "%s", rows[i].mode);
        table_cell(table, "%s", yuan_format_grouped(rows[i].total, text));
        table_cell(table, "%s", yuan_format_grouped(batch->gross - rows[i].total, text));
    }
    putchar('\n');
    table_print(table, stdout);
    table_free(table);
}

static char signature_mark(const char *state)
{
    if (strcmp(state, "SIGNED") == 0) return '+';
    if (strcmp(state, "OBJECTED") == 0) return 'x';
    if (strcmp(state, "SILENT") == 0) return 's';
    return '.';
}

/* Whether the province has something in the batch to sign, or has said something about it. */
static bool is_signatory(const Qingfen__V1__BatchGetReply *reply, const Qingfen__V1__Signature *by)
{
    if (by->state[0] != '\0' || reply->n_positions == 0) return true;
    for (size_t i = 0; i < reply->n_positions; i++) {
        const Qingfen__V1__NetPosition *position = reply->positions[i];
        if (position->province != by->province) continue;
        return position->payable != 0 || position->receivable != 0;
    }
    return false;
}

static void print_marks(const Qingfen__V1__BatchGetReply *reply)
{
    uint32_t in_line = 0;
    for (size_t i = 0; i < reply->n_signatures; i++) {
        const Qingfen__V1__Signature *signature = reply->signatures[i];
        char name[WORDS_SIZE];
        if (!is_signatory(reply, signature)) continue;
        if (in_line == SIGNATURES_A_LINE) {
            putchar('\n');
            in_line = 0;
        }
        words_province(signature->province, name);
        printf("  %c %s", signature_mark(signature->state), name);
        in_line++;
        for (size_t at = text_columns(name) + 4; in_line < SIGNATURES_A_LINE; at++) {
            if (at >= SIGNATURE_COLUMNS) break;
            putchar(' ');
        }
    }
    if (in_line > 0) putchar('\n');
}

static void print_signatures(const Qingfen__V1__BatchGetReply *reply)
{
    uint32_t done = 0;
    uint32_t wanted = 0;
    for (size_t i = 0; i < reply->n_signatures; i++) {
        done += signature_mark(reply->signatures[i]->state) == '+';
        wanted += is_signatory(reply, reply->signatures[i]);
    }
    printf("\nsignatures 签章: %u of %u (+ signed, x objected, s silent, . nothing yet)\n", done,
           wanted);
    print_marks(reply);
    for (size_t i = 0; i < reply->n_signatures; i++) {
        const Qingfen__V1__Signature *signature = reply->signatures[i];
        char name[WORDS_SIZE];
        if (signature_mark(signature->state) != 'x') continue;
        printf("  %s objects to version %u: %s\n", words_province(signature->province, name),
               signature->version, signature->reason);
    }
}

/* Exceptions that block their money, by state. */
static void print_blocked(ProtobufCMessage *const *exceptions, size_t count)
{
    static const char *const blocking[] = {"MISMATCHED", "HELD", "DISPUTED", "VOID"};
    const struct table_column columns[] = {
        {"blocked", TABLE_LEFT}, {"records", TABLE_RIGHT}, {"amount (yuan)", TABLE_RIGHT}};
    struct table *table = table_new(columns, 3);
    uint64_t all = 0;
    for (size_t i = 0; i < sizeof(blocking) / sizeof(blocking[0]); i++) {
        uint64_t records = 0;
        int64_t amount = 0;
        for (size_t e = 0; e < count; e++) {
            const Qingfen__V1__ExceptionRecord *row =
                (const Qingfen__V1__ExceptionRecord *)exceptions[e];
            if (strcmp(row->state, blocking[i]) != 0) continue;
            records++;
            amount += row->amount;
        }
        char text[YUAN_SIZE];
        if (records == 0) continue;
        table_cell(table, "%s", blocking[i]);
        table_cell(table, "%s", count_format_grouped(records, text));
        table_cell(table, "%s", yuan_format_grouped(amount, text));
        all += records;
    }
    putchar('\n');
    if (all == 0) {
        puts("nothing of the month is blocked");
    } else {
        table_print(table, stdout);
        puts("(qingfen exception list names them)");
    }
    table_free(table);
}

void batch_page_print(const Qingfen__V1__BatchGetReply *reply, ProtobufCMessage *const *exceptions,
                      size_t exception_count)
{
    print_head(reply->batch);
    print_states(reply->batch);
    print_totals(reply->batch);
    if (reply->n_signatures > 0) print_signatures(reply);
    print_blocked(exceptions, exception_count);
    printf("\nnext: %s\n", batch_page_next(reply->batch->state, reply->batch->stale));
}

void batch_page_csv(const Qingfen__V1__Batch *batch)
{
    static const struct grid_column columns[] = {
        COLUMN_HIDDEN("period", PERIOD),
        COLUMN_HIDDEN("number", NUMBER),
        COLUMN_HIDDEN("state", TEXT),
        COLUMN_HIDDEN("mode", TEXT),
        COLUMN_HIDDEN("version", NUMBER),
        COLUMN_HIDDEN("published_version", NUMBER),
        COLUMN_HIDDEN("stale", FLAG),
        COLUMN_HIDDEN("count", COUNT),
        COLUMN_HIDDEN("gross", YUAN),
        COLUMN_HIDDEN("bilateral", YUAN),
        COLUMN_HIDDEN("multilateral", YUAN),
        COLUMN_HIDDEN("digest", BYTES),
        COLUMNS_END,
    };
    ProtobufCMessage *const rows[] = {(ProtobufCMessage *)(uintptr_t)batch};
    grid_print(FORMAT_CSV, columns, rows, 1);
}
