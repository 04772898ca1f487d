/* person records, person settlements -- lists that come page by page, put together into one. */
#include <stdlib.h>
#include <string.h>

#include "person.pb-c.h"
#include "tools/client/json_map.h"
#include "tools/client/table.h"
#include "tools/qingfen/asker.h"
#include "tools/qingfen/commands.h"
#include "types/ensure.h"
#include "types/wire.h"

/* One page, whichever list it is of. */
struct page {
    uint32_t code;
    const char *text;
    ProtobufCMessage **rows;
    size_t count;
    const char *token;
};

static struct page page_of(const ProtobufCMessage *message)
{
    if (message->descriptor == &qingfen__v1__wlt_records_reply__descriptor) {
        const Qingfen__V1__WltRecordsReply *m = (const Qingfen__V1__WltRecordsReply *)message;
        return (struct page){m->code, m->text, (ProtobufCMessage **)m->records, m->n_records,
                             m->page_token};
    }
    const Qingfen__V1__SetlRecordsReply *m = (const Qingfen__V1__SetlRecordsReply *)message;
    return (struct page){m->code, m->text, (ProtobufCMessage **)m->records, m->n_records,
                         m->page_token};
}

/* All pages of a list. */
struct list {
    ProtobufCMessage **replies; /* Owned. */
    size_t reply_count;
    ProtobufCMessage **rows; /* They live in the replies. */
    size_t row_count;
};

static void list_add(struct list *list, ProtobufCMessage *reply, size_t most)
{
    const struct page page = page_of(reply);
    const size_t room = most != 0 ? most - list->row_count : page.count;
    const size_t count = page.count < room ? page.count : room;
    list->replies = realloc(list->replies, (list->reply_count + 1) * sizeof(void *));
    NEED_MEMORY(list->replies);
    list->replies[list->reply_count++] = reply;
    list->rows = realloc(list->rows, (list->row_count + count + 1) * sizeof(void *));
    NEED_MEMORY(list->rows);
    if (count != 0) memcpy(list->rows + list->row_count, page.rows, count * sizeof(void *));
    list->row_count += count;
}

static void list_free(struct list *list)
{
    for (size_t i = 0; i < list->reply_count; i++)
        protobuf_c_message_free_unpacked(list->replies[i], NULL);
    free(list->replies);
    free(list->rows);
}

/* Where a request keeps the token of the page it wants. */
static char **token_of(ProtobufCMessage *request)
{
    return request->descriptor == &qingfen__v1__wlt_records__descriptor
               ? &((Qingfen__V1__WltRecords *)request)->page_token
               : &((Qingfen__V1__SetlRecords *)request)->page_token;
}

/* Asks for page after page until there are `most` rows (0: all). The exit status. */
static int list_read(struct list *list, const struct speaker *speaker, ProtobufCMessage *request,
                     uint16_t type, const ProtobufCMessageDescriptor *descriptor, size_t most)
{
    struct talk talk;
    if (!talk_open(&talk, speaker->command, &speaker->address, speaker->as)) return EXIT_FAILED;
    int status;
    struct page page;
    do {
        ProtobufCMessage *reply = talk_ask(&talk, request, type, descriptor);
        if (reply == NULL) {
            status = EXIT_FAILED;
            break;
        }
        list_add(list, reply, most);
        page = page_of(reply);
        *token_of(request) = borrowed(page.token);
        status = ask_status(speaker->command, page.code, page.text);
    } while (status == EXIT_DONE && page.token[0] != '\0' && (most == 0 || list->row_count < most));
    talk_close(&talk);
    return status;
}

/* All pages as one reply. */
static void list_json(const struct list *list)
{
    if (list->reply_count == 0) return;
    json_t *whole = json_map_write(list->replies[0]);
    json_t *rows = json_array();
    NEED_MEMORY(rows);
    for (size_t i = 0; i < list->row_count; i++)
        ENSURE(json_array_append_new(rows, json_map_write(list->rows[i])) == 0);
    ENSURE(json_object_set_new(whole, "records", rows) == 0);
    ENSURE(json_object_set_new(whole, "page_token", json_string("")) == 0);
    print_json_value(whole);
    json_decref(whole);
}

static int show_records(const struct speaker *speaker, ProtobufCMessage *request, uint16_t type,
                        const ProtobufCMessageDescriptor *descriptor,
                        const struct grid_column *columns, uint64_t most)
{
    struct list list = {0};
    const int status = list_read(&list, speaker, request, type, descriptor, (size_t)most);
    if (speaker->format == FORMAT_JSON) {
        list_json(&list);
    } else if (status == EXIT_DONE) {
        grid_print(speaker->format, columns, list.rows, list.row_count);
    }
    list_free(&list);
    return status;
}

