#include "tests/sim/check_questions.h"

#include <inttypes.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "codec/person.h"
#include "tests/model/model_questions.h"
#include "tests/sim/lived_wallets.h"
#include "tests/sim/pb.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

#define PLACES_MAX 8192
#define TIMES_MAX  3
#define DAYS_MAX   366
#define EASY_LOOKS                                                                 \
    250 /* A shard with so few entries answers at one place; others may come back. \
         */

static struct {
    struct questioned about;
    uint32_t begin; /* The person's questions. */
    uint32_t end;
    int items; /* Of the whole list. */

    /* Of the question at hand. */
    const struct sim_said *said;
    struct person_question asked;
    struct psn_key key;
    bool sliced; /* It may have been answered in several calls. */
    uint64_t places[PLACES_MAX];
    uint32_t place_count;
} q;

/* -- when it could have been answered --------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void add_place(uint64_t seq, uint64_t after, uint64_t before)
{
    if (seq <= after || seq >= before) return;
    ENSURE(q.place_count < PLACES_MAX);
    q.places[q.place_count++] = seq;
}

/* Behind each of these entries something else may be answered. */
static void find_places(void)
{
    uint64_t after, before, count;
    const uint64_t *moments = lived_moments(q.about.shard_index, &count);
    asks_window(q.about.asks, q.about.shard_index, q.said->sent, q.said->answered, &after, &before);
    q.places[0] = after;
    q.place_count = 1;
    for (uint64_t i = 0; i < count; i++)
        add_place(moments[i], after, before);
    for (int i = 0; i < q.items; i++)
        add_place(q.about.seqs[i], after, before);
    qsort(q.places, q.place_count, sizeof q.places[0], by_number);
    q.sliced = before > EASY_LOOKS;
}

/* Items up to an entry. */
static int items_at(uint64_t place)
{
    int count = 0;
    while (count < q.items && q.about.seqs[count] <= place)
        count++;
    return count;
}

static int64_t clock_at(uint64_t place)
{
    if (place == 0) return q.about.manual_clock ? MANUAL_CLOCK_START_MS : 0;
    return q.about.shard->entries[place - 1].stamp_ms;
}

/* What the shard's clock can have shown behind an entry. */
static int times_at(uint64_t place, int64_t out[TIMES_MAX])
{
    int count = 0;
    out[count++] = clock_at(place);
    if (q.about.manual_clock) return count;
    if (q.said->sent_ms > out[0]) out[count++] = q.said->sent_ms;
    if (q.said->answered_ms > out[0]) out[count++] = q.said->answered_ms;
    return count;
}

/* -- who may see ------------------------------------------------------------------------------ */

static int person_of_key(void)
{
    const struct steps *steps = lived_steps();
    for (int i = 0; i < steps->person_count; i++) {
        if (memcmp(&steps->persons[i].key, &q.key, sizeof q.key) == 0) return i;
    }
    return -1;
}

/* Where the person's wallet or state says that it is insured; 0: nobody has said. */
static uint32_t insured_area_at(uint64_t place)
{
    static struct steps_person rows;
    const int who = person_of_key();
    if (who < 0) return 0;
    (void)lived_version(who, place, &rows);
    return rows.insured.state != 0 ? rows.insured.insu_admdvs : rows.wallet.insu_admdvs;
}

static bool is_own(uint32_t area)
{
    return q.said->province == 0 || area / 10000 == q.said->province;
}

/* -- settlements, page by page ---------------------------------------------------------------- */

static bool same_record(struct bytes bytes, const struct settlement *s)
{
    struct settlement told = {0};
    uint32_t field;
    return settlement_decode(bytes, &told, &field) && settlement_same(&told, s) &&
           bytes_equal(told.msgid, s->msgid);
}

static bool is_shown(int item)
{
    return model_is_shown(q.about.model, item, q.said->province, q.asked.from_ms, q.asked.to_ms);
}

