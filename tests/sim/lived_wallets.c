#include "tests/sim/lived_wallets.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/mail.h"
#include "codec/messages.h"
#include "codec/wallet.h"
#include "tests/sim/lived_rows.h"
#include "tests/sim/pb.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"
#include "wallet/ops.h"
#include "world/world.h"

#define ITEMS_MAX 64 /* Of mail in one entry. */

/* Rows of a person as they were behind an entry. */
struct version {
    uint64_t seq;
    struct steps_person rows;
};

/* A person's life. */
struct life_of {
    uint32_t count;
    uint32_t room;
    struct version *list;
    uint32_t tale_count;
    uint32_t tale_room;
    struct tale *tales;
};

/* Effects on their way from one shard to another, in order. */
struct queue {
    struct effect *list;
    uint32_t count;
    uint32_t room;
    uint32_t taken;
};

static struct steps steps;

static struct {
    const struct evidence *evidence;
    struct finding *finding;
    bool manual_clock;

    struct life_of lives[STEPS_PERSONS];
    struct kept_map kept[EVIDENCE_SHARDS_MAX]; /* Rows as the journal has them. */
    struct queue mail[EVIDENCE_SHARDS_MAX][EVIDENCE_SHARDS_MAX];
    uint64_t next[EVIDENCE_SHARDS_MAX];     /* Number of the entry that is lived next. */
    uint64_t *moments[EVIDENCE_SHARDS_MAX]; /* Numbers at which wallets, rules or clocks change. */
    uint64_t moment_count[EVIDENCE_SHARDS_MAX];
    int *message_at[EVIDENCE_SHARDS_MAX]; /* By seq - 1: place in steps.messages + 1. */
    struct quoted *quoted;
    uint32_t quoted_count;
    uint32_t quoted_room;
    uint8_t **texts; /* Copies of messages, for views. */
    uint32_t text_count;
    uint32_t text_room;

    /* Of the entry at hand. */
    uint32_t shard;
    const struct entry *entry;
    struct wallet_entry its;
    struct steps_answer made;
    struct effect effects[STEPS_EFFECTS * 2];
    uint32_t effect_count;
    struct told_of {
        int who;
        struct tale tale;
    } ends[ITEMS_MAX]; /* Told behind everything else of the entry. */
    uint32_t end_count;
    int touched[ITEMS_MAX];
    uint32_t touched_count;
    struct steps_debt debts[DEBTS_MAX]; /* That have to follow. */
    uint32_t debt_count;
    uint32_t debt_seen;
} c;

/* -- small things ----------------------------------------------------------------------------- */

static bool wrong(const char *what)
{
    return finding_set(c.finding, "(H8) shard %u, seq %" PRIu64 ", kind %u, type %04x: %s", c.shard,
                       c.entry->seq, c.entry->kind, c.its.type, what);
}

#define ROOM_FOR_ONE(list, count, room)                                \
    do {                                                               \
        if ((count) == (room)) {                                       \
            (room) = 2 * (room) + 64;                                  \
            (list) = realloc((list), (size_t)(room) * sizeof *(list)); \
            ENSURE((list) != NULL);                                    \
        }                                                              \
    } while (0)

static struct bytes keep_text(struct bytes text)
{
    ROOM_FOR_ONE(c.texts, c.text_count, c.text_room);
    uint8_t *copy = malloc(text.size + 1);
    ENSURE(copy != NULL);
    if (text.size != 0) memcpy(copy, text.data, text.size);
    c.texts[c.text_count++] = copy;
    return (struct bytes){copy, text.size};
}

uint32_t lived_home(const struct psn_key *key)
{
    uint32_t first;
    memcpy(&first, key->bytes, sizeof first);
    return (uint32_t)((uint64_t)first * c.evidence->shards >> 32);
}

