/* Fuzz: any bytes as qingfen.store of a store whose folders stand. It is refused with a sentence
 * that never repeats the key, or every value is in its range and reads the same a second time. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/world/temp_folder.h"
#include "types/ensure.h"
#include "world/linux/layout.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[TEMP_FOLDER_SIZE];

static void remove_dir(void)
{
    temp_folder_remove(dir);
}

/* Once a process: a store with as many shards as there may be, so that their folders stand. */
static void make_dir(void)
{
    if (dir[0] != '\0') return;
    temp_folder_make(dir);
    atexit(remove_dir);
    ENSURE(layout_create(dir, LAYOUT_SHARDS_MAX, 0, NULL, 0, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[TEMP_FOLDER_SIZE + 32];
    struct layout layout, again;
    struct problem problem = {{0}};
    make_dir();
    snprintf(path, sizeof path, "%s/qingfen.store", dir);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ENSURE(fd >= 0);
    ENSURE(write(fd, data, size) == (ssize_t)size);
    close(fd);
    const int r = layout_open(dir, &layout, &problem);
    ENSURE(r == 0 || r == -EUCLEAN);
    if (r != 0) {
        ENSURE(problem.text[0] != '\0');
        return 0;
    }
    ENSURE(layout.shards >= 1);
    ENSURE(layout.shards <= LAYOUT_SHARDS_MAX);
    ENSURE(layout_open(dir, &again, &problem) == 0);
    ENSURE(memcmp(layout.store_id, again.store_id, sizeof layout.store_id) == 0);
    return 0;
}
