/* wallet -- the medical insurance wallet (医保钱包) as nouns: a person's rows, what is asked, what
 * is told to other persons and to provinces. docs/rules.md, part Wallet, is the story.
 *
 * A PERSON is a handful of rows of fixed sizes (enum person_row), kept together in the shard where
 * the person is at home; `docs/formats.md` has their bytes, which are the same on disk and in
 * memory. Rows are put and dropped, never changed in place: a decision says which (wallet/draft.h),
 * and replay asks no rule.
 *
 * Amounts are int64 fen, times milliseconds since the epoch, areas six digits. Two books: MEMO says
 * whose limit stands where (hold, lots, transfers under way); FUND is what provinces owe, as
 * records of the cells (ENTRY_DEBT). Only FUND is cleared. */
#ifndef TYPES_WALLET_H
#define TYPES_WALLET_H

#include "types/bytes.h"
#include "types/settlement.h"

#define WALLET_ID_SIZE   28 /* Room for an id of ours and its NUL; see wallet_id_make(). */
#define WALLET_ID_LENGTH 25 /* Of one: a letter and 24 digits. */
#define CLIENT_NO_SIZE   32 /* C30 and NUL: client_no, setl_id, adj numbers, references. */

struct psn_key {
    uint8_t bytes[PSN_KEY_SIZE];
};

/* -- rows of a person ----------------------------------------------------------------------- */

enum person_row {
    PERSON_WALLET = 1, /* struct wallet_row; one */
    PERSON_INSURED,    /* struct insured_row; one */
    PERSON_LIMITS,     /* struct limits_row; one */
    PERSON_HOLD,       /* struct hold_row; one: money of the personal account that is frozen here */
    PERSON_LOT,        /* struct lot; by number */
    PERSON_RELATION,   /* struct relation_row; by other and side */
    PERSON_TRANSFER,   /* struct transfer_row; outgoing and under way, by id */
    PERSON_OFFER,      /* struct offer_row; incoming and under way, by id */
    PERSON_HOLDER,     /* struct holder_row; who holds what of this giver's money, by holder */
    PERSON_RESERVE,    /* struct reserve_row; soft reservations of WltPayPre, by id */
    PERSON_PREMIUM,    /* struct premium_row; by insutype and year */
    PERSON_SWITCH,     /* struct switch_row; by switch and effective time */
    PERSON_FILING,     /* struct filing_row; by filing number */
    PERSON_ROW_END,
};

enum wallet_state {
    WALLET_NONE = 0,
    WALLET_OPEN = 1,
    WALLET_FROZEN = 2,
    WALLET_CLOSING = 3, /* Closed for everything; lots still go home, some each entry. */
    WALLET_CLOSED = 4,
};

struct wallet_row {
    char wlt_id[WALLET_ID_SIZE];
    uint32_t state;          /* enum wallet_state */
    uint32_t insu_admdvs;    /* Insured area (参保地). */
    uint32_t insutype;       /* 310 职工, 390 居民 */
    uint32_t use_loc_admdvs; /* 使用地 */
    uint32_t next_lot;       /* Number of the next lot; lots are spent in this order (FIFO). */
    uint32_t chg_year;       /* Year that chg_count counts. */
    uint32_t chg_count;      /* Changes of the usage location in that year. */
    uint32_t chg_no;         /* Of the latest change. */
    uint32_t reserved;
    int64_t opened_ms;
    int64_t closed_ms;
};

enum insured_state {
    INSURED_NORMAL = 1,
    INSURED_PAUSED = 2,
    INSURED_ENDED = 3, /* Left, died, merged: relations end. */
};

struct insured_row {
    uint32_t state; /* enum insured_state */
    uint32_t insutype;
    uint32_t insu_admdvs;
    uint32_t eff_date; /* yyyymmdd of the latest push; 0: from WltOpen. */
    uint32_t seq;      /* The sender's number of pushes of one day. */
    uint32_t reserved;
};

/* Counted with their day and reset by comparison, not by a job. */
struct limits_row {
    uint32_t day;         /* Shanghai yyyymmdd of the latest outgoing transfer. */
    uint32_t count;       /* Outgoing transfers taken on it. */
    int64_t sum;          /* Their amounts. */
    uint32_t next_id;     /* Running number behind ids made for this person. */
    uint32_t grant_times; /* Beside hold_row.grant_mark: how often the modulus goes into what the
                           * grant said, and 1; 0: not kept, as in rows of earlier builds. */
};

