/* store_writer -- makes a store for the verifier's tests with the engine's own shards, message by
 * message, into small segments. For one test program at a time: it keeps its last answer here. */
#ifndef TESTS_UNIT_VERIFY_STORE_WRITER_H
#define TESTS_UNIT_VERIFY_STORE_WRITER_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "codec/messages.h"
#include "cycle/parts.h"
#include "deploy/embedded_tables.h"
#include "ledger/merge.h"
#include "proto/settlement.pb-c.h"
#include "shard.h"
#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "tools/verify/verify.h"
#include "types/civil.h"
#include "types/clearing.h"
#include "util/le.h"
#include "world/linux/journal_view.h"
#include "world/linux/layout.h"
#include "world/linux/lmdb_store.h"
#include "world/linux/segments.h"

/* A test that verifies a store a million times has one shard and shorter segments. */
#ifndef SHARDS
#define SHARDS        2
#define SEGMENT_BYTES (1024u * 1024 + SEGMENT_HEAD_SIZE)
#endif
#define MARCH_14 INT64_C(1741933800000) /* 2025-03-14 14:30:00 in Shanghai. */

/* -- a store, written by the engine's shards -------------------------------------------------- */

struct writer {
    struct layout layout;
    struct shard *shard;
    struct store *store;
    struct journal_view *view;
    char journal[LAYOUT_PATH_MAX];
    uint32_t number; /* Of the shard. */
    uint32_t segment;
    uint32_t offset;
    int fd;
};

static struct tables tables;

static inline void load_tables(void)
{
    struct table_error error;
    tables_init(&tables);
    for (int i = 0; i < TABLE_FILE_COUNT; i++) {
        const struct bytes text = {embedded_tables[i].data, embedded_tables[i].size};
        assert_true(tables_load(&tables, (enum table_file)i, text, &error));
    }
}

static inline void writer_open(struct writer *w, const char *dir, uint32_t number)
{
    char path[LAYOUT_PATH_MAX];
    struct shard_config config;
    struct replay_start from;
    const char *why;

    *w = (struct writer){.number = number, .fd = -1};
    assert_int_equal(layout_open(dir, &w->layout, NULL), 0);
    layout_journal_path(&w->layout, number, w->journal);
    layout_state_path(&w->layout, number, path);
    assert_int_equal(store_open(path, false, false, &w->store), 0);
    shard_config_init(&config);
    config.shard = number;
    config.shards = SHARDS;
    memcpy(config.store_id, w->layout.store_id, STORE_ID_SIZE);
    config.hash_seed = le_load64(w->layout.hash_key) ^ le_load64(w->layout.hash_key + 8);
    config.tables = &tables;
    const struct journal_folder folder = journal_folder_of(w->journal, w->layout.store_id, number);
    w->view = journal_view_new(&folder);
    assert_non_null(w->view);
    config.store = w->store;
    config.journal = w->view;
    config.manual_clock = true;
    config.delta_entries = 4096;
    config.delta_bytes = 4u * 1024 * 1024;
    config.directory_ids = 65536;
    assert_int_equal(shard_open(&config, &w->shard, &from, &why), 0);
}

static inline void writer_close(struct writer *w)
{
    shard_free(w->shard);
    journal_view_free(w->view);
    store_close(w->store);
    if (w->fd >= 0) close(w->fd);
}

