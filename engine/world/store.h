/* store -- the second opening of the door: a few sorted maps with transactions.
 *
 * One store holds the materialised state of one shard. Keys are compared as bytes. Everything in
 * it can be rebuilt from the journal; what makes it worth having is (B1): the position in the
 * journal and all that it implies are written in one transaction.
 *
 * Reads see the last committed state at the time of store_refresh(); values are borrowed until
 * the next store_refresh(). One thread reads, one (perhaps another) writes, never two of a kind. */
#ifndef WORLD_STORE_H
#define WORLD_STORE_H

#include "types/bytes.h"

enum store_table {
    STORE_META,   /* "meta" -> struct shard_meta */
    STORE_RECORD, /* first seq (8, big-endian) -> where entries stand, see ledger/stretch.h */
    STORE_ID,     /* run (4, big-endian), first hash (8, big-endian) -> chunk of ids */
    STORE_MARK,   /* seq (8, big-endian) -> a mark, see ledger/chunk.h */
    STORE_CELL, /* period (4, big-endian), payer, payee, line, insurance -> a cell, ledger/book.h */
    STORE_TALLY,  /* kind, period, part, payer, payee, line, insurance -> see ledger/tally.h */
    STORE_CYCLE,  /* seq (8, big-endian) of an ENTRY_CYCLE -> nothing */
    STORE_SHELF,  /* rows of wallets and what belongs to them, see ledger/shelf.h */
    STORE_PERSON, /* run (8), first (8, big-endian) -> whose record each is, see ledger/chunk.h */
    STORE_TABLE_COUNT,
};

struct store;     /* One shard's maps, open. */
struct store_txn; /* A write transaction. */

/* All functions give 0 or a negative errno; -ENOENT says that there is nothing of the kind. */

/* Makes the reads from now on see the newest commit. Ends the borrowing of every value. */
int store_refresh(struct store *store);

/* The entry with exactly that key. */
int store_get(struct store *store, enum store_table table, struct bytes key,
              struct bytes *ret_value);

/* The entry with the greatest key that is not greater than `key`. */
int store_floor(struct store *store, enum store_table table, struct bytes key,
                struct bytes *ret_key, struct bytes *ret_value);

/* The entry with the least key that is not less than `key`; empty: the very first. */
int store_ceiling(struct store *store, enum store_table table, struct bytes key,
                  struct bytes *ret_key, struct bytes *ret_value);

/* Makes room for about `bytes` more, before a write transaction and with no value borrowed. */
int store_reserve(struct store *store, size_t bytes);

/* Begins the one write transaction; on the writer's thread until its end. */
int store_begin(struct store *store, struct store_txn **ret_txn);

/* Copies key and value. -ENOSPC: abort, store_reserve() more, and do it all again. */
int store_put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value);

/* The same for a key that is greater than every key of the table: faster. */
int store_append(struct store_txn *txn, enum store_table table, struct bytes key,
                 struct bytes value);

/* store_get(), store_floor() and store_ceiling() inside the write transaction, on its thread: they
 * see what it wrote; borrowed until the next put. Asked for in ascending order, keys are found
 * faster, and so are the places of puts to the same table. */
int store_txn_get(struct store_txn *txn, enum store_table table, struct bytes key,
                  struct bytes *ret_value);
int store_txn_floor(struct store_txn *txn, enum store_table table, struct bytes key,
                    struct bytes *ret_key, struct bytes *ret_value);
int store_txn_ceiling(struct store_txn *txn, enum store_table table, struct bytes key,
                      struct bytes *ret_key, struct bytes *ret_value);

/* Removes a key; 0 also when it was not there. */
int store_delete(struct store_txn *txn, enum store_table table, struct bytes key);

/* Makes everything durable in one step, synced; ends the transaction whatever it returns. */
int store_commit(struct store_txn *txn);

/* Forgets everything; ends the transaction. */
void store_abort(struct store_txn *txn);

/* Empties all tables, durably, in one step; ends the borrowing of every value. Not while a write
 * transaction is open. */
int store_clear(struct store *store);

#endif
