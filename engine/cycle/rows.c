/* rows -- the cycle's rows in memory: an array a kind, in the order they came, found by key.
 *
 * Must not know what a row means. */
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "util/checksum.h"

#define INFO(type, key)                         \
    {                                           \
        .size = sizeof(type), .key_size = (key) \
    }

const struct row_info row_infos[ROW_KIND_END] = {
    [ROW_SETTING] = INFO(struct setting_row, offsetof(struct setting_row, value)),
    [ROW_RECON] = INFO(struct recon_row, offsetof(struct recon_row, count)),
    [ROW_DIFFERENCE] = INFO(struct difference_row, offsetof(struct difference_row, period)),
    [ROW_EXCEPTION] = INFO(struct exception_row, offsetof(struct exception_row, record)),
    [ROW_CONFIRM] = INFO(struct confirm_row, offsetof(struct confirm_row, count)),
    [ROW_DISPUTE] = INFO(struct dispute_row, offsetof(struct dispute_row, ref)),
    [ROW_RECOVERY] = INFO(struct recovery_row, offsetof(struct recovery_row, ref)),
    [ROW_FROZEN] = INFO(struct frozen_row, offsetof(struct frozen_row, count)),
    [ROW_BATCH] = INFO(struct batch_row, offsetof(struct batch_row, id)),
    [ROW_LINE] = INFO(struct line_row, offsetof(struct line_row, cell)),
    [ROW_SIGN] = INFO(struct sign_row, offsetof(struct sign_row, version)),
    [ROW_CARRY] = INFO(struct carry_row, offsetof(struct carry_row, funds)),
    [ROW_NOTICE] = INFO(struct notice_row, offsetof(struct notice_row, id)),
    [ROW_PAYMENT] = INFO(struct payment_row, offsetof(struct payment_row, amount)),
    [ROW_PREFUND] = INFO(struct prefund_row, offsetof(struct prefund_row, amount)),
    [ROW_APPLICATION] = INFO(struct application_row, offsetof(struct application_row, amount)),
    [ROW_ORDER] = INFO(struct order_row, offsetof(struct order_row, type)),
    [ROW_POSTING] = INFO(struct posting_row, 0),
};

#define FIRST_ROOM 64

static uint32_t place_of(const struct row_set *set, const struct row_info *info, const void *key)
{
    return (uint32_t)checksum_hash64(0, key, info->key_size) & (set->index_room - 1);
}

static uint8_t *row_at(const struct row_set *set, const struct row_info *info, uint32_t number)
{
    return set->rows + (size_t)number * info->size;
}

/* The index place that holds the key, or the free one where it would go. */
static uint32_t probe(const struct row_set *set, const struct row_info *info, const void *key)
{
    uint32_t place = place_of(set, info, key);
    while (set->index[place] != 0 &&
           memcmp(row_at(set, info, set->index[place] - 1), key, info->key_size) != 0)
        place = (place + 1) & (set->index_room - 1);
    return place;
}

static bool grow(struct row_set *set, const struct row_info *info)
{
    const uint32_t room = set->room == 0 ? FIRST_ROOM : 2 * set->room;
    uint8_t *rows = realloc(set->rows, (size_t)room * info->size);
    if (rows == NULL) return false;
    set->rows = rows;
    uint32_t *index = calloc(2 * (size_t)room, sizeof *index);
    if (index == NULL) return false;
    free(set->index);
    set->index = index;
    set->index_room = 2 * room;
    set->room = room;
    for (uint32_t i = 0; i < set->count; i++)
        index[probe(set, info, row_at(set, info, i))] = i + 1;
    return true;
}

bool rows_put(struct row_set *set, const struct row_info *info, const void *row)
{
    if (set->count == set->room && !grow(set, info)) return false;
    const uint32_t place = probe(set, info, row);
    if (set->index[place] == 0) set->index[place] = ++set->count;
    memcpy(row_at(set, info, set->index[place] - 1), row, info->size);
    return true;
}

const void *rows_find(const struct row_set *set, const struct row_info *info, const void *key)
{
    if (set->count == 0) return NULL;
    const uint32_t place = probe(set, info, key);
    return set->index[place] == 0 ? NULL : row_at(set, info, set->index[place] - 1);
}

void rows_free(struct row_set *set)
{
    free(set->rows);
    free(set->index);
    *set = (struct row_set){0};
}
