/* disk -- see disk.h.
 *
 * A file keeps what can be read now, and for every sector that may not have reached the platter a
 * list of what it was before: undone at a power cut, forgotten at a sync. Pages of zeros take no
 * memory, so that a prepared segment costs nothing. */
#include "tests/sim/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "types/ensure.h"
#include "world/linux/files.h"

#define PAGE         4096
#define PATH_ROOM    64
#define HANDLES_MAX  64
#define MILLION      1000000
#define NO_OLD_BYTES UINT32_MAX

static const uint8_t zeros[PAGE];

/* A sector that was written and not synced. */
struct unsynced {
    uint32_t sector;
    uint32_t old_at; /* Where its bytes before stand in old_bytes; NO_OLD_BYTES: they were zeros. */
    bool forgotten;  /* A sync of it failed: the next one does not know of it. */
};

struct disk_file {
    bool used;
    uint64_t size;
    uint64_t synced_size;
    uint8_t **pages; /* NULL: zeros. */
    uint32_t page_count;
    struct unsynced *unsynced; /* In the order of the writes. */
    uint32_t unsynced_count;
    uint32_t unsynced_room;
    uint8_t *old_bytes; /* Sectors. */
    uint32_t old_count;
    uint32_t old_room;
};

struct disk_name {
    char path[PATH_ROOM];
    uint32_t file;
};

struct disk_names {
    struct disk_name *list;
    uint32_t count;
    uint32_t room;
};

/* A change of names: `path` begins to name `file`, `gone` ends to name anything; either may be
 * empty. */
struct name_change {
    char path[PATH_ROOM];
    char gone[PATH_ROOM];
    uint32_t file;
};

struct disk_handle {
    bool open;
    bool direct;
    bool writes;
    uint32_t file;
};

/* A page that cannot be read. */
struct weak_place {
    uint32_t file;
    uint64_t page;
    uint32_t reads_left; /* That will fail; 0: it can be read again, for good. */
};

struct disk {
    struct prng *prng;
    struct disk_faults faults;
    struct disk_counts counts;
    bool full;
    uint64_t stop_after; /* 0: not counting. */
    bool gone;

    struct disk_file *files;
    uint32_t file_count;
    uint32_t file_room;
    struct disk_names names; /* As they can be seen. */
    struct disk_names kept;  /* As they are durable. */
    struct name_change *changes;
    uint32_t change_count;
    uint32_t change_room;
    struct disk_handle handles[HANDLES_MAX];
    struct weak_place weak[DISK_WEAK_PLACES_MAX]; /* In the order in which they were met. */
    uint32_t weak_count;
};

static struct disk *current;

/* ---- memory -------------------------------------------------------------------------------- */

/* Room for one more of `size` bytes each. */
static void *grow(void *list, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room) return list;
    *room = *room == 0 ? 16 : 2 * *room;
    void *more = realloc(list, *room * size);
    ENSURE(more != NULL);
    return more;
}

static void file_free(struct disk_file *file)
{
    for (uint32_t i = 0; i < file->page_count; i++)
        free(file->pages[i]);
    free(file->pages);
    free(file->unsynced);
    free(file->old_bytes);
    *file = (struct disk_file){0};
}

struct disk *disk_new(struct prng *prng)
{
    struct disk *disk = calloc(1, sizeof *disk);
    ENSURE(disk != NULL);
    disk->prng = prng;
    return disk;
}

void disk_free(struct disk *disk)
{
    if (disk == NULL) return;
    for (uint32_t i = 0; i < disk->file_count; i++)
        file_free(&disk->files[i]);
    free(disk->files);
    free(disk->names.list);
    free(disk->kept.list);
    free(disk->changes);
    if (current == disk) current = NULL;
    free(disk);
}

void disk_use(struct disk *disk)
{
    current = disk;
}

void disk_set_faults(struct disk *disk, const struct disk_faults *faults)
{
    disk->faults = *faults;
}

void disk_set_full(struct disk *disk, bool full)
{
    disk->full = full;
}

void disk_stop_after(struct disk *disk, uint64_t calls)
{
    disk->stop_after = calls;
}

bool disk_gone(const struct disk *disk)
{
    return disk->gone;
}

void disk_get_counts(const struct disk *disk, struct disk_counts *ret_counts)
{
    *ret_counts = disk->counts;
}

