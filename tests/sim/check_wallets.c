#include "tests/sim/check_wallets.h"

#include <inttypes.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "codec/wallet.h"
#include "tests/sim/lived_wallets.h"
#include "tests/sim/pb.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"
#include "world/world.h"

#define TIMES_MAX 6
#define FACTS_MAX 64

/* The judgement under way. */
static struct {
    const struct asks *asks;
    const struct evidence *evidence;
    struct finding *finding;
    struct steps *steps;
    bool manual_clock;
} w;

/* A message with its answer. */
struct told {
    const struct sim_said *said;
    struct wallet_order order;
    struct bytes content;
    uint32_t code;
    bool dup;
    uint64_t seq;
    uint32_t fact_count; /* What the other person's shard could have said. */
    struct wallet_fact facts[FACTS_MAX];
    uint16_t last; /* What the model said at the last place it was asked at, for a finding. */
};

/* -- when it could have been decided ---------------------------------------------------------- */

/* Places of a shard's journal between what was known when somebody asked and what came after the
 * answer: behind the entry of that number. Only such are given at which wallets differ. */
struct places {
    uint32_t shard;
    uint64_t before;
    const uint64_t *moments;
    uint64_t count;
    uint64_t next;
    uint64_t at;
    bool begun;
};

static struct places places_of(uint32_t shard, uint64_t sent, uint64_t answered)
{
    struct places places = {.shard = shard};
    places.moments = lived_moments(shard, &places.count);
    asks_window(w.asks, shard, sent, answered, &places.at, &places.before);
    while (places.next < places.count && places.moments[places.next] <= places.at)
        places.next++;
    return places;
}

static bool next_place(struct places *places)
{
    if (!places->begun) {
        places->begun = true;
        return true;
    }
    if (places->next == places->count || places->moments[places->next] >= places->before)
        return false;
    places->at = places->moments[places->next++];
    return true;
}

static int64_t stamp_of(uint32_t shard, uint64_t seq)
{
    if (seq == 0) return w.manual_clock ? MANUAL_CLOCK_START_MS : 0;
    return w.evidence->shard[shard].entries[seq - 1].stamp_ms;
}

#define HOUR_MS INT64_C(3600000)

/* The first instant behind `ms` at which it is that hour in Shanghai. */
static int64_t hour_behind(int64_t ms, int64_t hour)
{
    const int64_t at = ms - (ms + 8 * HOUR_MS) % MS_PER_DAY + hour * HOUR_MS;
    return at > ms ? at : at + MS_PER_DAY;
}

/* What the shard's clock can have shown at a place; a system's clock moves on between entries. When
 * it jumped, it passed a day or a night that no entry fell into, and a refusal out of that may have
 * waited for a full disk until after it. */
static int times_at(const struct places *places, const struct sim_said *said, int64_t *out)
{
    const int64_t clock = stamp_of(places->shard, places->at);
    int count = 0;
    out[count++] = clock;
    if (w.manual_clock) return count;
    if (places->next < places->count)
        out[count++] = stamp_of(places->shard, places->moments[places->next]);
    if (said != NULL && said->sent_ms > clock) out[count++] = said->sent_ms;
    if (said != NULL && said->answered_ms > clock) {
        const int64_t since = said->sent_ms > clock ? said->sent_ms : clock;
        const int64_t noon = hour_behind(since, 12), midnight = hour_behind(clock, 0);
        out[count++] = said->answered_ms;
        if (noon < said->answered_ms) out[count++] = noon;
        if (midnight < said->answered_ms) out[count++] = midnight;
    }
    return count;
}

static int person_of(struct bytes key)
{
    for (int i = 0; i < w.steps->person_count && key.size == PSN_KEY_SIZE; i++) {
        if (memcmp(w.steps->persons[i].key.bytes, key.data, PSN_KEY_SIZE) == 0) return i;
    }
    return -1;
}