/* (I5) granted = free + held + consumed; held = transfers under way of own money + all holders. */
struct hold_row {
    int64_t granted;     /* What the province froze for transfers in all, less what it took back. */
    int64_t held;        /* HOLD[g] */
    int64_t consumed;    /* Spent by relatives, less reversals. */
    uint32_t grant_seq;  /* Latest PaGrant. */
    uint32_t grant_mark; /* What it said, modulo 4,294,967,295, and 1; 0: what `granted` is. */
};

/* A part of a wallet that keeps its giver for ever. Also: what a payment used, and what a transfer
 * carries; `amount` is then that part's. */
struct lot {
    uint32_t number;
    uint32_t origin_admdvs; /* Insured area of the giver whose personal account stands behind it. */
    struct psn_key origin;  /* That giver. */
    struct psn_key from;    /* Who passed it on to this wallet: the relation it hangs on. */
    int64_t amount;         /* Fen, > 0. */
    int64_t accepted_ms;
};

enum relation_side {
    SIDE_GIVER = 1, /* This person gives to `other`. */
    SIDE_RECEIVER = 2,
};

/* Kept on both sides; the giver's shard decides, the receiver's is told. */
struct relation_row {
    struct psn_key other;
    char rlts_id[WALLET_ID_SIZE];
    uint32_t side;      /* enum relation_side */
    uint32_t rlts_code; /* 1..8, docs/rules.md */
    uint32_t reserved;
    int64_t since_ms;
};

enum transfer_state {
    TRANSFER_HOLDING = 1, /* The province was asked to freeze the money. */
    TRANSFER_PENDING = 2, /* The receiver may accept. */
};

#define TRANSFER_LOTS_MAX 8

struct transfer_row {
    char trsf_id[WALLET_ID_SIZE];
    uint32_t state; /* enum transfer_state */
    struct psn_key receiver;
    int64_t amount;
    int64_t submitted_ms;
    int64_t exp_ms;     /* 06:00:00.000 of the day after: an accept at or after it is too late. */
    int64_t next_ms;    /* HOLDING: when the province is asked again, or given up. */
    uint64_t seq;       /* Entry of the submit. */
    uint32_t src;       /* 1 personal account, 2 wallet */
    uint32_t lot_count; /* Of src 2: struct lot, held back from the wallet. */
    struct lot lots[TRANSFER_LOTS_MAX]; /* On disk and in entries only lot_count of them. */
};

struct offer_row {
    char trsf_id[WALLET_ID_SIZE];
    uint32_t giver_admdvs;
    struct psn_key giver;
    int64_t amount;
    int64_t exp_ms;
};

struct holder_row {
    struct psn_key holder;
    int64_t amount; /* Fen: lots of this giver's origin in the holder's wallet; person_hold(). */
};

struct reserve_row {
    char reserve_id[WALLET_ID_SIZE];
    char medins_setl_id[CLIENT_NO_SIZE];
    char fixmedins_code[16];
    uint32_t reserved;
    int64_t amount;
    int64_t exp_ms; /* 15 minutes; compared, never swept. */
};

enum premium_state {
    PREMIUM_ASKED = 1, /* The insured area was asked what is due. */
    PREMIUM_DUE = 2,
    PREMIUM_CLAIMED = 3, /* A payer is about to pay; lapses at exp_ms. */
    PREMIUM_PAID = 4,
    PREMIUM_REVERSED = 5, /* May be paid again. */
};

struct premium_row {
    uint32_t insutype; /* 390 居民, or the long-term care insurance's code */
    uint32_t year;
    uint32_t state; /* enum premium_state */
    uint32_t insu_admdvs;
    int64_t due;    /* Fen */
    int64_t exp_ms; /* Of a claim. */
    struct psn_key payer;
    char order_no[CLIENT_NO_SIZE];
    char pay_id[WALLET_ID_SIZE];
    uint32_t reserved;
};

struct switch_row {
    uint32_t which; /* 1: pharmacies outside the insured province (Fujian) */
    uint32_t on;
    int64_t eff_ms;
};

struct filing_row {
    char filing_no[CLIENT_NO_SIZE];
    uint32_t place; /* admdvs; its province counts */
    uint32_t from;  /* yyyymmdd */
    uint32_t to;    /* yyyymmdd, 0: open */
    uint32_t filing_kind;
};

