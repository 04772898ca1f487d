/* clearing -- the rows of the clearing cycle: what stands about cells and exceptional records.
 *
 * The cycle's whole state is these rows (engine/cycle). A decision of the desk is journaled as the
 * rows it puts; putting a row with a key that exists takes the old one's place. So a row is the
 * same in memory and on disk, begins with its key, has no holes that are not zero, and replay is
 * nothing but putting. Periods are yyyymm, days yyyymmdd, instants ms, amounts fen, provinces
 * indexes 0..31; texts are filled up with zeros. */
#ifndef TYPES_CLEARING_H
#define TYPES_CLEARING_H

#include "types/province.h"
#include "types/record_facts.h"

enum row_kind {
    ROW_SETTING = 1, /* struct setting_row */
    ROW_RECON,       /* struct recon_row */
    ROW_DIFFERENCE,  /* struct difference_row */
    ROW_EXCEPTION,   /* struct exception_row */
    ROW_CONFIRM,     /* struct confirm_row */
    ROW_DISPUTE,     /* struct dispute_row */
    ROW_RECOVERY,    /* struct recovery_row */
    ROW_FROZEN,      /* struct frozen_row */
    ROW_BATCH,       /* struct batch_row */
    ROW_LINE,        /* struct line_row */
    ROW_SIGN,        /* struct sign_row */
    ROW_CARRY,       /* struct carry_row */
    ROW_NOTICE,      /* struct notice_row */
    ROW_PAYMENT,     /* struct payment_row */
    ROW_PREFUND,     /* struct prefund_row */
    ROW_APPLICATION, /* struct application_row */
    ROW_ORDER,       /* struct order_row */
    ROW_POSTING,     /* struct posting_row: not kept, added to the balances */
    ROW_KIND_END,
};

/* Size of a row kind's key at its front; 0 for postings. Size of the whole row. */
#define ROW_SIZE_MAX 512

#define PROVINCE_CENTRE  0xff /* Instead of a province index: the centre itself. */
#define PROVINCE_ACCOUNT 0xfe /* The clearing account of the multilateral mode. */

#define NUMBER_SIZE 40 /* Notice numbers, ended by at least one zero. */
#define MSGID_SIZE  32

/* A setting's value from an instant on; the latest effective one not in the future is in force. */
struct setting_row {
    char name[40];
    int64_t effective_ms;
    /* key: 48 */
    int64_t value;
    int64_t set_ms;
};

/* One side has reconciled (对账) a cell's day, or with day 0 the whole cell: centre and side agree
 * on this count and checksum, exceptions listed as differences apart. It stands while the centre's
 * figures are still the same. */
enum side {
    SIDE_PAYER = 0, /* 参保地 */
    SIDE_PAYEE = 1, /* 就医地 */
};

struct recon_row {
    struct cell_key cell;
    uint32_t day;
    uint8_t side; /* enum side */
    uint8_t pad[3];
    /* key: 16 */
    uint64_t count;
    uint64_t checksum;
    int64_t at_ms;
};

/* How a side's record differs from the centre's. */
enum difference {
    DIFF_NONE = 0,
    DIFF_ONLY_PAYEE = 1, /* The payer's list has not got it, or only the payee's list has it. */
    DIFF_ONLY_PAYER = 2, /* The other way round. */
    DIFF_AMOUNT = 3,
    DIFF_FLAG = 4, /* refd_setl_flag */
    DIFF_DUPLICATE = 5,
};

/* One difference that a side's list has shown; a corrected list closes it. */
struct difference_row {
    uint32_t day;
    uint8_t payer;
    uint8_t payee;
    uint8_t side; /* enum side: whose list. */
    uint8_t pad;
    struct record_ref ref;
    uint32_t pad2;
    /* key: 48 */
    uint32_t period; /* Of the centre's record; of the day, when the centre has none. */
    uint8_t kind;    /* enum difference */
    uint8_t open;
    uint8_t at_centre; /* The centre has the record. */
    uint8_t pad3;
    int64_t their_medfee;
    int64_t their_fund; /* fund_pay_sumamt */
    int64_t their_acct; /* acct_pay */
    int64_t our_medfee;
    int64_t our_fund;
    int64_t our_acct;
    int64_t at_ms;
};

/* A record that differs from its cell. Its state follows from the flags: MISMATCHED, DISPUTED,
 * HELD, VOID or, with none of them, its cell's (or CONFIRMED, once carved out). */
