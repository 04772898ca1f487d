#include "tools/qingfen/papers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/documents/replies.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/commands.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/wire.h"

#define PAGE_ROWS 1000 /* As many as the engine gives at once. */

static bool refuse(const struct document_fault *fault)
{
    fprintf(stderr, "qingfen document: %s\n", fault->text);
    return false;
}

/* A reply of the wanted kind without a code, freed by the caller; or NULL, and why was said. Every
 * reply begins with code and text. */
static ProtobufCMessage *ask(struct papers *papers, const ProtobufCMessage *request, uint16_t type,
                             const ProtobufCMessageDescriptor *reply)
{
    struct coded {
        ProtobufCMessage base;
        uint32_t code;
        char *text;
    };
    ProtobufCMessage *answer = ask_over("document", &papers->client, request, type, reply);
    if (answer == NULL) return NULL;
    const struct coded *coded = (const struct coded *)answer;
    if (ask_status("document", coded->code, coded->text) == EXIT_DONE &&
        answer->descriptor == reply) {
        return answer;
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return NULL;
}

/* True when there is another page; an empty page that promises more ends it. */
static bool next_page(bool more, size_t rows, uint32_t *offset)
{
    *offset += (uint32_t)rows;
    return more && rows > 0;
}

static bool connect_papers(struct papers *papers)
{
    Qingfen__V1__HelloReply *hello = NULL;
    int r = client_connect(&papers->client, 0);
    if (r == 0 && papers->as != 0) r = client_hello(&papers->client, papers->as, 0, &hello);
    if (hello != NULL) qingfen__v1__hello_reply__free_unpacked(hello, NULL);
    if (r == 0) return true;
    fprintf(stderr, "qingfen document: %s\n", papers->client.text);
    return false;
}

bool papers_open(struct papers *papers, const struct client_address *address, uint32_t as,
                 uint32_t period)
{
    *papers = (struct papers){.as = as, .period = period, .area_province = MONTH_ANYBODY};
    month_init(&papers->month);
    client_init(&papers->client, address);
    return connect_papers(papers);
}

bool papers_reconnect(struct papers *papers)
{
    const struct client_address address = papers->client.address;
    client_done(&papers->client);
    client_init(&papers->client, &address);
    return connect_papers(papers);
}

static void forget_areas(struct papers *papers)
{
    for (int side = 0; side < 2; side++) {
        free((void *)(uintptr_t)papers->areas[side].rows);
        papers->areas[side] = (struct area_list){0};
    }
    papers->area_province = MONTH_ANYBODY;
}

void papers_close(struct papers *papers)
{
    forget_areas(papers);
    client_done(&papers->client);
    month_free(&papers->month);
    free(papers->notices);
}

/* -- the batch -------------------------------------------------------------------------------- */

static ProtobufCMessage *ask_batch(struct papers *papers, uint32_t version, uint32_t offset,
                                   uint32_t limit)
{
    Qingfen__V1__BatchGet request = QINGFEN__V1__BATCH_GET__INIT;
    request.period = papers->period;
    request.version = version;
    request.offset = offset;
    request.limit = limit;
    request.province = papers->as;
    return ask(papers, &request.base, MESSAGE_BATCH_GET, &qingfen__v1__batch_get_reply__descriptor);
}

static bool read_lines(struct papers *papers, struct document_fault *fault)
{
    uint32_t offset = 0;
    bool more = true;
    while (more) {
        ProtobufCMessage *answer = ask_batch(papers, papers->month.version, offset, PAGE_ROWS);
        if (answer == NULL) return false;
        const Qingfen__V1__BatchGetReply *reply = (const Qingfen__V1__BatchGetReply *)answer;
        const bool is_read = replies_lines(&papers->month, reply, fault);
        more = next_page(reply->more, reply->n_lines, &offset);
        protobuf_c_message_free_unpacked(answer, NULL);
        if (!is_read) return refuse(fault);
    }
    return true;
}

bool papers_month(struct papers *papers)
{
    struct document_fault fault;
    if (papers->month.period != 0) return true;
    ProtobufCMessage *answer = ask_batch(papers, papers->version, 0, 0);
    if (answer == NULL) return false;
    const bool is_read =
        replies_batch(&papers->month, (const Qingfen__V1__BatchGetReply *)answer, &fault);
    protobuf_c_message_free_unpacked(answer, NULL);
    if (!is_read) return refuse(&fault);
    if (papers->as != 0) papers->month.province = province_index(papers->as);
    if (!read_lines(papers, &fault)) return false;
    return (tie_month(&papers->month, &fault) && tie_digest(&papers->month, &fault)) ||
           refuse(&fault);
}

/* -- areas ------------------------------------------------------------------------------------ */

static bool take_areas(struct area_list *areas, size_t *room,
                       const Qingfen__V1__AreaReportReply *reply, struct document_fault *fault)
{
    struct month_area *rows = (struct month_area *)(uintptr_t)areas->rows;
    if (areas->count + reply->n_rows > *room) {
        *room = (areas->count + reply->n_rows) * 2;
        rows = realloc(rows, *room * sizeof *rows);
        NEED_MEMORY(rows);
        areas->rows = rows;
    }
    for (size_t i = 0; i < reply->n_rows; i++) {
        if (!replies_area(reply->rows[i], &rows[areas->count++], fault)) return refuse(fault);
    }
    return true;
}

static bool read_areas(struct papers *papers, uint8_t province, bool is_receivable)
{
    struct area_list *areas = &papers->areas[is_receivable];
    struct document_fault fault;
    Qingfen__V1__AreaReport request = QINGFEN__V1__AREA_REPORT__INIT;
    size_t room = 0;
    bool more = true;
    request.period = papers->period;
    request.province = province_codes[province];
    request.receivable = is_receivable;
    request.limit = PAGE_ROWS;
    while (more) {
        ProtobufCMessage *answer = ask(papers, &request.base, MESSAGE_AREA_REPORT,
                                       &qingfen__v1__area_report_reply__descriptor);
        if (answer == NULL) return false;
        const Qingfen__V1__AreaReportReply *reply = (const Qingfen__V1__AreaReportReply *)answer;
        const bool is_taken = take_areas(areas, &room, reply, &fault);
        more = next_page(reply->more, reply->n_rows, &request.offset);
        protobuf_c_message_free_unpacked(answer, NULL);
        if (!is_taken) return false;
    }
    return tie_areas(&papers->month, province, is_receivable, areas->rows, areas->count, &fault) ||
           refuse(&fault);
}

bool papers_areas(struct papers *papers, uint8_t province)
{
    if (papers->area_province == province) return true;
    forget_areas(papers);
    if (!read_areas(papers, province, false) || !read_areas(papers, province, true)) return false;
    papers->area_province = province;
    return true;
}

/* -- notices ---------------------------------------------------------------------------------- */

static bool take_notices(struct papers *papers, const Qingfen__V1__NoticeListReply *reply,
                         bool is_prefund)
{
    struct document_fault fault;
    for (size_t i = 0; i < reply->n_notices; i++) {
        struct month_notice notice;
        if (!replies_notice(reply->notices[i], &notice, &fault)) return refuse(&fault);
        /* Emergencies carry a month, too: each notice is taken from one of the two lists. */
        if (notice_is_prefund(&notice) != is_prefund) continue;
        if (papers->notice_count == papers->notice_room) {
            papers->notice_room = papers->notice_room == 0 ? 256 : papers->notice_room * 2;
            papers->notices =
                realloc(papers->notices, papers->notice_room * sizeof *papers->notices);
            NEED_MEMORY(papers->notices);
        }
        papers->notices[papers->notice_count++] = notice;
    }
    return true;
}

static bool read_notices(struct papers *papers, uint32_t period, bool is_prefund)
{
    Qingfen__V1__NoticeList request = QINGFEN__V1__NOTICE_LIST__INIT;
    char kind[] = "prefund";
    bool more = true;
    request.province = papers->as;
    request.period = period;
    if (is_prefund) request.kind = kind;
    request.limit = PAGE_ROWS;
    while (more) {
        ProtobufCMessage *answer = ask(papers, &request.base, MESSAGE_NOTICE_LIST,
                                       &qingfen__v1__notice_list_reply__descriptor);
        if (answer == NULL) return false;
        const Qingfen__V1__NoticeListReply *reply = (const Qingfen__V1__NoticeListReply *)answer;
        const bool is_taken = take_notices(papers, reply, is_prefund);
        more = next_page(reply->more, reply->n_notices, &request.offset);
        protobuf_c_message_free_unpacked(answer, NULL);
        if (!is_taken) return false;
    }
    return true;
}

/* What every deposit waits for, against its notices. */
static bool tie_deposits(struct papers *papers)
{
    struct document_fault fault;
    Qingfen__V1__PrefundList request = QINGFEN__V1__PREFUND_LIST__INIT;
    struct month_prefund *prefunds = NULL;
    size_t count = 0;
    bool more = true;
    bool is_sound = true;
    request.province = papers->as;
    request.limit = PAGE_ROWS;
    while (more && is_sound) {
        ProtobufCMessage *answer = ask(papers, &request.base, MESSAGE_PREFUND_LIST,
                                       &qingfen__v1__prefund_list_reply__descriptor);
        if (answer == NULL) {
            free(prefunds);
            return false;
        }
        const Qingfen__V1__PrefundListReply *reply = (const Qingfen__V1__PrefundListReply *)answer;
        prefunds = realloc(prefunds, (count + reply->n_pairs + 1) * sizeof *prefunds);
        NEED_MEMORY(prefunds);
        for (size_t i = 0; i < reply->n_pairs && is_sound; i++) {
            is_sound = replies_prefund(reply->pairs[i], &prefunds[count++], &fault);
        }
        more = next_page(reply->more, reply->n_pairs, &request.offset);
        protobuf_c_message_free_unpacked(answer, NULL);
    }
    is_sound =
        is_sound && tie_prefunds(papers->notices, papers->notice_count, prefunds, count, &fault);
    free(prefunds);
    return is_sound || refuse(&fault);
}

/* The batch has come so far that its payments are asked for. */
static bool is_noticed(const struct month *month)
{
    static const char *const states[] = {"NOTICED", "PAYING", "SETTLED", "ARCHIVED"};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        if (strcmp(month->state, states[i]) == 0) return true;
    }
    return false;
}

