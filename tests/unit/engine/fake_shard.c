#include "tests/unit/engine/fake_shard.h"

#include <protobuf-c/protobuf-c.h>
#include <stdlib.h>

#include "cycle/calendar.h"
#include "engine_internal.h"
#include "tests/lib/unit.h"
#include "types/ensure.h"

#define RESULTS_MAX 4096

struct rig rig;

struct shard {
    uint32_t index;
    struct result kept[RESULTS_MAX];
    uint32_t kept_count;
    struct result out[RESULTS_MAX];
};

static struct shard shards[RIG_SHARDS];
static struct engine *engine;

/* -- what engine.c asks of a shard ----------------------------------------------------------- */

static void take(struct shard *shard, const struct request *request)
{
    assert_in_range(rig.seen_count, 0, SEEN_MAX - 1);
    assert_in_range(request->body.size, 0, SEEN_BODY_MAX);
    struct seen *seen = &rig.seen[rig.seen_count++];
    *seen = (struct seen){
        .shard = shard->index,
        .type = request->type,
        .province = request->province,
        .period = request->period,
        .area = request->area,
        .size = (uint32_t)request->body.size,
    };
    if (seen->size != 0) memcpy(seen->body, request->body.data, seen->size);
    assert_in_range(shard->kept_count, 0, RESULTS_MAX - 1);
    struct result *result = &shard->kept[shard->kept_count++];
    *result = (struct result){.ticket = request->ticket, .type = request->type};
    rig.answer(seen, result);
}

void shard_step(struct shard *shard, const struct event *event, struct effects *ret_effects)
{
    memset(ret_effects, 0, sizeof *ret_effects);
    if (event->kind == EVENT_REQUESTS && !rig.full[shard->index]) {
        for (uint32_t i = 0; i < event->requests.count; i++)
            take(shard, &event->requests.list[i]);
        ret_effects->taken = event->requests.count;
    }
    if (rig.silent[shard->index]) return;
    memcpy(shard->out, shard->kept, shard->kept_count * sizeof shard->kept[0]);
    ret_effects->results[2].list = shard->out;
    ret_effects->results[2].count = shard->kept_count;
    shard->kept_count = 0;
}

void shard_free(struct shard *shard)
{
    if (shard == NULL) return;
    for (uint32_t i = 0; i < shard->kept_count; i++)
        free(shard->kept[i].data);
}

void shard_get_status(const struct shard *shard, struct shard_status *ret_status)
{
    (void)shard;
    memset(ret_status, 0, sizeof *ret_status);
    ret_status->cut_through = rig.cut_through;
    ret_status->stamp_ms = rig.stamp_ms;
}

int64_t shard_next_due(const struct shard *shard)
{
    (void)shard;
    return INT64_MAX;
}

bool shard_each_cycle(const struct shard *shard, shard_cycle_fn *visit, void *context)
{
    (void)shard;
    (void)visit;
    (void)context;
    return true;
}

bool shard_unwritten(const struct shard *shard)
{
    (void)shard;
    return false;
}

bool shard_merging(const struct shard *shard)
{
    (void)shard;
    return false;
}

bool shard_mail_waits(const struct shard *shard)
{
    for (uint32_t to = 0; to < RIG_SHARDS; to++) {
        if (rig.mail[shard->index][to] != 0) return true;
    }
    return false;
}

/* A batch is its running number. */
size_t shard_mail_take(struct shard *shard, uint32_t to, uint8_t *out)
{
    if (rig.mail[shard->index][to] == 0) return 0;
    rig.mail[shard->index][to]--;
    const uint32_t number = ++rig.mail_taken[shard->index][to];
    memcpy(out, &number, sizeof number);
    memset(out + sizeof number, 0x5a, MAIL_BATCH_MAX - sizeof number);
    return MAIL_BATCH_MAX;
}

/* -- the driver ------------------------------------------------------------------------------ */

static void on_append(void *context, struct bytes block, uint64_t number)
{
    (void)context;
    (void)block;
    (void)number;
    fail_msg("the fake shard writes nothing");
}

static void on_merge(void *context, struct merge *merge)
{
    (void)context;
    (void)merge;
    fail_msg("the fake shard merges nothing");
}