#define EXCEPTION_DIFF_PAYER 1u  /* The payer's list differs. */
#define EXCEPTION_DIFF_PAYEE 2u  /* The payee's list differs. */
#define EXCEPTION_HELD       4u  /* Not confirmed by the institution (cnfm_flag 0). */
#define EXCEPTION_DISPUTED   8u  /* 争议 */
#define EXCEPTION_VOID       16u /* A dispute ended with nothing to pay. */
#define EXCEPTION_REVERSED   32u /* The record was taken back while its period was open. */
#define EXCEPTION_BLOCKING                                                               \
    (EXCEPTION_DIFF_PAYER | EXCEPTION_DIFF_PAYEE | EXCEPTION_HELD | EXCEPTION_DISPUTED | \
     EXCEPTION_VOID | EXCEPTION_REVERSED)

struct exception_row {
    struct record_ref ref;
    uint32_t pad;
    /* key: 40 */
    struct record_facts record;
    uint32_t flags;        /* EXCEPTION_… */
    uint32_t batch;        /* Batch id that holds it by itself; 0: none. */
    uint8_t carved;        /* It has left its cell, at the handover or later, and goes on alone. */
    uint8_t det_type;      /* 扣款类型 of the deduction: 10, 20, 30, 40, 99; 0: none. */
    uint8_t diff_kind;     /* enum difference, of the last one. */
    uint8_t deduct_posted; /* Its deduction was posted: it clears funds - deducted from now on. */
    uint32_t held_since;   /* yyyymm it was first held for; 0: never. */
    int64_t deducted[FUND_COUNT]; /* Same sign as funds, 0 <= |d| <= |amount|. */
    int64_t since_ms;             /* When the flags last changed. */
    char dispute_no[MSGID_SIZE];  /* Of the open or last dispute. */
};

/* The payee's agency has confirmed a cell (确认) as it stood then. */
struct confirm_row {
    struct cell_key cell;
    /* key: 8 */
    uint64_t count;
    uint64_t checksum;
    int64_t at_ms;
    char msgid[MSGID_SIZE]; /* Of the confirmation; a withdrawal names it (otransid). */
    uint8_t withdrawn;
    uint8_t pad[7];
};

enum dispute_state {
    DISPUTE_OPEN = 1,
    DISPUTE_ACCEPTED = 2,  /* The payee agrees with what the payer says. */
    DISPUTE_CONTESTED = 3, /* It does not: the centre decides. */
    DISPUTE_RESOLVED = 4,
};

enum dispute_outcome {
    OUTCOME_NONE = 0,
    OUTCOME_PAY = 1,  /* The whole amount. */
    OUTCOME_PART = 2, /* 0 < r < amount */
    OUTCOME_VOID = 3,
};

struct dispute_row {
    char dispute_no[MSGID_SIZE];
    /* key: 32 */
    struct record_ref ref;
    uint8_t payer;
    uint8_t payee;
    uint8_t state;        /* enum dispute_state */
    uint8_t outcome;      /* enum dispute_outcome */
    uint32_t reason;      /* Reason code (docs/rules.md, Disputes). */
    uint32_t period;      /* Of the record. */
    uint32_t reply_due;   /* Day. */
    uint32_t resolve_due; /* Day. */
    int64_t amount;       /* What the record was to clear. */
    int64_t resolved;     /* What is to be paid after all. */
    int64_t opened_ms;
    int64_t replied_ms;
    int64_t resolved_ms;
};

/* A violation found after clearing (违规扣款, recovered): it reduces the next batch of the pair. */
struct recovery_row {
    char recovery_no[MSGID_SIZE];
    /* key: 32 */
    struct record_ref ref;
    uint32_t batch; /* Batch id that holds it; 0: none yet. */
    struct cell_key cell;
    uint8_t det_type;
    uint8_t pad[7];
    int64_t funds[FUND_COUNT]; /* > 0, what the payer gets back. */
    int64_t at_ms;
};

/* A cell at the cut of its month, summed over the shards: what the shards handed over. */
struct frozen_row {
    struct cell_key cell;
    /* key: 8 */
    uint64_t count;
    uint64_t refund_count;
    uint64_t late_count;
    uint64_t checksum;
    int64_t medfee;
    int64_t funds[FUND_COUNT];
    uint32_t batch;   /* Batch id that holds it; 0: it waits. */
    uint32_t account; /* enum cycle_account: where its own money stands while it waits. */
};

enum batch_state {
    BATCH_OPEN = 0, /* No batch yet. */
    BATCH_CUT = 1,
    BATCH_COMPUTED = 2,
    BATCH_PUBLISHED = 3,
    BATCH_SIGNED = 4,
    BATCH_NOTICED = 5,
    BATCH_PAYING = 6,
    BATCH_SETTLED = 7,
    BATCH_ARCHIVED = 8,
    BATCH_ABORTED = 9,
};

