/* memory_names -- other names for the functions of world/store.h, so that the store in memory can
 * stand beside the one of LMDB. Included before everything else when it is compiled for that. */
#ifndef TESTS_SIM_MEMORY_NAMES_H
#define TESTS_SIM_MEMORY_NAMES_H

#define store_refresh     memory_refresh
#define store_get         memory_get
#define store_floor       memory_floor
#define store_ceiling     memory_ceiling
#define store_reserve     memory_reserve
#define store_begin       memory_begin
#define store_put         memory_put
#define store_append      memory_append
#define store_txn_get     memory_txn_get
#define store_txn_floor   memory_txn_floor
#define store_txn_ceiling memory_txn_ceiling
#define store_delete      memory_delete
#define store_commit      memory_commit
#define store_abort       memory_abort
#define store_clear       memory_clear

#endif
