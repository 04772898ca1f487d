/* pdf -- documents on paper: A4, headings on every page, page numbers, places for signatures.
 *
 * Laid out twice with the same code, first without drawing, so that every page can say how many
 * there are. A table that is too wide is first set smaller, then cut into panels that repeat the
 * key columns. */
#include <cairo-pdf.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <string.h>

#include "tools/client/table.h"
#include "tools/documents/render.h"
#include "types/civil.h"
#include "types/ensure.h"

#define A4_SHORT 595.28 /* Points. */
#define A4_LONG  841.89
#define MARGIN   40.0
#define FOOT     26.0 /* Above the lower margin. */

#define FACE       "Noto Serif CJK SC"
#define FACE_TITLE "Noto Serif CJK SC Bold"

#define TEXT_SIZE   10.0
#define TABLE_SIZE  9.0
#define TABLE_LEAST 6.5 /* Smaller is not read by anybody. */
#define PADDING     3.0

#define COLUMNS_MAX 48

/* Widths of the face, to a font of one: half a CJK character, which a digit nearly is. */
#define HALF_WIDTH      0.56
#define HALF_WIDTH_BOLD 0.61

/* Headings and texts may break into lines; these are the halves of characters they want in one. */
#define HEADING_MOST  12
#define HEADING_WIDTH 0.34 /* In two lines. */
#define CELL_MOST     17

struct paper {
    const struct document *document;
    cairo_surface_t *surface;
    cairo_t *cairo;
    PangoLayout *layout;
    PangoFontDescription *font;
    double width; /* Of the page. */
    double height;
    double y; /* Where the next thing goes. */
    uint32_t page;
    uint32_t pages; /* 0: they are being counted. */
};

static bool is_drawn(const struct paper *paper)
{
    return paper->pages != 0;
}

static double text_width(const struct paper *paper)
{
    return paper->width - 2 * MARGIN;
}

static void set_font(struct paper *paper, const char *face, double size, bool is_bold)
{
    PangoFontDescription *font = pango_font_description_from_string(face);
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    if (is_bold) pango_font_description_set_weight(font, PANGO_WEIGHT_BOLD);
    pango_layout_set_font_description(paper->layout, font);
    if (paper->font != NULL) pango_font_description_free(paper->font);
    paper->font = font;
}

/* Sets a text into a box of that width; gives its height. `width` 0: on one line. */
static double set_text(struct paper *paper, const char *text, double width, PangoAlignment align)
{
    pango_layout_set_width(paper->layout, width <= 0 ? -1 : (int)(width * PANGO_SCALE));
    pango_layout_set_alignment(paper->layout, align);
    pango_layout_set_text(paper->layout, text, -1);
    int height;
    pango_layout_get_size(paper->layout, NULL, &height);
    return (double)height / PANGO_SCALE;
}

static double set_width(const struct paper *paper)
{
    int width;
    pango_layout_get_size(paper->layout, &width, NULL);
    return (double)width / PANGO_SCALE;
}

/* Draws what set_text() has set. */
static void show_text(struct paper *paper, double x, double y)
{
    if (!is_drawn(paper)) return;
    cairo_move_to(paper->cairo, x, y);
    pango_cairo_show_layout(paper->cairo, paper->layout);
}

static void end_page(struct paper *paper)
{
    char line[256];
    const double y = paper->height - MARGIN - FOOT + 12;
    set_font(paper, FACE, 8, false);
    set_text(paper, paper->document->number, text_width(paper), PANGO_ALIGN_LEFT);
    show_text(paper, MARGIN, y);
    snprintf(line, sizeof line, "第 %u 页 共 %u 页", paper->page, paper->pages);
    set_text(paper, line, text_width(paper), PANGO_ALIGN_RIGHT);
    show_text(paper, MARGIN, y);
    if (is_drawn(paper)) cairo_show_page(paper->cairo);
}

static void begin_page(struct paper *paper)
{
    paper->page++;
    paper->y = MARGIN;
}

