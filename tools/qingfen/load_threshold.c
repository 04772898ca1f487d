#include "tools/qingfen/load_threshold.h"

#include <string.h>

static const char *const names[THRESHOLD_QUANTITY_COUNT] = {
    [LOAD_P50] = "p50",
    [LOAD_P90] = "p90",
    [LOAD_P99] = "p99",
    [LOAD_P999] = "p999",
    [LOAD_P9999] = "p9999",
    [LOAD_MAX] = "max",
    [THRESHOLD_RATE] = "settlements_per_s",
    [THRESHOLD_ERRORS] = "errors",
};

static const char *const operators[] = {
    [THRESHOLD_BELOW] = "<",
    [THRESHOLD_AT_MOST] = "<=",
    [THRESHOLD_ABOVE] = ">",
    [THRESHOLD_AT_LEAST] = ">=",
};

static const struct {
    const char *name;
    uint64_t thousandths; /* Of a nanosecond. */
} units[] = {
    {"", UINT64_C(1000000)},
    {"us", UINT64_C(1000000)},
    {"ms", UINT64_C(1000000000)},
    {"s", UINT64_C(1000000000000)},
};

static const char *pass_blanks(const char *at)
{
    return at + strspn(at, " \t");
}

static bool is_latency(uint32_t quantity)
{
    return quantity < LOAD_QUANTILE_COUNT;
}

/* Each gives the place behind what it read, or NULL with ret_why set. */

static const char *read_quantity(const char *at, struct threshold *threshold, char *ret_why)
{
    const size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
    for (uint32_t i = 0; i < THRESHOLD_QUANTITY_COUNT; i++) {
        if (strlen(names[i]) != size || memcmp(names[i], at, size) != 0) continue;
        threshold->quantity = i;
        return pass_blanks(at + size);
    }
    snprintf(ret_why, THRESHOLD_WHY_SIZE,
             "'%.*s' is none of p50, p90, p99, p999, p9999, max, settlements_per_s, errors",
             size == 0 ? (int)strcspn(at, " ") : (int)size, at);
    return NULL;
}

static const char *read_operator(const char *at, struct threshold *threshold, char *ret_why)
{
    const size_t size = strspn(at, "<>=!");
    for (uint32_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
        if (strlen(operators[i]) != size || memcmp(operators[i], at, size) != 0) continue;
        threshold->relation = (enum threshold_relation)i;
        return pass_blanks(at + size);
    }
    snprintf(ret_why, THRESHOLD_WHY_SIZE,
             "behind '%s' there must be <, <=, > or >=", names[threshold->quantity]);
    return NULL;
}

/* Digits, and up to three behind a point, as thousandths. */
static const char *read_number(const char *at, uint64_t *ret_thousandths, char *ret_why)
{
    const char *begin = at;
    uint64_t number = 0;
    bool fits = true;
    for (; *at >= '0' && *at <= '9'; at++) {
        fits = fits && !__builtin_mul_overflow(number, 10, &number) &&
               !__builtin_add_overflow(number, (uint64_t)(*at - '0'), &number);
    }
    if (at == begin) {
        snprintf(ret_why, THRESHOLD_WHY_SIZE, "the number is missing%s%s",
                 *at == '\0' ? "" : " before ", at);
        return NULL;
    }
    fits = fits && !__builtin_mul_overflow(number, 1000, &number);
    if (*at == '.') {
        uint64_t place = 100;
        for (at++; *at >= '0' && *at <= '9'; at++, place /= 10) {
            fits = fits && !__builtin_add_overflow(number, (uint64_t)(*at - '0') * place, &number);
        }
    }
    if (!fits) {
        snprintf(ret_why, THRESHOLD_WHY_SIZE, "the number is too large");
        return NULL;
    }
    *ret_thousandths = number;
    return pass_blanks(at);
}

bool threshold_parse(const char *text, struct threshold *ret_threshold,
                     char ret_why[THRESHOLD_WHY_SIZE])
{
    struct threshold threshold = {.text = text};
    uint64_t number;
    const char *at = read_quantity(pass_blanks(text), &threshold, ret_why);
    if (at != NULL) at = read_operator(at, &threshold, ret_why);
    if (at != NULL) at = read_number(at, &number, ret_why);
    if (at == NULL) return false;

    const size_t size = strcspn(at, " \t");
    if (!is_latency(threshold.quantity)) {
        snprintf(ret_why, THRESHOLD_WHY_SIZE, "%s has no unit, '%s' is too much",
                 names[threshold.quantity], at);
        threshold.thousandths = number;
        *ret_threshold = threshold;
        return size == 0;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strlen(units[i].name) != size || memcmp(units[i].name, at, size) != 0) continue;
        if (*pass_blanks(at + size) != '\0') break;
        /* `number` is in thousandths already. */
        if (__builtin_mul_overflow(number, units[i].thousandths / 1000, &threshold.thousandths)) {
            snprintf(ret_why, THRESHOLD_WHY_SIZE, "the number is too large");
            return false;
        }
        *ret_threshold = threshold;
        return true;
    }
    snprintf(ret_why, THRESHOLD_WHY_SIZE, "'%s' is no unit: us, ms or s", at);
    return false;
}

static uint64_t value_of(const struct threshold *threshold, const struct load_result *result)
{
    if (is_latency(threshold->quantity)) return result->latency_ns[threshold->quantity];
    return threshold->quantity == THRESHOLD_RATE ? result->settlements_per_s : result->errors;
}

bool threshold_holds(const struct threshold *threshold, const struct load_result *result)
{
    const unsigned __int128 found = (unsigned __int128)value_of(threshold, result) * 1000;
    switch (threshold->relation) {
    case THRESHOLD_BELOW:
        return found < threshold->thousandths;
    case THRESHOLD_AT_MOST:
        return found <= threshold->thousandths;
    case THRESHOLD_ABOVE:
        return found > threshold->thousandths;
    case THRESHOLD_AT_LEAST:
        return found >= threshold->thousandths;
    }
    return false;
}

void threshold_found(const struct threshold *threshold, const struct load_result *result,
                     char ret_text[THRESHOLD_WHY_SIZE])
{
    const uint64_t value = value_of(threshold, result);
    const char *name = names[threshold->quantity];
    if (is_latency(threshold->quantity)) {
        snprintf(ret_text, THRESHOLD_WHY_SIZE, "%s was %llu.%03llu ms", name,
                 (unsigned long long)value / 1000000, (unsigned long long)value / 1000 % 1000);
    } else {
        snprintf(ret_text, THRESHOLD_WHY_SIZE, "%s was %llu", name, (unsigned long long)value);
    }
}
