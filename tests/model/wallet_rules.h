/* wallet_rules -- the rules of wallets that hang on a few facts and on nothing that is kept, said
 * once for both models: wallet_model.h, in which everything happens at once, and wallet_steps.h,
 * which goes person by person. To be read beside docs/rules.md, part Wallet. With the engine they
 * share nouns and codes. Each gives 0 or the code of the first rule that is broken. */
#ifndef MODEL_WALLET_RULES_H
#define MODEL_WALLET_RULES_H

#include "types/wallet.h"

#define EMPLOYEE    310
#define RESIDENT    390
#define FROM_WALLET 2 /* Source of a transfer; 1 is the personal account. */

/* Shanghai's clock: the minute of the day, and the next midnight in ms. */
int64_t rules_minute(int64_t ms);
int64_t rules_midnight(int64_t ms);

/* One of the two basic insurances. */
bool rules_is_basic(uint32_t insutype);

/* Who may be given to. */
struct bind_facts {
    uint32_t kind;      /* Of relation. */
    uint32_t relatives; /* Bits: kinds that the giver's area knows. */
    bool source_wallet; /* There what is in a wallet may be passed on. */
    bool may_give;      /* The giver's insurance is in order. */
    uint32_t giver_insutype;
    uint32_t receiver_state; /* enum insured_state */
    uint32_t receiver_insutype;
};
uint16_t rules_may_bind(const struct bind_facts *f);

/* The table of docs/rules.md, Transfers, from 1 to 10. */
struct transfer_facts {
    uint32_t giver_state;    /* enum wallet_state */
    uint32_t receiver_state; /* The same. */
    bool giver_enabled;      /* The areas of their usage locations have wallets. */
    bool receiver_enabled;
    uint32_t kind; /* Of their relation, 0: none. */
    uint32_t relatives;
    bool may_give;
    bool source_wallet;
    bool night;
    bool pending; /* One that keeps this one waiting. */
    uint32_t giver_insutype;
    uint32_t src;
    int64_t amount; /* Fen. */
    int64_t max_each;
    int64_t max_sum;
    int64_t max_count;
    int64_t sum;   /* Of the day so far, */
    int64_t count; /* and how many that were. */
};
uint16_t rules_may_transfer(const struct transfer_facts *f);

/* What goes back of one used lot: the last used first, behind what came back before. *skip and
 * *left are lowered by what is done. */
int64_t rules_goes_back(int64_t used, int64_t *skip, int64_t *left);

/* Who owes for a used lot: the giver's area the place, straight or by way of a third province's;
 * `via` 0: straight. Gives the number of debts, payer and payee as areas. */
struct rules_debt {
    uint32_t payer;
    uint32_t payee;
};
uint32_t rules_debts(uint32_t giver, uint32_t place, uint32_t via, struct rules_debt out[2]);

#endif
