/* build -- documents from a month's plain data.
 *
 * Each gives a sealed document, freed by the caller with document_free(), or NULL with the fault.
 * The numbers must have been tied before (month.h); what a document adds up is held against them
 * once more here, so that a document never says another total than the ledger. */
#ifndef DOCUMENTS_BUILD_H
#define DOCUMENTS_BUILD_H

#include "tools/documents/month.h"

/* 全国跨省异地就医费用清算表: the matrices of amounts and counts, and positions in every mode. The
 * month holds the lines of all provinces. */
struct document *build_national(const struct month *month, struct document_fault *fault);

/* __省跨省异地就医应付 / 应收医疗费用清算表, by counterpart, insurance and kind of care. */
struct document *build_summary(const struct month *month, enum document_kind kind, uint8_t province,
                               struct document_fault *fault);

/* One side of a province's second level. */
struct area_list {
    const struct month_area *rows;
    size_t count;
};

/* 职工 / 居民医保基金应付（应收）明细表. Everybody who is no resident (离休, 其他) stands in the
 * employees' one, so that the two together are the summary. */
struct document *build_detail(const struct month *month, enum document_kind kind, uint8_t province,
                              struct area_list payable, struct area_list receivable,
                              struct document_fault *fault);

struct notice_list {
    const struct month_notice *rows;
    size_t count;
};

/* Which notices a document is made of. */
struct notice_choice {
    uint32_t period;      /* yyyymm. Of prefunds its year counts. */
    uint8_t province;     /* Whose copy: payer or payee by the kind. */
    const char *number;   /* Only this one, of which `province` is a party; NULL: all of the period
                           * that are in force. */
    bool issued_in_month; /* Of yearly prefunds: those issued in the month; emergencies: its own. */
};

/* Payment and receipt notices of every kind. NULL with an empty fault text when there is none. */
struct document *build_notice(enum document_kind kind, const struct notice_choice *choice,
                              struct notice_list notices, struct document_fault *fault);

struct recon_report {
    uint32_t period; /* yyyymm */
    uint32_t date;   /* yyyymmdd, 0: the whole month. */
    uint8_t province;
    int64_t as_of_ms;
    const struct recon_cell *cells;
    size_t cell_count;
    const struct recon_difference *differences;
    size_t difference_count;
};

/* 日对账: counts, sums, states and differences. */
struct document *build_recon(const struct recon_report *report, struct document_fault *fault);

/* -- for the builders ------------------------------------------------------------------------- */

/* A document of a month's batch with its number, version and facts. */
struct document *build_of_month(const struct month *month, enum document_kind kind,
                                uint8_t province);

/* Seals it and holds its controls against the ledger's; the document, or NULL after freeing it. */
struct document *build_finish(struct document *document, uint64_t count, int64_t sum,
                              struct document_fault *fault);

/* The note on red figures, where there is one. */
void build_note_red(struct document *document);

#endif
