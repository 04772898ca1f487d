/* load_questions -- who only asks: persons through the platform, provinces about their cells, the
 * centre about everything. Questions change nothing; now and then one is senseless. */
#include "tests/sim/town.h"

static uint32_t some_month(struct sim_client *client)
{
    const uint32_t month = civil_month(town_now(client->town));
    return sim_chance(client, 600) ? town_month_before(month) : month;
}

/* The page behind one that was read; false when there is none. */
static bool ask_on(struct sim_client *client, struct sim_draft *draft)
{
    const struct sim_town *town = client->town;
    const uint32_t count = town->page_count < TOWN_PAGES ? town->page_count : TOWN_PAGES;
    if (count == 0) return false;
    const struct town_page *page = &town->pages[sim_below(client, count)];
    if (page->province != client->province) return false;
    struct bytes rest = {page->body, page->body_size};
    struct pb_field field;
    const uint8_t *begin = rest.data;
    draft->type = page->type;
    for (; pb_next(&rest, &field); begin = rest.data) {
        if (field.number == 5) continue;
        memcpy(draft->pb.data + draft->pb.size, begin, (size_t)(rest.data - begin));
        draft->pb.size += (size_t)(rest.data - begin);
    }
    pb_bytes(&draft->pb, 5, (struct bytes){page->token, page->token_size});
    if (sim_chance(client, 20)) draft->pb.data[draft->pb.size - 1] ^= 1; /* Nobody gave that one. */
    return true;
}

static void keep_page(struct sim_town *town, const struct sim_said *said)
{
    const struct bytes token = pb_get_bytes(said->answer, 4);
    struct town_page *page = &town->pages[town->page_count % TOWN_PAGES];
    if (token.size == 0 || token.size > sizeof page->token || said->body.size > TOWN_PAGE_BODY)
        return;
    *page = (struct town_page){
        .type = said->type,
        .province = said->province,
        .body_size = (uint32_t)said->body.size,
        .token_size = (uint32_t)token.size,
    };
    memcpy(page->body, said->body.data, said->body.size);
    memcpy(page->token, token.data, token.size);
    town->page_count++;
}

static const char *some_kind(struct sim_client *client)
{
    static const char *const kinds[] = {"",        "",      "",         "transfer", "payment",
                                        "premium", "usage", "relation", "wallet"};
    return kinds[sim_below(client, 9)];
}

/* All there is, some days or months, now and then more than may be asked for. */
static void put_range(struct sim_client *client, struct pb *pb)
{
    const int64_t now = town_now(client->town);
    const uint32_t kind = sim_below(client, 10);
    if (kind < 5) return;
    const int64_t days = kind == 9 ? 300 + sim_below(client, 100) : 1 + sim_below(client, 90);
    const int64_t to = now - (int64_t)sim_below(client, 20) * MS_PER_DAY;
    pb_put(pb, 1, (uint64_t)(to - days * MS_PER_DAY));
    if (kind != 5) pb_put(pb, 2, (uint64_t)to);
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
        const struct town_thing *payment = town_some(client, &town->payments);
        if (payment != NULL && payment->period != 0 && sim_chance(client, 300)) {
            char id[TOWN_ID_SIZE];
            town_id(id, 'S', payment->period);
            pb_put(&draft->pb, 1, town_person_area(payment->person));
            pb_text(&draft->pb, 2, id);
            pb_bytes(&draft->pb, 4, town_key(payment->person));
            return;
        }
        if (known == 0) break;
        const struct town_record *record = &town->records[sim_below(client, known)];
        if (!record->refund) record = &town->records[sim_below(client, known)];
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
        if (sim_chance(client, 400) && ask_on(client, draft)) return;
        put_range(client, &draft->pb);
        if (draft->type == MESSAGE_WLT_RECORDS) pb_text(&draft->pb, 3, some_kind(client));
        pb_put(&draft->pb, 6, 1 + sim_below(client, sim_chance(client, 700) ? 6 : 50));
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

/* A month that was cut, as far as anybody was told: one in which somebody was treated, or the
 * latest; or some month. */
static uint32_t batch_month(struct sim_client *client)
{
    const struct sim_town *town = client->town;
    const uint32_t known = town->record_count < TOWN_RECORDS ? town->record_count : TOWN_RECORDS;
    const uint32_t treated =
        known == 0 ? 0 : civil_month(town->records[sim_below(client, known)].setl_time);
    if (town->cut_through == 0 || sim_chance(client, 100)) return some_month(client);
    return treated != 0 && treated <= town->cut_through ? treated : town->cut_through;
}

static uint32_t some_province(struct sim_client *client)
{
    return town_areas[sim_below(client, TOWN_AREAS)] / 10000;
}

/* A small page, not the first one; `field`: the offset's, the limit's stands behind it. */
static void put_page(struct sim_client *client, struct pb *pb, uint32_t field)
{
    pb_put(pb, field, sim_below(client, 4));
    pb_put(pb, field + 1, 1 + sim_below(client, 4));
}

static void ask_cycle(struct sim_client *client, struct sim_draft *draft)
{
    static const struct {
        uint16_t type;
        uint16_t offset; /* Its field, 0: it has no pages that are asked for. */
    } kinds[] = {
        {MESSAGE_BATCH_GET, 0},      {MESSAGE_NOTICE_LIST, 6},     {MESSAGE_DISPUTE_LIST, 4},
        {MESSAGE_PREFUND_LIST, 3},   {MESSAGE_CALENDAR_GET, 0},    {MESSAGE_AREA_REPORT, 4},
        {MESSAGE_CELL_LIST, 0},      {MESSAGE_DIFFERENCE_LIST, 6}, {MESSAGE_SETTING_LIST, 0},
        {MESSAGE_EXCEPTION_LIST, 4}, {MESSAGE_BOOK_GET, 0},
    };
    const uint32_t count = sizeof kinds / sizeof kinds[0];
    const uint32_t month = some_month(client);
    const uint32_t kind = sim_below(client, 3 * count);
    const uint32_t offset = kind < count ? kinds[kind].offset : 0;
    draft->type = kinds[kind % count].type;
    switch (draft->type) {
    case MESSAGE_BATCH_GET:
        pb_put(&draft->pb, 1, batch_month(client));
        pb_put(&draft->pb, 5, sim_below(client, 100));
        break;
    case MESSAGE_CALENDAR_GET:
    case MESSAGE_CELL_LIST:
        pb_put(&draft->pb, 1, month);
        break;
    case MESSAGE_AREA_REPORT:
        pb_put(&draft->pb, 1, batch_month(client));
        pb_put(&draft->pb, 2, client->province != 0 ? client->province : some_province(client));
        pb_put(&draft->pb, 3, sim_below(client, 2));
        break;
    case MESSAGE_SETTING_LIST:
        break;
    default:
        if (client->province != 0) pb_put(&draft->pb, 1, client->province);
        break;
    }
    if (offset != 0) put_page(client, &draft->pb, offset);
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
    if ((said->type == MESSAGE_WLT_RECORDS || said->type == MESSAGE_SETL_RECORDS) &&
        said->answer_type != MESSAGE_ERROR) {
        keep_page(client->town, said);
    }
    if (said->type != MESSAGE_BOOK_GET || said->answer_type == MESSAGE_ERROR) return;
    const struct bytes broken = pb_get_bytes(said->answer, 4);
    if (broken.size == 0) return;
    sim_complain(client->history, "BookGet says that the cycle's state is broken: %.*s",
                 (int)broken.size, (const char *)broken.data);
}

const struct sim_role role_asker = {"questions", next_question, hear_question};
