#include "tools/qingfen/grid.h"

#include <stdio.h>
#include <string.h>

#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/words.h"
#include "types/ensure.h"

#define CELL_SIZE   256 /* Bytes of a cell's text; longer texts are cut. */
#define NO_PREFUND  UINT32_MAX
#define PAGE_INDENT 20 /* Columns of a page's names. */

/* A wider table is made again without the provinces' names, which every operator knows by code. */
#define TERMINAL_COLUMNS 100

/* A field's value, whatever its type on the wire. */
struct value {
    int64_t number; /* Unsigned 64-bit numbers of the wire stay below 2^63. */
    const char *text;
    ProtobufCBinaryData bytes;
};

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessage *row, const char *name,
                                                  size_t size)
{
    for (unsigned i = 0; i < row->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &row->descriptor->fields[i];
        if (strlen(field->name) == size && memcmp(field->name, name, size) == 0) return field;
    }
    return NULL;
}

/* The value of a field; false when the message it belongs to is absent. */
static bool read_value(const ProtobufCMessage *row, const char *name, struct value *ret_value)
{
    const size_t size = strcspn(name, ".");
    const ProtobufCFieldDescriptor *field = find_field(row, name, size);
    ENSURE(field != NULL);
    const void *at = (const uint8_t *)row + field->offset;
    *ret_value = (struct value){.text = ""};
    if (name[size] == '.') {
        ENSURE(field->type == PROTOBUF_C_TYPE_MESSAGE);
        const ProtobufCMessage *inner = *(ProtobufCMessage *const *)at;
        return inner != NULL && read_value(inner, name + size + 1, ret_value);
    }
    switch (field->type) { /* Of the kinds that proto/ uses. */
    case PROTOBUF_C_TYPE_UINT32:
        ret_value->number = *(const uint32_t *)at;
        return true;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        ret_value->number = *(const int64_t *)at;
        return true;
    case PROTOBUF_C_TYPE_BOOL:
        ret_value->number = *(const protobuf_c_boolean *)at;
        return true;
    case PROTOBUF_C_TYPE_STRING:
        ret_value->text = *(char *const *)at;
        return true;
    case PROTOBUF_C_TYPE_BYTES:
        ret_value->bytes = *(const ProtobufCBinaryData *)at;
        return true;
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    ENSURE(false);
    return false;
}

static void write_hex(ProtobufCBinaryData bytes, char *out)
{
    size_t at = 0;
    for (size_t i = 0; i < bytes.len && at + 3 < CELL_SIZE; i++) {
        at += (size_t)snprintf(out + at, CELL_SIZE - at, "%02x", bytes.data[i]);
    }
}

/* Per cent for people; else the field as it is named. */
static void write_ratio(int64_t bp, bool for_people, char *out)
{
    if (bp == NO_PREFUND) {
        snprintf(out, CELL_SIZE, "%s", for_people ? "-" : "");
    } else if (!for_people) {
        snprintf(out, CELL_SIZE, "%lld", (long long)bp);
    } else {
        snprintf(out, CELL_SIZE, "%lld.%02lld", (long long)bp / 100, (long long)bp % 100);
    }
}

/* A code that has a name, and a word for 0. */
static void write_province(uint32_t code, const char *zero, bool for_people, char *out)
{
    char words[WORDS_SIZE];
    if (code == 0 && zero != NULL) {
        snprintf(out, CELL_SIZE, "%s", zero);
    } else if (for_people) {
        snprintf(out, CELL_SIZE, "%s", words_province(code, words));
    } else {
        snprintf(out, CELL_SIZE, "%02u", code);
    }
}

static void write_time(int64_t ms, bool for_people, char *out)
{
    char words[WORDS_SIZE];
    const bool is_empty = ms == 0 && !for_people;
    snprintf(out, CELL_SIZE, "%s", is_empty ? "" : words_time(ms, words));
}

static void write_words(const char *words, uint32_t code, bool for_people, char *out)
{
    if (for_people) {
        snprintf(out, CELL_SIZE, "%s", words);
    } else {
        snprintf(out, CELL_SIZE, "%u", code);
    }
}

static void write_cell(enum grid_kind kind, const struct value *value, bool for_people, char *out)
{
    char words[WORDS_SIZE];
    char number[YUAN_SIZE];
    const uint32_t code = (uint32_t)value->number;
    out[0] = '\0';
    switch (kind) {
    case GRID_TEXT:
        snprintf(out, CELL_SIZE, "%s", value->text);
        break;
    case GRID_NUMBER:
        snprintf(out, CELL_SIZE, "%lld", (long long)value->number);
        break;
    case GRID_COUNT:
        if (for_people) {
            snprintf(out, CELL_SIZE, "%s", count_format_grouped((uint64_t)value->number, number));
        } else {
            snprintf(out, CELL_SIZE, "%llu", (unsigned long long)value->number);
        }
        break;
    case GRID_YUAN:
        snprintf(out, CELL_SIZE, "%s",
                 for_people ? yuan_format_grouped(value->number, number)
                            : yuan_format(value->number, number));
        break;
    case GRID_PROVINCE:
        write_province(code, for_people ? "-- 清算户" : "--", for_people, out);
        break;
    case GRID_PARTY:
        write_province(code, for_people ? "all 合计" : "all", for_people, out);
        break;
    case GRID_ACTOR:
        write_province(code, for_people ? "centre 中心" : "00", for_people, out);
        break;
    case GRID_AREA:
        write_words(words_area(code, words), code, for_people, out);
        break;
    case GRID_LINE:
        write_words(words_line(code, words), code, for_people, out);
        break;
    case GRID_INSUTYPE:
        write_words(words_insutype(code, words), code, for_people, out);
        break;
    case GRID_SIDE:
        write_words(words_side(code, words), code, for_people, out);
        break;
    case GRID_RELATIVE:
        write_words(words_relative(code, words), code, for_people, out);
        break;
    case GRID_MESSAGE:
        write_words(words_message(code, words), code, for_people, out);
        break;
    case GRID_PERIOD:
        words_month_or_year(code, words);
        snprintf(out, CELL_SIZE, "%s", words);
        break;
    case GRID_DAY:
        snprintf(out, CELL_SIZE, "%s", words_day(code, words));
        break;
    case GRID_TIME:
        write_time(value->number, for_people, out);
        break;
    case GRID_FLAG:
        snprintf(out, CELL_SIZE, "%s",
                 for_people ? (value->number != 0 ? "yes" : "-")
                            : (value->number != 0 ? "1" : "0"));
        break;
    case GRID_RATIO:
        write_ratio(value->number, for_people, out);
        break;
    case GRID_BYTES:
        write_hex(value->bytes, out);
        break;
    }
}

/* The cell of a row; empty when what it belongs to is absent. */
static void fill_cell(const struct grid_column *column, const ProtobufCMessage *row,
                      bool for_people, char *out)
{
    struct value value;
    out[0] = '\0';
    if (read_value(row, column->field, &value)) write_cell(column->kind, &value, for_people, out);
}

static bool stands_right(enum grid_kind kind)
{
    return kind == GRID_COUNT || kind == GRID_YUAN || kind == GRID_NUMBER || kind == GRID_RATIO;
}

static void print_totals(struct table *table, const struct grid_column *columns,
                         ProtobufCMessage *const *rows, size_t count)
{
    bool is_first = true;
    table_rule(table);
    for (const struct grid_column *column = columns; column->field != NULL; column++) {
        if (column->title == NULL) continue;
        char text[CELL_SIZE] = "";
        if (column->is_summed) {
            struct value total = {.text = ""};
            for (size_t i = 0; i < count; i++) {
                struct value value;
                if (!read_value(rows[i], column->field, &value)) continue;
                total.number += value.number;
            }
            write_cell(column->kind, &total, true, text);
        }
        table_cell(table, "%s", is_first && !column->is_summed ? "total" : text);
        is_first = false;
    }
}

/* What a table shows of the field: provinces as their codes alone where room is short. */
static void fill_shown(const struct grid_column *column, const ProtobufCMessage *row,
                       bool with_names, char *out)
{
    const bool is_code = column->kind == GRID_PROVINCE || column->kind == GRID_PARTY;
    fill_cell(column, row, with_names || !is_code, out);
}

static struct table *make_table(const struct grid_column *columns, ProtobufCMessage *const *rows,
                                size_t count, bool with_names)
{
    struct table_column titles[TABLE_COLUMNS_MAX];
    size_t title_count = 0;
    bool is_summed = false;
    for (const struct grid_column *column = columns; column->field != NULL; column++) {
        if (column->title == NULL) continue;
        ENSURE(title_count < TABLE_COLUMNS_MAX);
        titles[title_count++] = (struct table_column){
            column->title, stands_right(column->kind) ? TABLE_RIGHT : TABLE_LEFT};
        is_summed = is_summed || column->is_summed;
    }
    struct table *table = table_new(titles, title_count);
    for (size_t i = 0; i < count; i++) {
        for (const struct grid_column *column = columns; column->field != NULL; column++) {
            char text[CELL_SIZE];
            if (column->title == NULL) continue;
            fill_shown(column, rows[i], with_names, text);
            table_cell(table, "%s", text);
        }
    }
    if (is_summed && count > 0) print_totals(table, columns, rows, count);
    return table;
}

static void print_table(const struct grid_column *columns, ProtobufCMessage *const *rows,
                        size_t count)
{
    struct table *table = make_table(columns, rows, count, true);
    if (table_width(table) > TERMINAL_COLUMNS) {
        table_free(table);
        table = make_table(columns, rows, count, false);
    }
    table_print(table, stdout);
    if (count == 0) puts("(none 无)");
    table_free(table);
}

void csv_print_text(const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"') putchar('"');
        putchar(*text);
    }
    putchar('"');
}

