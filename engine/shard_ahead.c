/* shard_ahead -- asks memory for what the next requests about persons will look at.
 *
 * Persons lie anywhere in tens of megabytes, and each look waits for the one before: index, row,
 * value. A stretch of requests is gone through in as many steps, so that the waiting for one is the
 * asking for the others. Which page a place is on takes longer to find than anything here, and the
 * processor finds several at a time if they come together: so what is asked for is worked out
 * first, and the asking is a loop that does nothing else. Changes nothing, and what it guesses
 * wrong costs no more than time. */
#include "codec/wallet.h"
#include "shard_internal.h"

#define PERSON_KEY_SIZE (1 + PSN_KEY_SIZE)
#define DUE_KEY_SIZE    (1 + 8 + PSN_KEY_SIZE)

static void ask_id(const struct shard *shard, uint64_t hash)
{
    directory_prefetch(shard->directory, hash);
    delta_prefetch(shard->active, hash);
}

static void name_person(struct bytes key, struct person_ahead *ahead)
{
    uint8_t row[PERSON_KEY_SIZE] = {'P'};
    if (key.size != PSN_KEY_SIZE) return;
    memcpy(row + 1, key.data, PSN_KEY_SIZE);
    ahead->hash = shelf_hash((struct bytes){row, sizeof row});
    ahead->has_hash = true;
    ahead->has_due = false;
}

/* When a person is due may change with an order: that row, too. Its time need not be known, and it
 * is looked for where the person's own row is. */
static void name_due(struct bytes key, struct person_ahead *ahead)
{
    uint8_t row[DUE_KEY_SIZE] = {'D'};
    memcpy(row + DUE_KEY_SIZE - PSN_KEY_SIZE, key.data, PSN_KEY_SIZE);
    ahead->due_hash = shelf_hash((struct bytes){row, sizeof row});
    ahead->has_due = true;
}

static void ask_person(const struct shard *shard, const struct person_ahead *ahead)
{
    if (ahead->has_hash) shelf_ahead(shard->shelf, ahead->hash);
}

/* Who does not stand on the active shelf may stand on the frozen one: there each step comes one
 * later. */
static void ask_rows(const struct shard *shard, struct person_ahead *ahead)
{
    if (!ahead->has_hash) return;
    if (ahead->has_due) (void)shelf_ahead_row(shard->shelf, ahead->due_hash);
    ahead->below = !shelf_ahead_row(shard->shelf, ahead->hash);
    if (ahead->below) shelf_ahead(shard->shelf_frozen, ahead->hash);
}

static void ask_values(const struct shard *shard, const struct person_ahead *ahead)
{
    if (!ahead->has_hash) return;
    if (ahead->below) {
        (void)shelf_ahead_row(shard->shelf_frozen, ahead->hash);
    } else {
        shelf_ahead_value(shard->shelf, ahead->hash);
    }
}

static void ask_values_below(const struct shard *shard, const struct person_ahead *ahead)
{
    if (ahead->has_hash && ahead->below) shelf_ahead_value(shard->shelf_frozen, ahead->hash);
}

/* -- requests -------------------------------------------------------------------------------- */

void answer_ids_of(const struct shard *shard, const struct wallet_order *order, uint16_t sender,
                   const struct psn_key *person, struct answer_ids *ret_ids)
{
    struct answer_ids *ids = ret_ids;
    ids->known = order->msgid.size < sizeof ids->msgid.text;
    if (!ids->known) return;
    if (person != NULL) ids->person = *person;
    ids->msgid = (struct wallet_id){.domain = ID_MSGID, .scope = sender};
    if (order->msgid.size != 0) memcpy(ids->msgid.text, order->msgid.data, order->msgid.size);
    ids->msgid_hash = hash_wallet_id(shard, person, &ids->msgid);
    ids->has_key = wallet_business_key(order, &ids->key, &ids->conflict);
    /* A premium's reversal is numbered by its sender, who need not say who that is. */
    if (order->type == MESSAGE_PREM_REVERSE && ids->key.scope == 0) ids->key.scope = sender;
    if (ids->has_key) ids->key_hash = hash_wallet_id(shard, person, &ids->key);
}

static void ask_answer(const struct shard *shard, const struct answer_ids *ids)
{
    if (!ids->known) return;
    ask_id(shard, ids->msgid_hash);
    if (ids->has_key) ask_id(shard, ids->key_hash);
}

/* Whom an order is about, and the ids it is looked up by. */
static void name_order(const struct shard *shard, uint16_t sender, struct bytes key,
                       struct opened *opened)
{
    struct psn_key person;
    if (key.size != PSN_KEY_SIZE) return;
    memcpy(person.bytes, key.data, PSN_KEY_SIZE);
    name_person(key, &opened->ahead);
    name_due(key, &opened->ahead);
    answer_ids_of(shard, &opened->order, sender, &person, &opened->ids);
}

/* The message of a request, without the fact that may stand in front of it. */
static struct bytes message_of(const struct request *request)
{
    const size_t front = request->type == REQUEST_WALLET_FACT  ? 0
                         : request->area <= request->body.size ? request->area
                                                               : 0;
    return (struct bytes){request->body.data + front, request->body.size - front};
}

