#include "tools/client/table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "types/ensure.h"

struct table {
    struct table_column columns[TABLE_COLUMNS_MAX];
    size_t column_count;
    char **cells; /* Row by row; owned. */
    size_t cell_count;
    size_t cell_room;
    size_t *rules; /* Rows above which a rule is drawn, ascending; owned. */
    size_t rule_count;
};

struct table *table_new(const struct table_column *columns, size_t count)
{
    ENSURE(count >= 1);
    ENSURE(count <= TABLE_COLUMNS_MAX);
    struct table *table = calloc(1, sizeof(*table));
    NEED_MEMORY(table);
    memcpy(table->columns, columns, count * sizeof(*columns));
    table->column_count = count;
    return table;
}

void table_free(struct table *table)
{
    if (table == NULL) return;
    for (size_t i = 0; i < table->cell_count; i++) {
        free(table->cells[i]);
    }
    free(table->cells);
    free(table->rules);
    free(table);
}

void table_cell(struct table *table, const char *format, ...)
{
    if (table->cell_count == table->cell_room) {
        table->cell_room = table->cell_room == 0 ? 64 : table->cell_room * 2;
        table->cells = realloc(table->cells, table->cell_room * sizeof(*table->cells));
        NEED_MEMORY(table->cells);
    }
    va_list arguments;
    va_start(arguments, format);
    const int size = vasprintf(&table->cells[table->cell_count], format, arguments);
    va_end(arguments);
    ENSURE(size >= 0);
    table->cell_count++;
}

void table_rule(struct table *table)
{
    table->rules = realloc(table->rules, (table->rule_count + 1) * sizeof(*table->rules));
    NEED_MEMORY(table->rules);
    table->rules[table->rule_count++] = table->cell_count / table->column_count;
}

/* One code point of UTF-8; a byte that is none counts as one column of its own. */
static uint32_t next_point(const char **text)
{
    const uint8_t *at = (const uint8_t *)*text;
    static const uint8_t lead_mask[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    size_t size = at[0] < 0x80             ? 1
                  : (at[0] & 0xe0) == 0xc0 ? 2
                  : (at[0] & 0xf0) == 0xe0 ? 3
                  : (at[0] & 0xf8) == 0xf0 ? 4
                                           : 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80) size = 0; /* Also stops at the end mark. */
    }
    if (size == 0) {
        *text += 1;
        return '?';
    }
    uint32_t point = at[0] & lead_mask[size];
    for (size_t i = 1; i < size; i++) {
        point = point << 6 | (at[i] & 0x3f);
    }
    *text += size;
    return point;
}

/* The wide blocks of Unicode's East Asian Width that Chinese text uses; sorted. */
static bool is_wide(uint32_t point)
{
    static const uint32_t ranges[][2] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf}, {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60}, {0xffe0, 0xffe6},
        {0x1f300, 0x1f64f}, {0x20000, 0x3fffd},
    };
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (point >= ranges[i][0] && point <= ranges[i][1]) return true;
    }
    return false;
}

size_t text_columns(const char *text)
{
    size_t columns = 0;
    while (*text != '\0') {
        const uint32_t point = next_point(&text);
        if (point >= 0x0300 && point <= 0x036f) continue;
        columns += is_wide(point) ? 2 : 1;
    }
    return columns;
}

static void print_repeated(FILE *out, char what, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputc(what, out);
    }
}

static void print_rule(const struct table *table, const size_t *widths, FILE *out)
{
    for (size_t c = 0; c < table->column_count; c++) {
        if (c > 0) fputs("  ", out);
        print_repeated(out, '-', widths[c]);
    }
    fputc('\n', out);
}

static void print_row(const struct table *table, const size_t *widths, const char *const *cells,
                      FILE *out)
{
    size_t owed = 0; /* Blanks are printed only when something follows them. */
    for (size_t c = 0; c < table->column_count; c++) {
        const size_t columns = text_columns(cells[c]);
        const size_t padding = widths[c] - columns;
        if (c > 0) owed += 2;
        if (table->columns[c].align == TABLE_RIGHT) owed += padding;
        if (columns > 0) {
            print_repeated(out, ' ', owed);
            fputs(cells[c], out);
            owed = 0;
        }
        if (table->columns[c].align == TABLE_LEFT) owed += padding;
    }
    fputc('\n', out);
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
    const size_t count = table->column_count;
    for (size_t c = 0; c < count; c++) {
        widths[c] = text_columns(table->columns[c].title);
    }
    for (size_t i = 0; i < table->cell_count; i++) {
        const size_t columns = text_columns(table->cells[i]);
        if (columns > widths[i % count]) widths[i % count] = columns;
    }
}

size_t table_width(const struct table *table)
{
    size_t widths[TABLE_COLUMNS_MAX];
    size_t width = 2 * (table->column_count - 1);
    measure(table, widths);
    for (size_t c = 0; c < table->column_count; c++) {
        width += widths[c];
    }
    return width;
}

void table_print(const struct table *table, FILE *out)
{
    const size_t count = table->column_count;
    ENSURE(table->cell_count % count == 0);

    size_t widths[TABLE_COLUMNS_MAX];
    const char *titles[TABLE_COLUMNS_MAX];
    measure(table, widths);
    for (size_t c = 0; c < count; c++) {
        titles[c] = table->columns[c].title;
    }

    print_row(table, widths, titles, out);
    print_rule(table, widths, out);
    size_t rule = 0;
    for (size_t row = 0; row * count < table->cell_count; row++) {
        if (rule < table->rule_count && table->rules[rule] == row) {
            print_rule(table, widths, out);
            rule++;
        }
        print_row(table, widths, (const char *const *)&table->cells[row * count], out);
    }
}
