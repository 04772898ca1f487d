/* call -- any message as JSON, its reply as JSON: for trying out, for scripts, for tests. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/json_map.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/person.h"
#include "types/ensure.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "call [OPTIONS] TYPE [JSON]\n"
             "       qingfen call [OPTIONS] --file FILE.ndjson",
    .about =
        "Sends one message, or every line of a file one after the other, and prints each reply as\n"
        "one line of JSON. TYPE is the name of a request in proto/, such as StatusGet, SetlPost,\n"
        "PeriodCut or NoticeList, or its number, such as 0x0101. JSON defaults to {}.\n"
        "Field names are those of the .proto files; amounts are integer fen; bytes are hex; times "
        "are\n"
        "milliseconds or \"2026-03-02T21:59:00+08:00\" or \"2026-03-02 21:59:00\"; psn_no may "
        "stand for\n"
        "psn_key, which is made from it here, recv_psn_no for recv_psn_key and so on. Lines of a "
        "file are {\"type\": TYPE, fields…} or\n"
        "{\"type\": TYPE, \"body\": {fields…}}. Exit status 1 when a code is not 0.\n",
    .examples = "  qingfen call StatusGet\n"
                "  qingfen call SettlementGet '{\"insu_admdvs\": 340100, \"setl_id\": \"S1\"}'\n"
                "  qingfen call --file messages.ndjson\n",
};

struct call {
    struct client client;
    struct psn_key_maker *persons; /* Opened at the first psn_no. */
    const char *psn_key_file;
    bool is_lost; /* The connection; nothing more can be asked. */
};

static bool make_key(void *context, struct bytes psn_no, uint8_t ret_psn_key[PSN_KEY_SIZE])
{
    struct call *call = context;
    if (call->persons == NULL) call->persons = person_open("call", call->psn_key_file);
    if (call->persons == NULL) return false;
    psn_key_make(call->persons, psn_no, ret_psn_key);
    return true;
}

/* A number of the reply; NULL: it has no such field. */
static const uint32_t *number_of(const ProtobufCMessage *reply, const char *name)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(reply->descriptor, name);
    if (field == NULL) return NULL;
    return (const uint32_t *)(const void *)((const uint8_t *)reply + field->offset);
}

/* Every code is 0; of a batch, which has its own, those of its records as well. */
static bool is_done(const ProtobufCMessage *reply)
{
    const uint32_t *code = number_of(reply, "code");
    const uint32_t *rejected = number_of(reply, "rejected");
    ENSURE(code != NULL);
    return *code == 0 && (rejected == NULL || *rejected == 0);
}

static const struct json_message *find_type(const char *type)
{
    const struct json_message *message = json_message_find(type);
    if (message != NULL) return message;
    size_t count;
    const struct json_message *list = json_message_list(&count);
    fprintf(stderr, "qingfen call: there is no message '%s'", type);
    for (size_t i = 0; i < count; i++) {
        if (strncasecmp(type, list[i].name, 3) == 0) fprintf(stderr, "; perhaps %s", list[i].name);
    }
    fputc('\n', stderr);
    return NULL;
}

/* Sends one message and prints its reply. `place` stands before what is wrong with it. */
static int call_one(struct call *call, const struct json_message *kind, const json_t *body,
                    const char *place)
{
    struct json_map map = {.psn_key = make_key, .context = call};
    ProtobufCMessage *request = json_map_read(&map, kind->request, body);
    if (request == NULL) {
        fprintf(stderr, "qingfen call: %s%s: %s\n", place, kind->name, map.text);
        return EXIT_USAGE;
    }
    ProtobufCMessage *reply = ask_over("call", &call->client, request, kind->type, kind->reply);
    protobuf_c_message_free_unpacked(request, NULL);
    call->is_lost = reply == NULL;
    if (reply == NULL) return EXIT_FAILED;
    print_json(reply);
    const int status = is_done(reply) ? EXIT_DONE : EXIT_FAILED;
    protobuf_c_message_free_unpacked(reply, NULL);
    return status;
}