/* A message without msgid, sender and time of sending, which are its envelope. */
struct bytes lived_content(struct bytes message)
{
    uint8_t room[2048];
    size_t size = 0;
    struct bytes rest = message;
    struct pb_field field;
    const uint8_t *begin = rest.data;
    while (pb_next(&rest, &field)) {
        const size_t more = (size_t)(rest.data - begin);
        if (field.number != 1 && field.number != 46 && field.number != 47) {
            ENSURE(size + more <= sizeof room);
            memcpy(room + size, begin, more);
            size += more;
        }
        begin = rest.data;
    }
    return keep_text((struct bytes){room, size});
}

struct rule_row lived_rule(const struct wallet_order *order)
{
    struct rule_row row = {
        .admdvs = order->place, .param = params_by_name(order->name), .eff_ms = order->eff_ms};
    if (row.param != PARAM_COUNT && !param_parse(row.param, order->value, &row.value))
        row.param = PARAM_COUNT;
    return row;
}

static bool is_push(uint16_t type)
{
    return type == MESSAGE_INST_DIR_PUSH || type == MESSAGE_RULE_PUSH;
}

/* -- versions --------------------------------------------------------------------------------- */

static void note_version(int who, uint64_t seq)
{
    struct life_of *life = &c.lives[who];
    ROOM_FOR_ONE(life->list, life->count, life->room);
    struct version *version = &life->list[life->count++];
    version->seq = seq;
    steps_copy(&version->rows, &steps.persons[who]);
}

/* The person as it was behind that entry of its shard; seq of its latest entry then. */
uint64_t lived_version(int who, uint64_t place, struct steps_person *ret_rows)
{
    const struct life_of *life = &c.lives[who];
    uint32_t i = life->count;
    while (i != 0 && life->list[i - 1].seq > place)
        i--;
    if (i == 0) {
        memset(ret_rows, 0, sizeof *ret_rows);
        ret_rows->key = steps.persons[who].key;
        return 0;
    }
    steps_copy(ret_rows, &life->list[i - 1].rows);
    return life->list[i - 1].seq;
}

/* -- tales ------------------------------------------------------------------------------------ */

static void tell(int who, const struct tale *tale)
{
    struct life_of *life = &c.lives[who];
    ROOM_FOR_ONE(life->tales, life->tale_count, life->tale_room);
    struct tale *kept = &life->tales[life->tale_count++];
    *kept = *tale;
    kept->seq = c.entry->seq;
    kept->at_ms = c.entry->stamp_ms;
}

static void note_end(int who)
{
    if (!tale_of_end(&c.made, &c.ends[c.end_count].tale)) return;
    c.ends[c.end_count++].who = who;
    ENSURE(c.end_count < ITEMS_MAX);
}

static void tell_ends(void)
{
    for (uint32_t i = 0; i < c.end_count; i++)
        tell(c.ends[i].who, &c.ends[i].tale);
    c.end_count = 0;
}

/* -- living an entry -------------------------------------------------------------------------- */

static struct steps_ask ask_now(const struct wallet_order *order)
{
    return (struct steps_ask){
        .steps = &steps,
        .shard = c.shard,
        .asof = c.entry->seq,
        .order = order,
        .sender = c.entry->sender,
        .now_ms = c.entry->stamp_ms,
        .time_known = !c.manual_clock || c.entry->stamp_ms != MANUAL_CLOCK_START_MS,
    };
}

static bool take_effects(const struct steps_answer *a)
{
    if (c.effect_count + a->effect_count > sizeof c.effects / sizeof c.effects[0])
        return wrong("more effects than an entry can have");
    memcpy(c.effects + c.effect_count, a->effects, a->effect_count * sizeof a->effects[0]);
    c.effect_count += a->effect_count;
    return true;
}

static void touch(int who)
{
    ENSURE(c.touched_count < ITEMS_MAX);
    c.touched[c.touched_count++] = who;
}

/* What was said, as an op of the entry; zeros when nothing was. */
static struct wallet_said said_in(const struct wallet_entry *its)
{
    struct wallet_said said;
    struct bytes ops = its->ops;
    struct op op;
    bool bad;
    memset(&said, 0, sizeof said);
    while (ops_next(&ops, &op, &bad)) {
        if (op.op == OP_SAID) memcpy(&said, op.data.data, sizeof said);
    }
    return said;
}

