/* wallet_rows -- the persons of one shard as verify replays them: rows by key, in the order in
 * which the store keeps them (docs/formats.md, Rows of `shelf`), so that the two can be compared
 * row by row.
 *
 * Its own reading of OP_PUT and OP_DROP: the engine's person.c and ops.c are what is verified. */
#ifndef VERIFY_WALLET_ROWS_H
#define VERIFY_WALLET_ROWS_H

#include "tools/verify/idset.h"
#include "types/wallet.h"

/* A person: 16 bytes of head, then rows of kind (1), 0 (1), size (2) and their bytes. */
struct kept_person {
    struct psn_key key;
    uint8_t *packed; /* malloc'ed */
    uint32_t size;   /* 0: there is not a single row. */
    uint32_t room;
    /* Counted here and not taken from the rows: outgoing transfers of one Shanghai day. */
    uint32_t day;
    uint32_t count;
    int64_t sum;
};

#define ROWS_HEAD_SIZE 16 /* last_seq (8), due_ms (8) */

struct kept_map {
    struct kept_person *list;
    uint32_t count;
    uint32_t room;
    struct idset index; /* Key, hashed -> index + 1. */
};

bool kept_map_init(struct kept_map *map); /* False without memory. */
void kept_map_done(struct kept_map *map);

/* The person, or NULL. Borrowed until the next kept_map_for(). */
struct kept_person *kept_map_find(const struct kept_map *map, const struct psn_key *key);

/* The same, made when it is not there; NULL without memory. */
struct kept_person *kept_map_for(struct kept_map *map, const struct psn_key *key);

/* Goes through rows: begins with *at = 0, false at the end. Row bytes are borrowed until the next
 * change and not aligned. */
bool kept_next(const struct kept_person *person, uint32_t *at, enum person_row *ret_kind,
               struct bytes *ret_row);

/* Puts a row in place of the one with its key. *ret_old is the one that was there, copied to
 * `old_room` (sizeof(struct transfer_row) bytes), size 0 when there was none. NULL when done, else
 * what is wrong, as static text. */
const char *kept_put(struct kept_person *person, uint32_t kind, struct bytes row, uint8_t *old_room,
                     struct bytes *ret_old);

/* The same for dropping the row with that key. */
const char *kept_drop(struct kept_person *person, uint32_t kind, struct bytes key,
                      uint8_t *old_room, struct bytes *ret_old);

/* The single row of a kind, or the list's row with that key, copied to `out`, zeros behind it; all
 * zeros and false when there is none. */
bool kept_single(const struct kept_person *person, enum person_row kind, void *out, size_t size);

/* Sets the head: the latest entry, and when the engine must look at the person. A person without a
 * row has none: it is as if nothing had ever been. */
void kept_head(struct kept_person *person, uint64_t last_seq);
uint64_t kept_last_seq(const struct kept_person *person);
int64_t kept_due(const struct kept_person *person);

/* True when a store's row of a person says exactly this. */
bool kept_is(const struct kept_person *person, struct bytes packed);

static inline bool kept_same_key(const struct psn_key *a, const struct psn_key *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

#endif
