/* tables -- the constants of the workload, made by make_tables.py and read by workload.c alone. */
#ifndef WORKLOAD_TABLES_H
#define WORKLOAD_TABLES_H

#include <stdint.h>

#include "types/province.h"

#define WORKLOAD_CELLS 1024 /* Stretches between the quantiles of an amount. */

/* Parts per million of the records, [insured * PROVINCE_COUNT + treating]; sums to 1,000,000. */
extern const uint32_t workload_flow_ppm[PROVINCE_COUNT * PROVINCE_COUNT];

/* Per mille of a day's records in each hour. */
extern const uint32_t workload_hour_weights[24];

/* Per hour, out of 2^32: inpatient below the first, outpatient below the second, chronic below the
 * third, pharmacy from there. */
extern const uint32_t workload_class_thresholds[24 * 3];

/* Fen; per class, in the order of enum workload_class, quantiles at i / WORKLOAD_CELLS. */
extern const uint32_t workload_amount_quantiles[4 * (WORKLOAD_CELLS + 1)];

#endif
