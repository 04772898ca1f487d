/* sample_month -- a month of all provinces with fixed figures, for tests of documents. */
#ifndef TESTS_DOCUMENTS_SAMPLE_MONTH_H
#define TESTS_DOCUMENTS_SAMPLE_MONTH_H

#include "tools/documents/build.h"

/* A bilateral month in which every pair has employees and residents in two kinds of care, with one
 * carried record, one recovery and one pair below zero; sums, payments and positions as the engine
 * would give them. Ended by month_free(). */
void sample_month(struct month *month);

/* The areas behind a province's lines; malloc'ed, *ret_count of them. */
struct month_area *sample_areas(const struct month *month, uint8_t province, bool is_receivable,
                                size_t *ret_count);

/* The notices of the month's payments; malloc'ed, *ret_count of them. */
struct month_notice *sample_notices(const struct month *month, size_t *ret_count);

#endif
