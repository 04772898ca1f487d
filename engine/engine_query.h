/* engine_query -- what the files of the desk's questions share: pages, and what was asked. Only
 * engine_query.c and engine_query_batch.c include it. */
#ifndef ENGINE_QUERY_H
#define ENGINE_QUERY_H

#include "engine_internal.h"

#define PAGE_MAX 1000

/* -- pages ------------------------------------------------------------------------------------- */

/* Which rows of a list are told. */
struct page {
    uint32_t offset;
    uint32_t limit;
    uint32_t seen;
    uint32_t count; /* Taken. */
    bool more;
};

static inline struct page page_of(const struct query *query)
{
    const bool given = query->limit != 0 && query->limit < PAGE_MAX;
    return (struct page){.offset = query->offset, .limit = given ? query->limit : PAGE_MAX};
}

/* Whether the next row that fits is on the page. */
static inline bool page_takes(struct page *page)
{
    if (page->seen < page->offset) {
        page->seen++;
        return false;
    }
    if (page->count == page->limit) {
        page->more = true;
        return false;
    }
    page->count++;
    return true;
}

/* -- what was asked ---------------------------------------------------------------------------- */

/* Borrowed from the job. */
static inline const struct query *query_of(const struct home *home)
{
    return &home->desk.job.query;
}

/* Index of the province the question is about, PROVINCE_CENTRE: all. */
static inline uint8_t subject_of(const struct home *home)
{
    const uint32_t code = query_of(home)->province;
    return code == 0 ? PROVINCE_CENTRE : province_index(code);
}

/* Asked for no month: any. */
static inline bool of_period(const struct query *query, uint32_t period)
{
    return query->period == 0 || query->period == period;
}

/* engine_query.c: refuses the question when the shards could not say what it needs. True then. */
bool refused_facts(struct home *home);

/* -- engine_query_batch.c ---------------------------------------------------------------------- */

/* Each answers the question at hand and desk_finish()es it, or refuses it. */
void query_batch(struct home *home);
void query_areas(struct home *home);
void query_cells(struct home *home);

#endif
