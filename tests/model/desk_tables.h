/* desk_tables -- what the desk's model (desk_model.h) shows to those who ask: who pays whom in
 * every mode, how far deposits are used, what of a batch falls on each area, and what is due when.
 * Changes nothing. */
#ifndef TESTS_MODEL_DESK_TABLES_H
#define TESTS_MODEL_DESK_TABLES_H

#include "tests/model/desk_model.h"

/* -- desk_tables.c ------------------------------------------------------------------------------
 */

typedef struct desk_total desk_pairs[PROVINCE_COUNT][PROVINCE_COUNT];

struct desk_payment {
    uint8_t payer; /* Index, or PROVINCE_ACCOUNT. */
    uint8_t payee;
    uint64_t count; /* Records behind it. */
    int64_t amount;
};

struct desk_payments {
    struct desk_payment list[PROVINCE_COUNT * PROVINCE_COUNT];
    uint32_t count;
    int64_t total; /* Of what provinces pay. */
};

/* As enum netting_mode numbers them. */
enum desk_mode {
    DESK_GROSS = 0,
    DESK_BILATERAL = 1,
    DESK_MULTILATERAL = 2,
    DESK_DIRECT = 3
};

/* What each province gets from all others, less what it owes them. */
void desk_net(desk_pairs totals, int64_t ret_net[PROVINCE_COUNT]);

/* The largest debtor pays the largest creditor, of equal ones the lower province. */
void desk_match(const int64_t net[PROVINCE_COUNT],
                int64_t ret_pays[PROVINCE_COUNT][PROVINCE_COUNT]);

void desk_pay_out(desk_pairs totals, enum desk_mode mode, struct desk_payments *ret_payments);

/* Totals of the version of a batch that is shown: the latest published; before that, the present
 * one. */
void desk_shown(const struct desk_model *model, const struct desk_batch *batch, desk_pairs totals);

enum desk_alert {
    DESK_CALM,
    DESK_YELLOW,
    DESK_RED
};

/* How far a month's clearing uses a deposit. */
struct desk_use {
    uint8_t payer; /* PROVINCE_CENTRE: all of them together. */
    uint8_t payee;
    uint8_t alert;       /* enum desk_alert */
    uint8_t application; /* enum application_state, 0: none. */
    uint32_t use_bp;     /* UINT32_MAX: there is no deposit. */
    int64_t amount;
    int64_t pending;
    int64_t cleared;
    int64_t applied;
};

#define DESK_USES_MAX (PROVINCE_COUNT * PROVINCE_COUNT + PROVINCE_COUNT)

/* Pairs first, then payees; what is nothing at all is left out. *period 0 becomes the latest month
 * that is computed. Gives the number of pairs, and of both in *ret_count. */
uint32_t desk_uses(const struct desk_model *model, uint32_t *period, int64_t now_ms,
                   struct desk_use out[DESK_USES_MAX], uint32_t *ret_count);

/* One row of a province's second level. */
struct desk_area {
    uint32_t area;       /* 0: it belongs to none. */
    struct cell_key key; /* Without a month. */
    uint64_t count;
    int64_t medfee;
    int64_t funds[FUND_COUNT];
};

/* In the order of area, payer, payee, line and class; malloc'ed. `side`: by the area of the payer
 * or of the payee, which is the province. */
struct desk_area *desk_areas(const struct desk_model *model, uint32_t batch, uint8_t province,
                             enum side side, uint32_t *ret_count);

/* -- desk_agenda.c ------------------------------------------------------------------------------
 */

enum desk_severity {
    DESK_DONE,
    DESK_COMING,
    DESK_TODAY,
    DESK_LATE,
    DESK_ALARM
};

struct desk_item {
    uint32_t day;
    uint32_t period;
    uint8_t who; /* Index, PROVINCE_CENTRE. */
    uint8_t severity;
    char what[24];
    char ref[NUMBER_SIZE];
    uint64_t count;
    int64_t amount;
};

typedef DESK_LIST(struct desk_item) desk_items;

/* What is known of the shards: the months that hold something and have no batch. */
struct desk_months {
    const uint32_t *list;
    uint32_t count;
    uint32_t cut_through;
    uint32_t closed_year;
};

/* The agenda of a month in its order; free(ret_items->list). */
void desk_agenda(const struct desk_model *model, uint32_t month, int64_t now_ms,
                 const struct desk_months *months, desk_items *ret_items);

#endif
