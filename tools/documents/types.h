/* types -- the kinds of documents, by name. */
#ifndef DOCUMENTS_TYPES_H
#define DOCUMENTS_TYPES_H

#include <stdbool.h>
#include <stddef.h>

enum document_kind {
    DOCUMENT_CLR_NATIONAL,
    DOCUMENT_CLR_PAYABLE,
    DOCUMENT_CLR_RECEIVABLE,
    DOCUMENT_CLR_DETAIL_EMP,
    DOCUMENT_CLR_DETAIL_RES,
    DOCUMENT_NOTICE_PAY,
    DOCUMENT_NOTICE_RECV,
    DOCUMENT_PREFUND_PAY,
    DOCUMENT_PREFUND_RECV,
    DOCUMENT_PREFUND_EMG_PAY,
    DOCUMENT_PREFUND_EMG_RECV,
    DOCUMENT_RECON_DAILY,
    DOCUMENT_KIND_COUNT,
};

struct document_type {
    enum document_kind kind;
    const char *id;     /* "CLR_PAYABLE" */
    const char *title;  /* Behind the province's name, or alone. */
    const char *issued; /* Per what, for people. */
    bool is_national;   /* There is one for the whole country, and no other. */
    bool is_letter;     /* A notice: paragraphs, amounts in capitals, paper upright. */
    bool is_to_be_paid; /* Of the notices: the payer's copy. */
};

/* By enum document_kind. */
extern const struct document_type document_types[DOCUMENT_KIND_COUNT];

/* By id, letters of any case, '-' for '_'; NULL: there is none. */
const struct document_type *document_type_find(const char *id);

#endif
