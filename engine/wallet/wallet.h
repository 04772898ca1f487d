/* wallet -- what is decided about wallets, transfers, spending and premiums.
 *
 * Pure: no state, clock, allocation or I/O. The shard loads the person who decides, what was found
 * by ids and what another person's shard said; the judge changes the person in memory and says what
 * is answered, who is told and which debts arise. engine/shard_wallet.c writes the difference down
 * (wallet/ops.h) and applies it. One file a chapter of docs/rules.md, part Wallet:
 *   open.c       open, close, freeze, usage location
 *   relation.c   relations, insured state, switches, filings
 *   transfer.c   submit, hold, accept, decline, void, 06:00
 *   account.c    grant, reclaim
 *   spend.c      reserve, pay, reverse; lots and debts
 *   premium.c    quote, claim, pay, reverse
 *   receive.c    effects of other persons
 *   places.c     institutions, regions, provincial rules
 *   form.c       what every order is asked before that
 *
 * ORDER   A refused order leaves the person and the decision's lists as rubbish: only code and
 *         failures count. Failures name the field number of the message and what is wrong with it.
 */
#ifndef WALLET_WALLET_H
#define WALLET_WALLET_H

#include "types/error.h"
#include "wallet/ops.h"
#include "wallet/params.h"

#define EFFECTS_MAX    40
#define OUTGOING_MAX   8
#define WALLET_IDS_MAX 3

/* An id an entry is found by, and in which sense (enum id_domain). */
struct wallet_id {
    char domain;
    uint32_t scope;
    char text[WALLET_ID_SIZE + CLIENT_NO_SIZE];
};

/* Domains of ids in the directory; lower case for the wallet's. */
enum id_domain {
    ID_MSGID = 'm',    /* scope: sender's province; text: msgid. With the person. */
    ID_WALLET = 'w',   /* wlt_id -> its WltOpen */
    ID_RELATION = 'r', /* rlts_id -> its RltsBind */
    ID_TRANSFER = 't', /* trsf_id -> its TrsfSubmit */
    ID_CLIENT = 'c', /* scope: message type; text: client_no, close_no, doc_no …; with the person */
    ID_PAYMENT = 'p', /* pay_id -> its WltPay, settlement's wallet entry, or PremPay */
    ID_PAID = 'q', /* scope: province of treatment; text: setl_id -> the payment; with the person */
    ID_REVERSAL =
        'v', /* scope: province; text: rev_setl_id, rev_no -> the reversal; with the person */
    ID_FILING = 'f',
};

/* A payment or transfer found by its id: what the original entry says and what became of it. */
struct wallet_past {
    bool found;
    uint16_t type; /* Of its message: WLT_PAY, PREM_PAY, SETL_POST, TRSF_SUBMIT */
    uint64_t seq;
    struct psn_key person; /* Whose wallet it is. */
    struct psn_key other;  /* Insured person of a premium; receiver of a transfer. */
    char id[WALLET_ID_SIZE];
    int64_t amount;
    int64_t reversed; /* Fen taken back so far, >= 0. */
    uint32_t stas;    /* Of a transfer that ended: enum wallet_stas. */
    uint32_t code;    /* And of one that ended REFUSED: why, enum error_code. */
    uint32_t place;   /* mdtrtarea_admvs, or the insured area of a premium. */
    uint32_t use_loc; /* As it was then. */
    uint32_t via;     /* Area that a debt of it is owed to and that is not `place`; 0: none. */
    uint32_t line;
    uint32_t insutype;
    uint32_t year;
    uint32_t orig_period; /* yyyymm that its debts belong to; 0: it made none. */
    struct bytes setl_id; /* Borrowed from the entry. */
    uint32_t used_count;
    struct lot used[PAY_LOTS_MAX]; /* In the order used; only counted ones mean anything. */
};

/* What there is to judge by. */
struct wallet_input {
    const struct wallet_order *order;
    const struct wallet_fact *fact; /* NULL: the message makes one stop. */
    const struct params *params;
    const struct institution
        *institution;               /* Of order->fixmedins_code; NULL: not in the directory. */
    const struct wallet_past *past; /* Of order's pay_id, setl_id or trsf_id. */
    const struct rule_row *rule;    /* RulePush: the stored row of that area, param and time. */
    int64_t now_ms;                 /* The shard's time. */
    uint32_t debt_period; /* yyyymm in which what it owes is cleared; 0: that of now_ms. */
    bool time_known;      /* False on a manual clock nobody has set. */
    uint16_t province;    /* Two-digit code the session speaks for; 0: the centre, the APP. */
};

/* Decisions that change just these rows and are told to just these: their entries are written
 * without a look for what has changed (wallet/plain.h). */
enum plain_kind {
    PLAIN_NONE,     /* Any other. */
    PLAIN_BEGUN,    /* Limits, hold, a transfer at the end of its list; an offer, a notice. */
    PLAIN_TAKEN,    /* The credit's transfer is gone, row `holder` put; a credit of one lot. */
    PLAIN_OFFERED,  /* An offer at the end of its list; nobody is told. */
    PLAIN_CREDITED, /* The wallet, a lot at the end of its list, the offer is gone; nobody … */
};

