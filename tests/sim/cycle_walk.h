/* cycle_walk -- the walk of check_cycle.h along shard 0's journal, as its files share it: what was
 * asked, where the walk stands, and what an order may have seen of the shards there. One walk at a
 * time. */
#ifndef TESTS_SIM_CYCLE_WALK_H
#define TESTS_SIM_CYCLE_WALK_H

#include "cycle/cycle.h"
#include "tests/model/desk_model.h"
#include "tests/sim/asks.h"
#include "types/order.h"

#define PLACES_MAX 64 /* Of one shard that make a difference to an order. */
#define TRIES_MAX  20000

/* The places of a shard's journal at which what an order asks for may have been looked at. */
struct places {
    uint64_t at[EVIDENCE_SHARDS_MAX][PLACES_MAX];
    uint32_t count[EVIDENCE_SHARDS_MAX];
    bool too_many;
};

/* One order as it was sent. */
struct asked {
    const struct sim_said *said;
    struct order order;
    bool formed;     /* It could be read. */
    bool open;       /* Its answer is still to be judged, at some place of shard 0: */
    uint64_t after;  /* behind that one, */
    uint64_t before; /* before that one. */
    uint32_t code;   /* What it was answered, */
    bool dup;
    struct bytes ref;
    struct places *places;   /* Of orders that look at records; malloc'ed. */
    struct desk_answer last; /* The model's latest word, for the finding. */
};

/* A decision of the journal. */
struct decided {
    struct bytes rows;
    uint64_t seq;      /* Its last entry. */
    uint64_t answered; /* When it was answered, UINT64_MAX: nobody knows. */
    struct order_row order;
};

struct cycle_walk {
    const struct asks *asks;
    const struct evidence *evidence;
    bool manual_clock;
    struct desk_model *model;
    struct cycle *cycle; /* The engine's rows, as far as the walk has come. */
    struct asked *list;
    uint32_t count;
    uint32_t cut_through;
    uint32_t closed_year;
    uint64_t from;    /* The state is that behind this entry of shard 0, … */
    int64_t from_ms;  /* … which has this stamp. */
    int64_t clock_ms; /* Latest time on shard 0. */
    int64_t shut_ms;  /* When the shard last cut a month or closed a year. */
    bool ended;       /* A list named what wallets owe, which the model does not know by days. */
};

extern struct cycle_walk walk;

/* The desk's clock in the state at hand, which lasts until `until_ms`, while a message was under
 * way that was sent when entry `after` of shard 0 was known: one of these. The system's may have
 * gone back: then it is shard 0's, which goes on within a state. */
#define WALK_TIMES 5
uint32_t walk_times(const struct sim_said *said, uint64_t after, int64_t until_ms,
                    int64_t out[WALK_TIMES]);

/* -- cycle_asked.c: who asked what ------------------------------------------------------------ */

/* All orders of a history into walk.list, and away again. */
void asked_read(struct sim_history *history);
void asked_free(void);

/* A list in parts is the desk's until the last of them has come: nothing of it is in the journal.
 */
bool asked_in_parts(const struct asked *asked);

/* Was accepted and has its decision: judged there. */
bool asked_has_decision(const struct asked *asked);

/* What it was answered says something of the cycle. */
bool asked_is_judged(const struct asked *asked);

/* Who asked for the decision of that number, and not only after it was known: of equal ones the one
 * that was told so; else nobody knows which of them, and it is the first one, without an end. NULL:
 * nobody. */
struct asked *asked_by(const struct order_row *row, uint64_t seq, uint64_t *ret_answered);

/* What was answered before this was sent was decided before it. */
void asked_close_behind(const struct asked *decided, uint64_t seq);

/* The desk does one after the other: whatever it had decided behind that entry and answered, it had
 * decided this before. UINT64_MAX: nothing. */
uint64_t asked_answered_behind(uint64_t seq);

/* -- cycle_places.c: what an order may have seen of the shards -------------------------------- */

/* Does the order look at that record? */
bool places_look_at(const struct order *order, const struct record_facts *facts);

/* Malloc'ed. `decided`: before that entry of shard 0; 0: not known. */
struct places *places_find(const struct asked *asked, uint64_t answered, uint64_t decided);

/* The n-th combination of places; false behind the last. */
bool places_take(const struct places *places, uint32_t n, uint64_t ret_upto[]);

/* The desk's view of the shards up to those places. */
struct desk_view places_view(const uint64_t *upto, int64_t now_ms);

/* -- cycle_decisions.c ------------------------------------------------------------------------ */

/* A decision that is whole: whose, and does the model come to the same? */
bool decision_live(struct bytes rows, const struct entry *entry, struct finding *finding);

#endif