/* ---- chance -------------------------------------------------------------------------------- */

static bool happens(struct disk *disk, uint32_t of_million)
{
    if (of_million == 0 || prng_below(disk->prng, MILLION) >= of_million) return false;
    disk->counts.faults++;
    return true;
}

bool disk_call(struct disk *disk)
{
    if (disk->stop_after != 0 && --disk->stop_after == 0) disk->gone = true;
    return disk->gone;
}

/* ---- names --------------------------------------------------------------------------------- */

static void path_copy(char to[PATH_ROOM], const char *path)
{
    const size_t size = strlen(path);
    ENSURE(size < PATH_ROOM);
    memset(to, 0, PATH_ROOM);
    memcpy(to, path, size);
}

static struct disk_name *names_find(const struct disk_names *names, const char *path)
{
    for (uint32_t i = names->count; i-- > 0;) { /* What is new is asked for most. */
        if (strcmp(names->list[i].path, path) == 0) return &names->list[i];
    }
    return NULL;
}

static void names_apply(struct disk_names *names, const struct name_change *change)
{
    if (change->gone[0] != '\0') {
        struct disk_name *gone = names_find(names, change->gone);
        if (gone != NULL) {
            const size_t behind = (size_t)(names->list + names->count - gone - 1);
            memmove(gone, gone + 1, behind * sizeof *gone);
            names->count--;
        }
    }
    if (change->path[0] == '\0') return;
    struct disk_name *name = names_find(names, change->path);
    if (name == NULL) {
        names->list = grow(names->list, names->count, &names->room, sizeof *names->list);
        name = &names->list[names->count++];
        path_copy(name->path, change->path);
    }
    name->file = change->file;
}

static void change_names(struct disk *disk, const char *path, const char *gone, uint32_t file)
{
    disk->changes =
        grow(disk->changes, disk->change_count, &disk->change_room, sizeof *disk->changes);
    struct name_change *change = &disk->changes[disk->change_count++];
    path_copy(change->path, path);
    path_copy(change->gone, gone);
    change->file = file;
    names_apply(&disk->names, change);
}

/* True when the path is one of the folder's, not of one below it. */
static bool is_in_folder(const char *path, const char *folder)
{
    const size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && path[size] == '/' &&
           strchr(path + size + 1, '/') == NULL;
}

static bool change_is_in(const struct name_change *change, const char *folder)
{
    return is_in_folder(change->path[0] != '\0' ? change->path : change->gone, folder);
}

static void sync_names(struct disk *disk, const char *folder)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < disk->change_count; i++) {
        if (change_is_in(&disk->changes[i], folder)) {
            names_apply(&disk->kept, &disk->changes[i]);
        } else {
            disk->changes[left++] = disk->changes[i];
        }
    }
    disk->change_count = left;
}

/* Frees the files that nothing can lead to any more. */
static void collect(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->file_count; i++) {
        bool named = false;
        for (uint32_t k = 0; k < disk->names.count && !named; k++)
            named = disk->names.list[k].file == i;
        for (uint32_t k = 0; k < disk->kept.count && !named; k++)
            named = disk->kept.list[k].file == i;
        for (uint32_t k = 0; k < disk->change_count && !named; k++)
            named = disk->changes[k].file == i;
        for (uint32_t k = 0; k < HANDLES_MAX && !named; k++)
            named = disk->handles[k].open && disk->handles[k].file == i;
        if (!named) file_free(&disk->files[i]);
    }
}

/* ---- sectors ------------------------------------------------------------------------------- */

static uint8_t *sector_at(const struct disk_file *file, uint32_t sector)
{
    const uint32_t page = sector / (PAGE / DISK_SECTOR);
    if (page >= file->page_count || file->pages[page] == NULL) return NULL;
    return file->pages[page] + sector % (PAGE / DISK_SECTOR) * DISK_SECTOR;
}

static uint8_t *page_to_write(struct disk_file *file, uint32_t page)
{
    if (page >= file->page_count) {
        uint32_t count = file->page_count == 0 ? 16 : file->page_count;
        while (count <= page)
            count *= 2;
        file->pages = realloc(file->pages, count * sizeof *file->pages);
        ENSURE(file->pages != NULL);
        memset(file->pages + file->page_count, 0, (count - file->page_count) * sizeof *file->pages);
        file->page_count = count;
    }
    if (file->pages[page] == NULL) {
        file->pages[page] = calloc(1, PAGE);
        ENSURE(file->pages[page] != NULL);
    }
    return file->pages[page];
}

