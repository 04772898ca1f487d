/* check_places -- (H10) of check.h: what was told of areas and institutions while a history went
 * on, against the rules and the directory as the wallets' life (lived_wallets.h) has them. */
#ifndef TESTS_SIM_CHECK_PLACES_H
#define TESTS_SIM_CHECK_PLACES_H

#include "tests/sim/asks.h"

/* Judges every answer. After live_wallets(). */
bool judge_places(const struct asks *asks, const struct evidence *evidence,
                  struct sim_history *history, bool manual_clock, struct finding *finding);

#endif