static bool person_in(const struct wallet_entry *its, struct psn_key *ret_key)
{
    struct bytes ops = its->ops;
    struct op op;
    bool bad;
    while (ops_next(&ops, &op, &bad)) {
        if (op.op != OP_PERSON) continue;
        memcpy(ret_key->bytes, op.data.data, PSN_KEY_SIZE);
        return true;
    }
    return false;
}

static bool refused_where_taken(const struct steps_answer *a)
{
    char what[96];
    snprintf(what, sizeof what, "it was taken where the model answers %u%s", a->code,
             a->dup       ? ", a duplicate"
             : a->nothing ? ", and that nothing changes"
                          : "");
    return wrong(what);
}

static void quote_fact(const struct wallet_entry *its)
{
    ROOM_FOR_ONE(c.quoted, c.quoted_count, c.quoted_room);
    struct quoted *quoted = &c.quoted[c.quoted_count++];
    quoted->shard = c.shard;
    quoted->seq = c.entry->seq;
    quoted->message = steps.messages.count - 1;
    memcpy(&quoted->fact, its->fact.data, sizeof quoted->fact);
}

bool two_stops(uint16_t type)
{
    return type == MESSAGE_RLTS_BIND || type == MESSAGE_TRSF_SUBMIT ||
           type == MESSAGE_TRSF_ACCEPT || type == MESSAGE_PREM_PAY;
}

static bool live_order(const struct wallet_entry *its, const struct wallet_said *said)
{
    struct wallet_order order;
    struct wallet_fact fact = {0};
    struct steps_person nobody = {0};
    uint32_t field;
    uint16_t code;
    if (!wallet_order_decode(its->type, keep_text(its->message), &order, &field))
        return wrong("what is no message was taken");
    struct steps_ask ask = ask_now(&order);
    ask.content = lived_content(its->message);
    ask.id = said->id;
    if (its->fact.size == sizeof fact) {
        memcpy(&fact, its->fact.data, sizeof fact);
        ask.fact = &fact;
    }
    ask.disputed = fact.disputed != 0;
    ask.follows = fact.decided != 0;
    if (order.type == MESSAGE_RULE_PUSH) ask.rule = lived_rule(&order);
    if (two_stops(its->type) && ask.fact == NULL) return wrong("it was decided without a fact");
    const int who = steps_decider(&ask, &code);
    if (who < 0 && !is_push(its->type)) return wrong("it was taken of somebody who is not there");
    steps_order(&ask, who, who < 0 ? &nobody : &steps.persons[who], &c.made);
    if (c.made.code != 0 || c.made.nothing) return refused_where_taken(&c.made);
    steps_note(&steps, &ask, who, &c.made, c.entry->seq);
    c.message_at[c.shard][c.entry->seq - 1] = steps.messages.count;
    if (two_stops(its->type)) quote_fact(its);
    if (who >= 0) {
        struct tale tale;
        touch(who);
        if (tale_of_order(&order, &c.made, &tale)) tell(who, &tale);
        note_end(who);
    }
    return take_effects(&c.made);
}

/* The first stop of a premium: its claim. */
static bool live_claim(const struct wallet_entry *its)
{
    struct wallet_order order;
    struct wallet_fact fact;
    struct psn_key key;
    uint32_t field;
    const struct bytes message = {its->message.data + 2, its->message.size - 2};
    const uint16_t type = (uint16_t)(its->message.data[0] | its->message.data[1] << 8);
    if (type != MESSAGE_PREM_PAY || !wallet_order_decode(type, message, &order, &field) ||
        order.other_key.size != PSN_KEY_SIZE) {
        return wrong("a claim of what is no premium");
    }
    memcpy(key.bytes, order.other_key.data, PSN_KEY_SIZE);
    const struct steps_ask ask = ask_now(&order);
    const int who = steps_who(&steps, &key);
    steps_fact(&ask, &steps.persons[who], &fact, &c.made);
    if (c.made.nothing) {
        c.made.code = (uint16_t)fact.code;
        return refused_where_taken(&c.made);
    }
    touch(who);
    return true;
}

