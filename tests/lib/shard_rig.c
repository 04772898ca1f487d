#include "tests/lib/shard_rig.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec/mail.h"
#include "deploy/embedded_tables.h"
#include "journal/entry.h"
#include "ledger/merge.h"
#include "tests/lib/unit.h"
#include "world/linux/lmdb_store.h"

#define RESULTS_ROOM     70000
#define CONTROLS_ROOM    256
#define SEGMENT_END      (16u * BLOCK_ALIGN) /* Short segments, so that they change often. */
#define SHELF_SIZE       (16u << 20)
#define STORE_FIRST_SIZE (1u << 20)

/* -- tables --------------------------------------------------------------------------------- */

void rig_load_tables(struct tables *ret_tables)
{
    struct table_error error = {0, ""};
    tables_init(ret_tables);
    for (int file = 0; file < TABLE_FILE_COUNT; file++) {
        const struct bytes text = {embedded_tables[file].data, embedded_tables[file].size};
        if (!tables_load(ret_tables, (enum table_file)file, text, &error))
            fail_msg("%s:%u: %s", embedded_tables[file].name, error.line, error.what);
    }
    assert_true(tables_complete(ret_tables, &error));
}

/* -- opening and closing -------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
    (void)stat, (void)type, (void)walk;
    return remove(path);
}

static void open_store(struct rig *rig)
{
    assert_int_equal(
        store_open_sized(rig->folder, false, false, STORE_FIRST_SIZE, &rig->config.store), 0);
}

/* The position must be that of the block, or the end of the one before it. */
static void check_position(const struct rig *rig, const struct replay_start *from)
{
    if (from->segment == 0) {
        assert_int_equal(from->next_block, 1);
        return;
    }
    const uint32_t next = (uint32_t)(from->next_block - 1);
    assert_in_range(next, 1, rig->journal.count);
    const struct memory_block *before = &rig->journal.blocks[next - 1];
    const bool after_before =
        from->segment == before->place.segment && from->offset == before->place.end;
    const bool at_next = next != rig->journal.count &&
                         from->segment == rig->journal.blocks[next].place.segment &&
                         from->offset == rig->journal.blocks[next].place.offset;
    assert_true(after_before || at_next);
}

static void replay(struct rig *rig, const struct replay_start *from)
{
    uint8_t previous[BLOCK_HASH_SIZE];
    uint64_t seq = from->next_seq;

    memcpy(previous, from->hash, sizeof previous);
    for (uint64_t i = from->next_block - 1; i < rig->journal.count; i++) {
        const struct memory_block *stored = &rig->journal.blocks[i];
        struct block block;
        uint8_t hash[BLOCK_HASH_SIZE];
        assert_int_equal(block_open((struct bytes){stored->bytes, stored->size}, &block, hash),
                         BLOCK_SOUND);
        assert_int_equal(block.number, i + 1);
        assert_int_equal(block.first_seq, seq);
        assert_memory_equal(block.previous, previous, sizeof previous);
        memcpy(previous, hash, sizeof previous);
        seq += block.entry_count;
        assert_int_equal(shard_replay(rig->shard, &block, hash, stored->place.segment,
                                      stored->place.offset, stored->place.end),
                         0);
    }
}

static void open_shard(struct rig *rig)
{
    struct replay_start from;
    const char *why = NULL;

    open_store(rig);
    const int r = shard_open(&rig->config, &rig->shard, &from, &why);
    if (r != 0) fail_msg("shard_open: %d %s", r, why == NULL ? "" : why);
    check_position(rig, &from);
    shard_watch(rig->shard, rig->watch, rig);
    replay(rig, &from);
}

