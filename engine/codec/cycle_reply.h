/* cycle_reply -- the clearing cycle's answers as protobuf bytes.
 *
 * Takes rows (types/clearing.h) and small structs of what an answer adds to them. Encoders give
 * malloc'ed bytes that the caller frees, or NULL without memory; everything given is borrowed.
 * Provinces are indexes in rows and two-digit codes in the structs here. Must not know any state.
 */
#ifndef CODEC_CYCLE_REPLY_H
#define CODEC_CYCLE_REPLY_H

#include "types/order.h"
#include "types/report.h"

/* Names of states and kinds as the wire writes them; "" for a number that has none. Static. */
const char *dispute_state_name(uint32_t state);
const char *notice_kind_name(uint32_t kind);
const char *notice_state_name(uint32_t state);

/* What every answer to an order begins with. */
struct order_answer {
    uint32_t code;
    const char *text;
    const char *msgid;
    bool dup;
    const char *ref;
    uint64_t seq; /* Last entry of the decision in shard 0; 0: none was made. */
    int64_t decided_ms;
    uint32_t rows;
};
uint8_t *order_reply_encode(const struct order_answer *answer, size_t *ret_size);

/* One cell of ReconDayReply. */
struct recon_cell {
    struct recon_total centre; /* count 0: the centre has none. */
    struct recon_total sent;
    bool was_sent;
    bool equal;
    bool reconciled[2]; /* By enum side. */
};
uint8_t *recon_day_reply_encode(const struct order_answer *answer, uint32_t equal,
                                uint32_t different, const struct recon_cell *cells, size_t count,
                                size_t *ret_size);

/* Counts of a list by what was found. */
struct recon_result {
    uint64_t matched;
    uint32_t only_payee;
    uint32_t only_payer;
    uint32_t amount;
    uint32_t flag;
    uint32_t duplicate;
    bool complete; /* It was the last part. */
};
uint8_t *recon_list_reply_encode(const struct order_answer *answer,
                                 const struct recon_result *result, size_t *ret_size);

/* -- lists: `more` says that rows follow after these. ------------------------------------------ */

uint8_t *difference_list_reply_encode(const struct difference_row *const *rows, size_t count,
                                      bool more, size_t *ret_size);

struct exception_item {
    const struct exception_row *row;
    const char *state;
    char batch[NUMBER_SIZE]; /* "202603-1", empty: none. */
};
uint8_t *exception_list_reply_encode(const struct exception_item *items, size_t count, bool more,
                                     size_t *ret_size);

uint8_t *dispute_list_reply_encode(const struct dispute_row *const *rows, size_t count, bool more,
                                   size_t *ret_size);

struct batch_report {
    const struct batch_row *batch;
    const char *mode;
    const struct line_row *lines;
    size_t line_count;
    bool more;
    const struct sign_row *signatures; /* By province index, 32; state 0: none yet. */
    const struct net_row *payments;
    size_t payment_count;
    const struct province_row *positions; /* 32. */
};
uint8_t *batch_get_reply_encode(const struct batch_report *report, size_t *ret_size);

/* Rows of a province's second level: key.part is the area; the counterpart is the payee of a row
 * where the province pays, and its payer where it receives. */
uint8_t *area_report_reply_encode(const struct tally *rows, size_t count, bool receivable,
                                  bool more, size_t *ret_size);

struct cell_item {
    struct cell_key cell;
    uint64_t count;
    int64_t amount;
    bool reconciled[2]; /* By enum side. */
    bool confirmed;
    bool stale;
    uint32_t exceptions;
    int64_t blocked;
    int64_t deducted;
    uint8_t batch_state; /* enum batch_state */
};
uint8_t *cell_list_reply_encode(const struct cell_item *items, size_t count, bool more,
                                size_t *ret_size);

struct notice_item {
    const struct notice_row *row;
    const char *mode;
    char batch[NUMBER_SIZE];
    bool overdue;
    uint32_t late_wd;
    const struct payment_row *const *payments;
    size_t payment_count;
};
uint8_t *notice_list_reply_encode(const struct notice_item *items, size_t count, bool more,
                                  size_t *ret_size);

#define USE_BP_NONE UINT32_MAX /* There is no prefund to use. */

struct prefund_item {
    uint32_t payer; /* Two digits; 0: all payers together. */
    uint32_t payee;
    int64_t amount;
    int64_t pending;
    int64_t cleared;
    uint32_t use_bp;
    const char *alert;   /* "", "YELLOW", "RED" */
    uint8_t application; /* enum application_state, 0: none */
    int64_t applied;
};
uint8_t *prefund_list_reply_encode(uint32_t period, const struct prefund_item *pairs, size_t count,
                                   const struct prefund_item *payees, size_t payee_count, bool more,
                                   size_t *ret_size);

struct setting_item {
    const char *name;
    int64_t value;
    int64_t least;
    int64_t greatest;
    int64_t initial;
    int64_t next;
    int64_t next_from_ms; /* 0: none is known. */
};
uint8_t *setting_list_reply_encode(const struct setting_item *items, size_t count,
                                   size_t *ret_size);

struct agenda_row {
    uint32_t day;
    uint32_t period;
    uint32_t province; /* Two digits; 0: the centre. */
    const char *what;
    uint8_t severity; /* 0 done, 1 to come, 2 due today, 3 late, 4 alarm */
    const char *ref;
    uint64_t count;
    int64_t amount;
};
uint8_t *calendar_get_reply_encode(int64_t now_ms, const struct agenda_row *rows, size_t count,
                                   size_t *ret_size);

struct book_row {
    uint8_t account; /* enum cycle_account */
    uint8_t fund;    /* enum fund */
    int64_t balance;
};
uint8_t *book_get_reply_encode(const struct book_row *rows, size_t count, const char *broken,
                               size_t *ret_size);

#endif
