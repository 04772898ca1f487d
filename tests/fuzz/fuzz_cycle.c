/* Fuzz: any bytes as a decision of the clearing cycle. The first byte says how it comes: as rows,
 * or as the bodies of journal entries it has to be put together from. What makes no sense is
 * refused; after what is taken, every view may be asked and gives what it gives. */
#include <errno.h>
#include <stdlib.h>

#include "cycle/calendar.h"
#include "cycle/cycle.h"
#include "cycle/parts.h"
#include "types/ensure.h"
#include "types/province.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_ROOM 16

/* Everything that reads rows without being given facts. */
static void look(const struct cycle *cycle)
{
    struct line_row lines[LINES_ROOM];
    char name[NUMBER_SIZE];

    for (uint32_t i = 0; i < cycle_count(cycle, ROW_BATCH); i++) {
        const struct batch_row *batch = cycle_row(cycle, ROW_BATCH, i);
        ENSURE(cycle_batch_by_id(cycle, i + 1) == batch);
        ENSURE(cycle_batch(cycle, batch->period) != NULL);
        batch_name(batch, name);
        (void)cycle_lines(cycle, batch->id, batch->version, lines, LINES_ROOM);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_EXCEPTION); i++)
        ENSURE(exception_state(cycle, cycle_row(cycle, ROW_EXCEPTION, i)) != NULL);
    for (int setting = 0; setting < SETTING_COUNT; setting++)
        (void)setting_at(cycle, (enum setting)setting, 0);
    (void)cycle_check(cycle);
}

static void apply(struct cycle *cycle, struct bytes rows)
{
    const int error = cycle_apply(cycle, rows);
    ENSURE(error == 0 || error == -EUCLEAN);
    if (error == 0) look(cycle);
}

/* Bodies of the size that the next byte says, times 64, as a journal would hand them over. */
static void apply_parts(struct cycle *cycle, struct bytes input)
{
    struct parts_reader reader;
    parts_reader_init(&reader);
    while (input.size > 1) {
        size_t size = (size_t)input.data[0] * 64 + input.data[0] % 64;
        if (size > input.size - 1) size = input.size - 1;
        struct bytes rows = {0};
        const int taken = parts_take(&reader, (struct bytes){input.data + 1, size}, &rows);
        ENSURE(taken == 0 || taken == 1 || taken == -EUCLEAN);
        if (taken == -EUCLEAN) break;
        if (taken == 1) apply(cycle, rows);
        input = (struct bytes){input.data + 1 + size, input.size - 1 - size};
    }
    parts_reader_free(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct calendar calendar;
    struct setting_values settings;
    if (size == 0) return 0;
    settings_init(&settings);
    struct cycle *cycle = cycle_new(&calendar, &settings);
    ENSURE(cycle != NULL);
    const struct bytes rest = {data + 1, size - 1};
    if (data[0] % 2 == 0) {
        apply(cycle, rest);
    } else {
        apply_parts(cycle, rest);
    }
    cycle_free(cycle);
    return 0;
}
