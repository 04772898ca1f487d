#include "tools/documents/render.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/yuan.h"
#include "tools/documents/capitals.h"
#include "tools/documents/names.h"
#include "types/ensure.h"
#include "types/province.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

static const char *const format_names[DOCUMENT_FORMAT_COUNT] = {"csv", "json", "xlsx", "pdf"};

const char *document_format_name(enum document_format format)
{
    return format_names[format];
}

bool document_format_parse(const char *name, enum document_format *ret_format)
{
    for (int i = 0; i < DOCUMENT_FORMAT_COUNT; i++) {
        if (strcmp(name, format_names[i]) != 0) continue;
        *ret_format = (enum document_format)i;
        return true;
    }
    return false;
}

char *render_csv(const struct document *document, size_t *ret_size)
{
    char digest[2 * SHA256_SIZE + 1];
    size_t body_size;
    char *body = document_csv_body(document, &body_size);
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);
    NEED_MEMORY(out);
    fputs(BYTE_ORDER_MARK, out);
    fwrite(body, 1, body_size, out);
    fprintf(out, "摘要（SHA-256）,%s\r\n", document_digest_text(document, digest));
    ENSURE(fclose(out) == 0);
    free(body);
    return text;
}

static json_t *text_list(const char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_string(texts[i]));
    }
    return list;
}

static json_t *json_value(const struct document_value *value)
{
    if (!value->is_set) return json_null();
    if (value->text != NULL) return json_string(value->text);
    return json_integer(value->number);
}

static json_t *json_section(const struct document_section *section)
{
    static const char *const kinds[] = {"text", "count", "money", "date", "rate"};
    static const char *const row_kinds[] = {"row", "subtotal", "total"};
    json_t *columns = json_array();
    for (uint32_t c = 0; c < section->column_count; c++) {
        const struct document_column *column = &section->columns[c];
        json_array_append_new(columns, json_pack("{s:s, s:s, s:s*, s:s}", "key", column->key,
                                                 "title", column->title, "group", column->group,
                                                 "kind", kinds[column->kind]));
    }
    json_t *rows = json_array();
    for (uint32_t r = 0; r < section->row_count; r++) {
        json_t *values = json_object();
        for (uint32_t c = 0; c < section->column_count; c++) {
            json_object_set_new(values, section->columns[c].key,
                                json_value(&section->rows[r].values[c]));
        }
        json_array_append_new(rows, json_pack("{s:s, s:o}", "kind",
                                              row_kinds[section->rows[r].kind], "values", values));
    }
    return json_pack("{s:s, s:o, s:o}", "title", section->title, "columns", columns, "rows", rows);
}

json_t *render_json(const struct document *document)
{
    json_t *facts = json_array();
    for (uint32_t i = 0; i < document->fact_count; i++) {
        json_array_append_new(facts, json_pack("{s:s, s:s}", "label", document->facts[i].label,
                                               "text", document->facts[i].text));
    }
    json_t *sections = json_array();
    for (uint32_t i = 0; i < document->section_count; i++) {
        json_array_append_new(sections, json_section(&document->sections[i]));
    }
    char capitals[CAPITALS_SIZE];
    char digest[2 * SHA256_SIZE + 1];
    size_t count;
    const char *const *signatures = document_signatures(&count);
    json_t *controls =
        json_pack("{s:I, s:I, s:I, s:s}", "rows", (json_int_t)document->controls.rows, "count",
                  (json_int_t)document->controls.count, "sum", (json_int_t)document->controls.sum,
                  "sum_capitals", capitals_format(document->controls.sum, capitals));
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:s}",
        "document", document->type->id, "title", document->title, "number", document->number,
        "version", (int)document->version, "period", (int)document->period, "date",
        (int)document->date, "province", (int)document->province, "amounts_in", "fen", "as_of",
        (json_int_t)document->as_of_ms, "facts", facts, "text",
        text_list(document->paragraphs, document->paragraph_count), "sections", sections, "notes",
        text_list(document->notes, document->note_count), "controls", controls, "signatures",
        text_list(signatures, count), "digest", document_digest_text(document, digest));
    NEED_MEMORY(json);
    return json;
}

/* Writes and makes sure that it is on the disk. */
static bool write_bytes(const char *path, const char *text, size_t size,
                        struct document_fault *fault)
{
    FILE *out = fopen(path, "wb");
    if (out == NULL) return document_fail(fault, "%s: %s", path, strerror(errno));
    const bool is_written = fwrite(text, 1, size, out) == size && fflush(out) == 0;
    const int error = errno;
    const bool is_closed = fclose(out) == 0;
    if (is_written && is_closed) return true;
    return document_fail(fault, "%s: %s", path, strerror(is_written ? errno : error));
}

bool render_file(const struct document *document, enum document_format format, const char *path,
                 struct document_fault *fault)
{
    size_t size;
    char *text = NULL;
    switch (format) {
    case DOCUMENT_CSV:
        text = render_csv(document, &size);
        break;
    case DOCUMENT_JSON: {
        json_t *json = render_json(document);
        text = json_dumps(json, JSON_INDENT(1));
        NEED_MEMORY(text);
        json_decref(json);
        size = strlen(text);
        text[size++] = '\n'; /* In the place of the end mark. */
        break;
    }
    case DOCUMENT_XLSX:
        return render_xlsx(document, path, fault);
    case DOCUMENT_PDF:
        return render_pdf(document, path, fault);
    case DOCUMENT_FORMAT_COUNT:
        break;
    }
    NEED_MEMORY(text);
    const bool is_done = write_bytes(path, text, size, fault);
    free(text);
    return is_done;
}
