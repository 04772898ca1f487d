/* load_settlements -- provinces of treatment and the centre's loader: settlements singly and in
 * batches, refunds, reversals, adjustments, corrections before and after what they cancel. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/town.h"

#define BATCH_MAX       48 /* Records of a batch, under a heavy load, */
#define BATCH_MAX_LIGHT 5  /* and else. */

/* -- records -------------------------------------------------------------------------------- */

/* The sums that make the identities hold. */
static void add_up(int64_t *a)
{
    int64_t fund = 0;
    for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++)
        fund += a[i];
    a[AMOUNT_FUND_SUM] = fund;
    a[AMOUNT_PSN_PART] = a[AMOUNT_ACCT] + a[AMOUNT_WLT] + a[AMOUNT_CASH];
    a[AMOUNT_MEDFEE] = fund + a[AMOUNT_PSN_PART] + a[AMOUNT_HOSP_PART];
}

static uint32_t place_of(struct sim_client *client)
{
    return client->province != 0     ? client->province * 10000u
           : sim_chance(client, 500) ? 310000
                                     : 440300;
}

/* Mostly a day of this month or the one before. */
static int64_t some_time(struct sim_client *client)
{
    const int64_t now = town_now(client->town);
    const uint32_t kind = sim_below(client, 1000);
    if (kind < 3) return now + MS_PER_DAY * (int64_t)(20 + sim_below(client, 20));
    if (kind < 5) return (int64_t)sim_below(client, 2);
    if (kind < 30) return now - MS_PER_DAY * (int64_t)sim_below(client, 120);
    return now - (int64_t)sim_below(client, 35 * 24) * 60 * MS_PER_MINUTE - 60 * MS_PER_MINUTE;
}

/* An honest area gives no two persons the same; those of the family it does, to be sure. */
static void put_setl_id(struct sim_client *client, struct town_record *record)
{
    const uint32_t number = sim_below(client, client->town->ids);
    if (record->person < TOWN_FAMILY) {
        town_id(record->setl_id, 'S', number);
    } else {
        snprintf(record->setl_id, sizeof record->setl_id, "S%u-%u", record->person, number);
    }
}

static void make_settlement(struct sim_client *client, struct town_record *record)
{
    static const uint32_t med_types[] = {11, 11, 21, 2101, 41, 52};
    static const uint8_t parts[] = {AMOUNT_HIFP, AMOUNT_HIFP, AMOUNT_HIFMI, AMOUNT_ACCT,
                                    AMOUNT_CASH, AMOUNT_MAF,  AMOUNT_OTH,   AMOUNT_HOSP_PART};
    struct sim_town *town = client->town;
    *record = (struct town_record){.person = sim_below(client, town->persons)};
    town_id(record->msgid, 'M', sim_below(client, town->ids));
    put_setl_id(client, record);
    record->insu_admdvs = town_person_area(record->person);
    record->mdtrtarea_admvs = place_of(client);
    record->insutype = sim_chance(client, 600) ? 310 : 390;
    record->med_type = med_types[sim_below(client, 6)];
    record->setl_time = some_time(client);
    for (int i = 0; i < 3; i++)
        record->amounts[parts[sim_below(client, 8)]] = 1 + sim_below(client, 20000);
    if (record->person < TOWN_FAMILY && sim_chance(client, 50))
        record->amounts[AMOUNT_WLT] = 1 + sim_below(client, 3000);
    if (sim_chance(client, 60)) record->amounts[AMOUNT_CASH] = 1 + sim_below(client, 6000000);
    add_up(record->amounts);
    if (sim_chance(client, 300))
        record->amounts[AMOUNT_FULAMT_OWNPAY] =
            sim_below(client, 1 + (uint32_t)record->amounts[AMOUNT_PSN_PART]);
    if (sim_chance(client, 15)) record->amounts[sim_below(client, AMOUNT_COUNT)] += 1;
    if (sim_chance(client, 4)) record->insutype = 999;
    if (sim_chance(client, 4)) record->mdtrtarea_admvs = 710000;
    if (sim_chance(client, 4)) record->msgid[0] = '\0';
}

