/* asker -- who asks and about whom, for the verbs of `qingfen person`, and how they show what they
 * got. Must not know what is asked. */
#ifndef QINGFEN_ASKER_H
#define QINGFEN_ASKER_H

#include "tools/qingfen/tell.h"
#include "types/settlement.h"

struct asker {
    struct speaker speaker;
    const char *psn_no;
    const char *psn_key; /* Hexadecimal. */
    const char *key_file;
    uint8_t key[PSN_KEY_SIZE];
};

#define ASKER_OPTIONS(asker)                                                                   \
    SPEAKER_OPTIONS(&(asker)->speaker),                                                        \
        {"psn-no", OPTION_TEXT, &(asker)->psn_no, "NO", "the person's number", 0, 0},          \
        {"psn-key", OPTION_TEXT, &(asker)->psn_key, "HEX", "or the key, 32 hex digits", 0, 0}, \
    {                                                                                          \
        "psn-key-file", OPTION_TEXT, &(asker)->key_file, "FILE",                               \
            "key that turns psn_no into psn_key, 64 hex digits", 0, 0                          \
    }

/* Of a command, before its options are read. */
struct asker asker_new(const char *command);

/* Works out whose data is asked for; OPTIONS_GO, or the exit status. */
int asker_open(struct asker *asker, const struct command_help *help);

/* Reads options that no word may follow; OPTIONS_GO with the person known, or the exit status. */
int asker_read(struct asker *asker, int argc, char **argv, const struct command_help *help,
               const struct option_spec *specs);

/* The key of an opened asker, for a field; borrowed. */
ProtobufCBinaryData asker_key(struct asker *asker);

/* Sends one question: the answer, freed by the caller, or NULL when there is none and stderr says
 * why. */
ProtobufCMessage *person_ask(const struct speaker *speaker, const ProtobufCMessage *request,
                             uint16_t type, const ProtobufCMessageDescriptor *reply);

/* A day's first and last millisecond in Shanghai; 0 for no day. */
int64_t person_day_ms(uint32_t yyyymmdd);
int64_t person_day_end_ms(uint32_t yyyymmdd);

/* -- on stdout -------------------------------------------------------------------------------- */

/* One message as a page, or as a line of CSV under its header. */
void person_print_one(enum format format, const struct grid_column *columns,
                      ProtobufCMessage *message);

/* A table under a title; nothing when it has no rows. */
void person_print_list(const char *title, const struct grid_column *columns,
                       ProtobufCMessage *const *rows, size_t count);

/* A name and what it is. */
void person_print_line(const char *name, const char *value);
void person_print_yuan(const char *name, int64_t fen);

/* -- verbs with files of their own ------------------------------------------------------------ */

int person_records(int argc, char **argv);
int person_settlements(int argc, char **argv);
int person_statement(int argc, char **argv);

#endif
