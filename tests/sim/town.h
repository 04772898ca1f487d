/* town -- what all clients of a simulated centre know together, and the roles they play.
 *
 * A small place on purpose: few persons, few provinces, few numbers to choose from, so that the
 * same things are meant again and again. What somebody was told (ids of transfers, payments,
 * notices) is remembered here, and used by others as it would be among offices that talk to each
 * other. */
#ifndef TESTS_SIM_TOWN_H
#define TESTS_SIM_TOWN_H

#include "tests/sim/client.h"
#include "types/civil.h"
#include "types/settlement.h"

#define TOWN_PERSONS_MAX 4096
#define TOWN_FAMILY      10 /* The first persons have wallets. */
#define TOWN_THINGS      32 /* Remembered of a kind. */
#define TOWN_RECORDS     512
#define TOWN_ID_SIZE     40
#define TOWN_AREAS       6
#define TOWN_TYPES       96 /* Numbers of message types, a little more than there are. */
#define TOWN_TYPES_WORDS 2
#define TOWN_DEST_PLACES 100
#define TOWN_PAGES       8
#define TOWN_PAGE_BODY   192
#define TOWN_PREMIUM     3000 /* Fen, of a year. */
#define TOWN_CLIENTS_MAX 32
#define MS_PER_MINUTE    INT64_C(60000)

/* Something the centre gave a name to. */
struct town_thing {
    char id[TOWN_ID_SIZE];
    uint32_t person; /* Whose, */
    uint32_t other;  /* and the other one's, where there is one. */
    uint32_t payer;  /* Two digits, or an area. */
    uint32_t payee;
    uint32_t period; /* Of a reservation: its bill's number; of a payment: its settlement's. */
    int64_t amount;
};

/* A list that goes on behind its page: the question, and where. */
struct town_page {
    uint16_t type;
    uint16_t province; /* Who was given it. */
    uint32_t body_size;
    uint32_t token_size;
    uint8_t body[TOWN_PAGE_BODY];
    uint8_t token[TOWN_ID_SIZE * 2];
};

struct town_things {
    struct town_thing list[TOWN_THINGS];
    uint32_t count; /* Ever; the list is a ring. */
};

/* Some of the messages of a history: the n-th that a client makes, kept back or sent. */
#define TOWN_PICKS_ROW 4096 /* Later ones cannot be picked. */
struct town_picks {
    uint64_t bits[TOWN_CLIENTS_MAX][TOWN_PICKS_ROW / 64];
};

/* A settlement or refund as it was sent. */
struct town_record {
    char msgid[TOWN_ID_SIZE];
    char setl_id[TOWN_ID_SIZE];
    char orig_id[TOWN_ID_SIZE];
    uint32_t person;
    uint32_t insu_admdvs;
    uint32_t mdtrtarea_admvs;
    uint32_t insutype;
    uint32_t med_type;
    bool refund;
    int64_t setl_time;
    int64_t amounts[AMOUNT_COUNT];
};

struct sim_town {
    struct sim_history *history;
    struct sim_world *world;
    uint32_t shards;
    bool manual_clock;
    int64_t clock_ms;     /* Of a manual clock, as far as anybody was told. */
    uint32_t cut_through; /* yyyymm, the same. */
    uint32_t left;        /* Messages still to be made by all together. */
    uint32_t persons;
    uint32_t ids;                    /* Numbers to choose from, for each person. */
    bool heavy;                      /* Large batches. */
    bool ready;                      /* The operator has said what must be said beforehand. */
    bool calm;                       /* Nothing new any more. */
    const struct town_picks *only;   /* The messages that are sent; NULL: all of them. */
    uint64_t mute[TOWN_TYPES_WORDS]; /* Bits: types that are never sent, by town_type_index(). */
    uint32_t made[TOWN_CLIENTS_MAX]; /* Messages so far, by client, kept back or not. */
    struct town_picks *said;         /* Those that were sent; borrowed. */
    struct town_record records[TOWN_RECORDS];
    uint32_t record_count;
    struct town_things wallets;
    struct town_things relations;
    struct town_things holding;
    struct town_things pending;
    struct town_things payments;
    struct town_things reserves;
    struct town_things premiums; /* Orders that are due. */
    struct town_things premium_payments;
    struct town_things disputes;
    struct town_things notices;
    struct town_things reports; /* Payments reported: id is the bank reference, in `period` the
                                 * notice's place. */
    struct town_things confirms;
    struct town_things asks;            /* Premiums the centre asks for. */
    struct town_page pages[TOWN_PAGES]; /* Where somebody may read on; a ring. */
    uint32_t page_count;
    uint64_t outbox_last[TOWN_DEST_PLACES];  /* Positions read, by destination, */
    uint64_t outbox_acked[TOWN_DEST_PLACES]; /* and acknowledged. */
    uint64_t types_sent[TOWN_TYPES];
    uint64_t sent; /* Messages; each record of a batch is one. */
    uint64_t refused;
    uint64_t accepted;
};

extern const uint32_t town_areas[TOWN_AREAS];

static inline bool town_picked(const struct town_picks *picks, uint32_t client, uint32_t number)
{
    return number < TOWN_PICKS_ROW && (picks->bits[client][number / 64] >> number % 64 & 1) != 0;
}

static inline void town_pick(struct town_picks *picks, uint32_t client, uint32_t number, bool yes)
{
    if (number >= TOWN_PICKS_ROW) return;
    const uint64_t bit = UINT64_C(1) << number % 64;
    uint64_t *word = &picks->bits[client][number / 64];
    *word = yes ? *word | bit : *word & ~bit;
}

/* 0-based place of a message type in types_sent; the last place for an unknown one. */
uint32_t town_type_index(uint16_t type);

/* The type at a place; 0 behind the last. */
uint16_t town_type(uint32_t index);

/* A person's key, static memory of 16 bytes; the area the person is insured in. */
struct bytes town_key(uint32_t person);
uint32_t town_person_area(uint32_t person);

/* Who that is; TOWN_PERSONS_MAX for a stranger. */
uint32_t town_who(const struct sim_town *town, struct bytes key);

/* A year whose premium may be paid now, mostly. */
uint32_t town_premium_year(struct sim_client *client);

/* What the engine's clock shows, as far as a client can know. */
int64_t town_now(const struct sim_town *town);

/* yyyymm before that one. */
uint32_t town_month_before(uint32_t month);

void town_remember(struct town_things *things, const struct town_thing *thing);

/* One at random, of the latest; NULL when there is none yet. */
const struct town_thing *town_some(struct sim_client *client, const struct town_things *things);

/* A number of the few there are: a letter, and below `limit`. */
void town_id(char out[TOWN_ID_SIZE], char letter, uint32_t number);

/* What an answer taught. Also counts, and asks the client's role. */
void town_hears(struct sim_town *town, struct sim_client *client, const struct sim_said *said);

/* The roles. */
extern const struct sim_role role_province; /* Settlements, refunds, corrections, batches. */
extern const struct sim_role role_loader;   /* The same in batches, as the centre's loader. */
extern const struct sim_role role_app;      /* Wallets, transfers, premiums. */
extern const struct sim_role role_pushes;   /* What provinces say of their persons and places. */
extern const struct sim_role role_operator; /* Clock, cuts, batches, rules, reports. */
extern const struct sim_role role_steward;  /* Takes months through the cycle to their payments. */
extern const struct sim_role role_clearing; /* Orders of the cycle by provinces. */
extern const struct sim_role role_asker;    /* Questions of persons and provinces. */
extern const struct sim_role role_outbox;   /* Reads what waits for a destination. */

#endif
