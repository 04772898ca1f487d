#include "util/table_text.h"

void table_text_init(struct table_text *text, struct bytes source)
{
    /* Spreadsheets put the mark there when they save as UTF-8. */
    if (source.size >= 3 && memcmp(source.data, "\xef\xbb\xbf", 3) == 0) {
        source.data += 3;
        source.size -= 3;
    }
    *text = (struct table_text){source, 0};
}

/* Bytes of the UTF-8 sequence at the front, 0 when it is none. */
static size_t sequence_size(const uint8_t *data, size_t size)
{
    const uint8_t first = data[0];
    const size_t need = first < 0x80   ? 1
                        : first < 0xc2 ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                                       : 4;
    if (first > 0xf4 || need == 0 || need > size) return 0;
    for (size_t i = 1; i < need; i++) {
        if ((data[i] & 0xc0) != 0x80) return 0;
    }
    if (first == 0xe0 && data[1] < 0xa0) return 0; /* Longer than it needs to be. */
    if (first == 0xed && data[1] > 0x9f) return 0; /* Half of a pair (UTF-16). */
    if (first == 0xf0 && data[1] < 0x90) return 0;
    if (first == 0xf4 && data[1] > 0x8f) return 0; /* Above U+10FFFF. */
    return need;
}

bool table_text_sound(struct bytes line)
{
    for (size_t at = 0; at < line.size;) {
        const size_t size = sequence_size(line.data + at, line.size - at);
        if (size == 0) return false;
        if (line.data[at] < 0x20 || line.data[at] == 0x7f) return false;
        at += size;
    }
    return true;
}

/* Takes the next line off the text, without its LF or CRLF. */
static struct bytes take_line(struct table_text *text)
{
    struct bytes line = text->rest;
    const uint8_t *end = memchr(line.data, '\n', line.size);
    if (end == NULL) {
        text->rest.data += line.size;
        text->rest.size = 0;
    } else {
        line.size = (size_t)(end - line.data);
        text->rest.data = end + 1;
        text->rest.size -= line.size + 1;
        if (line.size > 0 && line.data[line.size - 1] == '\r') line.size--;
    }
    text->line++;
    return line;
}

/* Where the closing quote of a cell stands, or line.size. `at` is behind the opening one. */
static size_t closing_quote(struct bytes line, size_t at)
{
    for (; at < line.size; at++) {
        if (line.data[at] != '"') continue;
        if (at + 1 == line.size || line.data[at + 1] != '"') break;
        at++; /* A doubled one belongs to the cell. */
    }
    return at;
}

static const char *split(struct bytes line, struct table_cells *cells)
{
    size_t at = 0;
    cells->count = 0;
    for (;;) {
        struct bytes cell;
        size_t end = at;
        if (cells->count == TABLE_CELLS_MAX) return "too many cells";
        if (at < line.size && line.data[at] == '"') {
            end = closing_quote(line, at + 1);
            if (end == line.size) return "a quote is not closed";
            cell = (struct bytes){line.data + at + 1, end - at - 1};
            end++;
            if (end < line.size && line.data[end] != ',') return "text behind a closing quote";
        } else {
            while (end < line.size && line.data[end] != ',') {
                if (line.data[end] == '"') return "a quote inside a cell that begins without one";
                end++;
            }
            cell = (struct bytes){line.data + at, end - at};
        }
        cells->list[cells->count++] = cell;
        if (end == line.size) return NULL;
        at = end + 1;
    }
}

int table_text_next(struct table_text *text, struct table_cells *ret_cells, const char **ret_what)
{
    while (text->rest.size > 0) {
        const struct bytes line = take_line(text);
        const char *what = NULL;
        if (!table_text_sound(line)) {
            what = "not UTF-8, or a control character";
        } else if (line.size == 0 || line.data[0] == '#') {
            continue;
        } else {
            what = split(line, ret_cells);
        }
        if (what == NULL) return 1;
        *ret_what = what;
        return -1;
    }
    return 0;
}

bool table_number(struct bytes cell, int64_t min, int64_t max, int64_t *ret_value)
{
    int64_t value = 0;
    if (cell.size == 0 || cell.size > 18) return false;
    if (cell.data[0] == '0' && cell.size > 1) return false;
    for (size_t i = 0; i < cell.size; i++) {
        if (cell.data[i] < '0' || cell.data[i] > '9') return false;
        value = value * 10 + (cell.data[i] - '0');
    }
    if (value < min || value > max) return false;
    *ret_value = value;
    return true;
}

int table_word(struct bytes cell, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (bytes_equal(cell, bytes_of(words[i]))) return i;
    }
    return -1;
}
