/* story_rig -- four persons in two shards: their messages as homes send them, mail between the
 * shards, and all that wallets leave behind, to be compared.
 *
 * What may happen to a message happens to every one of a story (enum mishap): the shard dies over
 * it, and it comes again. The rig knows shards and no rule of a wallet. */
#ifndef TESTS_LIB_STORY_RIG_H
#define TESTS_LIB_STORY_RIG_H

#include "shard_internal.h"
#include "tests/lib/shanghai.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/wallet_orders.h"

#define SHARDS   2
#define YUNNAN   530100
#define SICHUAN  510100
#define GIVER    0 /* In shard 0, as all even persons of 0..3; insured in Yunnan. */
#define RECEIVER 1 /* In shard 1; insured in Sichuan. */
#define HOSPITAL "H51010000001"

enum mishap {
    MISHAP_NONE,
    MISHAP_LOST,   /* The process dies before the block is on the device. */
    MISHAP_LANDED, /* It dies when the block is there and nobody was told. */
};

extern struct rig story_rigs[SHARDS];
extern enum mishap story_mishap; /* A test sets it; story_open() takes it back. */

/* -- the world -------------------------------------------------------------------------------- */

/* Both shards, wallets enabled everywhere, at 2026-03-02T12:00:00+08:00. The system's clock is that
 * of the rigs (rig.now_ms). */
void story_open(bool system_clock, uint32_t delta_entries);

/* The same with a manual clock and plenty of room, for cmocka. */
int story_set_up(void **state);
int story_tear_down(void **state);

/* Sets the manual clocks of both shards. */
void story_clock(const char *text);

/* A person: the key, the same in static memory, the shard, the rows. */
struct psn_key story_key(int who);
struct bytes story_key_bytes(int who);
struct rig *story_home(int who);
void story_person(int who, struct person *ret_person);

/* -- messages --------------------------------------------------------------------------------- */

/* What was answered, taken apart. */
struct story_answer {
    uint16_t code;
    bool dup;
    char stas[16];
    char id[WALLET_ID_SIZE]; /* Of the wallet, relation, transfer, payment or reversal. */
    int64_t amount;
    int64_t balc;
    uint32_t period;
    uint32_t lots;
    uint64_t seq;
};

/* Gives a request until it is taken; with a mishap first in a world that dies over it. */
struct rig_result story_give(struct rig *rig, struct request request);
struct story_answer story_read(struct rig_result got);

/* Sends an order as the home of that person does: to the other person's shard for its fact first,
 * where one is needed. `province`: of the session, 0 for the APP. */
struct story_answer story_send(int who, const struct wallet_order *order, uint16_t province);

/* Carries mail until nothing is on the way any more; every batch has the mishap of the day. */
void story_pump(void);

/* It was accepted, as a duplicate only if its first answer was lost; carries its mail. */
struct story_answer story_done(struct story_answer got);

/* -- a story ---------------------------------------------------------------------------------- */

/* Orders that most tests need, sent. */
struct story_answer story_open_wallet(int who, uint32_t insu, uint32_t use_loc);
struct story_answer story_bind(int giver, int receiver);
struct story_answer story_grant(int who, int64_t amount);
struct story_answer story_submit(int giver, int receiver, int64_t amount);
struct story_answer story_accept(int giver, int receiver, const char *trsf_id);
struct story_answer story_pay(int who, const char *setl_id, int64_t amount);
struct story_answer story_reverse(int who, const char *pay_id, int64_t amount);

/* Accepts or declines, by type. */
struct story_answer story_end(uint16_t type, int giver, int receiver, const char *trsf_id,
                              const char *auth_ref);

/* Orders not sent yet; the last one takes back all of the receiver's payment for a settlement. */
struct wallet_order story_submit_order(int giver, int receiver, int64_t amount);
struct wallet_order story_pay_order(int who, const char *setl_id, int64_t amount);
struct wallet_order story_reversal(const char *setl_id);

/* Yunnan gives 1,500 yuan to Sichuan; the personal account behind it has 5,000. */
void story_fill(void);

/* The same, then a payment in Sichuan, taken back in two parts. */
void story_whole(void);

/* What Yunnan owes Sichuan in cells of that line, in both shards, and for how many records. */
int64_t story_cell_sum(uint32_t line, uint64_t *ret_count);
void story_check_debts(int64_t want, uint64_t records); /* Of LINE_WALLET_CARE. */

/* After story_fill(): what of the giver's grant is held and consumed; what a wallet has. */
void story_check_giver(int64_t held, int64_t consumed);
void story_check_balance(int who, int64_t want);

/* -- snapshots -------------------------------------------------------------------------------- */

/* Everything that wallets leave in a shard. story_same() compares two and frees both. */
struct story_snap {
    uint8_t *bytes;
    size_t size;
};

struct story_snap story_snap_of(const struct rig *rig);
void story_same(struct story_snap a, struct story_snap b);

/* Both shards die and start again: what the journal makes is what there was, and today's rules
 * would decide the same, to the byte. Gives how many entries of wallets were judged again. */
uint32_t story_replay(void);

#endif
