/* Fuzz: any bytes as each of the hot messages; the first byte says which. Views lie inside the
 * input; what decodes as a settlement or correction encodes to bytes that decode to the same. */
#include <stdlib.h>

#include "codec/messages.h"
#include "types/ensure.h"
#include "types/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct bytes body, struct bytes view)
{
    if (view.size == 0) return;
    ENSURE(view.data >= body.data);
    ENSURE(view.data + view.size <= body.data + body.size);
}

static void settlement_laws(struct bytes body)
{
    struct settlement s;
    struct settlement back;
    uint32_t field = 0;
    struct bytes key;
    struct bytes msgid;
    const bool routed = message_peek(body, &key, &msgid);

    if (!settlement_decode(body, &s, &field)) return;
    inside(body, s.msgid);
    inside(body, s.setl_id);
    inside(body, s.psn_key);
    inside(body, s.detail_digest);
    ENSURE(routed == (s.psn_key.size == PSN_KEY_SIZE));
    ENSURE(bytes_equal(s.psn_key, key));
    ENSURE(bytes_equal(s.msgid, msgid));

    uint8_t *out = malloc(body.size + SETTLEMENT_ENCODED_MAX);
    ENSURE(out != NULL);
    const size_t size = settlement_encode(&s, out);
    ENSURE(size <= body.size); /* The canonical form is the shortest. */
    ENSURE(settlement_decode((struct bytes){out, size}, &back, &field));
    ENSURE(settlement_same(&s, &back));
    ENSURE(bytes_equal(s.msgid, back.msgid));
    ENSURE(s.clr_amt_present == back.clr_amt_present);
    ENSURE(s.clr_amt == back.clr_amt);
    ENSURE(s.inf_time == back.inf_time);
    ENSURE(settlement_content_hash(&s) == settlement_content_hash(&back));
    free(out);
}

static void correction_laws(struct bytes body)
{
    struct correction c;
    struct correction back;
    uint32_t field = 0;

    if (!correction_decode(body, &c, &field)) return;
    inside(body, c.omsgid);
    uint8_t *out = malloc(body.size + SETTLEMENT_ENCODED_MAX);
    ENSURE(out != NULL);
    const size_t size = correction_encode(&c, out);
    ENSURE(size <= body.size);
    ENSURE(correction_decode((struct bytes){out, size}, &back, &field));
    ENSURE(bytes_equal(c.msgid, back.msgid));
    ENSURE(bytes_equal(c.omsgid, back.omsgid));
    ENSURE(bytes_equal(c.psn_key, back.psn_key));
    ENSURE(c.sender_admdvs == back.sender_admdvs);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reversal r;
    struct adjustment a;
    uint32_t field = 0;
    if (size == 0) return 0;
    const struct bytes body = {data + 1, size - 1};
    switch (data[0] % 4) {
    case 0:
        settlement_laws(body);
        break;
    case 1:
        if (reversal_decode(body, &r, &field)) inside(body, r.reason);
        break;
    case 2:
        if (adjustment_decode(body, &a, &field)) ENSURE(adjustment_same(&a, &a));
        break;
    default:
        correction_laws(body);
    }
    return 0;
}
