/* postgres_sql -- the work of a settlement as PostgreSQL does it best: its tables and statements.
 *
 * WHAT    A record goes in once (msgid of its sender, setl_id of its insured area), with four
 *         postings that sum to zero, its person's sums of the year, and the position of the pair of
 *         provinces. What PostgreSQL is spared: 12 amounts are kept of the 21 that the engine
 *         keeps, postings have no index, no check is made of codes, amounts and identities, nothing
 *         is chained, and every connection has positions of its own, so that two never wait for the
 *         same row. */
#ifndef BENCH_PEERS_POSTGRES_SQL_H
#define BENCH_PEERS_POSTGRES_SQL_H

/* Fields of a record, in the order of the staging table and of the parameters of the single call.
 */
#define POSTGRES_FIELDS 24

/* Drops what is there and makes the tables anew, and the function settle_stage(): the staged batch,
 * set-based; gives how many records were new. */
extern const char postgres_schema[];

/* A connection's settings and staging table; its number is `SET peer.lane = N`. */
extern const char postgres_session[];

/* One record, whose fields are the parameters. Its one row: 1 when it was new. */
extern const char postgres_settle_one[];

/* One row of numbers: records, sums of medfee, fund and account money; postings and their sum;
 * records and fund by person; records and fund by position. */
extern const char postgres_totals[];
#define POSTGRES_TOTALS 10

#endif
