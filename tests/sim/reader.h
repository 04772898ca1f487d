/* reader -- asks a quiet centre for all that can be asked about and keeps the answers: two readings
 * are the same when nothing that anybody can see has changed. */
#ifndef TESTS_SIM_READER_H
#define TESTS_SIM_READER_H

#include "tests/sim/town.h"
#include "tools/verify/finding.h"

/* Asks everything; the answers are a history, which the caller frees. NULL with a finding when one
 * does not come. */
struct sim_history *read_back(struct sim_world *world, const struct sim_town *town,
                              struct finding *finding);

/* Compares two readings; false with a finding that names the first question answered otherwise.
 * `after` says what lies between. */
bool readings_agree(struct sim_history *before, struct sim_history *now, const char *after,
                    struct finding *finding);

#endif