/* Writes a block where it belongs, beginning a segment when it does not fit. */
static inline void write_block(struct writer *w, struct bytes block, uint64_t number)
{
    if (w->segment == 0 || w->offset + block.size > SEGMENT_BYTES) {
        char path[SEGMENT_PATH_MAX];
        uint8_t head[SEGMENT_HEAD_SIZE];
        w->segment++;
        w->offset = SEGMENT_HEAD_SIZE;
        if (w->fd >= 0) close(w->fd);
        assert_int_equal(
            segment_prepare(w->journal, w->segment, SEGMENT_BYTES, SEGMENT_RESERVED, NULL), 0);
        segment_path(w->journal, w->segment, path);
        w->fd = open(path, O_RDWR);
        assert_true(w->fd >= 0);
        struct segment_head fields = {
            .shard = w->number, .segment = w->segment, .first_block = number};
        memcpy(fields.store_id, w->layout.store_id, STORE_ID_SIZE);
        segment_head_encode(&fields, head);
        assert_int_equal(pwrite(w->fd, head, sizeof head, 0), sizeof head);
    }
    assert_int_equal(pwrite(w->fd, block.data, block.size, w->offset), block.size);
    w->offset += (uint32_t)block.size;
}

static uint16_t last_code; /* Of the last result. */

static inline void step(struct writer *w, struct event *event)
{
    for (;;) {
        struct effects effects;
        shard_step(w->shard, event, &effects);
        for (int span = 0; span < 3; span++) {
            for (uint32_t i = 0; i < effects.results[span].count; i++) {
                last_code = effects.results[span].list[i].code;
                free(effects.results[span].list[i].data);
            }
        }
        struct merge *merge = effects.merge;
        const struct bytes block = effects.append;
        if (block.size != 0) {
            write_block(w, block, effects.append_number);
            *event = (struct event){
                .kind = EVENT_WRITTEN,
                .written = {w->segment, w->offset - (uint32_t)block.size, w->offset}};
        } else if (merge != NULL) {
            *event = (struct event){.kind = EVENT_MERGED};
        } else {
            return;
        }
        if (merge != NULL) {
            assert_int_equal(store_reserve(w->store, 64u << 20), 0);
            assert_int_equal(merge_run(merge), 0);
            if (block.size != 0) {
                struct event merged = {.kind = EVENT_MERGED};
                step(w, &merged);
            }
        }
    }
}

static inline void ask(struct writer *w, struct request request)
{
    struct event event = {.kind = EVENT_REQUESTS, .requests = {&request, 1}};
    step(w, &event);
    event = (struct event){.kind = EVENT_FLUSH};
    step(w, &event);
}

static inline void ask_message(struct writer *w, uint16_t type, struct bytes body, uint16_t want)
{
    ask(w, (struct request){.type = type, .body = body});
    assert_int_equal(last_code, want);
}

/* -- messages --------------------------------------------------------------------------------- */

struct record {
    struct settlement s;
    char msgid[16];
    char setl_id[16];
    char orig_setl_id[16];
    uint8_t psn_key[PSN_KEY_SIZE];
};

/* The settlement of person `n`, who is at home in shard n % 2; `id` makes its ids. */
static inline struct record *make_record(struct record *r, uint32_t n, uint32_t id, int64_t time_ms)
{
    memset(r, 0, sizeof *r);
    le_store32(r->psn_key, n % 2 == 0 ? n : UINT32_C(0x80000000) | n);
    le_store32(r->psn_key + 8, n);
    snprintf(r->msgid, sizeof r->msgid, "M%u", id);
    snprintf(r->setl_id, sizeof r->setl_id, "S%u", id);
    r->s = (struct settlement){
        .amounts = {[AMOUNT_MEDFEE] = 10000 + n,
                    [AMOUNT_FUND_SUM] = 6000 + n,
                    [AMOUNT_HIFP] = 5000 + n,
                    [AMOUNT_HIFOB] = 1000,
                    [AMOUNT_PSN_PART] = 4000,
                    [AMOUNT_ACCT] = 3000,
                    [AMOUNT_CASH] = 1000},
        .setl_time = time_ms,
        .msgid = bytes_of(r->msgid),
        .setl_id = bytes_of(r->setl_id),
        .psn_key = {r->psn_key, PSN_KEY_SIZE},
        .insu_admdvs = 340100,
        .mdtrtarea_admvs = n % 3 == 0 ? 310000 : 320100,
        .insutype = 310,
        .med_type = n % 5 == 0 ? 21 : 11,
        .clr_type = 11,
    };
    return r;
}