void lived_order_of(const struct settlement *s, uint32_t use, struct wallet_order *ret_order)
{
    *ret_order = (struct wallet_order){
        .type = MESSAGE_SETL_POST,
        .psn_key = s->psn_key,
        .setl_id = s->refd_setl_flag ? s->orig_setl_id : s->setl_id,
        .client_no = s->refd_setl_flag ? s->setl_id : (struct bytes){0},
        .medins_setl_id = s->medins_setl_id,
        .fixmedins_code = s->fixmedins_code,
        .mdtrtarea_admvs = s->mdtrtarea_admvs,
        .use = use,
        .amount2 = s->amounts[AMOUNT_PSN_PART],
        .amount3 = s->amounts[AMOUNT_ACCT],
    };
}

/* A settlement, refund or correction whose entry stands before this one. */
static bool live_inline(const struct wallet_entry *its, const struct wallet_said *said)
{
    const struct entry *entries = c.evidence->shard[c.shard].entries;
    const struct entry *record = &entries[c.entry->seq - 2];
    struct settlement s = {0};
    struct correction correction = {0};
    struct wallet_order order;
    struct psn_key key;
    uint32_t field;
    const bool corrects = its->type == MESSAGE_CORRECTION;
    if (c.entry->seq < 2 || !bytes_equal(record->body, its->message) ||
        (corrects != (record->kind == ENTRY_CORRECTION))) {
        return wrong("it does not stand behind its settlement");
    }
    if (corrects) {
        ENSURE(correction_decode(record->body, &correction, &field));
        record = &entries[record->orig_seq - 1];
    }
    if (!settlement_decode(record->body, &s, &field) || s.psn_key.size != PSN_KEY_SIZE)
        return wrong("it is no settlement");
    const bool sells = s.fixmedins_code.size != 0 && s.fixmedins_code.data[0] == 'P' &&
                       record->line != LINE_INPATIENT;
    lived_order_of(&s, record->line == LINE_PHARMACY || sells ? 2 : 1, &order);
    if (corrects) {
        order.type = MESSAGE_CORRECTION;
        order.client_no = correction.msgid;
    }
    struct steps_ask ask = ask_now(&order);
    ask.id = said->id;
    memcpy(key.bytes, s.psn_key.data, PSN_KEY_SIZE);
    const int who = steps_who(&steps, &key);
    steps_inline(&ask, who, corrects ? -said->amount : s.amounts[AMOUNT_WLT], &steps.persons[who],
                 &c.made);
    if (c.made.code != 0 || c.made.nothing) return refused_where_taken(&c.made);
    steps_note(&steps, &ask, who, &c.made, c.entry->seq);
    c.message_at[c.shard][c.entry->seq - 1] = steps.messages.count;
    touch(who);
    struct tale tale;
    tale_of_inline(&s, corrects, &c.made, &tale);
    tell(who, &tale);
    return take_effects(&c.made);
}

static bool live_sweep(const struct wallet_entry *its)
{
    struct psn_key key;
    if (!person_in(its, &key)) return wrong("it is about nobody");
    const int who = steps_who(&steps, &key);
    const struct steps_ask ask = ask_now(NULL);
    steps_sweep(&ask, &steps.persons[who], &c.made);
    if (c.made.nothing) return wrong("nothing was due");
    steps_note(&steps, &ask, -1, &c.made, c.entry->seq);
    touch(who);
    note_end(who);
    return take_effects(&c.made);
}

static bool live_item(uint32_t from, struct bytes data)
{
    struct queue *queue = &c.mail[from][c.shard];
    struct effect effect;
    if (!effect_decode(data, &effect)) return wrong("mail that is none");
    if (queue->taken == queue->count) return wrong("mail that the model never sent");
    if (memcmp(&queue->list[queue->taken], &effect, sizeof effect) != 0)
        return wrong("mail that is not the model's next");
    queue->taken++;
    const int who = steps_who(&steps, &effect.to);
    const struct steps_ask ask = ask_now(NULL);
    steps_effect(&ask, &effect, &steps.persons[who], &c.made);
    steps_note(&steps, &ask, -1, &c.made, c.entry->seq);
    touch(who);
    struct tale tale;
    if (tale_of_effect(&effect, &tale)) tell(who, &tale);
    note_end(who);
    return take_effects(&c.made);
}

