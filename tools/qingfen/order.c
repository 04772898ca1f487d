#include "tools/qingfen/order.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/yuan.h"
#include "tools/qingfen/advice.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/file_text.h"
#include "tools/qingfen/person.h"
#include "tools/qingfen/tell.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/error.h"
#include "util/checksum.h"
#include "util/table_text.h"
#include "wallet.pb-c.h"

#define MADE_SIZE 31  /* C30 and its end mark. */
#define WHY_SIZE  256 /* One sentence. */
#define CELL_SIZE 256

/* What was said for one order, and the message made of it. */
struct order {
    const struct order_verb *verb;
    const char *text[ORDER_FIELDS_MAX]; /* As written; NULL: not given. Of a person: the number. */
    const char *key[ORDER_FIELDS_MAX];  /* Of a person: the key in hex. */
    bool flag[ORDER_FIELDS_MAX];
    const char *msgid;

    ProtobufCMessage *message; /* Owned; its texts are borrowed from above and below. */
    uint8_t keys[ORDER_FIELDS_MAX][PSN_KEY_SIZE];
    char made[ORDER_FIELDS_MAX][MADE_SIZE];
    char made_msgid[MADE_SIZE];
    char why[WHY_SIZE]; /* What is wrong. */
};

/* Who speaks, and how persons are keyed. */
struct desk {
    struct speaker speaker;
    const char *key_file;
    struct psn_key_maker *persons; /* Opened at the first number. */
    char name[64];                 /* "wallet open" */
};

/* -- values into fields ----------------------------------------------------------------------- */

static void *member_of(const struct order *order, const char *name,
                       const ProtobufCFieldDescriptor **ret_field)
{
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(order->message->descriptor, name);
    ENSURE(field != NULL); /* A slip in the table. */
    if (ret_field != NULL) *ret_field = field;
    return (uint8_t *)order->message + field->offset;
}

static bool set_number(struct order *order, const struct order_field *field, int64_t value)
{
    const ProtobufCFieldDescriptor *descriptor;
    void *member = member_of(order, field->field, &descriptor);
    switch (descriptor->type) {
    case PROTOBUF_C_TYPE_UINT32:
        if (value < 0 || value > UINT32_MAX) return false;
        *(uint32_t *)member = (uint32_t)value;
        return true;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        *(int64_t *)member = value;
        return true;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)member = value != 0;
        return true;
    default:
        ENSURE(false);
        return false;
    }
}

/* Place of the word in "a|b|c", from 1; 0: none of them. */
static int64_t word_place(const char *words, const char *text)
{
    const size_t size = strlen(text);
    int64_t place = 1;
    for (const char *at = words;; place++) {
        const size_t here = strcspn(at, "|");
        if (here == size && memcmp(at, text, size) == 0) return place;
        if (at[here] == '\0') break;
        at += here + 1;
    }
    uint64_t number;
    return number_parse(text, &number) && number >= 1 && number <= (uint64_t)place ? (int64_t)number
                                                                                   : 0;
}

/* The value as a number; NULL, or what it should have been. */
static const char *read_number(const struct order_field *field, const char *text, int64_t *ret)
{
    uint64_t number;
    uint32_t day;
    switch (field->kind) {
    case ORDER_AREA:
    case ORDER_NUMBER:
        if (!number_parse(text, &number) || number > INT64_MAX) {
            return "a whole number from 0 to 9223372036854775807";
        }
        *ret = (int64_t)number;
        if (field->kind == ORDER_NUMBER || strcmp(text, "0") == 0) return NULL;
        return number < 100000 || number > 999999 ? "the six digits of an area, such as 340100"
                                                  : NULL;
    case ORDER_YUAN:
        return yuan_parse(text, ret) && *ret >= 0
                   ? NULL
                   : "an amount in yuan, not below 0, such as 1234.50";
    case ORDER_DAY:
        if (!day_parse(text, &day)) return "a day of 2000 to 2999 such as 2025-03-14";
        *ret = day;
        return NULL;
    case ORDER_TIME:
        return civil_parse_iso(text, ret) || civil_parse_datetime(text, strlen(text), ret)
                   ? NULL
                   : "a time such as 2025-03-14T09:00:00+08:00";
    case ORDER_SWITCH:
        *ret = strcmp(text, "on") == 0;
        return *ret == 1 || strcmp(text, "off") == 0 ? NULL : "on or off";
    default:
        *ret = word_place(field->words, text);
        return *ret != 0 ? NULL : field->words;
    }
}

