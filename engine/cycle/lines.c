/* lines -- the lines of a batch as rows in versions: walking, adding up, sealing.
 *
 * A line keeps its number for ever; a change is the same number in a later version. Must not know
 * how a line came about. */
#include "cycle/cycle_internal.h"
#include "netting/netting.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"

/* Lines of a batch are put together, in the order of their numbers: the place behind the last one
 * is tried before the table of keys. */
static const struct line_row *first_version(struct line_walk *walk)
{
    const struct line_row key = {.batch = walk->batch, .number = walk->number, .version = 1};
    const struct cycle *cycle = walk->cycle;
    const size_t key_size = row_infos[ROW_LINE].key_size;

    if (walk->number > 1 && walk->place + 1 < cycle_count(cycle, ROW_LINE)) {
        const struct line_row *next = cycle_row(cycle, ROW_LINE, walk->place + 1);
        if (memcmp(next, &key, key_size) == 0) {
            walk->place++;
            return next;
        }
    }
    const struct line_row *found = cycle_find(cycle, ROW_LINE, &key);
    if (found != NULL)
        walk->place = (uint32_t)(found - (const struct line_row *)cycle_row(cycle, ROW_LINE, 0));
    return found;
}

const struct line_row *line_next(struct line_walk *walk)
{
    walk->number++;
    const struct line_row *first = first_version(walk);
    if (first == NULL) return NULL;
    for (uint32_t version = walk->version; version > 1; version--) {
        const struct line_row key = {
            .batch = walk->batch, .number = walk->number, .version = version};
        const struct line_row *later = cycle_find(walk->cycle, ROW_LINE, &key);
        if (later != NULL) return later;
    }
    return first;
}

bool line_is_empty(const struct line_row *line)
{
    if (line->count != 0) return false;
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (line->funds[fund] != 0) return false;
    }
    return true;
}

uint32_t cycle_lines(const struct cycle *cycle, uint32_t batch, uint32_t version,
                     struct line_row *out, uint32_t room)
{
    struct line_walk walk = {.cycle = cycle, .batch = batch, .version = version};
    const struct line_row *line;
    uint32_t count = 0;
    while ((line = line_next(&walk)) != NULL) {
        if (line_is_empty(line)) continue;
        if (count < room) out[count] = *line;
        count++;
    }
    return count;
}

static void add_totals(const struct cycle *cycle, const struct batch_row *batch, uint32_t version,
                       uint8_t line_end, struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT])
{
    struct line_walk walk = {.cycle = cycle, .batch = batch->id, .version = version};
    const struct line_row *line;
    memset(totals, 0, PROVINCE_COUNT * sizeof totals[0]);
    while ((line = line_next(&walk)) != NULL) {
        if (line->cell.line >= line_end) continue;
        struct pair_total *total = &totals[line->cell.payer][line->cell.payee];
        /* The cut has seen to it that no sum of its lines leaves 64 bits. */
        for (int fund = 0; fund < FUND_COUNT; fund++)
            total->funds[fund] += line->funds[fund];
        total->count += line->count;
    }
}

void batch_totals(const struct cycle *cycle, const struct batch_row *batch, uint32_t version,
                  struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT])
{
    add_totals(cycle, batch, version, LINE_END, totals);
}

void batch_care_totals(const struct cycle *cycle, const struct batch_row *batch, uint32_t version,
                       struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT])
{
    add_totals(cycle, batch, version, LINE_WALLET_CARE, totals);
}

/* -- sums of pairs, kept ------------------------------------------------------------------------
 */

static const struct row_info sum_info = {
    .size = sizeof(struct line_sum),
    .key_size = offsetof(struct line_sum, total),
};

static struct line_sum line_sum_of(const struct cycle *cycle, uint32_t batch, uint8_t payer,
                                   uint8_t payee)
{
    const struct line_sum none = {.batch = batch, .payer = payer, .payee = payee};
    const struct line_sum *found = rows_find(&cycle->line_sums, &sum_info, &none);
    return found != NULL ? *found : none;
}

/* Modulo 2^64: the cut has seen to it that the sums of a sound journal fit. */
static void add_line(struct pair_total *total, const struct line_row *line, uint64_t sign)
{
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        total->funds[fund] =
            (int64_t)((uint64_t)total->funds[fund] + sign * (uint64_t)line->funds[fund]);
    }
    total->count += sign * line->count;
}

bool line_sum_put(struct cycle *cycle, const struct line_row *line)
{
    struct line_sum sum = line_sum_of(cycle, line->batch, line->cell.payer, line->cell.payee);
    const struct line_row *before = NULL;
    struct line_row key = *line;
    for (; before == NULL && key.version != 0; key.version--)
        before = cycle_find(cycle, ROW_LINE, &key);
    if (before != NULL) add_line(&sum.total, before, UINT64_MAX);
    add_line(&sum.total, line, 1);
    return rows_put(&cycle->line_sums, &sum_info, &sum);
}

