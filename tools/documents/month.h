/* month -- what the engine says of a clearing month, as plain data, and whether it agrees with
 * itself.
 *
 * WHAT    A document repeats numbers of the ledger, so before any is made the numbers are held
 * against each other: lines against the batch's own row, payable against receivable, payments
 * against notices, areas against lines, prefunds against what they change by. Each tie_…() refuses
 * with the two numbers that differ.
 *
 * Provinces are indexes 0..31, or MONTH_ACCOUNT for the clearing account; amounts fen. Must not
 * know messages (replies.h does) or what a document looks like. */
#ifndef DOCUMENTS_MONTH_H
#define DOCUMENTS_MONTH_H

#include "tools/documents/document.h"
#include "types/cell.h"
#include "types/province.h"

#define MONTH_ACCOUNT 0xfe /* Instead of a province index. */
#define MONTH_ANYBODY 0xff /* Not one province: the country. */

struct month_line {
    char kind[16]; /* "CELL", "CARRIED_CELL", "CARRIED_RECORD", "RECOVERY", "NEGATIVE_CARRY". */
    uint32_t number;
    uint32_t period;
    uint8_t payer;
    uint8_t payee;
    uint32_t line; /* enum line */
    uint32_t insutype;
    uint64_t count;
    int64_t medfee;
    int64_t funds[FUND_COUNT];
    int64_t deducted;
    int64_t amount;
    uint64_t checksum;    /* Sum of its records' content hashes. */
    uint32_t insu_admdvs; /* Of a single record, as is */
    char setl_id[31];
};

struct month_payment {
    uint8_t payer;
    uint8_t payee;
    uint64_t count;
    int64_t amount;
};

struct month_position {
    int64_t payable;
    int64_t receivable;
    int64_t net; /* receivable - payable */
};

struct month {
    uint32_t period; /* yyyymm */
    uint32_t number; /* Of the batch. */
    uint32_t version;
    uint32_t published_version;
    char state[16];
    char mode[24];
    bool is_stale;
    bool is_unwound; /* A province could not pay and was taken out. */
    uint64_t count;
    int64_t gross;
    int64_t bilateral;
    int64_t multilateral;
    int64_t as_of_ms; /* When it was cut: the same in every version. */
    uint8_t digest[SHA256_SIZE];
    uint8_t province; /* The lines are only of this one; MONTH_ANYBODY: all. */
    struct month_line *lines;
    size_t line_count;
    size_t line_room;
    struct month_payment *payments;
    size_t payment_count;
    bool has_position[PROVINCE_COUNT];
    struct month_position positions[PROVINCE_COUNT];
    /* Sums of the lines, made by tie_month(). */
    int64_t amount[PROVINCE_COUNT][PROVINCE_COUNT]; /* [payer][payee] */
    uint64_t records[PROVINCE_COUNT][PROVINCE_COUNT];
};

struct month_area {
    uint32_t admdvs;
    uint8_t counterpart;
    uint32_t line;
    uint32_t insutype;
    uint64_t count;
    int64_t medfee;
    int64_t funds[FUND_COUNT];
    int64_t amount;
};

struct month_notice {
    char number[40];
    char kind[20]; /* "CLEARING", "PREFUND_YEAR" … */
    char state[12];
    char mode[24];
    char replaces[40];
    uint32_t version;
    uint8_t payer; /* Who pays. */
    uint8_t payee;
    uint32_t period;
    int64_t amount;
    int64_t reported;
    int64_t received;
    int64_t old_amount;
    int64_t new_amount;
    uint32_t file_due; /* yyyymmdd */
    uint32_t transfer_due;
    uint32_t feedback_due;
    int64_t issued_ms;
    uint32_t late_wd;
};

struct month_prefund {
    uint8_t payer;
    uint8_t payee;
    int64_t amount;
    int64_t pending;
    int64_t cleared;
    uint32_t use_bp; /* MONTH_NO_RATIO: there is no prefund. */
};

#define MONTH_NO_RATIO UINT32_MAX

struct recon_side {
    uint64_t count;
    int64_t medfee;
    int64_t fund;
    int64_t acct;
};

struct recon_cell {
    uint8_t payer;
    uint8_t payee;
    uint32_t line;
    uint32_t insutype;
    struct recon_side centre;
    bool payer_reconciled;
    bool payee_reconciled;
};

/* A cell as the ledger has it. */
struct recon_state {
    uint8_t payer;
    uint8_t payee;
    uint32_t line;
    uint32_t insutype;
    uint64_t count;
    int64_t amount;
    bool payer_reconciled;
    bool payee_reconciled;
};

struct recon_difference {
    uint32_t date;
    uint8_t payer;
    uint8_t payee;
    bool is_payers; /* Whose list. */
    uint32_t insu_admdvs;
    char setl_id[31];
    char kind[12];
    bool is_open;
    struct recon_side theirs; /* count is 1 when that side has the record. */
    struct recon_side ours;
};

/* An empty month; ended by month_free(). */
void month_init(struct month *month);
void month_free(struct month *month);

/* Room for one more line; zeroed, for the caller to fill. */
struct month_line *month_line_add(struct month *month);

/* Adds the lines up and holds them against the batch's row, the positions and the payments. False,
 * with the fault, at the first number that differs. Everything below needs it done. */
bool tie_month(struct month *month, struct document_fault *fault);

/* The batch's digest, made again from all its lines, against the one the provinces sign; and each
 * kind of line must be one that is known. Of a province that asks for itself nothing is held: it
 * has not all the lines. */
bool tie_digest(const struct month *month, struct document_fault *fault);

/* A province's areas against its lines, by counterpart, line, insurance and fund; what belongs to
 * no area stands under area 0. `is_receivable`: as payee. */
bool tie_areas(const struct month *month, uint8_t province, bool is_receivable,
               const struct month_area *areas, size_t count, struct document_fault *fault);

/* The notices of the batch against its payments. `notices` may hold others; they are passed over,
 * as are cancelled ones. */
bool tie_notices(const struct month *month, const struct month_notice *notices, size_t count,
                 struct document_fault *fault);

/* Notices of prefunds: what changes is what is asked for, in the right direction; and what is not
 * settled yet is what the engine holds as pending for each pair in `prefunds`. */
bool tie_prefunds(const struct month_notice *notices, size_t count,
                  const struct month_prefund *prefunds, size_t prefund_count,
                  struct document_fault *fault);

/* True for "PREFUND_OPENING", "PREFUND_YEAR", "PREFUND_EMERGENCY". */
bool notice_is_prefund(const struct month_notice *notice);

/* True when it is in force: neither cancelled nor replaced. */
bool notice_is_valid(const struct month_notice *notice);

/* Each cell's money is not more than its bill, and no record is there without a count. */
bool tie_recon(const struct recon_cell *cells, size_t count,
               const struct recon_difference *differences, size_t difference_count,
               struct document_fault *fault);

/* Figures against the ledger's cells of the province in that month. Of a whole month: each cell
 * there once, with its records, its money and who has reconciled it. Of a day: not more records
 * than the cell has. */
bool tie_recon_ledger(bool is_month, const struct recon_cell *cells, size_t count,
                      const struct recon_state *states, size_t state_count,
                      struct document_fault *fault);

#endif
