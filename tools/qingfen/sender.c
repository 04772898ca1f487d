#include "tools/qingfen/sender.h"

#include <poll.h>

#include "codec/messages.h"
#include "tools/client/clock.h"
#include "tools/client/outcome.h"
#include "types/ensure.h"
#include "types/error.h"

#define FILE_SHIFT 48 /* A tag is the file's place and, below, the line in it. */
#define LINE_MASK  ((UINT64_C(1) << FILE_SHIFT) - 1)
#define TEXT_SIZE  1024

enum fate {
    FATE_OPEN = 0,
    FATE_KNOWN,
};

/* The engine will take it another time: nothing is said about the record itself. */
static bool is_for_later(uint32_t code)
{
    return code == ERROR_OVERLOAD || code == ERROR_INTERNAL;
}

static void find_ids(uint16_t type, struct bytes body, struct bytes *ret_msgid,
                     struct bytes *ret_setl_id)
{
    uint32_t field;
    if (type == MESSAGE_SETL_POST || type == MESSAGE_SETL_BATCH) {
        struct settlement settlement;
        if (!settlement_decode(body, &settlement, &field)) return;
        *ret_msgid = settlement.msgid;
        *ret_setl_id = settlement.setl_id;
    } else if (type == MESSAGE_CORRECTION) {
        struct correction correction;
        if (correction_decode(body, &correction, &field)) *ret_msgid = correction.msgid;
    }
}

static void reject_record(struct sender *sender, const struct lane_slot *slot, uint32_t index,
                          uint32_t code, const char *text)
{
    const struct bytes body = {slot->frame + slot->starts[index],
                               slot->ends[index] - slot->starts[index]};
    struct reject reject = {
        .file = sender->files[slot->tags[index] >> FILE_SHIFT],
        .line = slot->tags[index] & LINE_MASK,
        .code = code,
        .text = text,
    };
    find_ids(slot->type, body, &reject.msgid, &reject.setl_id);
    rejects_add(&sender->rejects, &reject);
    sender->rejected++;
    slot->fates[index] = FATE_KNOWN;
}

static void reject_open(struct sender *sender, const struct lane_slot *slot, uint32_t code,
                        const char *text)
{
    for (uint32_t i = 0; i < slot->count; i++) {
        if (slot->fates[i] == FATE_OPEN) reject_record(sender, slot, i, code, text);
    }
}

/* One record's own outcome. False: it is for later. */
static bool settle_record(struct sender *sender, const struct lane_slot *slot, uint32_t index,
                          const struct outcome *outcome)
{
    if (index >= slot->count || slot->fates[index] != FATE_OPEN) return true;
    if (is_for_later(outcome->code)) return false;
    if (outcome->code != 0) {
        char text[TEXT_SIZE];
        outcome_text(MESSAGE_SETL_POST | MESSAGE_REPLY_BIT, outcome->reply, text, sizeof(text));
        reject_record(sender, slot, index, outcome->code, text);
        return true;
    }
    sender->accepted += !outcome->dup;
    sender->duplicate += outcome->dup;
    slot->fates[index] = FATE_KNOWN;
    return true;
}

static bool no_fate_is_known(const struct lane_slot *slot)
{
    return memchr(slot->fates, FATE_KNOWN, slot->count) == NULL;
}

/* The answer to a batch. False: some of it is for later. */
static bool settle_batch(struct sender *sender, const struct lane_slot *slot,
                         const struct frame *reply)
{
    struct batch_outcome batch;
    char text[TEXT_SIZE];
    if (!batch_outcome_read(reply->payload, &batch)) {
        reject_open(sender, slot, ERROR_MALFORMED, "the engine's reply cannot be read");
        return true;
    }
    if (is_for_later(batch.code)) return false;
    if (batch.code != 0) {
        outcome_text(reply->type, reply->payload, text, sizeof(text));
        reject_open(sender, slot, batch.code, text);
        return true;
    }
    /* Nearly always: all are done, and nobody needs to look at 512 little answers. */
    const uint64_t done = (uint64_t)batch.accepted + batch.duplicate;
    if (batch.rejected == 0 && done == slot->count && no_fate_is_known(slot)) {
        sender->accepted += batch.accepted;
        sender->duplicate += batch.duplicate;
        return true;
    }
    bool all = true;
    size_t position = 0;
    struct outcome outcome;
    while (batch_outcome_next(&batch, &position, &outcome) == 1) {
        all &= settle_record(sender, slot, outcome.index, &outcome);
    }
    if (all) reject_open(sender, slot, ERROR_MALFORMED, "the engine's reply leaves the record out");
    return all;
}

