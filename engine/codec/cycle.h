/* cycle -- orders of the clearing cycle from protobuf bytes to nouns. What is asked about it is
 * codec/cycle_query.h's, and the answers are codec/cycle_reply.h's. Must not know any state. */
#ifndef CODEC_CYCLE_H
#define CODEC_CYCLE_H

#include "types/order.h"

/* True for message types that are orders of the cycle: order_decode() takes them. PERIOD_CUT is
 * one, too. */
bool order_type(uint16_t type);

/* Where fields stand that have another name in struct order:
 *   ReconDay, ReconList  date in day; side is payee's when the payee is the acting province
 *   ClrWithdraw          otransid in number
 *   ClrConfirm           the payee is the acting province
 *   Recovery             recovery_no in number, det_type in reason
 *   Dispute…             dispute_no in number, note in text, contest in flag, outcome in step
 *   BatchStep            province in payer and acting, reason in text
 *   BatchSign            objection in flag, reason in text
 *   PayReport            paid_at in at_ms
 *   ReceiptReport        rejected in flag
 *   PrefundSet           year in period
 *   PrefundApply         the payee is the acting province
 *   PrefundDecide        approve in flag
 *   SettingSet           name in bank_ref, value in amount, effective_from in at_ms
 *   PeriodCut, YearClose an empty msgid becomes "cut-202603", "year-close-2026"
 *
 * False when the bytes are no such message or longer than the limits of types/order.h; then nothing
 * is to be freed. `sender` is the session's province code (0: centre). order.acting is the province
 * named in the message, or the sender's when it names none. Texts that are too long or not UTF-8
 * make the message malformed; *ret_field then names the field (static text). */
bool order_decode(uint16_t type, uint16_t sender, struct bytes body, struct order *ret_order,
                  const char **ret_field);
void order_free(struct order *order);

#endif
