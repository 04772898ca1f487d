#include "tools/documents/document.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/yuan.h"
#include "types/ensure.h"

#define CHUNK_SIZE (64 * 1024)

struct document_chunk {
    struct document_chunk *next;
    size_t used;
    size_t room;
    _Alignas(max_align_t) uint8_t bytes[];
};

bool document_fail(struct document_fault *fault, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return false;
}

struct document *document_new(const struct document_type *type)
{
    struct document *document = calloc(1, sizeof *document);
    NEED_MEMORY(document);
    document->type = type;
    document->title = type->title;
    document->number = type->id;
    document->control_count_column = -1;
    document->control_sum_column = -1;
    return document;
}

void document_free(struct document *document)
{
    if (document == NULL) return;
    while (document->chunks != NULL) {
        struct document_chunk *next = document->chunks->next;
        free(document->chunks);
        document->chunks = next;
    }
    for (uint32_t i = 0; i < document->section_count; i++) {
        free(document->sections[i].rows);
    }
    free(document);
}

/* Zeroed, aligned for any type, as long-lived as the document. */
static void *document_alloc(struct document *document, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct document_chunk *chunk = document->chunks;
    if (chunk == NULL || chunk->room - chunk->used < size) {
        const size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        chunk = calloc(1, sizeof *chunk + room);
        NEED_MEMORY(chunk);
        chunk->room = room;
        chunk->next = document->chunks;
        document->chunks = chunk;
    }
    void *memory = chunk->bytes + chunk->used;
    chunk->used += size;
    return memory;
}

const char *document_text(struct document *document, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ENSURE(size >= 0 && (size_t)size < sizeof text);
    return memcpy(document_alloc(document, (size_t)size + 1), text, (size_t)size + 1);
}

void document_fact(struct document *document, const char *label, const char *text)
{
    ENSURE(document->fact_count < DOCUMENT_TEXTS_MAX);
    document->facts[document->fact_count++] = (struct document_fact){label, text};
}

void document_paragraph(struct document *document, const char *text)
{
    ENSURE(document->paragraph_count < DOCUMENT_TEXTS_MAX);
    document->paragraphs[document->paragraph_count++] = text;
}

void document_note(struct document *document, const char *text)
{
    ENSURE(document->note_count < DOCUMENT_TEXTS_MAX);
    document->notes[document->note_count++] = text;
}

struct document_section *document_section(struct document *document, const char *title,
                                          const struct document_column *columns,
                                          uint32_t column_count, uint32_t key_columns)
{
    ENSURE(document->section_count < DOCUMENT_SECTIONS_MAX);
    struct document_section *section = &document->sections[document->section_count++];
    section->title = title;
    section->columns = columns;
    section->column_count = column_count;
    section->key_columns = key_columns;
    return section;
}

const struct document_column *
document_columns(struct document *document, const struct document_column *columns, uint32_t count)
{
    return memcpy(document_alloc(document, count * sizeof *columns), columns,
                  count * sizeof *columns);
}

static struct document_value *add_row(struct document *document, struct document_section *section,
                                      enum document_row_kind kind)
{
    if (section->row_count == section->room) {
        section->room = section->room == 0 ? 64 : section->room * 2;
        section->rows = realloc(section->rows, section->room * sizeof *section->rows);
        NEED_MEMORY(section->rows);
    }
    struct document_row *row = &section->rows[section->row_count++];
    row->kind = kind;
    row->values = document_alloc(document, section->column_count * sizeof *row->values);
    return row->values;
}

struct document_value *document_row(struct document *document, struct document_section *section)
{
    return add_row(document, section, DOCUMENT_ROW);
}

static bool column_is_summed(const struct document_column *column)
{
    return (column->kind == VALUE_COUNT || column->kind == VALUE_MONEY) && !column->is_unsummed;
}

