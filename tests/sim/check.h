/* check -- what must be true after a history, whatever was broken in it.
 *
 * Three witnesses: what the clients were told (history.h), what the journals hold (evidence.h), and
 * what the rules say (tests/model). They have to agree:
 *
 *   (H1) every order that was acknowledged has its entry, of that number, at that time, and one
 *        entry is the first answer of one message alone;
 *   (H2) every entry was asked for by somebody;
 *   (H3) an order that was answered before another one was sent stands before it in its journal;
 *   (H4) settlements and what follows them: entry by entry the model accepts them too, in the same
 *        month, line and class; each refusal and each duplicate is what the model answers at some
 *        place between what was known when it was sent and what came after it was answered;
 *   (H5) the cells are the model's;
 *   (H6) an order of the clearing cycle that was acknowledged stands in the cycle once, with what
 *        its answer named, and none stands there that nobody sent;
 *   (H7) the same order again got the same answer;
 *   (H8) wallets, transfers, payments and premiums: entry by entry, mail by mail the model does
 *        the same and has the same rows; each refusal, each duplicate and each wallet somebody
 *        asked for is what the model has at some place between sending and answer;
 *   (H9) the clearing cycle is the model's: each order that was accepted is what the model makes
 *        of it at its place in shard 0's journal, row by row; each refusal and each duplicate is
 *        what the model answers at some place between what was known when it was sent and what
 *        came after its answer; and so are at the end batches, notices, deposits, disputes, holds
 *        and the book;
 *  (H10) what persons are told of themselves, list by list and page by page, is what the models
 *        have at some place between question and answer; and so are the rules of areas and what
 *        is told of institutions, as the shard that answers knew them;
 *  (H11) what the desk was asked while the history went on (months, batches, notices, disputes,
 *        differences, exceptions, cells, deposits, settings, the book, the agenda, areas, single
 *        records) was answered as the models would, byte for byte, in some state between question
 *        and answer; what shards add to an answer each was at some place of its own journal.
 *
 * Everything that can be seen in the journals and stores alone is evidence.h's. */
#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

#include "tests/sim/evidence.h"
#include "tests/sim/history.h"

/* False with a finding. */
bool check_history(const struct evidence *evidence, struct sim_history *history, bool manual_clock,
                   struct finding *finding);

/* (H5): the cells a shard serves, against those counted by the latest check_history(). */
bool check_cells(struct sim_world *world, uint32_t shard, struct finding *finding);

#endif
