/* shard_persons -- what a wallet entry does to the state of a shard: persons' rows, who is due,
 * ids, institutions, rules, outboxes; and debts as records of the cells.
 *
 * Like shard_state.c: called by state_apply() alone, live and on replay alike, from the entry's
 * bytes. It judges nothing; what does not fit is a bug or damage. */
#include <errno.h>

#include "codec/mail.h"
#include "codec/messages.h"
#include "shard_internal.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"

#define PERSON_KEY_SIZE (1 + PSN_KEY_SIZE)
#define DUE_KEY_SIZE    (1 + 8 + PSN_KEY_SIZE)
#define RULE_KEY_SIZE   (1 + 4 + 4 + 8)
#define OUTBOX_KEY_SIZE (1 + 1 + 8)
#define CODE_SIZE       16 /* Of institution.fixmedins_code. */

/* -- ids ------------------------------------------------------------------------------------- */

bool wallet_id_scoped(char domain)
{
    return domain != ID_WALLET && domain != ID_RELATION && domain != ID_TRANSFER &&
           domain != ID_PAYMENT;
}

uint64_t hash_wallet_id(const struct shard *shard, const struct psn_key *person,
                        const struct wallet_id *id)
{
    uint8_t text[8 + sizeof id->text + PSN_KEY_SIZE];
    const size_t size = strlen(id->text);
    size_t used = 8 + size;

    memset(text, 0, 8);
    text[0] = (uint8_t)id->domain;
    text[1] = (uint8_t)size;
    le_store32(text + 4, id->scope);
    memcpy(text + 8, id->text, size);
    if (wallet_id_scoped(id->domain) && person != NULL) {
        memcpy(text + used, person->bytes, PSN_KEY_SIZE);
        used += PSN_KEY_SIZE;
    }
    return checksum_hash64(shard->config.hash_seed, text, used);
}

static uint64_t op_hash(const struct shard *shard, const struct op *op,
                        const struct psn_key *person)
{
    struct wallet_id id = {.domain = (char)op->kind, .scope = le_load32(op->data.data)};
    ENSURE(op->data.size - 4 < sizeof id.text);
    memcpy(id.text, op->data.data + 4, op->data.size - 4);
    return hash_wallet_id(shard, person, &id);
}

/* -- who is due ------------------------------------------------------------------------------ */

static void person_key(const struct psn_key *person, uint8_t out[PERSON_KEY_SIZE])
{
    out[0] = 'P';
    memcpy(out + 1, person->bytes, PSN_KEY_SIZE);
}

static void due_key(const struct due *due, uint8_t out[DUE_KEY_SIZE])
{
    out[0] = 'D';
    be_store64(out + 1, (uint64_t)due->due_ms);
    memcpy(out + 9, due->person.bytes, PSN_KEY_SIZE);
}

int64_t shard_next_due(const struct shard *shard)
{
    const struct due *first = dues_first(shard->dues);
    return first == NULL ? INT64_MAX : first->due_ms;
}

/* -- persons --------------------------------------------------------------------------------- */

bool person_find(const struct shard *shard, const struct psn_key *key, struct bytes *ret_packed)
{
    uint8_t row[PERSON_KEY_SIZE];
    person_key(key, row);
    return shelf_read(shard, (struct bytes){row, sizeof row}, ret_packed);
}

void person_glance(const struct shard *shard, const struct psn_key *key, struct person *ret_person)
{
    struct bytes packed;
    if (!person_find(shard, key, &packed)) {
        person_clear(ret_person, *key);
    } else {
        ENSURE(person_unpack_counts(packed, *key, ret_person));
    }
}

void person_load(const struct shard *shard, const struct psn_key *key, struct person *ret_person)
{
    struct bytes packed;
    if (!person_find(shard, key, &packed)) {
        person_clear(ret_person, *key);
    } else {
        ENSURE(person_unpack(packed, *key, ret_person));
    }
}

