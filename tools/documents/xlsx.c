/* xlsx -- documents as workbooks. In constant memory, so cells are written strictly row by row. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <xlsxwriter.h>

#include "tools/client/table.h"
#include "tools/documents/render.h"
#include "types/civil.h"

/* A spreadsheet keeps 15 significant digits; beyond them a fen would be lost without a word. */
#define FEN_EXACT_MAX INT64_C(999999999999999)

#define FONT "宋体"

/* A narrower table is widened, so that the lines above and below it are not cut off. */
#define SHEET_WIDTH 124

/* A sheet wider than this is spread over several pages, its key columns repeated on each. */
#define COLUMNS_ON_A_PAGE 16

enum style {
    STYLE_TITLE,
    STYLE_FACT,
    STYLE_FACT_RIGHT,
    STYLE_GROUP,
    STYLE_GROUP_OPEN, /* The upper half of a heading that has no group. */
    STYLE_HEAD,
    STYLE_NOTE,
    STYLE_TEXT, /* These five in the order of enum value_kind, */
    STYLE_COUNT,
    STYLE_MONEY,
    STYLE_DATE,
    STYLE_RATE,
    STYLE_SUM_TEXT, /* and again for sums. */
    STYLE_SUM_COUNT,
    STYLE_SUM_MONEY,
    STYLE_SUM_DATE,
    STYLE_SUM_RATE,
    STYLE_END,
};

struct book {
    const struct document *document;
    lxw_workbook *workbook;
    lxw_format *styles[STYLE_END];
    struct document_fault *fault;
    bool is_sound;
};

static void make_styles(struct book *book)
{
    static const char *const number_formats[] = {
        "@",
        "#,##0;[Red]\"红字\"#,##0;0",
        "#,##0.00;[Red]\"红字\"#,##0.00;0.00",
        "yyyy\"-\"mm\"-\"dd",
        "0.00%;[Red]\"红字\"0.00%;0.00%",
    };
    for (int style = 0; style < STYLE_END; style++) {
        lxw_format *format = workbook_add_format(book->workbook);
        book->styles[style] = format;
        format_set_font_name(format, FONT);
        format_set_font_size(format, 10);
        format_set_align(format, LXW_ALIGN_VERTICAL_CENTER);
        if (style >= STYLE_GROUP && style != STYLE_NOTE) format_set_border(format, LXW_BORDER_THIN);
        if (style >= STYLE_TEXT) {
            const int kind = (style - STYLE_TEXT) % 5;
            format_set_num_format(format, number_formats[kind]);
            format_set_align(format, kind == VALUE_TEXT   ? LXW_ALIGN_LEFT
                                     : kind == VALUE_DATE ? LXW_ALIGN_CENTER
                                                          : LXW_ALIGN_RIGHT);
            if (kind == VALUE_TEXT) format_set_text_wrap(format);
        }
        if (style >= STYLE_SUM_TEXT) {
            format_set_bold(format);
            format_set_bg_color(format, 0xF2F2F2);
        }
        if (style == STYLE_GROUP || style == STYLE_GROUP_OPEN || style == STYLE_HEAD) {
            format_set_bold(format);
            format_set_align(format, LXW_ALIGN_CENTER);
            format_set_text_wrap(format);
            format_set_bg_color(format, 0xDDEBF7);
        }
    }
    format_set_bottom(book->styles[STYLE_GROUP_OPEN], LXW_BORDER_NONE);
    format_set_font_size(book->styles[STYLE_TITLE], 16);
    format_set_bold(book->styles[STYLE_TITLE]);
    format_set_align(book->styles[STYLE_TITLE], LXW_ALIGN_CENTER);
    format_set_align(book->styles[STYLE_FACT_RIGHT], LXW_ALIGN_RIGHT);
    format_set_text_wrap(book->styles[STYLE_NOTE]);
}

/* One text across the whole width. A merge of one row is safe in constant memory. */
static void put_across(lxw_worksheet *sheet, lxw_row_t row, uint32_t columns, const char *text,
                       lxw_format *format)
{
    if (columns > 1) {
        worksheet_merge_range(sheet, row, 0, row, (lxw_col_t)(columns - 1), text, format);
    } else {
        worksheet_write_string(sheet, row, 0, text, format);
    }
}