/* The list as it stands now, below item `below`, is what the page and its token say. */
static bool is_page(int below)
{
    struct bytes rest = q.said->answer;
    struct pb_field field;
    uint32_t given = 0;
    int item = below;
    bool more = false;
    while (pb_next(&rest, &field)) {
        if (field.number != 3) continue;
        do
            item--;
        while (item >= 0 && !is_shown(item));
        if (item < 0 || !same_record(field.bytes, &q.about.model->items[item].s)) return false;
        given++;
    }
    for (int i = item - 1; i >= 0 && !more; i--)
        more = is_shown(i);
    const bool token = pb_get_bytes(q.said->answer, 4).size != 0;
    if (given > q.asked.limit || (more && !token)) return false;
    if (token == more && (given == q.asked.limit || !more)) return true;
    return q.sliced && token && given != 0; /* As far as a call could look. */
}

/* With that page somebody was given the token of this question. */
static bool gave_token(const struct sim_said *said)
{
    struct person_question other;
    char why[QUESTION_WHY_SIZE];
    return said->type == q.said->type && said->province == q.said->province &&
           said->answered != 0 &&
           bytes_equal(pb_get_bytes(said->answer, 4), bytes_of(q.asked.page_token)) &&
           person_question_decode(said->type, said->body, &other, why) &&
           other.from_ms == q.asked.from_ms && other.to_ms == q.asked.to_ms &&
           other.kind == q.asked.kind;
}

static struct bytes last_row(struct bytes answer)
{
    struct bytes last = {0};
    struct pb_field field;
    while (pb_next(&answer, &field)) {
        if (field.number == 3) last = field.bytes;
    }
    return last;
}

/* The last item of the page that a token came with; -1: nobody was given it. */
static int token_item(void)
{
    for (uint32_t i = q.begin; i < q.end; i++) {
        const struct sim_said *said = q.about.asks->questions[i].said;
        if (!gave_token(said)) continue;
        const struct bytes last = last_row(said->answer);
        for (int k = 0; k < q.items; k++) {
            const struct model_item *item = &q.about.model->items[k];
            if (item->kind <= MODEL_REFUND && same_record(last, &item->s)) return k;
        }
    }
    return -1;
}

static bool is_too_wide(int64_t now_ms)
{
    const int64_t to = q.asked.to_ms != 0 ? q.asked.to_ms : now_ms;
    return q.asked.from_ms != 0 && to - q.asked.from_ms > DAYS_MAX * MS_PER_DAY;
}

/* Asked at one place, and, when it came back, answered at that one or a later one. */
static bool records_from(uint32_t first, int token)
{
    int64_t times[TIMES_MAX];
    const uint32_t code = reply_code(q.said->answer);
    const int time_count = times_at(q.places[first], times);
    for (int i = 0; i < time_count; i++) {
        const uint32_t want = is_too_wide(times[i])                        ? ERROR_RANGE_TOO_WIDE
                              : q.asked.page_token[0] != '\0' && token < 0 ? ERROR_MALFORMED
                                                                           : ERROR_OK;
        if (code != want) continue;
        if (code != ERROR_OK) return true;
        const int below = token >= 0 ? token : items_at(q.places[first]);
        for (uint32_t k = first; k < q.place_count && (k == first || q.sliced); k++) {
            q.about.model->count = items_at(q.places[k]);
            if (is_page(below)) return true;
        }
    }
    return false;
}

static bool records_are(void)
{
    const int token = q.asked.page_token[0] == '\0' ? -1 : token_item();
    for (uint32_t i = 0; i < q.place_count; i++) {
        if (records_from(i, token)) return true;
    }
    return false;
}

/* -- what happened to a wallet, page by page -------------------------------------------------- */

/* The order in which things are told: newest entry first, within it as they happened. */
struct telling {
    const struct tale *list; /* Oldest first. */
    uint32_t count;
    uint32_t *order; /* Places in `list`; malloc'ed. */
};

static struct telling telling_begin(void)
{
    struct telling t = {0};
    const int who = person_of_key();
    if (who >= 0) t.list = lived_tales(who, &t.count);
    t.order = calloc(t.count + 1, sizeof *t.order);
    ENSURE(t.order != NULL);
    for (uint32_t end = t.count, next = 0; end != 0;) {
        uint32_t first = end - 1;
        while (first != 0 && t.list[first - 1].seq == t.list[end - 1].seq)
            first--;
        for (uint32_t i = first; i < end; i++)
            t.order[next++] = i;
        end = first;
    }
    return t;
}