static int call_words(struct call *call, const char *type, const char *text)
{
    const struct json_message *kind = find_type(type);
    if (kind == NULL) return EXIT_USAGE;
    json_error_t error;
    json_t *body = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (body == NULL) {
        fprintf(stderr, "qingfen call: the JSON is wrong at column %d: %s\n", error.column,
                error.text);
        return EXIT_USAGE;
    }
    const int status = call_one(call, kind, body, "");
    json_decref(body);
    return status;
}

static int call_line(struct call *call, const char *line, size_t size, const char *place)
{
    json_error_t error;
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(object)) {
        fprintf(stderr, "qingfen call: %sthe JSON is wrong at column %d: %s\n", place, error.column,
                object == NULL ? error.text : "should be an object");
        json_decref(object);
        return EXIT_USAGE;
    }
    const json_t *type = json_object_get(object, "type");
    if (!json_is_string(type)) {
        fprintf(stderr, "qingfen call: %s\"type\" is missing\n", place);
        json_decref(object);
        return EXIT_USAGE;
    }
    int status = EXIT_USAGE;
    const struct json_message *kind = find_type(json_string_value(type));
    if (kind != NULL) {
        json_object_del(object, "type");
        const json_t *body = json_object_get(object, "body");
        const bool is_wrapped = json_is_object(body) && json_object_size(object) == 1;
        status = call_one(call, kind, is_wrapped ? body : object, place);
    }
    json_decref(object);
    return status;
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

/* All lines, also after a refusal; a lost connection ends it. The worst status. */
static int call_file(struct call *call, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "qingfen call: %s: %s\n", path, strerror(errno));
        return EXIT_USAGE;
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    int worst = EXIT_DONE;
    for (unsigned long number = 1; !call->is_lost && (size = getline(&line, &room, file)) >= 0;
         number++) {
        char place[64];
        if (is_blank(line)) continue;
        snprintf(place, sizeof(place), "line %lu: ", number);
        const int status = call_line(call, line, (size_t)size, place);
        if (status > worst) worst = status;
        fflush(stdout); /* A script may wait for this very line. */
    }
    /* Else what follows would count as sent. */
    if (ferror(file)) {
        fprintf(stderr, "qingfen call: %s: %s; what follows was not sent\n", path, strerror(errno));
        worst = EXIT_FAILED > worst ? EXIT_FAILED : worst;
    }
    free(line);
    if (file != stdin) fclose(file);
    return worst;
}

static int connect_call(struct call *call, uint32_t province)
{
    Qingfen__V1__HelloReply *hello = NULL;
    int r = client_connect(&call->client, 0);
    if (r == 0 && province != 0) r = client_hello(&call->client, province, 0, &hello);
    if (hello != NULL) qingfen__v1__hello_reply__free_unpacked(hello, NULL);
    if (r == 0) return EXIT_DONE;
    fprintf(stderr, "qingfen call: %s\n", call->client.text);
    return EXIT_FAILED;
}

int cmd_call(int argc, char **argv)
{
    struct call call = {0};
    struct client_address address = options_address();
    uint32_t province = 0;
    const char *file = NULL;
    const struct option_spec specs[] = {
        OPTION_TO(&address),
        OPTION_AS(&province),
        {"file", OPTION_TEXT, &file, "FILE", "send every line of this file ('-' is stdin)", 0, 0},
        {"psn-key", OPTION_TEXT, &call.psn_key_file, "FILE",
         "key that turns psn_no into psn_key, 64 hex digits", 0, 0},
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (file == NULL && words == 0) return options_refuse(&help, "say which message, or --file");
    if (words > (file == NULL ? 2 : 0)) {
        return options_refuse(&help, "'%s' is too much", argv[words - 1]);
    }
    client_init(&call.client, &address);
    status = connect_call(&call, province);
    if (status == EXIT_DONE) {
        status = file != NULL ? call_file(&call, file)
                              : call_words(&call, argv[0], words == 2 ? argv[1] : "{}");
    }
    psn_key_free(call.persons);
    client_done(&call.client);
    return status;
}