static void sector_put(struct disk_file *file, uint32_t sector, const uint8_t *bytes)
{
    uint8_t *page = page_to_write(file, sector / (PAGE / DISK_SECTOR));
    memcpy(page + sector % (PAGE / DISK_SECTOR) * DISK_SECTOR, bytes, DISK_SECTOR);
}

/* Remembers what the sector is before it changes. */
static void keep_old(struct disk_file *file, uint32_t sector)
{
    file->unsynced =
        grow(file->unsynced, file->unsynced_count, &file->unsynced_room, sizeof *file->unsynced);
    struct unsynced *unsynced = &file->unsynced[file->unsynced_count++];
    *unsynced = (struct unsynced){.sector = sector, .old_at = NO_OLD_BYTES};
    const uint8_t *old = sector_at(file, sector);
    if (old == NULL || memcmp(old, zeros, DISK_SECTOR) == 0) return;
    file->old_bytes = grow(file->old_bytes, file->old_count, &file->old_room, DISK_SECTOR);
    memcpy(file->old_bytes + (size_t)file->old_count * DISK_SECTOR, old, DISK_SECTOR);
    unsynced->old_at = file->old_count++;
}

/* Part of one sector. Writing what stands there already is no write to lose, unless a sync of it
 * failed before: then this is what saves it. */
static void write_sector(struct disk_file *file, uint32_t sector, uint32_t at, const uint8_t *bytes,
                         uint32_t size)
{
    const uint8_t *old = sector_at(file, sector);
    const bool same = memcmp(old == NULL ? zeros : old + at, bytes, size) == 0;
    if (same && file->unsynced_count == 0) return;
    keep_old(file, sector);
    if (same) return;
    uint8_t *page = page_to_write(file, sector / (PAGE / DISK_SECTOR));
    memcpy(page + sector % (PAGE / DISK_SECTOR) * DISK_SECTOR + at, bytes, size);
}

static void write_bytes(struct disk_file *file, const uint8_t *data, size_t size, uint64_t offset)
{
    const uint64_t end = offset + size;
    while (offset < end) {
        const uint32_t at = (uint32_t)(offset % DISK_SECTOR);
        uint64_t part = DISK_SECTOR - at;
        if (part > end - offset) part = end - offset;
        write_sector(file, (uint32_t)(offset / DISK_SECTOR), at, data, (uint32_t)part);
        data += part;
        offset += part;
    }
    if (end > file->size) file->size = end;
}

static int compare_sectors(const void *a, const void *b)
{
    const uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    return (first > second) - (first < second);
}

/* What a sync makes durable: every sector written since the last one, with all it was before. What
 * an earlier sync failed to write stays in doubt, unless it was written again. */
static void settle(struct disk_file *file)
{
    uint32_t *written = malloc((file->unsynced_count + 1) * sizeof *written);
    ENSURE(written != NULL);
    uint32_t count = 0;
    for (uint32_t i = 0; i < file->unsynced_count; i++) {
        if (!file->unsynced[i].forgotten) written[count++] = file->unsynced[i].sector;
    }
    uint32_t left = 0;
    if (count < file->unsynced_count) {
        qsort(written, count, sizeof *written, compare_sectors);
        for (uint32_t i = 0; i < file->unsynced_count; i++) {
            const struct unsynced *unsynced = &file->unsynced[i];
            if (bsearch(&unsynced->sector, written, count, sizeof *written, compare_sectors) ==
                NULL)
                file->unsynced[left++] = *unsynced;
        }
    }
    free(written);
    file->unsynced_count = left;
    if (left == 0) file->old_count = 0;
    file->synced_size = file->size;
}

static void sync_failed(struct disk_file *file)
{
    for (uint32_t i = 0; i < file->unsynced_count; i++)
        file->unsynced[i].forgotten = true;
}

/* ---- places that cannot be read -------------------------------------------------------------- */

static bool lies_in(const struct weak_place *place, uint32_t file, uint64_t offset, size_t size)
{
    return place->file == file && place->page * PAGE < offset + size &&
           offset < (place->page + 1) * PAGE;
}

