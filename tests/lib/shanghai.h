/* shanghai -- times of Shanghai as tests write them. */
#ifndef TESTS_LIB_SHANGHAI_H
#define TESTS_LIB_SHANGHAI_H

#include <stdio.h>

#include "tests/lib/unit.h"
#include "types/civil.h"

/* "2026-03-02T21:59:59.999" in Shanghai, as milliseconds. */
static inline int64_t shanghai_ms(const char *text)
{
    char iso[CIVIL_ISO_SIZE];
    int64_t ms;
    snprintf(iso, sizeof iso, "%s+08:00", text);
    assert_true(civil_parse_iso(iso, &ms));
    return ms;
}

#endif
