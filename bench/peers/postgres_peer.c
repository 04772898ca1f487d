/* postgres_peer -- PostgreSQL under the load that the engine gets: the same generator's settlements
 * by COPY and one set-based statement a batch, or one durable call each.
 *
 * HOW     A thread for each connection, which draws the persons that are its own: two connections
 *         never wait for the same person. Closed loop: the next batch goes when one is committed,
 *         and is drawn meanwhile. Open loop (--rate): a record has a time at which it is due; what
 *         is due goes at once, up to a full batch, so that a batch is as small as the rate allows.
 *         A record's latency lasts from being due (closed loop: from BEGIN) to the answer to its
 *         COMMIT. At the end the tables are counted and summed against what was sent. */
#include <endian.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "bench/peers/postgres_sql.h"
#include "bench/peers/records.h"
#include "tools/client/clock.h"
#include "tools/client/histogram.h"
#include "types/ensure.h"

#define CONNECTIONS_MAX RECORDS_CONNECTIONS_MAX
#define RECORD_ROOM     512 /* Bytes of a record in COPY's form, at most. */
#define COPY_HEAD_SIZE  19
#define COPY_TAIL_SIZE  2

struct options {
    const char *conninfo;
    const char *json;
    uint32_t connections;
    uint32_t batch; /* 1: single calls. */
    uint64_t rate;  /* Records per second on all connections; 0: closed loop. */
    uint64_t seconds;
    uint64_t seed;
};

struct sums {
    uint64_t records;
    int64_t medfee;
    int64_t fund;
    int64_t acct;
};

struct lane {
    const struct options *options;
    uint32_t index;
    PGconn *connection;
    struct records records;
    struct histogram latency_ns;
    struct sums filling; /* Of the batch being filled. */
    struct sums sent;
    uint64_t fresh;    /* Records that the server says were new. */
    uint64_t drawn;    /* Records drawn into batches; the next one's number. */
    int64_t start_ns;  /* The first record is due then. */
    int64_t answer_ns; /* Of the last commit. */
    uint8_t *copy;     /* The batch being filled, in COPY's binary form. */
    size_t copy_size;
};

/* -- PostgreSQL ------------------------------------------------------------------------------ */

static _Noreturn void give_up(PGconn *connection, const char *what)
{
    fprintf(stderr, "postgres_peer: %s: %s", what, PQerrorMessage(connection));
    exit(1);
}

/* Takes all results of what was sent; the first value of a row, 0 when there is none. */
static uint64_t take_results(PGconn *connection, const char *what)
{
    uint64_t value = 0;
    PGresult *result;
    while ((result = PQgetResult(connection)) != NULL) {
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_TUPLES_OK) {
            value = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
        } else if (status == PGRES_COPY_IN) {
            PQclear(result);
            return value;
        } else if (status != PGRES_COMMAND_OK) {
            give_up(connection, what);
        }
        PQclear(result);
    }
    return value;
}

static void run_sql(PGconn *connection, const char *sql)
{
    if (PQsendQuery(connection, sql) != 1) give_up(connection, "cannot send");
    take_results(connection, "refused");
}

static PGconn *connect_to(const char *conninfo)
{
    PGconn *connection = PQconnectdb(conninfo);
    if (PQstatus(connection) != CONNECTION_OK) give_up(connection, "cannot connect");
    return connection;
}

/* -- records --------------------------------------------------------------------------------- */

/* A record as 24 binary values, in the order of postgres_sql.c: COPY's form and the parameters'. */
struct row {
    uint8_t *at;
    const char *values[POSTGRES_FIELDS];
    int sizes[POSTGRES_FIELDS];
    int count;
};

static void put_bytes(struct row *row, const void *data, size_t size)
{
    const uint32_t length = htobe32((uint32_t)size);
    memcpy(row->at, &length, sizeof length);
    memcpy(row->at + sizeof length, data, size);
    row->values[row->count] = (const char *)row->at + sizeof length;
    row->sizes[row->count++] = (int)size;
    row->at += sizeof length + size;
}

