/* load_questions -- who only asks: persons through the platform, provinces about their cells, the
 * centre about everything. Questions change nothing; now and then one is senseless. */
#include "tests/sim/town.h"

static uint32_t some_month(struct sim_client *client)
{
    const uint32_t month = civil_month(town_now(client->town));
    return sim_chance(client, 600) ? town_month_before(month) : month;
}

static void ask_person(struct sim_client *client, struct sim_draft *draft)
{
    static const uint16_t types[] = {MESSAGE_STMT_GET,  MESSAGE_YEAR_SUM_GET, MESSAGE_WLT_QUERY,
                                     MESSAGE_WLT_QUERY, MESSAGE_WLT_RECORDS,  MESSAGE_SETL_RECORDS};
    const struct sim_town *town = client->town;
    const uint32_t known = town->record_count < TOWN_RECORDS ? town->record_count : TOWN_RECORDS;
    draft->type = types[sim_below(client, 6)];
    switch (draft->type) {
    case MESSAGE_STMT_GET: {
        if (known == 0) break;
        const struct town_record *record = &town->records[sim_below(client, known)];
        pb_put(&draft->pb, 1, record->insu_admdvs);
        pb_text(&draft->pb, 2, record->setl_id);
        pb_bytes(&draft->pb, 4, town_key(record->person));
        return;
    }
    case MESSAGE_YEAR_SUM_GET:
        pb_put(&draft->pb, 1, 2025 + sim_below(client, 2));
        break;
    case MESSAGE_WLT_RECORDS:
    case MESSAGE_SETL_RECORDS:
        pb_put(&draft->pb, 6, 1 + sim_below(client, 50));
        break;
    default:
        break;
    }
    /* Mostly of those who have wallets. */
    const uint32_t among = sim_chance(client, 700) ? TOWN_FAMILY : town->persons;
    pb_bytes(&draft->pb, 4, town_key(sim_below(client, among)));
}

static void ask_place(struct sim_client *client, struct sim_draft *draft)
{
    const bool region = sim_chance(client, 500);
    draft->type = region ? MESSAGE_REGION_QUERY : MESSAGE_INST_QUERY;
    if (region) {
        pb_put(&draft->pb, 1, town_areas[sim_below(client, TOWN_AREAS)]);
    } else {
        pb_text(&draft->pb, 5, sim_chance(client, 500) ? "H34010000001" : "H31000000001");
    }
}

static void ask_cycle(struct sim_client *client, struct sim_draft *draft)
{
    static const uint16_t types[] = {
        MESSAGE_BATCH_GET,    MESSAGE_NOTICE_LIST,    MESSAGE_DISPUTE_LIST, MESSAGE_PREFUND_LIST,
        MESSAGE_CALENDAR_GET, MESSAGE_AREA_REPORT,    MESSAGE_CELL_LIST,    MESSAGE_DIFFERENCE_LIST,
        MESSAGE_SETTING_LIST, MESSAGE_EXCEPTION_LIST, MESSAGE_BOOK_GET,
    };
    const uint32_t month = some_month(client);
    draft->type = types[sim_below(client, sizeof types / sizeof types[0])];
    switch (draft->type) {
    case MESSAGE_BATCH_GET:
        pb_put(&draft->pb, 1, month);
        pb_put(&draft->pb, 5, sim_below(client, 100));
        return;
    case MESSAGE_CALENDAR_GET:
    case MESSAGE_CELL_LIST:
        pb_put(&draft->pb, 1, month);
        return;
    case MESSAGE_AREA_REPORT:
        pb_put(&draft->pb, 1, month);
        pb_put(&draft->pb, 2, 34);
        pb_put(&draft->pb, 3, sim_below(client, 2));
        return;
    case MESSAGE_BOOK_GET:
        if (client->province != 0) pb_put(&draft->pb, 1, client->province);
        return;
    case MESSAGE_SETTING_LIST:
        return;
    default:
        if (client->province != 0) pb_put(&draft->pb, 1, client->province);
        return;
    }
}

static void ask_centre(struct sim_client *client, struct sim_draft *draft)
{
    static const uint16_t types[] = {MESSAGE_PERIOD_LIST, MESSAGE_NET_REPORT,
                                     MESSAGE_POSITION_REPORT, MESSAGE_STATUS_GET,
                                     MESSAGE_SETTLEMENT_GET};
    static const char *const modes[] = {"", "gross", "bilateral", "multilateral"};
    const struct sim_town *town = client->town;
    const uint32_t known = town->record_count < TOWN_RECORDS ? town->record_count : TOWN_RECORDS;
    draft->type = types[sim_below(client, 5)];
    if (draft->type == MESSAGE_SETTLEMENT_GET && known != 0) {
        const struct town_record *record = &town->records[sim_below(client, known)];
        pb_put(&draft->pb, 1, record->insu_admdvs);
        pb_text(&draft->pb, 2, record->setl_id);
    } else if (draft->type == MESSAGE_NET_REPORT || draft->type == MESSAGE_POSITION_REPORT) {
        pb_put(&draft->pb, 1, some_month(client));
        if (draft->type == MESSAGE_NET_REPORT) pb_text(&draft->pb, 2, modes[sim_below(client, 4)]);
    }
}

/* A message that nobody knows, or a body that is none. */
static void ask_nonsense(struct sim_client *client, struct sim_draft *draft)
{
    draft->type = sim_chance(client, 300) ? 0x7777 : town_type(1 + sim_below(client, 70));
    for (uint32_t i = 0; i < 8; i++)
        draft->pb.data[draft->pb.size++] = (uint8_t)sim_below(client, 256);
}

static bool next_question(struct sim_client *client, struct sim_draft *draft)
{
    const uint32_t kind = sim_below(client, 100);
    if (kind < 4)
        ask_nonsense(client, draft);
    else if (kind < 45)
        ask_person(client, draft);
    else if (kind < 52)
        ask_place(client, draft);
    else if (kind < 75)
        ask_cycle(client, draft);
    else
        ask_centre(client, draft);
    return true;
}

/* The book says itself whether it is sound. */
static void hear_question(struct sim_client *client, const struct sim_said *said)
{
    if (said->type != MESSAGE_BOOK_GET || said->answer_type == MESSAGE_ERROR) return;
    const struct bytes broken = pb_get_bytes(said->answer, 4);
    if (broken.size == 0) return;
    sim_complain(client->history, "BookGet says that the cycle's state is broken: %.*s",
                 (int)broken.size, (const char *)broken.data);
}

const struct sim_role role_asker = {"questions", next_question, hear_question};
