/* model_internal -- what the chapters of model.h have in common. */
#ifndef TESTS_MODEL_MODEL_INTERNAL_H
#define TESTS_MODEL_MODEL_INTERNAL_H

#include "tests/model/model.h"
#include "types/error.h"

#define N16_MAX INT64_C(9999999999999999)

/* -- model_rules.c ------------------------------------------------------------------------------
 */

/* Notes a refusal. */
void model_refuse(struct model_answer *answer, uint32_t code);

/* True for a two-digit code of a province that takes part. */
bool model_takes_part(uint32_t province);

bool model_same_bytes(struct bytes a, struct bytes b);

/* The line of care and the class of insurance; -1: unknown. */
int model_line_of(uint32_t med_type);
int model_insurance_of(uint32_t insutype);

/* Gives the sender's province, 0: there is none. `usual` is the area whose province must be the
 * sender, 0: anybody's. */
uint32_t model_check_sender(uint32_t session, uint32_t said_admdvs, uint32_t usual,
                            struct model_answer *answer);

/* Each refuses what is wrong. */
void model_check_text(struct bytes text, size_t most, bool needed, struct model_answer *answer);
void model_check_form(const struct settlement *s, struct model_answer *answer);
void model_check_areas(uint32_t insu, uint32_t mdtrt, struct model_answer *answer);
void model_check_codes(const struct model *model, const struct settlement *s,
                       struct model_answer *answer);
void model_check_time(const struct model *model, const struct settlement *s, int64_t now_ms,
                      struct model_answer *answer);
void model_check_amounts(const struct settlement *s, const struct model_switches *w,
                         struct model_answer *answer);

/* What of a record's AMOUNT_COUNT amounts the account and the funds pay. Signs are those of the
 * record. */
int64_t model_account_part(const int64_t *a, const struct model_switches *w);
int64_t model_fund_part(const int64_t *a, const struct model_switches *w);

/* -- model_list.c -------------------------------------------------------------------------------
 */

/* A settlement or a refund. */
bool model_is_record(const struct model_item *item);

/* The item with that id; -1: none. A tombstone counts until its time is over. */
int model_find_msgid(const struct model *model, uint32_t sender, struct bytes msgid,
                     struct bytes psn);
int model_find_adj_no(const struct model *model, const struct adjustment *a);
int model_find_tombstone(const struct model *model, uint32_t sender, struct bytes msgid,
                         struct bytes psn, int64_t now_ms);

/* What an item changes of one amount of the record it refers to; what all have that stand. */
int64_t model_change_by(const struct model_item *item, int amount);
int64_t model_changed(const struct model *model, int record, int amount);

#endif
