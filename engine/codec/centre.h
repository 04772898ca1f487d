/* centre -- the cold messages between protobuf bytes and nouns, through protobuf-c.
 *
 * Encoders give malloc'ed bytes that the caller frees, or NULL without memory. Must not know any
 * state. */
#ifndef CODEC_CENTRE_H
#define CODEC_CENTRE_H

#include "types/bytes.h"
#include "types/clearing.h"
#include "types/report.h"
#include "types/settlement.h"
#include "types/stage.h"

struct hello {
    uint32_t version;
    uint32_t province;
    uint32_t home_shard; /* Plus 1; 0: any. */
};

struct hello_reply {
    uint32_t code;
    uint32_t shards;
    uint32_t home_shard;
    struct bytes store_id;
    int64_t now_ms;
    bool manual_clock;
    uint32_t cut_through;
};

/* What the desk's requests can ask, in one struct; fields that a message has not are 0. */
struct centre_request {
    uint32_t period; /* yyyymm, or the year of YearClose. */
    uint32_t area;
    int64_t to_ms;
    char mode[32];
    char setl_id[32]; /* At most 30 bytes; longer ones make the message malformed. */
    uint32_t setl_id_size;
};

/* False when the bytes are no such message. */
bool hello_decode(struct bytes body, struct hello *ret_hello);
bool centre_request_decode(uint16_t type, struct bytes body, struct centre_request *ret_request);

uint8_t *hello_reply_encode(const struct hello_reply *reply, size_t *ret_size);

/* A reply of any type of the desk that says only that it was refused; `text` overrides the code's
 * own text when it is not NULL. */
uint8_t *centre_refusal_encode(uint32_t code, const char *text, size_t *ret_size);

struct period_cut_report {
    bool dup;
    bool provisional; /* Nothing was done: what a cut would bring now. */
    const struct period_row *row;
    int64_t cut_at_ms;
    uint64_t cut_us;
    char batch[NUMBER_SIZE]; /* "202603-1"; empty: none. */
    uint64_t batch_count;
    int64_t batch_amount;
    uint64_t left_out; /* Records that stay out and carry over. */
    int64_t left_out_amount;
};
uint8_t *period_cut_reply_encode(const struct period_cut_report *report, size_t *ret_size);
uint8_t *period_list_reply_encode(const struct period_row *rows, size_t count, uint32_t closed_year,
                                  size_t *ret_size);

struct net_report {
    uint32_t period;
    bool cut;
    const char *mode;
    const char *payable_mode;
    const struct net_row *rows;
    size_t row_count;
    const struct province_row *provinces; /* 32. */
    int64_t gross_total;
    int64_t bilateral_total;
    int64_t multilateral_total;
    uint32_t saved_bp;
};
uint8_t *net_report_reply_encode(const struct net_report *report, size_t *ret_size);

uint8_t *position_report_reply_encode(uint32_t period, bool cut, const struct position_row *rows,
                                      size_t count, size_t *ret_size);

struct status_shard {
    uint32_t shard;
    uint64_t last_seq;
    uint64_t durable_seq;
    uint64_t checkpoint_seq;
    uint64_t journal_bytes;
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t rejected;
    uint64_t blocks;
    uint64_t checkpoints;
    uint64_t sessions;
    uint64_t soft_failures;
    uint64_t unreadable;
    uint64_t memory_bytes;
    const struct stage_timing *timings; /* STAGE_COUNT. */
};
struct status_report {
    int64_t now_ms;
    bool manual_clock;
    struct bytes store_id;
    uint32_t cut_through;
    uint32_t closed_year;
    const struct status_shard *shards;
    size_t shard_count;
};
uint8_t *status_reply_encode(const struct status_report *report, size_t *ret_size);

#define FOUND_RECORDS_MAX 16

struct found_history {
    uint64_t seq;
    int64_t at_ms;
    const char *what;
    struct bytes ref;
    int64_t clr_amt;
    uint32_t period;
};

struct found_record {
    struct bytes body; /* SetlPost */
    const char *state;
    uint32_t kind; /* 1 settlement, 2 refund */
    uint32_t period;
    uint32_t orig_period;
    uint64_t seq;
    uint32_t shard;
    int64_t posted_at_ms;
    int64_t clr_amt;
    uint32_t line;
    int64_t refunded;
    int64_t funds[8];
    bool cut;
    const struct found_history *history;
    size_t history_count;
};
uint8_t *settlement_get_reply_encode(const struct found_record *records, size_t count,
                                     size_t *ret_size);

#endif
