/* memory_ops -- the functions of the store in memory as a table: for a program that has LMDB's
 * under the names of world/store.h. */
#ifndef TESTS_SIM_MEMORY_OPS_H
#define TESTS_SIM_MEMORY_OPS_H

#include "world/store.h"

struct memory_ops {
    int (*refresh)(struct store *store);
    int (*get)(struct store *store, enum store_table table, struct bytes key,
               struct bytes *ret_value);
    int (*floor)(struct store *store, enum store_table table, struct bytes key,
                 struct bytes *ret_key, struct bytes *ret_value);
    int (*ceiling)(struct store *store, enum store_table table, struct bytes key,
                   struct bytes *ret_key, struct bytes *ret_value);
    int (*reserve)(struct store *store, size_t bytes);
    int (*begin)(struct store *store, struct store_txn **ret_txn);
    int (*put)(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value);
    int (*append)(struct store_txn *txn, enum store_table table, struct bytes key,
                  struct bytes value);
    int (*txn_get)(struct store_txn *txn, enum store_table table, struct bytes key,
                   struct bytes *ret_value);
    int (*txn_floor)(struct store_txn *txn, enum store_table table, struct bytes key,
                     struct bytes *ret_key, struct bytes *ret_value);
    int (*txn_ceiling)(struct store_txn *txn, enum store_table table, struct bytes key,
                       struct bytes *ret_key, struct bytes *ret_value);
    int (*erase)(struct store_txn *txn, enum store_table table, struct bytes key);
    int (*commit)(struct store_txn *txn);
    void (*abort)(struct store_txn *txn);
    int (*clear)(struct store *store);
};

extern const struct memory_ops memory_ops;

#endif