void grid_csv_header(const struct grid_column *columns)
{
    for (const struct grid_column *column = columns; column->field != NULL; column++) {
        if (column != columns) putchar(',');
        for (const char *letter = column->field; *letter != '\0'; letter++) {
            putchar(*letter == '.' ? '_' : *letter);
        }
    }
    putchar('\n');
}

void grid_csv_rows(const struct grid_column *columns, ProtobufCMessage *const *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (const struct grid_column *column = columns; column->field != NULL; column++) {
            char text[CELL_SIZE];
            if (column != columns) putchar(',');
            fill_cell(column, rows[i], false, text);
            csv_print_text(text);
        }
        putchar('\n');
    }
}

void grid_print(enum format format, const struct grid_column *columns,
                ProtobufCMessage *const *rows, size_t count)
{
    if (format == FORMAT_CSV) {
        grid_csv_header(columns);
        grid_csv_rows(columns, rows, count);
    } else {
        print_table(columns, rows, count);
    }
}

static bool is_empty(const struct grid_column *column, const ProtobufCMessage *row)
{
    struct value value;
    if (!read_value(row, column->field, &value)) return true;
    if (column->kind == GRID_TEXT) return value.text[0] == '\0';
    if (column->kind == GRID_BYTES) return value.bytes.len == 0;
    /* 0 is a party here, not nothing. */
    if (column->kind == GRID_PROVINCE || column->kind == GRID_ACTOR) return false;
    return value.number == 0;
}

void grid_page(const struct grid_column *columns, const ProtobufCMessage *row)
{
    for (const struct grid_column *column = columns; column->field != NULL; column++) {
        char text[CELL_SIZE];
        if (!column->is_always && is_empty(column, row)) continue;
        const char *name = column->title == NULL ? column->field : column->title;
        fill_cell(column, row, true, text);
        printf("  %s", name);
        for (size_t at = text_columns(name); at <= PAGE_INDENT; at++) {
            putchar(' ');
        }
        puts(text);
    }
}
