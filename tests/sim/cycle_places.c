#include <stdlib.h>

#include "tests/sim/cycle_walk.h"
#include "types/ensure.h"
#include "types/wire.h"

bool places_look_at(const struct order *order, const struct record_facts *facts)
{
    const struct cell_key cell = desk_cell(facts);
    switch (order->type) {
    case MESSAGE_RECOVERY:
    case MESSAGE_DISPUTE_OPEN:
        return desk_same_ref(&order->ref, &facts->ref);
    case MESSAGE_CLR_CONFIRM:
        for (uint32_t i = 0; i < order->row_count; i++) {
            if (desk_same_ref(&order->confirms[i].ref, &facts->ref)) return true;
        }
        return false;
    case MESSAGE_RECON_DAY:
        for (uint32_t i = 0; i < order->row_count; i++) {
            struct cell_key its = order->totals[i].cell;
            its.period = order->period;
            if (memcmp(&its, &cell, sizeof cell) == 0) return true;
        }
        return false;
    case MESSAGE_RECON_LIST:
        return facts->day == order->day && facts->payer == order->payer &&
               facts->payee == order->payee;
    default:
        return false;
    }
}

static void add_place(struct places *places, uint32_t shard, uint64_t seq)
{
    uint32_t *count = &places->count[shard];
    for (uint32_t i = 0; i < *count; i++) {
        if (places->at[shard][i] == seq) return;
    }
    if (*count == PLACES_MAX)
        places->too_many = true;
    else
        places->at[shard][(*count)++] = seq;
}

struct places *places_find(const struct asked *asked, uint64_t answered, uint64_t decided)
{
    struct places *places = calloc(1, sizeof *places);
    uint64_t low[EVIDENCE_SHARDS_MAX], high[EVIDENCE_SHARDS_MAX];
    ENSURE(places != NULL);
    for (uint32_t s = 0; s < walk.evidence->shards; s++) {
        asks_window(walk.asks, s, asked->said->sent, answered, &low[s], &high[s]);
        if (s == 0 && decided != 0 && decided < high[s]) high[s] = decided;
        high[s]--;
        add_place(places, s, high[s]);
        add_place(places, s, low[s]);
    }
    for (uint32_t i = 0; i < walk.model->records.count; i++) {
        const struct desk_record *record = &walk.model->records.list[i];
        const uint32_t s = record->facts.shard;
        const uint64_t at[] = {record->facts.seq, record->taken_back};
        if (!places_look_at(&asked->order, &record->facts)) continue;
        for (int k = 0; k < 2; k++) {
            if (at[k] > low[s] && at[k] <= high[s]) add_place(places, s, at[k]);
        }
    }
    return places;
}

bool places_take(const struct places *places, uint32_t n, uint64_t ret_upto[])
{
    for (uint32_t s = 0; s < walk.evidence->shards; s++) {
        ret_upto[s] = places->at[s][n % places->count[s]];
        n /= places->count[s];
    }
    return n == 0;
}
struct desk_view places_view(const uint64_t *upto, int64_t now_ms)
{
    return (struct desk_view){
        .upto = upto,
        .cut_through = walk.cut_through,
        .closed_year = walk.closed_year,
        .now_ms = now_ms,
    };
}