static bool same_tale(struct bytes told, const struct tale *tale)
{
    uint8_t room[256];
    struct pb pb = {room, 0, sizeof room};
    pb_put(&pb, 1, tale->seq);
    pb_put(&pb, 2, (uint64_t)tale->at_ms);
    pb_text(&pb, 3, tale->kind);
    pb_text(&pb, 4, tale->what);
    pb_text(&pb, 5, tale->id);
    pb_fen(&pb, 6, tale->amount);
    pb_put(&pb, 7, tale->admdvs);
    pb_text(&pb, 8, tale->ref);
    return bytes_equal(told, (struct bytes){room, pb.size});
}

static bool is_wanted(const struct tale *tale, uint64_t place)
{
    const char *kind = wallet_record_kind_name(q.asked.kind);
    return tale->seq <= place && tale->at_ms >= q.asked.from_ms &&
           (q.asked.to_ms == 0 || tale->at_ms <= q.asked.to_ms) &&
           (kind[0] == '\0' || strcmp(kind, tale->kind) == 0);
}

/* Those known behind an entry, from the n-th on, are what the page and its token say. */
static bool is_tale_page(const struct telling *t, uint32_t from, uint64_t place)
{
    struct bytes rest = q.said->answer;
    struct pb_field field;
    uint32_t given = 0, next = from;
    bool more = false;
    while (pb_next(&rest, &field)) {
        if (field.number != 3) continue;
        while (next < t->count && !is_wanted(&t->list[t->order[next]], place))
            next++;
        if (next == t->count || !same_tale(field.bytes, &t->list[t->order[next]])) return false;
        next++;
        given++;
    }
    for (; next < t->count && !more; next++)
        more = is_wanted(&t->list[t->order[next]], place);
    const bool token = pb_get_bytes(q.said->answer, 4).size != 0;
    if (given > q.asked.limit || (more && !token)) return false;
    if (token == more && (given == q.asked.limit || !more)) return true;
    return q.sliced && token && given != 0;
}

/* Behind which one the page begins: that which a token came behind; UINT32_MAX: nobody was given
 * it. */
static uint32_t tale_behind(const struct telling *t)
{
    for (uint32_t i = q.begin; i < q.end; i++) {
        const struct sim_said *said = q.about.asks->questions[i].said;
        if (!gave_token(said)) continue;
        const struct bytes last = last_row(said->answer);
        for (uint32_t k = 0; k < t->count; k++) {
            if (same_tale(last, &t->list[t->order[k]])) return k + 1;
        }
    }
    return UINT32_MAX;
}

/* What is refused behind an entry; the list itself only grows. */
static uint32_t tales_refused_at(uint64_t place, int64_t now_ms, bool bad_token)
{
    static struct steps_person rows;
    const int who = person_of_key();
    memset(&rows, 0, sizeof rows);
    if (who >= 0) (void)lived_version(who, place, &rows);
    if (rows.wallet.state == WALLET_NONE) return ERROR_NOT_FOUND;
    if (!is_own(insured_area_at(place))) return ERROR_NOT_PERMITTED;
    if (is_too_wide(now_ms)) return ERROR_RANGE_TOO_WIDE;
    return bad_token ? ERROR_MALFORMED : ERROR_OK;
}

static bool tales_at(const struct telling *t, uint64_t place, uint32_t behind)
{
    int64_t times[TIMES_MAX];
    const uint32_t code = reply_code(q.said->answer);
    const int count = times_at(place, times);
    for (int i = 0; i < count; i++) {
        if (tales_refused_at(place, times[i], behind == UINT32_MAX) != code) continue;
        if (code != ERROR_OK || is_tale_page(t, behind, place)) return true;
    }
    return false;
}