static uint32_t home_of(struct bytes key)
{
    struct psn_key psn;
    memcpy(psn.bytes, key.data, PSN_KEY_SIZE);
    return lived_home(&psn);
}

static void rows_at(struct bytes key, uint64_t place, struct steps_person *ret_rows)
{
    const int who = person_of(key);
    if (who >= 0) {
        lived_version(who, place, ret_rows);
    } else { /* Nothing was ever known of that one. */
        memset(ret_rows, 0, sizeof *ret_rows);
        memcpy(ret_rows->key.bytes, key.data, PSN_KEY_SIZE);
    }
}

static struct steps_ask ask_at(const struct places *places, const struct wallet_order *order,
                               int64_t now_ms)
{
    return (struct steps_ask){
        .steps = w.steps,
        .shard = places->shard,
        .asof = places->at,
        .order = order,
        .now_ms = now_ms,
        .time_known = !w.manual_clock || now_ms != MANUAL_CLOCK_START_MS,
    };
}

/* -- the other person's word ------------------------------------------------------------------ */

static void add_fact(const struct wallet_fact *fact, struct wallet_fact *facts, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (memcmp(&facts[i], fact, sizeof *fact) == 0) return;
    }
    if (*count < FACTS_MAX) facts[(*count)++] = *fact;
}

/* All that the other person's shard can have said in that time. */
static uint32_t facts_of(const struct wallet_order *order, const struct sim_said *said,
                         uint64_t sent, uint64_t answered, struct wallet_fact *out)
{
    static struct steps_person rows;
    static struct steps_answer answer;
    uint32_t count = 0;
    struct places places = places_of(home_of(order->other_key), sent, answered);
    while (next_place(&places)) {
        int64_t times[TIMES_MAX];
        const int time_count = times_at(&places, said, times);
        for (int i = 0; i < (order->type == MESSAGE_PREM_PAY ? time_count : 1); i++) {
            struct wallet_fact fact;
            const struct steps_ask ask = ask_at(&places, order, times[i]);
            rows_at(order->other_key, places.at, &rows);
            steps_fact(&ask, &rows, &fact, &answer);
            add_fact(&fact, out, &count);
        }
    }
    return count;
}

/* A fact in an entry was true at some point between the message's sending and now. */
static bool judge_facts(void)
{
    static struct wallet_fact facts[FACTS_MAX];
    uint32_t count;
    const struct quoted *quoted = lived_facts(&count);
    for (uint32_t i = 0; i < count; i++) {
        const struct quoted *q = &quoted[i];
        const struct steps_message *m = &w.steps->messages.list[q->message];
        const uint64_t sent = w.asks->times[q->shard].asked[q->seq - 1];
        const uint32_t fact_count = facts_of(&m->order, NULL, sent, UINT64_MAX, facts);
        uint32_t k = 0;
        while (k < fact_count && memcmp(&facts[k], &q->fact, sizeof q->fact) != 0)
            k++;
        if (k != fact_count) continue;
        return finding_set(w.finding,
                           "(H8) shard %u, seq %" PRIu64 ", type %04x: what it was told of the "
                           "other person was never so",
                           q->shard, q->seq, m->type);
    }
    return true;
}

/* -- what an answer says ---------------------------------------------------------------------- */

static uint32_t id_field(char letter)
{
    static const char letters[] = "WRTPVS"; /* wlt_id, rlts_id, … of WalletReply */
    const char *at = letter == '\0' ? NULL : strchr(letters, letter);
    return at == NULL ? 0 : (uint32_t)(10 + (at - letters));
}

static bool lots_are(struct bytes answer, const struct lot *used, uint32_t count)
{
    struct pb_field field;
    uint32_t seen = 0;
    while (pb_next(&answer, &field)) {
        if (field.number != 23) continue;
        if (seen == count || pb_get(field.bytes, 1) != used[seen].origin_admdvs ||
            pb_get_fen(field.bytes, 2) != used[seen].amount) {
            return false;
        }
        seen++;
    }
    return seen == count;
}

