#include "tools/client/csv_pick.h"

#include <stdio.h>
#include <string.h>

#include "types/ensure.h"

/* How a field ended. */
enum field_end {
    FIELD_COMMA,
    FIELD_LINE,
    FIELD_BAD,
};

static bool complain(struct csv_pick *pick, const char *text)
{
    snprintf(pick->text, sizeof(pick->text), "%s", text);
    return false;
}

/* Puts a byte; false when the field is full or the byte cannot stand in a text. */
static bool put(struct csv_pick *pick, char *out, size_t *size, char byte)
{
    if (out == NULL) return true;
    if (byte == '\0') return complain(pick, "a field holds a NUL byte");
    if (*size == CSV_PICK_FIELD_MAX) return complain(pick, "a field is longer than 255 bytes");
    out[(*size)++] = byte;
    return true;
}

/* Passes over the line end at pick->at, if there is one. */
static bool at_line_end(const struct csv_pick *pick)
{
    if (pick->at == pick->end || *pick->at == '\n') return true;
    return *pick->at == '\r' && (pick->at + 1 == pick->end || pick->at[1] == '\n');
}

static void pass_line_end(struct csv_pick *pick)
{
    if (pick->at < pick->end && *pick->at == '\r') pick->at++;
    if (pick->at < pick->end && *pick->at == '\n') pick->at++;
    pick->next_line++;
}

/* After a complaint: to the next line end, whatever stands there. */
static void pass_bad_line(struct csv_pick *pick)
{
    while (pick->at < pick->end && *pick->at != '\n') {
        pick->at++;
    }
    pass_line_end(pick);
}

/* The text between quotes; pick->at stands behind the first. */
static bool read_quoted(struct csv_pick *pick, char *out, size_t *size)
{
    for (;;) {
        if (pick->at == pick->end || *pick->at == '\n') {
            return complain(pick, "a quote is not closed on its line");
        }
        const char byte = *pick->at++;
        if (byte == '"') {
            if (pick->at == pick->end || *pick->at != '"') return true;
            pick->at++;
        }
        if (!put(pick, out, size, byte)) return false;
    }
}

/* Reads one field to `out` (CSV_PICK_FIELD_MAX + 1 bytes; NULL: passes it over). */
static enum field_end read_field(struct csv_pick *pick, char *out)
{
    size_t size = 0;
    if (pick->at < pick->end && *pick->at == '"') {
        pick->at++;
        if (!read_quoted(pick, out, &size)) return FIELD_BAD;
        if (!at_line_end(pick) && *pick->at != ',') {
            complain(pick, "something follows a closing quote");
            return FIELD_BAD;
        }
    }
    while (!at_line_end(pick) && *pick->at != ',') {
        if (*pick->at == '"') {
            complain(pick, "a quote stands inside a field without quotes");
            return FIELD_BAD;
        }
        if (!put(pick, out, &size, *pick->at++)) return FIELD_BAD;
    }
    if (out != NULL) out[size] = '\0';
    if (at_line_end(pick)) {
        pass_line_end(pick);
        return FIELD_LINE;
    }
    pick->at++; /* The comma. */
    return FIELD_COMMA;
}

static void pass_empty_lines(struct csv_pick *pick)
{
    while (pick->at < pick->end && at_line_end(pick)) {
        pass_line_end(pick);
    }
}

/* Takes a column of the header. */
static bool take_column(struct csv_pick *pick, const char *name, const char *const *names)
{
    if (pick->column_count == CSV_PICK_COLUMNS_MAX) {
        return complain(pick, "the header has more than 256 columns");
    }
    uint16_t place = CSV_PICK_UNWANTED;
    for (size_t i = 0; i < pick->wanted_count; i++) {
        if (strcmp(name, names[i]) == 0) place = (uint16_t)i;
    }
    if (place != CSV_PICK_UNWANTED) {
        if (pick->present[place]) {
            snprintf(pick->text, sizeof(pick->text), "column '%s' stands twice in the header",
                     names[place]);
            return false;
        }
        pick->present[place] = true;
    }
    pick->wanted[pick->column_count++] = place;
    return true;
}

bool csv_pick_begin(struct csv_pick *pick, struct bytes text, const char *const *names,
                    size_t count, size_t required)
{
    ENSURE(count <= CSV_PICK_WANTED_MAX);
    *pick = (struct csv_pick){.wanted_count = count, .line = 1, .next_line = 1};
    if (text.size == 0) return complain(pick, "the file is empty; it should begin with a header");
    pick->at = (const char *)text.data;
    pick->end = pick->at + text.size;
    if (text.size >= 3 && memcmp(pick->at, "\xef\xbb\xbf", 3) == 0) pick->at += 3;
    pass_empty_lines(pick);
    pick->line = pick->next_line;

    char name[CSV_PICK_FIELD_MAX + 1];
    enum field_end end;
    do {
        end = read_field(pick, name);
        if (end == FIELD_BAD || !take_column(pick, name, names)) return false;
    } while (end == FIELD_COMMA);
    for (size_t i = 0; i < required; i++) {
        if (pick->present[i]) continue;
        snprintf(pick->text, sizeof(pick->text), "the header has no column '%s'", names[i]);
        return false;
    }
    return true;
}

enum csv_pick_status csv_pick_next(struct csv_pick *pick)
{
    pass_empty_lines(pick);
    if (pick->at == pick->end) return CSV_PICK_END;
    pick->line = pick->next_line;
    for (size_t i = 0; i < pick->wanted_count; i++) {
        pick->fields[i][0] = '\0';
    }
    size_t column = 0;
    enum field_end end;
    do {
        if (column == pick->column_count) {
            complain(pick, "the line has more fields than the header");
            pass_bad_line(pick);
            return CSV_PICK_BAD;
        }
        const uint16_t place = pick->wanted[column++];
        end = read_field(pick, place == CSV_PICK_UNWANTED ? NULL : pick->fields[place]);
        if (end == FIELD_BAD) {
            pass_bad_line(pick);
            return CSV_PICK_BAD;
        }
    } while (end == FIELD_COMMA);
    if (column == pick->column_count) return CSV_PICK_ROW;
    complain(pick, "the line has fewer fields than the header");
    return CSV_PICK_BAD;
}
