/* desk_internal -- what the chapters of desk_model.h have in common. */
#ifndef TESTS_MODEL_DESK_INTERNAL_H
#define TESTS_MODEL_DESK_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include "tests/model/desk_model.h"
#include "types/ensure.h"
#include "types/error.h"

void *desk_room(void *list, uint32_t *room, uint32_t count, size_t size);

/* A new element of a list, all zeros. */
#define DESK_ADD(of)                                                              \
    ((of).list = desk_room((of).list, &(of).room, (of).count, sizeof *(of).list), \
     &(of).list[(of).count++])

/* -- desk_model.c ------------------------------------------------------------------------------ */

/* Notes a refusal; false, always. */
bool desk_denied(struct desk_model *m, uint32_t code);

/* The order's name was used: answered the same, or refused. False: it was not. */
bool desk_seen(struct desk_model *m);

/* Accepted: keeps the order and what is answered. True, always. */
bool desk_done(struct desk_model *m, const char *ref);

/* Accepted before: the same answer. True, always. */
bool desk_again(struct desk_model *m, const char *ref);

bool desk_must_be(struct desk_model *m, uint8_t province);
bool desk_must_be_centre(struct desk_model *m);
bool desk_must_be_open(struct desk_model *m, uint32_t period);

/* The month is in the book: it was cut once at least. */
bool desk_handed_over(const struct desk_model *m, uint32_t period);

/* The one record of an id; NULL after refusing. */
const struct desk_record *desk_one(struct desk_model *m, const struct record_ref *ref);

/* What is said of a record so far, or nothing yet; not kept. */
struct desk_exception desk_exception_for(const struct desk_model *m,
                                         const struct desk_record *record);

/* May a record's flags and deductions become these? Refuses 5011 where it is cleared already. */
bool desk_may_change(struct desk_model *m, const struct desk_exception *after);

/* They become it: it leaves its cell or its batch where it has to. */
void desk_change(struct desk_model *m, struct desk_exception *after);

void desk_split(const int64_t funds[FUND_COUNT], int64_t amount, int64_t ret_split[FUND_COUNT]);

/* -- desk_single.c: reconciliation, confirmation, disputes ---------------------------------------
 */

bool desk_recon_day(struct desk_model *m);
void desk_compare_totals(struct desk_model *m);
bool desk_recon_list(struct desk_model *m);
bool desk_confirm(struct desk_model *m);
bool desk_withdraw(struct desk_model *m);
bool desk_recovery(struct desk_model *m);
bool desk_dispute_open(struct desk_model *m);
bool desk_dispute_reply(struct desk_model *m);
bool desk_dispute_resolve(struct desk_model *m);

/* -- desk_batch.c: months, batches, years -------------------------------------------------------
 */

bool desk_cut(struct desk_model *m);
bool desk_step(struct desk_model *m);
bool desk_sign(struct desk_model *m);
bool desk_year_close(struct desk_model *m);

/* What the batch holds of a province's, PROVINCE_CENTRE: of everybody's, waits again. */
void desk_release(struct desk_model *m, uint32_t batch, uint8_t province);

/* Bit by province: it has a line. */
uint32_t desk_provinces(const struct desk_model *m, uint32_t batch);

/* The batch's count and what it comes to in three modes, from its records. */
void desk_add_up(const struct desk_model *m, struct desk_batch *batch);

/* What it comes to now is what is shown of it from now on. */
void desk_keep_shown(const struct desk_model *m, struct desk_batch *batch);

/* Until when a published batch may be signed. */
uint32_t desk_sign_due(const struct desk_model *m, const struct desk_batch *batch);

/* -- desk_notice.c: notices, payments, deposits -------------------------------------------------
 */

bool desk_notices(struct desk_model *m, struct desk_batch *batch);
bool desk_unwind(struct desk_model *m, struct desk_batch *batch, uint8_t province);
bool desk_reissue(struct desk_model *m);
bool desk_pay(struct desk_model *m);
bool desk_receive(struct desk_model *m);
bool desk_prefund_set(struct desk_model *m);
bool desk_prefund_apply(struct desk_model *m);
bool desk_prefund_decide(struct desk_model *m);

/* Until when a payee that has signed may ask for more; 0: it has not signed. */
uint32_t desk_apply_due(const struct desk_model *m, const struct desk_batch *batch, uint8_t payee,
                        int64_t now_ms);
struct notice_row *desk_issue(struct desk_model *m, const struct notice_row *notice,
                              const char *replaces);

#endif
