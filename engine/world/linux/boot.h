/* boot -- from a store's folder to shards that stand where their journals end. */
#ifndef WORLD_LINUX_BOOT_H
#define WORLD_LINUX_BOOT_H

#include "cycle/calendar.h"
#include "ledger/tables.h"
#include "shard.h"
#include "wallet/params.h"
#include "world/linux/journal_view.h"
#include "world/linux/layout.h"
#include "world/linux/segments.h"

/* Reads and checks the code tables in the store's tables/ folder. -EUCLEAN with a sentence that
 * names file and line. */
int boot_tables(const struct layout *layout, struct tables *ret_tables, struct problem *problem);

/* Reads and checks the holidays in the store's tables/calendar.csv; a store that was made before
 * there was such a table gets the one built into the program, as a new store would. -EUCLEAN as
 * above. */
int boot_calendar(const struct layout *layout, struct calendar *ret_calendar,
                  struct problem *problem);

/* Reads and checks tables/provincial_rules.csv; like the calendar's, a store made before there was
 * such a table gets the one built in. -EUCLEAN as above. */
int boot_params(const struct layout *layout, struct params *ret_params, struct problem *problem);

/* One shard, opened and replayed. */
struct boot_shard {
    struct store *store;
    struct journal_view *journal; /* What the shard reads its old entries from. */
    struct shard *shard;
    char journal_path[LAYOUT_PATH_MAX];
    struct journal_folder folder;
    struct journal_scan scan;
};

/* Fills in the parts of a shard's configuration that the store decides. */
void boot_config(const struct layout *layout, uint32_t shard, const struct tables *tables,
                 const struct params *params, struct shard_config *ret_config);

/* What the command line says about every shard. */
struct boot_options {
    bool manual_clock;
    uint64_t ids; /* Of all shards together, for which memory is reserved. */
};

/* Opens the shard's store, replays its journal from the checkpoint on, and cuts a torn tail. Says
 * on stderr how far it is when it takes more than a second, and when there are more ids than memory
 * for them. 0 or a negative errno with a sentence; then nothing is left open. */
int boot_open(const struct layout *layout, uint32_t shard, const struct tables *tables,
              const struct params *params, const struct boot_options *options,
              struct boot_shard *ret_boot, struct problem *problem);

/* Closes what boot_open() opened, and frees the shard unless it is NULL by now. */
void boot_close(struct boot_shard *boot);

#endif
