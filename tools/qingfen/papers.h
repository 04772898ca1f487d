/* papers -- what documents need from the engine: asked, paged, put together and tied.
 *
 * Each call says on stderr what went wrong and gives false. Must not know files or formats. */
#ifndef QINGFEN_PAPERS_H
#define QINGFEN_PAPERS_H

#include "tools/client/client.h"
#include "tools/documents/build.h"

struct papers {
    struct client client;
    uint32_t as;                  /* Two digits of the province that asks; 0: the centre. */
    uint32_t period;              /* yyyymm */
    uint32_t version;             /* Of the batch; set before anything is asked. 0: the present. */
    struct month month;           /* With period 0: not asked yet. */
    struct month_notice *notices; /* Of the month, and all of prefunds. */
    size_t notice_count;
    size_t notice_room;
    bool has_notices;
    struct area_list areas[2]; /* Payable and receivable of the province asked last, */
    uint8_t area_province;     /* which is this one; MONTH_ANYBODY: none was. */
};

/* Connects. `as` 0: the centre. Ended by papers_close() in any case. */
bool papers_open(struct papers *papers, const struct client_address *address, uint32_t as,
                 uint32_t period);
void papers_close(struct papers *papers);

/* A connection of its own for a process that was forked with open papers, which has everything that
 * was asked before; the parent's connection is left alone. */
bool papers_reconnect(struct papers *papers);

/* The month's batch with all its lines, tied. Asked once. */
bool papers_month(struct papers *papers);

/* The month's notices and those of prefunds, tied; the month must have been asked. Asked once. */
bool papers_notices(struct papers *papers);

/* Both sides of a province's second level, tied to its lines, in papers->areas. Asked once for as
 * long as the province is the same. */
bool papers_areas(struct papers *papers, uint8_t province);

/* True of the tables that the lines of a version say everything of: they can be made of any
 * version. Everything else follows the present state. */
bool papers_has_versions(enum document_kind kind);

/* A document of that kind. *ret_document is NULL when there is nothing to make it of (no notice of
 * that kind, or none in versions when one is asked for); then `true` is given all the same.
 * `number`: only that notice, or NULL. `date`: of a reconciliation, 0: the whole month.
 * `is_of_month`: prefunds issued in the month only. */
bool papers_make(struct papers *papers, enum document_kind kind, uint8_t province,
                 const char *number, uint32_t date, bool is_of_month,
                 struct document **ret_document);

#endif