static bool settle_slot(void *owner, struct lane *lane, struct lane_slot *slot,
                        const struct frame *reply)
{
    struct sender *sender = owner;
    struct outcome outcome;
    char text[TEXT_SIZE];
    (void)lane;

    if (slot == NULL) { /* An error about the stream itself. */
        outcome_text(reply->type, reply->payload, text, sizeof(text));
        snprintf(lane->client.text, sizeof(lane->client.text), "the engine says: %.300s", text);
        return true;
    }
    if (reply->type == (MESSAGE_SETL_BATCH | MESSAGE_REPLY_BIT)) {
        return settle_batch(sender, slot, reply);
    }
    if (!outcome_read(reply->payload, &outcome)) {
        reject_open(sender, slot, ERROR_MALFORMED, "the engine's reply cannot be read");
        return true;
    }
    if (reply->type != MESSAGE_ERROR) return settle_record(sender, slot, 0, &outcome);
    if (is_for_later(outcome.code)) return false;
    outcome_text(reply->type, reply->payload, text, sizeof(text));
    reject_open(sender, slot, outcome.code, text);
    return true;
}

int sender_open(struct sender *sender, struct fleet_options *options)
{
    options->answered = settle_slot;
    options->owner = sender;
    progress_begin(&sender->progress);
    return fleet_open(&sender->fleet, options);
}

static int pump(struct sender *sender, int64_t wait_ns)
{
    const int r = fleet_pump(&sender->fleet, wait_ns);
    progress_show(&sender->progress, sender->done_bytes, sender->all_bytes,
                  sender->accepted + sender->duplicate + sender->rejected);
    return r;
}

/* Waits until the lane takes one more. */
static int make_room(struct sender *sender, const struct lane *lane)
{
    while (!lane_has_room(lane)) {
        const int r = pump(sender, NS_PER_SECOND);
        if (r != 0) return r;
    }
    return 0;
}

int sender_give(struct sender *sender, uint16_t type, const uint8_t psn_key[PSN_KEY_SIZE],
                struct bytes body, uint64_t line)
{
    struct lane *lane = fleet_lane(&sender->fleet, psn_key);
    const uint64_t tag = (uint64_t)sender->file << FILE_SHIFT | line;
    int r = make_room(sender, lane);
    if (r != 0) return r;

    const uint64_t before = lane->filling;
    if (type == MESSAGE_SETL_POST) {
        lane_add(lane, body, tag);
    } else {
        lane_seal(lane); /* What came before goes before (L1). */
        r = make_room(sender, lane);
        if (r != 0) return r;
        lane_post(lane, type, body, tag);
    }
    return lane->filling == before ? 0 : pump(sender, 0);
}

void sender_refuse(struct sender *sender, uint64_t line, uint32_t code, const char *text,
                   struct bytes msgid, struct bytes setl_id)
{
    const struct reject reject = {sender->files[sender->file], line, code, text, msgid, setl_id};
    rejects_add(&sender->rejects, &reject);
    sender->rejected++;
}

int sender_wait(struct sender *sender, int fd)
{
    for (;;) {
        struct pollfd input = {.fd = fd, .events = POLLIN};
        if (poll(&input, 1, 0) != 0) return 0; /* Also an error: read() will say which. */
        fleet_seal(&sender->fleet);
        const int r = pump(sender, 20 * NS_PER_MS);
        if (r != 0) return r;
    }
}

int sender_finish(struct sender *sender)
{
    fleet_seal(&sender->fleet);
    while (fleet_open_records(&sender->fleet) > 0) {
        const int r = pump(sender, NS_PER_SECOND);
        if (r != 0) return r;
    }
    return 0;
}