static bool says(struct bytes answer, const struct wallet_said *said, const struct lot *used,
                 uint32_t used_count)
{
    static const char *const stas[] = {"",         "DONE",     "HOLDING", "PENDING",
                                       "ACCEPTED", "DECLINED", "EXPIRED", "VOIDED",
                                       "REFUSED",  "ASKED",    "RETURNED"};
    const uint32_t field = id_field(said->id[0]);
    return bytes_equal(pb_get_bytes(answer, 9), bytes_of(stas[said->stas])) &&
           (field == 0 || bytes_equal(pb_get_bytes(answer, field), bytes_of(said->id))) &&
           bytes_equal(pb_get_bytes(answer, 16), bytes_of(said->order_no)) &&
           pb_get_fen(answer, 17) == said->amount && pb_get_fen(answer, 18) == said->balc &&
           (int64_t)pb_get(answer, 19) == said->exp_ms && pb_get(answer, 20) == said->number &&
           pb_get(answer, 21) == said->year && lots_are(answer, used, used_count);
}

/* -- one answer ------------------------------------------------------------------------------- */

static bool is_push(uint16_t type)
{
    return type == MESSAGE_INST_DIR_PUSH || type == MESSAGE_RULE_PUSH;
}

static bool is_told(const struct told *told, const struct steps_answer *a, uint64_t person_seq)
{
    if (told->code != 0) return a->code == told->code;
    if (a->code != 0 || !a->nothing || a->dup != told->dup) return false;
    if (!says(told->said->answer, &a->said, a->used, a->used_count)) return false;
    return told->seq == (a->first < 0 ? person_seq : w.steps->messages.list[a->first].seq);
}

/* Would the model have said so at that place and time, with any of the facts? */
static bool told_at(struct told *told, int who, struct steps_ask *ask)
{
    static struct steps_person rows;
    static struct steps_answer answer;
    uint16_t code;
    const bool two = two_stops(told->said->type);
    const int decider = steps_decider(ask, &code);
    if (decider < 0 && code != 0) {
        told->last = code;
        return told->code == code;
    }
    for (uint32_t i = 0; i < (two ? told->fact_count : 1); i++) {
        uint64_t seq = 0;
        if (two) ask->fact = &told->facts[i];
        if (who >= 0) seq = lived_version(who, ask->asof, &rows);
        steps_order(ask, who, &rows, &answer);
        told->last = answer.code;
        if (is_told(told, &answer, seq)) return true;
    }
    return false;
}

static bool told_somewhere(struct told *told, int who, uint32_t shard)
{
    struct places places = places_of(shard, told->said->sent, told->said->answered);
    while (next_place(&places)) {
        int64_t times[TIMES_MAX];
        const int time_count = times_at(&places, told->said, times);
        for (int i = 0; i < time_count; i++) {
            struct steps_ask ask = ask_at(&places, &told->order, times[i]);
            ask.content = told->content;
            ask.sender = told->said->province;
            /* Disputes are the clearing cycle's. */
            ask.disputed = told->code == ERROR_PAYMENT_DISPUTED;
            if (told->order.type == MESSAGE_RULE_PUSH) ask.rule = lived_rule(&told->order);
            if (told_at(told, who, &ask)) return true;
        }
    }
    return false;
}

/* Somebody else's name for things, or nobody's: asked with everything that ever was. */
static int decider_ever(const struct told *told, uint16_t *ret_code)
{
    struct places places = {.at = UINT64_MAX};
    const struct steps_ask ask = ask_at(&places, &told->order, 0);
    return steps_decider(&ask, ret_code);
}

