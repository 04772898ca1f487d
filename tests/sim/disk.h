/* disk -- a disk in memory that forgets what was not synced, behind world/linux/files.h.
 *
 * MODEL  A file is sectors of 512 bytes. What is written can be read at once and is durable after
 *        file_sync(); names are durable after folder_sync() of their folder, whatever became of the
 *        file itself. At a power cut each sector that was written and not synced is, by itself,
 * what it was before, what it is now, or anything it was in between, in any combination with
 *        others: so writes are lost, land and land in another order. On a disk without atomic
 *        sectors one that was about to change may also end with the new bytes up to some place and
 *        the old ones behind it. The size of a file that grew is one it had. Names changed since
 *        the last folder_sync() are taken in order up to some point, as a journaling file system
 *        does it, or in any selection. Only the process dying (disk_kill) loses nothing.
 *
 *        A failed sync is final: the sectors it should have written count as clean from then on.
 *        They can still be read, a later sync does not write them and gives 0, and a power cut may
 *        lose them; only writing them again helps. So does Linux.
 *
 *        A read error belongs to a place: a page of 4096 bytes cannot be read at this try, nor at
 * up to three more, whoever asks and however far around it; then it can, for good, and at once when
 * it is written anew. A disk has no more than 24 such places in its life. So who asks again for
 * what cannot be read gets it some time, and meets the same error before that.
 *
 * There is one disk in use at a time (disk_use), since files.h names none. Everything is chosen by
 * the prng; nothing depends on addresses. Knows no journal and no block. */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include "tests/lib/prng.h"
#include "types/bytes.h"

#define DISK_SECTOR 512

/* Places of a disk that cannot be read, and how often each of them. */
#define DISK_WEAK_PLACES_MAX 24
#define DISK_WEAK_READS_MAX  4

/* How often it happens, in parts per million of the calls it can happen to. */
struct disk_faults {
    uint32_t short_write;
    uint32_t short_read;
    uint32_t read_error;
    uint32_t write_error;
    uint32_t sync_error;
    uint32_t misdirected;
    uint32_t torn;       /* At a power cut, of each sector that is lost: torn inside instead. */
    bool any_name_order; /* Names land in any selection, not in order. */
};

struct disk_counts {
    uint64_t writes;
    uint64_t syncs;
    uint64_t faults;
    uint64_t read_errors; /* Of the faults. */
    uint64_t damages;     /* Misdirected writes and flipped bits. */
};

struct disk;

/* `prng` is borrowed. */
struct disk *disk_new(struct prng *prng);
void disk_free(struct disk *disk); /* NULL is fine. */

/* files.h goes to this one from now on. */
void disk_use(struct disk *disk);

void disk_set_faults(struct disk *disk, const struct disk_faults *faults);

/* No room for a byte more, until it is said otherwise. */
void disk_set_full(struct disk *disk, bool full);

/* After so many calls more, everything fails with -EIO, as if the machine were gone, until
 * disk_kill() or disk_power_cut(); 0: never. disk_gone() says that it is so. */
void disk_stop_after(struct disk *disk, uint64_t calls);
bool disk_gone(const struct disk *disk);

/* Counts as such a call; true when the machine is gone. */
bool disk_call(struct disk *disk);

/* The process ends: its files are closed, nothing else happens to them. */
void disk_kill(struct disk *disk);

/* The power goes, and comes back: see MODEL. */
void disk_power_cut(struct disk *disk);

/* Flips a bit in [from, to) of a file; false when there is no such file. */
bool disk_rot(struct disk *disk, const char *path, uint64_t from, uint64_t to);

void disk_get_counts(const struct disk *disk, struct disk_counts *ret_counts);

#endif