static bool refuse_value(struct order *order, const struct order_field *field, const char *text,
                         const char *wanted)
{
    snprintf(order->why, sizeof order->why, "--%s '%s': it should be %s", field->option, text,
             wanted);
    return false;
}

static bool read_key(const char *text, uint8_t ret_key[PSN_KEY_SIZE])
{
    if (strlen(text) != 2 * PSN_KEY_SIZE) return false;
    for (size_t i = 0; i < PSN_KEY_SIZE; i++) {
        const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};
        char *end;
        ret_key[i] = (uint8_t)strtoul(pair, &end, 16);
        if (*end != '\0' || pair[0] == '+' || pair[0] == '-' || pair[0] == ' ') return false;
    }
    return true;
}

static bool set_person(struct order *order, size_t i, struct desk *desk)
{
    const struct order_field *field = &order->verb->fields[i];
    if (order->text[i] != NULL && order->key[i] != NULL) {
        snprintf(order->why, sizeof order->why, "--%s-no and --%s-key: one of them is enough",
                 field->option, field->option);
        return false;
    }
    if (order->key[i] != NULL) {
        if (!read_key(order->key[i], order->keys[i])) {
            snprintf(order->why, sizeof order->why, "--%s-key '%s': it should be 32 hex digits",
                     field->option, order->key[i]);
            return false;
        }
    } else {
        if (desk->persons == NULL) desk->persons = person_open(desk->name, desk->key_file);
        if (desk->persons == NULL) {
            snprintf(order->why, sizeof order->why, "--%s-no cannot be keyed", field->option);
            return false;
        }
        ENSURE(order->text[i] != NULL); /* One of the two was given. */
        psn_key_make(desk->persons, bytes_of(order->text[i]), order->keys[i]);
    }
    ProtobufCBinaryData *member = member_of(order, field->field, NULL);
    *member = (ProtobufCBinaryData){.len = PSN_KEY_SIZE, .data = order->keys[i]};
    return true;
}

/* Nothing was given for a field: fine, unless it is needed. */
static bool left_out(struct order *order, const struct order_field *field)
{
    if (!field->needed) return true;
    snprintf(order->why, sizeof order->why, "--%s%s is needed", field->option,
             field->kind == ORDER_PERSON ? "-no" : "");
    return false;
}

static bool set_field(struct order *order, size_t i, struct desk *desk)
{
    const struct order_field *field = &order->verb->fields[i];
    const char *text = order->text[i] != NULL ? order->text[i] : field->otherwise;
    int64_t number = 0;

    if (field->kind == ORDER_FLAG) return set_number(order, field, order->flag[i]);
    if (field->kind == ORDER_PERSON && order->key[i] != NULL) return set_person(order, i, desk);
    if (text == NULL) return left_out(order, field);
    if (field->kind == ORDER_PERSON) return set_person(order, i, desk);
    if (field->kind == ORDER_TEXT || field->kind == ORDER_MADE) {
        *(char **)member_of(order, field->field, NULL) = borrowed(text);
        return true;
    }
    const char *wanted = read_number(field, text, &number);
    if (wanted != NULL) return refuse_value(order, field, text, wanted);
    return set_number(order, field, number) ||
           refuse_value(order, field, text, "a whole number from 0 to 4294967295");
}

/* A number of 30 characters that the same message always gets. The type belongs to it: to accept
 * and to decline say the same. */
