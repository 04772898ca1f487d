/* check_settlements -- (H4) and (H5) of check.h: each person's settlements, refunds, adjustments
 * and corrections, lived through once more by the model in the journal's order. */
#ifndef TESTS_SIM_CHECK_SETTLEMENTS_H
#define TESTS_SIM_CHECK_SETTLEMENTS_H

#include "tests/model/desk_model.h"
#include "tests/sim/asks.h"

/* Notes who asked for each entry first; false with a finding when nobody did. Before asks_order().
 */
bool match_settlements(struct asks *asks, const struct evidence *evidence, struct finding *finding);

/* Compares every answer. After asks_order(). */
bool judge_settlements(struct asks *asks, const struct evidence *evidence, bool manual_clock,
                       struct finding *finding);

/* The model's cells of a shard, borrowed until the next judge_settlements(). */
const struct cell *settlement_cells(uint32_t shard, uint32_t *ret_count);

/* The model's settlements, refunds and adjustments of all persons, as the clearing cycle sees them,
 * by shard and number; borrowed until the next judge_settlements(). */
const struct desk_record *settlement_records(uint32_t *ret_count);

#endif
