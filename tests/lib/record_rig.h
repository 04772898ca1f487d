/* record_rig -- records of one person in one shard: settlements of somebody insured in Beijing who
 * is treated in Langfang, and what follows them, sent by the province of the place. */
#ifndef TESTS_LIB_RECORD_RIG_H
#define TESTS_LIB_RECORD_RIG_H

#include "tests/lib/shard_rig.h"

#define HOUR    INT64_C(3600000)
#define PERSON  "person0000000001"
#define PERSON2 "person0000000002"

extern struct rig record_rig;

/* Opens it with room for so many entries between two checkpoints and so many cells; 0: as
 * shard_rig.h says. The first two for cmocka, with these. */
int record_set_up(void **state);
int record_tear_down(void **state);
void record_open(uint32_t delta_entries, uint32_t cells);

/* -- messages ---------------------------------------------------------------------------------- */

/* A visit of PERSON, 420 yuan in parts of several funds, a day after a manual clock's start. Texts
 * are borrowed, here and below. */
struct settlement record_visit(const char *msgid, const char *setl_id);

struct correction record_correction(const char *msgid, const char *omsgid);

/* Borrowed until the next one is encoded or sent. */
struct bytes record_encoded(const struct settlement *s);

/* Sends and settles. */
struct rig_result record_post(const struct settlement *s);
struct rig_result record_correct(struct correction c);
struct rig_result record_reverse(const struct reversal *r);
struct rig_result record_adjust(const struct adjustment *a);

/* Sets the manual clock; cuts a month, from the check to the release. */
void record_clock(int64_t to_ms);
void record_cut(uint32_t period);

/* -- what came of them ------------------------------------------------------------------------- */

/* Asserts: the entry it became; the only reason, and no entry. */
void record_accepted(struct rig_result got, uint64_t seq, bool dup);
void record_refused(struct rig_result got, uint32_t code);

/* Asserts what the shard's cells clear in all, and how many records they hold. */
void record_cleared(int64_t fen, uint64_t records);

#endif