/* "CUT", "COMPUTED" …, as on the wire and in refusals; "" for what is none. Static memory. */
const char *batch_state_name(uint8_t state);

struct batch_row {
    uint32_t period;
    uint32_t number; /* Of the period's batches, from 1; an aborted one keeps its number. */
    /* key: 8 */
    uint32_t id;      /* Dense over all batches, from 1. */
    uint32_t version; /* Of its tables; 1 at the cut, one more with each change after publishing. */
    uint8_t state;    /* enum batch_state */
    uint8_t mode;     /* enum netting_mode the notices ask for. */
    uint8_t stale;    /* It changed since it was computed or published. */
    uint8_t pad[5];
    uint32_t published_version; /* 0: never. */
    uint32_t unwound;           /* Bit by province: left out because it could not pay. */
    uint64_t count;             /* Records. */
    int64_t gross;              /* Fen to clear, sum over ordered pairs. */
    int64_t bilateral;
    int64_t multilateral;
    int64_t at_ms[10];  /* When it came into each enum batch_state; 0: never. */
    uint8_t digest[32]; /* Of the lines of `version`, once computed. */
};

enum line_kind {
    LINE_OF_CELL = 1,    /* A cell of the batch's own month, less its exceptions. */
    LINE_CARRIED_CELL,   /* A cell of an earlier month that had to wait. */
    LINE_CARRIED_RECORD, /* A single record of an earlier month. */
    LINE_RECOVERY,       /* Negative: found after clearing. */
    LINE_NEGATIVE_CARRY, /* Negative total of the pair, from an earlier batch. */
};

/* A batch's lines are looked for version by version: a row that says more is no decision of ours,
 * and nothing is published any more when only the unwinding of each province still fits. */
#define BATCH_VERSION_MAX   65536
#define BATCH_PUBLISHED_MAX (BATCH_VERSION_MAX - 1 - PROVINCE_COUNT)

/* One line of a batch. A line's content in version v is its row of the greatest version <= v. */
struct line_row {
    uint32_t batch; /* Id. */
    uint32_t number;
    uint32_t version;
    uint32_t pad;
    /* key: 16 */
    struct cell_key cell; /* Where its records come from: their month, pair, line, insurance. */
    uint8_t kind;         /* enum line_kind */
    uint8_t pad2[3];
    struct record_ref ref; /* Of a single record. */
    uint64_t count;
    uint64_t checksum; /* Sum of the content hashes of its records. */
    int64_t medfee;
    int64_t funds[FUND_COUNT]; /* What it clears, deductions taken off. */
    int64_t deducted;          /* Sum of deductions taken off. */
};

enum sign_state {
    SIGN_NONE = 0,
    SIGN_SIGNED = 1,   /* 签章 */
    SIGN_OBJECTED = 2, /* 异议 */
    SIGN_SILENT = 3,   /* Nothing came in time; counts as consent by setting. */
};

struct sign_row {
    uint32_t batch; /* Id. */
    uint8_t province;
    uint8_t pad[3];
    /* key: 8 */
    uint32_t version; /* Of the tables it saw. */
    uint8_t state;    /* enum sign_state */
    uint8_t pad2[3];
    int64_t at_ms;
    char reason[96]; /* UTF-8 */
};

/* Gross mode: a pair whose total was below zero; it opens the pair's next batch. */
struct carry_row {
    uint32_t batch; /* Id of the batch it comes from. */
    uint8_t payer;
    uint8_t payee;
    uint8_t pad[2];
    /* key: 8 */
    int64_t funds[FUND_COUNT];
    uint32_t into; /* Id of the batch that holds it; 0: it waits. */
    uint32_t period;
};

enum notice_kind {
    NOTICE_CLEARING = 1,          /* 费用付款/收款通知书 */
    NOTICE_PREFUND_OPENING = 2,   /* A deposit that was there before the engine. */
    NOTICE_PREFUND_YEAR = 3,      /* 预付金额度调整 */
    NOTICE_PREFUND_EMERGENCY = 4, /* 预付金额度紧急调增 */
    NOTICE_REVERSE = 5,           /* A negative pair total at the year's end: payee pays back. */
    NOTICE_RETURN = 6,            /* After an unwinding: what a province paid too much. */
};

enum notice_state {
    NOTICE_DUE = 1,       /* Nothing reported, or not all. */
    NOTICE_PAID = 2,      /* All reported by the payer. */
    NOTICE_SETTLED = 3,   /* All confirmed by the payee. Final. */
    NOTICE_CANCELLED = 4, /* Reissued as another version, or unwound. */
};

