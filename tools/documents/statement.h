/* statement -- 异地结算单: one settlement on paper, with everything that came after it.
 *
 * What is printed adds up: the settlement and its chain give what the ledger says is left, or there
 * is no document. No name and no number of a person stands on it. Must not know messages
 * (statement_reply.h does). */
#ifndef DOCUMENTS_STATEMENT_H
#define DOCUMENTS_STATEMENT_H

#include "tools/documents/document.h"
#include "types/settlement.h"

/* Fen. */
struct paper_sums {
    int64_t medfee;
    int64_t fund;
    int64_t acct;
    int64_t wlt;
    int64_t cash;
};

struct paper_step {
    const char *number;
    const char *what; /* "refund", "adjustment", "correction", "payment", "wallet" */
    int64_t at_ms;
    uint32_t period;
    struct paper_sums sums;
};

struct paper_lot {
    uint8_t province; /* Index. */
    int64_t amount;
};

/* Texts and lists are borrowed. */
struct statement_paper {
    const char *setl_id;
    const char *mdtrt_id;
    const char *fixmedins_code;
    const char *fixmedins_name; /* "": not in the directory. */
    const char *dise_codg;
    const char *state;  /* "ACCRUED", "CLEARING", "REVERSED" */
    const char *remark; /* "": the chain is whole. */
    uint32_t insu_admdvs;
    uint32_t mdtrtarea_admvs;
    uint32_t insutype;
    uint32_t med_type;
    uint32_t period;
    int64_t setl_ms;
    int64_t begin_ms; /* Of the care; 0: not said. */
    int64_t end_ms;
    int64_t posted_ms;
    int64_t amounts[AMOUNT_COUNT];
    const struct paper_lot *lots;
    size_t lot_count;
    const struct paper_step *steps; /* Oldest first. */
    size_t step_count;
    struct paper_sums left;
};

/* A sealed document, freed by the caller with document_free(), or NULL with the fault. */
struct document *build_statement(const struct statement_paper *paper, struct document_fault *fault);

/* Chinese name of an amount, "医疗费总额"; static memory. */
const char *statement_amount_name(enum settlement_amount amount);

/* "退费" of "refund" and so on; the word itself when it is none. */
const char *statement_step_name(const char *what);

#endif