static void put_value(struct book *book, lxw_worksheet *sheet, lxw_row_t row, lxw_col_t column,
                      enum value_kind kind, const struct document_value *value, bool is_sum)
{
    lxw_format *format = book->styles[(is_sum ? STYLE_SUM_TEXT : STYLE_TEXT) + (int)kind];
    const int64_t number = value->number;
    if (!value->is_set) {
        worksheet_write_blank(sheet, row, column, format);
    } else if (value->text != NULL) {
        worksheet_write_string(sheet, row, column, value->text,
                               book->styles[is_sum ? STYLE_SUM_TEXT : STYLE_TEXT]);
    } else if (kind == VALUE_DATE) {
        lxw_datetime date = {.year = (int)(number / 10000),
                             .month = (int)(number / 100 % 100),
                             .day = (int)(number % 100)};
        if (number == 0) {
            worksheet_write_blank(sheet, row, column, format);
        } else {
            worksheet_write_datetime(sheet, row, column, &date, format);
        }
    } else {
        if (number > FEN_EXACT_MAX || number < -FEN_EXACT_MAX) {
            book->is_sound = document_fail(
                book->fault, "%s: %" PRId64 " has more digits than a spreadsheet keeps",
                book->document->number, number);
        }
        /* A division of two integers that a double holds exactly is rounded once, to the nearest:
         * times 100 and rounded it is the number of fen again. */
        const double scale = kind == VALUE_MONEY ? 100 : kind == VALUE_RATE ? 10000 : 1;
        worksheet_write_number(sheet, row, column, (double)number / scale, format);
    }
}

/* Columns of a terminal that a column's widest text needs. */
static double column_width(const struct document_section *section, uint32_t column)
{
    size_t widest = text_columns(section->columns[column].title);
    for (uint32_t r = 0; r < section->row_count; r++) {
        char text[VALUE_SIZE];
        const struct document_value *value = &section->rows[r].values[column];
        const enum value_kind kind =
            value->text != NULL ? VALUE_TEXT : section->columns[column].kind;
        const size_t width = text_columns(value_format(kind, value, true, text));
        if (width > widest) widest = width;
    }
    const size_t most = 44;
    return (double)(widest < most ? widest : most) + 2;
}

static bool has_groups(const struct document_section *section)
{
    for (uint32_t c = 0; c < section->column_count; c++) {
        if (section->columns[c].group != NULL) return true;
    }
    return false;
}

static void put_group_row(struct book *book, lxw_worksheet *sheet, lxw_row_t row,
                          const struct document_section *section)
{
    for (uint32_t c = 0; c < section->column_count;) {
        const char *group = section->columns[c].group;
        uint32_t end = c + 1;
        while (group != NULL && end < section->column_count &&
               section->columns[end].group != NULL &&
               strcmp(section->columns[end].group, group) == 0) {
            end++;
        }
        if (group == NULL) {
            worksheet_write_blank(sheet, row, (lxw_col_t)c, book->styles[STYLE_GROUP_OPEN]);
        } else if (end - c == 1) {
            worksheet_write_string(sheet, row, (lxw_col_t)c, group, book->styles[STYLE_GROUP]);
        } else {
            worksheet_merge_range(sheet, row, (lxw_col_t)c, row, (lxw_col_t)(end - 1), group,
                                  book->styles[STYLE_GROUP]);
        }
        c = end;
    }
}

/* The lines above the headings; gives the next free row. */
static lxw_row_t put_top(struct book *book, lxw_worksheet *sheet, uint32_t columns, bool is_first)
{
    const struct document *document = book->document;
    lxw_row_t row = 0;
    worksheet_set_row(sheet, row, 30, NULL);
    put_across(sheet, row++, columns, document->title, book->styles[STYLE_TITLE]);

    char line[1024];
    size_t used = (size_t)snprintf(line, sizeof line, "文号：%s", document->number);
    for (uint32_t i = 0; i < document->fact_count && used < sizeof line; i++) {
        used += (size_t)snprintf(line + used, sizeof line - used, "    %s：%s",
                                 document->facts[i].label, document->facts[i].text);
    }
    worksheet_set_row(sheet, row, 28, NULL);
    put_across(sheet, row++, columns, line, book->styles[STYLE_NOTE]);
    for (uint32_t i = 0; is_first && i < document->paragraph_count; i++) {
        worksheet_set_row(sheet, row, 32, NULL);
        put_across(sheet, row++, columns, document->paragraphs[i], book->styles[STYLE_NOTE]);
    }
    put_across(sheet, row++, columns, "单位：元", book->styles[STYLE_FACT_RIGHT]);
    return row;
}

static lxw_row_t put_bottom(struct book *book, lxw_worksheet *sheet, lxw_row_t row,
                            uint32_t columns)
{
    const struct document *document = book->document;
    char line[1024];
    char digest[2 * SHA256_SIZE + 1];

    for (uint32_t i = 0; i < document->note_count; i++) {
        snprintf(line, sizeof line, "注%u：%s", i + 1, document->notes[i]);
        if (text_columns(line) > (size_t)columns * 16) worksheet_set_row(sheet, row, 28, NULL);
        put_across(sheet, row++, columns, line, book->styles[STYLE_NOTE]);
    }
    char controls[DOCUMENT_CONTROLS_SIZE];
    document_controls_text(document, controls);
    put_across(sheet, row++, columns, controls, book->styles[STYLE_FACT]);
    snprintf(line, sizeof line, "摘要（SHA-256）：%s", document_digest_text(document, digest));
    put_across(sheet, row++, columns, line, book->styles[STYLE_FACT]);
    row++;
    size_t people;
    const char *const *signatures = document_signatures(&people);
    size_t used = 0;
    for (size_t i = 0; i < people; i++) {
        used += (size_t)snprintf(line + used, sizeof line - used, "%s：%s", signatures[i],
                                 i + 1 < people ? "                    " : "");
    }
    worksheet_set_row(sheet, row, 28, NULL);
    put_across(sheet, row++, columns, line, book->styles[STYLE_FACT]);
    return row;
}

