/* load_outbox -- readers of outboxes: read on from a position, do what it says, acknowledge. Each
 * holds the outbox to its promise: dense, in order, and a message that is read again is the same.
 */
#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/town.h"

enum outbox_message {
    OUT_PA_HOLD = 0x0231,
    OUT_PREM_ASK = 0x0306,
};

/* memory[]: position read up to, sum of the message at it, position acknowledged, asked for. */
enum {
    READ,
    LAST_SUM,
    ACKED,
    LAST_KNOWN,
};

static uint64_t sum_of(struct bytes message)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < message.size; i++)
        sum = (sum ^ message.data[i]) * UINT64_C(0x100000001b3);
    return sum;
}

static void put_msgid(struct sim_client *client, struct pb *pb)
{
    char id[TOWN_ID_SIZE];
    snprintf(id, sizeof id, "Y%u-%u", client->number, client->town->made[client->number]);
    pb_text(pb, 1, id);
}

static bool next_of_outbox(struct sim_client *client, struct sim_draft *draft)
{
    struct sim_town *town = client->town;
    struct town_things *holds = &town->holding;
    const uint32_t kind = sim_below(client, 100);
    if (kind < 30 && town->asks.count > client->memory[LAST_KNOWN]) {
        const struct town_thing *ask = &town->asks.list[client->memory[LAST_KNOWN]++ % TOWN_THINGS];
        draft->type = MESSAGE_PREM_DUE;
        put_msgid(client, &draft->pb);
        pb_text(&draft->pb, 3, ask->id);
        pb_bytes(&draft->pb, 4, town_key(ask->person));
        pb_put(&draft->pb, 6, town_person_area(ask->person));
        pb_put(&draft->pb, 8, 390);
        pb_fen(&draft->pb, 21, TOWN_PREMIUM);
        pb_put(&draft->pb, 26, ask->period);
    } else if (kind < 60 && holds->count != 0) {
        const struct town_thing *hold = town_some(client, holds);
        const bool refused = sim_chance(client, 100);
        draft->type = MESSAGE_PA_HOLD_ACK;
        put_msgid(client, &draft->pb);
        pb_text(&draft->pb, 2, hold->id);
        pb_fen(&draft->pb, 21, refused ? 0 : hold->amount);
        pb_fen(&draft->pb, 22, 100);
        pb_put(&draft->pb, 23, refused ? 3015 : 0);
    } else if (kind < 80 && client->memory[READ] > client->memory[ACKED]) {
        const uint64_t ahead = client->memory[READ] - client->memory[ACKED];
        draft->type = MESSAGE_OUTBOX_ACK;
        put_msgid(client, &draft->pb);
        pb_put(&draft->pb, 2, client->province);
        pb_put(&draft->pb, 3, client->memory[ACKED] + 1 + sim_below(client, (uint32_t)ahead));
    } else {
        /* One position again, now and then: what is read twice must be the same. */
        const bool again = client->memory[READ] > client->memory[ACKED];
        draft->type = MESSAGE_OUTBOX_GET;
        pb_put(&draft->pb, 1, client->province);
        pb_put(&draft->pb, 2, client->memory[READ] - again);
        pb_put(&draft->pb, 3, 2 + sim_below(client, 30));
    }
    return true;
}

/* What the reader is told to do. */
static void act(struct sim_client *client, struct bytes message)
{
    struct sim_town *town = client->town;
    struct town_thing thing = {
        .person = town_who(town, pb_get_bytes(message, 8)),
        .amount = pb_get_fen(message, 9),
        .period = (uint32_t)pb_get(message, 14),
    };
    const uint16_t type = (uint16_t)pb_get(message, 2);
    const struct bytes id = pb_get_bytes(message, type == OUT_PA_HOLD ? 5 : 3);
    if (id.size >= TOWN_ID_SIZE) return;
    if (id.size != 0) memcpy(thing.id, id.data, id.size);
    if (type == OUT_PREM_ASK) town_remember(&town->asks, &thing);
}

static void hear_outbox(struct sim_client *client, const struct sim_said *said)
{
    struct bytes rest = said->answer;
    struct pb_field field;
    if (said->answer_type == MESSAGE_ERROR || pb_get(said->answer, 1) != 0) return;
    if (said->type == MESSAGE_OUTBOX_ACK) {
        const uint64_t upto = pb_get(said->body, 3);
        if (upto > client->memory[ACKED]) client->memory[ACKED] = upto;
        return;
    }
    if (said->type != MESSAGE_OUTBOX_GET) return;
    const uint64_t after = pb_get(said->body, 2);
    uint64_t expected = after + 1;
    if (after == 0 && pb_get(said->answer, 3) != 0) expected = pb_get(said->answer, 3) + 1;
    while (pb_next(&rest, &field)) {
        if (field.number != 5) continue;
        const uint64_t position = pb_get(field.bytes, 1);
        if (position != expected) {
            sim_complain(client->history,
                         "outbox %u gave position %" PRIu64 " where %" PRIu64 " comes next",
                         client->province, position, expected);
            return;
        }
        expected++;
        if (position == client->memory[READ] && client->memory[LAST_SUM] != sum_of(field.bytes)) {
            sim_complain(client->history,
                         "outbox %u has another message at position %" PRIu64 " than it had before",
                         client->province, position);
        }
        if (position <= client->memory[READ]) continue;
        client->memory[READ] = position;
        client->memory[LAST_SUM] = sum_of(field.bytes);
        act(client, field.bytes);
    }
    if (pb_get(said->answer, 4) < client->memory[READ]) {
        sim_complain(client->history,
                     "outbox %u ends at %" PRIu64 ", and %" PRIu64 " was read from it before",
                     client->province, pb_get(said->answer, 4), client->memory[READ]);
    }
}

const struct sim_role role_outbox = {"outbox", next_of_outbox, hear_outbox};