struct notice_row {
    char number[NUMBER_SIZE];
    /* key: 40 */
    uint32_t id; /* Dense, from 1. */
    uint32_t version;
    uint8_t kind;  /* enum notice_kind */
    uint8_t state; /* enum notice_state */
    uint8_t mode;  /* enum netting_mode */
    uint8_t payer; /* Who pays: index, or PROVINCE_ACCOUNT. */
    uint8_t payee;
    uint8_t pad[3];
    uint32_t batch;     /* Id, 0 for prefunds. */
    uint32_t period;    /* yyyymm, or the year of a prefund. */
    int64_t amount;     /* > 0 */
    int64_t reported;   /* Payments reported and not rejected. */
    int64_t received;   /* Of these, confirmed by the payee. */
    int64_t old_amount; /* Prefund before and after. */
    int64_t new_amount;
    uint32_t file_due;     /* Day: request filed with the finance department. */
    uint32_t transfer_due; /* Day: money sent. */
    uint32_t feedback_due; /* Day: both sides have reported. */
    uint32_t pad2;
    int64_t issued_ms;
    int64_t settled_ms;
    char replaces[NUMBER_SIZE]; /* Of the cancelled version. */
};

enum payment_state {
    PAYMENT_REPORTED = 1, /* By the payer: in transit. */
    PAYMENT_RECEIVED = 2, /* Confirmed by the payee. */
    PAYMENT_REJECTED = 3, /* By the bank. */
};

struct payment_row {
    char number[NUMBER_SIZE];
    char bank_ref[NUMBER_SIZE];
    /* key: 80 */
    int64_t amount;
    int64_t paid_at_ms;
    int64_t reported_ms;
    int64_t confirmed_ms;
    uint8_t state; /* enum payment_state */
    uint8_t pad[7];
};

/* The deposit of a payer at a payee (预付金). */
struct prefund_row {
    uint8_t payer;
    uint8_t payee;
    uint8_t pad[6];
    /* key: 8 */
    int64_t amount;  /* What is there: changes only when a notice is settled. */
    int64_t pending; /* Sum of changes whose notices are not settled yet. */
    int64_t changed_ms;
    uint32_t year; /* Of the last yearly setting. */
    uint32_t pad2;
};

enum application_state {
    APPLICATION_OPEN = 1,
    APPLICATION_APPROVED = 2,
    APPLICATION_REFUSED = 3,
};

/* 紧急调增 asked for by a payee. */
struct application_row {
    uint32_t period;
    uint8_t payer;
    uint8_t payee;
    uint8_t pad[2];
    /* key: 8 */
    int64_t amount; /* Increase asked for. */
    int64_t at_ms;
    int64_t decided_ms;
    uint8_t state; /* enum application_state */
    uint8_t pad2[7];
    char number[NUMBER_SIZE]; /* Of the notice. */
};

/* An order that was carried out: the same again is answered the same. */
struct order_row {
    uint32_t province; /* Two-digit code that sent it, 0 the centre. */
    char msgid[MSGID_SIZE];
    uint32_t type; /* enum message_type */
    /* key: 36, type is not part of it */
    uint64_t hash; /* Of its bytes. */
    int64_t at_ms;
    char ref[NUMBER_SIZE]; /* What the answer named; of a ReconList its counts, "11/0/0/1/0/0". */
};

/* Accounts of the cycle's book, per ordered pair and fund class, debit positive. COST takes over
 * what the shards' cells hand over at the cut; the others say where it stands (docs/rules.md,
 * The cycle's book). */
enum cycle_account {
    CYCLE_COST = 0,
    CYCLE_ACCRUED, /* Handed over, not reconciled where that is required. */
    CYCLE_MISMATCHED,
    CYCLE_RECONCILED, /* Not confirmed where that is required. */
    CYCLE_HELD,
    CYCLE_DISPUTED,
    CYCLE_CONFIRMED,
    CYCLE_CLEARING,
    CYCLE_DUE,
    CYCLE_NETTED,
    CYCLE_TRANSIT,
    CYCLE_SETTLED,
    CYCLE_PREFUND_DUE, /* The four of the prefund sum to zero among themselves; fund class POOL. */
    CYCLE_PREFUND_TRANSIT,
    CYCLE_PREFUND,
    CYCLE_PREFUND_CONTRA,
    CYCLE_ACCOUNT_COUNT,
};

struct posting_row {
    uint8_t payer;
    uint8_t payee;
    uint8_t fund;
    uint8_t debit;  /* enum cycle_account */
    uint8_t credit; /* enum cycle_account */
    uint8_t pad[3];
    uint32_t batch; /* Id, 0: none. */
    uint32_t period;
    int64_t amount; /* Any sign. */
};

#endif