static void on_send(void *context, uint32_t session, struct bytes bytes)
{
    struct frame frame;
    size_t size;
    assert_int_equal(frame_read(bytes, &frame, &size), FRAME_WHOLE);
    assert_int_equal(size, bytes.size);
    assert_in_range(rig.sent_count, 0, FRAMES_MAX - 1);
    assert_in_range(frame.payload.size, 0, SEEN_BODY_MAX);
    struct sent *sent = &rig.sent[rig.sent_count++];
    *sent = (struct sent){
        .home = (uint32_t)((struct home **)context - rig.homes),
        .session = session,
        .type = frame.type,
        .request_id = frame.request_id,
        .size = (uint32_t)frame.payload.size,
    };
    if (sent->size != 0) memcpy(sent->payload, frame.payload.data, sent->size);
}

static void on_close(void *context, uint32_t session)
{
    (void)context;
    (void)session;
}

static bool woken;

static void on_wake(void *context, uint32_t shard)
{
    (void)context;
    (void)shard;
    woken = true;
}

static void answer_nothing(const struct seen *seen, struct result *result)
{
    (void)seen;
    rig_say(result, "ok");
}

int rig_setup(void **state)
{
    static const struct setting_values settings;
    static const struct calendar calendar;
    const struct engine_config config = {
        .shards = RIG_SHARDS, .sessions_max = 4, .calendar = &calendar, .settings = &settings};
    (void)state;
    memset(&rig, 0, sizeof rig);
    memset(shards, 0, sizeof shards);
    rig.answer = answer_nothing;
    engine = engine_new(&config);
    assert_non_null(engine);
    for (uint32_t i = 0; i < RIG_SHARDS; i++) {
        const struct home_ops ops = {
            .context = &rig.homes[i],
            .append = on_append,
            .merge = on_merge,
            .send = on_send,
            .close = on_close,
            .wake = on_wake,
        };
        shards[i].index = i;
        rig.homes[i] = home_new(engine, i, &shards[i], &ops);
        assert_non_null(rig.homes[i]);
        home_session_opened(rig.homes[i], 0);
    }
    cycle_restore(rig.homes[0]);
    return 0;
}

int rig_teardown(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < RIG_SHARDS; i++)
        home_free(rig.homes[i]);
    engine_free(engine);
    return 0;
}

enum home_taken rig_frame(uint32_t home, uint16_t type, uint64_t request_id, const void *message)
{
    static uint8_t body[65536];
    const size_t size = protobuf_c_message_pack(message, body);
    const struct frame frame = {
        .request_id = request_id, .type = type, .version = FRAME_VERSION, .payload = {body, size}};
    const enum home_taken taken = home_frame(rig.homes[home], 0, &frame, 1);
    home_submit(rig.homes[home], 1); /* The bytes are gone after it. */
    memset(body, 0xee, size);
    return taken;
}

void rig_turn(void)
{
    for (uint32_t i = 0; i < RIG_SHARDS; i++)
        (void)home_turn(rig.homes[i], 1, 1);
}

void rig_run(void)
{
    bool any = true;
    for (int round = 0; any; round++) {
        any = woken = false;
        for (uint32_t i = 0; i < RIG_SHARDS; i++)
            any |= home_turn(rig.homes[i], 1, 1);
        any |= woken;
        assert_in_range(round, 0, 100000);
    }
}

const struct sent *rig_answer_of(uint64_t request_id)
{
    for (uint32_t i = 0; i < rig.sent_count; i++) {
        if (rig.sent[i].request_id == request_id) return &rig.sent[i];
    }
    return NULL;
}

void rig_say(struct result *result, const char *text)
{
    result->data_size = strlen(text);
    result->data = malloc(result->data_size + 1);
    assert_non_null(result->data);
    memcpy(result->data, text, result->data_size);
}

void rig_put(enum row_kind kind, const void *row)
{
    struct decision decision;
    decision_init(&decision);
    decision_put(&decision, kind, row);
    const struct bytes rows = {decision.data, decision.size};
    assert_int_equal(cycle_apply(rig.homes[0]->desk.cycle, rows), 0);
    decision_free(&decision);
}

const struct cycle *rig_cycle(void)
{
    return rig.homes[0]->desk.cycle;
}

void rig_dispute(const char *setl_id, bool resolved)
{
    struct dispute_row row = {.payer = 0, .payee = 1};
    row.state = resolved ? DISPUTE_RESOLVED : DISPUTE_OPEN;
    memcpy(row.dispute_no, "D1", 2);
    row.ref.size = (uint8_t)strlen(setl_id);
    memcpy(row.ref.setl_id, setl_id, row.ref.size);
    rig_put(ROW_DISPUTE, &row);
}