/* A new place, where the read begins. */
static bool meets_place(struct disk *disk, uint32_t file, uint64_t offset)
{
    if (disk->weak_count == DISK_WEAK_PLACES_MAX) return false;
    for (uint32_t i = 0; i < disk->weak_count; i++) {
        if (lies_in(&disk->weak[i], file, offset, 1)) return false;
    }
    if (!happens(disk, disk->faults.read_error)) return false;
    disk->weak[disk->weak_count++] = (struct weak_place){
        .file = file,
        .page = offset / PAGE,
        .reads_left = (uint32_t)prng_below(disk->prng, DISK_WEAK_READS_MAX),
    };
    return true;
}

static bool meets_known_place(struct disk *disk, uint32_t file, uint64_t offset, size_t size)
{
    for (uint32_t i = 0; i < disk->weak_count; i++) {
        struct weak_place *place = &disk->weak[i];
        if (place->reads_left == 0 || !lies_in(place, file, offset, size)) continue;
        place->reads_left--;
        disk->counts.faults++;
        return true;
    }
    return false;
}

/* True when a read of these bytes fails. */
static bool cannot_read(struct disk *disk, uint32_t file, uint64_t offset, size_t size)
{
    if (disk->faults.read_error == 0) return false;
    if (!meets_known_place(disk, file, offset, size) && !meets_place(disk, file, offset))
        return false;
    disk->counts.read_errors++;
    return true;
}

/* A sector that is written is another one from then on, if the disk has to look for one. */
static void heal(struct disk *disk, uint32_t file, uint64_t offset, size_t size)
{
    for (uint32_t i = 0; i < disk->weak_count; i++) {
        if (lies_in(&disk->weak[i], file, offset, size)) disk->weak[i].reads_left = 0;
    }
}

/* ---- power cuts ---------------------------------------------------------------------------- */

/* One sector that was not synced: it stays, or is what it was before that write. */
static bool undo_sector(struct disk *disk, struct disk_file *file, const struct unsynced *unsynced,
                        uint32_t lost_of_16)
{
    if (prng_below(disk->prng, 16) >= lost_of_16) return false;
    uint8_t now[DISK_SECTOR];
    const uint8_t *old = unsynced->old_at == NO_OLD_BYTES
                             ? zeros
                             : file->old_bytes + (size_t)unsynced->old_at * DISK_SECTOR;
    const uint8_t *stands = sector_at(file, unsynced->sector);
    memcpy(now, stands == NULL ? zeros : stands, DISK_SECTOR);
    bool torn = disk->faults.torn != 0 && prng_below(disk->prng, MILLION) < disk->faults.torn;
    const size_t keeps = torn ? prng_below(disk->prng, DISK_SECTOR) : 0;
    memcpy(now + keeps, old + keeps, DISK_SECTOR - keeps);
    sector_put(file, unsynced->sector, now);
    return !torn; /* An older state still may show. */
}

static void cut_file(struct disk *disk, struct disk_file *file)
{
    if (file->unsynced_count == 0 && file->synced_size == file->size) return;
    /* All of it, none of it, or any mixture. */
    static const uint32_t moods[] = {0, 16, 2, 8, 14};
    const uint32_t lost_of_16 = moods[prng_below(disk->prng, sizeof moods / sizeof moods[0])];
    const uint32_t sectors = (uint32_t)((file->size + DISK_SECTOR - 1) / DISK_SECTOR);
    uint8_t *settled = calloc(1, sectors + 1); /* The sector has its last state. */
    ENSURE(settled != NULL);
    for (uint32_t i = file->unsynced_count; i-- > 0;) {
        const struct unsynced *unsynced = &file->unsynced[i];
        if (settled[unsynced->sector] != 0) continue;
        if (!undo_sector(disk, file, unsynced, lost_of_16)) settled[unsynced->sector] = 1;
    }
    free(settled);
    file->unsynced_count = file->old_count = 0;
    if (file->synced_size < file->size) {
        const uint64_t grown = (file->size - file->synced_size) / DISK_SECTOR;
        if (lost_of_16 == 16) file->size = file->synced_size;
        if (lost_of_16 != 16 && lost_of_16 != 0)
            file->size = file->synced_size + prng_below(disk->prng, grown + 1) * DISK_SECTOR;
    }
    file->synced_size = file->size;
}