static bool is_first(const struct told *told, uint32_t shard, const struct steps_message **ret_m)
{
    if (told->dup || told->seq == 0 || told->seq > w.evidence->shard[shard].count) return false;
    const int place = lived_message(shard, told->seq);
    if (place < 0) return false;
    *ret_m = &w.steps->messages.list[place];
    return (*ret_m)->type == told->said->type && (*ret_m)->sender == told->said->province &&
           bytes_equal((*ret_m)->order.msgid, told->order.msgid) &&
           bytes_equal((*ret_m)->content, told->content);
}

static bool judge_told(struct told *told)
{
    const struct sim_said *said = told->said;
    const struct steps_message *m;
    uint16_t code;
    const int who = decider_ever(told, &code);
    if (who < 0 && code != 0) {
        told->last = code;
        if (told->code == code) return true;
    } else {
        const uint32_t shard = who < 0 ? 0 : lived_home(&w.steps->persons[who].key);
        if (is_first(told, shard, &m)) {
            if (says(said->answer, &m->said, m->used, m->used_count)) return true;
            return finding_set(w.finding,
                               "(H8) the answer to type %04x, sent as %" PRIu64 ", does not say "
                               "what seq %" PRIu64 " of shard %u says",
                               said->type, said->sent, told->seq, shard);
        }
        if (two_stops(said->type)) {
            told->fact_count =
                facts_of(&told->order, said, said->sent, said->answered, told->facts);
        }
        if (told_somewhere(told, who, shard)) return true;
    }
    return finding_set(w.finding,
                       "(H8) type %04x, msgid %.*s, sent as %" PRIu64 ", was answered %u%s, and "
                       "nowhere between sending and answer the model says so (but %u)",
                       said->type, (int)told->order.msgid.size,
                       (const char *)told->order.msgid.data, said->sent, told->code,
                       told->dup ? " as a duplicate" : "", told->last);
}

/* Refusals that are not about wallets: what is too much at once, and a centre that stops. */
static bool decided(uint32_t code)
{
    return code != ERROR_OVERLOAD && code != ERROR_INTERNAL;
}

static bool judge_message(const struct sim_said *said)
{
    static struct told told;
    uint32_t field;
    told = (struct told){
        .said = said,
        .code = reply_code(said->answer),
        .dup = pb_get(said->answer, 4) != 0,
        .seq = pb_get(said->answer, 5),
    };
    if (!decided(told.code)) return true;
    const bool sound = wallet_order_decode(said->type, said->body, &told.order, &field);
    /* Of nonsense it is enough that it was refused. */
    if (!sound || told.order.msgid.size == 0) {
        return told.code != 0 || finding_set(w.finding,
                                             "(H8) what is no message of type %04x was "
                                             "taken",
                                             said->type);
    }
    told.content = lived_content(said->body);
    return judge_told(&told);
}

/* -- a settlement that would have paid ------------------------------------------------------- */

/* The wallet's code of a refused settlement; 0: it was refused for something else. */
static uint32_t wallet_code(struct bytes answer)
{
    struct pb_field field;
    while (pb_next(&answer, &field)) {
        if (field.number == 11 && is_of_wallet(field.bytes))
            return (uint32_t)pb_get(field.bytes, 1);
    }
    return 0;
}

/* Which of the two uses it is depends on the settlement's rules: either will do. */
static bool inline_refused_at(const struct places *places, const struct settlement *s,
                              int64_t now_ms, uint32_t code)
{
    static struct steps_person rows;
    static struct steps_answer answer;
    struct wallet_order order;
    for (uint32_t use = 1; use <= 2; use++) {
        lived_order_of(s, use, &order);
        const struct steps_ask ask = ask_at(places, &order, now_ms);
        rows_at(s->psn_key, places->at, &rows);
        steps_inline(&ask, person_of(s->psn_key), s->amounts[AMOUNT_WLT], &rows, &answer);
        if (answer.code == code) return true;
    }
    return false;
}