/* (D1) */
static void add_sums(struct document *document, struct document_section *section,
                     enum document_row_kind kind, const char *label)
{
    const uint32_t end = section->row_count;
    struct document_value *sums = add_row(document, section, kind);
    sums[0] = value_text(label);
    for (uint32_t c = 0; c < section->column_count; c++) {
        if (!column_is_summed(&section->columns[c])) continue;
        sums[c] = value_number(0);
        for (uint32_t r = end; r > 0; r--) {
            const struct document_row *row = &section->rows[r - 1];
            if (row->kind == DOCUMENT_SUBTOTAL && kind == DOCUMENT_SUBTOTAL) break;
            if (row->kind != DOCUMENT_ROW || !row->values[c].is_set) continue;
            if (__builtin_add_overflow(sums[c].number, row->values[c].number, &sums[c].number)) {
                document->has_overflown = true;
            }
        }
    }
}

void document_subtotal(struct document *document, struct document_section *section,
                       const char *label)
{
    add_sums(document, section, DOCUMENT_SUBTOTAL, label);
}

void document_total(struct document *document, struct document_section *section, const char *label)
{
    add_sums(document, section, DOCUMENT_TOTAL, label);
}

struct document_value value_text(const char *text)
{
    return (struct document_value){.text = text, .is_set = text != NULL && text[0] != '\0'};
}

struct document_value value_number(int64_t number)
{
    return (struct document_value){.number = number, .is_set = true};
}

static const char *format_money(int64_t fen, bool grouped, char ret_text[VALUE_SIZE])
{
    char text[YUAN_SIZE];
    if (grouped) {
        yuan_format_grouped(fen, text);
    } else {
        yuan_format(fen, text);
    }
    /* Never a bare minus sign: it is overlooked, and lost when somebody types the number again. */
    snprintf(ret_text, VALUE_SIZE, "%s%s", fen < 0 ? "红字" : "", text + (fen < 0 ? 1 : 0));
    return ret_text;
}

const char *value_format(enum value_kind kind, const struct document_value *value, bool grouped,
                         char ret_text[VALUE_SIZE])
{
    ret_text[0] = '\0';
    if (!value->is_set) return ret_text;
    const uint64_t magnitude =
        value->number < 0 ? -(uint64_t)value->number : (uint64_t)value->number;
    const char *sign = value->number < 0 ? "红字" : "";
    switch (kind) {
    case VALUE_TEXT:
        return value->text;
    case VALUE_MONEY:
        return format_money(value->number, grouped, ret_text);
    case VALUE_COUNT:
        if (grouped) {
            char text[YUAN_SIZE];
            snprintf(ret_text, VALUE_SIZE, "%s%s", sign, count_format_grouped(magnitude, text));
        } else {
            snprintf(ret_text, VALUE_SIZE, "%s%llu", sign, (unsigned long long)magnitude);
        }
        break;
    case VALUE_DATE:
        if (value->number != 0) {
            snprintf(
                ret_text, VALUE_SIZE, "%04llu-%02llu-%02llu", (unsigned long long)magnitude / 10000,
                (unsigned long long)magnitude / 100 % 100, (unsigned long long)magnitude % 100);
        }
        break;
    case VALUE_RATE:
        snprintf(ret_text, VALUE_SIZE, "%s%llu.%02llu%%", sign, (unsigned long long)magnitude / 100,
                 (unsigned long long)magnitude % 100);
        break;
    }
    return ret_text;
}

/* -- the canonical body ----------------------------------------------------------------------- */

/* One field: quoted where RFC 4180 asks for it; what a spreadsheet would take for a formula is led
 * by an apostrophe. */
