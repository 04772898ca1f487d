#include "tools/documents/month.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/yuan.h"
#include "tools/documents/names.h"
#include "types/ensure.h"
#include "util/le.h"

void month_init(struct month *month)
{
    *month = (struct month){.province = MONTH_ANYBODY};
}

void month_free(struct month *month)
{
    free(month->lines);
    free(month->payments);
    month_init(month);
}

struct month_line *month_line_add(struct month *month)
{
    if (month->line_count == month->line_room) {
        month->line_room = month->line_room == 0 ? 1024 : month->line_room * 2;
        month->lines = realloc(month->lines, month->line_room * sizeof *month->lines);
        NEED_MEMORY(month->lines);
    }
    struct month_line *line = &month->lines[month->line_count++];
    *line = (struct month_line){0};
    return line;
}

/* "what: one yuan here, other yuan there". False, always. */
static bool differ(struct document_fault *fault, int64_t one, const char *here, int64_t other,
                   const char *there, const char *what)
{
    char first[YUAN_SIZE];
    char second[YUAN_SIZE];
    return document_fail(fault, "%s: %s yuan in %s, %s yuan in %s", what, yuan_format(one, first),
                         here, yuan_format(other, second), there);
}

#define WHAT_SIZE 128

static char *pair_text(const struct month *month, uint8_t payer, uint8_t payee,
                       char ret_text[WHAT_SIZE])
{
    snprintf(ret_text, WHAT_SIZE, "%u-%u %s->%s", month->period, month->number,
             names_province(payer), names_province(payee));
    return ret_text;
}

/* -- a batch against itself ---------------------------------------------------------------------
 */

static bool sum_line(struct month *month, const struct month_line *line, int64_t *gross,
                     uint64_t *count, struct document_fault *fault)
{
    char what[WHAT_SIZE];
    int64_t funds = 0;
    pair_text(month, line->payer, line->payee, what);
    if (line->payer >= PROVINCE_COUNT || line->payee >= PROVINCE_COUNT ||
        line->payer == line->payee) {
        return document_fail(fault, "%s: no pair of provinces", what);
    }
    for (int f = 0; f < FUND_COUNT; f++) {
        if (__builtin_add_overflow(funds, line->funds[f], &funds)) {
            return document_fail(fault, "%s: the funds leave 64 bits", what);
        }
    }
    if (funds != line->amount)
        return differ(fault, funds, "the funds", line->amount, "a line", what);
    int64_t *sum = &month->amount[line->payer][line->payee];
    if (__builtin_add_overflow(*sum, line->amount, sum) ||
        __builtin_add_overflow(*gross, line->amount, gross)) {
        return document_fail(fault, "%s: the amounts leave 64 bits", what);
    }
    month->records[line->payer][line->payee] += line->count;
    *count += line->count;
    return true;
}

static bool tie_positions(const struct month *month, struct document_fault *fault)
{
    char what[WHAT_SIZE];
    int64_t all_payable = 0;
    int64_t all_receivable = 0;
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        if (!month->has_position[p]) continue;
        const struct month_position *position = &month->positions[p];
        all_payable += position->payable;
        all_receivable += position->receivable;
        snprintf(what, sizeof what, "%u-%u %s", month->period, month->number, names_province(p));
        if (position->receivable - position->payable != position->net) {
            return differ(fault, position->receivable - position->payable,
                          "receivable less payable", position->net, "the net position", what);
        }
        if (month->province != MONTH_ANYBODY && month->province != p) continue;
        int64_t payable = 0;
        int64_t receivable = 0;
        for (uint8_t other = 0; other < PROVINCE_COUNT; other++) {
            payable += month->amount[p][other];
            receivable += month->amount[other][p];
        }
        if (payable != position->payable) {
            return differ(fault, payable, "the lines as payer", position->payable,
                          "the position's payable", what);
        }
        if (receivable != position->receivable) {
            return differ(fault, receivable, "the lines as payee", position->receivable,
                          "the position's receivable", what);
        }
    }
    if (month->province == MONTH_ANYBODY && all_payable != all_receivable) {
        snprintf(what, sizeof what, "%u-%u", month->period, month->number);
        return differ(fault, all_payable, "payable of all", all_receivable, "receivable of all",
                      what);
    }
    return true;
}

