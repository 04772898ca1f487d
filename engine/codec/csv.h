/* csv -- settlements as lines of the national interface's names, in and out.
 *
 * WHAT    A CSV text in memory into rows (settlements and 2601 corrections), one call a row, and a
 *         settlement or correction back into its line. Amounts are yuan with at most two decimals
 *         in the text and fen in the struct; `setl_time` is `yyyy-MM-dd HH:mm:ss` in Shanghai.
 *
 * FORM    RFC 4180: a header row, commas, quotes doubled inside quotes; LF or CRLF; a byte order
 *         mark in front and a missing end of the last line are accepted; empty lines are passed
 *         over. Columns in any order; those that are missing are empty or 0.
 *
 * NOT     Whether a code is known, an id too long or an identity broken is the engine's business
 *         (ledger/). Must not know files, memory management, persons' keys, sessions or time. It
 *         allocates nothing and never reads outside the text it was given. */
#ifndef CODEC_CSV_H
#define CODEC_CSV_H

#include "types/settlement.h"

/* X(SYMBOL, name): first the columns of the contract, in the order in which they are written, then
 * those of corrections, then the optional amounts that are read and never written. */
#define CSV_COLUMNS_CONTRACT(X)         \
    X(MSGID, msgid)                     \
    X(SETL_ID, setl_id)                 \
    X(MDTRT_ID, mdtrt_id)               \
    X(PSN_NO, psn_no)                   \
    X(INSUTYPE, insutype)               \
    X(MED_TYPE, med_type)               \
    X(CLR_TYPE, clr_type)               \
    X(INSU_ADMDVS, insu_admdvs)         \
    X(MDTRTAREA_ADMVS, mdtrtarea_admvs) \
    X(FIXMEDINS_CODE, fixmedins_code)   \
    X(SETL_TIME, setl_time)             \
    X(MEDFEE, medfee_sumamt)            \
    X(FUND_SUM, fund_pay_sumamt)        \
    X(HIFP, hifp_pay)                   \
    X(CVLSERV, cvlserv_pay)             \
    X(HIFES, hifes_pay)                 \
    X(HIFMI, hifmi_pay)                 \
    X(HIFOB, hifob_pay)                 \
    X(MAF, maf_pay)                     \
    X(OTH, oth_pay)                     \
    X(PSN_PART, psn_part_amt)           \
    X(ACCT, acct_pay)                   \
    X(MULAID, acct_mulaid_pay)          \
    X(WLT, wlt_pay)                     \
    X(CASH, psn_cash_pay)               \
    X(HOSP_PART, hosp_part_amt)         \
    X(REFD_SETL_FLAG, refd_setl_flag)   \
    X(ORIG_SETL_ID, orig_setl_id)       \
    X(DISE_CODG, dise_codg)

#define CSV_COLUMNS_CORRECTION(X) \
    X(INFNO, infno)               \
    X(OMSGID, omsgid)             \
    X(OINFNO, oinfno)

#define CSV_COLUMNS_OPTIONAL(X)         \
    X(HIFDM, hifdm_pay)                 \
    X(FULAMT_OWNPAY, fulamt_ownpay_amt) \
    X(OVERLMT, overlmt_selfpay)         \
    X(PRESELFPAY, preselfpay_amt)       \
    X(INSCP_SCP, inscp_scp_amt)         \
    X(ACT_PAY_DEDC, act_pay_dedc)

enum csv_column {
#define X(symbol, name) CSV_##symbol,
    CSV_COLUMNS_CONTRACT(X)
    CSV_COLUMNS_CORRECTION(X) CSV_COLUMNS_OPTIONAL(X)
#undef X
        CSV_COLUMN_COUNT,
    CSV_CONTRACT_COUNT = CSV_INFNO, /* Columns of the contract. */
};

#define CSV_FIELDS_MAX (CSV_COLUMN_COUNT + 1) /* Of a line that are looked at. */
#define CSV_FIELD_MAX  255 /* Bytes of one field, quotes apart; longer is refused here. */

/* Why a line, or the header, was refused. Static text; views live as long as the CSV text. */
struct csv_error {
    uint64_t line;       /* 1-based line of the text at which the row begins. */
    uint32_t code;       /* ERROR_MALFORMED, or ERROR_AMOUNT_RANGE for an amount that is a number
                            and outside N(16,2). */
    const char *field;   /* National name of the column, NULL when no single one is at fault. */
    const char *text;    /* One English sentence. */
    struct bytes column; /* An unknown or doubled column's name, as it stands in the header. */
};

struct csv_row {
    uint64_t line;                /* 1-based line at which it begins. */
    bool is_correction;           /* infno 2601: read `correction`, else `settlement`. */
    struct settlement settlement; /* psn_key is empty: made from psn_no by the caller. An empty
                                     msgid stays empty. */
    struct correction correction; /* psn_key is empty; sender_admdvs is the row's mdtrtarea_admvs,
                                     inf_time its setl_time. */
    struct bytes psn_no;          /* The person's number as it stands there. */
};

enum csv_status {
    CSV_ROW,   /* ret_row is set. */
    CSV_ERROR, /* ret_error is set; the reader stands behind the bad line and may go on. */
    CSV_END,
};

/* A reader stands on its caller's text, which must stay until the last row is done with. All its
 * fields are its own business. */
struct csv_reader {
    const char *text;
    const char *end;
    const char *at;
    uint64_t line;
    uint32_t column_count;
    uint8_t columns[CSV_COLUMN_COUNT]; /* enum csv_column of each column of the text. */
    int64_t day_ms;                    /* Midnight of day_text: most rows share their day. */
    char day_text[10];
    bool day_known;
    char scratch[CSV_FIELDS_MAX][CSV_FIELD_MAX]; /* Fields with doubled quotes, unfolded. */
};

/* Reads the header. False and *ret_error when a column is unknown or doubled or there is no header;
 * the reader then must not be used. */
bool csv_begin(struct csv_reader *reader, struct bytes text, struct csv_error *ret_error);

/* The next row. Views in *ret_row point into the text or into the reader and are good until the
 * next call. Columns that are missing or empty give 0 and empty views. */
enum csv_status csv_next(struct csv_reader *reader, struct csv_row *ret_row,
                         struct csv_error *ret_error);

/* Bytes used up so far, the line last given included: how far a sender may say it has come. */
size_t csv_offset(const struct csv_reader *reader);

/* Room for any line with fields of at most CSV_FIELD_MAX bytes, all of them in need of quotes. */
#define CSV_LINE_MAX 8192

/* Each writes one line with its LF to `out`, which has room for CSV_LINE_MAX bytes, and gives its
 * size. `corrections` adds the columns infno, omsgid and oinfno. Amounts have two decimals,
 * refd_setl_flag is 0 or 1, a setl_time of 0 is empty; a number of 0 is written as 0. */
size_t csv_write_header(bool corrections, char *out);
size_t csv_write_settlement(const struct settlement *settlement, struct bytes psn_no,
                            bool corrections, char *out);
/* `insu_admdvs` is what the line says beside the correction, 0 for nothing. */
size_t csv_write_correction(const struct correction *correction, struct bytes psn_no,
                            uint32_t insu_admdvs, char *out);

/* National name of a column, static memory. */
const char *csv_column_name(enum csv_column column);

#endif
