/* once -- runs one body once and prints what an operation took: for tools that count instead of
 * timing. `valgrind --tool=callgrind --toggle-collect=NAME` begins where the body's run does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bodies.h"

static const struct bench_body *find(const char *name)
{
    for (size_t i = 0; i < bench_body_count; i++) {
        if (strcmp(bench_bodies[i].name, name) == 0) return &bench_bodies[i];
    }
    return NULL;
}

/* What is counted; its name is known to tools/bench.sh and must stay in the program. */
__attribute__((noinline)) uint64_t bench_counted(const struct bench_body *body, void *prepared,
                                                 uint64_t count);

uint64_t bench_counted(const struct bench_body *body, void *prepared, uint64_t count)
{
    const struct bench_clock clock = {NULL, NULL, NULL};
    return body->run(prepared, count, &clock);
}

int main(int argc, char **argv)
{
    const struct bench_body *body = argc == 3 ? find(argv[1]) : NULL;
    const uint64_t count = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    if (body == NULL || count == 0) {
        fprintf(stderr, "usage: bench_once BODY COUNT\n");
        return 2;
    }
    void *prepared = body->prepare(count);
    const uint64_t sum = bench_counted(body, prepared, count);
    body->finish(prepared);
    printf("%s: %llu operations, sum %llu\n", body->name, (unsigned long long)count,
           (unsigned long long)sum);
    return 0;
}
