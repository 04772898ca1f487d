/* load_wallets -- the APP with its wallets, transfers, payments and premiums, and what provinces
 * push: grants, states, switches, filings, institutions. */
#include <stdio.h>

#include "tests/sim/town.h"

#define YUAN          100
#define RELATION_KIND 8

/* -- pieces --------------------------------------------------------------------------------- */

static uint32_t somebody(struct sim_client *client)
{
    return sim_below(client, TOWN_FAMILY);
}

/* A name for the message; now and then one that was used before. */
static void put_msgid(struct sim_client *client, struct pb *pb)
{
    char id[TOWN_ID_SIZE];
    const uint32_t number = client->town->made[client->number];
    snprintf(id, sizeof id, "W%u-%u", client->number,
             sim_chance(client, 30) && number != 0 ? sim_below(client, number) : number);
    pb_text(pb, 1, id);
}

static void put_number(struct sim_client *client, struct pb *pb, uint32_t field, char letter)
{
    char id[TOWN_ID_SIZE];
    town_id(id, letter, sim_below(client, 400));
    pb_text(pb, field, id);
}

static int64_t some_fen(struct sim_client *client)
{
    return sim_chance(client, 20) ? (int64_t)sim_below(client, 2)
                                  : 1 + (int64_t)sim_below(client, 1500 * YUAN);
}

static void hospital(char out[TOWN_ID_SIZE], uint32_t area)
{
    snprintf(out, TOWN_ID_SIZE, "H%06u00001", area);
}

static uint32_t some_place(struct sim_client *client)
{
    return town_areas[sim_below(client, TOWN_AREAS)];
}

/* -- the APP ---------------------------------------------------------------------------------- */

static void write_open(struct sim_client *client, struct sim_draft *draft, uint32_t who)
{
    struct pb *pb = &draft->pb;
    draft->type = MESSAGE_WLT_OPEN;
    put_msgid(client, pb);
    pb_bytes(pb, 4, town_key(who));
    pb_put(pb, 6, town_person_area(who));
    pb_put(pb, 7, town_person_area(who));
    pb_put(pb, 8, who % 5 == 4 ? 390 : 310);
    pb_put(pb, 9, 1);
}

static void write_bind(struct sim_client *client, struct sim_draft *draft)
{
    const uint32_t giver = somebody(client), receiver = somebody(client);
    draft->type = MESSAGE_RLTS_BIND;
    put_msgid(client, &draft->pb);
    pb_bytes(&draft->pb, 4, town_key(giver));
    pb_put(&draft->pb, 9, 1);
    pb_bytes(&draft->pb, 11, town_key(receiver));
    pb_put(&draft->pb, 12, giver % RELATION_KIND + 1);
    pb_put(&draft->pb, 15, 1);
    pb_put(&draft->pb, 16, !sim_chance(client, 10));
}

static bool write_unbind(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_thing *relation = town_some(client, &client->town->relations);
    if (relation == NULL) return false;
    draft->type = MESSAGE_RLTS_UNBIND;
    put_msgid(client, &draft->pb);
    pb_text(&draft->pb, 2, relation->id);
    pb_put(&draft->pb, 17, 1 + sim_below(client, 2));
    return true;
}

static bool write_submit(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_thing *relation = town_some(client, &client->town->relations);
    if (relation == NULL) return false;
    draft->type = MESSAGE_TRSF_SUBMIT;
    put_msgid(client, &draft->pb);
    put_number(client, &draft->pb, 3, 'C');
    pb_bytes(&draft->pb, 4, town_key(relation->person));
    pb_put(&draft->pb, 5, sim_chance(client, 700) ? 1 : 2);
    pb_put(&draft->pb, 9, 1);
    pb_bytes(&draft->pb, 11, town_key(relation->other));
    pb_fen(&draft->pb, 21, some_fen(client));
    return true;
}

static bool write_end(struct sim_client *client, struct sim_draft *draft, uint16_t type)
{
    const struct town_things *pending = &client->town->pending;
    const struct town_thing *transfer = town_some(client, pending);
    if (transfer == NULL) return false;
    /* Mostly the latest: the others have ended, and say so. */
    if (sim_chance(client, 600)) transfer = &pending->list[(pending->count - 1) % TOWN_THINGS];
    const uint32_t receiver =
        sim_chance(client, 20) ? somebody(client) : transfer->other % TOWN_PERSONS_MAX;
    draft->type = type;
    put_msgid(client, &draft->pb);
    pb_text(&draft->pb, 2, transfer->id);
    if (type == MESSAGE_TRSF_VOID) {
        put_number(client, &draft->pb, 3, 'D');
    } else {
        pb_bytes(&draft->pb, 11, town_key(receiver));
    }
    return true;
}