#define PERIOD_OPTIONS(from, to, most)                                                        \
    {"from", OPTION_DAY, (from), "YYYY-MM-DD", "the first day (at most 366 days)", 0, 0},     \
        {"until", OPTION_DAY, (to), "YYYY-MM-DD", "the last day", 0, 0},                      \
    {                                                                                         \
        "most", OPTION_NUMBER, (most), "N", "the newest N of them (default: all)", 1, 1000000 \
    }

int person_records(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "person records",
        .usage = "person records --psn-no NO|--psn-key HEX [--kind KIND] [OPTIONS]",
        .about =
            "What happened to the wallet (转账记录), newest first. KIND is transfer, payment,\n"
            "premium, usage, relation or wallet.\n",
        .examples =
            "  qingfen person records --psn-no 340100199001010011 --kind transfer\n"
            "  qingfen person records --psn-no 340100199001010011 --from 2026-01-01 --format csv\n",
    };
    static const struct grid_column columns[] = {
        COLUMN_HIDDEN("seq", NUMBER),
        COLUMN("at", TIME, "at"),
        COLUMN("kind", TEXT, "kind"),
        COLUMN("what", TEXT, "what"),
        COLUMN("amt", YUAN, "amount"),
        COLUMN("admdvs", NUMBER, "area"),
        COLUMN("id", TEXT, "id"),
        COLUMN_HIDDEN("ref", TEXT),
        COLUMN_HIDDEN("old_admdvs", NUMBER),
        COLUMNS_END,
    };
    struct asker asker = asker_new(help.name);
    const char *kind = NULL;
    uint32_t from = 0;
    uint32_t to = 0;
    uint64_t most = 0;
    const struct option_spec specs[] = {
        ASKER_OPTIONS(&asker),
        {"kind", OPTION_TEXT, &kind, "KIND", "only these", 0, 0},
        PERIOD_OPTIONS(&from, &to, &most),
        {0},
    };
    const int status = asker_read(&asker, argc, argv, &help, specs);
    if (status != OPTIONS_GO) return status;

    Qingfen__V1__WltRecords request = QINGFEN__V1__WLT_RECORDS__INIT;
    request.psn_key = asker_key(&asker);
    request.from = person_day_ms(from);
    request.to = person_day_end_ms(to);
    request.limit = 200;
    if (kind != NULL) request.kind = borrowed(kind);
    return show_records(&asker.speaker, &request.base, MESSAGE_WLT_RECORDS,
                        &qingfen__v1__wlt_records_reply__descriptor, columns, most);
}

int person_settlements(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "person settlements",
        .usage = "person settlements --psn-no NO|--psn-key HEX [OPTIONS]",
        .about =
            "Settlements and refunds across provinces (异地就医结算记录), the newest first; by\n"
            "the day of their settlement. A province sees those it insured or treated.\n",
        .examples = "  qingfen person settlements --psn-no 340100199001010011 --from 2026-01-01\n",
    };
    static const struct grid_column columns[] = {
        COLUMN("setl_time", TIME, "settled at"),
        COLUMN("setl_id", TEXT, "setl_id"),
        COLUMN_HIDDEN("insu_admdvs", NUMBER),
        COLUMN("mdtrtarea_admvs", NUMBER, "treated in"),
        COLUMN_HIDDEN("fixmedins_code", TEXT),
        COLUMN_HIDDEN("insutype", NUMBER),
        COLUMN_HIDDEN("med_type", NUMBER),
        COLUMN_HIDDEN("refd_setl_flag", FLAG),
        COLUMN_HIDDEN("orig_setl_id", TEXT),
        COLUMN_SUMMED("medfee_sumamt", YUAN, "total 总额"),
        COLUMN_SUMMED("fund_pay_sumamt", YUAN, "fund 基金"),
        COLUMN_SUMMED("psn_part_amt", YUAN, "person 个人"),
        COLUMN_HIDDEN("acct_pay", YUAN),
        COLUMN_HIDDEN("wlt_pay", YUAN),
        COLUMN_HIDDEN("psn_cash_pay", YUAN),
        COLUMNS_END,
    };
    struct asker asker = asker_new(help.name);
    uint32_t from = 0;
    uint32_t to = 0;
    uint64_t most = 0;
    const struct option_spec specs[] = {
        ASKER_OPTIONS(&asker), PERIOD_OPTIONS(&from, &to, &most), {0}};
    const int status = asker_read(&asker, argc, argv, &help, specs);
    if (status != OPTIONS_GO) return status;

    Qingfen__V1__SetlRecords request = QINGFEN__V1__SETL_RECORDS__INIT;
    request.psn_key = asker_key(&asker);
    request.from = person_day_ms(from);
    request.to = person_day_end_ms(to);
    request.limit = 200;
    return show_records(&asker.speaker, &request.base, MESSAGE_SETL_RECORDS,
                        &qingfen__v1__setl_records_reply__descriptor, columns, most);
}