static void make_number(const struct order *order, char letter, char out[MADE_SIZE])
{
    const size_t size = protobuf_c_message_get_packed_size(order->message);
    uint8_t *packed = malloc(size + 1);
    NEED_MEMORY(packed);
    protobuf_c_message_pack(order->message, packed);
    const uint64_t high = checksum_hash64(order->verb->type, packed, size);
    const uint64_t low = checksum_hash64(~(uint64_t)order->verb->type, packed, size) >> 12;
    free(packed);
    snprintf(out, MADE_SIZE, "%c%016llx%013llx", letter, (unsigned long long)high,
             (unsigned long long)low);
}

/* Makes the message. False, and why in order->why. */
static bool order_make(struct order *order, struct desk *desk)
{
    const struct order_verb *verb = order->verb;
    order->message = calloc(1, verb->request->sizeof_message);
    NEED_MEMORY(order->message);
    verb->request->message_init(order->message);
    for (size_t i = 0; i < ORDER_FIELDS_MAX && verb->fields[i].option != NULL; i++) {
        if (!set_field(order, i, desk)) return false;
    }
    for (size_t i = 0; i < ORDER_FIELDS_MAX && verb->fields[i].option != NULL; i++) {
        if (verb->fields[i].kind != ORDER_MADE || order->text[i] != NULL) continue;
        make_number(order, 'N', order->made[i]);
        *(char **)member_of(order, verb->fields[i].field, NULL) = order->made[i];
    }
    if (order->msgid == NULL && verb->asks) {
        msgid_make(order->made_msgid);
    } else if (order->msgid == NULL) {
        make_number(order, 'D', order->made_msgid);
    }
    *(char **)member_of(order, "msgid", NULL) =
        order->msgid != NULL ? borrowed(order->msgid) : order->made_msgid;
    return true;
}

/* -- the answer ------------------------------------------------------------------------------- */

/* What an answer says. */
#define ANSWER_COLUMNS                                                                         \
    COLUMN("stas", TEXT, "state 状态"), COLUMN("wlt_id", TEXT, "wlt_id"),                      \
        COLUMN("rlts_id", TEXT, "rlts_id"), COLUMN("trsf_id", TEXT, "trsf_id"),                \
        COLUMN("pay_id", TEXT, "pay_id"), COLUMN("rev_id", TEXT, "rev_id"),                    \
        COLUMN("reserve_id", TEXT, "reserve_id"), COLUMN("order_no", TEXT, "order_no"),        \
        COLUMN("amt", YUAN, "amount 金额"), COLUMN("balc", YUAN, "balance 余额"),              \
        COLUMN("exp_at", TIME, "until 截止"), COLUMN("chg_no", NUMBER, "number or code 序号"), \
        COLUMN("year", NUMBER, "year 年度"), COLUMN("clr_period", PERIOD, "cleared in 清算年月")

static const struct grid_column page_columns[] = {ANSWER_COLUMNS, COLUMNS_END};

/* For programs, with what the journal knows it by. */
static const struct grid_column csv_columns[] = {
    ANSWER_COLUMNS,
    COLUMN_HIDDEN("msgid", TEXT),
    COLUMN_HIDDEN("posted_at", TIME),
    COLUMN_HIDDEN("engine_seq", COUNT),
    COLUMN_HIDDEN("shard", NUMBER),
    COLUMN_HIDDEN("dup", FLAG),
    COLUMNS_END,
};

static const struct grid_column lot_columns[] = {
    COLUMN("admdvs", AREA, "of 来源"),
    COLUMN_SUMMED("amt", YUAN, "amount 金额"),
    COLUMNS_END,
};

/* The code, each field that is wrong, and what to do. */
static void print_refusal(const char *place, const Qingfen__V1__WalletReply *reply)
{
    fprintf(stderr, "%s: %u %s (%s)\n", place, reply->code,
            reply->text[0] != '\0' ? reply->text : error_text(reply->code),
            error_text_zh(reply->code));
    for (size_t i = 0; i < reply->n_errors; i++) {
        const Qingfen__V1__FieldError *error = reply->errors[i];
        const char *what = error->text[0] != '\0' ? error->text : error->check;
        const bool is_named = strstr(what, error->field) == what && error->field[0] != '\0';
        if (strcmp(what, reply->text) == 0) continue; /* Said above. */
        fprintf(stderr, "  %s%s%s\n", is_named ? "" : error->field,
                is_named || error->field[0] == '\0' ? "" : ": ", what);
    }
    const char *advice = advice_for(reply->code);
    if (advice != NULL) fprintf(stderr, "  what to do: %s\n", advice);
}

