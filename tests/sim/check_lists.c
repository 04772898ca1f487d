#include "tests/sim/check_lists.h"

#include "tests/sim/pb.h"
#include "types/civil.h"
#include "types/province.h"
#include "types/wire.h"

#define LIST_MAX 1000

bool is_list(uint16_t type)
{
    return type == MESSAGE_NOTICE_LIST || type == MESSAGE_DISPUTE_LIST;
}

bool list_is_plain(const struct sim_said *said)
{
    struct bytes rest = said->body;
    struct pb_field field;
    bool plain = true;
    while (plain && pb_next(&rest, &field)) {
        plain = field.number == 1
                    ? field.value < 100 && province_index((uint32_t)field.value) != PROVINCE_NONE
                : said->type == MESSAGE_NOTICE_LIST && field.number == 4
                    ? bytes_equal(field.bytes, bytes_of("DUE"))
                    : said->type == MESSAGE_NOTICE_LIST && field.number == 7;
    }
    return plain && rest.size == 0;
}

/* -- what is asked for ------------------------------------------------------------------------ */

/* Two digits; 0: the clearing account. */
static uint32_t code_of(uint8_t province)
{
    return province < PROVINCE_COUNT ? province_codes[province] : 0;
}

static bool concerns(const struct sim_said *said, uint8_t payer, uint8_t payee)
{
    const uint64_t asked = pb_get(said->body, 1);
    const uint64_t about = said->province != 0 ? said->province : asked;
    return about == 0 || code_of(payer) == about || code_of(payee) == about;
}

static bool has_state(const struct sim_said *said, uint32_t field, const char *state)
{
    const struct bytes asked = pb_get_bytes(said->body, field);
    return asked.size == 0 || bytes_equal(asked, bytes_of(state));
}

static uint32_t limit_of(const struct sim_said *said, uint32_t field)
{
    const uint64_t limit = pb_get(said->body, field);
    return limit == 0 || limit > LIST_MAX ? LIST_MAX : (uint32_t)limit;
}

/* -- notices ---------------------------------------------------------------------------------- */

static const char *notice_state(const struct notice_row *row, int64_t now_ms)
{
    switch (row->state) {
    case NOTICE_DUE:
        return civil_day(now_ms) > row->transfer_due ? "OVERDUE" : "DUE";
    case NOTICE_PAID:
        return "PAID";
    case NOTICE_SETTLED:
        return "SETTLED";
    case NOTICE_CANCELLED:
        return "CANCELLED";
    default:
        return "";
    }
}

static bool same_notice(struct bytes told, const struct notice_row *row, int64_t now_ms)
{
    return bytes_equal(pb_get_bytes(told, 1), bytes_of(row->number)) &&
           bytes_equal(pb_get_bytes(told, 3), bytes_of(notice_state(row, now_ms))) &&
           pb_get(told, 4) == row->version && pb_get(told, 6) == code_of(row->payer) &&
           pb_get(told, 7) == code_of(row->payee) && pb_get(told, 9) == row->period &&
           pb_get_fen(told, 10) == row->amount && pb_get_fen(told, 11) == row->reported &&
           pb_get_fen(told, 12) == row->received && pb_get(told, 15) == row->file_due &&
           pb_get(told, 16) == row->transfer_due && pb_get(told, 17) == row->feedback_due &&
           (int64_t)pb_get(told, 18) == row->issued_ms &&
           (int64_t)pb_get(told, 19) == row->settled_ms;
}

static bool next_told(struct bytes *rest, struct bytes *ret_row)
{
    struct pb_field field;
    while (pb_next(rest, &field)) {
        if (field.number != 4) continue;
        *ret_row = field.bytes;
        return true;
    }
    return false;
}

static bool notices_are(const struct desk_model *model, const struct sim_said *said, int64_t now_ms)
{
    struct bytes rest = said->answer, told;
    const uint32_t limit = limit_of(said, 7);
    uint32_t count = 0;
    bool more = false;
    for (uint32_t i = 0; i < model->notices.count && !more; i++) {
        const struct notice_row *row = &model->notices.list[i];
        if (!concerns(said, row->payer, row->payee) ||
            !has_state(said, 4, notice_state(row, now_ms))) {
            continue;
        }
        more = count == limit;
        if (more) break;
        if (!next_told(&rest, &told) || !same_notice(told, row, now_ms)) return false;
        count++;
    }
    return !next_told(&rest, &told) && (pb_get(said->answer, 3) != 0) == more;
}

/* -- disputes --------------------------------------------------------------------------------- */

static bool same_dispute(struct bytes told, const struct dispute_row *row)
{
    static const char *const states[] = {
        [DISPUTE_OPEN] = "OPEN",
        [DISPUTE_ACCEPTED] = "ACCEPTED",
        [DISPUTE_CONTESTED] = "CONTESTED",
        [DISPUTE_RESOLVED] = "RESOLVED",
    };
    return bytes_equal(pb_get_bytes(told, 1), bytes_of(row->dispute_no)) &&
           bytes_equal(pb_get_bytes(told, 8), bytes_of(states[row->state])) &&
           pb_get(told, 4) == code_of(row->payer) && pb_get(told, 5) == code_of(row->payee) &&
           pb_get(told, 6) == row->period && pb_get_fen(told, 10) == row->amount &&
           pb_get_fen(told, 11) == row->resolved && pb_get(told, 12) == row->reply_due &&
           pb_get(told, 13) == row->resolve_due && (int64_t)pb_get(told, 14) == row->opened_ms &&
           (int64_t)pb_get(told, 15) == row->replied_ms &&
           (int64_t)pb_get(told, 16) == row->resolved_ms;
}

static bool disputes_are(const struct desk_model *model, const struct sim_said *said)
{
    struct bytes rest = said->answer, told;
    for (uint32_t i = 0; i < model->disputes.count; i++) {
        const struct dispute_row *row = &model->disputes.list[i];
        if (!concerns(said, row->payer, row->payee)) continue;
        if (!next_told(&rest, &told) || !same_dispute(told, row)) return false;
    }
    return !next_told(&rest, &told);
}

bool list_is(const struct desk_model *model, const struct sim_said *said, int64_t now_ms)
{
    if (pb_get(said->answer, 1) != 0) return false;
    return said->type == MESSAGE_NOTICE_LIST ? notices_are(model, said, now_ms)
                                             : disputes_are(model, said);
}