_Static_assert(sizeof(struct wallet_row) == 80, "on disk");
_Static_assert(sizeof(struct insured_row) == 24, "on disk");
_Static_assert(sizeof(struct limits_row) == 24, "on disk");
_Static_assert(sizeof(struct hold_row) == 32, "on disk");
_Static_assert(sizeof(struct lot) == 56, "on disk");
_Static_assert(sizeof(struct relation_row) == 64, "on disk");
_Static_assert(sizeof(struct offer_row) == 64, "on disk");
_Static_assert(sizeof(struct holder_row) == 24, "on disk");
_Static_assert(sizeof(struct reserve_row) == 96, "on disk");
_Static_assert(sizeof(struct premium_row) == 112, "on disk");
_Static_assert(sizeof(struct switch_row) == 16, "on disk");
_Static_assert(sizeof(struct filing_row) == 48, "on disk");
_Static_assert(sizeof(struct transfer_row) == 96 + TRANSFER_LOTS_MAX * sizeof(struct lot),
               "on disk");

/* Most rows of a kind a person may have; what would be one too many is refused (3034). */
#define LOTS_MAX      128
#define RELATIONS_MAX 64
#define TRANSFERS_MAX 16
#define OFFERS_MAX    64
#define HOLDERS_MAX   256
#define RESERVES_MAX  8
#define PREMIUMS_MAX  64
#define SWITCHES_MAX  8
#define FILINGS_MAX   32
#define PAY_LOTS_MAX  10 /* Lots that one payment may use: all of it must go back in one entry. */

/* -- what is asked -------------------------------------------------------------------------- */

/* Every message of wallet, premium and pushes in one struct; what a message has not is zero or
 * empty. Views are borrowed from the message. Decoded by codec/wallet.h, judged by engine/wallet.
 */
struct wallet_order {
    uint16_t type; /* enum message_type */
    struct bytes msgid;
    struct bytes psn_key;   /* Whose wallet decides: giver, payer, spender, insured person. */
    struct bytes other_key; /* recv_psn_key; of WltOpen agnter_psn_key; of PremPay the insured
                             * person */
    struct bytes wlt_id;    /* wlt_id, giver_wlt_id, payer_wlt_id */
    struct bytes rlts_id;
    struct bytes trsf_id; /* trsf_id, hold_id */
    struct bytes pay_id;
    struct bytes reserve_id;
    struct bytes client_no; /* client_no, close_no, rev_no, doc_no, rev_setl_id */
    struct bytes setl_id;
    struct bytes medins_setl_id;
    struct bytes fixmedins_code;
    struct bytes auth_ref;
    struct bytes order_no;
    struct bytes name;  /* fixmedins_name; RulePush.param; filing_no */
    struct bytes value; /* RulePush.value */
    struct bytes reason_text;
    uint32_t sender_admdvs;
    uint32_t insu_admdvs;
    uint32_t mdtrtarea_admvs;
    uint32_t insutype;
    uint32_t use_loc_admdvs; /* use_loc_admdvs, new_use_loc_admdvs */
    uint32_t old_use_loc_admdvs;
    uint32_t place; /* FilingPush.place; RulePush.admdvs; InstDirPush.admdvs */
    uint32_t rlts_code;
    uint32_t auth_kind;
    uint32_t reason;
    uint32_t src;
    uint32_t use; /* 1 care, 2 pharmacy; PsnStatePush.psn_insu_stas */
    uint32_t side;
    uint32_t year;
    uint32_t code;             /* PaHoldAck.code; PremRefuse.code */
    uint32_t which;            /* AuthSwitchPush.switch; InstDirPush.version; …seq */
    uint32_t level_wallet;     /* businessLvWlt */
    uint32_t level_outpatient; /* businessLvOutMedOtp */
    uint32_t from;             /* yyyymmdd */
    uint32_t to;               /* yyyymmdd */
    uint32_t ask;              /* 0, 1 … as the message says */
    uint64_t position;         /* OutboxGet.after, OutboxAck.upto */
    int64_t amount;            /* trsf_amt, want_amt, wlt_pay, rev_amt, amt, held_amt */
    int64_t amount2;           /* psn_part_amt; balc_after */
    int64_t amount3;           /* acct_pay */
    int64_t eff_ms;            /* eff_from, eff_at */
    int64_t inf_time;
    bool flag;  /* on; commit_ack; consent_giver; full */
    bool flag2; /* consent_recv */
};

