/* life_rig -- three persons in one shard: what is sent about them, and what they ask of it.
 *
 * Anna, of Sichuan, is treated in Shanghai and has a wallet that Bert of Yunnan and Carl of Hubei
 * give to. What is sent has to be accepted, and is settled at once; a question is asked of the
 * shard's own code and settles nothing, so it meets whatever moment the test has made. */
#ifndef TESTS_LIB_LIFE_RIG_H
#define TESTS_LIB_LIFE_RIG_H

#include "proto/person.pb-c.h"
#include "shard_internal.h"
#include "tests/lib/shanghai.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/wallet_orders.h"

#define SICHUAN  510100
#define SHANGHAI 310000
#define YUNNAN   530100
#define HUBEI    420100
#define HOSPITAL "H31000000001"
#define ANNA     "anna000000000001"
#define BERT     "bert000000000002"
#define CARL     "carl000000000003"
#define YUAN     100 /* Fen. */

extern struct rig life_rig;

/* For cmocka: wallets enabled but in Guangdong, limits of a transfer in Sichuan; the manual clock
 * at 2026-03-02T12:00:00+08:00. */
int life_set_up(void **state);
int life_tear_down(void **state);

/* Sets the manual clock to a time of Shanghai. */
void life_clock(const char *text);

/* -- records ---------------------------------------------------------------------------------- */

/* A visit of somebody insured in Sichuan in Shanghai: `fund` from the pool, of the person's part
 * `own` outside the catalogue, `wlt` from the wallet. */
struct visit {
    const char *person;
    const char *setl_id;
    const char *time;
    int64_t fund;
    int64_t part;
    int64_t own;
    int64_t wlt;
};

struct settlement life_settlement(const struct visit *v);
void life_post(const struct settlement *s);
void life_visit(const struct visit *v);

/* Takes a part back: the amounts of `v` are what goes. */
void life_refund(const struct visit *v, const char *original);

void life_correct(const struct settlement *s);

/* Changes what the pool paid of a settlement of Anna's. */
void life_adjust(const char *adj_no, const char *setl_id, int64_t hifp);

/* -- wallets ---------------------------------------------------------------------------------- */

/* Sends an order as a home would, and carries mail; gives the id in the answer, until the next one.
 */
const char *life_send(const struct wallet_order *o, uint16_t province);

/* Carries mail until nothing is on the way any more. */
void life_pump(void);

void life_open_wallet(const char *person, uint32_t area);

/* To Anna. */
void life_transfer(const char *giver, int64_t amount, bool is_accepted);

/* A relative of Anna's in the area of another province gives her so much. */
void life_give(const char *giver, uint32_t area, int64_t amount);

/* Bert of Yunnan gives Anna of Sichuan 1,000 yuan; both may use it in Shanghai. */
void life_fill_wallet(void);

/* Anna pays from her wallet in Shanghai; takes a part of that back. */
void life_pay(const char *setl_id, int64_t amount);
void life_take_back(const char *setl_id, const char *number, int64_t amount);

/* -- questions -------------------------------------------------------------------------------- */

extern uint32_t life_calls; /* How often the last question had to be asked until it was answered. */

/* Asks, and goes on with the cursor until there is an answer: of type `reply`, freed by the caller.
 */
void *life_ask(uint16_t type, uint16_t province, const ProtobufCMessage *question,
               const ProtobufCMessageDescriptor *reply);

/* For fields of a question; borrowed. */
ProtobufCBinaryData life_key(const char *person);
char *life_text(const char *constant);

/* StmtGet for a settlement of Sichuan, WltQuery; freed by the caller. */
Qingfen__V1__StmtGetReply *life_statement(const char *person, const char *setl_id,
                                          uint16_t province);
Qingfen__V1__WltQueryReply *life_wallet(const char *person, uint16_t province);

#endif
