/* wallet_transfers -- when a transfer may begin and end (I11 to I14). Must not know payments. */
#include <inttypes.h>
#include <string.h>

#include "shard.h"
#include "tools/verify/list.h"
#include "tools/verify/wallet_reading.h"
#include "types/civil.h"
#include "types/wire.h"

/* hhmm of an instant. */
static int64_t clock_of(int64_t ms)
{
    const struct civil c = civil_from_ms(ms);
    return c.hour * 100 + c.minute;
}

static bool in_night(const struct lane *lane, uint32_t area, int64_t at)
{
    const int64_t from = lane_value(lane, PARAM_NIGHT_FROM, area, at);
    const int64_t to = lane_value(lane, PARAM_NIGHT_TO, area, at);
    const int64_t now = clock_of(at);
    return from <= to ? now >= from && now < to : now >= from || now < to;
}

/* The end of a transfer submitted at that time. */
static int64_t end_of(const struct lane *lane, uint32_t area, int64_t at)
{
    const int64_t clock = lane_value(lane, PARAM_EXPIRE_AT, area, at);
    const int64_t midnight = at - (at + 8 * 3600 * 1000) % MS_PER_DAY;
    return midnight + MS_PER_DAY + (clock / 100 * 60 + clock % 100) * 60 * 1000;
}

static void sink(struct ending *heap, uint32_t count, uint32_t place)
{
    for (;;) {
        uint32_t least = place;
        for (uint32_t child = 2 * place + 1; child <= 2 * place + 2 && child < count; child++) {
            if (heap[child].exp_ms < heap[least].exp_ms) least = child;
        }
        if (least == place) return;
        const struct ending swap = heap[place];
        heap[place] = heap[least];
        heap[least] = swap;
        place = least;
    }
}

static bool note_ending(struct lane *lane, const struct psn_key *giver,
                        const struct transfer_row *transfer)
{
    if (!list_grow32((void **)&lane->endings, lane->ending_count, &lane->ending_room,
                     sizeof *lane->endings)) {
        return false;
    }
    uint32_t place = lane->ending_count++;
    struct ending ending = {.exp_ms = transfer->exp_ms, .giver = *giver};
    memcpy(ending.trsf_id, transfer->trsf_id, sizeof ending.trsf_id);
    for (; place != 0 && lane->endings[(place - 1) / 2].exp_ms > ending.exp_ms;
         place = (place - 1) / 2) {
        lane->endings[place] = lane->endings[(place - 1) / 2];
    }
    lane->endings[place] = ending;
    return true;
}

static bool under_way(const struct kept_person *person, const char *trsf_id)
{
    uint32_t at = 0;
    enum person_row kind;
    struct bytes row;
    while (person != NULL && kept_next(person, &at, &kind, &row)) {
        if (kind == PERSON_TRANSFER && memcmp(row.data, trsf_id, WALLET_ID_SIZE) == 0) return true;
    }
    return false;
}

bool lane_endings(struct lane *lane, int64_t limit_ms, uint64_t seq, struct finding *finding)
{
    while (lane->ending_count != 0 && lane->endings[0].exp_ms < limit_ms) {
        const struct ending ending = lane->endings[0];
        lane->endings[0] = lane->endings[--lane->ending_count];
        sink(lane->endings, lane->ending_count, 0);
        if (!under_way(kept_map_find(&lane->persons, &ending.giver), ending.trsf_id)) continue;
        return finding_set(
            finding, "shard %u, seq %" PRIu64 ", %s: transfer %.*s is under way past its end",
            lane->shard, seq, person_text(&ending.giver), WALLET_ID_SIZE, ending.trsf_id);
    }
    return true;
}

static bool related(const struct kept_person *person, const struct psn_key *other, uint32_t side)
{
    uint32_t at = 0;
    enum person_row kind;
    struct bytes row;
    while (kept_next(person, &at, &kind, &row)) {
        struct relation_row relation;
        if (kind != PERSON_RELATION) continue;
        memcpy(&relation, row.data, sizeof relation);
        if (relation.side == side && kept_same_key(&relation.other, other)) return true;
    }
    return false;
}

/* (I13) At most one under way to a receiver, or in all, as the province says. */
static bool check_pending(struct reading *r, const struct kept_person *giver, uint32_t area,
                          const struct transfer_row *transfer)
{
    const int64_t scope = lane_value(r->lane, PARAM_PENDING_SCOPE, area, r->entry->stamp_ms);
    uint32_t at = 0;
    enum person_row kind;
    struct bytes row;
    while (scope != PENDING_NONE && kept_next(giver, &at, &kind, &row)) {
        struct transfer_row other = {0};
        if (kind != PERSON_TRANSFER) continue;
        memcpy(&other, row.data, row.size);
        if (memcmp(other.trsf_id, transfer->trsf_id, WALLET_ID_SIZE) == 0) continue;
        if (scope == PENDING_GIVER || kept_same_key(&other.receiver, &transfer->receiver))
            return reading_wrong(r, &giver->key,
                                 "a second transfer under way to the same receiver");
    }
    return true;
}

