#include "tests/sim/town.h"

#include <stdio.h>

#include "types/error.h"

const uint32_t town_areas[TOWN_AREAS] = {340100, 310000, 440300, 510100, 110100, 530100};

/* -- types ---------------------------------------------------------------------------------- */

static const uint16_t types[] = {
    MESSAGE_HELLO,           MESSAGE_SETL_POST,       MESSAGE_SETL_REVERSE,
    MESSAGE_SETL_ADJUST,     MESSAGE_SETL_BATCH,      MESSAGE_RECON_DAY,
    MESSAGE_RECON_LIST,      MESSAGE_CORRECTION,      MESSAGE_WLT_OPEN,
    MESSAGE_WLT_USE_LOC_CHG, MESSAGE_WLT_CLOSE,       MESSAGE_WLT_FREEZE,
    MESSAGE_WLT_UNFREEZE,    MESSAGE_RLTS_BIND,       MESSAGE_RLTS_UNBIND,
    MESSAGE_PSN_STATE_PUSH,  MESSAGE_TRSF_SUBMIT,     MESSAGE_TRSF_ACCEPT,
    MESSAGE_TRSF_DECLINE,    MESSAGE_TRSF_VOID,       MESSAGE_PA_HOLD_ACK,
    MESSAGE_PA_GRANT,        MESSAGE_WLT_PAY_PRE,     MESSAGE_WLT_PAY,
    MESSAGE_WLT_PAY_REVERSE, MESSAGE_LMT_RECLAIM,     MESSAGE_OUTBOX_GET,
    MESSAGE_OUTBOX_ACK,      MESSAGE_PREM_QUOTE,      MESSAGE_PREM_PAY,
    MESSAGE_PREM_REVERSE,    MESSAGE_PREM_DUE,        MESSAGE_PERIOD_CUT,
    MESSAGE_BATCH_STEP,      MESSAGE_CLR_CONFIRM,     MESSAGE_DISPUTE_OPEN,
    MESSAGE_BATCH_SIGN,      MESSAGE_PAY_REPORT,      MESSAGE_PREFUND_SET,
    MESSAGE_CLR_WITHDRAW,    MESSAGE_RECOVERY,        MESSAGE_DISPUTE_REPLY,
    MESSAGE_DISPUTE_RESOLVE, MESSAGE_RECEIPT_REPORT,  MESSAGE_NOTICE_REISSUE,
    MESSAGE_PREFUND_APPLY,   MESSAGE_PREFUND_DECIDE,  MESSAGE_PERIOD_LIST,
    MESSAGE_NET_REPORT,      MESSAGE_POSITION_REPORT, MESSAGE_YEAR_CLOSE,
    MESSAGE_SETTING_SET,     MESSAGE_BATCH_GET,       MESSAGE_NOTICE_LIST,
    MESSAGE_DISPUTE_LIST,    MESSAGE_PREFUND_LIST,    MESSAGE_DIFFERENCE_LIST,
    MESSAGE_CALENDAR_GET,    MESSAGE_AREA_REPORT,     MESSAGE_EXCEPTION_LIST,
    MESSAGE_CELL_LIST,       MESSAGE_SETTING_LIST,    MESSAGE_BOOK_GET,
    MESSAGE_STMT_GET,        MESSAGE_YEAR_SUM_GET,    MESSAGE_WLT_QUERY,
    MESSAGE_WLT_RECORDS,     MESSAGE_SETL_RECORDS,    MESSAGE_REGION_QUERY,
    MESSAGE_INST_QUERY,      MESSAGE_SETTLEMENT_GET,  MESSAGE_AUTH_SWITCH_PUSH,
    MESSAGE_FILING_PUSH,     MESSAGE_INST_DIR_PUSH,   MESSAGE_RULE_PUSH,
    MESSAGE_CLOCK_SET,       MESSAGE_STATUS_GET,
};

#define TYPE_COUNT (sizeof types / sizeof types[0])
_Static_assert(TYPE_COUNT < TOWN_TYPES, "the last place is for unknown types");