bool papers_notices(struct papers *papers)
{
    struct document_fault fault;
    if (papers->has_notices) return true;
    if (!read_notices(papers, papers->period, false) || !read_notices(papers, 0, true))
        return false;
    papers->has_notices = true;
    if (is_noticed(&papers->month) &&
        !tie_notices(&papers->month, papers->notices, papers->notice_count, &fault)) {
        return refuse(&fault);
    }
    return tie_deposits(papers);
}

/* -- reconciliation --------------------------------------------------------------------------- */

static bool read_differences(struct papers *papers, struct recon_report *report,
                             struct recon_difference **ret_rows)
{
    struct document_fault fault;
    Qingfen__V1__DifferenceList request = QINGFEN__V1__DIFFERENCE_LIST__INIT;
    struct recon_difference *rows = NULL;
    bool more = true;
    request.province = province_codes[report->province];
    request.period = report->period;
    request.date = report->date;
    request.closed_too = true;
    request.limit = PAGE_ROWS;
    *ret_rows = NULL;
    while (more) {
        ProtobufCMessage *answer = ask(papers, &request.base, MESSAGE_DIFFERENCE_LIST,
                                       &qingfen__v1__difference_list_reply__descriptor);
        if (answer == NULL) return false;
        const Qingfen__V1__DifferenceListReply *reply =
            (const Qingfen__V1__DifferenceListReply *)answer;
        rows = realloc(rows, (report->difference_count + reply->n_differences + 1) * sizeof *rows);
        NEED_MEMORY(rows);
        *ret_rows = rows;
        bool is_sound = true;
        for (size_t i = 0; i < reply->n_differences && is_sound; i++) {
            is_sound = replies_difference(reply->differences[i], &rows[report->difference_count++],
                                          &fault);
        }
        more = next_page(reply->more, reply->n_differences, &request.offset);
        protobuf_c_message_free_unpacked(answer, NULL);
        if (!is_sound) return refuse(&fault);
    }
    report->differences = rows;
    return true;
}