static void write_wallet_order(struct sim_client *client, struct sim_draft *draft, uint16_t type)
{
    const uint32_t who = somebody(client);
    draft->type = type;
    put_msgid(client, &draft->pb);
    put_number(client, &draft->pb, 3, 'N');
    pb_bytes(&draft->pb, 4, town_key(who));
    if (type == MESSAGE_WLT_USE_LOC_CHG) {
        pb_put(&draft->pb, 7, some_place(client));
    } else if (type == MESSAGE_WLT_CLOSE) {
        pb_put(&draft->pb, 13, 1);
    } else {
        pb_text(&draft->pb, 14, "order of a court");
    }
}

static void write_quote(struct sim_client *client, struct sim_draft *draft)
{
    const uint32_t who = somebody(client);
    draft->type = MESSAGE_PREM_QUOTE;
    put_msgid(client, &draft->pb);
    pb_bytes(&draft->pb, 4, town_key(who));
    pb_put(&draft->pb, 6, town_person_area(who));
    pb_put(&draft->pb, 8, 390);
    pb_put(&draft->pb, 26, town_premium_year(client));
}

static bool write_premium(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_thing *due = town_some(client, &client->town->premiums);
    if (due == NULL) return false;
    const bool own = sim_chance(client, 500);
    draft->type = MESSAGE_PREM_PAY;
    put_msgid(client, &draft->pb);
    pb_text(&draft->pb, 3, due->id);
    pb_bytes(&draft->pb, 4, town_key(own ? due->person : somebody(client)));
    pb_put(&draft->pb, 6, town_person_area(due->person));
    pb_put(&draft->pb, 8, 390);
    pb_bytes(&draft->pb, 11, town_key(due->person));
    pb_put(&draft->pb, 15, !sim_chance(client, 10));
    pb_fen(&draft->pb, 21, due->amount);
    pb_put(&draft->pb, 26, due->period);
    return true;
}

static bool write_reclaim(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_thing *relation = town_some(client, &client->town->relations);
    if (relation == NULL) return false;
    draft->type = MESSAGE_LMT_RECLAIM;
    put_msgid(client, &draft->pb);
    pb_text(&draft->pb, 2, relation->id);
    put_number(client, &draft->pb, 3, 'C');
    pb_bytes(&draft->pb, 4, town_key(relation->person));
    pb_fen(&draft->pb, 21, sim_chance(client, 500) ? 0 : some_fen(client));
    return true;
}

/* Everybody has to have a wallet and relatives before there is anything to tell. */
static bool next_of_app(struct sim_client *client, struct sim_draft *draft)
{
    if (client->place < TOWN_FAMILY) {
        write_open(client, draft, (uint32_t)client->place++);
        return true;
    }
    if (client->place < 3 * TOWN_FAMILY) {
        client->place++;
        write_bind(client, draft);
        return true;
    }
    const uint32_t kind = sim_below(client, 1000);
    if (kind < 330 && write_submit(client, draft)) return true;
    if (kind < 600 && write_end(client, draft, MESSAGE_TRSF_ACCEPT)) return true;
    if (kind < 640 && write_end(client, draft, MESSAGE_TRSF_DECLINE)) return true;
    if (kind < 670 && write_end(client, draft, MESSAGE_TRSF_VOID)) return true;
    if (kind < 740)
        write_quote(client, draft);
    else if (kind < 800 && write_premium(client, draft))
        return true;
    else if (kind < 830 && write_reclaim(client, draft))
        return true;
    else if (kind < 850 && write_unbind(client, draft))
        return true;
    else if (kind < 854)
        write_wallet_order(client, draft, MESSAGE_WLT_CLOSE);
    else if (kind < 862)
        write_wallet_order(client, draft, MESSAGE_WLT_FREEZE);
    else if (kind < 895)
        write_wallet_order(client, draft, MESSAGE_WLT_UNFREEZE);
    else if (kind < 920)
        write_wallet_order(client, draft, MESSAGE_WLT_USE_LOC_CHG);
    else if (kind < 960)
        write_open(client, draft, somebody(client));
    else
        write_bind(client, draft);
    return true;
}

