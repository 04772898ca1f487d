#include "tests/sim/workload.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/pb.h"
#include "types/ensure.h"

#define ALONE_MESSAGES 40 /* Of one person, about. */
#define PERSONS_MIN    12 /* The family, and some others. */

/* Who there is. `weight`: of 1000 chances to say something; the second of a heavy load. */
static const struct cast {
    const struct sim_role *role;
    uint16_t province;
    uint16_t window;
    uint16_t weight;
    uint16_t heavy;
} cast[] = {
    {&role_operator, 0, 1, 60, 4},   {&role_loader, 0, 8, 20, 500},
    {&role_province, 31, 16, 80, 4}, {&role_province, 44, 16, 80, 4},
    {&role_province, 34, 8, 40, 4},  {&role_app, 0, 16, 200, 4},
    {&role_pushes, 0, 16, 120, 4},   {&role_clearing, 31, 2, 15, 1},
    {&role_clearing, 34, 2, 15, 1},  {&role_clearing, 0, 4, 40, 1},
    {&role_asker, 0, 8, 100, 2},     {&role_asker, 31, 4, 30, 1},
    {&role_outbox, 31, 1, 60, 2},    {&role_outbox, 51, 1, 60, 2},
    {&role_outbox, 0, 1, 20, 1},     {&role_loader, 0, 8, 20, 500},
    {&role_steward, 0, 8, 150, 4},
};
#define CLIENT_COUNT (sizeof cast / sizeof cast[0])
_Static_assert(CLIENT_COUNT <= TOWN_CLIENTS_MAX, "made[] has a place for each");

struct sim_workload {
    struct sim_town town;
    struct sim_client clients[CLIENT_COUNT];
    uint16_t weights[CLIENT_COUNT];
    struct prng prng;
    uint8_t draft[SIM_DRAFT_MAX];
};

uint32_t sim_workload_clients(void)
{
    return CLIENT_COUNT;
}

uint32_t sim_workload_persons(uint32_t messages)
{
    const uint32_t persons = messages / ALONE_MESSAGES;
    if (persons < PERSONS_MIN) return PERSONS_MIN;
    return persons > TOWN_PERSONS_MAX ? TOWN_PERSONS_MAX : persons;
}

const char *sim_workload_client(uint32_t number)
{
    return number < CLIENT_COUNT ? cast[number].role->name : "";
}

/* -- beginning and end ----------------------------------------------------------------------------
 */

static uint64_t mix(uint64_t seed, uint64_t more)
{
    struct prng prng = {seed + more * UINT64_C(0x2545f4914f6cdd1d)};
    return prng_u64(&prng);
}

struct sim_workload *sim_workload_new(struct sim_world *world, struct sim_history *history,
                                      const struct sim_load *load)
{
    struct sim_workload *workload = calloc(1, sizeof *workload);
    ENSURE(workload != NULL);
    workload->prng.state = mix(load->seed, 99);
    workload->town = (struct sim_town){
        .history = history,
        .world = world,
        .shards = load->shards,
        .manual_clock = load->manual_clock,
        .heavy = load->heavy,
        .left = load->messages,
        .persons = load->persons != 0 ? load->persons : sim_workload_persons(load->messages),
        .ids = 3 * ALONE_MESSAGES,
        .only = load->only,
        .said = load->said,
        .mute = {load->mute[0], load->mute[1]},
    };
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        workload->clients[i] = (struct sim_client){
            .world = world,
            .history = history,
            .town = &workload->town,
            .role = cast[i].role,
            .prng = {mix(load->seed, i)},
            .number = (uint16_t)i,
            .province = cast[i].province,
            .shard = i % load->shards,
            .window = cast[i].window,
        };
        sim_client_open(&workload->clients[i]);
        const bool absent = i != 0 && (load->absent >> i & 1) != 0;
        workload->weights[i] = absent ? 0 : load->heavy ? cast[i].heavy : cast[i].weight;
    }
    return workload;
}

void sim_workload_free(struct sim_workload *workload)
{
    if (workload == NULL) return;
    for (uint32_t i = 0; i < CLIENT_COUNT; i++)
        sim_client_done(&workload->clients[i]);
    free(workload);
}

void sim_workload_calm(struct sim_workload *workload)
{
    workload->town.calm = true;
    workload->town.left = 0;
}

const struct sim_town *sim_workload_town(const struct sim_workload *workload)
{
    return &workload->town;
}

const char *sim_workload_waiting(const struct sim_workload *workload)
{
    static char text[96];
    snprintf(text, sizeof text, "nobody");
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        const struct sim_client *client = &workload->clients[i];
        if (client->waiting_count == 0) continue;
        const struct sim_said *said =
            sim_history_at(workload->town.history, client->waiting[0].row);
        snprintf(text, sizeof text, "%s, type %04x, sent %u times", client->role->name, said->type,
                 said->attempts);
    }
    return text;
}

/* -- a turn ----------------------------------------------------------------------------------- */

static uint32_t records_of(const struct sim_draft *draft)
{
    struct bytes rest = {draft->pb.data, draft->pb.size};
    struct pb_field field;
    uint32_t count = 0;
    if (draft->type != MESSAGE_SETL_BATCH) return 1;
    while (pb_next(&rest, &field))
        count += field.number == 1;
    return count == 0 ? 1 : count;
}

/* The bytes of some earlier message of the same sender once more, as after a lost answer, or while
 * the first is still under way on another connection. */
static bool write_repeat(struct sim_client *client, struct sim_draft *draft)
{
    const uint32_t count = sim_history_count(client->history);
    if (count == 0) return false;
    const uint32_t back = sim_below(client, sim_chance(client, 600) && count > 20 ? 20 : count);
    const struct sim_said *said = sim_history_at(client->history, count - 1 - back);
    if (said->province != client->province || said->type == MESSAGE_OUTBOX_GET ||
        said->type == MESSAGE_CLOCK_SET || said->body.size == 0) {
        return false;
    }
    draft->type = said->type;
    if (said->body.size != 0) memcpy(draft->pb.data, said->body.data, said->body.size);
    draft->pb.size = said->body.size;
    return true;
}

static void speak(struct sim_workload *workload, struct sim_client *client)
{
    struct sim_town *town = &workload->town;
    struct sim_draft draft = {.pb = {workload->draft, 0, sizeof workload->draft}};
    const bool again = town->ready && client->number != 0 && sim_chance(client, 50);
    if (!(again && write_repeat(client, &draft)) && !client->role->next(client, &draft)) return;
    const uint32_t number = town->made[client->number]++;
    const uint32_t type = town_type_index(draft.type);
    const uint32_t records = records_of(&draft);
    town->left -= records < town->left ? records : town->left;
    if ((town->mute[type / 64] >> type % 64 & 1) != 0) return;
    if (town->only != NULL && !town_picked(town->only, client->number, number)) return;
    town_pick(town->said, client->number, number, true);
    town->types_sent[type]++;
    town->sent += records;
    sim_client_say(client, &draft);
    if (client->role == &role_asker && sim_chance(client, 2)) sim_client_babble(client);
}

bool sim_workload_turn(struct sim_workload *workload, bool idle)
{
    struct sim_town *town = &workload->town;
    bool busy = town->left != 0;
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        struct sim_client *client = &workload->clients[i];
        sim_client_turn(client, idle);
        const bool mine = town->ready || i == 0;
        if (town->left != 0 && mine && sim_client_may_send(client) &&
            (!town->ready || prng_chance(&workload->prng, workload->weights[i]))) {
            speak(workload, client);
        }
        busy = busy || client->waiting_count != 0;
    }
    return busy;
}
