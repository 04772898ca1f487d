#include "tests/sim/reader.h"

#include <stdlib.h>

#include "types/ensure.h"

#define PATIENCE_US  UINT64_C(60000000)
#define RECORDS_READ 40

/* One client with one question at a time. */
struct reader {
    struct sim_client client;
    struct sim_town town; /* Its own; what it learns is thrown away. */
    struct sim_history *history;
    uint8_t body[256];
    struct sim_draft draft;
    struct finding *finding;
};

static bool nothing(struct sim_client *client, struct sim_draft *draft)
{
    (void)client, (void)draft;
    return false;
}

static const struct sim_role role_reader = {"reader", nothing, NULL};

static void begin(struct reader *reader, uint16_t type)
{
    reader->draft = (struct sim_draft){type, {reader->body, 0, sizeof reader->body}};
}

/* Sends the draft and waits. */
static bool ask(struct reader *reader)
{
    struct sim_client *client = &reader->client;
    const uint64_t until_us = sim_now_us(client->world) + PATIENCE_US;
    bool idle = false, asked = false;
    while (!asked || client->waiting_count != 0) {
        sim_client_turn(client, idle);
        if (!asked && sim_client_may_send(client)) {
            sim_client_say(client, &reader->draft);
            asked = true;
        }
        if (client->waiting_count == 0 && asked) break;
        idle = !sim_turn(client->world);
        if (sim_now_us(client->world) > until_us) {
            return finding_set(reader->finding, "a question of type %04x is not answered",
                               reader->draft.type);
        }
    }
    return true;
}

static bool ask_plain(struct reader *reader, uint16_t type)
{
    begin(reader, type);
    return ask(reader);
}

static bool ask_month(struct reader *reader, uint16_t type, uint32_t month)
{
    begin(reader, type);
    pb_put(&reader->draft.pb, 1, month);
    if (type == MESSAGE_BATCH_GET) pb_put(&reader->draft.pb, 5, 200);
    return ask(reader);
}

static bool ask_month_all(struct reader *reader, uint32_t month)
{
    return ask_month(reader, MESSAGE_NET_REPORT, month) &&
           ask_month(reader, MESSAGE_POSITION_REPORT, month) &&
           ask_month(reader, MESSAGE_CELL_LIST, month) &&
           ask_month(reader, MESSAGE_BATCH_GET, month);
}

static bool ask_person(struct reader *reader, uint32_t person)
{
    static const uint16_t types[] = {MESSAGE_WLT_QUERY, MESSAGE_WLT_RECORDS, MESSAGE_SETL_RECORDS};
    for (int i = 0; i < 3; i++) {
        begin(reader, types[i]);
        pb_bytes(&reader->draft.pb, 4, town_key(person));
        if (!ask(reader)) return false;
    }
    return true;
}

static bool ask_record(struct reader *reader, const struct town_record *record)
{
    begin(reader, MESSAGE_SETTLEMENT_GET);
    pb_put(&reader->draft.pb, 1, record->insu_admdvs);
    pb_text(&reader->draft.pb, 2, record->setl_id);
    return ask(reader);
}

static bool ask_all(struct reader *reader, const struct sim_town *town)
{
    static const uint16_t plain[] = {MESSAGE_PERIOD_LIST,     MESSAGE_NOTICE_LIST,
                                     MESSAGE_DISPUTE_LIST,    MESSAGE_PREFUND_LIST,
                                     MESSAGE_DIFFERENCE_LIST, MESSAGE_EXCEPTION_LIST,
                                     MESSAGE_SETTING_LIST,    MESSAGE_BOOK_GET};
    const uint32_t known = town->record_count < TOWN_RECORDS ? town->record_count : TOWN_RECORDS;
    const bool stands = town->manual_clock; /* Else days end and transfers with them. */
    uint32_t month = civil_month(town_now(town));
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (!ask_plain(reader, plain[i])) return false;
    }
    for (int i = 0; i < 3; i++, month = town_month_before(month)) {
        if (!ask_month_all(reader, month)) return false;
    }
    for (uint32_t i = 0; stands && i < TOWN_FAMILY; i++) {
        if (!ask_person(reader, i)) return false;
    }
    for (uint32_t i = 0; i < known && i < RECORDS_READ; i++) {
        if (!ask_record(reader, &town->records[i])) return false;
    }
    return true;
}

struct sim_history *read_back(struct sim_world *world, const struct sim_town *town,
                              struct finding *finding)
{
    struct reader *reader = calloc(1, sizeof *reader);
    ENSURE(reader != NULL);
    struct sim_history *history = sim_history_new();
    reader->history = history;
    reader->finding = finding;
    reader->town.history = history;
    reader->town.world = world;
    reader->client = (struct sim_client){
        .world = world,
        .history = history,
        .town = &reader->town,
        .role = &role_reader,
        .window = 1,
    };
    sim_client_open(&reader->client);
    const bool good = ask_all(reader, town);
    if (reader->client.connection >= 0) sim_hang_up(world, reader->client.connection);
    sim_client_done(&reader->client);
    free(reader);
    if (good) return history;
    sim_history_free(history);
    return NULL;
}

bool readings_agree(struct sim_history *before, struct sim_history *now, const char *after,
                    struct finding *finding)
{
    const uint32_t count = sim_history_count(before);
    ENSURE(sim_history_count(now) == count);
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_said *a = sim_history_at(before, i);
        const struct sim_said *b = sim_history_at(now, i);
        if (a->answer_type == b->answer_type && bytes_equal(a->answer, b->answer)) continue;
        size_t at = 0;
        while (at < a->answer.size && at < b->answer.size && a->answer.data[at] == b->answer.data[at])
            at++;
        return finding_set(finding,
                           "after %s question %u, of type %04x, is answered otherwise: from byte "
                           "%zu on, of %zu and %zu",
                           after, i + 1, a->type, at, a->answer.size, b->answer.size);
    }
    return true;
}
