/* settlement -- one cross-province settlement (跨省直接结算) and what may follow it, as nouns.
 *
 * Field names are the national interface's own. Strings and bytes are views into the message they
 * were decoded from. Amounts are fen: >= 0 on a settlement, <= 0 on a refund (docs/rules.md). */
#ifndef TYPES_SETTLEMENT_H
#define TYPES_SETTLEMENT_H

#include "types/bytes.h"

/* X(symbol, name, field number in proto/settlement.proto). The parts of the fund total are
 * neighbours (HIFP..OTH), because the rules walk over them. */
#define SETTLEMENT_AMOUNTS(X)               \
    X(MEDFEE, medfee_sumamt, 12)            \
    X(FUND_SUM, fund_pay_sumamt, 13)        \
    X(HIFP, hifp_pay, 14)                   \
    X(CVLSERV, cvlserv_pay, 18)             \
    X(HIFES, hifes_pay, 19)                 \
    X(HIFMI, hifmi_pay, 20)                 \
    X(HIFOB, hifob_pay, 21)                 \
    X(HIFDM, hifdm_pay, 22)                 \
    X(MAF, maf_pay, 23)                     \
    X(OTH, oth_pay, 24)                     \
    X(PSN_PART, psn_part_amt, 15)           \
    X(ACCT, acct_pay, 16)                   \
    X(MULAID, acct_mulaid_pay, 25)          \
    X(WLT, wlt_pay, 26)                     \
    X(CASH, psn_cash_pay, 17)               \
    X(HOSP_PART, hosp_part_amt, 27)         \
    X(FULAMT_OWNPAY, fulamt_ownpay_amt, 31) \
    X(OVERLMT, overlmt_selfpay, 32)         \
    X(PRESELFPAY, preselfpay_amt, 33)       \
    X(INSCP_SCP, inscp_scp_amt, 34)         \
    X(ACT_PAY_DEDC, act_pay_dedc, 35)

enum settlement_amount {
#define X(symbol, name, field) AMOUNT_##symbol,
    SETTLEMENT_AMOUNTS(X)
#undef X
    AMOUNT_COUNT,
    AMOUNT_FUND_FIRST = AMOUNT_HIFP, /* The parts of fund_pay_sumamt. */
    AMOUNT_FUND_LAST = AMOUNT_OTH,
    AMOUNT_REFUNDABLE_COUNT = AMOUNT_HOSP_PART + 1, /* Those a refund may not exceed. */
};

/* Field numbers in proto/settlement.proto, message SetlPost. */
enum settlement_field {
    SETL_FIELD_MSGID = 1,
    SETL_FIELD_SETL_ID = 2,
    SETL_FIELD_MDTRT_ID = 3,
    SETL_FIELD_PSN_KEY = 4,
    SETL_FIELD_FIXMEDINS_CODE = 5,
    SETL_FIELD_INSU_ADMDVS = 6,
    SETL_FIELD_MDTRTAREA_ADMVS = 7,
    SETL_FIELD_INSUTYPE = 8,
    SETL_FIELD_MED_TYPE = 9,
    SETL_FIELD_CLR_TYPE = 10,
    SETL_FIELD_SETL_TIME = 11,
#define X(symbol, name, field) SETL_FIELD_##symbol = field,
    SETTLEMENT_AMOUNTS(X)
#undef X
    SETL_FIELD_REFD_SETL_FLAG = 28,
    SETL_FIELD_ORIG_SETL_ID = 29,
    SETL_FIELD_DISE_CODG = 30,
    SETL_FIELD_CLR_WAY = 36,
    SETL_FIELD_CLR_OPTINS = 37,
    SETL_FIELD_MEDINS_SETL_ID = 38,
    SETL_FIELD_BEGNDATE = 39,
    SETL_FIELD_ENDDATE = 40,
    SETL_FIELD_MDTRT_CERT_TYPE = 41,
    SETL_FIELD_FILING_TYPE = 42,
    SETL_FIELD_PSN_TYPE = 43,
    SETL_FIELD_CLR_AMT = 44,
    SETL_FIELD_DETAIL_DIGEST = 45,
    SETL_FIELD_SENDER_ADMDVS = 46,
    SETL_FIELD_INF_TIME = 47,
};