/* Whether a number that was made from the content stands behind the answer: then the same once
 * more, meant as another one, needs a number of its own. */
static const char *made_option(const struct order *order)
{
    for (size_t i = 0; i < ORDER_FIELDS_MAX && order->verb->fields[i].option != NULL; i++) {
        if (order->made[i][0] != '\0') return order->verb->fields[i].option;
    }
    return NULL;
}

static void print_page(const struct order *order, const Qingfen__V1__WalletReply *reply)
{
    puts(reply->dup ? "done before; this is that answer" : "done");
    grid_page(page_columns, &reply->base);
    if (reply->n_lots != 0) {
        putchar('\n');
        grid_print(FORMAT_TABLE, lot_columns, (ProtobufCMessage *const *)reply->lots,
                   reply->n_lots);
    }
    const char *option = made_option(order);
    if (reply->dup && option != NULL) {
        printf("to do the same once more, give it a number of its own: --%s\n", option);
    }
}

static int print_reply(const struct desk *desk, const struct order *order,
                       const Qingfen__V1__WalletReply *reply)
{
    ProtobufCMessage *const rows[] = {(ProtobufCMessage *)(uintptr_t)reply};
    char place[96];
    snprintf(place, sizeof place, "qingfen %s", desk->name);
    if (reply->code != 0) print_refusal(place, reply);
    if (desk->speaker.format == FORMAT_JSON) {
        print_json(&reply->base);
    } else if (reply->code == 0 && desk->speaker.format == FORMAT_CSV) {
        grid_print(FORMAT_CSV, csv_columns, rows, 1);
    } else if (reply->code == 0) {
        print_page(order, reply);
    }
    return reply->code == 0 ? EXIT_DONE : EXIT_FAILED;
}

static Qingfen__V1__WalletReply *order_send(const struct order *order, struct talk *talk)
{
    return (Qingfen__V1__WalletReply *)talk_ask(talk, order->message, order->verb->type,
                                                &qingfen__v1__wallet_reply__descriptor);
}

/* -- files: a row an order -------------------------------------------------------------------- */

/* A person's column is psn_key, or psn_no for the number: the same name with another end. */
static bool is_number_column(const struct order_field *field, struct bytes name)
{
    const size_t stem = strlen(field->field) - strlen("key");
    return field->kind == ORDER_PERSON && name.size == stem + 2 &&
           memcmp(name.data, field->field, stem) == 0 && memcmp(name.data + stem, "no", 2) == 0;
}

/* Where the value of a column goes in the order; NULL: no column of that name. */
static const char **place_of_column(struct order *order, struct bytes name)
{
    for (size_t i = 0; i < ORDER_FIELDS_MAX && order->verb->fields[i].option != NULL; i++) {
        const struct order_field *field = &order->verb->fields[i];
        if (field->kind == ORDER_FLAG) continue;
        if (is_number_column(field, name)) return &order->text[i];
        if (!bytes_equal(name, bytes_of(field->field))) continue;
        return field->kind == ORDER_PERSON ? &order->key[i] : &order->text[i];
    }
    return bytes_equal(name, bytes_of("msgid")) ? &order->msgid : NULL;
}

struct file_job {
    struct desk *desk;
    struct talk talk;
    const char *path;
    uint64_t sent;
    uint64_t accepted;
    uint64_t duplicate;
    uint64_t rejected;
};

