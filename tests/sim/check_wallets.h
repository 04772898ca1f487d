/* check_wallets -- (H8) of check.h: wallets, transfers, payments and premiums, lived through once
 * more by the model (tests/model/wallet_steps.h), entry by entry and mail by mail. */
#ifndef TESTS_SIM_CHECK_WALLETS_H
#define TESTS_SIM_CHECK_WALLETS_H

#include "tests/sim/asks.h"

/* Every entry, refusal, duplicate and question about wallets; after asks_order(). False with a
 * finding. */
bool judge_wallets(const struct asks *asks, const struct evidence *evidence,
                   struct sim_history *history, bool manual_clock, struct finding *finding);

#endif