static void put_int(struct row *row, uint32_t value)
{
    const uint32_t big = htobe32(value);
    put_bytes(row, &big, sizeof big);
}

static void put_bigint(struct row *row, int64_t value)
{
    const uint64_t big = htobe64((uint64_t)value);
    put_bytes(row, &big, sizeof big);
}

static void put_record(struct row *row, const struct settlement *s)
{
    static const enum settlement_amount amounts[] = {
        AMOUNT_MEDFEE, AMOUNT_FUND_SUM, AMOUNT_HIFP, AMOUNT_CVLSERV, AMOUNT_HIFES, AMOUNT_HIFMI,
        AMOUNT_HIFOB,  AMOUNT_HIFDM,    AMOUNT_MAF,  AMOUNT_OTH,     AMOUNT_ACCT,  AMOUNT_CASH,
    };
    put_int(row, s->mdtrtarea_admvs / 10000);
    put_int(row, s->insu_admdvs);
    put_int(row, s->mdtrtarea_admvs);
    put_int(row, s->insutype);
    put_int(row, s->med_type);
    put_int(row, s->clr_type);
    put_bigint(row, s->setl_time);
    put_bytes(row, s->msgid.data, s->msgid.size);
    put_bytes(row, s->setl_id.data, s->setl_id.size);
    put_bytes(row, s->mdtrt_id.data, s->mdtrt_id.size);
    put_bytes(row, s->fixmedins_code.data, s->fixmedins_code.size);
    put_bytes(row, s->psn_key.data, s->psn_key.size);
    for (size_t i = 0; i < sizeof amounts / sizeof amounts[0]; i++)
        put_bigint(row, s->amounts[amounts[i]]);
    ENSURE(row->count == POSTGRES_FIELDS);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const struct settlement *draw(struct lane *lane)
{
    const struct settlement *s = records_next(&lane->records, wall_ms());
    lane->filling.records++;
    lane->filling.medfee += s->amounts[AMOUNT_MEDFEE];
    lane->filling.fund += s->amounts[AMOUNT_FUND_SUM];
    lane->filling.acct += s->amounts[AMOUNT_ACCT];
    lane->drawn++;
    return s;
}

static void count_sent(struct lane *lane)
{
    lane->sent.records += lane->filling.records;
    lane->sent.medfee += lane->filling.medfee;
    lane->sent.fund += lane->filling.fund;
    lane->sent.acct += lane->filling.acct;
    lane->filling = (struct sums){0};
}

/* When record `number` of this connection is due. */
static int64_t due_ns(const struct lane *lane, uint64_t number)
{
    const struct options *options = lane->options;
    const unsigned __int128 place = (unsigned __int128)number * options->connections + lane->index;
    return lane->start_ns + (int64_t)(place * NS_PER_SECOND / options->rate);
}

/* -- batches --------------------------------------------------------------------------------- */

static void begin_copy(struct lane *lane)
{
    memcpy(lane->copy, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", COPY_HEAD_SIZE);
    lane->copy_size = COPY_HEAD_SIZE;
}

static void fill_copy(struct lane *lane, uint32_t count)
{
    const uint16_t fields = htobe16(POSTGRES_FIELDS);
    for (uint32_t i = 0; i < count; i++) {
        struct row row = {.at = lane->copy + lane->copy_size + sizeof fields};
        memcpy(lane->copy + lane->copy_size, &fields, sizeof fields);
        put_record(&row, draw(lane));
        lane->copy_size = (size_t)(row.at - lane->copy);
    }
}

/* Sends the filled batch; its answers are still to come. */
static void send_batch(struct lane *lane)
{
    static const uint8_t tail[COPY_TAIL_SIZE] = {0xff, 0xff};
    PGconn *connection = lane->connection;
    memcpy(lane->copy + lane->copy_size, tail, sizeof tail);
    run_sql(connection, "BEGIN; COPY stage FROM STDIN (FORMAT binary)");
    if (PQputCopyData(connection, (const char *)lane->copy, (int)(lane->copy_size + sizeof tail)) !=
            1 ||
        PQputCopyEnd(connection, NULL) != 1) {
        give_up(connection, "cannot copy");
    }
    take_results(connection, "COPY refused");
    if (PQsendQuery(connection, "SELECT settle_stage(); COMMIT") != 1) {
        give_up(connection, "cannot send");
    }
    if (PQflush(connection) < 0) give_up(connection, "cannot send");
    count_sent(lane);
    begin_copy(lane);
}

static void settle_one(struct lane *lane)
{
    uint8_t memory[RECORD_ROOM];
    int formats[POSTGRES_FIELDS];
    struct row row = {.at = memory};
    put_record(&row, draw(lane));
    for (int i = 0; i < POSTGRES_FIELDS; i++)
        formats[i] = 1;
    count_sent(lane);
    if (PQsendQueryPrepared(lane->connection, "settle_one", POSTGRES_FIELDS, row.values, row.sizes,
                            formats, 0) != 1) {
        give_up(lane->connection, "cannot send");
    }
    lane->fresh += take_results(lane->connection, "a call was refused");
}

/* -- loops ----------------------------------------------------------------------------------- */

static void run_closed(struct lane *lane, int64_t end_ns)
{
    const uint32_t batch = lane->options->batch;
    if (batch > 1) fill_copy(lane, batch);
    for (;;) {
        const int64_t begun = clock_ns();
        if (begun >= end_ns) break;
        if (batch == 1) {
            settle_one(lane);
        } else {
            send_batch(lane);
            fill_copy(lane, batch); /* While the server works. */
            lane->fresh += take_results(lane->connection, "a batch was refused");
        }
        lane->answer_ns = clock_ns();
        histogram_add(&lane->latency_ns, (uint64_t)(lane->answer_ns - begun), batch);
    }
}

static void sleep_until(int64_t at_ns)
{
    const struct timespec at = {at_ns / NS_PER_SECOND, at_ns % NS_PER_SECOND};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void run_open(struct lane *lane, int64_t end_ns)
{
    const uint32_t batch = lane->options->batch;
    for (;;) {
        const uint64_t first = lane->drawn;
        const int64_t due = due_ns(lane, first);
        if (due >= end_ns) break;
        if (due > clock_ns()) sleep_until(due);
        const int64_t now = clock_ns();
        /* A connection that has fallen behind for longer than the run lasts gives up: its latencies
         * say enough. */
        if (now - due > (int64_t)lane->options->seconds * NS_PER_SECOND) break;
        if (batch == 1) {
            settle_one(lane);
        } else {
            uint32_t count = 1;
            while (count < batch && due_ns(lane, first + count) <= now &&
                   due_ns(lane, first + count) < end_ns)
                count++;
            fill_copy(lane, count);
            send_batch(lane);
            lane->fresh += take_results(lane->connection, "a batch was refused");
        }
        lane->answer_ns = clock_ns();
        for (uint64_t number = first; number < lane->drawn; number++) {
            histogram_add(&lane->latency_ns, (uint64_t)(lane->answer_ns - due_ns(lane, number)), 1);
        }
    }
}

static void open_lane(struct lane *lane, const struct options *options, uint32_t index)
{
    char sql[64];
    *lane = (struct lane){.options = options, .index = index};
    records_init(&lane->records, options->seed, (uint32_t)(wall_ms() / 100), index,
                 options->connections);
    lane->copy = malloc(COPY_HEAD_SIZE + (size_t)options->batch * RECORD_ROOM + COPY_TAIL_SIZE);
    NEED_MEMORY(lane->copy);
    begin_copy(lane);
    lane->connection = connect_to(options->conninfo);
    run_sql(lane->connection, postgres_session);
    snprintf(sql, sizeof sql, "SET peer.lane = %u", index);
    run_sql(lane->connection, sql);
    if (PQsendPrepare(lane->connection, "settle_one", postgres_settle_one, 0, NULL) != 1) {
        give_up(lane->connection, "cannot prepare");
    }
    take_results(lane->connection, "cannot prepare");
}

static void *run_lane(void *context)
{
    struct lane *lane = context;
    const int64_t end_ns = lane->start_ns + (int64_t)lane->options->seconds * NS_PER_SECOND;
    if (lane->options->rate == 0) {
        run_closed(lane, end_ns);
    } else {
        run_open(lane, end_ns);
    }
    return NULL;
}

/* -- the end --------------------------------------------------------------------------------- */

/* Counts and sums all tables. Gives the number of figures that are not what they should be. */
static uint64_t verify(const char *conninfo, const struct sums *sent)
{
    static const char *const names[POSTGRES_TOTALS] = {
        "records",           "medfee",          "fund",
        "account money",     "postings",        "balance",
        "person rows",       "fund of persons", "position records",
        "fund of positions",
    };
    const int64_t want[POSTGRES_TOTALS] = {
        (int64_t)sent->records,
        sent->medfee,
        sent->fund,
        sent->acct,
        4 * (int64_t)sent->records,
        0,
        (int64_t)sent->records,
        sent->fund,
        (int64_t)sent->records,
        sent->fund,
    };
    PGconn *connection = connect_to(conninfo);
    PGresult *result = PQexec(connection, postgres_totals);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) give_up(connection, "cannot count");
    uint64_t wrong = 0;
    for (int i = 0; i < POSTGRES_TOTALS; i++) {
        const int64_t got = strtoll(PQgetvalue(result, 0, i), NULL, 10);
        if (got == want[i]) continue;
        fprintf(stderr, "postgres_peer: %s: %lld, should be %lld\n", names[i], (long long)got,
                (long long)want[i]);
        wrong++;
    }
    PQclear(result);
    PQfinish(connection);
    return wrong;
}

struct result {
    struct histogram latency_ns;
    uint64_t records;
    uint64_t per_second;
    uint64_t errors;
    double client_cpu_us; /* A record. */
};

static uint64_t quantile_us(const struct result *result, uint32_t per_million)
{
    return histogram_quantile(&result->latency_ns, per_million) / 1000;
}

static void write_json(const struct options *options, const struct result *result)
{
    FILE *file = fopen(options->json, "we");
    if (file == NULL) {
        perror(options->json);
        exit(1);
    }
    fprintf(file,
            "{\"peer\": \"postgresql\", \"connections\": %u, \"batch\": %u, \"runs\": [{"
            "\"offered_per_s\": %llu, \"settlements_per_s\": %llu, \"records\": %llu, \"errors\": "
            "%llu, "
            "\"p50_us\": %llu, \"p90_us\": %llu, \"p99_us\": %llu, \"p999_us\": %llu, "
            "\"p9999_us\": %llu, \"max_us\": %llu, \"client_cpu_us_per_record\": %.3f}]}\n",
            options->connections, options->batch, (unsigned long long)options->rate,
            (unsigned long long)result->per_second, (unsigned long long)result->records,
            (unsigned long long)result->errors, (unsigned long long)quantile_us(result, 500000),
            (unsigned long long)quantile_us(result, 900000),
            (unsigned long long)quantile_us(result, 990000),
            (unsigned long long)quantile_us(result, 999000),
            (unsigned long long)quantile_us(result, 999900),
            (unsigned long long)result->latency_ns.max / 1000, result->client_cpu_us);
    fclose(file);
}

static double cpu_us(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return 1e6 * (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

static int finish(const struct options *options, struct lane *lanes, double cpu_before_us)
{
    static struct result result;
    struct sums sent = {0};
    uint64_t fresh = 0;
    int64_t last_ns = lanes[0].start_ns + 1;
    const double cpu = cpu_us() - cpu_before_us;
    for (uint32_t i = 0; i < options->connections; i++) {
        struct lane *lane = &lanes[i];
        sent.records += lane->sent.records;
        sent.medfee += lane->sent.medfee;
        sent.fund += lane->sent.fund;
        sent.acct += lane->sent.acct;
        fresh += lane->fresh;
        if (lane->answer_ns > last_ns) last_ns = lane->answer_ns;
        histogram_merge(&result.latency_ns, &lane->latency_ns);
    }
    result.records = fresh;
    result.per_second =
        (uint64_t)((unsigned __int128)fresh * NS_PER_SECOND / (last_ns - lanes[0].start_ns));
    result.client_cpu_us = fresh == 0 ? 0 : cpu / (double)fresh;
    result.errors = sent.records - fresh + verify(options->conninfo, &sent);
    if (options->json != NULL) write_json(options, &result);
    printf("settlements_per_s=%llu p50_us=%llu p99_us=%llu p999_us=%llu errors=%llu\n",
           (unsigned long long)result.per_second, (unsigned long long)quantile_us(&result, 500000),
           (unsigned long long)quantile_us(&result, 990000),
           (unsigned long long)quantile_us(&result, 999000), (unsigned long long)result.errors);
    return result.errors == 0 ? 0 : 1;
}

static const char usage[] =
    "Usage: postgres_peer [--conninfo TEXT] [--connections N] [--batch N] [--rate R] [--seconds "
    "S]\n"
    "                     [--seed S] [--json FILE]\n\n"
    "Settles the national workload in a PostgreSQL database, whose tables settlement, posting,\n"
    "account and position it DROPS and makes anew; counts and sums them at the end.\n\n"
    "  --conninfo TEXT    as libpq wants it (default: the environment's)\n"
    "  --connections N    1 to 32 (default 2)\n"
    "  --batch N          records a transaction, 1 to 100000 (default 10000); 1: one call each\n"
    "  --rate R           records per second on all connections, open loop (default: closed loop)\n"
    "  --seconds S        how long (default 10)\n";

static uint64_t number(const char *text, uint64_t least, uint64_t most)
{
    char *end;
    const uint64_t value = strtoull(text, &end, 10);
    if (*end != 0 || end == text || value < least || value > most) {
        fprintf(stderr, "postgres_peer: '%s' is no number from %llu to %llu\n", text,
                (unsigned long long)least, (unsigned long long)most);
        exit(2);
    }
    return value;
}

static void read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"conninfo", required_argument, NULL, 'i'}, {"connections", required_argument, NULL, 'c'},
        {"batch", required_argument, NULL, 'b'},    {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},  {"seed", required_argument, NULL, 'e'},
        {"json", required_argument, NULL, 'j'},     {0},
    };
    *options = (struct options){.conninfo = "",
                                .connections = 2,
                                .batch = 10000,
                                .seconds = 10,
                                .seed = (uint64_t)wall_ms()};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 'i':
            options->conninfo = optarg;
            break;
        case 'c':
            options->connections = (uint32_t)number(optarg, 1, CONNECTIONS_MAX);
            break;
        case 'b':
            options->batch = (uint32_t)number(optarg, 1, 100000);
            break;
        case 'r':
            options->rate = number(optarg, 1, 100000000);
            break;
        case 's':
            options->seconds = number(optarg, 1, 1000000);
            break;
        case 'e':
            options->seed = number(optarg, 0, UINT64_MAX - 1);
            break;
        case 'j':
            options->json = optarg;
            break;
        default:
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static struct lane lanes[CONNECTIONS_MAX]; /* Their histograms are too large for the stack. */
    pthread_t threads[CONNECTIONS_MAX];
    struct options options;
    read_options(argc, argv, &options);

    PGconn *connection = connect_to(options.conninfo);
    run_sql(connection, postgres_schema);
    PQfinish(connection);
    for (uint32_t i = 0; i < options.connections; i++)
        open_lane(&lanes[i], &options, i);

    const double cpu_before_us = cpu_us();
    const int64_t start_ns = clock_ns();
    for (uint32_t i = 0; i < options.connections; i++) {
        lanes[i].start_ns = start_ns;
        const int r = pthread_create(&threads[i], NULL, run_lane, &lanes[i]);
        if (r != 0) {
            fprintf(stderr, "postgres_peer: cannot start a thread: %s\n", strerror(r));
            return 1;
        }
    }
    for (uint32_t i = 0; i < options.connections; i++) {
        pthread_join(threads[i], NULL);
        PQfinish(lanes[i].connection);
    }
    const int status = finish(&options, lanes, cpu_before_us);
    for (uint32_t i = 0; i < options.connections; i++)
        free(lanes[i].copy);
    return status;
}