/* Puts the person away as it is after `seq`. */
static void put_packed(struct shard *shard, const struct put_person *put, uint8_t *packed,
                       uint64_t seq)
{
    const struct due before = {put->due_before, put->key};
    const struct due after = {put->due_after, put->key};
    uint8_t key[DUE_KEY_SIZE];

    person_key(&put->key, key);
    if (put->size == 0) {
        shelf_erase(shard, (struct bytes){key, PERSON_KEY_SIZE});
    } else {
        memcpy(packed + offsetof(struct person_head, last_seq), &seq, sizeof seq);
        shelf_write(shard, (struct bytes){key, PERSON_KEY_SIZE}, (struct bytes){packed, put->size});
    }
    if (before.due_ms == after.due_ms) return;
    if (before.due_ms != INT64_MAX) {
        due_key(&before, key);
        shelf_erase(shard, (struct bytes){key, DUE_KEY_SIZE});
        dues_drop(shard->dues, &before);
    }
    if (after.due_ms != INT64_MAX) {
        due_key(&after, key);
        shelf_write_new(shard, (struct bytes){key, DUE_KEY_SIZE}, (struct bytes){0});
        dues_put(shard->dues, &after);
    }
}

struct put_person person_put_away(struct person *person, uint8_t *out)
{
    struct put_person put = {
        .key = person->key,
        .due_before = person->head.due_ms,
        .due_after = person_due(person),
    };
    person->head.due_ms = put.due_after;
    put.size = person_pack(person, out);
    if (put.size == sizeof person->head) put.size = 0; /* Not a row is left. */
    return put;
}

static void person_store(struct shard *shard, struct person *person, uint64_t seq)
{
    uint8_t packed[PERSON_PACKED_MAX];
    const struct put_person put = person_put_away(person, packed);
    put_packed(shard, &put, packed, seq);
}

/* -- institutions, rules, outboxes ----------------------------------------------------------- */

static void institution_key(const char code[CODE_SIZE], uint8_t out[1 + CODE_SIZE])
{
    out[0] = 'I';
    memcpy(out + 1, code, CODE_SIZE);
}

bool institution_load(const struct shard *shard, struct bytes code,
                      struct institution *ret_institution)
{
    char text[CODE_SIZE] = {0};
    uint8_t key[1 + CODE_SIZE];
    struct bytes value;

    if (code.size == 0 || code.size >= sizeof text) return false;
    memcpy(text, code.data, code.size);
    institution_key(text, key);
    if (!shelf_read(shard, (struct bytes){key, sizeof key}, &value)) return false;
    ENSURE(value.size == sizeof *ret_institution);
    memcpy(ret_institution, value.data, sizeof *ret_institution);
    return true;
}

static void apply_institution(struct shard *shard, struct bytes row)
{
    struct institution institution;
    uint8_t key[1 + CODE_SIZE];
    memcpy(&institution, row.data, sizeof institution);
    institution_key(institution.fixmedins_code, key);
    shelf_write(shard, (struct bytes){key, sizeof key}, row);
}

/* Whether a settlement's person or institution has to be looked at is asked for each one: so it is
 * known by province, and the rules are asked only where some row says so. */
static void note_check(struct shard *shard, const struct rule_row *row)
{
    if (row->value == 0) return;
    if (row->param != PARAM_PHARMACY_SWITCH && row->param != PARAM_FILING_CHECK &&
        row->param != PARAM_DIRECTORY_CHECK) {
        return;
    }
    for (uint8_t i = 0; i < PROVINCE_COUNT; i++) {
        if (row->admdvs == 0 || province_of_area(row->admdvs) == i) shard->checked[i] = true;
    }
}

static bool put_rule(struct shard *shard, struct bytes value)
{
    struct rule_row row;
    memcpy(&row, value.data, sizeof row);
    note_check(shard, &row);
    return params_put(shard->params, &row);
}

static void apply_rule(struct shard *shard, struct bytes value)
{
    struct rule_row row;
    uint8_t key[RULE_KEY_SIZE] = {'R'};
    memcpy(&row, value.data, sizeof row);
    be_store32(key + 1, row.param);
    be_store32(key + 5, row.admdvs);
    be_store64(key + 9, (uint64_t)row.eff_ms);
    shelf_write(shard, (struct bytes){key, sizeof key}, value);
    ENSURE(put_rule(shard, value));
}

