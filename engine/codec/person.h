/* codec/person -- what persons may ask (proto/person.proto), and what waits for a province, between
 * protobuf bytes and nouns.
 *
 * Answers are malloc'ed and the caller frees them; NULL without memory. Must not know any state. */
#ifndef CODEC_PERSON_H
#define CODEC_PERSON_H

#include "types/wallet.h"

#define PERSON_PAGE_MAX     200 /* Records of one page; … */
#define PERSON_PAGE_DEFAULT 50  /* … and when nobody says how many. */

#define PAGE_TOKEN_SIZE 48 /* A page token and its NUL. */

/* Kinds of WltRecord; 0: all of them. */
enum wallet_record_kind {
    RECORDS_ALL = 0,
    RECORDS_TRANSFER,
    RECORDS_PAYMENT,
    RECORDS_PREMIUM,
    RECORDS_USAGE,
    RECORDS_RELATION,
    RECORDS_WALLET,
    RECORDS_KIND_END,
};

/* "transfer"; "" for RECORDS_ALL. */
const char *wallet_record_kind_name(uint32_t kind);

/* Every question in one struct; what a message has not is zero or empty. */
struct person_question {
    uint16_t type;          /* enum message_type */
    bool has_key;           /* A statement may be asked for without; others of a person may not. */
    struct psn_key psn_key; /* Whose data; zeros for regions, institutions, outboxes. */
    char setl_id[CLIENT_NO_SIZE];
    char fixmedins_code[16]; /* Padded with zeros. */
    char page_token[PAGE_TOKEN_SIZE];
    uint32_t area; /* insu_admdvs of StmtGet, 0: any; admdvs of RegionQuery */
    uint32_t year;
    uint32_t kind;  /* enum wallet_record_kind */
    uint32_t limit; /* Within 1..PERSON_PAGE_MAX of records, 1..1000 of an outbox. */
    uint32_t dest;  /* Of OutboxGet, as the message says it. */
    uint64_t after;
    int64_t from_ms; /* 0: no limit; RegionQuery.at */
    int64_t to_ms;
};

#define QUESTION_WHY_SIZE 96 /* Bytes. */

/* False when the message is not well formed; `ret_why` then says which field and what is wrong with
 * it. Types of person_type() (codec/wallet.h). */
bool person_question_decode(uint16_t type, struct bytes body, struct person_question *ret_question,
                            char ret_why[QUESTION_WHY_SIZE]);

/* A reply of any of these types that only says no: the code's text, and behind a colon what `why`
 * says of it; NULL: nothing more. */
uint8_t *person_refusal_encode(uint32_t code, const char *why, size_t *ret_size);

/* -- one settlement ------------------------------------------------------------------------- */

/* Fen: what a statement adds up. */
struct statement_sums {
    int64_t medfee;
    int64_t fund;
    int64_t acct;
    int64_t wlt;
    int64_t cash;
};

struct statement_lot {
    uint32_t province; /* Two digits. */
    int64_t amount;
};

struct statement_step {
    uint64_t seq; /* Their order; not told. */
    char setl_id[CLIENT_NO_SIZE];
    const char *what; /* refund, adjustment, correction, wallet */
    int64_t at_ms;
    uint32_t period;
    struct statement_sums sums;
};

struct statement {
    struct bytes settlement; /* SetlPost as it was accepted. */
    const char *state;
    const char *name; /* Of the institution; NULL: not in the directory. */
    const char *text; /* What is to be known beside the figures; NULL: nothing. */
    uint32_t period;
    int64_t posted_ms;
    const struct statement_lot *lots;
    uint32_t lot_count;
    const struct statement_step *steps; /* Oldest first. */
    uint32_t step_count;
    struct statement_sums left;
};

uint8_t *statement_reply_encode(const struct statement *statement, size_t *ret_size);

/* -- a year --------------------------------------------------------------------------------- */

struct year_sum {
    uint64_t count; /* Settlements of which something is left. */
    int64_t medfee; /* This and the following: fen, after refunds. */
    int64_t fund;
    int64_t in_scope_selfpay;
    int64_t full_selfpay;
    int64_t deductible;
    int64_t deduct_from;
    int64_t deduct_max;
    bool complete; /* The year is over; else the reply's code is 6003. */
};

uint8_t *year_reply_encode(const struct year_sum *sum, size_t *ret_size);

/* -- a wallet ------------------------------------------------------------------------------- */

/* Rows are borrowed from the person. */
struct wallet_view {
    const struct wallet_row *wallet;
    const struct hold_row *hold;
    const struct lot *lots;
    const struct transfer_row *transfers;
    const struct offer_row *offers;
    const struct relation_row *relations;
    uint32_t lot_count;
    uint32_t transfer_count;
    uint32_t offer_count;
    uint32_t relation_count;
    uint32_t insu_admdvs;
    uint32_t insutype;
    uint32_t day_count; /* Outgoing transfers of today, and their sum. */
    int64_t day_sum;
    int64_t balance;
    int64_t free_balance;
};

uint8_t *wallet_view_encode(const struct wallet_view *view, size_t *ret_size);

struct wallet_record {
    uint64_t seq;
    int64_t at_ms;
    uint32_t kind;    /* enum wallet_record_kind */
    const char *what; /* Static. */
    char id[WALLET_ID_SIZE];
    char ref[CLIENT_NO_SIZE];
    int64_t amount;
    uint32_t admdvs;
    uint32_t old_admdvs; /* Of a changed usage location; 0 when the order did not say. */
};

/* `token` "": the end. */
uint8_t *wallet_records_encode(const struct wallet_record *list, uint32_t count, const char *token,
                               size_t *ret_size);

/* The records are SetlPost bytes. */
uint8_t *settlement_records_encode(const struct bytes *list, uint32_t count, const char *token,
                                   size_t *ret_size);

/* -- places --------------------------------------------------------------------------------- */

struct region_param {
    const char *name;
    char value[32];
    uint32_t admdvs; /* Where it comes from. */
};

uint8_t *region_reply_encode(bool wallet_enabled, const struct region_param *params, uint32_t count,
                             size_t *ret_size);

uint8_t *institution_reply_encode(const struct institution *institution, bool takes_wallet,
                                  size_t *ret_size);

#endif
