#include "tests/sim/check_places.h"

#include <inttypes.h>

#include "codec/person.h"
#include "tests/sim/lived_wallets.h"
#include "tests/sim/pb.h"
#include "tests/sim/town.h"
#include "types/error.h"
#include "types/wire.h"
#include "world/world.h"

#define TIMES_MAX 3

/* The question at hand. */
struct asking {
    const struct sim_said *said;
    struct person_question question;
    const struct evidence_shard *shard;
    uint32_t shard_index; /* Where the asker is at home: it answers. */
    bool manual_clock;
};

/* What the shard's clock can have shown behind an entry. */
static int times_at(const struct asking *a, uint64_t place, int64_t out[TIMES_MAX])
{
    int count = 0;
    out[count++] = place != 0        ? a->shard->entries[place - 1].stamp_ms
                   : a->manual_clock ? MANUAL_CLOCK_START_MS
                                     : 0;
    if (a->manual_clock) return count;
    if (a->said->sent_ms > out[0]) out[count++] = a->said->sent_ms;
    if (a->said->answered_ms > out[0]) out[count++] = a->said->answered_ms;
    return count;
}

static bool is_answer(const struct asking *a, const struct pb *pb)
{
    return bytes_equal(a->said->answer, (struct bytes){pb->data, pb->size});
}

/* -- areas ---------------------------------------------------------------------------------------
 */

static bool is_area(uint32_t admdvs)
{
    uint32_t i = 0;
    while (i < TOWN_AREAS && town_areas[i] != admdvs)
        i++;
    return i < TOWN_AREAS;
}

static bool region_at(const struct asking *a, uint64_t place, int64_t now_ms)
{
    static uint8_t room[16 * 1024];
    struct pb pb = {room, 0, sizeof room};
    const uint32_t area = a->question.area;
    const int64_t at_ms = a->question.from_ms != 0 ? a->question.from_ms : now_ms;
    const struct steps *steps = lived_steps();
    const uint32_t code = reply_code(a->said->answer);
    /* Others than the town's are nobody's here; of which there are, nothing is known. */
    if (!is_area(area)) return code == ERROR_AREA_UNKNOWN || code == ERROR_OK;
    const struct rule_row *enabled =
        steps_rule_row(steps, a->shard_index, place, PARAM_WALLET_ENABLED, area, at_ms);
    pb_put(&pb, 3, enabled != NULL && enabled->value != 0);
    for (uint32_t param = 0; param < PARAM_COUNT; param++) {
        const struct rule_row *rule =
            steps_rule_row(steps, a->shard_index, place, (enum param)param, area, at_ms);
        uint8_t row_room[128];
        struct pb row = {row_room, 0, sizeof row_room};
        char value[32];
        param_print(param, rule == NULL ? 0 : rule->value, value);
        pb_text(&row, 1, param_name(param));
        pb_text(&row, 2, value);
        pb_put(&row, 3, rule == NULL ? 0 : rule->admdvs);
        pb_bytes(&pb, 4, (struct bytes){row.data, row.size});
    }
    return is_answer(a, &pb);
}

/* -- institutions --------------------------------------------------------------------------------
 */

static bool institution_at(const struct asking *a, uint64_t place, int64_t now_ms)
{
    uint8_t room[512], row_room[256];
    struct pb pb = {room, 0, sizeof room}, row = {row_room, 0, sizeof row_room};
    const struct institution *i = steps_institution_of(lived_steps(), a->shard_index, place,
                                                       bytes_of(a->question.fixmedins_code));
    if (i == NULL) return reply_code(a->said->answer) == ERROR_NOT_FOUND;
    pb_text(&row, 2, i->name);
    pb_text(&row, 5, i->fixmedins_code);
    pb_put(&row, 7, i->admdvs);
    pb_put(&row, 18, i->from);
    pb_put(&row, 19, i->to);
    pb_put(&row, 20, i->version);
    pb_put(&row, 28, i->level_wallet);
    pb_put(&row, 29, i->level_outpatient);
    pb_bytes(&pb, 3, (struct bytes){row.data, row.size});
    pb_put(&pb, 4, steps_takes_wallet(i, now_ms));
    return is_answer(a, &pb);
}

/* -- a question ----------------------------------------------------------------------------------
 */

static bool is_right_at(const struct asking *a, uint64_t place)
{
    int64_t times[TIMES_MAX];
    const int count = times_at(a, place, times);
    for (int i = 0; i < count; i++) {
        if (a->said->type == MESSAGE_REGION_QUERY ? region_at(a, place, times[i])
                                                  : institution_at(a, place, times[i])) {
            return true;
        }
    }
    return false;
}

/* At each place at which rules, the directory or the clock differ. */
static bool is_right(const struct asks *asks, const struct asking *a)
{
    uint64_t after, before, count;
    const uint64_t *moments = lived_moments(a->shard_index, &count);
    asks_window(asks, a->shard_index, a->said->sent, a->said->answered, &after, &before);
    bool right = is_right_at(a, after);
    for (uint64_t i = 0; i < count && !right; i++)
        right = moments[i] > after && moments[i] < before && is_right_at(a, moments[i]);
    return right;
}

bool judge_places(const struct asks *asks, const struct evidence *evidence,
                  struct sim_history *history, bool manual_clock, struct finding *finding)
{
    for (uint32_t i = 0; i < sim_history_count(history); i++) {
        const struct sim_said *said = sim_history_at(history, i);
        struct asking asking = {.said = said, .manual_clock = manual_clock};
        char why[QUESTION_WHY_SIZE];
        if ((said->type != MESSAGE_REGION_QUERY && said->type != MESSAGE_INST_QUERY) ||
            said->answered == 0 || said->answer_type == MESSAGE_ERROR) {
            continue;
        }
        asking.shard_index = said->client % evidence->shards;
        asking.shard = &evidence->shard[asking.shard_index];
        const bool read = person_question_decode(said->type, said->body, &asking.question, why);
        if (read ? is_right(asks, &asking) : reply_code(said->answer) == ERROR_MALFORMED) continue;
        return finding_set(finding,
                           "(H10) the answer to type %04x, sent as %" PRIu64
                           " (code %u), is what shard %u knew at no time",
                           said->type, said->sent, reply_code(said->answer), asking.shard_index);
    }
    return true;
}