static int64_t net_of(const struct month *month, uint8_t province)
{
    int64_t net = 0;
    for (uint8_t other = 0; other < PROVINCE_COUNT; other++) {
        net += month->amount[other][province] - month->amount[province][other];
    }
    return net;
}

/* The totals of the net modes, made again here from the pairs. */
static bool tie_modes(const struct month *month, struct document_fault *fault)
{
    char what[WHAT_SIZE];
    int64_t bilateral = 0;
    int64_t multilateral = 0;
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        const int64_t net = net_of(month, p);
        multilateral += net < 0 ? -net : 0;
        for (uint8_t q = 0; q < p; q++) {
            const int64_t difference = month->amount[p][q] - month->amount[q][p];
            bilateral += difference < 0 ? -difference : difference;
        }
    }
    snprintf(what, sizeof what, "%u-%u", month->period, month->number);
    if (bilateral != month->bilateral) {
        return differ(fault, bilateral, "the pairs netted two by two", month->bilateral,
                      "the batch's bilateral total", what);
    }
    if (multilateral != month->multilateral) {
        return differ(fault, multilateral, "the debtors' net positions", month->multilateral,
                      "the batch's multilateral total", what);
    }
    return true;
}

/* What a payment of the mode must be, between two provinces. */
static int64_t expected_payment(const struct month *month, uint8_t payer, uint8_t payee)
{
    if (strcmp(month->mode, "gross") == 0) return month->amount[payer][payee];
    return month->amount[payer][payee] - month->amount[payee][payer];
}

/* Gross and bilateral: payment by payment. The multilateral modes: what each province ends with. */
static bool tie_payments(const struct month *month, struct document_fault *fault)
{
    char what[WHAT_SIZE];
    int64_t net[PROVINCE_COUNT] = {0};
    const bool is_gross = strcmp(month->mode, "gross") == 0;
    const bool is_paired = is_gross || strcmp(month->mode, "bilateral") == 0;
    for (size_t i = 0; i < month->payment_count; i++) {
        const struct month_payment *payment = &month->payments[i];
        const bool is_pair = payment->payer < PROVINCE_COUNT && payment->payee < PROVINCE_COUNT;
        if (payment->payer < PROVINCE_COUNT) net[payment->payer] -= payment->amount;
        if (payment->payee < PROVINCE_COUNT) net[payment->payee] += payment->amount;
        const bool is_ours = month->province == MONTH_ANYBODY ||
                             month->province == payment->payer || month->province == payment->payee;
        if (!is_paired || !is_ours) continue;
        pair_text(month, payment->payer, payment->payee, what);
        const int64_t expected =
            is_pair ? expected_payment(month, payment->payer, payment->payee) : 0;
        if (payment->amount != expected) {
            return differ(fault, payment->amount, "the payment", expected, "the lines", what);
        }
    }
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        if (month->province != MONTH_ANYBODY && month->province != p) continue;
        if (net[p] == net_of(month, p)) continue;
        snprintf(what, sizeof what, "%u-%u %s", month->period, month->number, names_province(p));
        return differ(fault, net[p], "the payments", net_of(month, p), "the lines", what);
    }
    return true;
}