static void outbox_key(uint32_t dest, uint64_t position, uint8_t out[OUTBOX_KEY_SIZE])
{
    out[0] = 'O';
    out[1] = (uint8_t)dest;
    be_store64(out + 2, position);
}

/* The row with that key, lent until the next put or drop. */
static bool outbox_row(const struct shard *shard, struct bytes key, struct bytes *ret_row)
{
    if (!shelf_read(shard, key, ret_row)) return false;
    ENSURE(ret_row->size == sizeof(struct outbox_row));
    return true;
}

bool outbox_find(const struct shard *shard, uint32_t dest, uint64_t position, uint64_t *ret_seq)
{
    const uint64_t first = outbox_row_first(position);
    uint8_t key[OUTBOX_KEY_SIZE];
    struct bytes row;
    outbox_key(dest, first, key);
    if (!outbox_row(shard, (struct bytes){key, sizeof key}, &row)) return false;
    *ret_seq = le_load64(row.data + (position - first) * sizeof *ret_seq);
    return *ret_seq != 0;
}

/* Counts the row of a message. It must not hang on where the row stands (P1): the first message of
 * a block pays for it, as if it had to be brought up. */
static void outbox_pay(struct shard *shard, uint32_t dest)
{
    _Static_assert(OUTBOX_COUNT <= 64, "a bit each");
    const uint64_t bit = UINT64_C(1) << dest;
    if ((shard->outboxes_paid & bit) == 0) shelf_spend(shard, sizeof(struct outbox_row));
    shard->outboxes_paid |= bit;
}

/* Brings a row up to the active shelf, as it stands further down. */
static void outbox_bring(struct shard *shard, struct bytes key)
{
    struct bytes lower;
    uint8_t row[sizeof(struct outbox_row)];
    const bool there = outbox_row(shard, key, &lower);
    NEED_STORE(there ? 0 : -EUCLEAN, "say what waits in an outbox");
    memcpy(row, lower.data, sizeof row);
    shelf_put(shard->shelf, key, (struct bytes){row, sizeof row});
}

/* The row only says which entry has the message. */
static void apply_queue(struct shard *shard, uint32_t dest, uint64_t position, uint64_t seq)
{
    static const struct outbox_row none;
    uint8_t room[OUTBOX_KEY_SIZE];
    const struct bytes key = {room, sizeof room};
    ENSURE(dest < OUTBOX_COUNT && position == shard->counters.out_next[dest]);
    const uint64_t first = outbox_row_first(position);

    outbox_key(dest, first, room);
    if (position == first) {
        shelf_write_new(shard, key, (struct bytes){(const uint8_t *)&none, sizeof none});
    } else {
        outbox_pay(shard, dest);
    }
    uint8_t *row = shelf_value(shard->shelf, key);
    if (row == NULL) {
        outbox_bring(shard, key);
        row = shelf_value(shard->shelf, key);
    }
    le_store64(row + (position - first) * sizeof seq, seq);
    shard->counters.out_next[dest]++;
}

/* A row goes with its last message. */
static void apply_ack(struct shard *shard, struct bytes value)
{
    const uint32_t dest = le_load32(value.data);
    const uint64_t upto = le_load64(value.data + 8);
    ENSURE(dest < OUTBOX_COUNT && upto < shard->counters.out_next[dest]);
    while (shard->counters.out_acked[dest] < upto) {
        uint8_t key[OUTBOX_KEY_SIZE];
        const uint64_t position = ++shard->counters.out_acked[dest];
        if (position % OUTBOX_ROW_MESSAGES != 0) continue;
        outbox_key(dest, outbox_row_first(position), key);
        shelf_erase(shard, (struct bytes){key, sizeof key});
    }
}

/* -- the entry ------------------------------------------------------------------------------- */

static void begin_person(struct shard *shard, struct bytes data)
{
    struct psn_key key;
    memcpy(key.bytes, data.data, PSN_KEY_SIZE);
    person_load(shard, &key, shard->applied);
    ENSURE(shard->applied->head.last_seq == le_load64(data.data + PSN_KEY_SIZE));
}

