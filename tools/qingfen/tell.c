#include "tools/qingfen/tell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "tools/client/json_map.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/words.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/wire.h"

#define PAGE_ROWS 1000 /* The engine's limit. */

struct speaker speaker_new(const char *command)
{
    return (struct speaker){
        .command = command, .address = options_address(), .format = FORMAT_TABLE};
}

void msgid_make(char ret_msgid[MSGID_TEXT_SIZE])
{
    uint64_t chance = 0;
    ENSURE(getrandom(&chance, sizeof(chance), 0) == (ssize_t)sizeof(chance));
    const struct civil now = civil_from_ms((int64_t)time(NULL) * MS_PER_SECOND);
    snprintf(ret_msgid, MSGID_TEXT_SIZE, "Q%04u%02u%02u%02u%02u%02u%015llx",
             (unsigned)now.year % 10000, (unsigned)now.month % 100, (unsigned)now.day % 100,
             (unsigned)now.hour % 100, (unsigned)now.minute % 100, (unsigned)now.second % 100,
             (unsigned long long)(chance >> 4));
}

char *borrowed(const char *text)
{
    return (char *)(uintptr_t)text;
}

/* Address of a field of a message; the field is there. */
static void *field_of(const ProtobufCMessage *message, const char *name,
                      const ProtobufCFieldDescriptor **ret_field)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(message->descriptor, name);
    ENSURE(field != NULL);
    if (ret_field != NULL) *ret_field = field;
    return (uint8_t *)(uintptr_t)message + field->offset;
}

Qingfen__V1__OrderReply *tell_over(struct talk *talk, const ProtobufCMessage *order, uint16_t type)
{
    return (Qingfen__V1__OrderReply *)talk_ask(talk, order, type,
                                               &qingfen__v1__order_reply__descriptor);
}

static void print_done(const Qingfen__V1__OrderReply *reply)
{
    fputs(reply->text[0] == '\0' ? "done" : reply->text, stdout);
    if (reply->ref[0] != '\0') printf(" [%s]", reply->ref);
    puts(reply->dup ? " (it was done before)" : "");
}

static void print_csv(const Qingfen__V1__OrderReply *reply)
{
    static const struct grid_column columns[] = {
        COLUMN_HIDDEN("code", NUMBER),
        COLUMN_HIDDEN("ref", TEXT),
        COLUMN_HIDDEN("dup", FLAG),
        COLUMN_HIDDEN("rows", COUNT),
        COLUMN_HIDDEN("engine_seq", COUNT),
        COLUMN_HIDDEN("decided_at", TIME),
        COLUMN_HIDDEN("msgid", TEXT),
        COLUMN_HIDDEN("text", TEXT),
        COLUMNS_END,
    };
    ProtobufCMessage *const rows[] = {(ProtobufCMessage *)(uintptr_t)reply};
    grid_print(FORMAT_CSV, columns, rows, 1);
}

int tell_print(const struct speaker *speaker, const Qingfen__V1__OrderReply *reply)
{
    const int status = ask_status(speaker->command, reply->code, reply->text);
    if (speaker->format == FORMAT_JSON) {
        print_json(&reply->base);
    } else if (status == EXIT_DONE && speaker->format == FORMAT_CSV) {
        print_csv(reply);
    } else if (status == EXIT_DONE) {
        print_done(reply);
    }
    return status;
}

int tell(const struct speaker *speaker, ProtobufCMessage *order, uint16_t type)
{
    char made[MSGID_TEXT_SIZE];
    if (speaker->msgid == NULL) msgid_make(made);
    *(char **)field_of(order, "msgid", NULL) =
        borrowed(speaker->msgid == NULL ? made : speaker->msgid);

    struct talk talk;
    if (!talk_open(&talk, speaker->command, &speaker->address, speaker->as)) return EXIT_FAILED;
    Qingfen__V1__OrderReply *reply = tell_over(&talk, order, type);
    talk_close(&talk);
    if (reply == NULL) {
        fprintf(stderr, "  to ask again for sure the same thing: --msgid %s\n",
                *(char **)field_of(order, "msgid", NULL));
        return EXIT_FAILED;
    }
    const int status = tell_print(speaker, reply);
    qingfen__v1__order_reply__free_unpacked(reply, NULL);
    return status;
}

