#include "tools/workload/summary.h"

#include <inttypes.h>

/* First quarter of 2025, as published: records in ten thousands, money in millions of yuan. */
#define Q1_INPATIENTS      36389
#define Q1_RECORDS         707500
#define Q1_INPATIENT_MONEY 36537
#define Q1_MONEY           46992

void workload_summary_add(struct workload_summary *summary, const struct workload_item *item)
{
    const int64_t *amounts = item->settlement.amounts;

    if (item->kind == WORKLOAD_CORRECTION) {
        summary->corrections++;
        summary->early_corrections += item->is_early;
    } else if (item->is_duplicate) {
        summary->duplicates++;
    } else if (item->settlement.refd_setl_flag) {
        summary->refunds++;
        summary->refunded_fen += amounts[AMOUNT_FUND_SUM] + amounts[AMOUNT_ACCT];
    } else {
        summary->settlements[item->care]++;
        summary->cleared_fen[item->care] += amounts[AMOUNT_FUND_SUM] + amounts[AMOUNT_ACCT];
    }
}

static uint64_t settlement_count(const struct workload_summary *summary)
{
    uint64_t count = 0;
    for (int i = 0; i < WORKLOAD_CLASS_COUNT; i++)
        count += summary->settlements[i];
    return count;
}

uint64_t workload_summary_messages(const struct workload_summary *summary)
{
    return settlement_count(summary) + summary->refunds + summary->duplicates +
           summary->corrections;
}

#define YUAN_SIZE 24

static const char *yuan(int64_t fen, char text[YUAN_SIZE])
{
    const uint64_t absolute = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
    snprintf(text, YUAN_SIZE, "%s%" PRIu64 ".%02u", fen < 0 ? "-" : "", absolute / 100,
             (unsigned)(absolute % 100));
    return text;
}

/* part / whole in 1/10000; 0 of nothing. Sums stay below 2^63 / 10000 for months of any size that
 * the workload makes. */
static unsigned share_bp(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : (unsigned)((part * 10000 + whole / 2) / whole);
}

#define PERCENT(bp) (bp) / 100, (bp) % 100

void workload_summary_print(const struct workload_summary *summary, FILE *out)
{
    const uint64_t settlements = settlement_count(summary);
    char a[YUAN_SIZE], b[YUAN_SIZE], c[YUAN_SIZE];
    int64_t total_fen = 0;

    for (int i = 0; i < WORKLOAD_CLASS_COUNT; i++)
        total_fen += summary->cleared_fen[i];
    fprintf(out,
            "records     %" PRIu64 " (settlements %" PRIu64 ", refunds %" PRIu64 ")\n"
            "duplicates  %" PRIu64 "\n",
            settlements + summary->refunds, settlements, summary->refunds, summary->duplicates);
    if (summary->corrections != 0)
        fprintf(out, "corrections %" PRIu64 ", %" PRIu64 " of them before their original\n",
                summary->corrections, summary->early_corrections);
    fprintf(out, "cleared     %s yuan (fund + account; settled %s, refunded %s)\n\n",
            yuan(total_fen + summary->refunded_fen, a), yuan(total_fen, b),
            yuan(summary->refunded_fen, c));

    fprintf(out, "%-11s %9s %9s %12s %12s\n", "settlements", "share", "2025", "mean yuan", "2025");
    for (int i = 0; i < WORKLOAD_CLASS_COUNT; i++) {
        const struct workload_published *published = &workload_published[i];
        const uint64_t count = summary->settlements[i];
        const unsigned bp = share_bp(count, settlements);
        const int64_t mean = count == 0 ? 0 : summary->cleared_fen[i] / (int64_t)count;
        fprintf(out, "%-11s %6u.%02u%% %5u.%02u%% %12s %12s\n", published->name, PERCENT(bp),
                PERCENT((unsigned)published->share_bp), yuan(mean, a),
                yuan(published->mean_fen, b));
    }
    const unsigned records_bp = share_bp(summary->settlements[WORKLOAD_INPATIENT], settlements);
    const unsigned money_bp =
        share_bp((uint64_t)summary->cleared_fen[WORKLOAD_INPATIENT], (uint64_t)total_fen);
    const unsigned q1_records_bp = share_bp(Q1_INPATIENTS, Q1_RECORDS);
    const unsigned q1_money_bp = share_bp(Q1_INPATIENT_MONEY, Q1_MONEY);
    fprintf(out,
            "inpatients  %u.%02u%% of the settlements (first quarter of 2025: %u.%02u%%), "
            "%u.%02u%% of the money (%u.%02u%%)\n",
            PERCENT(records_bp), PERCENT(q1_records_bp), PERCENT(money_bp), PERCENT(q1_money_bp));
}
