/* property_world -- the world of test_property: an engine's shard, the model beside it, what was
 * asked of both and what the model answered.
 *
 * property_ask.c makes up questions, property_compare.c and property_tallies.c hold the shard's
 * answers, cells and tallies against the model's; test_property.c lets all of it happen. */
#ifndef TESTS_UNIT_SHARD_PROPERTY_WORLD_H
#define TESTS_UNIT_SHARD_PROPERTY_WORLD_H

#include "tests/lib/prng.h"
#include "tests/lib/shard_rig.h"
#include "tests/model/model.h"

#define BATCH    40
#define SENT_MAX 512

/* What was asked: enough to ask it again, of the engine and of the model. */
struct question {
    uint16_t type;
    uint16_t session;
    uint32_t period;
    int64_t instant_ms;
    struct settlement s;
    struct reversal r;
    struct adjustment a;
    struct correction c;
    uint8_t body[1200];
    size_t size;
};

/* What the model answered, and how much the engine had decided when it judged. */
struct expected {
    uint16_t type;
    struct model_answer answer;
    uint64_t known_seq;
    uint64_t seq;
    uint32_t period;
    uint32_t orig_period;
    uint32_t tally_kind; /* Of a question for tallies. */
    int64_t stamp_ms;
};

#define EXPECTED_MAX 16384

/* What one seed lives in. */
struct world {
    struct prng chance;
    struct tables tables;
    struct rig rig;
    struct model model;
    bool holding;
    uint32_t step;
    struct question sent[SENT_MAX]; /* Ring of what was asked. */
    uint32_t sent_count;
    struct expected results[EXPECTED_MAX];
    uint32_t results_made;
    uint32_t results_seen;
    struct expected controls[EXPECTED_MAX];
    uint32_t controls_made;
    uint32_t controls_seen;
};

/* Over all seeds. */
struct property_counts {
    uint64_t answered[2]; /* Accepted and refused. */
    uint64_t unread;      /* Refused on a disk that fails (lib/shard_rig.h). */
    uint64_t tallies;     /* Compared, … */
    uint64_t changes;     /* … and changes that were scanned after the checkpoint. */
};

extern struct world world; /* Of the seed that is lived. */
extern struct property_counts counts;

/* -- chance ----------------------------------------------------------------------------------- */

static inline uint32_t below(uint32_t limit)
{
    return (uint32_t)prng_below(&world.chance, limit);
}

static inline bool chance(uint32_t of_1000)
{
    return prng_chance(&world.chance, of_1000);
}

/* The time of the shard's clock. */
int64_t clock_now(void);

/* One of the last few months. */
uint32_t some_month(void);

/* -- asking ----------------------------------------------------------------------------------- */

/* Gives up to BATCH messages, random or again, to the shard and, as far as it took them, the model.
 */
void ask_some(uint32_t count);

/* Asks, as the desk would, for the tallies of this moment: those of the last checkpoint, and what
 * came after it. */
void ask_tallies(void);

/* -- comparing -------------------------------------------------------------------------------- */

/* Each result that has left since the last time is the one the model had next, and nothing that it
 * knew is not durable. */
void compare_answers(void);

/* The stored tallies and the changes since are what the model counts. */
void compare_tallies(const struct result *stored, const struct result *scanned,
                     const struct expected *want);

/* The tallies of each kind add up to the cells; nothing may have changed since the last checkpoint.
 */
void compare_sums(void);

void compare_cells(void);

/* Every decision of the model's is there, in order, with its body. */
void compare_decisions(void);

#endif