bool reading_submitted(struct reading *r, const struct psn_key *giver,
                       const struct transfer_row *transfer)
{
    struct kept_person *person = kept_map_find(&r->lane->persons, giver);
    struct wallet_row wallet;
    const int64_t now = r->entry->stamp_ms;
    const struct transfer_row *t = transfer;

    (void)kept_single(person, PERSON_WALLET, &wallet, sizeof wallet);
    const uint32_t area = wallet.insu_admdvs;
    if (r->type != MESSAGE_TRSF_SUBMIT)
        return reading_wrong(r, giver, "a transfer nobody submitted");
    if (t->submitted_ms != now || t->seq != r->entry->seq)
        return reading_wrong(r, giver, "a transfer with another time or entry than its submit's");
    if (t->exp_ms != end_of(r->lane, area, now))
        return reading_wrong(r, giver, "a transfer ends at another time than the next morning");
    const bool known = r->lane->clock_set || now != MANUAL_CLOCK_START_MS;
    if (known && in_night(r->lane, area, now))
        return reading_wrong(r, giver, "a transfer in the night");
    if (t->amount <= 0 || t->amount > lane_value(r->lane, PARAM_TRSF_MAX_EACH, area, now))
        return reading_wrong(r, giver, "a transfer above the limit of one");
    if (person->day != civil_day(now)) {
        person->day = civil_day(now);
        person->count = 0;
        person->sum = 0;
    }
    person->count++;
    person->sum += t->amount;
    if (person->count > lane_value(r->lane, PARAM_TRSF_MAX_COUNT, area, now))
        return reading_wrong(r, giver, "more transfers in a day than allowed");
    if (person->sum > lane_value(r->lane, PARAM_TRSF_MAX_SUM, area, now))
        return reading_wrong(r, giver, "a larger sum of transfers in a day than allowed");
    if (!related(person, &t->receiver, SIDE_GIVER))
        return reading_wrong(r, giver, "a transfer to a person without a relation");
    if (!note_ending(r->lane, giver, t)) return reading_wrong(r, giver, "out of memory");
    return check_pending(r, person, area, t);
}

bool reading_accept(struct reading *r)
{
    const struct touched *giver = reading_person(r);
    int64_t credited = 0;
    for (uint32_t i = 0; i < r->emitted_count; i++) {
        const struct effect *e = &r->emitted[i];
        if (e->kind != EFFECT_CREDIT) continue;
        if (r->type != MESSAGE_TRSF_ACCEPT || !r->has_accepted || giver == NULL)
            return reading_wrong(r, &e->to, "a credit without an accepted transfer");
        if (!kept_same_key(&e->to, &r->accepted.receiver))
            return reading_wrong(r, &e->to, "a credit to another person than the receiver");
        for (uint32_t k = 0; k < e->lot_count; k++)
            credited += e->lots[k].amount;
    }
    if (r->type != MESSAGE_TRSF_ACCEPT || !r->has_accepted) return true;
    const struct kept_person before = reading_before(giver);
    struct wallet_row wallet;
    (void)kept_single(&before, PERSON_WALLET, &wallet, sizeof wallet);
    if (r->accepted.src == 1)
        reading_put_area(r, &giver->key, wallet.insu_admdvs, -r->accepted.amount);
    if (credited != r->accepted.amount)
        return reading_wrong(r, &giver->key, "credited is not what was accepted");
    if (r->entry->stamp_ms >= r->accepted.exp_ms)
        return reading_wrong(r, &giver->key, "a transfer is accepted past its end");
    if (!related(&before, &r->accepted.receiver, SIDE_GIVER))
        return reading_wrong(r, &giver->key, "a transfer is accepted without a relation");
    return true;
}

/* A transfer that a province refused was none, and where returned ones do not count they are taken
 * off the day. */
void reading_uncount(struct reading *r)
{
    struct kept_person *giver = reading_person(r) == NULL
                                    ? NULL
                                    : kept_map_find(&r->lane->persons, &reading_person(r)->key);
    struct wallet_row wallet;
    if (!r->has_accepted || giver == NULL || r->type == MESSAGE_TRSF_ACCEPT) return;
    (void)kept_single(giver, PERSON_WALLET, &wallet, sizeof wallet);
    const bool counts =
        r->said.stas != STAS_REFUSED &&
        lane_value(r->lane, PARAM_COUNT_RETURNED, wallet.insu_admdvs, r->entry->stamp_ms) != 0;
    if (counts || giver->day != civil_day(r->accepted.submitted_ms)) return;
    giver->count--;
    giver->sum -= r->accepted.amount;
}

bool reading_credits(struct reading *r)
{
    for (uint32_t i = 0; i < r->arrived_count; i++) {
        const struct effect *e = &r->arrived[i];
        const struct kept_person *person = kept_map_find(&r->lane->persons, &e->to);
        uint32_t at = 0;
        enum person_row kind;
        struct bytes row;
        if (e->kind != EFFECT_CREDIT || person == NULL) continue;
        while (kept_next(person, &at, &kind, &row)) {
            struct lot lot;
            if (kind != PERSON_LOT) continue;
            memcpy(&lot, row.data, sizeof lot);
            if (kept_same_key(&lot.from, &e->other) && lot.accepted_ms == e->at_ms &&
                !related(person, &lot.from, SIDE_RECEIVER)) {
                return reading_wrong(r, &e->to, "a credit under no relation");
            }
        }
    }
    return true;
}
