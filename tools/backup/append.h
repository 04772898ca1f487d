/* append -- writes blocks behind those that a folder of segments has: a backup's, or a store's that
 * is being restored. Nothing counts before append_close(), which makes it durable. */
#ifndef BACKUP_APPEND_H
#define BACKUP_APPEND_H

#include "tools/backup/blocks.h"

struct append {
    const char *path;             /* Borrowed. */
    struct journal_folder folder; /* Whose heads are written. */
    bool whole;                   /* Segments have their full size: a store's. */
    int fd;
    uint32_t segment;
    uint64_t end;    /* Of what the open file has, the buffer's part not counted. */
    uint8_t *buffer; /* Owned. */
    size_t used;
    uint64_t unsynced;
};

/* Goes on behind `from` in the folder `path`; `folder` says whose segments they are. */
int append_open(struct append *append, const char *path, const struct journal_folder *folder,
                const struct journal_position *from, struct problem *problem);

/* Puts a block where it stands in its journal; the first one of a segment brings the head. */
int append_block(struct append *append, uint32_t segment, uint64_t offset, uint64_t number,
                 struct bytes bytes, struct problem *problem);

/* Writes and syncs the rest when all went well, and frees what is there. */
int append_close(struct append *append, bool good, struct problem *problem);

/* Cuts off whatever stands behind `end` in a backup's folder. -EUCLEAN when less is there. */
int append_cut(const char *path, const struct journal_position *end, struct problem *problem);

#endif