/* The wallet's part of a settlement's refusal; the rest is check_settlements.h's. */
static bool judge_inline(const struct ask *ask)
{
    struct settlement s = {0};
    uint32_t field;
    if (!ask->answered || ask->type != MESSAGE_SETL_POST) return true;
    const uint32_t code = wallet_code(ask->answer);
    if (code == 0 || !settlement_decode(ask->body, &s, &field)) return true;
    if (s.psn_key.size != PSN_KEY_SIZE) return true;
    struct places places = places_of(home_of(s.psn_key), ask->said->sent, ask->said->answered);
    while (next_place(&places)) {
        int64_t times[TIMES_MAX];
        const int time_count = times_at(&places, ask->said, times);
        for (int i = 0; i < time_count; i++) {
            if (inline_refused_at(&places, &s, times[i], code)) return true;
        }
    }
    return finding_set(w.finding,
                       "(H8) a settlement, msgid %.*s, sent as %" PRIu64 ", was refused with the "
                       "wallet's %u, and nowhere between sending and answer the model says so",
                       (int)s.msgid.size, (const char *)s.msgid.data, ask->said->sent, code);
}

/* -- a question ------------------------------------------------------------------------------- */

static void put_lots(struct pb *pb, const struct steps_person *p)
{
    for (uint32_t i = 0; i < p->lot_count; i++) {
        uint8_t room[256];
        struct pb one = {room, 0, sizeof room};
        const struct lot *lot = &p->lots[i];
        pb_put(&one, 1, lot->number);
        pb_put(&one, 2, lot->origin_admdvs);
        pb_fen(&one, 3, lot->amount);
        pb_put(&one, 4, (uint64_t)lot->accepted_ms);
        for (uint32_t k = 0; k < p->relation_count; k++) {
            const struct relation_row *row = &p->relations[k];
            if (row->side != SIDE_RECEIVER || memcmp(&row->other, &lot->from, PSN_KEY_SIZE) != 0)
                continue;
            pb_text(&one, 5, row->rlts_id);
            break;
        }
        pb_bytes(pb, 9, (struct bytes){room, one.size});
    }
}

static void put_transfers(struct pb *pb, const struct steps_person *p)
{
    uint8_t room[256];
    for (uint32_t i = 0; i < p->transfer_count; i++) {
        struct pb one = {room, 0, sizeof room};
        const struct transfer_row *row = &p->transfers[i];
        pb_text(&one, 1, row->trsf_id);
        pb_text(&one, 2, row->state == TRANSFER_HOLDING ? "HOLDING" : "PENDING");
        pb_fen(&one, 4, row->amount);
        pb_put(&one, 5, (uint64_t)row->exp_ms);
        pb_bytes(pb, 10, (struct bytes){room, one.size});
    }
    for (uint32_t i = 0; i < p->offer_count; i++) {
        struct pb one = {room, 0, sizeof room};
        const struct offer_row *row = &p->offers[i];
        pb_text(&one, 1, row->trsf_id);
        pb_text(&one, 2, "PENDING");
        pb_put(&one, 3, 1);
        pb_fen(&one, 4, row->amount);
        pb_put(&one, 5, (uint64_t)row->exp_ms);
        pb_put(&one, 6, row->giver_admdvs);
        pb_bytes(pb, 10, (struct bytes){room, one.size});
    }
}

static void put_relations(struct pb *pb, const struct steps_person *p)
{
    for (uint32_t i = 0; i < p->relation_count; i++) {
        uint8_t room[256];
        struct pb one = {room, 0, sizeof room};
        const struct relation_row *row = &p->relations[i];
        pb_text(&one, 1, row->rlts_id);
        pb_put(&one, 2, row->side);
        pb_put(&one, 3, row->rlts_code);
        pb_put(&one, 4, (uint64_t)row->since_ms);
        pb_bytes(pb, 11, (struct bytes){room, one.size});
    }
}