/* True when a thing of that height still stands on this page; else the next page was begun. */
static bool keep(struct paper *paper, double height)
{
    if (paper->y + height <= paper->height - MARGIN - FOOT) return true;
    end_page(paper);
    begin_page(paper);
    return false;
}

/* A paragraph over the whole width. */
static void put_line(struct paper *paper, const char *text, double size, PangoAlignment align,
                     double after)
{
    set_font(paper, FACE, size, false);
    const double height = set_text(paper, text, text_width(paper), align);
    if (!keep(paper, height)) {
        set_font(paper, FACE, size, false);
        set_text(paper, text, text_width(paper), align);
    }
    show_text(paper, MARGIN, paper->y);
    paper->y += height + after;
}

static void put_top(struct paper *paper)
{
    const struct document *document = paper->document;
    set_font(paper, FACE_TITLE, 17, false);
    paper->y += 6;
    const double height = set_text(paper, document->title, text_width(paper), PANGO_ALIGN_CENTER);
    show_text(paper, MARGIN, paper->y);
    paper->y += height + 8;

    /* Facts in two columns: label and text, as on a form. */
    const double half = text_width(paper) / 2;
    set_font(paper, FACE, 9, false);
    double tallest = 0;
    for (uint32_t i = 0; i <= document->fact_count; i++) {
        char line[512];
        if (i == 0) {
            snprintf(line, sizeof line, "文号：%s", document->number);
        } else {
            snprintf(line, sizeof line, "%s：%s", document->facts[i - 1].label,
                     document->facts[i - 1].text);
        }
        const double tall = set_text(paper, line, half - 8, PANGO_ALIGN_LEFT);
        show_text(paper, MARGIN + (i % 2 == 0 ? 0 : half), paper->y);
        tallest = i % 2 == 0 || tall > tallest ? tall : tallest;
        if (i % 2 == 1 || i == document->fact_count) paper->y += tallest + 2;
    }
    paper->y += 6;
}

/* -- tables ----------------------------------------------------------------------------------- */

/* Some columns of a section, side by side. */
struct panel {
    uint32_t columns[COLUMNS_MAX];
    double widths[COLUMNS_MAX];
    uint32_t count;
    double size; /* Of the font, points. */
};

static enum value_kind kind_of(const struct document_section *section, uint32_t column,
                               const struct document_value *value)
{
    return value->text != NULL ? VALUE_TEXT : section->columns[column].kind;
}

/* Width of a value at a font size of one point. A long text is broken into lines, a number never.
 */
static double value_width(const struct document_section *section, uint32_t column,
                          const struct document_row *row)
{
    char text[VALUE_SIZE];
    const struct document_value *value = &row->values[column];
    const enum value_kind kind = kind_of(section, column, value);
    size_t halves = text_columns(value_format(kind, value, true, text));
    if (kind == VALUE_TEXT && halves > CELL_MOST) halves = CELL_MOST;
    return (double)halves * (row->kind == DOCUMENT_ROW ? HALF_WIDTH : HALF_WIDTH_BOLD);
}

/* Width of a column at a font size of one point. */
static double natural_width(const struct document_section *section, uint32_t column)
{
    const size_t title = text_columns(section->columns[column].title);
    double widest = (double)(title < HEADING_MOST ? title : HEADING_MOST) * HEADING_WIDTH;
    for (uint32_t r = 0; r < section->row_count; r++) {
        const double width = value_width(section, column, &section->rows[r]);
        if (width > widest) widest = width;
    }
    return widest;
}

/* Cuts the section's columns into panels that fit; gives how many of `panels` were filled. */
static uint32_t make_panels(const struct paper *paper, const struct document_section *section,
                            struct panel panels[COLUMNS_MAX])
{
    double natural[COLUMNS_MAX];
    double whole = 0;
    ENSURE(section->column_count <= COLUMNS_MAX);
    for (uint32_t c = 0; c < section->column_count; c++) {
        natural[c] = natural_width(section, c);
        whole += natural[c];
    }
    const double room = text_width(paper) - 2 * PADDING * section->column_count;
    double size = room / whole;
    const bool is_one = size >= TABLE_LEAST;
    if (size > TABLE_SIZE) size = TABLE_SIZE;
    if (!is_one) size = TABLE_SIZE - 1;