bool tie_month(struct month *month, struct document_fault *fault)
{
    char what[WHAT_SIZE];
    int64_t gross = 0;
    uint64_t count = 0;
    snprintf(what, sizeof what, "%u-%u", month->period, month->number);
    if (strcmp(month->state, "CUT") == 0 || strcmp(month->state, "ABORTED") == 0) {
        return document_fail(fault, "%s is %s: documents are made of a computed batch", what,
                             month->state);
    }
    if (month->is_stale) {
        return document_fail(fault, "%s has changed since version %u: compute and publish it first",
                             what, month->version);
    }
    memset(month->amount, 0, sizeof month->amount);
    memset(month->records, 0, sizeof month->records);
    for (size_t i = 0; i < month->line_count; i++) {
        if (!sum_line(month, &month->lines[i], &gross, &count, fault)) return false;
    }
    if (month->province == MONTH_ANYBODY) {
        if (gross != month->gross) {
            return differ(fault, gross, "the lines", month->gross, "the batch's row", what);
        }
        if (count != month->count) {
            return document_fail(
                fault, "%s: %" PRIu64 " records in the lines, %" PRIu64 " in the batch's row", what,
                count, month->count);
        }
        if (!tie_modes(month, fault)) return false;
    }
    return tie_positions(month, fault) && tie_payments(month, fault);
}

/* As docs/formats.md has it under "The batch digest". */
#define DIGEST_HEAD_SIZE 12
#define DIGEST_LINE_SIZE 128

static uint32_t insurance_slot(uint32_t insutype)
{
    return insutype == 310 ? 0 : insutype == 390 ? 1 : insutype == 340 ? 2 : 3;
}

/* 1..5 of a line's kind; 0: it is none. */
static uint8_t kind_number(const char *kind)
{
    static const char *const kinds[] = {"CELL", "CARRIED_CELL", "CARRIED_RECORD", "RECOVERY",
                                        "NEGATIVE_CARRY"};
    for (uint32_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i]) == 0) return (uint8_t)(i + 1);
    }
    return 0;
}

static void digest_line(const struct month_line *line, uint8_t out[DIGEST_LINE_SIZE])
{
    const size_t id_size = strlen(line->setl_id);
    memset(out, 0, DIGEST_LINE_SIZE);
    le_store32(out, line->number);
    out[4] = kind_number(line->kind);
    le_store32(out + 8, line->period);
    out[12] = (uint8_t)province_codes[line->payer];
    out[13] = (uint8_t)province_codes[line->payee];
    out[14] = (uint8_t)line->line;
    out[15] = (uint8_t)insurance_slot(line->insutype);
    le_store32(out + 16, line->insu_admdvs);
    out[20] = (uint8_t)id_size;
    memcpy(out + 21, line->setl_id, id_size);
    le_store64(out + 56, line->count);
    le_store64(out + 64, line->checksum);
    le_store64(out + 72, (uint64_t)line->medfee);
    le_store64(out + 80, (uint64_t)line->deducted);
    for (size_t f = 0; f < FUND_COUNT; f++) {
        le_store64(out + 88 + 8 * f, (uint64_t)line->funds[f]);
    }
}

bool tie_digest(const struct month *month, struct document_fault *fault)
{
    uint8_t head[DIGEST_HEAD_SIZE];
    uint8_t digest[SHA256_SIZE];
    if (month->province != MONTH_ANYBODY) return true;
    le_store32(head, month->period);
    le_store32(head + 4, month->number);
    le_store32(head + 8, month->version);
    checksum_sha256((struct bytes){head, sizeof head}, (struct bytes){0}, digest);
    for (size_t i = 0; i < month->line_count; i++) {
        uint8_t before[SHA256_SIZE];
        uint8_t bytes[DIGEST_LINE_SIZE];
        if (kind_number(month->lines[i].kind) == 0) {
            return document_fail(fault, "%u-%u: line %u is of an unknown kind", month->period,
                                 month->number, month->lines[i].number);
        }
        memcpy(before, digest, sizeof before);
        digest_line(&month->lines[i], bytes);
        checksum_sha256((struct bytes){before, sizeof before}, (struct bytes){bytes, sizeof bytes},
                        digest);
    }
    if (memcmp(digest, month->digest, sizeof digest) == 0) return true;
    return document_fail(fault, "%u-%u: the digest of version %u is not that of its lines",
                         month->period, month->number, month->version);
}

/* -- areas ------------------------------------------------------------------------------------ */

struct area_sum {
    uint64_t count;
    int64_t medfee;
    int64_t funds[FUND_COUNT];
};

typedef struct area_sum area_table[PROVINCE_COUNT][LINE_END][INSURANCE_COUNT];