/* The WltQueryReply that the model would give. */
static void write_wallet(struct pb *pb, const struct steps_person *p, int64_t now_ms)
{
    static const char *const states[] = {"", "OPEN", "FROZEN", "CLOSING", "CLOSED"};
    const bool insured = p->insured.state != 0;
    const bool today = p->limits.day == steps_day(now_ms);
    pb_text(pb, 3, p->wallet.wlt_id);
    pb_text(pb, 4, states[p->wallet.state]);
    pb_put(pb, 5, insured ? p->insured.insu_admdvs : p->wallet.insu_admdvs);
    pb_put(pb, 6, p->wallet.use_loc_admdvs);
    pb_fen(pb, 7, steps_balance(p));
    pb_fen(pb, 8, steps_free_balance(p, now_ms));
    put_lots(pb, p);
    put_transfers(pb, p);
    put_relations(pb, p);
    pb_fen(pb, 12, p->hold.held);
    pb_fen(pb, 13, p->hold.consumed);
    pb_fen(pb, 14, p->hold.granted);
    pb_put(pb, 15, today ? p->limits.count : 0);
    pb_fen(pb, 16, today ? p->limits.sum : 0);
    pb_put(pb, 17, insured ? p->insured.insutype : p->wallet.insutype);
}

static bool shows(const struct sim_said *said, const struct steps_person *p, int64_t now_ms)
{
    static uint8_t room[64 * 1024];
    struct pb pb = {room, 0, sizeof room};
    const uint32_t code = reply_code(said->answer);
    const uint32_t area = p->insured.state != 0 ? p->insured.insu_admdvs : p->wallet.insu_admdvs;
    if (p->wallet.state == WALLET_NONE) return code == ERROR_NOT_FOUND;
    if (said->province != 0 && area / 10000 != said->province) return code == ERROR_NOT_PERMITTED;
    write_wallet(&pb, p, now_ms);
    return bytes_equal(said->answer, (struct bytes){room, pb.size});
}

/* What a wallet showed is what it was at some place between question and answer. */
static bool judge_question(const struct sim_said *said)
{
    static struct steps_person rows;
    const struct bytes key = pb_get_bytes(said->body, 4);
    if (key.size != PSN_KEY_SIZE || !decided(reply_code(said->answer))) return true;
    struct places places = places_of(home_of(key), said->sent, said->answered);
    while (next_place(&places)) {
        int64_t times[TIMES_MAX];
        const int time_count = times_at(&places, said, times);
        rows_at(key, places.at, &rows);
        for (int i = 0; i < time_count; i++) {
            if (shows(said, &rows, times[i])) return true;
        }
    }
    return finding_set(w.finding,
                       "(H8) the wallet that was asked for as %" PRIu64
                       " was never so between question and answer (code %u)",
                       said->sent, reply_code(said->answer));
}

/* -- everything ------------------------------------------------------------------------------- */

static bool is_wallet_message(uint16_t type)
{
    const uint32_t group = type >> 8;
    if (type == MESSAGE_OUTBOX_GET || type == MESSAGE_OUTBOX_ACK) return false;
    return group == 2 || group == 3 || type == MESSAGE_AUTH_SWITCH_PUSH ||
           type == MESSAGE_FILING_PUSH || is_push(type);
}

bool judge_wallets(const struct asks *asks, const struct evidence *evidence,
                   struct sim_history *history, bool manual_clock, struct finding *finding)
{
    w.asks = asks;
    w.evidence = evidence;
    w.finding = finding;
    w.manual_clock = manual_clock;
    w.steps = lived_steps();
    if (!judge_facts()) return false;
    for (uint32_t i = 0; i < sim_history_count(history); i++) {
        const struct sim_said *said = sim_history_at(history, i);
        if (said->answered == 0 || said->answer_type == MESSAGE_ERROR) continue;
        if (is_wallet_message(said->type) && !judge_message(said)) return false;
        if (said->type == MESSAGE_WLT_QUERY && !judge_question(said)) return false;
    }
    for (uint32_t i = 0; i < asks->count; i++) {
        if (!judge_inline(&asks->list[i])) return false;
    }
    return true;
}