static bool tales_are(void)
{
    struct telling t = telling_begin();
    const uint32_t behind = q.asked.page_token[0] == '\0' ? 0 : tale_behind(&t);
    bool good = false;
    for (uint32_t i = 0; i < q.place_count && !good; i++)
        good = tales_at(&t, q.places[i], behind);
    free(t.order);
    return good;
}

/* -- a year ----------------------------------------------------------------------------------- */

static bool same_part(const struct model_year *a, const struct model_year *b)
{
    return a->count == b->count && a->medfee == b->medfee && a->fund == b->fund &&
           a->in_scope == b->in_scope && a->full == b->full;
}

/* The reply says those figures, with what holds for the year as it was known at a place. */
static bool says_year(const struct model_year *year, uint64_t place)
{
    const struct bytes answer = q.said->answer;
    const int64_t end_ms = civil_month_start_ms((q.asked.year + 1) * 100 + 1) - 1;
    const uint32_t shard = q.about.shard_index;
    const int64_t from = steps_rule(lived_steps(), shard, place, PARAM_DEDUCT_FROM, end_ms);
    const int64_t most = steps_rule(lived_steps(), shard, place, PARAM_DEDUCT_MAX, end_ms);
    const int64_t above = year->in_scope > from ? year->in_scope - from : 0;
    int64_t times[TIMES_MAX];
    bool complete = false, running = false;
    const int count = times_at(place, times);
    for (int i = 0; i < count; i++) {
        complete = complete || times[i] > end_ms;
        running = running || times[i] <= end_ms;
    }
    const bool says_complete = pb_get(answer, 11) != 0;
    return (says_complete ? complete : running) &&
           reply_code(answer) == (says_complete ? ERROR_OK : ERROR_YEAR_INCOMPLETE) &&
           pb_get(answer, 3) == year->count && pb_get_fen(answer, 4) == year->medfee &&
           pb_get_fen(answer, 5) == year->fund && pb_get_fen(answer, 6) == year->in_scope &&
           pb_get_fen(answer, 7) == year->full &&
           pb_get_fen(answer, 8) == (above < most ? above : most) &&
           pb_get_fen(answer, 9) == from && pb_get_fen(answer, 10) == most;
}

static struct model_year part_at(int item, uint64_t place)
{
    q.about.model->count = items_at(place);
    return model_year_part(q.about.model, item);
}

/* The settlements below `item` are added, each as it was at place `from` or, when the answer took
 * several calls, at a later one. */
static bool year_adds_up(struct model_year sum, int item, uint32_t from)
{
    do
        item--;
    while (item >= 0 && model_year_of(q.about.model, item) != q.asked.year);
    struct model_year before = {0};
    for (uint32_t i = from; i < q.place_count && (i == from || q.sliced); i++) {
        if (item < 0) {
            if (says_year(&sum, q.places[i])) return true;
            continue;
        }
        const struct model_year part = part_at(item, q.places[i]);
        if (i != from && same_part(&part, &before)) continue; /* Sooner leaves more to come. */
        before = part;
        const struct model_year next = {
            sum.count + part.count,       sum.medfee + part.medfee, sum.fund + part.fund,
            sum.in_scope + part.in_scope, sum.full + part.full,
        };
        if (year_adds_up(next, item, i)) return true;
    }
    return false;
}

/* A province sees the years of its own; where no wallet says whose one is, the records do. */
static bool may_see_year(uint64_t place)
{
    const uint32_t area = insured_area_at(place);
    if (q.said->province == 0 || area != 0) return is_own(area);
    const int count = items_at(place);
    for (int i = 0; i < count; i++) {
        if (model_year_of(q.about.model, i) == q.asked.year &&
            !is_own(q.about.model->items[i].s.insu_admdvs)) {
            return false;
        }
    }
    return true;
}

static bool year_is(void)
{
    for (uint32_t i = 0; i < q.place_count; i++) {
        const bool sees = may_see_year(q.places[i]);
        if (reply_code(q.said->answer) == ERROR_NOT_PERMITTED
                ? !sees
                : sees && year_adds_up((struct model_year){0}, items_at(q.places[i]), i)) {
            return true;
        }
    }
    return false;
}

