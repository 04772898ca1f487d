/* order -- an order of wallet or premium from the command line, by table: what may be said, in
 * which field of its message it stands, and how the answer is shown.
 *
 * REPEATS   What is not given is made from what is: the same command again carries the same msgid
 *           and numbers, and the engine answers it as before (dup) instead of doing it twice.
 *
 * Must not know what single orders mean; cmd_wallet.c and cmd_premium.c are the tables. */
#ifndef QINGFEN_ORDER_H
#define QINGFEN_ORDER_H

#include <protobuf-c/protobuf-c.h>

#include "tools/qingfen/options.h"

#define ORDER_FIELDS_MAX 16

/* How a value is written, and what field it fits. */
enum order_kind {
    ORDER_TEXT,
    ORDER_NUMBER,
    ORDER_AREA,   /* Six digits, or 0 where `otherwise` is "0". */
    ORDER_YUAN,   /* Yuan with at most two decimals, not below 0; fen in the message. */
    ORDER_DAY,    /* 2025-03-14 or 20250314 */
    ORDER_TIME,   /* ISO 8601 or Shanghai's wall clock; ms in the message */
    ORDER_PERSON, /* Two options: --NAME-no, keyed here, or --NAME-key in hex */
    ORDER_FLAG,   /* Given or not. */
    ORDER_WORD,   /* One of `words`, or its place among them: the first is 1. */
    ORDER_SWITCH, /* on or off */
    ORDER_MADE,   /* A number of the sender's own; made from the content when it is not given. */
};

struct order_field {
    const char *option; /* Without the dashes. */
    const char *field;  /* Of the message; the column in files, psn_no standing for psn_key. */
    enum order_kind kind;
    bool needed;
    const char *help;      /* One line. */
    const char *words;     /* ORDER_WORD: "face|password" */
    const char *otherwise; /* What counts when it is not given; NULL: the field stays empty. */
};

/* A word of the command. */
struct order_verb {
    const char *name;
    uint16_t type;                             /* enum message_type */
    const ProtobufCMessageDescriptor *request; /* Of the message. */
    const char *help;                          /* One line. */
    const char *about;                         /* Lines, "\n" at each end. */
    const char *example;                       /* Options only: "--wallet W1 --reason asked" */
    bool asks;  /* A question: every time another one, never answered as before. */
    bool files; /* Takes --file: a row each. */
    struct order_field fields[ORDER_FIELDS_MAX]; /* Ends with a NULL option. */
};

/* Runs the verb that the user named; the table ends with a NULL name. The exit status. */
int orders_run(int argc, char **argv, const struct command_help *help,
               const struct order_verb *verbs);

/* The message that a verb's options make, as orders_run() would send it, packed into `out`; for
 * tests. Gives its size, 0 when the options are refused (said on stderr). */
size_t order_pack(const struct order_verb *verb, int argc, char **argv, uint8_t *out, size_t room);

/* The tables, for tests; NULL names end them. */
extern const struct order_verb wallet_verbs[];
extern const struct order_verb premium_verbs[];

#endif
