#include "tools/qingfen/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "tools/client/clock.h"
#include "tools/client/yuan.h"

#define QUIET_NS (1 * NS_PER_SECOND) /* What is done within it needs no bar. */
#define DRAW_NS  (200 * NS_PER_MS)
#define BAR      30 /* Characters. */

void progress_begin(struct progress *progress)
{
    *progress = (struct progress){.start_ns = clock_ns(), .is_watched = isatty(STDERR_FILENO)};
}

void progress_show(struct progress *progress, uint64_t done, uint64_t whole, uint64_t records)
{
    if (!progress->is_watched) return;
    const int64_t now = clock_ns();
    if (now - progress->start_ns < QUIET_NS || now - progress->shown_ns < DRAW_NS) return;
    progress->shown_ns = now;
    progress->is_drawn = true;

    char count[YUAN_SIZE];
    char rate[YUAN_SIZE];
    const uint64_t elapsed_ms = (uint64_t)((now - progress->start_ns) / NS_PER_MS);
    count_format_grouped(records, count);
    count_format_grouped(records * 1000 / elapsed_ms, rate);
    if (whole == 0) {
        fprintf(stderr, "\r\033[K%s records, %s/s", count, rate);
        return;
    }
    const uint64_t percent = done >= whole ? 100 : done * 100 / whole;
    char bar[BAR + 1];
    for (uint64_t i = 0; i < BAR; i++) {
        bar[i] = i < percent * BAR / 100 ? '#' : '.';
    }
    bar[BAR] = '\0';
    fprintf(stderr, "\r\033[K[%s] %3d %%  %s records, %s/s", bar, (int)percent, count, rate);
}

void progress_tell(void *progress, uint64_t done, uint64_t whole, uint64_t records)
{
    progress_show(progress, done, whole, records);
}

void progress_end(struct progress *progress)
{
    if (progress->is_drawn) fputs("\r\033[K", stderr);
    progress->is_drawn = false;
}