uint32_t town_type_index(uint16_t type)
{
    for (uint32_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i] == type) return i;
    }
    return TOWN_TYPES - 1;
}

uint16_t town_type(uint32_t index)
{
    return index < TYPE_COUNT ? types[index] : 0;
}

/* -- persons and places ------------------------------------------------------------------------ */

struct bytes town_key(uint32_t person)
{
    static uint8_t key[PSN_KEY_SIZE];
    uint64_t mixed = (uint64_t)(person + 1) * UINT64_C(0x9e3779b97f4a7c15);
    const uint32_t first = (uint32_t)(mixed >> 32);
    memcpy(key, &first, sizeof first);
    memset(key + 4, 0, sizeof key - 4);
    memcpy(key + 12, &person, sizeof person);
    return (struct bytes){key, sizeof key};
}

uint32_t town_person_area(uint32_t person)
{
    static const uint32_t homes[] = {340100, 110100, 440300, 530100, 340200, 310000, 510100};
    return homes[person % 7];
}

uint32_t town_who(const struct sim_town *town, struct bytes key)
{
    uint32_t person = TOWN_PERSONS_MAX;
    if (key.size == PSN_KEY_SIZE) memcpy(&person, key.data + 12, sizeof person);
    return person < town->persons ? person : TOWN_PERSONS_MAX;
}

int64_t town_now(const struct sim_town *town)
{
    return town->manual_clock ? town->clock_ms : sim_clock_ms(town->world);
}

uint32_t town_premium_year(struct sim_client *client)
{
    const uint32_t year = (uint32_t)civil_from_ms(town_now(client->town)).year;
    return sim_chance(client, 800) ? year + 1 : year;
}

uint32_t town_month_before(uint32_t month)
{
    return month % 100 == 1 ? month - 89 : month - 1;
}

/* -- what is remembered ------------------------------------------------------------------------ */

void town_remember(struct town_things *things, const struct town_thing *thing)
{
    things->list[things->count++ % TOWN_THINGS] = *thing;
}

const struct town_thing *town_some(struct sim_client *client, const struct town_things *things)
{
    if (things->count == 0) return NULL;
    return &things->list[sim_below(client,
                                   things->count < TOWN_THINGS ? things->count : TOWN_THINGS)];
}

void town_id(char out[TOWN_ID_SIZE], char letter, uint32_t number)
{
    snprintf(out, TOWN_ID_SIZE, "%c%u", letter, number);
}

/* -- what an answer teaches -----------------------------------------------------------------------
 */

static void set_id(struct town_thing *thing, struct bytes id)
{
    const size_t size = id.size < TOWN_ID_SIZE ? id.size : TOWN_ID_SIZE - 1;
    if (size != 0) memcpy(thing->id, id.data, size);
    thing->id[size] = '\0';
}

/* The number of an id of town_id(). */
static uint32_t number_of(struct bytes id)
{
    uint32_t number = 0;
    for (size_t i = 1; i < id.size; i++)
        number = number * 10 + (uint32_t)(id.data[i] - '0');
    return number;
}

/* An id of WalletReply, if it has that one. */
static void learn(struct town_things *things, const struct sim_said *said, uint32_t field,
                  struct town_thing about)
{
    const struct bytes id = pb_get_bytes(said->answer, field);
    if (id.size == 0) return;
    set_id(&about, id);
    town_remember(things, &about);
}

