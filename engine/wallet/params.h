/* params -- the provincial rules of wallet and premium: rows by area and date (docs/rules.md,
 * Provincial rules; params.def has the list).
 *
 * A value is looked for at the area itself (six digits), then at its province (pp0000), then at 0,
 * the nation; at each the row with the latest eff_ms that is not after the time asked for. What no
 * row says has the default of params.def. */
#ifndef WALLET_PARAMS_H
#define WALLET_PARAMS_H

#include "types/bytes.h"
#include "types/province.h"

enum param {
#define X(symbol, name, kind, value, least, greatest) PARAM_##symbol,
#include "wallet/params.def"
#undef X
    PARAM_COUNT
};

enum {
    SCOPE_USE_LOC_ONLY,
    SCOPE_INSURED_PROV,
    SCOPE_NATION
}; /* wallet_spend_scope */
enum {
    PENDING_PAIR,
    PENDING_GIVER,
    PENDING_NONE
}; /* pending_block_scope */
enum {
    FLOOR_GATE,
    FLOOR_RESERVE
}; /* pa_floor_mode */
enum {
    FLOOR_IN_PROVINCE_ONLY,
    FLOOR_WALLET_TOO
}; /* pa_floor_scope */
enum {
    HOLD_ONLINE,
    HOLD_GRANT
}; /* pa_hold_mode */
enum {
    ORDER_OWN_FAMILY_WALLET_CASH,
    ORDER_OWN_WALLET_FAMILY_CASH
}; /* spend_order */
enum {
    SWITCH_NONE,
    SWITCH_DEFAULT_OFF,
    SWITCH_DEFAULT_ON
}; /* pharmacy_switch */
enum {
    PATH_DIRECT,
    PATH_VIA_USE_LOC
}; /* wallet_clear_path */
enum {
    REVERSAL_ORIGINAL,
    REVERSAL_OWN
}; /* wallet_reversal_month */

/* One row, in entries, in the store and in memory. */
struct rule_row {
    uint32_t admdvs; /* 0, pp0000 or six digits */
    uint32_t param;  /* enum param; on disk by number, so the list only grows at its end */
    int64_t eff_ms;  /* 0: always */
    int64_t value;
};

#define RULE_ROWS_MAX 8192

/* What holds in all of a province from a time on, by its latest rows. Nearly every question is
 * asked there and then, a dozen of them for one transfer. */
struct settled_value {
    bool known; /* False: some areas of it have rows of their own. */
    int64_t from_ms;
    int64_t value;
};

struct params {
    uint32_t count;
    struct rule_row rows[RULE_ROWS_MAX]; /* Ascending by param, admdvs, eff_ms. */
    uint32_t begin[PARAM_COUNT + 1];     /* Where each param's rows begin. */
    struct settled_value settled[PROVINCE_COUNT][PARAM_COUNT];
};

/* Empty: defaults alone. */
void params_init(struct params *params);

/* Adds the rows of deploy/tables/provincial_rules.csv ("admdvs,param,value,eff_from"; `#` begins a
 * comment line). All 32 provinces must be there. False with a text in `ret_why` (at most `room`
 * bytes) that names line, field and what is wrong; the params are then not to be used. */
bool params_load(struct params *params, struct bytes text, char *ret_why, size_t room);

/* Puts one row, in place of one with the same area, param and time. False when there is no room. */
bool params_put(struct params *params, const struct rule_row *row);

/* The row with exactly that area, param and time, or NULL. */
const struct rule_row *params_find(const struct params *params, uint32_t admdvs, uint32_t param,
                                   int64_t eff_ms);

/* The latest eff_ms of that area and param; -1: no row. */
int64_t params_latest(const struct params *params, uint32_t admdvs, uint32_t param);

/* The value that holds for an area at a time. */
int64_t params_value(const struct params *params, enum param param, uint32_t admdvs, int64_t at_ms);

/* By name; PARAM_COUNT when unknown. */
uint32_t params_by_name(struct bytes name);
const char *param_name(uint32_t param);

/* True for what one law says for all: nobody asks for an area's value, so no area may have one. */
bool param_is_national(uint32_t param);

/* Reads a value as the files and RulePush write it (yuan never: fen, on/off, words, hhmm, mmdd).
 * False when it is none of that param. Writes one; at most 32 bytes with NUL. */
bool param_parse(uint32_t param, struct bytes text, int64_t *ret_value);
void param_print(uint32_t param, int64_t value, char *out);

#endif