static bool live_mail(const struct wallet_entry *its)
{
    struct mail_batch batch;
    struct bytes data;
    uint16_t op;
    uint32_t items = 0;
    bool said = false;
    static const struct wallet_said silence;
    if (!mail_decode(its->message, &batch) || batch.from >= c.evidence->shards)
        return wrong("a batch that is none");
    steps_begin(&c.made);
    while (mail_next(&batch.items, &op, &data)) {
        items++;
        if (op != OP_EFFECT) continue;
        if (!live_item(batch.from, data)) return false;
        said = said || memcmp(&c.made.said, &silence, sizeof silence) != 0;
    }
    return !said || items == 1 || wrong("what says something shares its entry with other mail");
}

/* Has everything that this entry takes been sent yet? Mail of this very shard has. */
static bool mail_is_there(const struct wallet_entry *its)
{
    struct mail_batch batch;
    struct bytes data;
    uint16_t op;
    uint32_t count = 0;
    if (its->type != REQUEST_MAIL || !mail_decode(its->message, &batch)) return true;
    if (batch.from >= c.evidence->shards) return true;
    while (mail_next(&batch.items, &op, &data))
        count += op == OP_EFFECT;
    const struct queue *queue = &c.mail[batch.from][c.shard];
    return queue->count - queue->taken >= count;
}

/* -- the entry against the model -------------------------------------------------------------- */

static bool same_said(const struct wallet_said *a, const struct wallet_said *b)
{
    struct wallet_said x = *a, y = *b;
    x.period = y.period = 0;
    return memcmp(&x, &y, sizeof x) == 0;
}

/* When what was paid or taken back is owed in another month than it happened in, its giver is told
 * an instant of that one. The month of a debt is not in the model. */
static void take_debts_month(const struct effect *told, struct effect *made)
{
    const bool owes =
        told->why == HELD_SPENT || told->why == HELD_RESTORED || told->why == HELD_RETURNED_SPENT;
    if (told->kind != EFFECT_HELD || !owes) return;
    if (told->at_ms == civil_month_start_ms(civil_month(told->at_ms))) made->at_ms = told->at_ms;
}

static bool compare_entry(const struct wallet_entry *its)
{
    uint8_t old_room[sizeof(struct transfer_row)];
    struct kept_person *person = NULL;
    struct bytes ops = its->ops, old;
    uint32_t effects = 0, used = 0;
    struct op op;
    bool bad;
    while (ops_next(&ops, &op, &bad)) {
        struct effect effect;
        struct psn_key key;
        switch (op.op) {
        case OP_PERSON:
            memcpy(key.bytes, op.data.data, PSN_KEY_SIZE);
            person = kept_map_for(&c.kept[c.shard], &key);
            ENSURE(person != NULL);
            break;
        case OP_PUT:
            ENSURE(person != NULL && kept_put(person, op.kind, op.data, old_room, &old) == NULL);
            break;
        case OP_DROP:
            ENSURE(person != NULL && kept_drop(person, op.kind, op.data, old_room, &old) == NULL);
            break;
        case OP_EFFECT:
            ENSURE(effect_decode(op.data, &effect));
            if (effects == c.effect_count) return wrong("it tells somebody more than the model");
            take_debts_month(&effect, &c.effects[effects]);
            if (memcmp(&effect, &c.effects[effects], sizeof effect) != 0)
                return wrong("it tells somebody what the model does not");
            effects++;
            break;
        case OP_USED:
            if (used == c.made.used_count ||
                memcmp(op.data.data, &c.made.used[used], sizeof(struct lot)) != 0) {
                return wrong("it uses another lot than the model");
            }
            used++;
            break;
        default:
            break;
        }
    }
    if (effects != c.effect_count) return wrong("the model tells somebody more");
    if (used != c.made.used_count) return wrong("the model uses more lots");
    for (uint32_t i = 0; i < c.touched_count; i++) {
        const struct steps_person *p = &steps.persons[c.touched[i]];
        struct kept_person *kept = kept_map_for(&c.kept[c.shard], &p->key);
        ENSURE(kept != NULL);
        const char *differs = lived_rows_differ(p, kept);
        if (differs != NULL) return wrong(differs);
    }
    return true;
}