/* A transfer that ends says from then on by which entry. */
static void note_end(struct shard *shard, const struct op *op, const struct entry *entry)
{
    const int64_t nothing[AMOUNT_REFUNDABLE_COUNT] = {0};
    if (op->op != OP_DROP || op->kind != PERSON_TRANSFER) return;
    const struct transfer_row *row = person_transfer(
        shard->judged ? work_before(shard->work) : shard->applied,
        (struct bytes){op->data.data, strnlen((const char *)op->data.data, op->data.size)});
    ENSURE(row != NULL);
    if (row->seq != entry->orig_seq) change_mark(shard, row->seq, entry, nothing, 1, 0);
}

/* `person`: whose rows and ids these are; NULL: nobody's. */
static void apply_op(struct shard *shard, const struct op *op, const struct entry *entry,
                     const struct psn_key *person)
{
    struct outgoing out;
    switch ((enum op_kind)op->op) {
    case OP_PUT:
    case OP_DROP:
        ENSURE(person != NULL);
        note_end(shard, op, entry);
        ENSURE(shard->judged || op_apply(op, shard->applied));
        return;
    case OP_EFFECT: {
        const struct psn_key to = effect_to(op->data);
        mail_put(shard, route_shard(to.bytes, shard->config.shards), OP_EFFECT, op->data,
                 entry->seq);
        return;
    }
    case OP_OUT:
        memcpy(&out, op->data.data, sizeof out);
        mail_put(shard, outbox_shard(out.dest, shard->config.shards), OP_OUT, op->data, entry->seq);
        return;
    case OP_QUEUE:
        memcpy(&out, op->data.data, sizeof out);
        apply_queue(shard, out.dest, out.position, entry->seq);
        return;
    case OP_ACK:
        apply_ack(shard, op->data);
        return;
    case OP_INSTITUTION:
        apply_institution(shard, op->data);
        return;
    case OP_RULE:
        apply_rule(shard, op->data);
        return;
    case OP_ID:
        add_id(shard, op_hash(shard, op, person), entry->seq);
        return;
    case OP_PERSON:
    case OP_SAID:
    case OP_USED:
    case OP_KIND_END:
        return;
    }
}

/* What a payment took back: the parts of its lots, in the entry that says which payment. */
static void note_reversal(struct shard *shard, const struct entry *entry, int64_t used)
{
    const int64_t amounts[AMOUNT_REFUNDABLE_COUNT] = {[AMOUNT_WLT] = used};
    change_mark(shard, entry->orig_seq, entry, amounts, -1, 0);
}

/* Persons as the judge left them: what the ops make of them, without making it again. */
static void put_judged(struct shard *shard, uint64_t seq)
{
    struct wallet_work *work = shard->work;
    for (uint32_t i = 0; i < work->put_count; i++)
        put_packed(shard, &work->puts[i], work->packed + work->puts[i].at, seq);
}

static int64_t used_of(const struct op *op)
{
    struct lot lot;
    if (op->op != OP_USED) return 0;
    memcpy(&lot, op->data.data, sizeof lot);
    return lot.amount;
}

/* Ops whose effect the judge left in `work`, or that have none. */
#define OP_BIT(op)  (1u << (op))
#define OPS_AS_LEFT (OP_BIT(OP_PERSON) | OP_BIT(OP_PUT) | OP_BIT(OP_SAID) | OP_BIT(OP_ID))

static void took(struct shard *shard, struct bytes message)
{
    struct mail_batch batch;
    ENSURE(mail_decode(message, &batch));
    mail_took(shard, &batch);
}

/* Of plain entries the decision itself is applied: they have no ops, and this is all that theirs
 * would do. A transfer that is taken is the one that the entry refers to. */