static void cut_names(struct disk *disk)
{
    const uint64_t landed = prng_below(disk->prng, disk->change_count + 1);
    for (uint32_t i = 0; i < disk->change_count; i++) {
        const bool lands = disk->faults.any_name_order ? prng_chance(disk->prng, 500) : i < landed;
        if (lands) names_apply(&disk->kept, &disk->changes[i]);
    }
    disk->change_count = 0;
    disk->names.count = 0;
    for (uint32_t i = 0; i < disk->kept.count; i++) {
        const struct disk_name *kept = &disk->kept.list[i];
        disk->names.list =
            grow(disk->names.list, disk->names.count, &disk->names.room, sizeof *kept);
        disk->names.list[disk->names.count++] = *kept;
    }
}

void disk_kill(struct disk *disk)
{
    memset(disk->handles, 0, sizeof disk->handles);
    disk->gone = false;
    disk->stop_after = 0;
}

void disk_power_cut(struct disk *disk)
{
    disk_kill(disk);
    for (uint32_t i = 0; i < disk->file_count; i++) {
        if (disk->files[i].used) cut_file(disk, &disk->files[i]);
    }
    if (disk->change_count != 0) cut_names(disk);
    collect(disk);
}

bool disk_rot(struct disk *disk, const char *path, uint64_t from, uint64_t to)
{
    const struct disk_name *name = names_find(&disk->names, path);
    if (name == NULL || from >= to) return false;
    struct disk_file *file = &disk->files[name->file];
    if (to > file->size) return false;
    const uint64_t at = from + prng_below(disk->prng, to - from);
    page_to_write(file, (uint32_t)(at / PAGE))[at % PAGE] ^=
        (uint8_t)(1u << prng_below(disk->prng, 8));
    disk->counts.faults++;
    disk->counts.damages++;
    return true;
}

/* ---- files.h ------------------------------------------------------------------------------- */

static uint32_t file_new(struct disk *disk)
{
    uint32_t index = 0;
    while (index < disk->file_count && disk->files[index].used)
        index++;
    if (index == disk->file_count) {
        disk->files = grow(disk->files, disk->file_count, &disk->file_room, sizeof *disk->files);
        disk->file_count++;
    }
    disk->files[index] = (struct disk_file){.used = true};
    return index;
}

/* NULL for a number that names no open file. */
static struct disk_file *file_of(struct disk *disk, int file)
{
    if (file < 0 || file >= HANDLES_MAX || !disk->handles[file].open) return NULL;
    return &disk->files[disk->handles[file].file];
}

int file_open(const char *path, enum file_use use, int *ret_file)
{
    struct disk *disk = current;
    if (disk_call(disk)) return -EIO;
    int handle = 0;
    while (handle < HANDLES_MAX && disk->handles[handle].open)
        handle++;
    if (handle == HANDLES_MAX) return -EMFILE;
    const struct disk_name *name = names_find(&disk->names, path);
    if (name == NULL && use != FILE_MAKE) return -ENOENT;
    uint32_t file = name == NULL ? 0 : name->file;
    if (use == FILE_MAKE) { /* Cutting off what stands there is a new file under the old name. */
        if (disk->full) return -ENOSPC;
        file = file_new(disk);
        change_names(disk, path, "", file);
    }
    disk->handles[handle] = (struct disk_handle){
        .open = true,
        .direct = use == FILE_WRITE_DIRECT,
        .writes = use != FILE_READ && use != FILE_READ_DIRECT,
        .file = file,
    };
    *ret_file = handle;
    return 0;
}

int file_close(int file)
{
    if (file_of(current, file) == NULL) return -EBADF;
    current->handles[file].open = false;
    return 0;
}

int file_size(int file, uint64_t *ret_bytes)
{
    const struct disk_file *open = file_of(current, file);
    if (disk_call(current)) return -EIO;
    if (open == NULL) return -EBADF;
    *ret_bytes = open->size;
    return 0;
}