    uint32_t count = 0;
    double used = 0;
    for (uint32_t c = 0; c < section->column_count; c++) {
        const double width = natural[c] * size + 2 * PADDING;
        if (count == 0 || (!is_one && used + width > text_width(paper) &&
                           panels[count - 1].count > section->key_columns)) {
            struct panel *panel = &panels[count++];
            panel->count = 0;
            panel->size = size;
            used = 0;
            for (uint32_t k = 0; k < section->key_columns && c >= section->key_columns; k++) {
                panel->columns[panel->count] = k;
                panel->widths[panel->count++] = natural[k] * size + 2 * PADDING;
                used += natural[k] * size + 2 * PADDING;
            }
        }
        struct panel *panel = &panels[count - 1];
        panel->columns[panel->count] = c;
        panel->widths[panel->count++] = width;
        used += width;
    }
    /* A table that stands alone fills the line. */
    if (count == 1 && used < text_width(paper)) {
        const double more = (text_width(paper) - used) / section->column_count;
        for (uint32_t c = 0; c < panels[0].count; c++) {
            panels[0].widths[c] += more;
        }
    }
    return count;
}

static void draw_box(struct paper *paper, double x, double y, double width, double height,
                     double shade)
{
    if (!is_drawn(paper)) return;
    if (shade < 1) {
        cairo_set_source_rgb(paper->cairo, shade, shade, shade);
        cairo_rectangle(paper->cairo, x, y, width, height);
        cairo_fill(paper->cairo);
    }
    cairo_set_source_rgb(paper->cairo, 0, 0, 0);
    cairo_set_line_width(paper->cairo, 0.5);
    cairo_rectangle(paper->cairo, x, y, width, height);
    cairo_stroke(paper->cairo);
}

static void put_cell(struct paper *paper, const char *text, double x, double width, double height,
                     PangoAlignment align, double shade)
{
    draw_box(paper, x, paper->y, width, height, shade);
    if (text[0] == '\0' || !is_drawn(paper)) return;
    const double tall = set_text(paper, text, width - 2 * PADDING, align);
    show_text(paper, x + PADDING, paper->y + (height - tall) / 2);
}

/* Height of the tallest of the panel's texts. */
static double heading_height(struct paper *paper, const struct document_section *section,
                             const struct panel *panel)
{
    double height = 0;
    for (uint32_t i = 0; i < panel->count; i++) {
        const double tall = set_text(paper, section->columns[panel->columns[i]].title,
                                     panel->widths[i] - 2 * PADDING, PANGO_ALIGN_CENTER);
        if (tall > height) height = tall;
    }
    return height + 2 * PADDING;
}

/* The boxes of the groups, over the headings that have one. */
static void put_group_headings(struct paper *paper, const struct document_section *section,
                               const struct panel *panel, double height)
{
    double x = MARGIN;
    for (uint32_t i = 0; i < panel->count;) {
        const char *group = section->columns[panel->columns[i]].group;
        double width = panel->widths[i];
        uint32_t end = i + 1;
        while (group != NULL && end < panel->count) {
            const char *next = section->columns[panel->columns[end]].group;
            if (next == NULL || strcmp(next, group) != 0) break;
            width += panel->widths[end++];
        }
        if (group != NULL) put_cell(paper, group, x, width, height, PANGO_ALIGN_CENTER, 0.9);
        x += width;
        i = end;
    }
}

