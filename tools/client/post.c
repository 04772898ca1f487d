#include "tools/client/post.h"

#include <stdio.h>

#include "codec/messages.h"
#include "tools/client/clock.h"
#include "tools/client/outcome.h"
#include "types/ensure.h"
#include "types/error.h"

#define TEXT_SIZE 1024

/* The lane's notes on a record. */
enum fate {
    FATE_OPEN = 0,
    FATE_KNOWN,
};

/* The engine will take it another time: nothing is said about the record itself. */
static bool is_for_later(uint32_t code)
{
    return code == ERROR_OVERLOAD || code == ERROR_INTERNAL;
}

static struct bytes body_at(const struct lane_slot *slot, uint32_t index)
{
    return (struct bytes){slot->frame + slot->starts[index],
                          slot->ends[index] - slot->starts[index]};
}

static bool is_open(const struct lane_slot *slot, uint32_t index)
{
    return index < slot->count && slot->fates[index] == FATE_OPEN;
}

static void tell(const struct post *post, const struct lane_slot *slot, uint32_t index,
                 struct post_outcome outcome)
{
    outcome.tag = slot->tags[index];
    outcome.type = slot->type == MESSAGE_SETL_BATCH ? MESSAGE_SETL_POST : slot->type;
    outcome.body = body_at(slot, index);
    slot->fates[index] = FATE_KNOWN;
    post->told(post->owner, &outcome);
}

/* The same for all that nothing was said of yet. */
static void tell_open(const struct post *post, const struct lane_slot *slot,
                      struct post_outcome outcome)
{
    for (uint32_t i = 0; i < slot->count; i++) {
        if (slot->fates[i] == FATE_OPEN) tell(post, slot, i, outcome);
    }
}

static void refuse_open(const struct post *post, const struct lane_slot *slot, uint32_t code,
                        const char *text)
{
    tell_open(post, slot, (struct post_outcome){.code = code, .text = text});
}

/* Whether a message of the slot is open and of that person. */
static bool has_open(const struct lane_slot *slot, struct bytes psn_key)
{
    struct bytes its_psn;
    struct bytes msgid;
    for (uint32_t i = 0; i < slot->count; i++) {
        if (slot->fates[i] == FATE_OPEN && message_peek(body_at(slot, i), &its_psn, &msgid) &&
            bytes_equal(its_psn, psn_key)) {
            return true;
        }
    }
    return false;
}

/* Whether an earlier frame has an open message of the same person. When the engine has put that
 * off, a refusal is not the last word: a refund whose original is to come again, for instance, was
 * told that there is none. */
static bool is_behind_open(const struct lane *lane, const struct lane_slot *slot, uint32_t index)
{
    struct bytes psn_key;
    struct bytes msgid;
    if (!message_peek(body_at(slot, index), &psn_key, &msgid)) return false;
    for (uint64_t s = lane->oldest; &lane->slots[s % lane->window] != slot; s++) {
        const struct lane_slot *earlier = &lane->slots[s % lane->window];
        if (!earlier->answered && has_open(earlier, psn_key)) return true;
    }
    return false;
}

/* Whether what was said of a record has it sent again, and all of its frame with it. */
static bool goes_again(const struct lane *lane, const struct lane_slot *slot,
                       const struct outcome *outcome)
{
    if (outcome->code == 0) return false;
    return is_for_later(outcome->code) || is_behind_open(lane, slot, outcome->index);
}

/* One record's own outcome. */
static void tell_own(const struct post *post, const struct lane_slot *slot,
                     const struct outcome *outcome)
{
    char text[TEXT_SIZE];
    if (outcome->code != 0) {
        outcome_text(MESSAGE_SETL_POST | MESSAGE_REPLY_BIT, outcome->reply, text, sizeof(text));
    }
    tell(post, slot, outcome->index,
         (struct post_outcome){
             .code = outcome->code, .dup = outcome->dup, .text = outcome->code == 0 ? NULL : text});
}

/* The next record of a batch that is open and has a result. False: no more. */
static bool next_open(const struct lane_slot *slot, const struct batch_outcome *batch,
                      size_t *position, struct outcome *ret_outcome)
{
    while (batch_outcome_next(batch, position, ret_outcome) == 1) {
        if (is_open(slot, ret_outcome->index)) return true;
    }
    return false;
}

/* What a batch's records were told one by one. False: the batch goes again, and with it what was
 * refused: the engine judges that anew and may take it, for a refund may stand before its original.
 * So refusals wait until it is known that nothing of the batch is for later. */
static bool settle_records(const struct post *post, const struct lane *lane,
                           const struct lane_slot *slot, const struct batch_outcome *batch)
{
    struct outcome outcome;
    bool again = false;
    size_t position = 0;
    while (next_open(slot, batch, &position, &outcome)) {
        again = again || goes_again(lane, slot, &outcome);
        if (outcome.code == 0) tell_own(post, slot, &outcome);
    }
    if (again) return false;
    position = 0;
    while (next_open(slot, batch, &position, &outcome))
        tell_own(post, slot, &outcome);
    refuse_open(post, slot, ERROR_MALFORMED, "the engine's reply leaves the record out");
    return true;
}

