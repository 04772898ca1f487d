/* shelf -- rows by key that changed since the last checkpoint: persons, institutions, outboxes.
 *
 * Like the delta there are two: one takes changes, the other is frozen while it is merged into the
 * store's STORE_SHELF table. A row is found on the active shelf, else on the frozen one, else in
 * the store; a dropped row stands there as dropped. Keys and values are bytes; the first byte of a
 * key says what it is. Knows no rule.
 *
 * Keys      'P' psn_key (16)                          a packed person
 *           'D' due_ms (8, big-endian), psn_key       a person who is due then; no value
 *           'I' fixmedins_code (16)                   struct institution
 *           'R' param, admdvs (4 each), eff_ms (8)    struct rule_row
 *           'O' destination (1), position (8)         struct outbox_row (shard_wallet.h)
 *           'M' shard (1), number (8)                 mail to that shard it has not acknowledged
 *           'C'                                       struct shelf_counters (shard_wallet.h) */
#ifndef LEDGER_SHELF_H
#define LEDGER_SHELF_H

#include "types/bytes.h"

#define SHELF_KEY_MAX 25 /* Bytes. */

/* Bytes a row takes beside its value: its key, its part of the index. */
#define SHELF_ROW_COST 64

struct shelf;

/* Room for `bytes_max` bytes, less than 4 GiB: SHELF_ROW_COST a key, and the values. The memory is
 * touched as it is used. NULL without memory. */
struct shelf *shelf_new(size_t bytes_max);
void shelf_free(struct shelf *shelf); /* NULL is fine. */
void shelf_reset(struct shelf *shelf);

/* True when `rows` more puts and drops with values of `bytes` in all are sure to fit, if they take
 * no more than half of bytes_max: in the first half, and there alone, places are larger than their
 * values, for those that will grow. */
bool shelf_has_room(const struct shelf *shelf, uint32_t rows, size_t bytes);

/* Copies; in place of a value of the same key. Where a larger one does not fit into the old one's
 * place, that place is lost until the next reset. */
void shelf_put(struct shelf *shelf, struct bytes key, struct bytes value);
void shelf_drop(struct shelf *shelf, struct bytes key);

/* The same as shelf_put() for a key that stands nowhere: neither here, nor on the other shelf, nor
 * in the store. When it is dropped before it is merged, the store never hears of it. */
void shelf_put_new(struct shelf *shelf, struct bytes key, struct bytes value);

enum shelf_found {
    SHELF_NOT_HERE, /* Ask further down. */
    SHELF_VALUE,
    SHELF_DROPPED,
};

/* The value is borrowed until the next put or drop. */
enum shelf_found shelf_get(const struct shelf *shelf, struct bytes key, struct bytes *ret_value);

/* The same value to be changed where it stands, its size is what it was. NULL: there is none here.
 */
uint8_t *shelf_value(struct shelf *shelf, struct bytes key);

/* A row that will be looked for soon, asked of memory in three steps with other work between them:
 * its place in the index, the row, the rest of its value. None changes anything. The hash is what
 * the others are given, for the other shelf as well; of a key longer than 17 bytes those between
 * the first one and the last 16 do not count. */
uint64_t shelf_hash(struct bytes key);
void shelf_ahead(const struct shelf *shelf, uint64_t hash);
bool shelf_ahead_row(const struct shelf *shelf, uint64_t hash); /* False: there is no such row. */
void shelf_ahead_value(const struct shelf *shelf, uint64_t hash);

uint32_t shelf_count(const struct shelf *shelf); /* Keys. */
size_t shelf_used(const struct shelf *shelf);    /* Of bytes_max. */
size_t shelf_bytes(const struct shelf *shelf);   /* Bytes of memory reserved. */

/* The index, looked into anywhere; and the rows, which are touched from the front as they come. */
struct bytes shelf_table(const struct shelf *shelf);
struct bytes shelf_rows(const struct shelf *shelf);

/* For the merge: the keys in ascending order, each once with its last value. `dropped` says that
 * there is none. What came and went in between is left out. Returns false at the end; begins with
 * *cursor = 0. Sorts at the first call; finding rows may go on meanwhile on another thread. */
bool shelf_next(struct shelf *shelf, uint32_t *cursor, struct bytes *ret_key,
                struct bytes *ret_value, bool *ret_dropped);

#endif