static void send_mail(void)
{
    for (uint32_t i = 0; i < c.effect_count; i++) {
        struct queue *queue = &c.mail[c.shard][lived_home(&c.effects[i].to)];
        ROOM_FOR_ONE(queue->list, queue->count, queue->room);
        queue->list[queue->count++] = c.effects[i];
    }
}

static bool live_wallet(void)
{
    const struct wallet_said said = said_in(&c.its);
    const struct wallet_entry *its = &c.its;
    bool good;
    c.effect_count = c.touched_count = 0;
    switch (its->type) {
    case REQUEST_MAIL:
        good = live_mail(its);
        break;
    case REQUEST_SWEEP:
        good = live_sweep(its);
        break;
    case REQUEST_WALLET_FACT:
        good = live_claim(its);
        break;
    case MESSAGE_SETL_POST:
    case MESSAGE_CORRECTION:
        good = live_inline(its, &said);
        break;
    case MESSAGE_OUTBOX_ACK:
        return true;
    default:
        good = live_order(its, &said);
        break;
    }
    if (!good || !compare_entry(its)) return false;
    if (!same_said(&c.made.said, &said)) return wrong("it says something else than the model");
    send_mail();
    memcpy(c.debts, c.made.debts, sizeof c.debts);
    c.debt_count = c.made.debt_count;
    c.debt_seen = 0;
    tell_ends();
    for (uint32_t i = 0; i < c.touched_count; i++)
        note_version(c.touched[i], c.entry->seq);
    return true;
}

/* Debts stand behind the entry that makes them. */
static bool live_debt(void)
{
    struct settlement s;
    uint32_t field;
    if (c.debt_seen == c.debt_count || !settlement_decode(c.entry->body, &s, &field))
        return wrong("a debt that the model does not know");
    const struct steps_debt *debt = &c.debts[c.debt_seen++];
    if (s.insu_admdvs == debt->payer && s.mdtrtarea_admvs == debt->payee &&
        c.entry->line == debt->line && s.amounts[AMOUNT_ACCT] == debt->amount) {
        return true;
    }
    return wrong("a debt that is not as the model has it");
}

/* What is due is done before anything stamped at or after it is judged. */
static bool nothing_is_late(void)
{
    for (int who = 0; who < steps.person_count; who++) {
        const struct steps_person *p = &steps.persons[who];
        if (lived_home(&p->key) != c.shard) continue;
        for (uint32_t i = 0; i < p->transfer_count; i++) {
            const struct transfer_row *row = &p->transfers[i];
            const bool asks = row->state == TRANSFER_HOLDING && row->next_ms < row->exp_ms;
            if ((asks ? row->next_ms : row->exp_ms) <= c.entry->stamp_ms)
                return wrong("a transfer was due before it");
        }
    }
    return true;
}

static void note_moment(void)
{
    c.moments[c.shard][c.moment_count[c.shard]++] = c.entry->seq;
}

/* Lives the shard's next entry; *ret_waits: it takes mail that was not sent yet. */
static bool live_next(bool *ret_waits)
{
    const struct evidence_shard *shard = &c.evidence->shard[c.shard];
    c.entry = &shard->entries[c.next[c.shard] - 1];
    c.its.type = 0;
    if (c.entry->kind != ENTRY_DEBT && c.debt_seen != c.debt_count)
        return wrong("the model makes another debt before it");
    if (c.entry->kind == ENTRY_WALLET) {
        if (!wallet_entry_decode(c.entry->body, &c.its)) return wrong("it cannot be read");
        *ret_waits = !mail_is_there(&c.its);
        if (*ret_waits) return true;
    }
    c.next[c.shard]++;
    if (c.entry->kind == ENTRY_DEBT) return live_debt();
    if (c.entry->kind == ENTRY_CLOCK) note_moment();
    if (c.its.type != REQUEST_SWEEP && !nothing_is_late()) return false;
    if (c.entry->kind != ENTRY_WALLET) return true;
    note_moment();
    return live_wallet();
}

