/* memory_ops -- see memory_ops.h. Compiled with the names of memory_names.h, as store.c beside it.
 */
#include "tests/sim/memory_ops.h"

const struct memory_ops memory_ops = {
    .refresh = store_refresh,
    .get = store_get,
    .floor = store_floor,
    .ceiling = store_ceiling,
    .reserve = store_reserve,
    .begin = store_begin,
    .put = store_put,
    .append = store_append,
    .txn_get = store_txn_get,
    .txn_floor = store_txn_floor,
    .txn_ceiling = store_txn_ceiling,
    .erase = store_delete,
    .commit = store_commit,
    .abort = store_abort,
    .clear = store_clear,
};
