/* recount_state -- cells, marks and tallies in tables that grow, copies of them, and a recount
 * without any. Must not know entries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/verify/list.h"
#include "tools/verify/recount_look.h"

/* -- cells ---------------------------------------------------------------------------------- */

static uint64_t pack(struct cell_key key)
{
    return (uint64_t)key.period << 32 | (uint64_t)key.payer << 24 | (uint64_t)key.payee << 16 |
           (uint64_t)key.line << 8 | key.insurance;
}

const char *cell_key_text(struct cell_key key)
{
    static _Thread_local char text[64];
    snprintf(text, sizeof text, "%u %02u->%02u line %u class %u", key.period,
             key.payer < PROVINCE_COUNT ? province_codes[key.payer] : 0,
             key.payee < PROVINCE_COUNT ? province_codes[key.payee] : 0, key.line, key.insurance);
    return text;
}

const struct recount_cell *recount_cell(const struct recount_state *state, struct cell_key key)
{
    uint64_t cursor = 0;
    uint64_t found;
    while ((found = idset_find(&state->cell_index, idset_mix(pack(key)), &cursor)) != 0) {
        const struct recount_cell *cell = &state->cells[found - 1];
        if (pack(cell->cell.key) == pack(key)) return cell;
    }
    return NULL;
}

struct recount_cell *recount_cell_for(struct recount_state *state, struct cell_key key)
{
    struct recount_cell *cell = (struct recount_cell *)recount_cell(state, key);
    if (cell != NULL) return cell;
    if (!list_grow32((void **)&state->cells, state->cell_count, &state->cells_room,
                     sizeof *state->cells) ||
        !idset_add(&state->cell_index, idset_mix(pack(key)), state->cell_count + 1)) {
        return NULL;
    }
    cell = &state->cells[state->cell_count++];
    memset(cell, 0, sizeof *cell);
    cell->cell.key = key;
    return cell;
}

/* -- marks ---------------------------------------------------------------------------------- */

const struct mark *recount_mark(const struct recount_state *state, uint64_t seq)
{
    uint64_t cursor = 0;
    uint64_t found;
    while ((found = idset_find(&state->mark_index, idset_mix(seq), &cursor)) != 0) {
        if (state->marks[found - 1].seq == seq) return &state->marks[found - 1];
    }
    return NULL;
}

struct mark *recount_mark_for(struct recount_state *state, uint64_t seq)
{
    struct mark *mark = (struct mark *)recount_mark(state, seq);
    if (mark != NULL) return mark;
    if (!list_grow32((void **)&state->marks, state->mark_count, &state->marks_room,
                     sizeof *state->marks) ||
        !idset_add(&state->mark_index, idset_mix(seq), state->mark_count + 1)) {
        return NULL;
    }
    mark = &state->marks[state->mark_count++];
    *mark = (struct mark){.seq = seq};
    return mark;
}

/* -- states --------------------------------------------------------------------------------- */

void recount_state_done(struct recount_state *state)
{
    free(state->cells);
    free(state->marks);
    idset_done(&state->cell_index);
    idset_done(&state->mark_index);
    tallies_done(&state->tallies);
    memset(state, 0, sizeof *state);
}

bool recount_copy(const struct recount_state *state, struct recount_state *ret_copy)
{
    struct recount_state *copy = ret_copy;
    memset(copy, 0, sizeof *copy);
    if (!idset_init(&copy->cell_index) || !idset_init(&copy->mark_index) ||
        !tallies_copy(&state->tallies, &copy->tallies)) {
        return false;
    }
    for (uint32_t i = 0; i < state->cell_count; i++) {
        struct recount_cell *cell = recount_cell_for(copy, state->cells[i].cell.key);
        if (cell == NULL) return false;
        *cell = state->cells[i];
    }
    for (uint32_t i = 0; i < state->mark_count; i++) {
        struct mark *mark = recount_mark_for(copy, state->marks[i].seq);
        if (mark == NULL) return false;
        *mark = state->marks[i];
    }
    return true;
}

bool recount_init(struct recount *recount, struct chain *chain, uint32_t shards)
{
    memset(recount, 0, sizeof *recount);
    recount->chain = chain;
    recount->shards = shards;
    return idset_init(&recount->ids) && idset_init(&recount->transfers) &&
           idset_init(&recount->state.cell_index) && idset_init(&recount->state.mark_index) &&
           tallies_init(&recount->state.tallies) && arena_init(&recount->arena) &&
           arena_init(&recount->other);
}

void recount_done(struct recount *recount)
{
    recount_state_done(&recount->state);
    idset_done(&recount->ids);
    idset_done(&recount->transfers);
    arena_done(&recount->arena);
    arena_done(&recount->other);
    free(recount->places);
    recount->places = NULL;
    free(recount->cycles);
    recount->cycles = NULL;
}
