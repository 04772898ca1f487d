/* order -- what a province or the centre asks of the clearing cycle, as nouns.
 *
 * One struct for every message that changes the cycle. Decoded from protobuf (codec/cycle.h);
 * nothing in it is trusted beyond lengths: the cycle judges it. */
#ifndef TYPES_ORDER_H
#define TYPES_ORDER_H

#include "types/bytes.h"
#include "types/clearing.h"
#include "types/wire.h"

#define ORDER_ROWS_MAX   1000   /* Rows of one order's list; confirm.page_rows is below that. */
#define RECON_LIST_MAX   200000 /* Rows of one reconciliation list, all parts together. */
#define PROVINCE_UNKNOWN 0xfd   /* A code that is no province; 0 is PROVINCE_CENTRE ("any"). */

/* One row of ReconDay: the sender's totals of a cell on a day. */
struct recon_total {
    struct cell_key cell; /* period from the order */
    uint64_t count;
    int64_t medfee;
    int64_t fund;
    int64_t acct;
};

/* One row of ReconList. */
struct recon_item {
    struct record_ref ref;
    uint8_t refund; /* refd_setl_flag */
    uint8_t pad[3];
    int64_t medfee;
    int64_t fund; /* fund_pay_sumamt */
    int64_t acct; /* acct_pay */
};

/* One row of ClrConfirm's list. */
struct confirm_item {
    struct record_ref ref;
    uint8_t cnfm_flag; /* 0 held, 1 confirmed */
    uint8_t det_type;  /* 0: no deduction */
    uint8_t pad[2];
    int64_t deduct; /* >= 0 fen, from the record's amount. */
};

enum batch_step {
    STEP_COMPUTE = 1,
    STEP_PUBLISH = 2,
    STEP_CLOSE_SIGNING = 3, /* -> SIGNED; silence counts or not by setting. */
    STEP_NOTICE = 4,
    STEP_ABORT = 5,
    STEP_UNWIND = 6, /* `province` cannot pay (multilateral mode). */
    STEP_ARCHIVE = 7,
};

struct order {
    uint16_t type;   /* enum message_type */
    uint16_t sender; /* Two-digit code of the session; 0: the centre. */
    uint8_t acting;  /* Province index it acts for, PROVINCE_CENTRE: the centre itself. */
    uint8_t payer;   /* Index, PROVINCE_CENTRE: any / not given, PROVINCE_UNKNOWN: no such code. */
    uint8_t payee;
    uint8_t line;      /* 0: any */
    uint8_t insurance; /* enum insurance; 0xff: any */
    uint8_t side;      /* enum side, of reconciliations. */
    uint32_t period;   /* yyyymm, or the year of a prefund setting. */
    uint32_t day;      /* yyyymmdd */
    uint32_t step;     /* enum batch_step; enum dispute_outcome; … as the message says */
    uint32_t reason;   /* Code. */
    bool flag;         /* objection; contest; received; approve: as the message says */
    bool provisional;
    uint32_t part; /* ReconList: of `parts`, from 1. */
    uint32_t parts;
    int64_t amount;
    int64_t at_ms;            /* paid_at, effective_from */
    char msgid[MSGID_SIZE];   /* Not empty. */
    uint64_t hash;            /* Of the message's bytes and type: its content. */
    char number[NUMBER_SIZE]; /* Notice, dispute, recovery or confirmation it refers to, or brings.
                               */
    char bank_ref[NUMBER_SIZE]; /* Bank reference; the name of a setting. */
    char text[96];              /* Reason in words, UTF-8. */
    uint8_t digest[32];
    bool has_digest;
    struct record_ref ref; /* size 0: none */
    uint32_t row_count;
    union { /* malloc'ed, row_count of them; order_free() in codec/cycle.h */
        struct recon_total *totals;
        struct recon_item *items;
        struct confirm_item *confirms;
        void *rows;
    };
};

#endif
