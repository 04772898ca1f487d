/* wallet_rig -- a small world of persons in memory, each in a shard of its own.
 *
 * give() does what homes and shards do: asks the other person's side for its fact, judges, writes
 * the entry. Every entry is applied to a second copy of the person by op_apply() alone, and the two
 * must be the same bytes: what replay would make. Effects wait in order for each pair of persons
 * until they are delivered; a test chooses whose come first. Invariants are asked after every step:
 *   (I3)  no amount of a row is below zero
 *   (I4)  what a giver holds frozen is what transfers, lots and mail carry of it, at any moment;
 *         and with no mail on the way each holder's row is what that holder has
 *   (I5)  granted = free + held + consumed, free not below zero
 *   (I12) nothing is PENDING at its end or after it
 *   (I13) one transfer under way a pair, while `one_a_pair`
 *   (I14) a lot comes into a wallet only by a relation that is there, and with no mail on the way
 *         stays no longer than that; both sides then know the same relations and offers
 * The rig knows wallet.h and no chapter. */
#ifndef TESTS_LIB_WALLET_RIG_H
#define TESTS_LIB_WALLET_RIG_H

#include "tests/lib/shanghai.h"
#include "wallet/wallet.h"

#define RIG_PERSONS 20
#define RIG_OUT_MAX 4096

/* A transfer or payment as the shard would find it by its id. */
struct rig_past {
    struct wallet_past past;
    char setl_id[CLIENT_NO_SIZE];
};

struct wallet_rig {
    int64_t now_ms;
    uint16_t province; /* Of the session; 0: the centre, the APP. */
    bool time_known;
    bool one_a_pair;                /* Ask for (I13); off where pending_block_scope is NONE. */
    const struct wallet_past *past; /* Given to the next judge instead of what the rig knows. */
    const struct institution *institution;

    /* Of the latest order, effect or sweep. */
    struct wallet_decision decision;
    uint16_t code;

    uint32_t out_count; /* Everything that went to provinces and the platform, in order. */
    struct outgoing out[RIG_OUT_MAX];
    uint32_t debt_count;
    struct wallet_debt debts[RIG_OUT_MAX];

    struct params params;
    struct rig_world *world;
};

/* Everywhere enabled, clock at 2026-03-02T12:00:00+08:00, the holds ONLINE as by default. */
struct wallet_rig *rig_new(void);
void rig_free(struct wallet_rig *rig);

/* Person number `who`, 0..RIG_PERSONS-1. Keys ascend with the numbers. */
struct psn_key rig_key(int who);
struct bytes rig_key_bytes(int who); /* Static memory. */
struct person *rig_person(struct wallet_rig *rig, int who);

/* The test changed that person by hand: the copy that replay makes follows. */
void rig_touch(struct wallet_rig *rig, int who);

/* From always on, in an area, a province (pp0000) or everywhere (0). */
void rig_rule(struct wallet_rig *rig, enum param param, uint32_t admdvs, int64_t value);

/* Moves the clock: what becomes due on the way is swept at its own instant, before anything else.
 */
void rig_time(struct wallet_rig *rig, const char *text);

/* Judges; gives the first failure's code, 0 when there is none. */
uint16_t give(struct wallet_rig *rig, const struct wallet_order *order);

/* An order with what every one has: type, msgid, client_no, sender. New numbers each time. */
struct wallet_order rig_order(struct wallet_rig *rig, uint16_t type);

/* Orders that most tests need, said by the APP. Ids stay in rig->decision.said.id. */
uint16_t rig_open(struct wallet_rig *rig, int who, uint32_t admdvs, uint32_t insutype);
uint16_t rig_bind(struct wallet_rig *rig, int giver, int receiver);
uint16_t rig_unbind(struct wallet_rig *rig, int giver, int receiver);
uint16_t rig_grant(struct wallet_rig *rig, int giver, int64_t granted);
uint16_t rig_state(struct wallet_rig *rig, int who, uint32_t admdvs, uint32_t insutype,
                   uint32_t state, uint32_t eff_date);
uint16_t rig_submit(struct wallet_rig *rig, int giver, int receiver, uint32_t src, int64_t amount);
uint16_t rig_accept(struct wallet_rig *rig, int receiver, const char *trsf_id);

/* Opens, binds, submits, accepts and delivers: `amount` of giver's stands in receiver's wallet.
 * Both must be open and bound; src as of TrsfSubmit, the hold mode GRANT or answered here. */
void rig_pass(struct wallet_rig *rig, int giver, int receiver, uint32_t src, int64_t amount);

/* Effects that wait. Delivers all, and what they cause, oldest first. */
uint32_t rig_mail(const struct wallet_rig *rig);
void rig_deliver(struct wallet_rig *rig);

/* The first that waits from one person to another; false when there is none. */
bool rig_deliver_from(struct wallet_rig *rig, int from, int to);

/* The first of some pair, chosen by `choice`; false when nothing waits. */
bool rig_deliver_any(struct wallet_rig *rig, uint64_t choice);

/* All invariants; called after every step. */
void rig_check(struct wallet_rig *rig);

#endif