static void csv_field(FILE *out, const char *text)
{
    const bool is_formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fprintf(out, "%s%s", is_formula ? "'" : "", text);
        return;
    }
    fputs(is_formula ? "\"'" : "\"", out);
    for (; *text != '\0'; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void csv_pair(FILE *out, const char *label, const char *text)
{
    csv_field(out, label);
    fputc(',', out);
    csv_field(out, text);
    fputs("\r\n", out);
}

static void csv_section(FILE *out, const struct document_section *section)
{
    fprintf(out, "\r\n【%s】\r\n", section->title);
    for (uint32_t c = 0; c < section->column_count; c++) {
        const struct document_column *column = &section->columns[c];
        if (c > 0) fputc(',', out);
        if (column->group != NULL) fprintf(out, "%s·", column->group);
        csv_field(out, column->title);
    }
    fputs("\r\n", out);
    for (uint32_t r = 0; r < section->row_count; r++) {
        for (uint32_t c = 0; c < section->column_count; c++) {
            char text[VALUE_SIZE];
            const struct document_value *value = &section->rows[r].values[c];
            /* A sum's label stands in the first column, whatever kind that one is. */
            const enum value_kind kind =
                value->text != NULL ? VALUE_TEXT : section->columns[c].kind;
            if (c > 0) fputc(',', out);
            csv_field(out, value_format(kind, value, false, text));
        }
        fputs("\r\n", out);
    }
}

char *document_csv_body(const struct document *document, size_t *ret_size)
{
    char *body = NULL;
    FILE *out = open_memstream(&body, ret_size);
    NEED_MEMORY(out);
    csv_pair(out, document->title, "");
    csv_pair(out, "文号", document->number);
    for (uint32_t i = 0; i < document->fact_count; i++) {
        csv_pair(out, document->facts[i].label, document->facts[i].text);
    }
    csv_pair(out, "单位", "元");
    for (uint32_t i = 0; i < document->paragraph_count; i++) {
        csv_pair(out, "正文", document->paragraphs[i]);
    }
    for (uint32_t i = 0; i < document->section_count; i++) {
        csv_section(out, &document->sections[i]);
    }
    fputs("\r\n", out);
    for (uint32_t i = 0; i < document->note_count; i++) {
        csv_pair(out, "备注", document->notes[i]);
    }
    char sum[VALUE_SIZE];
    fprintf(out, "控制数,行数,%llu,笔数,%llu,金额,%s\r\n",
            (unsigned long long)document->controls.rows,
            (unsigned long long)document->controls.count,
            format_money(document->controls.sum, false, sum));
    size_t count;
    const char *const *signatures = document_signatures(&count);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s%s,", i == 0 ? "" : ",", signatures[i]);
    }
    fputs("\r\n", out);
    ENSURE(fclose(out) == 0);
    return body;
}

static void add_controls(struct document *document)
{
    struct document_controls controls = {.count = document->extra_count};
    if (document->section_count > 0) {
        const struct document_section *section = &document->sections[0];
        const int count = document->control_count_column;
        const int sum = document->control_sum_column;
        for (uint32_t r = 0; r < section->row_count; r++) {
            const struct document_row *row = &section->rows[r];
            if (row->kind != DOCUMENT_ROW) continue;
            controls.rows++;
            if (count >= 0) controls.count += (uint64_t)row->values[count].number;
            if (sum >= 0 &&
                __builtin_add_overflow(controls.sum, row->values[sum].number, &controls.sum)) {
                document->has_overflown = true;
            }
        }
    }
    document->controls = controls;
}

bool document_seal(struct document *document, struct document_fault *fault)
{
    add_controls(document);
    if (document->has_overflown) {
        return document_fail(fault, "%s: a sum is too large for 64 bits", document->number);
    }
    size_t size;
    char *body = document_csv_body(document, &size);
    checksum_sha256((struct bytes){(const uint8_t *)body, size}, (struct bytes){0},
                    document->digest);
    free(body);
    return true;
}

void document_controls_text(const struct document *document, char ret_text[DOCUMENT_CONTROLS_SIZE])
{
    char sum[VALUE_SIZE];
    char count[VALUE_SIZE];
    const struct document_value amount = value_number(document->controls.sum);
    const struct document_value records = value_number((int64_t)document->controls.count);
    const bool counted = document->controls.count != 0;
    (void)snprintf(ret_text, DOCUMENT_CONTROLS_SIZE, "控制数：%llu 行，%s%s%s 元",
                   (unsigned long long)document->controls.rows,
                   counted ? value_format(VALUE_COUNT, &records, true, count) : "",
                   counted ? " 笔，" : "", value_format(VALUE_MONEY, &amount, true, sum));
}

char *document_digest_text(const struct document *document, char ret_text[2 * SHA256_SIZE + 1])
{
    for (size_t i = 0; i < SHA256_SIZE; i++) {
        snprintf(ret_text + 2 * i, 3, "%02x", document->digest[i]);
    }
    return ret_text;
}

const char *const *document_signatures(size_t *ret_count)
{
    static const char *const signatures[] = {"制表人", "复核人", "负责人", "单位签章", "日期"};
    *ret_count = sizeof signatures / sizeof signatures[0];
    return signatures;
}