static void add_to_areas(area_table sums, uint8_t counterpart, uint32_t line, uint32_t insutype,
                         uint64_t count, int64_t medfee, const int64_t funds[FUND_COUNT], int sign)
{
    struct area_sum *sum = &sums[counterpart][line < LINE_END ? line : 0][insurance_slot(insutype)];
    sum->count += sign < 0 ? -count : count;
    sum->medfee += sign * medfee;
    for (int f = 0; f < FUND_COUNT; f++) {
        sum->funds[f] += sign * funds[f];
    }
}

bool tie_areas(const struct month *month, uint8_t province, bool is_receivable,
               const struct month_area *areas, size_t count, struct document_fault *fault)
{
    static const char *const fund_names[FUND_COUNT] = {"pool", "account", "supplement",
                                                       "assistance", "other"};
    area_table *sums = calloc(1, sizeof *sums);
    NEED_MEMORY(sums);
    bool is_tied = true;
    char what[WHAT_SIZE];
    for (size_t i = 0; i < count && is_tied; i++) {
        const struct month_area *area = &areas[i];
        int64_t whole = 0;
        for (int f = 0; f < FUND_COUNT; f++) {
            whole += area->funds[f];
        }
        snprintf(what, sizeof what, "%u-%u area %06u", month->period, month->number, area->admdvs);
        if (area->counterpart >= PROVINCE_COUNT) {
            is_tied = document_fail(fault, "%s: the counterpart takes no part", what);
        } else if (whole != area->amount) {
            is_tied = differ(fault, whole, "its funds", area->amount, "its amount", what);
        } else {
            add_to_areas(*sums, area->counterpart, area->line, area->insutype, area->count,
                         area->medfee, area->funds, 1);
        }
    }
    for (size_t i = 0; i < month->line_count; i++) {
        const struct month_line *line = &month->lines[i];
        if ((is_receivable ? line->payee : line->payer) != province) continue;
        add_to_areas(*sums, is_receivable ? line->payer : line->payee, line->line, line->insutype,
                     line->count, line->medfee, line->funds, -1);
    }
    for (uint32_t at = 0; at < PROVINCE_COUNT * LINE_END * INSURANCE_COUNT && is_tied; at++) {
        const uint8_t other = (uint8_t)(at / (LINE_END * INSURANCE_COUNT));
        const struct area_sum *sum =
            &(*sums)[other][at / INSURANCE_COUNT % LINE_END][at % INSURANCE_COUNT];
        const char *line = names_line(at / INSURANCE_COUNT % LINE_END);
        snprintf(what, sizeof what, "%u-%u %s, %s %s %s", month->period, month->number,
                 names_province(province), is_receivable ? "receivable from" : "payable to",
                 names_province(other), line);
        if (sum->count != 0) {
            is_tied = document_fail(fault,
                                    "%s: %" PRId64 " more records in the areas than in the "
                                    "lines",
                                    what, (int64_t)sum->count);
        }
        for (int f = 0; f < FUND_COUNT && is_tied; f++) {
            char text[YUAN_SIZE];
            if (sum->funds[f] == 0) continue;
            is_tied = document_fail(fault, "%s: %s of the areas is %s yuan more than of the lines",
                                    what, fund_names[f], yuan_format(sum->funds[f], text));
        }
    }
    free(sums);
    return is_tied;
}

/* -- notices ---------------------------------------------------------------------------------- */

bool notice_is_prefund(const struct month_notice *notice)
{
    return strncmp(notice->kind, "PREFUND", 7) == 0;
}

bool notice_is_valid(const struct month_notice *notice)
{
    return strcmp(notice->state, "CANCELLED") != 0;
}

static bool is_kind(const struct month_notice *notice, const char *kind)
{
    return strcmp(notice->kind, kind) == 0;
}

/* After an unwinding: what the notices in force, and money received on those that were cancelled,
 * bring each province is what the payments do. */
