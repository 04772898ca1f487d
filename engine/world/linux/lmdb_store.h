/* lmdb_store -- the store of world/store.h over one LMDB environment (a folder).
 *
 * Knows pages and transactions, and not what the values mean. The folder must exist; LMDB makes
 * data.mdb and lock.mdb in it. Values are aligned to 2 bytes, no better: copy before reading wide
 * fields. A key is 1 to 511 bytes (-EINVAL).
 *
 * ERRORS  LMDB's own codes become -ENOENT (not found), -ENOSPC (map full), -EEXIST (append out of
 *         order), -EUCLEAN (a damaged file) and -EIO; the system's stay what they are. A full disk
 *         is -ENOSPC as well: who gets it again after store_reserve() should give up. */
#ifndef WORLD_LINUX_LMDB_STORE_H
#define WORLD_LINUX_LMDB_STORE_H

#include "world/linux/lmdb_pages.h"
#include "world/store.h"

/* Looks through the pages of the store in `folder` (lmdb_pages.h), which nobody may have open to
 * write. 0 with *ret_pages set; -ENOENT when there is none yet; -EUCLEAN with a sentence: then
 * store_open() must not be called, for LMDB would follow what is wrong. */
int store_check(const char *folder, struct lmdb_pages *ret_pages, struct problem *problem);

/* Moves the store in `folder` aside, to data.mdb.damaged, durably: the next store_open() begins an
 * empty one. 0 or a negative errno. */
int store_set_aside(const char *folder);

/* Opens the store, and makes its tables unless read_only. `sync` false leaves commits to the page
 * cache: safe against a kill, not against a power cut; for stores that are thrown away. With
 * read_only a store nobody has written yet is -ENOENT, and only the reading functions may be
 * called. The caller sees to it that no two processes write (layout_lock()). */
int store_open(const char *folder, bool read_only, bool sync, struct store **ret_store);

/* The same with the size of the first map in bytes, for tests of its growth; 0: the usual. */
int store_open_sized(const char *folder, bool read_only, bool sync, uint64_t map_bytes,
                     struct store **ret_store);

/* Ends the reads and closes; NULL is fine. No write transaction may be open. */
void store_close(struct store *store);

/* Bytes in use by the newest commit, free pages inside it included: pages x page size. */
uint64_t store_bytes(struct store *store);

/* How the next write transactions reach the disk: pages portion by portion, each synced by itself,
 * so that the journal's writes wait for no more than one; or all of them in one go, which takes
 * half the time. Durable is both when the commit returns. At first: in one go. On the writer's
 * thread, between its transactions. */
void store_write_calmly(struct store *store, bool calmly);

/* How long the commit of the last write transaction took, nanoseconds; 0 when it has not come to
 * one. On the writer's thread, between its transactions. */
uint64_t store_commit_ns(const struct store *store);

#endif
