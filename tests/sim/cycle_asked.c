#include <stdlib.h>

#include "codec/cycle.h"
#include "tests/sim/cycle_walk.h"
#include "tests/sim/pb.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

/* -- what was asked -----------------------------------------------------------------------------
 */

bool asked_in_parts(const struct asked *asked)
{
    return asked->said->type == MESSAGE_RECON_LIST && asked->order.parts > 1;
}

static void read_answer(struct asked *asked)
{
    const struct sim_said *said = asked->said;
    asked->code = (uint32_t)pb_get(said->answer, 1);
    if (said->type == MESSAGE_PERIOD_CUT) {
        asked->dup = pb_get(said->answer, 3) != 0;
        asked->ref = pb_get_bytes(said->answer, 7);
    } else if (said->type != MESSAGE_YEAR_CLOSE) {
        asked->dup = pb_get(said->answer, 4) != 0;
        asked->ref = pb_get_bytes(said->answer, 5);
    }
}

bool asked_has_decision(const struct asked *asked)
{
    const uint16_t type = asked->said->type;
    const bool accepted = asked->code == ERROR_OK ||
                          (type == MESSAGE_RECON_DAY && asked->code == ERROR_TOTALS_DIFFER);
    if (!accepted || asked->dup) return false;
    if (type == MESSAGE_PERIOD_CUT || type == MESSAGE_YEAR_CLOSE) return false;
    return type != MESSAGE_RECON_DAY || asked->order.row_count != 0;
}

bool asked_is_judged(const struct asked *asked)
{
    if (asked->code == ERROR_OVERLOAD || asked->code == ERROR_INTERNAL) return false;
    /* What the desk says of parts hangs on those it has at hand. */
    return !asked_in_parts(asked) || (asked->code != ERROR_OK && asked->code != ERROR_WRONG_STATE);
}

static void read_asked(struct asked *asked, const struct sim_said *said)
{
    const char *field;
    *asked = (struct asked){.said = said, .before = UINT64_MAX};
    asked->formed = order_decode(said->type, said->province, said->body, &asked->order, &field);
    if (said->answered == 0 || said->answer_type == MESSAGE_ERROR) return;
    read_answer(asked);
    asked->open = asked->formed && asked_is_judged(asked) && !asked_has_decision(asked);
    asks_window(walk.asks, 0, said->sent, said->answered, &asked->after, &asked->before);
}

void asked_read(struct sim_history *history)
{
    const uint32_t rows = sim_history_count(history);
    walk.list = calloc(rows + 1, sizeof *walk.list);
    ENSURE(walk.list != NULL);
    walk.count = 0;
    for (uint32_t i = 0; i < rows; i++) {
        const struct sim_said *said = sim_history_at(history, i);
        if (order_type(said->type)) read_asked(&walk.list[walk.count++], said);
    }
}

void asked_free(void)
{
    for (uint32_t i = 0; i < walk.count; i++) {
        if (walk.list[i].formed) order_free(&walk.list[i].order);
        free(walk.list[i].places);
    }
    free(walk.list);
}

/* -- who decided what ---------------------------------------------------------------------------
 */

static bool asks_for(const struct asked *asked, const struct order_row *row)
{
    const struct order *order = &asked->order;
    return asked->formed && order->sender == row->province && order->type == row->type &&
           order->hash == row->hash &&
           (row->type == MESSAGE_PERIOD_CUT ||
            memcmp(order->msgid, row->msgid, sizeof row->msgid) == 0);
}

struct asked *asked_by(const struct order_row *row, uint64_t seq, uint64_t *ret_answered)
{
    struct asked *first = NULL;
    *ret_answered = UINT64_MAX;
    for (uint32_t i = 0; i < walk.count; i++) {
        struct asked *asked = &walk.list[i];
        if (!asks_for(asked, row) || asked->after >= seq) continue;
        if (asked->said->answered != 0 && asked->said->answer_type != MESSAGE_ERROR &&
            asked_has_decision(asked)) {
            *ret_answered = asked->said->answered;
            return asked;
        }
        if (first == NULL) first = asked;
    }
    return first;
}

void asked_close_behind(const struct asked *decided, uint64_t seq)
{
    for (uint32_t i = 0; i < walk.count; i++) {
        struct asked *asked = &walk.list[i];
        if (asked->open && asked->said->answered < decided->said->sent && asked->before > seq)
            asked->before = seq;
    }
}

uint64_t asked_answered_behind(uint64_t seq)
{
    uint64_t earliest = UINT64_MAX;
    for (uint32_t i = 0; i < walk.count; i++) {
        const struct sim_said *said = walk.list[i].said;
        if (said->type >> 8 != 4 || said->type == MESSAGE_PERIOD_CUT ||
            said->type == MESSAGE_YEAR_CLOSE || said->answered == 0 ||
            said->answer_type == MESSAGE_ERROR || walk.list[i].code != ERROR_OK) {
            continue;
        }
        if (pb_get(said->answer, 6) > seq && said->answered < earliest) earliest = said->answered;
    }
    return earliest;
}
