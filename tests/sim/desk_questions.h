/* desk_questions -- (H11) of check.h: what the desk was asked while a history went on, of the
 * clearing cycle and of its months, against the desk's model as the walk (cycle_walk.h) goes by.
 *
 * An answer must be the model's, byte for byte, in one of the states that shard 0's journal has
 * between what was known when the question was sent and what came after its answer; what shards
 * added to it was each at some place of its own journal in that time. */
#ifndef TESTS_SIM_DESK_QUESTIONS_H
#define TESTS_SIM_DESK_QUESTIONS_H

#include "codec/centre.h"
#include "codec/cycle.h"
#include "codec/cycle_query.h"
#include "tests/model/desk_tables.h"
#include "tests/sim/history.h"
#include "tests/sim/pb.h"
#include "tools/verify/finding.h"

struct desk_question {
    const struct sim_said *said;
    struct query query;            /* Narrowed to the province that asks. */
    struct centre_request request; /* Of reports. */
    uint32_t refused;              /* The code that it gets before anybody looks; 0: none. */
    bool open;                     /* Still to be judged, at some place of shard 0: */
    uint64_t after;                /* behind that one, */
    uint64_t before;               /* before that one. */
};

/* All questions of a history, in the walk's beginning; and away again. */
void questions_read(struct sim_history *history);
void questions_free(void);

/* Everything that may have been answered in this state, which lasts until before entry `until` of
 * shard 0, with that stamp. */
void questions_judge(uint64_t until, int64_t until_ms);

/* False with a finding when an answer was the model's nowhere, of those that must have been given
 * before entry `until` of shard 0. */
bool questions_rest(uint64_t until, struct finding *finding);

/* -- answers as the model would give them: answers_…c --------------------------------------------
 */

/* Rows that go over pages. */
struct answer_rows {
    struct pb pb;
    uint32_t skip; /* Rows before the page. */
    uint32_t left; /* Room on the page. */
    bool more;
};

struct answer_rows answer_rows(const struct query *query);

/* The next row is on the page. */
bool answer_takes(struct answer_rows *rows);
void answer_add(struct answer_rows *rows, uint32_t field, const struct pb *row);

/* "more" as field 3, then the rows; text is left out, as the answer is no refusal. */
void answer_end(struct pb *pb, const struct answer_rows *rows);

/* Room for a row, emptied. */
struct pb answer_row(void);

/* The question is about all provinces, or about one of these two. */
bool answer_concerns(const struct query *query, uint8_t payer, uint8_t payee);

/* Two digits, 0: the clearing account or the centre; leading code of a class; the word, "" when
 * there is none of that number. */
uint32_t answer_province(uint8_t index);
uint32_t answer_insutype(uint8_t insurance);

/* NetPayment and NetPosition. */
void answer_payment(struct pb *row, const struct desk_payment *payment);
void answer_position(struct pb *row, desk_pairs totals, uint8_t province);

/* Each writes an answer in the state at hand; gives 0, or the code of a refusal, and then what was
 * written is nothing. */
typedef uint32_t answer_fn(const struct desk_question *q, int64_t now_ms, struct pb *pb);
answer_fn answer_differences, answer_exceptions, answer_disputes,
    answer_notices;                                       /* answers_lists.c */
answer_fn answer_prefunds, answer_settings, answer_areas; /* answers_tables.c */

/* These look at the answer itself: of a batch's lines only sums are known, and what shards say is
 * searched for among their places. */
typedef bool judge_fn(const struct desk_question *q, int64_t now_ms);
judge_fn judge_book;  /* answers_tables.c */
judge_fn judge_batch; /* answers_batches.c */
judge_fn judge_periods, judge_net, judge_positions, judge_cells,
    judge_calendar; /* answers_months.c */

#endif