/* -- one settlement --------------------------------------------------------------------------- */

/* What the wallet paid under the settlement's number. */
struct beside {
    int payment; /* Place in steps.payments, -1: nothing. */
    int64_t left;
    uint32_t used_count;
    struct lot used[PAY_LOTS_MAX];
};

static const struct steps_message *message_of(uint64_t seq)
{
    const int place = lived_message(q.about.shard_index, seq);
    return place < 0 ? NULL : &lived_steps()->messages.list[place];
}

static int payment_beside(const struct settlement *s, uint64_t place)
{
    const struct steps *steps = lived_steps();
    const int who = person_of_key();
    for (int i = 0; i < steps->payments.count && who >= 0; i++) {
        const struct steps_payment *p = &steps->payments.list[i];
        if (p->person != who || p->seq > place || p->type == MESSAGE_PREM_PAY) continue;
        const struct steps_message *m = message_of(p->seq);
        if (m != NULL && bytes_equal(m->order.setl_id, s->setl_id) &&
            p->place / 10000 == s->mdtrtarea_admvs / 10000) {
            return i;
        }
    }
    return -1;
}

static void take_off(struct beside *beside, const struct steps_message *reversal)
{
    for (uint32_t i = 0; i < reversal->used_count; i++) {
        for (uint32_t k = 0; k < beside->used_count; k++) {
            if (beside->used[k].number == reversal->used[i].number)
                beside->used[k].amount -= reversal->used[i].amount;
        }
    }
}

/* What was taken back of its lots before the settlement came was never paid for it. */
static struct beside find_beside(const struct settlement *s, uint64_t settled, uint64_t place)
{
    const struct steps *steps = lived_steps();
    struct beside beside = {.payment = payment_beside(s, place)};
    if (beside.payment < 0) return beside;
    const struct steps_payment *p = &steps->payments.list[beside.payment];
    beside.left = p->amount;
    beside.used_count = p->used_count;
    memcpy(beside.used, p->used, sizeof beside.used);
    for (int i = 0; i < steps->reversals.count; i++) {
        const struct steps_reversal *r = &steps->reversals.list[i];
        if (r->payment != beside.payment || r->seq > place) continue;
        beside.left -= r->amount;
        const struct steps_message *m = message_of(r->seq);
        if (m == NULL || r->seq >= settled || m->type != MESSAGE_WLT_PAY_REVERSE) continue;
        take_off(&beside, m);
    }
    return beside;
}

static void write_lots(struct pb *pb, const struct beside *beside)
{
    uint32_t provinces[PAY_LOTS_MAX], count = 0;
    int64_t sums[PAY_LOTS_MAX];
    for (uint32_t i = 0; i < beside->used_count; i++) {
        const uint32_t province = beside->used[i].origin_admdvs / 10000;
        uint32_t k = 0;
        if (beside->used[i].amount == 0) continue;
        while (k < count && provinces[k] != province)
            k++;
        if (k == count) {
            provinces[count] = province;
            sums[count++] = 0;
        }
        sums[k] += beside->used[i].amount;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint8_t room[32];
        struct pb one = {room, 0, sizeof room};
        pb_put(&one, 1, provinces[i]);
        pb_fen(&one, 2, sums[i]);
        pb_bytes(pb, 8, (struct bytes){room, one.size});
    }
}

/* A row of the chain; `period` is the month of what it is. */
static void write_step(struct pb *pb, const struct model_step *step, int64_t at_ms, uint32_t period)
{
    uint8_t room[256];
    struct pb one = {room, 0, sizeof room};
    pb_bytes(&one, 1, step->id);
    pb_text(&one, 2, step->what);
    pb_put(&one, 3, (uint64_t)at_ms);
    pb_fen(&one, 4, step->sums.medfee);
    pb_fen(&one, 5, step->sums.fund);
    pb_fen(&one, 6, step->sums.acct);
    pb_fen(&one, 7, step->sums.wlt);
    pb_fen(&one, 8, step->sums.cash);
    pb_put(&one, 9, period);
    pb_bytes(pb, 9, (struct bytes){room, one.size});
}

