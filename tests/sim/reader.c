#include "tests/sim/reader.h"

#include <stdlib.h>

#include "types/ensure.h"

#define PATIENCE_US  UINT64_C(60000000)
#define RECORDS_READ 40
#define WHOLE_MAX    (1u << 20) /* Of all pages of an answer. */

/* One client with one question at a time. */
struct reader {
    struct sim_client client;
    struct sim_town town;        /* Its own; what it learns is thrown away. */
    struct sim_history *history; /* As it was asked, page by page. */
    struct sim_history *reading; /* What is to be compared: one row a question. */
    uint8_t body[256];
    uint8_t whole[WHOLE_MAX];
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

/* Sends the draft and waits; the answer is the history's last then. */
static bool send(struct reader *reader)
{
    struct sim_client *client = &reader->client;
    const uint64_t until_us = sim_now_us(client->world) + PATIENCE_US;
    bool idle = false, asked = false;
    for (;;) {
        sim_client_turn(client, idle);
        if (!asked && sim_client_may_send(client)) {
            sim_client_say(client, &reader->draft);
            asked = true;
        }
        if (asked && client->waiting_count == 0) return true;
        idle = !sim_turn(client->world);
        if (sim_now_us(client->world) > until_us) {
            return finding_set(reader->finding, "a question of type %04x is not answered",
                               reader->draft.type);
        }
    }
}

static const struct sim_said *heard(const struct reader *reader)
{
    return sim_history_at(reader->history, sim_history_count(reader->history) - 1);
}

static void keep(struct reader *reader, struct bytes answer)
{
    const struct sim_said row = {.type = reader->draft.type};
    const uint32_t number = sim_history_ask(reader->reading, &row);
    sim_history_answer(reader->reading, number, heard(reader)->answer_type, answer, 0);
}

static bool ask(struct reader *reader)
{
    if (!send(reader)) return false;
    keep(reader, heard(reader)->answer);
    return true;
}

/* All pages as one: where one ends is the engine's to choose, and another one's after a restart. */
static bool ask_pages(struct reader *reader)
{
    const size_t size = reader->draft.pb.size;
    struct bytes token;
    size_t whole = 0;
    do {
        if (!send(reader)) return false;
        struct bytes rest = heard(reader)->answer;
        struct pb_field field;
        while (pb_next(&rest, &field)) {
            if (field.number != 3) continue;
            ENSURE(field.bytes.size <= WHOLE_MAX - whole);
            if (field.bytes.size != 0)
                memcpy(reader->whole + whole, field.bytes.data, field.bytes.size);
            whole += field.bytes.size;
        }
        token = pb_get_bytes(heard(reader)->answer, 4);
        reader->draft.pb.size = size;
        pb_bytes(&reader->draft.pb, 5, token);
    } while (token.size != 0);
    keep(reader, (struct bytes){reader->whole, whole});
    return true;
}

/* Two persons may carry the same id: in which order they are named is not said. */
static bool ask_set(struct reader *reader)
{
    uint64_t sum = 0;
    if (!send(reader)) return false;
    struct bytes rest = heard(reader)->answer;
    struct pb_field field;
    while (pb_next(&rest, &field)) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ field.value;
        for (size_t i = 0; i < field.bytes.size; i++)
            hash = (hash ^ field.bytes.data[i]) * UINT64_C(0x100000001b3);
        sum += hash;
    }
    keep(reader, (struct bytes){(const uint8_t *)&sum, sizeof sum});
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
        const bool paged = types[i] != MESSAGE_WLT_QUERY;
        pb_bytes(&reader->draft.pb, 4, town_key(person));
        if (!(paged ? ask_pages(reader) : ask(reader))) return false;
    }
    return true;
}

static bool ask_record(struct reader *reader, const struct town_record *record)
{
    begin(reader, MESSAGE_SETTLEMENT_GET);
    pb_put(&reader->draft.pb, 1, record->insu_admdvs);
    pb_text(&reader->draft.pb, 2, record->setl_id);
    return ask_set(reader);
}

static bool ask_all(struct reader *reader, const struct sim_town *town)
{
    static const uint16_t plain[] = {
        MESSAGE_PERIOD_LIST,     MESSAGE_NOTICE_LIST,    MESSAGE_DISPUTE_LIST, MESSAGE_PREFUND_LIST,
        MESSAGE_DIFFERENCE_LIST, MESSAGE_EXCEPTION_LIST, MESSAGE_SETTING_LIST, MESSAGE_BOOK_GET};
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
    reader->history = sim_history_new();
    reader->reading = sim_history_new();
    reader->finding = finding;
    reader->town.history = reader->history;
    reader->town.world = world;
    reader->client = (struct sim_client){
        .world = world,
        .history = reader->history,
        .town = &reader->town,
        .role = &role_reader,
        .window = 1,
    };
    sim_client_open(&reader->client);
    const bool good = ask_all(reader, town);
    if (reader->client.connection >= 0) sim_hang_up(world, reader->client.connection);
    sim_client_done(&reader->client);
    struct sim_history *reading = reader->reading;
    sim_history_free(reader->history);
    free(reader);
    if (good) return reading;
    sim_history_free(reading);
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
        while (at < a->answer.size && at < b->answer.size &&
               a->answer.data[at] == b->answer.data[at])
            at++;
        return finding_set(finding,
                           "after %s question %u, of type %04x, is answered otherwise: from byte "
                           "%zu on, of %zu and %zu",
                           after, i + 1, a->type, at, a->answer.size, b->answer.size);
    }
    return true;
}
