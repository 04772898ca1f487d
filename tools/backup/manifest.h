/* manifest -- what a run of `qingfen backup` vouches for, as text that a person can check.
 *
 * BACKUP/run-00000001.txt is written when all that it names is on stable storage, and never
 * changed; the run with the greatest number counts. docs/formats.md, Backup, has the lines. A run
 * names the SHA-256 of the file of the run before, so the runs are a chain like the journal; the
 * last line is the SHA-256 of those above it, so a flipped bit in the newest one is found, too. */
#ifndef BACKUP_MANIFEST_H
#define BACKUP_MANIFEST_H

#include "util/checksum.h"
#include "world/linux/layout.h"
#include "world/linux/segments.h"

#define BACKUP_FORMAT      1
#define BACKUP_FILES_MAX   64
#define BACKUP_NAME_MAX    128 /* "tables/NAME@RUN" and its end mark. */
#define BACKUP_STORE_FILE  "store.txt"
#define BACKUP_FOLDER_MODE 0750
#define BACKUP_FILE_MODE   0640

/* A file beside the journal: the store's description, a table. */
struct backup_file {
    char name[BACKUP_NAME_MAX]; /* In the backup. */
    uint8_t sum[SHA256_SIZE];
};

/* How far a shard's journal goes in a run. */
struct backup_shard {
    struct journal_position end;
    int64_t stamp_ms; /* Of its last entry; INT64_MIN: it has none. */
};

struct manifest {
    uint32_t run; /* From 1. */
    uint8_t store_id[STORE_ID_SIZE];
    uint32_t shards;
    int64_t began_ms; /* By the clock of the machine. */
    /* By the engine's clock: everything stamped up to here is in it that was answered. */
    int64_t horizon_ms;
    uint8_t previous[SHA256_SIZE]; /* Of the file of the run before; zeros for run 1. */
    struct backup_file files[BACKUP_FILES_MAX]; /* The first is BACKUP_STORE_FILE. */
    uint32_t file_count;
    struct backup_shard shard[LAYOUT_SHARDS_MAX];
    uint8_t sum[SHA256_SIZE]; /* Of its whole file, once written or read. */
};

/* "BACKUP/run-00000007.txt" */
void manifest_path(const char *folder, uint32_t run, char ret_path[LAYOUT_PATH_MAX]);

/* Reads the run. -ENOENT: there is none of that number; -EUCLEAN: it is damaged. */
int manifest_read(const char *folder, uint32_t run, struct manifest *ret_manifest,
                  struct problem *problem);

/* The newest run. -ENOENT with a sentence: this is no backup. */
int manifest_newest(const char *folder, struct manifest *ret_manifest, struct problem *problem);

/* Writes it under its name, durable, in one step. Sets manifest->sum. */
int manifest_write(const char *folder, struct manifest *manifest, struct problem *problem);

/* "BACKUP/shard-0000" */
void backup_shard_path(const char *folder, uint32_t shard, char ret_path[LAYOUT_PATH_MAX]);

/* A small file whole; the caller frees *ret_text. -ENOENT and what the system says, told. */
int backup_read_file(const char *path, uint8_t **ret_text, size_t *ret_size,
                     struct problem *problem);

/* Writes a new file, durable, in one step under its name (its folder as well). */
int backup_write_file(const char *folder, const char *path, struct bytes text,
                      struct problem *problem);

#endif
