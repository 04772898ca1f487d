#include "tests/sim/history.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "types/ensure.h"

#define PIECE_SIZE (256u << 10)

/* Memory that is only given back as a whole. */
struct piece {
    struct piece *next;
    size_t used;
    size_t size;
    uint8_t data[];
};

struct sim_history {
    struct sim_said *rows;
    uint32_t count;
    uint32_t room;
    uint64_t order;
    struct piece *pieces;
    char complaint[400];
};

struct sim_history *sim_history_new(void)
{
    struct sim_history *history = calloc(1, sizeof *history);
    ENSURE(history != NULL);
    return history;
}

void sim_history_free(struct sim_history *history)
{
    if (history == NULL) return;
    while (history->pieces != NULL) {
        struct piece *next = history->pieces->next;
        free(history->pieces);
        history->pieces = next;
    }
    free(history->rows);
    free(history);
}

static struct bytes keep(struct sim_history *history, struct bytes bytes)
{
    struct piece *piece = history->pieces;
    if (bytes.size == 0) return (struct bytes){0};
    if (piece == NULL || piece->size - piece->used < bytes.size) {
        const size_t size = bytes.size > PIECE_SIZE ? bytes.size : PIECE_SIZE;
        piece = malloc(sizeof *piece + size);
        ENSURE(piece != NULL);
        *piece = (struct piece){.next = history->pieces, .size = size};
        history->pieces = piece;
    }
    uint8_t *copy = piece->data + piece->used;
    if (bytes.size != 0) memcpy(copy, bytes.data, bytes.size);
    piece->used += bytes.size;
    return (struct bytes){copy, bytes.size};
}

uint32_t sim_history_ask(struct sim_history *history, const struct sim_said *row)
{
    if (history->count == history->room) {
        history->room = history->room == 0 ? 1024 : 2 * history->room;
        history->rows = realloc(history->rows, history->room * sizeof *history->rows);
        ENSURE(history->rows != NULL);
    }
    struct sim_said *said = &history->rows[history->count];
    *said = *row;
    said->sent = ++history->order;
    said->body = keep(history, row->body);
    return history->count++;
}

void sim_history_answer(struct sim_history *history, uint32_t number, uint16_t type,
                        struct bytes answer, int64_t now_ms)
{
    struct sim_said *said = sim_history_at(history, number);
    ENSURE(said->answered == 0);
    said->answered = ++history->order;
    said->answered_ms = now_ms;
    said->answer_type = type;
    said->answer = keep(history, answer);
}

uint32_t sim_history_count(const struct sim_history *history)
{
    return history->count;
}

struct sim_said *sim_history_at(struct sim_history *history, uint32_t number)
{
    ENSURE(number < history->count);
    return &history->rows[number];
}

void sim_complain(struct sim_history *history, const char *format, ...)
{
    va_list arguments;
    if (history->complaint[0] != '\0') return;
    va_start(arguments, format);
    vsnprintf(history->complaint, sizeof history->complaint, format, arguments);
    va_end(arguments);
}

const char *sim_complaint(const struct sim_history *history)
{
    return history->complaint[0] == '\0' ? NULL : history->complaint;
}
