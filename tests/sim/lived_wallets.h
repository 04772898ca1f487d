/* lived_wallets -- the wallets of a history lived again by the model, entry by entry of all shards,
 * mail when it was taken; and what stood when, for whoever wants to know what could be answered
 * between two entries. One life at a time. */
#ifndef TESTS_SIM_LIVED_WALLETS_H
#define TESTS_SIM_LIVED_WALLETS_H

#include "tests/model/wallet_steps.h"
#include "tests/sim/evidence.h"
#include "tests/sim/lived_tales.h"

/* A fact that stands in an entry: the other person's shard must have been able to say it. */
struct quoted {
    uint32_t shard;
    uint64_t seq;
    int message; /* Place in steps.messages. */
    struct wallet_fact fact;
};

/* False with a finding at the first entry that is not as the model has it: what is taken, said,
 * used and sent, debts, every row of the person afterwards. */
bool live_wallets(const struct evidence *evidence, bool manual_clock, struct finding *finding);

/* Of the life lived last; borrowed until the next one. */
struct steps *lived_steps(void);
const struct quoted *lived_facts(uint32_t *ret_count);

/* What a person reads of the past, oldest first. */
const struct tale *lived_tales(int who, uint32_t *ret_count);

/* The shard where a person is at home. */
uint32_t lived_home(const struct psn_key *key);

/* The person's rows behind that entry of its shard; gives its latest entry then, 0: none yet. */
uint64_t lived_version(int who, uint64_t place, struct steps_person *ret_rows);

/* Numbers of a shard's entries at which wallets, rules or its clock change, ascending. */
const uint64_t *lived_moments(uint32_t shard, uint64_t *ret_count);

/* Place in steps.messages of what that entry took, -1: nothing. */
int lived_message(uint32_t shard, uint64_t seq);

/* A message without msgid, sender and time of sending, which are its envelope; kept with the life.
 */
struct bytes lived_content(struct bytes message);

/* What a RulePush says, read; param PARAM_COUNT when it is none. */
struct rule_row lived_rule(const struct wallet_order *order);

/* The order that a settlement with `wlt_pay`, or its refund, is to the wallet; use 1 care, 2
 * pharmacy.
 */
void lived_order_of(const struct settlement *s, uint32_t use, struct wallet_order *ret_order);

/* The other person's shard is asked first. */
bool two_stops(uint16_t type);

#endif