static void put_headings(struct paper *paper, const struct document_section *section,
                         const struct panel *panel)
{
    bool is_grouped = false;
    for (uint32_t i = 0; i < panel->count; i++) {
        is_grouped = is_grouped || section->columns[panel->columns[i]].group != NULL;
    }
    set_font(paper, FACE, panel->size, true);
    const double upper = is_grouped ? panel->size * 1.5 + 2 * PADDING : 0;
    const double lower = heading_height(paper, section, panel);
    if (is_grouped) put_group_headings(paper, section, panel, upper);
    double x = MARGIN;
    for (uint32_t i = 0; i < panel->count; i++) {
        /* A heading without a group is as tall as both. */
        const struct document_column *column = &section->columns[panel->columns[i]];
        const double raise = column->group != NULL ? upper : 0;
        paper->y += raise;
        put_cell(paper, column->title, x, panel->widths[i], upper + lower - raise,
                 PANGO_ALIGN_CENTER, 0.9);
        paper->y -= raise;
        x += panel->widths[i];
    }
    paper->y += upper + lower;
}

static double row_height(struct paper *paper, const struct panel *panel,
                         const struct document_row *row)
{
    double height = panel->size * 1.5;
    for (uint32_t i = 0; i < panel->count; i++) {
        const struct document_value *value = &row->values[panel->columns[i]];
        /* Only texts can need a second line; measuring all others would double the time. */
        if (value->text == NULL) continue;
        const double tall =
            set_text(paper, value->text, panel->widths[i] - 2 * PADDING, PANGO_ALIGN_LEFT);
        if (tall > height) height = tall;
    }
    return height + PADDING;
}

static void put_row(struct paper *paper, const struct document_section *section,
                    const struct panel *panel, const struct document_row *row, double height)
{
    double x = MARGIN;
    for (uint32_t i = 0; i < panel->count; i++) {
        char text[VALUE_SIZE];
        const uint32_t column = panel->columns[i];
        const struct document_value *value = &row->values[column];
        const enum value_kind kind = kind_of(section, column, value);
        put_cell(paper, value_format(kind, value, true, text), x, panel->widths[i], height,
                 kind == VALUE_TEXT   ? PANGO_ALIGN_LEFT
                 : kind == VALUE_DATE ? PANGO_ALIGN_CENTER
                                      : PANGO_ALIGN_RIGHT,
                 row->kind == DOCUMENT_ROW ? 1 : 0.95);
        x += panel->widths[i];
    }
    paper->y += height;
}

static void put_panel(struct paper *paper, const struct document_section *section,
                      const struct panel *panel, uint32_t number, uint32_t count)
{
    char title[128];
    snprintf(title, sizeof title, count > 1 ? "%s（%u/%u）" : "%s", section->title, number + 1,
             count);
    keep(paper, 90);
    set_font(paper, FACE, TEXT_SIZE, true);
    const double height = set_text(paper, title, text_width(paper), PANGO_ALIGN_LEFT);
    show_text(paper, MARGIN, paper->y);
    set_font(paper, FACE, 9, false);
    set_text(paper, "单位：元", text_width(paper), PANGO_ALIGN_RIGHT);
    show_text(paper, MARGIN, paper->y);
    paper->y += height + 3;
    put_headings(paper, section, panel);
    for (uint32_t r = 0; r < section->row_count; r++) {
        const struct document_row *row = &section->rows[r];
        set_font(paper, FACE, panel->size, row->kind != DOCUMENT_ROW);
        const double tall = row_height(paper, panel, row);
        if (!keep(paper, tall)) {
            put_headings(paper, section, panel);
            set_font(paper, FACE, panel->size, row->kind != DOCUMENT_ROW);
        }
        put_row(paper, section, panel, row, tall);
    }
    paper->y += 10;
}