static void hear_wallet(struct sim_town *town, const struct sim_said *said)
{
    struct town_thing about = {
        .person = town_who(town, pb_get_bytes(said->body, 4)),
        .other = town_who(town, pb_get_bytes(said->body, 11)),
        .payee = (uint32_t)pb_get(said->body, 7),
        .amount = pb_get_fen(said->body, 21),
    };
    switch (said->type) {
    case MESSAGE_WLT_OPEN:
        learn(&town->wallets, said, 10, about);
        return;
    case MESSAGE_RLTS_BIND:
        learn(&town->relations, said, 11, about);
        return;
    case MESSAGE_TRSF_SUBMIT:
        if (bytes_equal(pb_get_bytes(said->answer, 9), bytes_of("HOLDING"))) {
            learn(&town->holding, said, 12, about);
        } else {
            learn(&town->pending, said, 12, about);
        }
        return;
    case MESSAGE_PA_HOLD_ACK:
        for (uint32_t i = 0; i < TOWN_THINGS && i < town->holding.count; i++) {
            const struct town_thing *held = &town->holding.list[i];
            if (bytes_equal(bytes_of(held->id), pb_get_bytes(said->body, 2)))
                town_remember(&town->pending, held);
        }
        return;
    case MESSAGE_WLT_PAY_PRE:
        about.period = number_of(pb_get_bytes(said->body, 8));
        learn(&town->reserves, said, 15, about);
        return;
    case MESSAGE_WLT_PAY: {
        const struct bytes setl_id = pb_get_bytes(said->body, 3);
        if (setl_id.size != 0 && setl_id.data[0] == 'S') about.period = number_of(setl_id);
        learn(&town->payments, said, 13, about);
        return;
    }
    case MESSAGE_PREM_QUOTE:
        about.amount = pb_get_fen(said->answer, 17);
        about.period = (uint32_t)pb_get(said->body, 26);
        if (about.amount > 0) learn(&town->premiums, said, 16, about);
        return;
    case MESSAGE_PREM_PAY:
        about.payee = (uint32_t)pb_get(said->body, 6);
        learn(&town->premium_payments, said, 13, about);
        return;
    default:
        return;
    }
}

static void hear_centre(struct sim_town *town, const struct sim_said *said)
{
    if (said->type == MESSAGE_CLOCK_SET) {
        const int64_t to = (int64_t)pb_get(said->body, 1);
        if (to > town->clock_ms) town->clock_ms = to;
    } else if (said->type == MESSAGE_PERIOD_CUT && pb_get(said->body, 3) == 0) {
        const uint32_t period = (uint32_t)pb_get(said->body, 1);
        if (period > town->cut_through) town->cut_through = period;
    } else if (said->type == MESSAGE_DISPUTE_OPEN) {
        struct town_thing about = {.payer = said->province};
        set_id(&about, pb_get_bytes(said->body, 3));
        town_remember(&town->disputes, &about);
    } else if (said->type == MESSAGE_CLR_CONFIRM) {
        struct town_thing about = {.payee = said->province,
                                   .period = (uint32_t)pb_get(said->body, 3)};
        set_id(&about, pb_get_bytes(said->body, 1));
        town_remember(&town->confirms, &about);
    } else if (said->type == MESSAGE_NOTICE_LIST) {
        struct bytes rest = said->answer;
        struct pb_field field;
        while (pb_next(&rest, &field)) {
            if (field.number != 4) continue;
            struct town_thing about = {
                .payer = (uint32_t)pb_get(field.bytes, 6),
                .payee = (uint32_t)pb_get(field.bytes, 7),
                .amount = pb_get_fen(field.bytes, 10) - pb_get_fen(field.bytes, 11),
            };
            set_id(&about, pb_get_bytes(field.bytes, 1));
            town_remember(&town->notices, &about);
        }
    }
}

/* Of a batch each record counts. */
static void count(struct sim_town *town, const struct sim_said *said)
{
    if (said->type == MESSAGE_SETL_BATCH && said->answer_type != MESSAGE_ERROR &&
        pb_get(said->answer, 1) == 0) {
        town->accepted += pb_get(said->answer, 3) + pb_get(said->answer, 4);
        town->refused += pb_get(said->answer, 5);
    } else if (pb_get(said->answer, 1) == 0) {
        town->accepted++;
    } else {
        town->refused++;
    }
}

void town_hears(struct sim_town *town, struct sim_client *client, const struct sim_said *said)
{
    count(town, said);
    if (said->answer_type != MESSAGE_ERROR && pb_get(said->answer, 1) == ERROR_LEDGER)
        sim_complain(town->history, "the centre says that its ledger does not tie");
    if (said->answer_type != MESSAGE_ERROR && pb_get(said->answer, 1) == 0) {
        hear_wallet(town, said);
        hear_centre(town, said);
    }
    if (client->role->heard != NULL) client->role->heard(client, said);
}
