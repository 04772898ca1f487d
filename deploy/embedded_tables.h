/* embedded_tables -- the files of deploy/tables as they were when the program was built.
 *
 * `qingfen init` copies them into a new store's tables/ folder. From then on the store's own files
 * count: a store keeps its rules when the program is upgraded, and an operator edits them there. */
#ifndef DEPLOY_EMBEDDED_TABLES_H
#define DEPLOY_EMBEDDED_TABLES_H

#include <stddef.h>
#include <stdint.h>

struct embedded_file {
    const char *name;    /* "provinces.csv", without a folder. */
    const uint8_t *data; /* Static memory, not ended by NUL. */
    size_t size;         /* Bytes. */
};

/* In the order of enum table_file, a test compares the names with table_file_names; then
 * calendar.csv and provincial_rules.csv. */
extern const struct embedded_file embedded_tables[];
extern const size_t embedded_table_count;

#endif
