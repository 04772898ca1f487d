/* check_found -- (H11) of check.h: what the centre was told of single settlements and refunds
 * (SettlementGet) while a history went on, against the model's list of each person.
 *
 * Every shard is asked, and each answers for all its persons who have that id. So a row of an
 * answer is one person's, and is judged when that person's list is at hand. */
#ifndef TESTS_SIM_CHECK_FOUND_H
#define TESTS_SIM_CHECK_FOUND_H

#include "tests/sim/check_questions.h"

/* Begins with all questions of a history; afterwards found_done(). */
void found_read(struct sim_history *history);

/* The rows that are this person's, of every answer. */
bool found_judge(const struct questioned *about, struct finding *finding);

/* Rows that were nobody's, and refusals. Forgets the questions. */
bool found_done(struct finding *finding);

#endif
