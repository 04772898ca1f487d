/* Fuzz: provincial rules put one by one, as RulePush does, and asked for at areas and times. Each
 * answer is that of a walk over all the rows ever put, however they came. */
#include <stdlib.h>

#include "types/ensure.h"
#include "wallet/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROW_SIZE 5
#define ROWS_MAX 512

/* Few enough that areas, their provinces and the nation meet. */
static const uint32_t areas[] = {0, 530000, 530100, 530300, 110000, 110100, 990000, 500000};

static struct rule_row row_of(const uint8_t *bytes)
{
    return (struct rule_row){
        .admdvs = areas[bytes[0] % 8],
        .param = bytes[1] % (PARAM_COUNT + 1),
        .eff_ms = bytes[2] == 255 ? INT64_MAX : bytes[2],
        .value = bytes[3] | bytes[4] << 8,
    };
}

/* The latest of one area that is not after `at_ms`; -1: none. */
static int latest(const struct rule_row *rows, int count, uint32_t param, uint32_t admdvs,
                  int64_t at_ms)
{
    int found = -1;
    for (int i = 0; i < count; i++) {
        const struct rule_row *row = &rows[i];
        if (row->param != param || row->admdvs != admdvs || row->eff_ms > at_ms) continue;
        if (found < 0 || rows[found].eff_ms <= row->eff_ms) found = i;
    }
    return found;
}

static void value_laws(const struct params *params, const struct rule_row *rows, int count,
                       const struct rule_row *asked)
{
    static struct params empty;
    const enum param param = (enum param)asked->param;
    const uint32_t ways[] = {asked->admdvs, asked->admdvs / 10000 * 10000, 0};
    int found = -1;
    params_init(&empty);
    for (int i = 0; i < 3 && found < 0; i++)
        found = latest(rows, count, asked->param, ways[i], asked->eff_ms);
    const int64_t want =
        found < 0 ? params_value(&empty, param, asked->admdvs, 0) : rows[found].value;
    ENSURE(params_value(params, param, asked->admdvs, asked->eff_ms) == want);

    found = latest(rows, count, asked->param, asked->admdvs, INT64_MAX);
    ENSURE(params_latest(params, asked->admdvs, asked->param) ==
           (found < 0 ? -1 : rows[found].eff_ms));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rule_row rows[ROWS_MAX];
    static struct params params;
    int count = 0;

    params_init(&params);
    for (size_t at = 0; at + ROW_SIZE <= size && count < ROWS_MAX; at += ROW_SIZE) {
        const struct rule_row row = row_of(data + at);
        if (!params_put(&params, &row)) {
            ENSURE(row.param == PARAM_COUNT);
            ENSURE(params_find(&params, row.admdvs, row.param, row.eff_ms) == NULL);
            continue;
        }
        rows[count++] = row;
        ENSURE(params_find(&params, row.admdvs, row.param, row.eff_ms)->value == row.value);
        for (size_t i = 0; i + ROW_SIZE <= size && i < 16 * ROW_SIZE; i += ROW_SIZE) {
            const struct rule_row asked = row_of(data + i);
            if (asked.param != PARAM_COUNT) value_laws(&params, rows, count, &asked);
        }
    }
    ENSURE(params.count <= (uint32_t)count);
    ENSURE(params.begin[PARAM_COUNT] == params.count);
    return 0;
}