/* What the shard of the other person says before the deciding one judges (dispatch of two stops).
 * It holds no more than the judgement needs; the entry keeps it, so that it can be judged again. */
struct wallet_fact {
    struct psn_key psn_key; /* Who this is about. */
    uint32_t wallet_state;  /* enum wallet_state */
    uint32_t insured_state; /* enum insured_state, 0: nothing known of the person */
    uint32_t insutype;
    uint32_t insu_admdvs;
    uint32_t use_loc_admdvs;
    uint32_t lots; /* How many the wallet holds. */
    uint32_t relations;
    uint32_t offers;
    uint32_t code;     /* enum error_code: the stop refused (a premium that is not due). */
    uint32_t disputed; /* A debt of the payment is disputed in the clearing cycle. */
    int64_t due;       /* Of a premium claimed. */
    uint32_t year;
    uint32_t decided; /* A push that shard 0 took: the others follow it. */
};

_Static_assert(sizeof(struct wallet_fact) == 72, "in entries");

/* -- what an answer says -------------------------------------------------------------------- */

enum wallet_stas {
    STAS_NONE = 0,
    STAS_DONE,
    STAS_HOLDING,
    STAS_PENDING,
    STAS_ACCEPTED,
    STAS_DECLINED,
    STAS_EXPIRED,
    STAS_VOIDED,
    STAS_REFUSED,
    STAS_ASKED, /* PremQuote: the insured area was asked, ask again. */
    STAS_RETURNED,
};

/* Fixed part of an answer; stands in the entry, so that a resend gets the first answer. */
struct wallet_said {
    char id[WALLET_ID_SIZE]; /* wlt_id, rlts_id, trsf_id, pay_id, rev_id, reserve_id: the new one */
    uint32_t stas;           /* enum wallet_stas */
    char order_no[CLIENT_NO_SIZE];
    int64_t amount; /* Paid, reserved, due, returned. */
    int64_t balc;   /* Wallet balance after it. */
    int64_t exp_ms;
    uint32_t number; /* chg_no; of a transfer that ended REFUSED: the code behind it */
    uint32_t year;
    uint32_t lot_count; /* Of the used lots behind it. */
    uint32_t period;    /* yyyymm its debts are cleared in, 0: none. */
};

_Static_assert(sizeof(struct wallet_said) == 104, "in entries");

/* -- debts ---------------------------------------------------------------------------------- */

/* A debt between provinces: becomes an ENTRY_DEBT, a record of the cells like a settlement (body:
 * SetlPost with the debt's number as setl_id, payer's area as insu_admdvs, payee's as
 * mdtrtarea_admvs, the amount as medfee_sumamt and acct_pay). Negative: taken back. */
struct wallet_debt {
    char number[CLIENT_NO_SIZE];      /* pay_id, "-", running number. */
    char orig_number[CLIENT_NO_SIZE]; /* Of a negative one. */
    uint32_t payer_admdvs;
    uint32_t payee_admdvs;
    uint32_t line; /* enum line, 5..7 */
    uint32_t insutype;
    int64_t amount;
};

#define DEBTS_MAX (2 * PAY_LOTS_MAX)

/* -- effects on other persons --------------------------------------------------------------- */

/* Travel from shard to shard in order, each exactly once (docs/formats.md, Mail). */
enum effect_kind {
    EFFECT_OFFER = 1,     /* to the receiver: a transfer waits */
    EFFECT_OFFER_END,     /* to the receiver: it does not any more */
    EFFECT_CREDIT,        /* to the receiver: lots of an accepted transfer */
    EFFECT_OFFER_REFUSED, /* to the giver: the wallet was closed meanwhile */
    EFFECT_RELATION,      /* to the other side: a relation began */
    EFFECT_RELATION_END,  /* to the other side: it ended; the receiver's lots of it go home */
    EFFECT_HELD,          /* to the origin giver: a holder's lots changed */
    EFFECT_RECALL,        /* to a holder: every lot of that origin goes home */
    EFFECT_PREMIUM,       /* to the insured person: paid, not paid, or reversed */
    EFFECT_CONTINUE,      /* to oneself: go on with what was too much for one entry */
    EFFECT_OUT,           /* to a province's outbox */
    EFFECT_KIND_END,
};

