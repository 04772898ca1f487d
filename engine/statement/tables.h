/* tables -- cells of all shards into the tables that provinces act on.
 *
 * A month is split over the shards as partial sums; here they are added up. Everything is a
 * function of the cells alone, so the tables are the same for any number of shards, byte for byte
 * (docs/rules.md, Invariants 12). Must not know how cells are stored, nor sockets. */
#ifndef STATEMENT_TABLES_H
#define STATEMENT_TABLES_H

#include <stddef.h>

#include "netting/netting.h"
#include "types/cell.h"
#include "types/report.h"

/* Sorts by key and adds up the cells of equal key, in place; gives the number left. Cells without
 * records and money are dropped. Sets *ret_overflow when a sum does not fit. */
size_t tables_merge_cells(struct cell *cells, size_t count, bool *ret_overflow);

/* The following take merged cells of one or more periods and look at `period` only. */

/* What the period's cells come to between provinces. False on overflow. */
bool tables_netting(const struct cell *cells, size_t count, uint32_t period,
                    struct netting *ret_netting);

/* SHA-256 over the period's cells in order; docs/formats.md, Period digest. */
void tables_digest(const struct cell *cells, size_t count, uint32_t period,
                   uint8_t ret_digest[REPORT_DIGEST_SIZE]);

/* One month's row. False on overflow. */
bool tables_period(const struct cell *cells, size_t count, uint32_t period, bool cut,
                   struct period_row *ret_row);

/* Rows of the position report, at most `rows_max`; gives their number. */
size_t tables_positions(const struct cell *cells, size_t count, uint32_t period,
                        struct position_row *rows, size_t rows_max);

/* Payments as rows, with province codes; gives their number (payments->count). */
size_t tables_net_rows(const struct payments *payments, struct net_row rows[PAYMENTS_MAX]);

/* The 32 provinces' gross sides and net. False on overflow. */
bool tables_provinces(const struct netting *netting, struct province_row rows[PROVINCE_COUNT]);

/* Leading insutype of an insurance class: 310, 390, 340, 999. */
uint32_t insurance_code(uint32_t insurance);

#endif
