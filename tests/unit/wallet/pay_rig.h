/* pay_rig -- payments on top of wallet_rig: a wallet with lots of givers in several provinces, and
 * the payments made, as the shard would find them again. */
#ifndef TESTS_UNIT_WALLET_PAY_RIG_H
#define TESTS_UNIT_WALLET_PAY_RIG_H

#include "tests/lib/wallet_rig.h"

enum {
    PATIENT = 0,       /* Sichuan, Chengdu; usage location there. */
    GIVER_YUNNAN = 1,  /* 530100 */
    GIVER_GUIZHOU = 2, /* 520100 */
    GIVER_SICHUAN = 3, /* 510700: another city of the patient's province */
    CHILD = 4,         /* Residents' insurance in Jiangxi, 360100; a wallet and no lot. */
    STRANGER = 5,      /* Nothing is known of this one. */
};

#define CHENGDU 510100
#define CITY    510700 /* Another area of the usage location's province. */

struct pay_rig {
    struct wallet_rig *rig;
    struct institution hospital;
    struct wallet_past past; /* Of the latest payment. */
    uint32_t next_number;
    char setl_id[16]; /* Of the latest order. */
};

/* All wallets open, all givers bound to the patient, the child too. */
void pay_rig_begin(struct pay_rig *pay);
void pay_rig_end(struct pay_rig *pay);

/* The same for cmocka; the state is the rig. */
int pay_rig_set_up(void **state);
int pay_rig_tear_down(void **state);

/* A lot of the giver's for the patient. */
void pay_rig_lot(struct pay_rig *pay, int giver, int64_t amount);

/* A WltPay of the patient's in Chengdu, part and own account left open. */
struct wallet_order pay_rig_order(struct pay_rig *pay, int64_t amount);

/* Gives it as the province of the place; a payment becomes pay->past. Gives the code. */
uint16_t pay_rig_pay(struct pay_rig *pay, const struct wallet_order *order);

/* The order of that amount, given; and what the patient's wallet has. */
uint16_t pay_rig_now(struct pay_rig *pay, int64_t amount);
int64_t pay_rig_balance(const struct pay_rig *pay);

/* Keeps what the rig decided last, about that order, as pay->past. */
void pay_rig_keep(struct pay_rig *pay, const struct wallet_order *order, int payer, uint32_t line);

/* WltPayReverse of pay->past; the past then knows of it. */
struct wallet_order pay_rig_reversal(struct pay_rig *pay, int64_t amount);
uint16_t pay_rig_reverse(struct pay_rig *pay, int64_t amount);

/* A debt of the latest decision. */
void expect_debt(const struct pay_rig *pay, uint32_t i, uint32_t payer, uint32_t payee,
                 uint32_t line, int64_t amount);

#endif
