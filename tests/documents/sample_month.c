#include "tests/documents/sample_month.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types/ensure.h"

#define PUBLISHED_MS INT64_C(1776736800000) /* 2026-04-21 10:00 in Shanghai. */

static void add_line(struct month *month, const char *kind, uint8_t payer, uint8_t payee,
                     uint32_t line, uint32_t insutype, uint64_t count, int64_t pool,
                     int64_t account)
{
    struct month_line *to = month_line_add(month);
    snprintf(to->kind, sizeof to->kind, "%s", kind);
    to->period = strcmp(kind, "CELL") == 0 ? month->period : month->period - 1;
    to->payer = payer;
    to->payee = payee;
    to->line = line;
    to->insutype = insutype;
    to->count = count;
    to->funds[FUND_POOL] = pool;
    to->funds[FUND_ACCOUNT] = account;
    to->amount = pool + account;
    to->medfee = to->amount < 0 ? 0 : to->amount * 2;
    if (strcmp(kind, "CARRIED_RECORD") == 0) snprintf(to->setl_id, sizeof to->setl_id, "S202602-7");
    month->count += count;
    month->gross += to->amount;
}

static void add_up(struct month *month)
{
    int64_t amount[PROVINCE_COUNT][PROVINCE_COUNT] = {0};
    for (size_t i = 0; i < month->line_count; i++) {
        amount[month->lines[i].payer][month->lines[i].payee] += month->lines[i].amount;
    }
    month->payments = calloc(PROVINCE_COUNT * PROVINCE_COUNT, sizeof *month->payments);
    ENSURE(month->payments != NULL);
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        struct month_position *position = &month->positions[p];
        month->has_position[p] = true;
        for (uint8_t q = 0; q < PROVINCE_COUNT; q++) {
            const int64_t owes = amount[p][q] - amount[q][p];
            position->payable += amount[p][q];
            position->receivable += amount[q][p];
            if (owes <= 0) continue;
            month->bilateral += owes;
            month->payments[month->payment_count++] = (struct month_payment){p, q, 1, owes};
        }
        position->net = position->receivable - position->payable;
        if (position->net < 0) month->multilateral -= position->net;
    }
}

void sample_month(struct month *month)
{
    month_init(month);
    month->period = 202603;
    month->number = 1;
    month->version = 2;
    month->published_version = 2;
    month->as_of_ms = PUBLISHED_MS;
    strcpy(month->state, "PUBLISHED");
    strcpy(month->mode, "bilateral");
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        for (uint8_t q = 0; q < PROVINCE_COUNT; q++) {
            if (p == q) continue;
            const int64_t weight = 1 + (p * 7 + q * 13) % 29;
            add_line(month, "CELL", p, q, LINE_INPATIENT, 310, (uint64_t)weight * 40,
                     weight * 41230517, weight * 60711);
            add_line(month, "CELL", p, q, LINE_INPATIENT, 390, (uint64_t)weight * 55,
                     weight * 52011903, 0);
            add_line(month, "CELL", p, q, LINE_OUTPATIENT, 310, (uint64_t)weight * 900,
                     weight * 9977719, weight * 2003);
        }
    }
    /* 34 Anhui owes Tibet less than nothing: a large recovery. */
    add_line(month, "RECOVERY", 11, 25, LINE_INPATIENT, 310, 0, -INT64_C(4000000000), 0);
    add_line(month, "CARRIED_RECORD", 11, 8, LINE_INPATIENT, 390, 1, 1234567, 0);
    add_line(month, "CARRIED_CELL", 11, 9, LINE_CHRONIC, 340, 12, 765432, 100);
    add_up(month);
}

struct month_area *sample_areas(const struct month *month, uint8_t province, bool is_receivable,
                                size_t *ret_count)
{
    struct month_area *areas = calloc(month->line_count * 2 + 1, sizeof *areas);
    ENSURE(areas != NULL);
    size_t count = 0;
    for (size_t i = 0; i < month->line_count; i++) {
        const struct month_line *line = &month->lines[i];
        if ((is_receivable ? line->payee : line->payer) != province) continue;
        struct month_area area = {
            .admdvs = province_codes[province] * 10000u + 100,
            .counterpart = is_receivable ? line->payer : line->payee,
            .line = line->line,
            .insutype = line->insutype,
            .count = line->count,
            .medfee = line->medfee,
            .amount = line->amount,
        };
        memcpy(area.funds, line->funds, sizeof area.funds);
        /* A third of it in a county that the list of areas does not have. */
        struct month_area part = area;
        part.admdvs += 22;
        part.count /= 3;
        part.medfee /= 3;
        part.amount = 0;
        for (int f = 0; f < FUND_COUNT; f++) {
            part.funds[f] /= 3;
            part.amount += part.funds[f];
            area.funds[f] -= part.funds[f];
        }
        area.count -= part.count;
        area.medfee -= part.medfee;
        area.amount -= part.amount;
        areas[count++] = area;
        areas[count++] = part;
    }
    *ret_count = count;
    return areas;
}

struct month_notice *sample_notices(const struct month *month, size_t *ret_count)
{
    struct month_notice *notices = calloc(month->payment_count + 1, sizeof *notices);
    ENSURE(notices != NULL);
    for (size_t i = 0; i < month->payment_count; i++) {
        const struct month_payment *payment = &month->payments[i];
        struct month_notice *notice = &notices[i];
        snprintf(notice->number, sizeof notice->number, "CLR-%u-%02u-%02u-V1", month->period,
                 province_codes[payment->payer], province_codes[payment->payee]);
        strcpy(notice->kind, "CLEARING");
        strcpy(notice->state, "DUE");
        strcpy(notice->mode, month->mode);
        notice->version = 1;
        notice->payer = payment->payer;
        notice->payee = payment->payee;
        notice->period = month->period;
        notice->amount = payment->amount;
        notice->file_due = 20260512;
        notice->transfer_due = 20260526;
        notice->feedback_due = 20260602;
        notice->issued_ms = PUBLISHED_MS + INT64_C(9) * 86400000;
    }
    *ret_count = month->payment_count;
    return notices;
}
