/* load_transfers -- `qingfen load --transfers`: wallet transfers instead of settlements. */
#ifndef QINGFEN_LOAD_TRANSFERS_H
#define QINGFEN_LOAD_TRANSFERS_H

#include "tools/client/fleet.h"

struct load_transfers {
    struct client_address address;
    uint64_t pairs;   /* Givers, each with a receiver of his own. */
    uint64_t seconds; /* How long transfers are begun. */
    uint64_t count;   /* Transfers at most; UINT64_MAX: no limit. */
    uint64_t window;  /* Transfers under way. */
    uint64_t seed;
    uint32_t lanes; /* Connections; 0: one for each shard. */
};

/* Opens the wallets, binds and grants, then measures transfers from submit to accepted. The exit
 * status. It loosens the provincial rules of the store it is pointed at (limits of a day, the
 * night, pa_hold_mode): not for a store anybody needs. */
int load_transfers_run(const struct load_transfers *options);

#endif