/* The month in the n-th row that was told: a wallet's month is not the model's. */
static uint32_t month_told(uint32_t n)
{
    struct bytes rest = q.said->answer;
    struct pb_field field;
    while (pb_next(&rest, &field)) {
        if (field.number == 9 && n-- == 0) return (uint32_t)pb_get(field.bytes, 9);
    }
    return 0;
}

/* True when a refund in the chain says the same: one taking back, sent twice. */
static bool is_refunds(const struct model_step *chain, uint32_t count, struct bytes number)
{
    for (uint32_t i = 0; i < count; i++) {
        if (chain[i].sums.wlt != 0 && bytes_equal(chain[i].id, number)) return true;
    }
    return false;
}

/* Rows of a chain in the order in which their entries stand in the shard. */
struct told {
    uint32_t count;
    uint64_t seqs[MODEL_STEPS_MAX];
    struct model_step steps[MODEL_STEPS_MAX];
};

static void tell(struct told *told, uint64_t seq, const struct model_step *step)
{
    uint32_t place = told->count++;
    for (; place != 0 && told->seqs[place - 1] > seq; place--) {
        told->seqs[place] = told->seqs[place - 1];
        told->steps[place] = told->steps[place - 1];
    }
    told->seqs[place] = seq;
    told->steps[place] = *step;
}

/* Between cash and wallet, with nothing but the wallet. */
static void tell_wallet(struct told *told, uint64_t seq, struct bytes id, const char *what,
                        int64_t amount, struct model_sums *left)
{
    const struct model_step step = {-1, id, what, {.wlt = amount, .cash = -amount}};
    tell(told, seq, &step);
    left->wlt += amount;
    left->cash -= amount;
}

/* What was taken back of the wallet and is no refund's, and what else the wallet has paid and no
 * record says. */
static void tell_beside(struct told *told, const struct beside *beside, uint64_t settled,
                        uint64_t place, struct model_sums *left)
{
    const struct steps *steps = lived_steps();
    const uint32_t records = told->count;
    static struct model_step chain[MODEL_STEPS_MAX];
    memcpy(chain, told->steps, records * sizeof chain[0]);
    for (int i = 0; i < steps->reversals.count; i++) {
        const struct steps_reversal *r = &steps->reversals.list[i];
        if (r->payment != beside->payment || r->seq <= settled || r->seq > place) continue;
        const struct steps_message *m = message_of(r->seq);
        if (m == NULL || m->type != MESSAGE_WLT_PAY_REVERSE ||
            is_refunds(chain, records, m->order.client_no)) {
            continue;
        }
        tell_wallet(told, r->seq, m->order.client_no, "wallet", -r->amount, left);
    }
    if (left->wlt == beside->left) return;
    const struct steps_payment *p = &steps->payments.list[beside->payment];
    tell_wallet(told, p->seq, bytes_of(p->id), "payment", beside->left - left->wlt, left);
}

/* The chain with what the wallet did by itself in between; *left has that, too. */
static void write_chain(struct pb *pb, int item, const struct beside *beside, uint64_t place,
                        struct model_sums *left)
{
    static struct model_step chain[MODEL_STEPS_MAX];
    static struct told told;
    const uint32_t count = model_chain(q.about.model, item, chain);
    told.count = 0;
    for (uint32_t i = 0; i < count; i++)
        tell(&told, q.about.seqs[chain[i].item], &chain[i]);
    if (beside->payment >= 0) tell_beside(&told, beside, q.about.seqs[item], place, left);
    for (uint32_t i = 0; i < told.count; i++) {
        const struct entry *entry = &q.about.shard->entries[told.seqs[i] - 1];
        const bool of_wallet = told.steps[i].item < 0;
        write_step(pb, &told.steps[i], entry->stamp_ms, of_wallet ? month_told(i) : entry->period);
    }
}

