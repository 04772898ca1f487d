#include "tests/sim/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BIT(fault) (UINT32_C(1) << (fault))

/* Groups stand first and do not overlap, so that what is printed is short. */
static const struct {
    const char *name;
    uint32_t faults;
} names[] = {
    {"all", SIM_FAULTS_ALL},
    {"none", 0},
    {"crash", BIT(SIM_POWER) | BIT(SIM_KILL) | BIT(SIM_INSIDE) | BIT(SIM_TORN)},
    {"disk", BIT(SIM_SLOW_DISK) | BIT(SIM_SHORT_WRITE) | BIT(SIM_SHORT_READ) | BIT(SIM_READ_ERROR) |
                 BIT(SIM_WRITE_ERROR) | BIT(SIM_SYNC_ERROR) | BIT(SIM_FULL)},
    {"rot", BIT(SIM_FLIP) | BIT(SIM_ASTRAY)},
    {"net", BIT(SIM_CUT) | BIT(SIM_STALL) | BIT(SIM_SPLIT)},
    {"clock", BIT(SIM_FORWARD) | BIT(SIM_BACK) | BIT(SIM_STAND)},
    {"power", BIT(SIM_POWER)},
    {"kill", BIT(SIM_KILL)},
    {"inside", BIT(SIM_INSIDE)},
    {"torn", BIT(SIM_TORN)},
    {"cut", BIT(SIM_CUT)},
    {"stall", BIT(SIM_STALL)},
    {"split", BIT(SIM_SPLIT)},
    {"slow-disk", BIT(SIM_SLOW_DISK)},
    {"short-write", BIT(SIM_SHORT_WRITE)},
    {"short-read", BIT(SIM_SHORT_READ)},
    {"read-error", BIT(SIM_READ_ERROR)},
    {"write-error", BIT(SIM_WRITE_ERROR)},
    {"sync-error", BIT(SIM_SYNC_ERROR)},
    {"full", BIT(SIM_FULL)},
    {"flip", BIT(SIM_FLIP)},
    {"astray", BIT(SIM_ASTRAY)},
    {"forward", BIT(SIM_FORWARD)},
    {"back", BIT(SIM_BACK)},
    {"stand", BIT(SIM_STAND)},
};
#define NAME_COUNT (sizeof names / sizeof names[0])

void plan_print_fault_names(FILE *out)
{
    for (size_t i = 0; i < NAME_COUNT; i++)
        fprintf(out, "%s%s", i == 0 ? "" : ",", names[i].name);
}

bool plan_read_faults(const char *text, uint32_t *ret_faults)
{
    *ret_faults = 0;
    while (*text != '\0') {
        const size_t size = strcspn(text, ",");
        size_t i = 0;
        while (i < NAME_COUNT &&
               (strlen(names[i].name) != size || memcmp(names[i].name, text, size) != 0)) {
            i++;
        }
        if (i == NAME_COUNT) return false;
        *ret_faults |= names[i].faults;
        text += size + (text[size] == ',');
    }
    return true;
}

static void print_faults(uint32_t faults, FILE *out)
{
    uint32_t left = faults;
    if (faults == 0) fprintf(out, "none");
    for (size_t i = 0; i < NAME_COUNT && left != 0; i++) {
        if (names[i].faults == 0 || (names[i].faults & ~left) != 0) continue;
        fprintf(out, "%s%s", left == faults ? "" : ",", names[i].name);
        left &= ~names[i].faults;
    }
}

bool plan_read_mute(const char *text, uint64_t ret_mute[TOWN_TYPES_WORDS])
{
    while (*text != '\0') {
        char *end;
        const unsigned long type = strtoul(text, &end, 16);
        const uint32_t index = type <= UINT16_MAX ? town_type_index((uint16_t)type) : TOWN_TYPES;
        if (end == text || town_type(index) == 0 || (*end != ',' && *end != '\0')) return false;
        ret_mute[index / 64] |= UINT64_C(1) << index % 64;
        text = *end == ',' ? end + 1 : end;
    }
    return true;
}

/* A number below `limit`; moves the text behind it. */
static bool read_number(const char **text, uint32_t limit, uint32_t *ret_number)
{
    char *end;
    if (**text < '0' || **text > '9') return false;
    const unsigned long number = strtoul(*text, &end, 10);
    *text = end;
    *ret_number = (uint32_t)number;
    return number < limit;
}

bool plan_read_only(const char *text, struct town_picks *ret_only)
{
    while (*text != '\0') {
        uint32_t client, first, last;
        if (!read_number(&text, TOWN_CLIENTS_MAX, &client) || *text++ != ':') return false;
        if (!read_number(&text, TOWN_PICKS_ROW, &first)) return false;
        last = first;
        if (*text == '-') {
            text++;
            if (!read_number(&text, TOWN_PICKS_ROW, &last)) return false;
        }
        for (uint32_t number = first; number <= last; number++)
            town_pick(ret_only, client, number, true);
        if (*text == ',') {
            text++;
        } else if (*text != '\0') {
            return false;
        }
    }
    return true;
}

static void print_only(const struct town_picks *only, FILE *out)
{
    const char *between = "";
    for (uint32_t client = 0; client < TOWN_CLIENTS_MAX; client++) {
        for (uint32_t first = 0; first < TOWN_PICKS_ROW; first++) {
            uint32_t end = first;
            while (town_picked(only, client, end))
                end++;
            if (end == first) continue;
            fprintf(out, "%s%u:%u", between, client, first);
            if (end - first > 1) fprintf(out, "-%u", end - 1);
            between = ",";
            first = end;
        }
    }
}

void plan_print(const struct sim_plan *plan, FILE *out)
{
    const char *between = " --mute ";
    fprintf(out, "qingfen-sim --seed %" PRIu64 " --histories 1 --messages %u --faults ", plan->seed,
            plan->messages);
    print_faults(plan->faults, out);
    if (plan->luck != 0) fprintf(out, " --luck %u", plan->luck);
    if (plan->calm_after != 0) fprintf(out, " --calm-after %" PRIu64, plan->calm_after);
    if (plan->events_max != 0) fprintf(out, " --events-max %" PRIu64, plan->events_max);
    if (plan->shards != 0) fprintf(out, " --shards %u", plan->shards);
    if (plan->persons != 0) fprintf(out, " --persons %u", plan->persons);
    if (plan->absent != 0) fprintf(out, " --absent 0x%x", plan->absent);
    if (plan->heavy) fprintf(out, " --heavy");
    for (uint32_t i = 0; town_type(i) != 0; i++) {
        if ((plan->mute[i / 64] >> i % 64 & 1) == 0) continue;
        fprintf(out, "%s%04x", between, town_type(i));
        between = ",";
    }
    if (plan->only != NULL) {
        fprintf(out, " --only ");
        print_only(plan->only, out);
    }
    fprintf(out, "\n");
}