/* -- provinces ----------------------------------------------------------------------------------
 */

/* For whom, where and for which bill money is wanted. */
struct want {
    uint32_t who;
    uint32_t place;
    char bill[TOWN_ID_SIZE];           /* medins_setl_id */
    char setl_id[TOWN_ID_SIZE];        /* Of what is paid. */
    const struct town_thing *reserved; /* NULL: nothing is said of a reservation. */
};

static bool is_known_area(uint32_t area)
{
    for (uint32_t i = 0; i < TOWN_AREAS; i++) {
        if (town_areas[i] == area) return true;
    }
    return false;
}

/* Mostly a bill of its own; else one that money is reserved for, or one of a settlement. */
static struct want some_want(struct sim_client *client, bool ahead)
{
    const struct sim_town *town = client->town;
    const uint32_t known = town->record_count < TOWN_RECORDS ? town->record_count : TOWN_RECORDS;
    const struct town_things *reserves = &town->reserves;
    const struct town_thing *reserve = town_some(client, reserves);
    if (reserve != NULL && sim_chance(client, 600)) /* Mostly the latest: the others lapsed. */
        reserve = &reserves->list[(reserves->count - 1) % TOWN_THINGS];
    struct want want = {.who = somebody(client), .place = some_place(client)};
    const struct town_thing *paid = town_some(client, &town->payments);
    if (paid != NULL && sim_chance(client, 500))
        want.who = paid->person % TOWN_FAMILY; /* Has some. */
    town_id(want.bill, 'I', sim_below(client, 400));
    town_id(want.setl_id, 'P', sim_below(client, 400));
    if (reserve != NULL && sim_chance(client, ahead ? 650 : 350)) {
        want.reserved = reserve;
        if (sim_chance(client, 150)) return want; /* Somebody else's. */
        want.who = reserve->person % TOWN_FAMILY;
        want.place = reserve->payee;
        town_id(want.bill, 'I', reserve->period);
    } else if (!ahead && known != 0 && sim_chance(client, 250)) {
        const struct town_record *record = &town->records[sim_below(client, known)];
        for (int i = 0; i < 4 && record->person >= TOWN_FAMILY; i++)
            record = &town->records[sim_below(client, known)];
        if (record->person >= TOWN_FAMILY || !is_known_area(record->mdtrtarea_admvs)) return want;
        want.who = record->person;
        want.place = record->mdtrtarea_admvs;
        memcpy(want.setl_id, record->setl_id, sizeof want.setl_id);
    }
    return want;
}

static void write_pay(struct sim_client *client, struct sim_draft *draft, bool ahead)
{
    char code[TOWN_ID_SIZE];
    const struct want want = some_want(client, ahead);
    draft->type = ahead ? MESSAGE_WLT_PAY_PRE : MESSAGE_WLT_PAY;
    hospital(code, want.place);
    put_msgid(client, &draft->pb);
    if (!ahead) pb_text(&draft->pb, 3, want.setl_id);
    pb_bytes(&draft->pb, 4, town_key(want.who));
    pb_text(&draft->pb, 5, code);
    pb_put(&draft->pb, 7, want.place);
    pb_text(&draft->pb, 8, want.bill);
    if (!ahead && want.reserved != NULL) pb_text(&draft->pb, 9, want.reserved->id);
    pb_fen(&draft->pb, 21, some_fen(client) / 20 + 1);
    pb_put(&draft->pb, 24, 1);
}

static bool write_pay_back(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_thing *payment = town_some(client, &client->town->payments);
    if (payment == NULL) return false;
    draft->type = MESSAGE_WLT_PAY_REVERSE;
    put_msgid(client, &draft->pb);
    pb_text(&draft->pb, 2, payment->id);
    pb_put(&draft->pb, 7, payment->payee);
    put_number(client, &draft->pb, 8, 'V');
    pb_fen(&draft->pb, 21, sim_chance(client, 400) ? 0 : some_fen(client) / 40);
    return true;
}

static bool write_premium_back(struct sim_client *client, struct sim_draft *draft)
{
    const struct town_thing *paid = town_some(client, &client->town->premium_payments);
    if (paid == NULL) return false;
    draft->type = MESSAGE_PREM_REVERSE;
    put_msgid(client, &draft->pb);
    pb_text(&draft->pb, 2, paid->id);
    put_number(client, &draft->pb, 3, 'V');
    pb_put(&draft->pb, 13, 1);
    pb_fen(&draft->pb, 21, sim_chance(client, 700) ? 0 : some_fen(client));
    pb_put(&draft->pb, 46, paid->payee);
    return true;
}