static void put_bottom(struct paper *paper)
{
    const struct document *document = paper->document;
    char line[512];
    char digest[2 * SHA256_SIZE + 1];

    /* Who signs has what is signed on the same page. */
    keep(paper, 16.0 * document->note_count + 80);
    for (uint32_t i = 0; i < document->note_count; i++) {
        snprintf(line, sizeof line, "注%u：%s", i + 1, document->notes[i]);
        put_line(paper, line, 8.5, PANGO_ALIGN_LEFT, 2);
    }
    char controls[DOCUMENT_CONTROLS_SIZE];
    document_controls_text(document, controls);
    put_line(paper, controls, 8.5, PANGO_ALIGN_LEFT, 2);
    snprintf(line, sizeof line, "摘要（SHA-256）：%s", document_digest_text(document, digest));
    put_line(paper, line, 7.5, PANGO_ALIGN_LEFT, 20);

    size_t people;
    const char *const *signatures = document_signatures(&people);
    const double width = text_width(paper) / (double)people;
    keep(paper, 30);
    set_font(paper, FACE, TEXT_SIZE, false);
    for (size_t i = 0; i < people; i++) {
        snprintf(line, sizeof line, "%s：", signatures[i]);
        set_text(paper, line, 0, PANGO_ALIGN_LEFT);
        show_text(paper, MARGIN + (double)i * width, paper->y);
        const double begin = MARGIN + (double)i * width + set_width(paper);
        if (!is_drawn(paper)) continue;
        cairo_set_line_width(paper->cairo, 0.5);
        cairo_move_to(paper->cairo, begin, paper->y + 14);
        cairo_line_to(paper->cairo, MARGIN + (double)(i + 1) * width - 8, paper->y + 14);
        cairo_stroke(paper->cairo);
    }
    paper->y += 30;
}

static void put_all(struct paper *paper)
{
    const struct document *document = paper->document;
    paper->page = 0;
    begin_page(paper);
    put_top(paper);
    pango_layout_set_spacing(paper->layout, 4 * PANGO_SCALE);
    for (uint32_t i = 0; i < document->paragraph_count; i++) {
        /* Who is addressed stands at the margin, all that follows is indented. */
        const int indent = i == 0 ? 0 : (int)(2 * (TEXT_SIZE + 1) * PANGO_SCALE);
        pango_layout_set_indent(paper->layout, indent);
        put_line(paper, document->paragraphs[i], TEXT_SIZE + 1, PANGO_ALIGN_LEFT, 8);
    }
    pango_layout_set_indent(paper->layout, 0);
    pango_layout_set_spacing(paper->layout, 0);
    for (uint32_t i = 0; i < document->section_count; i++) {
        struct panel panels[COLUMNS_MAX];
        const uint32_t count = make_panels(paper, &document->sections[i], panels);
        for (uint32_t p = 0; p < count; p++) {
            put_panel(paper, &document->sections[i], &panels[p], p, count);
        }
    }
    put_bottom(paper);
    end_page(paper);
}

bool render_pdf(const struct document *document, const char *path, struct document_fault *fault)
{
    struct paper paper = {.document = document,
                          .width = document->type->is_letter ? A4_SHORT : A4_LONG,
                          .height = document->type->is_letter ? A4_LONG : A4_SHORT};
    char made[CIVIL_ISO_SIZE];
    civil_format_iso(document->as_of_ms, made);

    paper.surface = cairo_pdf_surface_create(path, paper.width, paper.height);
    cairo_pdf_surface_set_metadata(paper.surface, CAIRO_PDF_METADATA_TITLE, document->title);
    cairo_pdf_surface_set_metadata(paper.surface, CAIRO_PDF_METADATA_SUBJECT, document->number);
    cairo_pdf_surface_set_metadata(paper.surface, CAIRO_PDF_METADATA_CREATE_DATE, made);
    paper.cairo = cairo_create(paper.surface);
    paper.layout = pango_cairo_create_layout(paper.cairo);
    pango_layout_set_wrap(paper.layout, PANGO_WRAP_WORD_CHAR);

    put_all(&paper);
    paper.pages = paper.page;
    put_all(&paper);

    g_object_unref(paper.layout);
    pango_font_description_free(paper.font);
    cairo_destroy(paper.cairo);
    cairo_surface_finish(paper.surface);
    const cairo_status_t status = cairo_surface_status(paper.surface);
    cairo_surface_destroy(paper.surface);
    if (status == CAIRO_STATUS_SUCCESS) return true;
    return document_fail(fault, "%s: %s", path, cairo_status_to_string(status));
}
