#include "tools/qingfen/load_result.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/client/clock.h"

#define NS_PER_US  1000
#define PATH_SIZE  4096
#define MODEL_LINE "model name"

void load_result_latencies(struct load_result *result, const struct histogram *latency_ns)
{
#define X(symbol, per_million, name) \
    result->latency_ns[LOAD_##symbol] = histogram_quantile(latency_ns, per_million);
    LOAD_QUANTILES(X)
#undef X
    result->latency_ns[LOAD_MAX] = latency_ns->max;
}

double load_result_cpu_us(const struct load_result *result)
{
    if (result->records == 0) return 0;
    return (double)result->cpu_ns / NS_PER_US / (double)result->records;
}

static unsigned long long us_of(const struct load_result *result, enum load_quantile quantile)
{
    return result->latency_ns[quantile] / NS_PER_US;
}

static void print_row(const struct load_result *result)
{
    if (result->offered_per_s == 0) {
        printf("%10s", "closed");
    } else {
        printf("%10llu", (unsigned long long)result->offered_per_s);
    }
    printf("  %10llu", (unsigned long long)result->settlements_per_s);
    for (int i = 0; i < LOAD_QUANTILE_COUNT; i++)
        printf("  %8llu", us_of(result, (enum load_quantile)i));
    printf("  %8lld  %8.3f  %7llu\n", (long long)(result->late_p99_ns / NS_PER_US),
           load_result_cpu_us(result), (unsigned long long)result->errors);
}

void load_result_print(const struct load_result *results, uint32_t count)
{
    printf("%10s  %10s  %8s  %8s  %8s  %8s  %8s  %8s  %8s  %8s  %7s\n", "offered/s", "done/s",
           "p50 us", "p90 us", "p99 us", "p99.9", "p99.99", "max", "late p99", "cpu us", "errors");
    for (uint32_t i = 0; i < count; i++)
        print_row(&results[i]);
    const struct load_result *last = &results[count - 1];
    printf("settlements_per_s=%llu p50_us=%llu p99_us=%llu p999_us=%llu errors=%llu\n",
           (unsigned long long)last->settlements_per_s, us_of(last, LOAD_P50),
           us_of(last, LOAD_P99), us_of(last, LOAD_P999), (unsigned long long)last->errors);
}

/* ---- Files ---- */

static json_t *microseconds(uint64_t ns)
{
    return json_real((double)ns / NS_PER_US);
}

static json_t *json_of_run(const struct load_result *result)
{
    json_t *run =
        json_pack("{s:I, s:I, s:f, s:I, s:I}", "offered_per_s", (json_int_t)result->offered_per_s,
                  "settlements_per_s", (json_int_t)result->settlements_per_s, "seconds",
                  (double)result->span_ns / (double)NS_PER_SECOND, "records",
                  (json_int_t)result->records, "errors", (json_int_t)result->errors);
#define X(symbol, per_million, name) \
    json_object_set_new(run, name, microseconds(result->latency_ns[LOAD_##symbol]));
    LOAD_QUANTILES(X)
#undef X
    json_object_set_new(run, "max_us", microseconds(result->latency_ns[LOAD_MAX]));
    json_object_set_new(run, "late_p99_us", microseconds((uint64_t)result->late_p99_ns));
    json_object_set_new(run, "client_cpu_us_per_record", json_real(load_result_cpu_us(result)));
    return run;
}

/* The processor's name as Linux tells it; "" where it does not. */
static void read_model(char *ret_model, size_t size)
{
    char line[256];
    ret_model[0] = '\0';
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, MODEL_LINE, strlen(MODEL_LINE)) != 0) continue;
        const char *name = strchr(line, ':');
        if (name != NULL) snprintf(ret_model, size, "%s", name + 1 + strspn(name + 1, " "));
        ret_model[strcspn(ret_model, "\n")] = '\0';
        break;
    }
    if (file != NULL) (void)fclose(file);
}

static json_t *json_of_host(void)
{
    struct utsname name = {0};
    char model[128];
    (void)uname(&name);
    read_model(model, sizeof(model));
    return json_pack("{s:s, s:s, s:s, s:s, s:I}", "system", name.sysname, "kernel", name.release,
                     "machine", name.machine, "processor", model, "processors",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN));
}

int load_result_write_json(const char *path, const struct load_fact *facts,
                           const struct load_result *results, uint32_t count)
{
    json_t *options = json_object();
    json_t *runs = json_array();
    for (; facts->name != NULL; facts++) {
        json_object_set_new(options, facts->name,
                            facts->text != NULL ? json_string(facts->text)
                                                : json_integer((json_int_t)facts->number));
    }
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(runs, json_of_run(&results[i]));
    json_t *whole = json_pack("{s:s, s:o, s:o, s:o}", "version", QINGFEN_VERSION, "options",
                              options, "runs", runs, "host", json_of_host());
    if (whole == NULL) return -ENOMEM;
    FILE *file = fopen(path, "w");
    int r = file == NULL ? -errno : 0;
    if (file != NULL) {
        const bool written =
            json_dumpf(whole, file, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) == 0 &&
            fputc('\n', file) != EOF;
        if (!written) r = -EIO;
        if (fclose(file) != 0) r = -errno;
    }
    json_decref(whole);
    return r;
}

int load_result_write_hgrm(const char *path, bool one_of_several, const struct load_result *result,
                           const struct histogram *latency_ns)
{
    char name[PATH_SIZE];
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(path, '.');
    if (dot == NULL || (slash != NULL && dot < slash) || !one_of_several) dot = path + strlen(path);
    int size = snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
    if (one_of_several && size >= 0 && size < PATH_SIZE) {
        size += snprintf(name + size, sizeof(name) - (size_t)size, "-%llu%s",
                         (unsigned long long)result->offered_per_s, dot);
    }
    if (size < 0 || size >= PATH_SIZE) return -ENAMETOOLONG;

    FILE *file = fopen(name, "w");
    if (file == NULL) return -errno;
    const bool written = histogram_write_hgrm(latency_ns, NS_PER_US, file);
    if (fclose(file) != 0) return -errno;
    return written ? 0 : -EIO;
}