static bool live_shard(bool *ret_moved)
{
    bool waits = false;
    c.debt_count = c.debt_seen = 0;
    while (!waits && c.next[c.shard] <= c.evidence->shard[c.shard].count) {
        if (!live_next(&waits)) return false;
        *ret_moved = *ret_moved || !waits;
    }
    return true;
}

/* In an order in which mail is sent before it is taken. */
static bool live_all(void)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (c.shard = 0; c.shard < c.evidence->shards; c.shard++) {
            if (!live_shard(&moved)) return false;
        }
    }
    for (c.shard = 0; c.shard < c.evidence->shards; c.shard++) {
        if (c.next[c.shard] > c.evidence->shard[c.shard].count) continue;
        return wrong("mail that the model never sent");
    }
    return true;
}

/* -- begin and end ---------------------------------------------------------------------------- */

static void begin_shard(uint32_t shard)
{
    const uint64_t count = c.evidence->shard[shard].count;
    const struct params *params = evidence_rules();
    struct steps_shard *its = &steps.shards[shard];
    free(c.moments[shard]);
    free(c.message_at[shard]);
    c.moments[shard] = calloc(count + 1, sizeof *c.moments[shard]);
    c.message_at[shard] = calloc(count + 1, sizeof *c.message_at[shard]);
    ENSURE(c.moments[shard] != NULL && c.message_at[shard] != NULL);
    c.moment_count[shard] = 0;
    c.next[shard] = 1;
    ENSURE(params->count <= STEPS_RULES);
    for (uint32_t i = 0; i < params->count; i++)
        its->rules[its->rule_count++] = (struct steps_rule){params->rows[i], 0};
    kept_map_done(&c.kept[shard]);
    ENSURE(kept_map_init(&c.kept[shard]));
    for (uint32_t from = 0; from < EVIDENCE_SHARDS_MAX; from++)
        c.mail[from][shard].count = c.mail[from][shard].taken = 0;
}

/* At rest nothing is on its way any more. */
static bool all_arrived(void)
{
    for (uint32_t from = 0; from < c.evidence->shards; from++) {
        for (uint32_t to = 0; to < c.evidence->shards; to++) {
            const struct queue *queue = &c.mail[from][to];
            if (queue->taken == queue->count) continue;
            return finding_set(c.finding, "(H8) shard %u never took mail of shard %u", to, from);
        }
    }
    return true;
}

bool live_wallets(const struct evidence *evidence, bool manual_clock, struct finding *finding)
{
    c.evidence = evidence;
    c.finding = finding;
    c.manual_clock = manual_clock;
    steps_clear(&steps);
    for (uint32_t i = 0; i < c.text_count; i++)
        free(c.texts[i]);
    c.text_count = c.quoted_count = 0;
    for (int i = 0; i < STEPS_PERSONS; i++)
        c.lives[i].count = c.lives[i].tale_count = 0;
    c.end_count = 0;
    for (uint32_t s = 0; s < evidence->shards; s++)
        begin_shard(s);
    return live_all() && all_arrived();
}

struct steps *lived_steps(void)
{
    return &steps;
}

const struct tale *lived_tales(int who, uint32_t *ret_count)
{
    *ret_count = c.lives[who].tale_count;
    return c.lives[who].tales;
}

const struct quoted *lived_facts(uint32_t *ret_count)
{
    *ret_count = c.quoted_count;
    return c.quoted;
}

const uint64_t *lived_moments(uint32_t shard, uint64_t *ret_count)
{
    *ret_count = c.moment_count[shard];
    return c.moments[shard];
}

int lived_message(uint32_t shard, uint64_t seq)
{
    return c.message_at[shard][seq - 1] - 1;
}