static const struct town_record *known(struct sim_client *client)
{
    struct sim_town *town = client->town;
    const uint32_t count = town->record_count < TOWN_RECORDS ? town->record_count : TOWN_RECORDS;
    return count == 0 ? NULL : &town->records[sim_below(client, count)];
}

static void make_refund(struct sim_client *client, struct town_record *record)
{
    const struct town_record *original = known(client);
    if (original == NULL || original->refund) {
        make_settlement(client, record);
        return;
    }
    const uint32_t how = sim_below(client, 4);
    *record = *original;
    record->refund = true;
    memcpy(record->orig_id, original->setl_id, sizeof record->orig_id);
    town_id(record->msgid, 'M', sim_below(client, client->town->ids));
    put_setl_id(client, record);
    record->setl_time = some_time(client);
    for (int i = AMOUNT_FUND_FIRST; i < AMOUNT_REFUNDABLE_COUNT; i++) {
        const int64_t whole = original->amounts[i];
        record->amounts[i] = how < 2 ? -whole : how == 2 ? -(whole / 2) : -(whole / 3);
    }
    record->amounts[AMOUNT_MULAID] = 0;
    record->amounts[AMOUNT_FULAMT_OWNPAY] = how < 2 ? -original->amounts[AMOUNT_FULAMT_OWNPAY] : 0;
    add_up(record->amounts);
}

/* Sent before, as it was or with one thing changed; else a new one. */
static void make_record(struct sim_client *client, struct town_record *record)
{
    const uint32_t kind = sim_below(client, 1000);
    const struct town_record *earlier = known(client);
    if (kind < 120 && earlier != NULL) {
        *record = *earlier;
        if (kind >= 30) return;
        if (kind < 10)
            record->amounts[AMOUNT_CASH]++, add_up(record->amounts);
        else if (kind < 20)
            town_id(record->msgid, 'M', sim_below(client, client->town->ids));
        else
            record->person = sim_below(client, client->town->persons);
    } else if (kind < 250) {
        make_refund(client, record);
    } else {
        make_settlement(client, record);
    }
}

static void keep(struct sim_town *town, const struct town_record *record)
{
    town->records[town->record_count++ % TOWN_RECORDS] = *record;
}

static void write_amounts(struct pb *pb, const int64_t *amounts)
{
    static const uint8_t fields[AMOUNT_COUNT] = {
#define X(symbol, name, field) field,
        SETTLEMENT_AMOUNTS(X)
#undef X
    };
    for (int i = 0; i < AMOUNT_COUNT; i++)
        pb_fen(pb, fields[i], amounts[i]);
}

static void write_record(struct pb *pb, const struct town_record *record)
{
    pb_text(pb, 1, record->msgid);
    pb_text(pb, 2, record->setl_id);
    pb_bytes(pb, 4, town_key(record->person));
    pb_put(pb, 6, record->insu_admdvs);
    pb_put(pb, 7, record->mdtrtarea_admvs);
    pb_put(pb, 8, record->insutype);
    pb_put(pb, 9, record->med_type);
    pb_put(pb, 11, (uint64_t)record->setl_time);
    write_amounts(pb, record->amounts);
    pb_put(pb, 28, record->refund);
    pb_text(pb, 29, record->orig_id);
}

/* -- other messages ---------------------------------------------------------------------------- */

static void write_reversal(struct sim_client *client, struct sim_draft *draft)
{
    char id[TOWN_ID_SIZE];
    const struct town_record *original = known(client);
    draft->type = MESSAGE_SETL_REVERSE;
    town_id(id, 'M', sim_below(client, client->town->ids));
    pb_text(&draft->pb, 1, id);
    town_id(id, 'S', sim_below(client, client->town->ids));
    pb_text(&draft->pb, 2, id);
    if (original == NULL) return;
    pb_text(&draft->pb, 3, original->setl_id);
    pb_bytes(&draft->pb, 4, town_key(original->person));
    pb_put(&draft->pb, 6, original->insu_admdvs);
    pb_put(&draft->pb, 7, original->mdtrtarea_admvs);
    pb_put(&draft->pb, 11, sim_chance(client, 700) ? 0 : (uint64_t)some_time(client));
    pb_put(&draft->pb, 28, 1);
    pb_text(&draft->pb, 29, "\xe9\x80\x80\xe8\xb4\xb9");
}