static void open_one(const struct shard *shard, const struct request *request, struct opened *o)
{
    const bool asked = request->type == REQUEST_WALLET_FACT;
    const uint16_t type = asked ? (uint16_t)request->period : request->type;
    uint32_t field;

    o->transfer_hash = 0;
    o->ahead.has_hash = false;
    o->ids.known = false;
    o->other.has_hash = false;
    o->sound = false;
    if (fact_by_key(request)) {
        name_person(request->body, &o->ahead);
        return;
    }
    o->sound =
        wallet_type(type) && wallet_order_decode(type, message_of(request), &o->order, &field);
    if (!o->sound) return;
    if (asked) {
        name_person(o->order.other_key, &o->ahead);
        return;
    }
    if (request->area == FACT_HERE) name_person(o->order.other_key, &o->other);
    name_order(shard, request->province, o->order.psn_key, o);
}

/* True when only the transfer that an order names says whom it is about. */
static bool by_transfer(const struct request *request, const struct opened *o)
{
    return o->sound && request->type != REQUEST_WALLET_FACT && !o->ahead.has_hash &&
           o->order.trsf_id.size != 0;
}

/* The giver of the transfer that an order names, or else the entry that says who it is. */
static void open_transfer(const struct shard *shard, const struct request *request,
                          struct opened *o)
{
    struct wallet_id id = {.domain = ID_TRANSFER};
    const struct bytes trsf_id = o->order.trsf_id;
    if (!by_transfer(request, o) || trsf_id.size >= sizeof id.text) return;
    const struct recent_transfer *recent = recent_find(shard, trsf_id);
    if (recent != NULL) {
        name_order(shard, request->province, (struct bytes){recent->giver.bytes, PSN_KEY_SIZE}, o);
        return;
    }
    memcpy(id.text, trsf_id.data, trsf_id.size);
    o->transfer_hash = hash_wallet_id(shard, NULL, &id);
}

static void ask_places(const struct shard *shard, const struct opened *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        ask_person(shard, &list[i].ahead);
        ask_person(shard, &list[i].other);
        ask_answer(shard, &list[i].ids);
        if (list[i].transfer_hash != 0) ask_id(shard, list[i].transfer_hash);
    }
}

void orders_open(const struct shard *shard, const struct request *list, uint32_t count,
                 struct opened *ret_opened)
{
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        open_one(shard, &list[i], &ret_opened[i]);
        any |= ret_opened[i].sound || ret_opened[i].ahead.has_hash;
    }
    if (!any || count == 1) return;
    for (uint32_t i = 0; i < count; i++) {
        if (by_transfer(&list[i], &ret_opened[i])) {
            recent_ahead(shard, ret_opened[i].order.trsf_id);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        open_transfer(shard, &list[i], &ret_opened[i]);
    ask_places(shard, ret_opened, count);
    for (uint32_t i = 0; i < count; i++) {
        ask_rows(shard, &ret_opened[i].ahead);
        ask_rows(shard, &ret_opened[i].other);
        if (ret_opened[i].transfer_hash == 0) continue;
        delta_prefetch_entry(shard->active, ret_opened[i].transfer_hash);
    }
    for (uint32_t i = 0; i < count; i++) {
        ask_values(shard, &ret_opened[i].ahead);
        ask_values(shard, &ret_opened[i].other);
    }
    for (uint32_t i = 0; i < count; i++) {
        ask_values_below(shard, &ret_opened[i].ahead);
        ask_values_below(shard, &ret_opened[i].other);
    }
}

/* -- a person who was found ------------------------------------------------------------------ */

void found_ahead(const struct shard *shard, const struct wallet_order *order, uint16_t sender,
                 const struct psn_key *person, struct person_ahead *ret_ahead,
                 struct answer_ids *ret_ids)
{
    ret_ahead->has_hash = false;
    name_person((struct bytes){person->bytes, PSN_KEY_SIZE}, ret_ahead);
    answer_ids_of(shard, order, sender, person, ret_ids);
    ask_person(shard, ret_ahead);
    ask_answer(shard, ret_ids);
    ask_rows(shard, ret_ahead);
}

void found_ahead_more(const struct shard *shard, const struct person_ahead *ahead)
{
    ask_values(shard, ahead);
}

void id_ahead(const struct shard *shard, uint64_t hash)
{
    ask_id(shard, hash);
}

/* -- mail ------------------------------------------------------------------------------------ */

void mail_ahead(const struct shard *shard, const struct mail_batch *batch)
{
    struct person_ahead persons[ENTRY_PERSONS_MAX];
    struct bytes rest = batch->items;
    struct bytes data;
    uint32_t count = 0;
    uint16_t op;

    while (count < ENTRY_PERSONS_MAX && mail_next(&rest, &op, &data)) {
        if (op != OP_EFFECT) continue;
        const struct psn_key to = effect_to(data);
        persons[count].has_hash = false;
        name_person((struct bytes){to.bytes, PSN_KEY_SIZE}, &persons[count++]);
    }
    for (uint32_t i = 0; i < count; i++)
        ask_person(shard, &persons[i]);
    for (uint32_t i = 0; i < count; i++)
        ask_rows(shard, &persons[i]);
    for (uint32_t i = 0; i < count; i++)
        ask_values(shard, &persons[i]);
    for (uint32_t i = 0; i < count; i++)
        ask_values_below(shard, &persons[i]);
}