/* The answer to a batch. False: it goes again. */
static bool settle_batch(const struct post *post, const struct lane *lane,
                         const struct lane_slot *slot, const struct frame *reply)
{
    struct batch_outcome batch;
    char text[TEXT_SIZE];
    if (!batch_outcome_read(reply->payload, &batch)) {
        refuse_open(post, slot, ERROR_MALFORMED, "the engine's reply cannot be read");
        return true;
    }
    if (is_for_later(batch.code)) return false;
    if (batch.code != 0) {
        outcome_text(reply->type, reply->payload, text, sizeof(text));
        refuse_open(post, slot, batch.code, text);
        return true;
    }
    /* Nearly always: all are new, and nobody needs to look at 512 little answers. */
    if (batch.accepted == slot->count && batch.rejected == 0 && batch.duplicate == 0) {
        tell_open(post, slot, (struct post_outcome){0});
        return true;
    }
    return settle_records(post, lane, slot, &batch);
}

/* The answer to a frame of one record. False: it goes again. */
static bool settle_only(const struct post *post, const struct lane *lane,
                        const struct lane_slot *slot, struct outcome outcome)
{
    outcome.index = 0; /* Of a place in a batch such a reply says nothing. */
    if (goes_again(lane, slot, &outcome)) return false;
    if (is_open(slot, 0)) tell_own(post, slot, &outcome);
    return true;
}

static bool settle_slot(void *owner, struct lane *lane, struct lane_slot *slot,
                        const struct frame *reply)
{
    const struct post *post = owner;
    struct outcome outcome;
    char text[TEXT_SIZE];

    if (slot == NULL) { /* An error about the stream itself. */
        outcome_text(reply->type, reply->payload, text, sizeof(text));
        snprintf(lane->client.text, sizeof(lane->client.text), "the engine says: %.300s", text);
        return true;
    }
    if (reply->type == (MESSAGE_SETL_BATCH | MESSAGE_REPLY_BIT)) {
        return settle_batch(post, lane, slot, reply);
    }
    if (!outcome_read(reply->payload, &outcome)) {
        refuse_open(post, slot, ERROR_MALFORMED, "the engine's reply cannot be read");
        return true;
    }
    if (reply->type != MESSAGE_ERROR) return settle_only(post, lane, slot, outcome);
    if (is_for_later(outcome.code)) return false;
    outcome_text(reply->type, reply->payload, text, sizeof(text));
    refuse_open(post, slot, outcome.code, text);
    return true;
}

int post_open(struct post *post, struct fleet_options options, post_told *told, void *owner)
{
    post->told = told;
    post->owner = owner;
    options.answered = settle_slot;
    options.owner = post;
    return fleet_open(&post->fleet, &options);
}

void post_close(struct post *post)
{
    fleet_close(&post->fleet);
}

int post_pump(struct post *post, int64_t wait_ns)
{
    return fleet_pump(&post->fleet, wait_ns);
}

/* Waits until the lane takes one more. */
static int make_room(struct post *post, const struct lane *lane)
{
    while (!lane_has_room(lane)) {
        const int r = post_pump(post, NS_PER_SECOND);
        if (r != 0) return r;
    }
    return 0;
}

int post_settlement(struct post *post, const struct settlement *settlement, uint64_t tag)
{
    ENSURE(settlement->psn_key.size == PSN_KEY_SIZE);
    struct lane *lane = fleet_lane(&post->fleet, settlement->psn_key.data);
    const int r = make_room(post, lane);
    if (r != 0) return r;

    const uint64_t before = lane->filling;
    lane_commit(lane, settlement_encode(settlement, lane_reserve(lane)), tag);
    return lane->filling == before ? 0 : post_pump(post, 0);
}

int post_message(struct post *post, uint16_t type, const uint8_t psn_key[PSN_KEY_SIZE],
                 struct bytes body, uint64_t tag)
{
    struct lane *lane = fleet_lane(&post->fleet, psn_key);
    int r = make_room(post, lane);
    if (r != 0) return r;

    const uint64_t before = lane->filling;
    if (type == MESSAGE_SETL_POST) {
        lane_add(lane, body, tag);
    } else {
        lane_seal(lane); /* What came before goes before (L1). */
        r = make_room(post, lane);
        if (r != 0) return r;
        lane_post(lane, type, body, tag);
    }
    return lane->filling == before ? 0 : post_pump(post, 0);
}

int post_finish(struct post *post)
{
    fleet_seal(&post->fleet);
    while (fleet_open_records(&post->fleet) > 0) {
        const int r = post_pump(post, NS_PER_SECOND);
        if (r != 0) return r;
    }
    return 0;
}