/* What is decided. */
struct wallet_decision {
    struct failures failures; /* None: accepted. */
    bool nothing;             /* Accepted and nothing to write: the answer alone. */
    bool dup;                 /* And that was answered before. */
    enum plain_kind plain;
    uint32_t holder; /* PLAIN_TAKEN: its place. */
    struct wallet_said said;
    uint32_t used_count;
    uint32_t debt_count;
    uint32_t effect_count;
    uint32_t out_count;
    uint32_t id_count;
    bool put_institution;
    bool put_rule;
    struct institution institution;
    struct rule_row rule;
    struct lot used[PAY_LOTS_MAX];
    struct wallet_debt debts[DEBTS_MAX];
    struct effect effects[EFFECTS_MAX];
    struct outgoing out[OUTGOING_MAX];
    struct wallet_id ids[WALLET_IDS_MAX];
};

void wallet_decision_begin(struct wallet_decision *decision);

/* Adds an empty one to a list, zeroed but for the lots of an effect, to be filled in by the caller;
 * never NULL: what a judge may add at most fits. decision_out() fills in dest; decision_effect()
 * kind and to. */
struct effect *decision_effect(struct wallet_decision *decision, enum effect_kind kind,
                               const struct psn_key *to);
struct outgoing *decision_out(struct wallet_decision *decision, enum outgoing_type type,
                              uint32_t dest);
struct wallet_debt *decision_debt(struct wallet_decision *decision);
void decision_id(struct wallet_decision *decision, enum id_domain domain, uint32_t scope,
                 struct bytes text);

/* Puts what was used of lots, whom it tells what, and an institution or rule, as ops in the order
 * of an entry. The person's rows and the answer stand before them, ids behind: those are the
 * caller's, who has more of them than the judge. */
void decision_write(const struct wallet_decision *decision, struct ops_writer *writer);

/* Form of an order: lengths, characters, areas, dates, bounds of amounts, and what must be there
 * (types/wallet_fields.def). The shard asks before it judges; nobody looks again. form.c */
void wallet_order_check(const struct wallet_order *order, struct failures *failures);

/* Judges an order of 0x02xx, 0x03xx or a push of 0x0511-0x0514. Ids and repeated messages were
 * looked after by the shard before: what comes here is new. */
void wallet_judge(const struct wallet_input *input, struct person *person,
                  struct wallet_decision *ret_decision);

/* The same for what settlements do to the wallet of their person: `amount` > 0 pays (inline), < 0
 * takes back from input->past. The order is made by the shard from the settlement; its setl_id,
 * psn_part_amt and acct_pay are in amount2 and amount3. */
void wallet_judge_settlement(const struct wallet_input *input, int64_t amount,
                             struct person *person, struct wallet_decision *ret_decision);

/* What the other person's shard says first (two stops). May put a premium's claim: then the
 * decision has something to write, else `nothing` is set. */
void wallet_fact_of(const struct wallet_input *input, struct person *person,
                    struct wallet_fact *ret_fact, struct wallet_decision *ret_decision);

/* An effect that arrived for this person. Cannot be refused. */
void wallet_receive(const struct effect *effect, const struct params *params, int64_t now_ms,
                    struct person *person, struct wallet_decision *ret_decision);

/* The person's due time has come (person_due() <= now_ms): returns, time-outs. One entry's worth;
 * asked again while the person is still due. */
void wallet_sweep(const struct params *params, int64_t now_ms, struct person *person,
                  struct wallet_decision *ret_decision);

/* -- questions the shard asks ------------------------------------------------------------------ */

/* The business key that makes an order the same as an earlier one, beside its msgid, and the code
 * when the content is another (3016, 2011, 4008, …). False: it has none, or its chapter sees to it
 * (one wallet a person, one relation a pair). keys.c */
bool wallet_business_key(const struct wallet_order *order, struct wallet_id *ret_key,
                         uint16_t *ret_conflict);

/* -- questions the settlement's judge asks ---------------------------------------------------- */

/* 2031: the insured person's switch for pharmacies outside the province is off at that time. */
bool wallet_pharmacy_blocked(const struct params *params, const struct person *person,
                             uint32_t insu_admdvs, uint32_t mdtrtarea_admvs, int64_t at_ms);

/* True when params say that this area's persons have a switch or need a filing at all: then the
 * person is loaded for the two checks. */
bool wallet_checks_settlement(const struct params *params, uint32_t insu_admdvs,
                              uint32_t mdtrtarea_admvs, bool pharmacy, int64_t at_ms);

/* 2008: a filing is required, checked, and there is none for that province and day. */
bool wallet_filing_missing(const struct params *params, const struct person *person,
                           uint32_t insu_admdvs, uint32_t mdtrtarea_admvs, int64_t at_ms);

/* -- for the chapters: what several of them need (wallet.c) ----------------------------------- */

/* Takes `amount` from the front of the lots into decision->used. False when there is not enough or
 * more than PAY_LOTS_MAX would be used: then nothing was taken. */
bool lots_take(struct person *person, int64_t amount, struct wallet_decision *decision);

/* Sends a lot home: HELD_RELEASED to its origin. The lot must be out of the list already. */
void lot_release(const struct person *person, const struct lot *lot,
                 struct wallet_decision *decision);

/* True while a lot may be in this wallet: it is open or frozen, and the relation it came by is
 * still there. */
bool lot_alive(const struct person *person, const struct lot *lot);

/* Puts a lot (back) into the wallet by its number while it is alive and there is room, else sends
 * it home. */
void lot_keep(struct person *person, const struct lot *lot, struct wallet_decision *decision);

/* Puts a transfer under way back: lots into the wallet, or a release of the personal account's
 * money; tells receiver, platform and province why. Takes the row out. `said` has its id and why:
 * an entry ends one transfer at most. */
void transfer_return(const struct params *params, struct person *person, uint32_t place,
                     enum wallet_stas why, int64_t now_ms, struct wallet_decision *decision);

#endif