static void write_push(struct sim_client *client, struct sim_draft *draft, uint16_t type,
                       uint32_t who)
{
    struct pb *pb = &draft->pb;
    draft->type = type;
    put_msgid(client, pb);
    if (type == MESSAGE_FILING_PUSH) put_number(client, pb, 3, 'F');
    if (type == MESSAGE_PREM_DUE) put_number(client, pb, 3, 'O'); /* Without it nobody can pay. */
    pb_bytes(pb, 4, town_key(who));
    pb_put(pb, 6, town_person_area(who));
    switch (type) {
    case MESSAGE_PA_GRANT:
        pb_put(pb, 20, 1 + client->town->made[client->number]);
        pb_fen(pb, 21, 1000000 * YUAN + (int64_t)sim_below(client, 1000));
        return;
    case MESSAGE_PSN_STATE_PUSH:
        pb_put(pb, 8, who % 5 == 4 ? 390 : 310);
        pb_put(pb, 18, sim_chance(client, 800) ? 1 : 2 + sim_below(client, 2));
        pb_put(pb, 19, civil_day(town_now(client->town)));
        pb_put(pb, 20, 1 + client->town->made[client->number]);
        return;
    case MESSAGE_AUTH_SWITCH_PUSH:
        pb_put(pb, 15, sim_below(client, 2));
        pb_put(pb, 20, 1);
        pb_put(pb, 27, (uint64_t)town_now(client->town) + sim_below(client, 1000));
        return;
    case MESSAGE_FILING_PUSH:
        pb_put(pb, 7, some_place(client));
        pb_put(pb, 18, civil_day(town_now(client->town)));
        pb_put(pb, 24, 1);
        return;
    case MESSAGE_PREM_DUE:
        pb_put(pb, 8, 390);
        pb_fen(pb, 21, TOWN_PREMIUM);
        pb_put(pb, 26, town_premium_year(client));
        return;
    default:
        return;
    }
}

static void write_institution(struct sim_client *client, struct sim_draft *draft, uint32_t area,
                              uint32_t version)
{
    char code[TOWN_ID_SIZE];
    draft->type = MESSAGE_INST_DIR_PUSH;
    hospital(code, area);
    put_msgid(client, &draft->pb);
    pb_text(&draft->pb, 2, "\xe5\x8c\xbb\xe9\x99\xa2");
    pb_text(&draft->pb, 5, code);
    pb_put(&draft->pb, 7, area);
    pb_put(&draft->pb, 20, version);
    pb_put(&draft->pb, 28, 1);
}

static bool next_push(struct sim_client *client, struct sim_draft *draft)
{
    if (client->place < TOWN_AREAS) {
        write_institution(client, draft, town_areas[client->place++], 1);
        return true;
    }
    if (client->place < TOWN_FAMILY + TOWN_AREAS) {
        write_push(client, draft, MESSAGE_PA_GRANT, (uint32_t)client->place++ - TOWN_AREAS);
        return true;
    }
    const uint32_t kind = sim_below(client, 1000);
    if (kind < 370)
        write_pay(client, draft, false);
    else if (kind < 520)
        write_pay(client, draft, true);
    else if (kind < 660 && write_pay_back(client, draft))
        return true;
    else if (kind < 720 && write_premium_back(client, draft))
        return true;
    else if (kind < 800)
        write_push(client, draft, MESSAGE_PA_GRANT, somebody(client));
    else if (kind < 830)
        write_push(client, draft, MESSAGE_PSN_STATE_PUSH, somebody(client));
    else if (kind < 870)
        write_push(client, draft, MESSAGE_AUTH_SWITCH_PUSH, somebody(client));
    else if (kind < 910)
        write_push(client, draft, MESSAGE_FILING_PUSH, somebody(client));
    else if (kind < 970)
        write_push(client, draft, MESSAGE_PREM_DUE, somebody(client));
    else
        write_institution(client, draft, some_place(client), 1 + sim_below(client, 50));
    return true;
}

const struct sim_role role_app = {"app", next_of_app, NULL};
const struct sim_role role_pushes = {"provinces", next_push, NULL};