static void apply_plain_order(struct shard *shard, const struct entry *entry)
{
    const struct wallet_work *work = shard->work;
    const struct wallet_decision *d = &work->decision;
    const uint32_t shards = shard->config.shards;

    for (uint32_t i = 0; i < d->effect_count; i++) {
        const struct effect *e = &d->effects[i];
        const struct bytes data = {(const uint8_t *)e, effect_size(e)};
        mail_put(shard, route_shard(e->to.bytes, shards), OP_EFFECT, data, entry->seq);
    }
    for (uint32_t i = 0; i < d->out_count; i++) {
        const struct outgoing *o = &d->out[i];
        const struct bytes data = {(const uint8_t *)o, sizeof *o};
        mail_put(shard, outbox_shard(o->dest, shards), OP_OUT, data, entry->seq);
    }
    for (uint32_t i = 0; i < work->id_count; i++)
        add_id(shard, work->id_hashes[i], entry->seq);
    put_judged(shard, entry->seq);
}

static void apply_plain_mail(struct shard *shard, const struct entry *entry)
{
    const struct wallet_work *work = shard->work;

    mail_took(shard, &work->batch);
    for (uint32_t i = 0; i < work->batch.count; i++) {
        const struct plain_item *item = &work->items[i];
        if (item->kind == PLAIN_NONE) apply_queue(shard, item->dest, item->position, entry->seq);
    }
    put_judged(shard, entry->seq);
}

/* What was judged a moment ago: its body stands there before it was shortened. Gives what a payment
 * used. */
static int64_t apply_judged(struct shard *shard, const struct entry *entry)
{
    struct wallet_work *work = shard->work;
    struct wallet_entry its;
    int64_t used = 0;

    ENSURE(wallet_entry_decode((struct bytes){work->body, work->body_size}, &its));
    if (its.type == REQUEST_MAIL) took(shard, its.message);
    while (its.ops.size != 0) {
        const struct op op = ops_next_own(&its.ops);
        if ((OPS_AS_LEFT & OP_BIT(op.op)) != 0) continue;
        used += used_of(&op);
        apply_op(shard, &op, entry, &work->after.key);
    }
    for (uint32_t i = 0; i < work->id_count; i++)
        add_id(shard, work->id_hashes[i], entry->seq);
    put_judged(shard, entry->seq);
    return used;
}

/* The same from the entry's bytes. */
static int64_t apply_again(struct shard *shard, const struct entry *entry)
{
    struct wallet_entry its;
    struct psn_key person;
    struct op op;
    bool bad;
    bool has_person = false;
    int64_t used = 0;

    ENSURE(wallet_entry_decode(entry->body, &its));
    if (its.type == REQUEST_MAIL) took(shard, its.message);
    while (ops_next(&its.ops, &op, &bad)) {
        if (op.op == OP_PERSON) {
            memcpy(person.bytes, op.data.data, PSN_KEY_SIZE);
            if (has_person) person_store(shard, shard->applied, entry->seq);
            begin_person(shard, op.data);
            has_person = true;
        }
        used += used_of(&op);
        apply_op(shard, &op, entry, has_person ? &person : NULL);
    }
    ENSURE(!bad);
    if (has_person) person_store(shard, shard->applied, entry->seq);
    return used;
}

void apply_wallet(struct shard *shard, const struct entry *entry)
{
    int64_t used = 0;
    if (!shard->judged) {
        used = apply_again(shard, entry);
    } else if (shard->work->way == BODY_BY_OPS) {
        used = apply_judged(shard, entry);
    } else if (shard->work->way == BODY_PLAIN_ORDER) {
        apply_plain_order(shard, entry);
    } else {
        apply_plain_mail(shard, entry);
    }
    if (entry->orig_seq != 0) note_reversal(shard, entry, used);
}

/* -- debts ----------------------------------------------------------------------------------- */

struct posting debt_posting(const struct entry *entry, struct settlement *ret_settlement)
{
    uint32_t field;
    ENSURE(settlement_decode(entry->body, ret_settlement, &field));
    return posting_of(entry, ret_settlement);
}