int64_t file_read(int file, void *out, size_t size, uint64_t offset)
{
    struct disk *disk = current;
    const struct disk_file *open = file_of(disk, file);
    if (disk_call(disk)) return -EIO;
    if (open == NULL) return -EBADF;
    if (offset >= open->size || size == 0) return 0;
    if (size > open->size - offset) size = open->size - offset;
    if (cannot_read(disk, disk->handles[file].file, offset, size)) return -EIO;
    if (size > 1 && happens(disk, disk->faults.short_read))
        size = 1 + prng_below(disk->prng, size - 1);
    uint8_t *to = out;
    for (uint64_t end = offset + size; offset < end;) {
        const uint64_t at = offset % PAGE;
        const uint64_t part = PAGE - at < end - offset ? PAGE - at : end - offset;
        const uint64_t page = offset / PAGE;
        const bool there = page < open->page_count && open->pages[page] != NULL;
        memcpy(to, there ? open->pages[page] + at : zeros, part);
        to += part;
        offset += part;
    }
    return (int64_t)size;
}

int64_t file_write(int file, const void *data, size_t size, uint64_t offset)
{
    struct disk *disk = current;
    struct disk_file *open = file_of(disk, file);
    if (disk_call(disk)) return -EIO;
    if (open == NULL || !disk->handles[file].writes) return -EBADF;
    disk->counts.writes++;
    if (happens(disk, disk->faults.write_error)) return -EIO;
    if (disk->full && offset + size > open->size) return -ENOSPC;
    if (size > DISK_SECTOR && happens(disk, disk->faults.short_write))
        size = (1 + prng_below(disk->prng, size / DISK_SECTOR - 1)) * DISK_SECTOR;
    uint64_t at = offset;
    const bool room = offset + size + PAGE <= open->size;
    if (room && disk->handles[file].direct && happens(disk, disk->faults.misdirected)) {
        at += PAGE * (1 + prng_below(disk->prng, (open->size - offset - size) / PAGE));
        disk->counts.damages++;
    }
    write_bytes(open, data, size, at);
    heal(disk, disk->handles[file].file, at, size);
    return (int64_t)size;
}

int file_reserve(int file, uint64_t bytes)
{
    struct disk_file *open = file_of(current, file);
    if (disk_call(current)) return -EIO;
    if (open == NULL || !current->handles[file].writes) return -EBADF;
    if (current->full) return -ENOSPC;
    if (bytes > open->size) open->size = bytes;
    return 0;
}

int file_cached(int file)
{
    return file_of(current, file) == NULL ? -EBADF : 0;
}

void file_reading_done(struct file_reading *reading)
{
    (void)reading;
}

void file_read_begin(struct file_reading *reading, int file, void *out, size_t size,
                     uint64_t offset)
{
    *reading = (struct file_reading){NULL, file, out, size, offset, .works = false};
}

int64_t file_read_end(struct file_reading *reading)
{
    return file_read(reading->file, reading->out, reading->size, reading->offset);
}

int file_sync(int file)
{
    struct disk *disk = current;
    struct disk_file *open = file_of(disk, file);
    if (disk_call(disk)) return -EIO;
    if (open == NULL) return -EBADF;
    disk->counts.syncs++;
    if (happens(disk, disk->faults.sync_error)) {
        sync_failed(open);
        return -EIO;
    }
    settle(open);
    return 0;
}

bool file_exists(const char *path)
{
    return names_find(&current->names, path) != NULL;
}

int file_rename(const char *path, const char *new_path)
{
    if (disk_call(current)) return -EIO;
    const struct disk_name *name = names_find(&current->names, path);
    if (name == NULL) return -ENOENT;
    change_names(current, new_path, path, name->file);
    return 0;
}

int file_remove(const char *path)
{
    if (disk_call(current)) return -EIO;
    const struct disk_name *name = names_find(&current->names, path);
    if (name == NULL) return -ENOENT;
    change_names(current, "", path, name->file);
    return 0;
}

int folder_list(const char *path, folder_visit_fn *visit, void *context)
{
    if (disk_call(current)) return -EIO;
    for (uint32_t i = 0; i < current->names.count; i++) {
        if (is_in_folder(current->names.list[i].path, path))
            visit(context, current->names.list[i].path + strlen(path) + 1);
    }
    return 0;
}

int folder_sync(const char *path)
{
    if (disk_call(current)) return -EIO;
    current->counts.syncs++;
    if (happens(current, current->faults.sync_error)) return -EIO;
    sync_names(current, path);
    return 0;
}