static bool tie_unwound(const struct month *month, const struct month_notice *notices, size_t count,
                        struct document_fault *fault)
{
    int64_t net[PROVINCE_COUNT] = {0};
    for (size_t i = 0; i < month->payment_count; i++) {
        const struct month_payment *payment = &month->payments[i];
        if (payment->payer < PROVINCE_COUNT) net[payment->payer] -= payment->amount;
        if (payment->payee < PROVINCE_COUNT) net[payment->payee] += payment->amount;
    }
    for (size_t i = 0; i < count; i++) {
        const struct month_notice *notice = &notices[i];
        if (notice_is_prefund(notice) || notice->period != month->period) continue;
        const int64_t moves = notice_is_valid(notice) ? notice->amount : notice->received;
        if (notice->payer < PROVINCE_COUNT) net[notice->payer] += moves;
        if (notice->payee < PROVINCE_COUNT) net[notice->payee] -= moves;
    }
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        char text[YUAN_SIZE];
        if (net[p] == 0 || (month->province != MONTH_ANYBODY && month->province != p)) continue;
        return document_fail(fault, "%u-%u %s: notices and payments differ by %s yuan",
                             month->period, month->number, names_province(p),
                             yuan_format(net[p], text));
    }
    return true;
}

bool tie_notices(const struct month *month, const struct month_notice *notices, size_t count,
                 struct document_fault *fault)
{
    char what[WHAT_SIZE];
    if (month->is_unwound) return tie_unwound(month, notices, count, fault);

    size_t wanted = 0;
    for (size_t i = 0; i < month->payment_count; i++) {
        const struct month_payment *payment = &month->payments[i];
        if (payment->amount <= 0) continue; /* Carried over, or asked for the other way round. */
        if (month->province != MONTH_ANYBODY && month->province != payment->payer &&
            month->province != payment->payee) {
            continue;
        }
        wanted++;
        const struct month_notice *found = NULL;
        for (size_t n = 0; n < count; n++) {
            const struct month_notice *notice = &notices[n];
            if (is_kind(notice, "CLEARING") && notice->period == month->period &&
                notice_is_valid(notice) && notice->payer == payment->payer &&
                notice->payee == payment->payee) {
                found = notice;
            }
        }
        pair_text(month, payment->payer, payment->payee, what);
        if (found == NULL) return document_fail(fault, "%s: there is no notice for it", what);
        if (found->amount != payment->amount) {
            return differ(fault, found->amount, found->number, payment->amount, "the payments",
                          what);
        }
    }
    size_t issued = 0;
    for (size_t n = 0; n < count; n++) {
        const struct month_notice *notice = &notices[n];
        issued += is_kind(notice, "CLEARING") && notice->period == month->period &&
                  notice_is_valid(notice) &&
                  (month->province == MONTH_ANYBODY || month->province == notice->payer ||
                   month->province == notice->payee);
    }
    if (issued == wanted) return true;
    return document_fail(fault, "%u-%u: %zu notices for %zu payments", month->period, month->number,
                         issued, wanted);
}

bool tie_prefunds(const struct month_notice *notices, size_t count,
                  const struct month_prefund *prefunds, size_t prefund_count,
                  struct document_fault *fault)
{
    int64_t(*pending)[PROVINCE_COUNT] = calloc(PROVINCE_COUNT, sizeof *pending);
    NEED_MEMORY(pending);
    bool is_tied = true;
    for (size_t i = 0; i < count && is_tied; i++) {
        const struct month_notice *notice = &notices[i];
        if (!notice_is_prefund(notice) || !notice_is_valid(notice)) continue;
        const int64_t change = notice->new_amount - notice->old_amount;
        const int64_t size = change < 0 ? -change : change;
        if (notice->amount != size) {
            is_tied =
                differ(fault, notice->amount, "its amount", size, "new less old", notice->number);
        } else if (notice->payer >= PROVINCE_COUNT || notice->payee >= PROVINCE_COUNT) {
            is_tied = document_fail(fault, "%s: no pair of provinces", notice->number);
        } else if (strcmp(notice->state, "SETTLED") != 0) {
            /* A deposit that shrinks is paid back: then the payee of the deposit is the payer. */
            const uint8_t owner = change < 0 ? notice->payee : notice->payer;
            const uint8_t holder = change < 0 ? notice->payer : notice->payee;
            pending[owner][holder] += change;
        }
    }
    for (size_t i = 0; i < prefund_count && is_tied; i++) {
        const struct month_prefund *prefund = &prefunds[i];
        const int64_t open = pending[prefund->payer][prefund->payee];
        char what[WHAT_SIZE];
        if (open == prefund->pending) continue;
        snprintf(what, sizeof what, "prefund %s->%s", names_province(prefund->payer),
                 names_province(prefund->payee));
        is_tied = differ(fault, open, "notices not settled", prefund->pending, "pending", what);
    }
    free(pending);
    return is_tied;
}