#define PSN_KEY_SIZE 16 /* Bytes; a keyed hash made at the edge, never an ID number. */

/* SetlPost: a settlement, or with refd_setl_flag a refund (退费) of orig_setl_id. */
struct settlement {
    int64_t amounts[AMOUNT_COUNT]; /* Fen. */
    int64_t setl_time;             /* Milliseconds since the epoch, UTC. */
    int64_t begndate;              /* Milliseconds; 0 when not said. */
    int64_t enddate;               /* Milliseconds; 0 when not said. */
    int64_t inf_time;              /* The sender's clock, information only. */
    int64_t clr_amt;               /* Fen; what the sender expects to be cleared. */
    struct bytes msgid;            /* <= 30 visible ASCII. */
    struct bytes setl_id;          /* <= 30 */
    struct bytes mdtrt_id;         /* <= 30 */
    struct bytes psn_key;          /* PSN_KEY_SIZE */
    struct bytes fixmedins_code;   /* <= 12 */
    struct bytes orig_setl_id;     /* <= 30 */
    struct bytes dise_codg;        /* <= 30 */
    struct bytes medins_setl_id;   /* <= 30 */
    struct bytes detail_digest;    /* 0 or 32 bytes. */
    uint32_t insu_admdvs;          /* Insured place (参保地), six digits. */
    uint32_t mdtrtarea_admvs;      /* Place of treatment (就医地), six digits. */
    uint32_t insutype;
    uint32_t med_type;
    uint32_t clr_type;
    uint32_t clr_way;
    uint32_t clr_optins;
    uint32_t mdtrt_cert_type;
    uint32_t filing_type;
    uint32_t psn_type;
    uint32_t sender_admdvs;
    bool refd_setl_flag;
    bool clr_amt_present; /* clr_amt is checked (E6) only when it was sent. */
};

/* SetlReverse: takes a known settlement back, whole or in part (2208, 2305, 2103). */
struct reversal {
    int64_t amounts[AMOUNT_COUNT]; /* Fen, <= 0; only read when `full` is not set. */
    int64_t setl_time;             /* When it was taken back; 0: the engine's stamp. */
    int64_t inf_time;
    struct bytes msgid;
    struct bytes rev_setl_id; /* The refund's own setl_id. */
    struct bytes setl_id;     /* The original. */
    struct bytes psn_key;
    struct bytes reason;
    uint32_t insu_admdvs;
    uint32_t mdtrtarea_admvs;
    uint32_t sender_admdvs;
    bool full;
};

/* SetlAdjust: a difference both sides agreed on (审核扣款, 二次报销), in the open period. */
struct adjustment {
    int64_t amounts[AMOUNT_COUNT]; /* Fen, either sign; only HIFP..OTH and ACCT are read. */
    int64_t inf_time;
    struct bytes msgid;
    struct bytes adj_no;
    struct bytes setl_id; /* The original. */
    struct bytes psn_key;
    struct bytes reason;
    struct bytes approval_no; /* The other side's reference. */
    uint32_t insu_admdvs;
    uint32_t mdtrtarea_admvs;
    uint32_t approved_by; /* admdvs of the other side. */
    uint32_t sender_admdvs;
};

/* Correction: cancels an uncertain message after a timeout (冲正, 2601), known or not yet known. */
struct correction {
    int64_t inf_time;
    struct bytes msgid;
    struct bytes omsgid;  /* The msgid to cancel. */
    struct bytes oinfno;  /* Its transaction number, "2207"; information. */
    struct bytes psn_key; /* Whose: it leads to the shard. */
    uint32_t sender_admdvs;
};

#endif
