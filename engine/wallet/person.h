/* person -- all rows of one person, in memory while something is judged, and packed to be kept.
 *
 * PACKED  struct person_head, then the rows in the order of their kinds and within a kind as they
 *         were put, a group for each kind there are rows of; each: kind (1), how many less 1 (1),
 *         size of one (2, little-endian), their bytes. A transfer is a group by itself and has only
 *         as many lots as it carries. Lots of one giver that follow one another are a group, with
 *         what they have in common once in front. docs/formats.md, Rows of `shelf`.
 *
 * A struct person is large (tens of KiB) and mostly untouched: only the counted part of each list
 * means anything. Make one with person_clear() or person_unpack(), copy with person_copy(). */
#ifndef WALLET_PERSON_H
#define WALLET_PERSON_H

#include "types/wallet_fields.h"
#include "util/psn.h"

struct person_head {
    uint64_t last_seq; /* Latest entry of this person's wallet: where its history begins. */
    int64_t due_ms;    /* person_due(): when the engine must look at the person; INT64_MAX: never */
};

struct person {
    struct psn_key key;
    struct person_head head;
    struct wallet_row wallet;   /* state WALLET_NONE: none */
    struct insured_row insured; /* state 0: none */
    struct limits_row limits;
    struct hold_row hold;
    uint32_t lot_count; /* Ascending by number: spent from the front. */
    uint32_t relation_count;
    uint32_t transfer_count;
    uint32_t offer_count;
    uint32_t holder_count;
    uint32_t reserve_count;
    uint32_t premium_count;
    uint32_t switch_count;
    uint32_t filing_count;
    struct lot lots[LOTS_MAX];
    struct relation_row relations[RELATIONS_MAX];
    struct transfer_row transfers[TRANSFERS_MAX];
    struct offer_row offers[OFFERS_MAX];
    struct holder_row holders[HOLDERS_MAX];
    struct reserve_row reserves[RESERVES_MAX];
    struct premium_row premiums[PREMIUMS_MAX];
    struct switch_row switches[SWITCHES_MAX];
    struct filing_row filings[FILINGS_MAX];
};

#define PERSON_PACKED_MAX (56 * 1024) /* Bytes; every list full. */

/* A person nothing is known of. */
void person_clear(struct person *person, struct psn_key key);

/* Copies what counts. */
void person_copy(struct person *to, const struct person *from);

/* False when the bytes are no person: wrong sizes, counts or kinds. */
bool person_unpack(struct bytes packed, struct psn_key key, struct person *ret_person);

/* The same, but nothing is put into lists: only how many rows they have. */
bool person_unpack_counts(struct bytes packed, struct psn_key key, struct person *ret_person);

/* Bytes of a transfer row with the lots it carries. */
size_t transfer_size(const struct transfer_row *row);

/* Writes at most PERSON_PACKED_MAX bytes; gives their number. Rows that say nothing (no wallet, no
 * hold) are left out: of a person without any only the head is there. */
size_t person_pack(const struct person *person, uint8_t *out);

/* When the engine must look at the person next: the end of its earliest transfer, or when a
 * province has to be asked again. INT64_MAX: never. A function of the rows alone. */
int64_t person_due(const struct person *person);

/* Sum of the lots, fen; what soft reservations that have not lapsed leave of it. */
int64_t person_balance(const struct person *person);
int64_t person_free_balance(const struct person *person, int64_t now_ms);

/* The row with that key, or NULL. Borrowed until the list changes. */
struct relation_row *person_relation(struct person *person, const struct psn_key *other,
                                     enum relation_side side);
struct relation_row *person_relation_by_id(struct person *person, struct bytes rlts_id);
struct transfer_row *person_transfer(struct person *person, struct bytes trsf_id);
struct offer_row *person_offer(struct person *person, struct bytes trsf_id);
struct holder_row *person_holder(struct person *person, const struct psn_key *holder);
struct premium_row *person_premium(struct person *person, uint32_t insutype, uint32_t year);

/* True when what `holder` gets of this giver's can be counted in a row of its own. Not while others
 * are counted together: a part of what a holder has must not stand there and a part here. */
bool person_holder_fits(struct person *person, const struct psn_key *holder);

/* What holders without a row have together, key of zeros; NULL: there are none. */
struct holder_row *person_other_holders(struct person *person);

/* Adds `amount` (either sign) to what `holder` holds of this giver's; the row goes with its last
 * fen. It is below zero while a holder's news overtakes the news that it became one: they come from
 * different shards. Holders for whom there is no row any more are counted together under a key of
 * zeros. */
void person_hold(struct person *person, const struct psn_key *holder, int64_t amount);

/* Puts a lot at its place by number; of the same number: adds the amount. False when full. */
bool person_put_lot(struct person *person, const struct lot *lot);

/* Takes a row out of a list, by its place; the order of the others stays. */
void person_drop_lot(struct person *person, uint32_t place);
void person_drop_relation(struct person *person, uint32_t place);
void person_drop_transfer(struct person *person, uint32_t place);
void person_drop_offer(struct person *person, uint32_t place);
void person_drop_reserve(struct person *person, uint32_t place);

/* The id of something made for a person: letter, 8 hex digits that lead to the person's shard
 * (psn_key's first four bytes), 16 hex digits made of key, letter and `number`. */
void wallet_id_make(char letter, const struct psn_key *key, uint64_t number,
                    char ret_id[WALLET_ID_SIZE]);

#endif