void apply_debt(struct shard *shard, const struct entry *entry)
{
    struct settlement s;
    const struct posting posting = debt_posting(entry, &s);
    const struct posting_kind kind = {
        .refund = s.refd_setl_flag,
        .late = (entry->flags & ENTRY_LATE) != 0,
        .content_hash = settlement_content_hash(&s),
    };
    book_post(shard->book, &posting, kind);
    note_settlement(shard, NOTE_RECORD, entry->seq, &s, &posting, kind);
    add_id(shard, hash_setl_id(shard, s.insu_admdvs, s.setl_id), entry->seq);
}

/* -- opening and freezing -------------------------------------------------------------------- */

static const uint8_t counters_key[] = {'C'};

static int read_counters(struct shard *shard, const char **ret_why)
{
    struct shelf_counters *counters = &shard->counters;
    struct bytes value;
    const int r = store_get(shard->store, STORE_SHELF,
                            (struct bytes){counters_key, sizeof counters_key}, &value);
    if (r == -ENOENT) { /* Numbers begin at 1. */
        for (uint32_t i = 0; i < SHARDS_MAX; i++)
            counters->mail_next[i] = 1;
        for (uint32_t i = 0; i < OUTBOX_COUNT; i++)
            counters->out_next[i] = 1;
        return 0;
    }
    if (r != 0) return r;
    if (value.size != sizeof *counters) {
        *ret_why = "the store's counters of mail have the wrong size";
        return -EUCLEAN;
    }
    memcpy(counters, value.data, sizeof *counters);
    return 0;
}

/* One row of the shelf as it is read at the start; false when it makes no sense. */
typedef bool read_row(struct shard *shard, struct bytes key, struct bytes value);

static bool read_rule(struct shard *shard, struct bytes key, struct bytes value)
{
    return key.size == RULE_KEY_SIZE && value.size == sizeof(struct rule_row) &&
           put_rule(shard, value);
}

static bool read_due(struct shard *shard, struct bytes key, struct bytes value)
{
    struct due due;
    (void)value;
    if (key.size != DUE_KEY_SIZE) return false;
    due.due_ms = (int64_t)be_load64(key.data + 1);
    memcpy(due.person.bytes, key.data + 9, PSN_KEY_SIZE);
    if (dues_full(shard->dues)) return false;
    dues_put(shard->dues, &due);
    return true;
}

/* Every row whose key begins with that letter. */
static int read_rows(struct shard *shard, char letter, read_row *read, const char *what,
                     const char **ret_why)
{
    uint8_t key[SHELF_KEY_MAX + 1] = {(uint8_t)letter};
    size_t size = 1;
    struct bytes found;
    struct bytes value;
    int r;

    while ((r = store_ceiling(shard->store, STORE_SHELF, (struct bytes){key, size}, &found,
                              &value)) == 0 &&
           found.data[0] == (uint8_t)letter) {
        if (found.size > SHELF_KEY_MAX || !read(shard, found, value)) {
            *ret_why = what;
            return -EUCLEAN;
        }
        memcpy(key, found.data, found.size); /* The next possible key is the same and a zero. */
        key[found.size] = 0;
        size = found.size + 1;
    }
    return r == -ENOENT ? 0 : r;
}

int persons_open(struct shard *shard, const char **ret_why)
{
    const struct params *params = shard->config.params;
    if (params != NULL) {
        *shard->params = *params;
        for (uint32_t i = 0; i < params->count; i++)
            note_check(shard, &params->rows[i]);
    } else {
        params_init(shard->params);
    }
    int r = read_counters(shard, ret_why);
    if (r == 0) {
        r = read_rows(shard, 'R', read_rule, "a provincial rule in the store makes no sense",
                      ret_why);
    }
    if (r == 0) {
        r = read_rows(shard, 'D', read_due, "a due time in the store makes no sense", ret_why);
    }
    if (r != 0) return r;
    mail_seal(shard);
    mail_durable(shard);
    memcpy(shard->mail_sent, shard->counters.mail_acked, sizeof shard->mail_sent);
    return 0;
}

void persons_freeze(struct shard *shard)
{
    mail_freeze(shard);
    shelf_put(shard->shelf, (struct bytes){counters_key, sizeof counters_key},
              (struct bytes){(const uint8_t *)&shard->counters, sizeof shard->counters});
}