/* Turns it into the refund of `part` fen of the pool of the settlement with id `of`. */
static inline struct record *make_refund(struct record *r, uint32_t of, int64_t part)
{
    memset(r->s.amounts, 0, sizeof r->s.amounts);
    r->s.amounts[AMOUNT_MEDFEE] = r->s.amounts[AMOUNT_FUND_SUM] = r->s.amounts[AMOUNT_HIFP] = -part;
    r->s.refd_setl_flag = true;
    snprintf(r->orig_setl_id, sizeof r->orig_setl_id, "S%u", of);
    r->s.orig_setl_id = bytes_of(r->orig_setl_id);
    return r;
}

static inline struct bytes encoded(const struct record *r)
{
    static uint8_t out[SETTLEMENT_ENCODED_MAX];
    return (struct bytes){out, settlement_encode(&r->s, out)};
}

static inline struct bytes correction_of(const struct record *r, char *msgid)
{
    static uint8_t out[SETTLEMENT_ENCODED_MAX];
    const struct correction c = {.msgid = bytes_of(msgid),
                                 .omsgid = r->s.msgid,
                                 .psn_key = r->s.psn_key,
                                 .sender_admdvs = r->s.mdtrtarea_admvs};
    return (struct bytes){out, correction_encode(&c, out)};
}

static inline struct bytes adjustment_of(const struct record *r, char *msgid, char *adj_no,
                                         int64_t delta)
{
    static uint8_t out[1024];
    Qingfen__V1__SetlAdjust m = QINGFEN__V1__SETL_ADJUST__INIT;
    m.msgid = m.approval_no = msgid;
    m.adj_no = adj_no;
    m.setl_id = (char *)r->setl_id;
    m.psn_key = (ProtobufCBinaryData){PSN_KEY_SIZE, (uint8_t *)r->psn_key};
    m.insu_admdvs = m.approved_by = r->s.insu_admdvs;
    m.mdtrtarea_admvs = m.sender_admdvs = r->s.mdtrtarea_admvs;
    m.hifp_pay = delta;
    return (struct bytes){out, qingfen__v1__setl_adjust__pack(&m, out)};
}

/* A decision of the clearing cycle: one part with one row. Only shard 0 keeps them. */
static inline void decide(struct writer *w, uint64_t number)
{
    const struct setting_row row = {.name = "recon.required", .set_ms = MARCH_14};
    uint8_t body[PART_HEAD + 4 + sizeof row] = {0};
    if (w->number != 0) return;
    le_store64(body, number);
    le_store32(body + 8, 1);
    le_store32(body + 12, 1);
    le_store16(body + PART_HEAD, ROW_SETTING);
    le_store16(body + PART_HEAD + 2, sizeof row);
    memcpy(body + PART_HEAD + 4, &row, sizeof row);
    ask(w, (struct request){.type = REQUEST_CYCLE, .period = 202503, .body = {body, sizeof body}});
    assert_int_equal(last_code, ERROR_OK);
}

static inline int run_verify(const char *dir, const char *more)
{
    char *argv[] = {(char *)"verify", (char *)"--data", (char *)dir, (char *)more, NULL};
    return cmd_verify(more == NULL ? 3 : 4, argv);
}

/* Makes a store in a new folder; `live` is what each of its shards goes through. */
static inline void store_write(char dir[TEMP_FOLDER_SIZE], void (*live)(struct writer *w))
{
    load_tables();
    temp_folder_make(dir);
    assert_int_equal(layout_create(dir, SHARDS, MARCH_14, NULL, 0, NULL), 0);
    for (uint32_t number = 0; number < SHARDS; number++) {
        struct writer w;
        writer_open(&w, dir, number);
        live(&w);
        writer_close(&w);
    }
}

#endif