/* -- reconciliation ----------------------------------------------------------------------------
 */

static const struct recon_state *find_state(const struct recon_state *states, size_t count,
                                            const struct recon_cell *cell)
{
    for (size_t i = 0; i < count; i++) {
        if (states[i].payer == cell->payer && states[i].payee == cell->payee &&
            states[i].line == cell->line && states[i].insutype == cell->insutype) {
            return &states[i];
        }
    }
    return NULL;
}

bool tie_recon_ledger(bool is_month, const struct recon_cell *cells, size_t count,
                      const struct recon_state *states, size_t state_count,
                      struct document_fault *fault)
{
    char what[WHAT_SIZE];
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++) {
        const struct recon_cell *cell = &cells[i];
        const struct recon_state *state = find_state(states, state_count, cell);
        const int64_t amount = cell->centre.fund + cell->centre.acct;
        const uint64_t records = state == NULL ? 0 : state->count;
        snprintf(what, sizeof what, "reconciliation %s->%s %s %s", names_province(cell->payer),
                 names_province(cell->payee), names_line(cell->line),
                 names_insutype(cell->insutype));
        if (is_month ? records != cell->centre.count : records < cell->centre.count) {
            return document_fail(
                fault, "%s: %" PRIu64 " records in its figures, %" PRIu64 " in the ledger's cell",
                what, cell->centre.count, records);
        }
        if (!is_month || state == NULL) continue;
        if (amount != state->amount) {
            return differ(fault, amount, "its figures", state->amount, "the ledger's cell", what);
        }
        if (cell->payer_reconciled != state->payer_reconciled ||
            cell->payee_reconciled != state->payee_reconciled) {
            return document_fail(fault, "%s: the ledger's cell is reconciled otherwise", what);
        }
    }
    for (size_t i = 0; i < state_count; i++) {
        wanted += states[i].count != 0;
    }
    if (!is_month || wanted == count) return true;
    return document_fail(fault, "reconciliation: figures of %zu cells, the ledger has %zu", count,
                         wanted);
}

bool tie_recon(const struct recon_cell *cells, size_t count,
               const struct recon_difference *differences, size_t difference_count,
               struct document_fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct recon_cell *cell = &cells[i];
        const struct recon_side *centre = &cell->centre;
        if (cell->payer >= PROVINCE_COUNT || cell->payee >= PROVINCE_COUNT ||
            cell->payer == cell->payee) {
            return document_fail(fault, "reconciliation: a cell of no pair of provinces");
        }
        if (centre->count == 0 && (centre->medfee != 0 || centre->fund != 0 || centre->acct != 0)) {
            return document_fail(fault, "reconciliation %s->%s %s: money without a record",
                                 names_province(cell->payer), names_province(cell->payee),
                                 names_line(cell->line));
        }
    }
    for (size_t i = 0; i < difference_count; i++) {
        const struct recon_difference *d = &differences[i];
        const bool is_equal = d->theirs.medfee == d->ours.medfee &&
                              d->theirs.fund == d->ours.fund && d->theirs.acct == d->ours.acct;
        if (strcmp(d->kind, "AMOUNT") != 0 || !is_equal) continue;
        return document_fail(fault, "difference %06u %s: AMOUNT, but the amounts are equal",
                             d->insu_admdvs, d->setl_id);
    }
    return true;
}