/* The StmtGetReply that the model would give, behind the settlement itself. */
static void write_statement(struct pb *pb, int item, uint64_t place)
{
    const struct model *model = q.about.model;
    const struct settlement *s = &model->items[item].s;
    const struct entry *entry = &q.about.shard->entries[q.about.seqs[item] - 1];
    const struct beside beside = find_beside(s, entry->seq, place);
    struct model_sums left = model_left(model, item);
    pb_text(pb, 4,
            model_is_cancelled(model, item)     ? "REVERSED"
            : model_cut_after(model, item) != 0 ? "CLEARING"
                                                : "ACCRUED");
    pb_put(pb, 5, entry->period);
    pb_put(pb, 6, (uint64_t)entry->stamp_ms);
    write_lots(pb, &beside);
    write_chain(pb, item, &beside, place, &left);
    pb_fen(pb, 10, left.medfee);
    pb_fen(pb, 11, left.fund);
    pb_fen(pb, 12, left.acct);
    pb_fen(pb, 13, left.wlt);
    pb_fen(pb, 14, left.cash);
}

static bool says_statement(int item, uint64_t place)
{
    static uint8_t room[64 * 1024];
    struct pb pb = {room, 0, sizeof room};
    struct bytes rest = q.said->answer;
    struct pb_field field;
    if (!pb_next(&rest, &field) || field.number != 3 ||
        !same_record(field.bytes, &q.about.model->items[item].s)) {
        return false;
    }
    write_statement(&pb, item, place);
    return bytes_equal(rest, (struct bytes){room, pb.size});
}

static bool statement_at(uint64_t place)
{
    struct model *model = q.about.model;
    const struct bytes setl_id = bytes_of(q.asked.setl_id);
    const struct bytes key = {q.key.bytes, PSN_KEY_SIZE};
    const uint32_t code = reply_code(q.said->answer);
    model->count = items_at(place);
    int item = model_find_setl_id(model, q.asked.area, setl_id, key);
    if (item < 0) return code == ERROR_NOT_FOUND; /* Also where somebody else has that id. */
    if (model->items[item].kind == MODEL_REFUND) item = model->items[item].target;
    const struct settlement *s = &model->items[item].s;
    if (!is_own(s->insu_admdvs) && !is_own(s->mdtrtarea_admvs)) return code == ERROR_NOT_PERMITTED;
    return code == ERROR_OK && says_statement(item, place);
}

static bool statement_is(void)
{
    for (uint32_t i = 0; i < q.place_count; i++) {
        if (statement_at(q.places[i])) return true;
    }
    return false;
}

/* -- a question ------------------------------------------------------------------------------- */

static bool is_right(void)
{
    switch (q.said->type) {
    case MESSAGE_WLT_RECORDS:
        return tales_are();
    case MESSAGE_SETL_RECORDS:
        return records_are();
    case MESSAGE_YEAR_SUM_GET:
        return year_is();
    case MESSAGE_STMT_GET:
        return statement_is();
    default:
        return true;
    }
}

static bool judge(const struct sim_said *said, struct finding *finding)
{
    char why[QUESTION_WHY_SIZE];
    const uint32_t code = reply_code(said->answer);
    q.said = said;
    if (!person_question_decode(said->type, said->body, &q.asked, why)) {
        return code == ERROR_MALFORMED ||
               finding_set(finding, "(H10) what is no question of type %04x was answered %u",
                           said->type, code);
    }
    find_places();
    const bool good = is_right();
    q.about.model->count = q.items;
    return good || finding_set(finding,
                               "(H10) the answer to type %04x, sent as %" PRIu64
                               " (code %u), is the model's nowhere between seq %" PRIu64
                               " and %" PRIu64 " of shard %u",
                               said->type, said->sent, code, q.places[0],
                               q.places[q.place_count - 1], q.about.shard_index);
}

bool judge_questions(const struct questioned *about, uint32_t begin, uint32_t end,
                     struct finding *finding)
{
    q.about = *about;
    q.items = about->model->count;
    q.begin = begin;
    q.end = end;
    for (uint32_t i = begin; i < end; i++) {
        const struct ask *ask = &about->asks->questions[i];
        if (!ask->answered) continue;
        memcpy(q.key.bytes, ask->psn, PSN_KEY_SIZE);
        if (!judge(ask->said, finding)) return false;
    }
    return true;
}
