/* shard_wallet_work -- what the files about wallets share: one judgement in shard->work, from
 * work_begin() to the entry of its decision, and the past it looks at.
 *
 * Judging changes nothing but shard->work. */
#ifndef SHARD_WALLET_WORK_H
#define SHARD_WALLET_WORK_H

#include "shard_internal.h"

#define DEBT_SIZE_MAX 512 /* Bytes of a debt's entry. */

/* -- shard_wallet_work.c --------------------------------------------------------------------- */

/* Forgets the judgement before. */
void work_begin(struct wallet_work *w);

/* Adds what stands in the way; true when anything does. */
void work_refuse(struct wallet_work *w, uint32_t code, uint32_t field, enum check check,
                 int64_t got, int64_t want);
bool work_refused(const struct wallet_work *w);

/* Loads the person whom the judgement changes: as it is, and to be changed. */
void work_load(const struct shard *shard, struct wallet_work *w, const struct psn_key *person);

/* A key that is known to have its size; an id. */
struct psn_key psn_key_of(struct bytes bytes);
struct wallet_id wallet_id_of(char domain, uint32_t scope, struct bytes text);

/* An id the entry will be found by, with its hash_wallet_id(); each once. */
void work_note_id(struct wallet_work *w, const struct wallet_id *id, uint64_t hash);

/* What a chapter judges by, but for institution and rule. */
struct wallet_input work_input(const struct shard *shard, const struct wallet_work *w);

/* What the entry refers to: a payment or transfer; the transfer that the judgement ended, if it
 * ended one. */
void work_refer(const struct shard *shard, struct wallet_work *w, uint64_t orig_seq);
void work_refer_to_ended(const struct shard *shard, struct wallet_work *w);

/* The month the debts are cleared in; a payment by itself has that of its stamp. */
void work_assign_period(const struct shard *shard, struct wallet_work *w);

/* From the decision to the entry and what is answered. */
void work_finish(const struct shard *shard, struct wallet_work *w, uint16_t type,
                 struct bytes message);

/* The parts of that, for entries of several decisions: the decision as ops, true when it has an
 * answer, the person to be put away when the entry is applied, and the body once it is written. */
void work_write_decision(struct ops_writer *writer, const struct wallet_work *w);
bool work_said_something(const struct wallet_said *said);
void work_keep_person(struct wallet_work *w);
void work_take_body(struct wallet_work *w, const struct ops_writer *writer);

/* -- shard_wallet_past.c --------------------------------------------------------------------- */

/* What was said in an entry, and what it used. */
struct found_said {
    struct wallet_said said;
    uint32_t used_count;
    struct lot used[PAY_LOTS_MAX];
};

void entry_read_said(const struct wallet_entry *entry, struct found_said *ret_said);

/* What the latest entry about a transfer or payment is and said; false: there is none. */
bool entry_read_latest(const struct shard *shard, uint64_t seq, uint16_t *ret_type,
                       struct found_said *ret_said);

/* The latest entry of that type among those that refer to entry `seq`, a payment or transfer;
 * false: there is none, or it cannot be read, which is noted. */
bool entry_find_later(const struct shard *shard, uint64_t seq, uint16_t type,
                      struct entry *ret_entry, struct wallet_entry *ret_its);

/* The first person whose rows an entry has; false: nobody's. */
bool entry_first_person(const struct wallet_entry *entry, struct psn_key *ret_person);

/* The entry with that id, of that person where it is one of a person. */
bool wallet_find_id(const struct shard *shard, const struct psn_key *person,
                    const struct wallet_id *id, struct entry *ret_entry,
                    struct wallet_entry *ret_its);

/* The same when its hash_wallet_id() is known. */
bool wallet_find_hash(const struct shard *shard, uint64_t hash, const struct psn_key *person,
                      const struct wallet_id *id, struct entry *ret_entry,
                      struct wallet_entry *ret_its);

/* What an entry began, and what became of it. */
void wallet_past_of(const struct shard *shard, const struct entry *entry,
                    const struct wallet_entry *its, struct wallet_past *ret_past);

/* The payment or transfer the order refers to, into work->past; refuses when there is none of that
 * name. */
void work_find_past(const struct shard *shard, struct wallet_work *w);

/* The first answer, for whoever asks again. */
void work_answer_again(struct wallet_work *w, const struct entry *entry,
                       const struct wallet_entry *its);

#endif