struct pair_total batch_pair_total(const struct cycle *cycle, uint32_t batch, uint8_t payer,
                                   uint8_t payee)
{
    return line_sum_of(cycle, batch, payer, payee).total;
}

uint32_t batch_provinces(const struct cycle *cycle, const struct batch_row *batch, uint32_t version)
{
    struct line_walk walk = {.cycle = cycle, .batch = batch->id, .version = version};
    const struct line_row *line;
    uint32_t bits = 0;
    while ((line = line_next(&walk)) != NULL) {
        if (!line_is_empty(line))
            bits |= UINT32_C(1) << line->cell.payer | UINT32_C(1) << line->cell.payee;
    }
    return bits;
}

const char *batch_net(struct batch_row *batch,
                      const struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT])
{
    struct netting netting;
    struct payments payments;
    int64_t *const sums[] = {&batch->gross, &batch->bilateral, &batch->multilateral};

    netting_init(&netting);
    batch->count = 0;
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            const struct pair_total *total = &totals[payer][payee];
            const int64_t amount = funds_sum(total->funds);
            if (total->count == 0 && amount == 0) continue;
            if (!netting_add(&netting, payer, payee, amount, total->count))
                return "N3: a province owes itself";
            batch->count += total->count;
        }
    }
    const char *broken = netting_check(&netting);
    for (int mode = 0; mode < 3 && broken == NULL; mode++) {
        if (!netting_payments(&netting, (enum netting_mode)mode, &payments))
            return "overflow: a sum does not fit";
        *sums[mode] = payments.total;
    }
    return broken;
}

struct batch_row cycle_batch_at(const struct cycle *cycle, const struct batch_row *batch,
                                uint32_t version)
{
    struct batch_row at = *batch;
    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    if (version == batch->version) return at;
    at.version = version;
    at.stale = 0;
    batch_totals(cycle, batch, version, totals);
    /* It held when the version was computed, and its lines are the same. */
    ENSURE(batch_net(&at, totals) == NULL);
    batch_digest(cycle, batch, version, at.digest);
    return at;
}

/* A line as the digest sees it. */
#define DIGEST_HEAD_SIZE 12
#define DIGEST_LINE_SIZE 128

static void digest_line(const struct line_row *line, uint8_t out[DIGEST_LINE_SIZE])
{
    memset(out, 0, DIGEST_LINE_SIZE);
    le_store32(out, line->number);
    out[4] = line->kind;
    le_store32(out + 8, line->cell.period);
    out[12] = (uint8_t)province_of(line->cell.payer);
    out[13] = (uint8_t)province_of(line->cell.payee);
    out[14] = line->cell.line;
    out[15] = line->cell.insurance;
    le_store32(out + 16, line->ref.insu_admdvs);
    out[20] = line->ref.size;
    memcpy(out + 21, line->ref.setl_id, sizeof line->ref.setl_id);
    le_store64(out + 56, line->count);
    le_store64(out + 64, line->checksum);
    le_store64(out + 72, (uint64_t)line->medfee);
    le_store64(out + 80, (uint64_t)line->deducted);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        le_store64(out + 88 + 8 * fund, (uint64_t)line->funds[fund]);
}

void batch_digest(const struct cycle *cycle, const struct batch_row *batch, uint32_t version,
                  uint8_t ret_digest[32])
{
    batch_digest_without(cycle, batch, version, 0, ret_digest);
}

void batch_digest_without(const struct cycle *cycle, const struct batch_row *batch,
                          uint32_t version, uint32_t without, uint8_t ret_digest[32])
{
    struct line_walk walk = {.cycle = cycle, .batch = batch->id, .version = version};
    const struct line_row *line;
    uint8_t head[DIGEST_HEAD_SIZE];
    uint8_t bytes[DIGEST_LINE_SIZE];

    le_store32(head, batch->period);
    le_store32(head + 4, batch->number);
    le_store32(head + 8, version);
    checksum_sha256((struct bytes){head, sizeof head}, (struct bytes){0}, ret_digest);
    while ((line = line_next(&walk)) != NULL) {
        const uint32_t parties = UINT32_C(1) << line->cell.payer | UINT32_C(1) << line->cell.payee;
        if (line_is_empty(line) || (parties & without) != 0) continue;
        uint8_t before[SHA256_SIZE];
        memcpy(before, ret_digest, sizeof before);
        digest_line(line, bytes);
        checksum_sha256((struct bytes){before, sizeof before}, (struct bytes){bytes, sizeof bytes},
                        ret_digest);
    }
}
