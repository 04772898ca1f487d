/* wallet_orders -- what life_rig and story_rig share: rules under which wallets work, and orders
 * about wallets, each with numbers of its own.
 *
 * Texts and keys in an order are borrowed. It must not know shards: who is asked, and what is made
 * of an answer, is the rigs'. */
#ifndef TESTS_LIB_WALLET_ORDERS_H
#define TESTS_LIB_WALLET_ORDERS_H

#include "codec/wallet.h"
#include "wallet/params.h"

/* Wallets enabled everywhere, accounts held by grant, institutions not looked at, premiums from the
 * first day of a year. Numbers begin anew. */
void order_begin(struct params *ret_params);

/* A rule from always on, in an area, a province (pp0000) or everywhere (0). */
void order_rule(struct params *params, enum param param, uint32_t area, int64_t value);

/* A new number that begins with `letter`; good for the next 63. */
const char *order_number(const char *letter);

/* An order with a msgid of its own. */
struct wallet_order order_new(uint16_t type);

/* Orders that most tests need. */
struct wallet_order order_open(struct bytes person, uint32_t insu, uint32_t use_loc);
struct wallet_order order_bind(struct bytes giver, struct bytes receiver);
struct wallet_order order_grant(struct bytes giver, uint32_t insu, int64_t amount);
struct wallet_order order_submit(struct bytes giver, struct bytes receiver, int64_t amount);

/* Accepts, declines or revokes, by type. */
struct wallet_order order_end(uint16_t type, struct bytes receiver, const char *trsf_id);

/* Encodes it into `ret_message`, which has room for 1024 bytes; gives the size. */
size_t order_encode(const struct wallet_order *order, uint8_t *ret_message);

#endif
