#include "tools/qingfen/sender.h"

#include <poll.h>

#include "codec/messages.h"
#include "tools/client/clock.h"

#define FILE_SHIFT     48 /* A tag is the file's place and, below, the line in it. */
#define LINE_MASK      ((UINT64_C(1) << FILE_SHIFT) - 1)
#define PROGRESS_LINES 64 /* Between two looks at the progress. */

static void find_ids(uint16_t type, struct bytes body, struct bytes *ret_msgid,
                     struct bytes *ret_setl_id)
{
    uint32_t field;
    if (type == MESSAGE_SETL_POST) {
        struct settlement settlement;
        if (!settlement_decode(body, &settlement, &field)) return;
        *ret_msgid = settlement.msgid;
        *ret_setl_id = settlement.setl_id;
    } else if (type == MESSAGE_CORRECTION) {
        struct correction correction;
        if (correction_decode(body, &correction, &field)) *ret_msgid = correction.msgid;
    }
}

static void note_outcome(void *owner, const struct post_outcome *outcome)
{
    struct sender *sender = owner;
    if (outcome->code == 0) {
        sender->accepted += !outcome->dup;
        sender->duplicate += outcome->dup;
        return;
    }
    struct reject reject = {
        .file = sender->files[outcome->tag >> FILE_SHIFT],
        .line = outcome->tag & LINE_MASK,
        .code = outcome->code,
        .text = outcome->text,
    };
    find_ids(outcome->type, outcome->body, &reject.msgid, &reject.setl_id);
    rejects_add(&sender->rejects, &reject);
    sender->rejected++;
}

int sender_open(struct sender *sender, const struct fleet_options *options)
{
    progress_begin(&sender->progress);
    return post_open(&sender->post, *options, note_outcome, sender);
}

static void show_progress(struct sender *sender)
{
    progress_show(&sender->progress, sender->done_bytes, sender->all_bytes,
                  sender->accepted + sender->duplicate + sender->rejected);
}

int sender_give(struct sender *sender, uint16_t type, const uint8_t psn_key[PSN_KEY_SIZE],
                struct bytes body, uint64_t line)
{
    const uint64_t tag = (uint64_t)sender->file << FILE_SHIFT | line;
    const int r = post_message(&sender->post, type, psn_key, body, tag);
    if (line % PROGRESS_LINES == 0) show_progress(sender);
    return r;
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
        fleet_seal(&sender->post.fleet);
        const int r = post_pump(&sender->post, 20 * NS_PER_MS);
        show_progress(sender);
        if (r != 0) return r;
    }
}

int sender_finish(struct sender *sender)
{
    fleet_seal(&sender->post.fleet);
    while (fleet_open_records(&sender->post.fleet) > 0) {
        const int r = post_pump(&sender->post, NS_PER_SECOND);
        show_progress(sender);
        if (r != 0) return r;
    }
    return 0;
}
