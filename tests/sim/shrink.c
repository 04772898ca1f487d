#include "tests/sim/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/workload.h"
#include "types/ensure.h"

struct shrinking {
    struct sim_shrunk *best;
    uint32_t tries_max;
};

/* Keeps the plan when it fails too. */
static bool still_fails(struct shrinking *s, const struct sim_plan *plan)
{
    struct sim_outcome outcome;
    if (s->best->tries >= s->tries_max) return false;
    s->best->tries++;
    sim_live(plan, &outcome);
    if (!outcome.failed) return false;
    s->best->plan = *plan;
    s->best->outcome = outcome;
    return true;
}

static void fewer_messages(struct shrinking *s)
{
    for (uint32_t step = s->best->plan.messages / 2; step != 0; step /= 2) {
        struct sim_plan plan = s->best->plan;
        while (plan.messages > step) {
            plan.messages -= step;
            if (!still_fails(s, &plan)) break;
        }
    }
}

static void fewer_faults(struct shrinking *s)
{
    for (uint32_t kind = 1; kind <= FAULTS_ALL; kind <<= 1) {
        struct sim_plan plan = s->best->plan;
        if ((plan.faults & kind) == 0) continue;
        plan.faults &= ~kind;
        (void)still_fails(s, &plan);
    }
    struct sim_plan plan = s->best->plan;
    plan.shards = 1;
    (void)still_fails(s, &plan);
}

static void fewer_clients(struct shrinking *s)
{
    for (uint32_t client = 1; client < sim_workload_clients(); client++) {
        struct sim_plan plan = s->best->plan;
        plan.absent |= 1u << client;
        if (plan.absent != s->best->plan.absent) (void)still_fails(s, &plan);
    }
}

/* Halves, quarters, … of each client's messages are left out, if it fails without them. */
static void single_messages(struct shrinking *s)
{
    const uint32_t row = s->best->outcome.numbered;
    const size_t size = ((size_t)row * TOWN_CLIENTS_MAX + 7) / 8;
    uint8_t *hushed = calloc(1, size + 1), *trial = calloc(1, size + 1);
    ENSURE(hushed != NULL && trial != NULL);
    for (uint32_t piece = row / 2; piece != 0 && row != 0; piece /= 2) {
        for (uint32_t client = 0; client < sim_workload_clients(); client++) {
            if ((s->best->plan.absent >> client & 1) != 0) continue;
            for (uint32_t from = 0; from < row; from += piece) {
                struct sim_plan plan = s->best->plan;
                memcpy(trial, hushed, size);
                for (uint32_t i = from; i < from + piece && i < row; i++) {
                    const uint32_t bit = client * row + i;
                    trial[bit / 8] |= (uint8_t)(1u << bit % 8);
                }
                if (memcmp(trial, hushed, size) == 0) continue;
                plan.hushed = trial;
                plan.hushed_row = row;
                if (still_fails(s, &plan)) memcpy(hushed, trial, size);
                if (s->best->tries >= s->tries_max) break;
            }
        }
    }
    if (s->best->plan.hushed != NULL)
        s->best->plan.hushed = hushed;
    else
        free(hushed);
    free(trial);
}

void sim_shrink(const struct sim_plan *plan, uint32_t tries_max, struct sim_shrunk *ret_shrunk)
{
    struct shrinking s = {ret_shrunk, tries_max};
    *ret_shrunk = (struct sim_shrunk){.plan = *plan};
    sim_live(plan, &ret_shrunk->outcome);
    fewer_faults(&s);
    fewer_messages(&s);
    fewer_clients(&s);
    fewer_messages(&s);
    single_messages(&s);
}
