/* cycle_check -- the clearing cycle's decisions, read from shard 0's journal and put to the proof.
 *
 * The rows are put once more with the cycle's own putting; what is checked is worked out here: that
 * decisions are whole, that every posting is balanced and the balances are their sum, and that what
 * the cycle took over at each cut is what the records of all shards add up to. Then the cycle's own
 * whole-state checks are asked. Orders are not in the journal, only what was decided: so no order
 * is judged again. */
#ifndef VERIFY_CYCLE_CHECK_H
#define VERIFY_CYCLE_CHECK_H

#include "cycle/cycle.h"
#include "tools/verify/finding.h"
#include "tools/verify/months.h"

struct cycle_check {
    struct cycle *cycle;
    uint64_t number; /* Of the decision that is being read. */
    uint32_t part;   /* Read of it; 0: none. */
    uint32_t parts;
    uint8_t *rows; /* malloc'ed: its rows so far. */
    size_t size;
    size_t room;
    uint64_t decisions;
    uint64_t postings;
    /* [payer][payee][fund][account], debit positive. */
    int64_t balance[PROVINCE_COUNT][PROVINCE_COUNT][FUND_COUNT][CYCLE_ACCOUNT_COUNT];
};

/* NULL without memory. */
struct cycle_check *cycle_check_new(void);
void cycle_check_free(struct cycle_check *check); /* NULL is fine. */

/* Takes the body of the next ENTRY_CYCLE. False with a finding. */
bool cycle_check_add(struct cycle_check *check, struct bytes body, uint64_t seq,
                     struct finding *finding);

/* At the end: `months` hold the merged cells of all shards. A month that is cut and that the cycle
 * knows nothing of is fine: the engine was stopped in between, and goes on at its next start. */
bool cycle_check_finish(const struct cycle_check *check, const struct months *months,
                        struct finding *finding);

#endif
