/* temp_folder -- a folder of its own for a test, and its removal. */
#ifndef TESTS_UNIT_WORLD_TEMP_FOLDER_H
#define TESTS_UNIT_WORLD_TEMP_FOLDER_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEMP_FOLDER_SIZE 64

/* Makes a new folder and writes its path; stops the test program when it cannot. */
static inline void temp_folder_make(char ret_path[TEMP_FOLDER_SIZE])
{
    strcpy(ret_path, "/tmp/qingfen-test-XXXXXX");
    if (mkdtemp(ret_path) == NULL) abort();
}

static inline int temp_folder_entry(const char *path, const struct stat *stat, int type,
                                    struct FTW *walk)
{
    (void)stat, (void)type, (void)walk;
    return remove(path);
}

/* Removes it with everything inside. */
static inline void temp_folder_remove(const char *path)
{
    nftw(path, temp_folder_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