static void set_page(lxw_worksheet *sheet, const struct document_section *section,
                     lxw_row_t head_end, lxw_row_t end)
{
    const lxw_col_t last = (lxw_col_t)(section->column_count - 1);
    const uint32_t spread = section->column_count - section->key_columns;
    const uint16_t pages = (uint16_t)((spread + COLUMNS_ON_A_PAGE - 1) / COLUMNS_ON_A_PAGE);
    worksheet_set_paper(sheet, 9); /* A4 */
    worksheet_set_landscape(sheet);
    worksheet_fit_to_pages(sheet, pages == 0 ? 1 : pages, 0);
    worksheet_set_margins(sheet, 0.4, 0.4, 0.5, 0.6);
    worksheet_center_horizontally(sheet);
    worksheet_print_area(sheet, 0, 0, end - 1, last);
    worksheet_repeat_rows(sheet, 0, head_end - 1);
    if (pages > 1) worksheet_repeat_columns(sheet, 0, (lxw_col_t)(section->key_columns - 1));
    worksheet_set_footer(sheet, "&C第 &P 页 共 &N 页&R&A");
    worksheet_freeze_panes(sheet, head_end, (lxw_col_t)section->key_columns);
}

static void put_section(struct book *book, const struct document_section *section, bool is_first)
{
    lxw_worksheet *sheet = workbook_add_worksheet(book->workbook, section->title);
    if (sheet == NULL) {
        book->is_sound = document_fail(book->fault, "%s: '%s' cannot be the name of a sheet",
                                       book->document->number, section->title);
        return;
    }
    const uint32_t columns = section->column_count;
    double whole = 0;
    for (uint32_t c = 0; c < columns; c++) {
        whole += column_width(section, c);
    }
    const double more = whole < SHEET_WIDTH ? (SHEET_WIDTH - whole) / columns : 0;
    for (uint32_t c = 0; c < columns; c++) {
        worksheet_set_column(sheet, (lxw_col_t)c, (lxw_col_t)c, column_width(section, c) + more,
                             NULL);
    }
    lxw_row_t row = put_top(book, sheet, columns, is_first);
    if (has_groups(section)) put_group_row(book, sheet, row++, section);
    for (uint32_t c = 0; c < columns; c++) {
        worksheet_write_string(sheet, row, (lxw_col_t)c, section->columns[c].title,
                               book->styles[STYLE_HEAD]);
    }
    const lxw_row_t head_end = ++row;
    for (uint32_t r = 0; r < section->row_count; r++, row++) {
        const struct document_row *from = &section->rows[r];
        for (uint32_t c = 0; c < columns; c++) {
            put_value(book, sheet, row, (lxw_col_t)c, section->columns[c].kind, &from->values[c],
                      from->kind != DOCUMENT_ROW);
        }
    }
    row = put_bottom(book, sheet, row, columns);
    set_page(sheet, section, head_end, row);
    if (is_first) worksheet_activate(sheet);
}

bool render_xlsx(const struct document *document, const char *path, struct document_fault *fault)
{
    lxw_workbook_options options = {.constant_memory = LXW_TRUE};
    struct book book = {.document = document, .fault = fault, .is_sound = true};
    book.workbook = workbook_new_opt(path, &options);
    if (book.workbook == NULL) return document_fail(fault, "%s: cannot be made", path);

    char comment[128];
    char digest[2 * SHA256_SIZE + 1];
    snprintf(comment, sizeof comment, "SHA-256 %s", document_digest_text(document, digest));
    /* Texts are copied by the library; they are only read. */
    lxw_doc_properties properties = {
        .title = (char *)(uintptr_t)document->title,
        .subject = (char *)(uintptr_t)document->number,
        .author = (char *)(uintptr_t) "清分",
        .comments = comment,
        .created = (time_t)(document->as_of_ms / MS_PER_SECOND),
    };
    workbook_set_properties(book.workbook, &properties);
    make_styles(&book);
    for (uint32_t i = 0; i < document->section_count; i++) {
        put_section(&book, &document->sections[i], i == 0);
    }
    const lxw_error error = workbook_close(book.workbook);
    if (error != LXW_NO_ERROR) {
        return document_fail(fault, "%s: %s", path, lxw_strerror(error));
    }
    return book.is_sound;
}