void rig_open(struct rig *rig, const struct rig_options *options)
{
    memset(rig, 0, sizeof *rig);
    strcpy(rig->folder, "/tmp/qingfen-test-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    shard_config_init(&rig->config);
    memset(rig->config.store_id, 7, sizeof rig->config.store_id);
    rig->config.hash_seed = 99;
    rig->config.tables = options->tables;
    rig->config.params = options->params;
    if (options->params == NULL) {
        params_init(&rig->params);
        assert_true(params_put(&rig->params, &(struct rule_row){.param = PARAM_WALLET_INLINE}));
        rig->config.params = &rig->params;
    }
    rig->config.journal = &rig->journal;
    rig->each_read_fails = getenv("QINGFEN_EACH_READ_FAILS") != NULL;
    rig->config.shard = options->shard;
    rig->config.shards = options->shards != 0 ? options->shards : 1;
    rig->config.shelf_bytes = SHELF_SIZE;
    rig->config.manual_clock = !options->system_clock;
    rig->config.delta_entries = options->delta_entries != 0 ? options->delta_entries : 256;
    rig->config.delta_bytes = options->delta_bytes != 0 ? options->delta_bytes : 1u << 20;
    rig->config.directory_ids = 64;
    rig->config.cells = options->cells != 0 ? options->cells : 65536;
    rig->results = calloc(RESULTS_ROOM, sizeof *rig->results);
    rig->controls = calloc(CONTROLS_ROOM, sizeof *rig->controls);
    assert_non_null(rig->results);
    assert_non_null(rig->controls);
    open_shard(rig);
}

void rig_forget(struct rig *rig)
{
    for (uint32_t i = 0; i < rig->control_count; i++)
        free(rig->controls[i].result.data);
    for (uint32_t i = 0; i < rig->result_count; i++)
        free(rig->results[i].result.data);
    rig->result_count = 0;
    rig->control_count = 0;
}

void rig_close(struct rig *rig)
{
    rig_forget(rig);
    shard_free(rig->shard);
    store_close(rig->config.store);
    journal_memory_free(&rig->journal);
    free(rig->results);
    free(rig->controls);
    nftw(rig->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* -- steps ---------------------------------------------------------------------------------- */

static void copy_result(struct rig_result *place, const struct result *result)
{
    place->result = *result;
    assert_in_range(result->failure_count, 0, FAILURES_MAX);
    if (result->failure_count != 0) {
        memcpy(place->failures, result->failures, result->failure_count * sizeof *result->failures);
    }
    place->result.failures = NULL;
}

/* True for one that the test does not hear of. */
static bool is_unread(struct rig *rig, const struct result *result)
{
    if (!rig->each_read_fails || result->code != ERROR_RECORD_UNREADABLE) return false;
    rig->refused_unread++;
    /* It says which record it is: in its failure, or in the words of its data. */
    const bool in_failure = result->failure_count == 1 && result->failures[0].check == CHECK_PLACE;
    assert_true(in_failure || result->data_size > strlen(error_text(result->code)));
    free(result->data);
    return true;
}

static void collect(struct rig *rig, const struct effects *effects)
{
    for (int part = 0; part < 2; part++) { /* The second one where the ring begins again. */
        const struct result_span *span = &effects->results[part];
        for (uint32_t i = 0; i < span->count; i++) {
            if (is_unread(rig, &span->list[i])) continue;
            assert_in_range(rig->result_count, 0, RESULTS_ROOM - 1);
            copy_result(&rig->results[rig->result_count++], &span->list[i]);
        }
    }
    for (uint32_t i = 0; i < effects->results[2].count; i++) {
        if (is_unread(rig, &effects->results[2].list[i])) continue;
        assert_in_range(rig->control_count, 0, CONTROLS_ROOM - 1);
        copy_result(&rig->controls[rig->control_count++], &effects->results[2].list[i]);
    }
    if (effects->append.size != 0) {
        assert_int_equal(rig->appended.size, 0); /* (S1) */
        rig->appended = effects->append;
    }
    if (effects->merge != NULL) {
        assert_null(rig->merge);
        rig->merge = effects->merge;
        rig->merge_ran = false;
    }
}

static uint32_t step(struct rig *rig, struct event *event)
{
    struct effects effects;
    event->now_ms = rig->now_ms;
    shard_step(rig->shard, event, &effects);
    collect(rig, &effects);
    return effects.taken;
}

static uint32_t give_once(struct rig *rig, const struct request *list, uint32_t count)
{
    struct event event = {.kind = EVENT_REQUESTS, .requests = {list, count}};
    return step(rig, &event);
}

/* Gives it on a disk whose nth reading fails. False when it came to none: then it was given for
 * good, and *ret_taken is how many were taken. */
static bool give_unread(struct rig *rig, const struct request *request, uint32_t nth,
                        uint32_t *ret_taken)
{
    struct shard_status before, after;
    const int64_t due_ms = shard_next_due(rig->shard);
    shard_get_status(rig->shard, &before);
    rig->journal.fails_at = nth;
    rig->journal.good_count = 0;
    rig->journal.failed = false;
    *ret_taken = give_once(rig, request, 1);
    rig->journal.fails_at = 0;
    if (!rig->journal.failed) return false;
    shard_get_status(rig->shard, &after);
    assert_int_equal(*ret_taken, 1);
    assert_int_equal(after.unreadable, before.unreadable + 1);
    assert_int_equal(after.accepted, before.accepted);
    assert_int_equal(after.duplicate, before.duplicate);
    /* But for what was due before it. */
    if (shard_next_due(rig->shard) == due_ms) assert_int_equal(after.last_seq, before.last_seq);
    return true;
}

/* One whose answer waits for a block takes one of the desk's few places while it does. */
static bool may_wait(const struct rig *rig, const struct request *request)
{
    return (request->type & 0xff00) == REQUEST_CONTROL && shard_unwritten(rig->shard);
}

static uint32_t give_each_unread(struct rig *rig, const struct request *request)
{
    uint32_t taken;
    for (uint32_t nth = 1; !may_wait(rig, request); nth += 1 + nth / 16) {
        if (!give_unread(rig, request, nth, &taken)) return taken;
    }
    return give_once(rig, request, 1);
}

uint32_t rig_give(struct rig *rig, const struct request *list, uint32_t count)
{
    uint32_t taken = 0;
    if (!rig->each_read_fails) return give_once(rig, list, count);
    while (taken < count && give_each_unread(rig, &list[taken]) == 1)
        taken++;
    return taken;
}

void rig_make_old(struct rig *rig)
{
    if (!rig->each_read_fails) return;
    rig_settle(rig);
    rig_checkpoint(rig);
    rig_settle(rig);
    rig_forget(rig);
}

void rig_flush(struct rig *rig)
{
    struct event event = {.kind = EVENT_FLUSH};
    step(rig, &event);
}

/* Each has its own sum: it may be read by itself one day. */
static void assert_entries_sound(struct bytes payload)
{
    struct entry entry;
    while (payload.size != 0) {
        const size_t size = entry_decode(payload, &entry);
        assert_int_not_equal(size, 0);
        payload = (struct bytes){payload.data + size, payload.size - size};
    }
}

/* The block on its way joins the list of those that are there. */
static void keep_block(struct rig *rig)
{
    const uint32_t size = (uint32_t)rig->appended.size;
    const uint8_t *bytes = journal_memory_add(&rig->journal, rig->appended, SEGMENT_END)->bytes;
    rig->appended = (struct bytes){0};

    struct block opened;
    uint8_t hash[BLOCK_HASH_SIZE];
    assert_int_equal(block_open((struct bytes){bytes, size}, &opened, hash), BLOCK_SOUND);
    assert_int_equal(opened.first_seq, rig->durable_seq + 1);
    assert_entries_sound(opened.payload);
    rig->durable_seq += opened.entry_count;
}

void rig_written(struct rig *rig)
{
    assert_int_not_equal(rig->appended.size, 0);
    keep_block(rig);
    struct event event = {.kind = EVENT_WRITTEN,
                          .written = rig->journal.blocks[rig->journal.count - 1].place};
    step(rig, &event);
}

void rig_checkpoint(struct rig *rig)
{
    struct event event = {.kind = EVENT_CHECKPOINT};
    step(rig, &event);
    rig_flush(rig);
}

void rig_merge_run(struct rig *rig)
{
    assert_non_null(rig->merge);
    if (rig->merge_ran) return;
    assert_int_equal(merge_run(rig->merge), 0);
    rig->merge_ran = true;
}

void rig_merged(struct rig *rig)
{
    rig_merge_run(rig);
    rig->merge = NULL;
    struct event event = {.kind = EVENT_MERGED, .status = 0};
    step(rig, &event);
}

void rig_settle(struct rig *rig)
{
    do {
        rig_flush(rig);
        if (rig->appended.size != 0) rig_written(rig);
        if (rig->merge != NULL) rig_merged(rig);
        rig_flush(rig);
    } while (rig->appended.size != 0 || rig->merge != NULL);
}

void rig_crash(struct rig *rig, bool lands)
{
    if (lands && rig->appended.size != 0) keep_block(rig);
    rig->appended = (struct bytes){0};
    rig->merge = NULL;
    shard_free(rig->shard);
    store_close(rig->config.store);
    open_shard(rig);
}

/* -- mail ----------------------------------------------------------------------------------- */

bool rig_mail(struct rig *from, struct rig *to)
{
    uint8_t batch[MAIL_BATCH_MAX];
    const size_t size = shard_mail_take(from->shard, to->config.shard, batch);
    const struct request request = {.type = REQUEST_MAIL, .body = {batch, size}};
    if (size == 0) return false;
    rig_settle(to);
    assert_int_equal(rig_give(to, &request, 1), 1);
    rig_settle(to);
    rig_settle(from);
    return true;
}

/* -- requests ------------------------------------------------------------------------------- */

struct settlement rig_visit(const char *msgid, const char *setl_id, const char *psn, int64_t fen)
{
    struct settlement s = {
        .msgid = bytes_of(msgid),
        .setl_id = bytes_of(setl_id),
        .psn_key = bytes_of(psn),
        .insutype = 310,
        .insu_admdvs = 110000,
        .mdtrtarea_admvs = 131000,
        .med_type = 11,
        .setl_time = MANUAL_CLOCK_START_MS + 1000,
    };
    s.amounts[AMOUNT_MEDFEE] = s.amounts[AMOUNT_FUND_SUM] = s.amounts[AMOUNT_HIFP] = fen;
    return s;
}

struct settlement rig_refund(const char *msgid, const char *setl_id,
                             const struct settlement *original, int64_t parts)
{
    struct settlement s = *original;
    s.msgid = bytes_of(msgid);
    s.setl_id = bytes_of(setl_id);
    s.orig_setl_id = original->setl_id;
    s.refd_setl_flag = true;
    for (int i = 0; i < AMOUNT_COUNT; i++)
        s.amounts[i] = -s.amounts[i] / parts;
    return s;
}

struct request rig_message(uint16_t type, uint16_t province, struct bytes body)
{
    return (struct request){.type = type, .province = province, .body = body};
}

struct request rig_control(uint16_t type, uint32_t period)
{
    return (struct request){.type = type, .period = period};
}

struct rig_result rig_ask(struct rig *rig, uint16_t type, uint16_t province, struct bytes body)
{
    const struct request request = rig_message(type, province, body);
    rig_forget(rig);
    rig_make_old(rig);
    assert_int_equal(rig_give(rig, &request, 1), 1);
    rig_settle(rig);
    assert_int_equal(rig->result_count, 1);
    return rig->results[0];
}

struct rig_result rig_order(struct rig *rig, struct request request)
{
    rig_forget(rig);
    rig_make_old(rig);
    assert_int_equal(rig_give(rig, &request, 1), 1);
    rig_settle(rig);
    assert_int_equal(rig->control_count, 1);
    return rig->controls[0];
}

void rig_clock(struct rig *rig, int64_t instant_ms)
{
    struct request request = rig_control(REQUEST_CLOCK, 0);
    request.instant_ms = instant_ms;
    assert_int_equal(rig_order(rig, request).result.code, ERROR_OK);
}

/* -- encoding ------------------------------------------------------------------------------- */

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static uint8_t *put_number(uint8_t *at, uint32_t field, uint64_t value)
{
    if (value == 0) return at;
    return put_varint(put_varint(at, field << 3), value);
}

static uint8_t *put_view(uint8_t *at, uint32_t field, struct bytes view)
{
    if (view.size == 0) return at;
    at = put_varint(put_varint(at, field << 3 | 2), view.size);
    memcpy(at, view.data, view.size);
    return at + view.size;
}

static uint8_t *put_amounts(uint8_t *at, const int64_t *amounts, uint32_t last_field)
{
#define X(symbol, name, field)                                                         \
    if (field <= last_field) {                                                         \
        const int64_t fen = amounts[AMOUNT_##symbol];                                  \
        at = put_number(at, field, (uint64_t)fen << 1 ^ (uint64_t)(fen < 0 ? -1 : 0)); \
    }
    SETTLEMENT_AMOUNTS(X)
#undef X
    return at;
}

size_t rig_encode_reversal(const struct reversal *reversal, uint8_t *out)
{
    const struct reversal *r = reversal;
    uint8_t *at = put_view(out, 1, r->msgid);
    at = put_view(at, 2, r->rev_setl_id);
    at = put_view(at, 3, r->setl_id);
    at = put_view(at, 4, r->psn_key);
    at = put_number(at, 6, r->insu_admdvs);
    at = put_number(at, 7, r->mdtrtarea_admvs);
    at = put_number(at, 11, (uint64_t)r->setl_time);
    at = put_amounts(at, r->amounts, 27);
    at = put_number(at, 28, r->full);
    at = put_view(at, 29, r->reason);
    at = put_number(at, 46, r->sender_admdvs);
    return (size_t)(put_number(at, 47, (uint64_t)r->inf_time) - out);
}

size_t rig_encode_adjustment(const struct adjustment *adjustment, uint8_t *out)
{
    const struct adjustment *a = adjustment;
    uint8_t *at = put_view(out, 1, a->msgid);
    at = put_view(at, 2, a->adj_no);
    at = put_view(at, 3, a->setl_id);
    at = put_view(at, 4, a->psn_key);
    at = put_number(at, 6, a->insu_admdvs);
    at = put_number(at, 7, a->mdtrtarea_admvs);
    at = put_amounts(at, a->amounts, 27);
    at = put_view(at, 29, a->reason);
    at = put_number(at, 30, a->approved_by);
    at = put_view(at, 31, a->approval_no);
    at = put_number(at, 46, a->sender_admdvs);
    return (size_t)(put_number(at, 47, (uint64_t)a->inf_time) - out);
}
