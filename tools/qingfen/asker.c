#include "tools/qingfen/asker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/person.h"
#include "types/civil.h"
#include "types/ensure.h"

struct asker asker_new(const char *command)
{
    return (struct asker){.speaker = speaker_new(command)};
}

static bool hex_parse(const char *text, uint8_t *out, size_t size)
{
    if (strlen(text) != 2 * size || strspn(text, "0123456789abcdefABCDEF") != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

int asker_open(struct asker *asker, const struct command_help *help)
{
    if ((asker->psn_no == NULL) == (asker->psn_key == NULL)) {
        return options_refuse(help, "whose? --psn-no NO or --psn-key HEX");
    }
    if (asker->psn_key != NULL) {
        if (hex_parse(asker->psn_key, asker->key, sizeof asker->key)) return OPTIONS_GO;
        return options_refuse(help, "--psn-key '%s': it should be 32 hexadecimal digits",
                              asker->psn_key);
    }
    struct psn_key_maker *maker = person_open(asker->speaker.command, asker->key_file);
    if (maker == NULL) return EXIT_USAGE;
    psn_key_make(maker, bytes_of(asker->psn_no), asker->key);
    psn_key_free(maker);
    return OPTIONS_GO;
}

int asker_read(struct asker *asker, int argc, char **argv, const struct command_help *help,
               const struct option_spec *specs)
{
    int words;
    const int status = options_read(argc, argv, help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(help, "'%s' is too much", argv[0]);
    return asker_open(asker, help);
}

ProtobufCBinaryData asker_key(struct asker *asker)
{
    return (ProtobufCBinaryData){sizeof asker->key, asker->key};
}

ProtobufCMessage *person_ask(const struct speaker *speaker, const ProtobufCMessage *request,
                             uint16_t type, const ProtobufCMessageDescriptor *reply)
{
    return ask_once(speaker->command, &speaker->address, speaker->as, request, type, reply);
}

void person_print_one(enum format format, const struct grid_column *columns,
                      ProtobufCMessage *message)
{
    ProtobufCMessage *const rows[] = {message};
    if (format == FORMAT_CSV) {
        grid_print(format, columns, rows, 1);
    } else {
        grid_page(columns, message);
    }
}

void person_print_line(const char *name, const char *value)
{
    printf("  %s", name);
    for (size_t column = text_columns(name); column < 28; column++)
        putchar(' ');
    puts(value);
}

void person_print_yuan(const char *name, int64_t fen)
{
    char text[YUAN_SIZE];
    char right[YUAN_SIZE + 16];
    snprintf(right, sizeof right, "%18s", yuan_format_grouped(fen, text));
    person_print_line(name, right);
}

void person_print_list(const char *title, const struct grid_column *columns,
                       ProtobufCMessage *const *rows, size_t count)
{
    if (count == 0) return;
    printf("\n%s\n", title);
    grid_print(FORMAT_TABLE, columns, rows, count);
}

int64_t person_day_ms(uint32_t yyyymmdd)
{
    struct civil civil = {.year = (int32_t)(yyyymmdd / 10000),
                          .month = (int32_t)(yyyymmdd / 100 % 100),
                          .day = (int32_t)(yyyymmdd % 100)};
    int64_t ms;
    if (yyyymmdd == 0) return 0;
    ENSURE(civil_to_ms(&civil, &ms));
    return ms;
}

int64_t person_day_end_ms(uint32_t yyyymmdd)
{
    return yyyymmdd == 0 ? 0 : person_day_ms(yyyymmdd) + MS_PER_DAY - 1;
}