static void write_adjustment(struct sim_client *client, struct sim_draft *draft)
{
    char id[TOWN_ID_SIZE];
    const struct town_record *original = known(client);
    draft->type = MESSAGE_SETL_ADJUST;
    town_id(id, 'M', sim_below(client, client->town->ids));
    pb_text(&draft->pb, 1, id);
    town_id(id, 'A', sim_below(client, client->town->ids / 4 + 1));
    pb_text(&draft->pb, 2, id);
    if (original == NULL) return;
    const bool by_payer = client->province == original->insu_admdvs / 10000;
    pb_text(&draft->pb, 3, original->setl_id);
    pb_bytes(&draft->pb, 4, town_key(original->person));
    pb_put(&draft->pb, 6, original->insu_admdvs);
    pb_put(&draft->pb, 7, original->mdtrtarea_admvs);
    pb_fen(&draft->pb, 14, (int64_t)sim_below(client, 200) - 100);
    pb_fen(&draft->pb, 16, (int64_t)sim_below(client, 20) - 10);
    pb_put(&draft->pb, 30, by_payer ? original->mdtrtarea_admvs : original->insu_admdvs);
    pb_text(&draft->pb, 31, "OK1");
}

/* Some refund, as far as one is soon found: its original must be whole again without it. */
static const struct town_record *known_refund(struct sim_client *client)
{
    const struct town_record *record = known(client);
    for (int i = 0; i < 8 && record != NULL && !record->refund; i++)
        record = known(client);
    return record;
}

static void write_correction(struct sim_client *client, struct sim_draft *draft)
{
    char id[TOWN_ID_SIZE];
    const uint32_t kind = sim_below(client, 10);
    const struct town_record *earlier = kind < 3   ? known_refund(client)
                                        : kind < 7 ? known(client)
                                                   : NULL;
    draft->type = MESSAGE_CORRECTION;
    town_id(id, 'C', sim_below(client, client->town->ids));
    pb_text(&draft->pb, 1, id);
    town_id(id, 'M', sim_below(client, client->town->ids));
    pb_text(&draft->pb, 2, earlier != NULL ? earlier->msgid : id);
    pb_text(&draft->pb, 3, "2207");
    pb_bytes(
        &draft->pb, 4,
        town_key(earlier != NULL ? earlier->person : sim_below(client, client->town->persons)));
    if (client->province == 0) {
        pb_put(&draft->pb, 46, earlier != NULL ? earlier->mdtrtarea_admvs : place_of(client));
    }
}

/* -- roles ----------------------------------------------------------------------------------- */

static bool next_single(struct sim_client *client, struct sim_draft *draft)
{
    struct town_record record;
    const uint32_t kind = sim_below(client, 100);
    if (kind < 70) {
        make_record(client, &record);
        keep(client->town, &record);
        draft->type = MESSAGE_SETL_POST;
        write_record(&draft->pb, &record);
    } else if (kind < 80) {
        write_reversal(client, draft);
    } else if (kind < 88) {
        write_adjustment(client, draft);
    } else {
        write_correction(client, draft);
    }
    return true;
}

static bool next_batch(struct sim_client *client, struct sim_draft *draft)
{
    static uint8_t body[2048];
    uint32_t count = 1 + sim_below(client, client->town->heavy ? BATCH_MAX : BATCH_MAX_LIGHT);
    int64_t sum = 0;
    if (sim_chance(client, 30)) return next_single(client, draft);
    draft->type = MESSAGE_SETL_BATCH;
    for (uint32_t i = 0; i < count; i++) {
        struct pb record_pb = {body, 0, sizeof body};
        struct town_record record;
        make_record(client, &record);
        keep(client->town, &record);
        write_record(&record_pb, &record);
        pb_bytes(&draft->pb, 1, (struct bytes){body, record_pb.size});
        sum += record.amounts[AMOUNT_MEDFEE];
    }
    if (sim_chance(client, 300)) pb_put(&draft->pb, 5, sim_chance(client, 30) ? count + 1 : count);
    if (sim_chance(client, 300)) pb_fen(&draft->pb, 6, sum);
    return true;
}

const struct sim_role role_province = {"province", next_single, NULL};
const struct sim_role role_loader = {"loader", next_batch, NULL};