/* One row into an order; its cells stay in `store`. */
static bool row_order(struct order *order, const struct table_cells *header,
                      const struct table_cells *cells, char store[][CELL_SIZE])
{
    if (cells->count != header->count) {
        snprintf(order->why, sizeof order->why, "not as many cells as the header has");
        return false;
    }
    for (uint32_t i = 0; i < cells->count; i++) {
        const struct bytes cell = cells->list[i];
        if (cell.size == 0) continue;
        if (cell.size >= CELL_SIZE) {
            snprintf(order->why, sizeof order->why, "a cell has more than %d bytes", CELL_SIZE - 1);
            return false;
        }
        memcpy(store[i], cell.data, cell.size);
        store[i][cell.size] = '\0';
        const char **place = place_of_column(order, header->list[i]);
        ENSURE(place != NULL); /* The header was looked at. */
        *place = store[i];
    }
    return true;
}

/* False when the engine is out of reach. */
static bool send_row(struct file_job *job, struct order *order, uint32_t line)
{
    char place[512];
    snprintf(place, sizeof place, "%s:%u", job->path, line);
    if (order->why[0] != '\0' || !order_make(order, job->desk)) {
        fprintf(stderr, "%s: %s\n", place, order->why);
        job->rejected++;
        return true;
    }
    Qingfen__V1__WalletReply *reply = order_send(order, &job->talk);
    if (reply == NULL) return false;
    job->sent++;
    if (reply->code != 0) {
        print_refusal(place, reply);
        job->rejected++;
    } else if (reply->dup) {
        job->duplicate++;
    } else {
        job->accepted++;
    }
    if (job->desk->speaker.format == FORMAT_JSON) print_json(&reply->base);
    qingfen__v1__wallet_reply__free_unpacked(reply, NULL);
    return true;
}

/* The names of the columns; false when one is unknown. They point into the file's text. */
static bool read_header(const struct order_verb *verb, struct table_text *lines, const char *path,
                        struct table_cells *ret_header)
{
    struct order order = {.verb = verb};
    const char *what = NULL;
    if (table_text_next(lines, ret_header, &what) <= 0) {
        fprintf(stderr, "%s:%u: %s\n", path, lines->line, what == NULL ? "no header" : what);
        return false;
    }
    for (uint32_t i = 0; i < ret_header->count; i++) {
        const struct bytes name = ret_header->list[i];
        if (place_of_column(&order, name) != NULL) continue;
        fprintf(stderr, "%s:%u: there is no column '%.*s'\n", path, lines->line, (int)name.size,
                (const char *)name.data);
        return false;
    }
    return true;
}

