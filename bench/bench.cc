// bench -- the only C++ in the tree: Google Benchmark's loop around the C bodies.
#include <benchmark/benchmark.h>
#include <string>

#include "bench/bodies.h"

static void pause(void *context)
{
    static_cast<benchmark::State *>(context)->PauseTiming();
}

static void resume(void *context)
{
    static_cast<benchmark::State *>(context)->ResumeTiming();
}

static void run(benchmark::State &state, const bench_body *body)
{
    const bench_clock clock = {pause, resume, &state};
    void *prepared = body->prepare(body->count);
    uint64_t sum = 0;
    bool used = false;

    for (auto _ : state) {
        if (used && body->once) {
            state.PauseTiming();
            body->finish(prepared);
            prepared = body->prepare(body->count);
            state.ResumeTiming();
        }
        benchmark::DoNotOptimize(sum = body->run(prepared, body->count, &clock));
        used = true;
    }
    body->finish(prepared);
    const double operations =
        static_cast<double>(state.iterations()) * static_cast<double>(body->count);
    state.SetItemsProcessed(static_cast<int64_t>(operations));
    state.counters["time/item"] =
        benchmark::Counter(operations, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < bench_body_count; i++) {
        const bench_body *body = &bench_bodies[i];
        benchmark::RegisterBenchmark(body->name, run, body)->Unit(benchmark::kMicrosecond);
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