static bool read_cells(struct papers *papers, struct recon_report *report,
                       struct recon_cell **ret_rows)
{
    struct document_fault fault;
    Qingfen__V1__ReconDay request = QINGFEN__V1__RECON_DAY__INIT;
    request.province = province_codes[report->province];
    request.period = report->period;
    request.date = report->date;
    ProtobufCMessage *answer =
        ask(papers, &request.base, MESSAGE_RECON_DAY, &qingfen__v1__recon_day_reply__descriptor);
    if (answer == NULL) return false;
    const Qingfen__V1__ReconDayReply *reply = (const Qingfen__V1__ReconDayReply *)answer;
    struct recon_cell *rows = calloc(reply->n_cells + 1, sizeof *rows);
    NEED_MEMORY(rows);
    bool is_sound = true;
    for (size_t i = 0; i < reply->n_cells && is_sound; i++) {
        is_sound = replies_recon(reply->cells[i], &rows[report->cell_count++], &fault);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    *ret_rows = rows;
    report->cells = rows;
    return is_sound || refuse(&fault);
}

/* The month's cells as the ledger has them, against the figures. */
static bool tie_cells(struct papers *papers, const struct recon_report *report)
{
    struct document_fault fault;
    Qingfen__V1__CellList request = QINGFEN__V1__CELL_LIST__INIT;
    struct recon_state *states = NULL;
    size_t count = 0;
    bool more = true;
    bool is_sound = true;
    request.province = province_codes[report->province];
    request.period = report->period;
    request.limit = PAGE_ROWS;
    while (more && is_sound) {
        ProtobufCMessage *answer = ask(papers, &request.base, MESSAGE_CELL_LIST,
                                       &qingfen__v1__cell_list_reply__descriptor);
        if (answer == NULL) {
            free(states);
            return false;
        }
        const Qingfen__V1__CellListReply *reply = (const Qingfen__V1__CellListReply *)answer;
        states = realloc(states, (count + reply->n_cells + 1) * sizeof *states);
        NEED_MEMORY(states);
        for (size_t i = 0; i < reply->n_cells && is_sound; i++) {
            is_sound = replies_cell(reply->cells[i], &states[count++], &fault);
        }
        more = next_page(reply->more, reply->n_cells, &request.offset);
        protobuf_c_message_free_unpacked(answer, NULL);
    }
    is_sound = is_sound && tie_recon_ledger(report->date == 0, report->cells, report->cell_count,
                                            states, count, &fault);
    free(states);
    return is_sound || refuse(&fault);
}

static bool make_recon(struct papers *papers, uint8_t province, uint32_t date,
                       struct document **ret_document)
{
    struct document_fault fault;
    struct recon_cell *cells = NULL;
    struct recon_difference *differences = NULL;
    struct recon_report report = {
        .period = papers->period,
        .date = date,
        .province = province,
        .as_of_ms = civil_month_start_ms(civil_month_next(papers->period)),
    };
    bool is_made =
        read_cells(papers, &report, &cells) && read_differences(papers, &report, &differences);
    if (is_made && !tie_recon(report.cells, report.cell_count, report.differences,
                              report.difference_count, &fault)) {
        is_made = refuse(&fault);
    }
    is_made = is_made && tie_cells(papers, &report);
    if (is_made) {
        *ret_document = build_recon(&report, &fault);
        is_made = *ret_document != NULL || refuse(&fault);
    }
    free(cells);
    free(differences);
    return is_made;
}

/* -- any document ------------------------------------------------------------------------------ */

static bool make_detail(struct papers *papers, enum document_kind kind, uint8_t province,
                        struct document **ret_document)
{
    struct document_fault fault;
    if (!papers_areas(papers, province)) return false;
    *ret_document =
        build_detail(&papers->month, kind, province, papers->areas[0], papers->areas[1], &fault);
    return *ret_document != NULL || refuse(&fault);
}

static bool make_notice(struct papers *papers, enum document_kind kind,
                        const struct notice_choice *choice, struct document **ret_document)
{
    struct document_fault fault;
    if (!papers_notices(papers)) return false;
    *ret_document = build_notice(
        kind, choice, (struct notice_list){papers->notices, papers->notice_count}, &fault);
    return *ret_document != NULL || fault.text[0] == '\0' || refuse(&fault);
}

bool papers_has_versions(enum document_kind kind)
{
    return kind == DOCUMENT_CLR_NATIONAL || kind == DOCUMENT_CLR_PAYABLE ||
           kind == DOCUMENT_CLR_RECEIVABLE;
}

bool papers_make(struct papers *papers, enum document_kind kind, uint8_t province,
                 const char *number, uint32_t date, bool is_of_month,
                 struct document **ret_document)
{
    struct document_fault fault;
    const struct notice_choice choice = {papers->period, province, number, is_of_month};
    *ret_document = NULL;
    if (kind == DOCUMENT_RECON_DAILY && papers->version == 0)
        return make_recon(papers, province, date, ret_document);
    if (!papers_month(papers)) return false;
    if (papers->version != 0 && !papers_has_versions(kind)) return true;
    switch (kind) {
    case DOCUMENT_CLR_NATIONAL:
        *ret_document = build_national(&papers->month, &fault);
        return *ret_document != NULL || refuse(&fault);
    case DOCUMENT_CLR_PAYABLE:
    case DOCUMENT_CLR_RECEIVABLE:
        *ret_document = build_summary(&papers->month, kind, province, &fault);
        return *ret_document != NULL || refuse(&fault);
    case DOCUMENT_CLR_DETAIL_EMP:
    case DOCUMENT_CLR_DETAIL_RES:
        return make_detail(papers, kind, province, ret_document);
    default:
        return make_notice(papers, kind, &choice, ret_document);
    }
}