/* Behind enum wallet_stas: provinces read both in one field, Outgoing.why. */
enum held_why {
    HELD_MOVED = 11,     /* from `holder` to `to` (hop) */
    HELD_SPENT,          /* pay_id, place, line */
    HELD_RESTORED,       /* a payment taken back, to the lot */
    HELD_RELEASED,       /* lot gone home */
    HELD_RETURNED_SPENT, /* a payment taken back whose lot is dead: home at once */
};

_Static_assert((int)HELD_MOVED > (int)STAS_RETURNED, "one space of numbers");

/* One fixed form for all; only what the kind needs is filled in. */
struct effect {
    uint32_t kind; /* enum effect_kind */
    uint32_t why; /* enum held_why; enum wallet_stas of an OFFER_END; premium: enum premium_state */
    struct psn_key to;       /* The person it is for; of EFFECT_OUT nobody. */
    struct psn_key other;    /* giver, holder, other side, payer */
    struct psn_key third;    /* HELD_MOVED: the new holder */
    char id[WALLET_ID_SIZE]; /* trsf_id, rlts_id, pay_id */
    uint32_t code;           /* rlts_code; insutype; step of a CONTINUE */
    uint32_t admdvs; /* of `other`, 0 in a CREDIT out of its account: the lot says it; of the
                      * account that HELD_MOVED, HELD_RELEASED and a RECALL mean, 0 in a RECALL:
                      * any; of what was paid or taken back: the place */
    uint32_t year;
    uint32_t line;
    uint32_t lot_count;
    int64_t amount;
    int64_t at_ms;                      /* exp_ms, since_ms; of what was paid or taken back when, or
                                         * an instant of another month that its debts are in */
    struct lot lots[TRANSFER_LOTS_MAX]; /* On the way and in entries only lot_count of them. Of what
                                         * was paid or taken back the part of one. */
};

_Static_assert(sizeof(struct effect) == 120 + TRANSFER_LOTS_MAX * sizeof(struct lot), "in entries");

/* -- messages to provinces ------------------------------------------------------------------ */

#define OUTBOX_APP   32 /* Destination of the national platform (APP), behind the 32 provinces. */
#define OUTBOX_COUNT 33

enum outgoing_type {
    OUT_TRSF_NOTICE = 0x0224,
    OUT_TRSF_RETURNED = 0x0225,
    OUT_PA_HOLD = 0x0231,
    OUT_PA_RELEASE = 0x0233,
    OUT_PA_CONSUME = 0x0234,
    OUT_PREM_ADVICE = 0x0303,
    OUT_PREM_ASK = 0x0306,
};

struct outgoing {
    uint32_t type;     /* enum outgoing_type */
    uint32_t dest;     /* Province index, or OUTBOX_APP. */
    uint64_t position; /* Dense from 1 per destination; given by the outbox's home. */
    int64_t at_ms;
    char id[CLIENT_NO_SIZE];  /* Stable id: hold_id, pay_id and a running number … */
    char ref[CLIENT_NO_SIZE]; /* pay_id, order_no */
    struct psn_key psn_key;
    int64_t amount;
    int64_t exp_ms;
    uint32_t why;    /* enum wallet_stas, enum held_why; PA_HOLD: 1 asks for the state again */
    uint32_t admdvs; /* Place of treatment; insured area. */
    uint32_t insutype;
    uint32_t year;
    uint32_t period; /* yyyymm */
    uint32_t line;
};

_Static_assert(sizeof(struct outgoing) == 144, "in entries");

/* An institution of the directory (InstDirPush), in every shard. */
struct institution {
    char fixmedins_code[16];
    uint32_t admdvs;
    uint32_t version;
    uint32_t level_wallet; /* businessLvWlt: 1 normal, 2 open without data lately, 0 and 3 not */
    uint32_t level_outpatient;
    uint32_t from; /* yyyymmdd, 0: always */
    uint32_t to;
    char name[96]; /* UTF-8, NUL */
};

_Static_assert(sizeof(struct institution) == 136, "on disk");

/* A code that begins with P is a pharmacy's (定点药店; docs/rules.md, Spending). */
static inline bool is_pharmacy(struct bytes fixmedins_code)
{
    return fixmedins_code.size != 0 && fixmedins_code.data[0] == 'P';
}

#endif