/* -- lists --------------------------------------------------------------------------------------
 */

static void add_rows(struct pages *pages, const ProtobufCMessage *reply)
{
    const ProtobufCFieldDescriptor *field;
    void *at = field_of(reply, pages->rows_field, &field);
    ENSURE(field->label == PROTOBUF_C_LABEL_REPEATED);
    ProtobufCMessage **rows = *(ProtobufCMessage ***)at;
    const size_t count = *(const size_t *)((const uint8_t *)reply + field->quantifier_offset);

    pages->rows = realloc(pages->rows, (pages->row_count + count + 1) * sizeof(ProtobufCMessage *));
    NEED_MEMORY(pages->rows);
    if (count > 0) memcpy(pages->rows + pages->row_count, rows, count * sizeof(ProtobufCMessage *));
    pages->row_count += count;
}

static void add_reply(struct pages *pages, ProtobufCMessage *reply)
{
    pages->replies = realloc(pages->replies, (pages->reply_count + 1) * sizeof(ProtobufCMessage *));
    NEED_MEMORY(pages->replies);
    pages->replies[pages->reply_count++] = reply;
    add_rows(pages, reply);
}

int pages_read(struct pages *pages, const struct speaker *speaker, ProtobufCMessage *request,
               uint16_t type, const ProtobufCMessageDescriptor *reply, const char *rows_field)
{
    struct talk talk;
    *pages = (struct pages){.rows_field = rows_field};
    if (!talk_open(&talk, speaker->command, &speaker->address, speaker->as)) return EXIT_FAILED;

    int status = EXIT_DONE;
    bool more = true;
    while (status == EXIT_DONE && more) {
        const size_t before = pages->row_count;
        *(uint32_t *)field_of(request, "offset", NULL) = (uint32_t)before;
        *(uint32_t *)field_of(request, "limit", NULL) = PAGE_ROWS;
        ProtobufCMessage *answer = talk_ask(&talk, request, type, reply);
        if (answer == NULL) {
            status = EXIT_FAILED;
            break;
        }
        add_reply(pages, answer);
        status = ask_status(speaker->command, *(uint32_t *)field_of(answer, "code", NULL),
                            *(char **)field_of(answer, "text", NULL));
        more = *(protobuf_c_boolean *)field_of(answer, "more", NULL) && pages->row_count > before;
    }
    talk_close(&talk);
    return status;
}

void pages_free(struct pages *pages)
{
    for (size_t i = 0; i < pages->reply_count; i++) {
        protobuf_c_message_free_unpacked(pages->replies[i], NULL);
    }
    free(pages->replies);
    free(pages->rows);
    *pages = (struct pages){0};
}

void pages_filter(struct pages *pages, bool (*keep)(const ProtobufCMessage *row, const void *with),
                  const void *with)
{
    size_t kept = 0;
    for (size_t i = 0; i < pages->row_count; i++) {
        if (keep(pages->rows[i], with)) pages->rows[kept++] = pages->rows[i];
    }
    pages->row_count = kept;
}

void pages_json(const struct pages *pages)
{
    if (pages->reply_count == 0) return;
    json_t *whole = json_map_write(pages->replies[0]);
    json_t *rows = json_array();
    NEED_MEMORY(rows);
    for (size_t i = 0; i < pages->row_count; i++) {
        ENSURE(json_array_append_new(rows, json_map_write(pages->rows[i])) == 0);
    }
    ENSURE(json_object_set_new(whole, pages->rows_field, rows) == 0);
    ENSURE(json_object_set_new(whole, "more", json_false()) == 0);
    print_json_value(whole);
    json_decref(whole);
}

int list_show(const struct speaker *speaker, ProtobufCMessage *request, uint16_t type,
              const ProtobufCMessageDescriptor *reply, const char *rows_field,
              const struct grid_column *columns)
{
    struct pages pages;
    const int status = pages_read(&pages, speaker, request, type, reply, rows_field);
    if (speaker->format == FORMAT_JSON) {
        pages_json(&pages);
    } else if (status == EXIT_DONE) {
        grid_print(speaker->format, columns, pages.rows, pages.row_count);
    }
    pages_free(&pages);
    return status;
}