static int send_rows(struct file_job *job, const struct order_verb *verb, struct bytes text)
{
    static char store[TABLE_CELLS_MAX][CELL_SIZE];
    struct table_text lines;
    struct table_cells header;
    struct table_cells cells;
    const char *what = NULL;
    int got = 0;
    bool reached = true;

    table_text_init(&lines, text);
    if (!read_header(verb, &lines, job->path, &header)) return EXIT_USAGE;
    while (reached && (got = table_text_next(&lines, &cells, &what)) != 0) {
        struct order order = {.verb = verb};
        if (got < 0) {
            snprintf(order.why, sizeof order.why, "%s", what);
        } else {
            row_order(&order, &header, &cells, store);
        }
        reached = send_row(job, &order, lines.line);
        free(order.message);
    }
    printf("sent=%llu accepted=%llu duplicate=%llu rejected=%llu\n", (unsigned long long)job->sent,
           (unsigned long long)job->accepted, (unsigned long long)job->duplicate,
           (unsigned long long)job->rejected);
    return reached && job->rejected == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int send_file(struct desk *desk, const struct order_verb *verb, const char *path)
{
    struct file_job job = {.desk = desk, .path = path};
    struct bytes text;
    const int r = file_text_read(path, &text);
    if (r != 0) {
        fprintf(stderr, "qingfen %s: %s: %s\n", desk->name, path, strerror(-r));
        return EXIT_USAGE;
    }
    int status = EXIT_FAILED;
    if (talk_open(&job.talk, desk->name, &desk->speaker.address, desk->speaker.as)) {
        status = send_rows(&job, verb, text);
        talk_close(&job.talk);
    }
    free((void *)(uintptr_t)text.data);
    return status;
}

/* -- options ---------------------------------------------------------------------------------- */

#define SPECS_MAX (2 * ORDER_FIELDS_MAX + 8)
#define NAME_SIZE 40
#define HELP_SIZE 128

/* The options of a verb, with the texts that were put together for them. */
struct specs {
    struct option_spec list[SPECS_MAX];
    size_t count;
    char names[SPECS_MAX][NAME_SIZE];
    char helps[SPECS_MAX][HELP_SIZE];
};

static const char *placeholder(const struct order_field *field)
{
    static const char *const words[] = {
        [ORDER_TEXT] = "TEXT", [ORDER_NUMBER] = "N",      [ORDER_AREA] = "ADMDVS",
        [ORDER_YUAN] = "YUAN", [ORDER_DAY] = "DAY",       [ORDER_TIME] = "TIME",
        [ORDER_WORD] = "WORD", [ORDER_SWITCH] = "on|off", [ORDER_MADE] = "NO",
    };
    return field->kind == ORDER_WORD && strlen(field->words) < 24 ? field->words
                                                                  : words[field->kind];
}

static void add_spec(struct specs *specs, const char *name, const char *end, enum option_kind kind,
                     void *value, const char *argument, const char *help, const char *more)
{
    ENSURE(specs->count < SPECS_MAX - 1);
    const size_t i = specs->count++;
    snprintf(specs->names[i], NAME_SIZE, "%s%s", name, end);
    snprintf(specs->helps[i], HELP_SIZE, "%s%s", help, more);
    specs->list[i] = (struct option_spec){
        .name = specs->names[i],
        .kind = kind,
        .value = value,
        .argument = argument,
        .help = specs->helps[i],
    };
}

static void add_field(struct specs *specs, const struct order_field *field, struct order *order,
                      size_t i)
{
    char more[64] = "";
    if (field->kind == ORDER_PERSON) {
        add_spec(specs, field->option, "-no", OPTION_TEXT, &order->text[i], "NO", field->help,
                 field->needed ? ", by number, keyed here (needed)" : ", by number, keyed here");
        add_spec(specs, field->option, "-key", OPTION_TEXT, &order->key[i], "HEX",
                 "or by key, 32 hex digits", "");
        return;
    }
    if (field->kind == ORDER_FLAG) {
        add_spec(specs, field->option, "", OPTION_FLAG, &order->flag[i], NULL, field->help, "");
        return;
    }
    if (field->kind == ORDER_MADE) {
        snprintf(more, sizeof more, " (default: made from the rest)");
    } else if (field->otherwise != NULL) {
        snprintf(more, sizeof more, " (default %s)", field->otherwise);
    } else if (field->needed) {
        snprintf(more, sizeof more, " (needed)");
    }
    add_spec(specs, field->option, "", OPTION_TEXT, &order->text[i], placeholder(field),
             field->help, more);
}

/* Reads the options of a verb. OPTIONS_GO, or the exit status. */
static int read_options(struct desk *desk, struct order *order, const char **file, int argc,
                        char **argv, const struct command_help *help)
{
    const struct order_verb *verb = order->verb;
    static struct specs specs;
    const struct option_spec speaker[] = {SPEAKER_OPTIONS(&desk->speaker)};
    int words;

    memset(&specs, 0, sizeof specs);
    for (size_t i = 0; i < ORDER_FIELDS_MAX && verb->fields[i].option != NULL; i++)
        add_field(&specs, &verb->fields[i], order, i);
    add_spec(&specs, "msgid", "", OPTION_TEXT, &order->msgid, "ID", "the message's own id",
             verb->asks ? " (default: made unique)" : " (default: made from the rest)");
    add_spec(&specs, "psn-key-file", "", OPTION_TEXT, &desk->key_file, "FILE",
             "key that turns numbers into keys, 64 hex digits", "");
    if (verb->files) {
        add_spec(&specs, "file", "", OPTION_TEXT, file, "FILE",
                 "CSV instead of options: columns by the message's fields, a row each", "");
    }
    for (size_t i = 0; i < sizeof speaker / sizeof speaker[0]; i++) {
        ENSURE(specs.count < SPECS_MAX - 1);
        specs.list[specs.count++] = speaker[i];
    }
    const int said = options_read(argc, argv, help, specs.list, &words);
    if (said != OPTIONS_GO) return said;
    return words == 0 ? OPTIONS_GO : options_refuse(help, "'%s' is too much", argv[0]);
}

/* What the help says of a verb, put together. */
struct verb_help {
    char usage[96];
    char name[64];
    char example[512];
};

static struct command_help help_of(const struct order_verb *verb, const char *command,
                                   struct verb_help *texts)
{
    snprintf(texts->name, sizeof texts->name, "%s %s", command, verb->name);
    snprintf(texts->usage, sizeof texts->usage, "%s %s [OPTIONS]", command, verb->name);
    snprintf(texts->example, sizeof texts->example, "  qingfen %s %s %s\n", command, verb->name,
             verb->example);
    return (struct command_help){
        .usage = texts->usage,
        .about = verb->about,
        .examples = texts->example,
        .name = texts->name,
    };
}

static int tell_order(struct desk *desk, struct order *order)
{
    struct talk talk;
    if (!talk_open(&talk, desk->name, &desk->speaker.address, desk->speaker.as)) return EXIT_FAILED;
    Qingfen__V1__WalletReply *reply = order_send(order, &talk);
    talk_close(&talk);
    if (reply == NULL) return EXIT_FAILED;
    const int status = print_reply(desk, order, reply);
    qingfen__v1__wallet_reply__free_unpacked(reply, NULL);
    return status;
}

static int run_verb(const struct order_verb *verb, const char *command, int argc, char **argv)
{
    struct desk desk = {.speaker = speaker_new(command)};
    struct order order = {.verb = verb};
    struct verb_help texts;
    const char *file = NULL;
    const struct command_help help = help_of(verb, command, &texts);

    snprintf(desk.name, sizeof desk.name, "%s", texts.name);
    int status = read_options(&desk, &order, &file, argc, argv, &help);
    if (status == OPTIONS_GO && file != NULL) {
        status = send_file(&desk, verb, file);
    } else if (status == OPTIONS_GO) {
        status = order_make(&order, &desk) ? tell_order(&desk, &order)
                                           : options_refuse(&help, "%s", order.why);
    }
    free(order.message);
    psn_key_free(desk.persons);
    return status;
}

#define VERBS_MAX 40

static int run_nothing(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return EXIT_USAGE;
}

int orders_run(int argc, char **argv, const struct command_help *help,
               const struct order_verb *verbs)
{
    struct verb list[VERBS_MAX] = {0};
    for (size_t i = 0; verbs[i].name != NULL; i++) {
        ENSURE(i < VERBS_MAX - 1);
        list[i] = (struct verb){verbs[i].name, run_nothing, verbs[i].help};
    }
    const struct verb *found = verbs_find(argc, argv, list);
    if (found == NULL) return verbs_run(argc, argv, help, list); /* Help, or what is wrong. */
    char command[32];
    snprintf(command, sizeof command, "%.*s", (int)strcspn(help->usage, " "), help->usage);
    return run_verb(&verbs[found - list], command, argc - 1, argv + 1);
}

size_t order_pack(const struct order_verb *verb, int argc, char **argv, uint8_t *out, size_t room)
{
    struct desk desk = {.speaker = speaker_new("test")};
    struct order order = {.verb = verb};
    struct verb_help texts;
    const char *file = NULL;
    size_t size = 0;
    const struct command_help help = help_of(verb, "test", &texts);
    if (read_options(&desk, &order, &file, argc, argv, &help) == OPTIONS_GO) {
        if (order_make(&order, &desk)) {
            size = protobuf_c_message_get_packed_size(order.message);
            ENSURE(size <= room);
            protobuf_c_message_pack(order.message, out);
        } else {
            fprintf(stderr, "%s\n", order.why);
        }
    }
    free(order.message);
    psn_key_free(desk.persons);
    return size;
}
