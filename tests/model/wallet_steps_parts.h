/* wallet_steps_parts -- what wallet_steps.c and wallet_steps_mail.c share; nobody else includes it.
 */
#ifndef MODEL_WALLET_STEPS_PARTS_H
#define MODEL_WALLET_STEPS_PARTS_H

#include "tests/model/wallet_steps.h"

/* Steps of what is too much for one entry, as they stand in mail. */
enum {
    GO_CLOSE = 1,
    GO_PAIR,
    GO_FROM,
    GO_RECALL,
    GO_STATE,
};
#define PER_ENTRY 12 /* Lots, relations or holders. */

int64_t rule_at(const struct steps_ask *ask, enum param param, uint32_t area);
bool same_person(const struct psn_key *a, const struct psn_key *b);

/* The area whose rules hold for a person; true while the person may give. */
uint32_t area_of(const struct steps_person *p);
bool may_give(const struct steps_person *p);

struct effect *tell(struct steps_answer *a, enum effect_kind kind, const struct psn_key *to);
struct effect *go_on_with(struct steps_answer *a, const struct steps_person *p, uint32_t step);

struct relation_row *relation_with(struct steps_person *p, const struct psn_key *other,
                                   enum relation_side side);
struct transfer_row *transfer_named(struct steps_person *p, const char *id);
struct premium_row *premium_row(struct steps_person *p, uint32_t insutype, uint32_t year);

/* Takes element `place` out of a list. */
void take_out(void *list, uint32_t *count, size_t size, uint32_t place);

void count_at_holder(struct steps_person *p, const struct psn_key *holder, int64_t amount);
const struct relation_row *relation_given_as(const struct steps_person *p, struct bytes id);
bool lot_lives(struct steps_person *p, const struct lot *lot);
/* What a grant said is kept when the limit changes without it; 0: the limit is what it said. */
uint32_t steps_grant_mark(int64_t amount);
uint32_t steps_grant_times(int64_t amount);
void keep_grant(struct steps_person *p);
void leave_account(struct steps_person *p);
bool add_lot(struct steps_person *p, const struct lot *lot);
void lot_home(const struct steps_person *p, const struct lot *lot, struct steps_answer *a);
void keep_lot(struct steps_person *p, const struct lot *lot, struct steps_answer *a);

void say_transfer(const struct transfer_row *row, enum wallet_stas stas, struct steps_answer *a);
void give_back(const struct steps_ask *ask, struct steps_person *p, uint32_t place,
               enum wallet_stas why, struct steps_answer *a);
int64_t give_up_ms(const struct steps_ask *ask, uint32_t area, const struct transfer_row *row);
void ask_province(const struct steps_ask *ask, struct steps_person *p, struct transfer_row *row);

void close_on(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a);
void end_giving(const struct steps_ask *ask, struct steps_person *p, int64_t at_ms,
                const struct psn_key *told, struct steps_answer *a);
void void_pair(const struct steps_ask *ask, struct steps_person *p, const struct psn_key *other,
               struct steps_answer *a);

/* -- saying no and yes -- */
bool say_no(struct steps_answer *a, uint16_t code);
bool by_app(const struct steps_ask *ask, struct steps_answer *a);
bool sender_of(const struct steps_ask *ask, uint32_t area, struct steps_answer *a);
bool has_wallet(const struct steps_person *p, struct steps_answer *a);
bool is_open(const struct steps_person *p, struct steps_answer *a);
void take_name(const struct steps_ask *ask, char *out);
void say_done(struct steps_answer *a, const char *id);
void say_nothing(struct steps_answer *a, const char *id, bool dup);

/* -- the past -- */
bool text_is(const char *text, struct bytes view);
bool key_of(struct bytes view, struct psn_key *ret_key);
int64_t reversed_so_far(const struct steps_ask *ask, int payment);
bool refused_at_home(const struct steps_ask *ask, int payment);
const struct steps_transfer *past_transfer(const struct steps_ask *ask, struct bytes id);
int payment_named(const struct steps_ask *ask, struct bytes id);

/* What makes a message the same as an earlier one, beside its msgid. */
struct matter {
    char domain; /* 0: nothing does. */
    uint32_t scope;
    struct bytes text;
    uint16_t conflict;
};
struct matter matter_of(const struct wallet_order *o, uint32_t sender);

/* True when an earlier message settles it. */
bool answered_before(const struct steps_ask *ask, int who, bool by_msgid, struct steps_answer *a);

/* From the front; false when they are more than `most` lots. */
bool take_lots(struct steps_person *p, int64_t amount, uint32_t most, struct lot *out,
               uint32_t *ret_count);

/* -- one for each message -- */
typedef void step_fn(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a);
step_fn step_open_wallet, step_change_use_loc, step_close_wallet, step_freeze;
step_fn step_bind, step_unbind, step_push_state, step_push_switch, step_push_filing;
step_fn step_submit, step_accept, step_decline, step_void_transfer;
step_fn step_hold_answered, step_grant, step_reclaim;
step_fn step_quote, step_due, step_pay_premium, step_reverse_premium;

/* Pays from the front; a->payment has place, line, insurance and year. */
bool spend(const struct steps_ask *ask, struct steps_person *p, int64_t amount,
           struct steps_answer *a);

/* Takes a payment back: into the same lots, the last used first, behind what came back before. */
void take_back(const struct steps_ask *ask, struct steps_person *p, int place, int64_t amount,
               struct steps_answer *a);

#endif
