/* options -- one way to write options, to explain them and to refuse them, for all commands.
 *
 * Must not know the engine; only how people write things. */
#ifndef QINGFEN_OPTIONS_H
#define QINGFEN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/client/client.h"

enum format {
    FORMAT_TABLE,
    FORMAT_CSV,
    FORMAT_JSON,
};

enum option_kind {
    OPTION_FLAG,     /* bool */
    OPTION_TEXT,     /* const char *, borrowed from argv */
    OPTION_TEXTS,    /* struct option_texts: an option that may be given again and again */
    OPTION_NUMBER,   /* uint64_t, within least..most */
    OPTION_FORMAT,   /* enum format */
    OPTION_ADDRESS,  /* struct client_address */
    OPTION_PROVINCE, /* uint32_t, a two-digit code that takes part */
    OPTION_PERIOD,   /* uint32_t yyyymm, written 2025-03 or 202503 */
    OPTION_DAY,      /* uint32_t yyyymmdd, written 2025-03-14 or 20250314 */
    OPTION_TIME,     /* int64_t ms, ISO 8601 or "2025-03-14 09:00:00" in Shanghai */
    OPTION_YUAN,     /* int64_t fen, > 0, written in yuan */
    OPTION_AREA,     /* uint32_t, six digits */
};

#define OPTION_TEXTS_MAX 32

struct option_texts {
    const char *texts[OPTION_TEXTS_MAX]; /* Borrowed from argv, in order. */
    uint32_t count;
};

struct option_spec {
    const char *name; /* Without the dashes. */
    enum option_kind kind;
    void *value;          /* Of the kind's type; holds the default; set when the option is given. */
    const char *argument; /* Placeholder for the help, NULL for a flag. */
    const char *help;     /* One line. */
    uint64_t least;       /* OPTION_NUMBER only. */
    uint64_t most;        /* 0: no bound. */
};

struct command_help {
    const char *usage;    /* "send [OPTIONS] FILE…"; the lines after the first stand under it. */
    const char *about;    /* What it does, lines of at most 100 columns, "\n" at each end. */
    const char *examples; /* Command lines, "\n" at each end; NULL: none. */
    const char *name;     /* What it is called; NULL: the first word of `usage`. */
};

#define OPTIONS_GO (-1)

/* Reads argv[1..argc-1]. `specs` ends with a NULL name. OPTIONS_GO: go on, with the words that are
 * no options moved to the front of argv, *ret_count of them from argv[0] on; else the command's
 * exit status: help was printed, or what is wrong was said on stderr. */
int options_read(int argc, char **argv, const struct command_help *help,
                 const struct option_spec *specs, int *ret_count);

/* Says on stderr what is wrong (printf style), where help is to be had, and gives EXIT_USAGE. */
int options_refuse(const struct command_help *help, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* One of the words that may follow a command's name, with options and help of its own. */
struct verb {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the verb. */
    const char *help;                  /* One line. */
};

/* Runs the verb that the user named, wherever it stands; `help` is for the command as a whole and
 * its `about` is followed by the list of verbs, which ends with a NULL name. The exit status. */
int verbs_run(int argc, char **argv, const struct command_help *help, const struct verb *verbs);

/* The verb the user named, moved to argv[1]; NULL: none of them stands there. */
const struct verb *verbs_find(int argc, char **argv, const struct verb *verbs);

/* "2025-03-14" or "20250314" as yyyymmdd; the day must exist. */
bool day_parse(const char *text, uint32_t *ret_day);

/* "2025-03" or "202503" as yyyymm. */
bool period_parse(const char *text, uint32_t *ret_period);

/* True when an OPTION_TEXT was given and is not empty. */
static inline bool option_says(const char *text)
{
    return text != NULL && text[0] != '\0';
}

/* A number in decimal, nothing behind it. */
bool number_parse(const char *text, uint64_t *ret_number);

/* Where the engine is when nobody says: QINGFEN_TO, else 127.0.0.1:7040. A QINGFEN_TO that is no
 * address gives no host, which options_read() refuses unless an option says another one. */
struct client_address options_address(void);

/* How far two words are apart, in letters put in, left out, changed or swapped with a neighbour. */
size_t word_distance(const char *a, const char *b);

/* True when `word` looks like a slip of `meant`. */
bool word_is_near(const char *word, const char *meant);

/* The options nearly all commands share, to stand in their lists. */
#define OPTION_TO(address)                                              \
    {                                                                   \
        "to", OPTION_ADDRESS, (address), "HOST:PORT",                   \
            "the engine (default 127.0.0.1:7040, or $QINGFEN_TO)", 0, 0 \
    }
#define OPTION_AS(province)                                                           \
    {                                                                                 \
        "as", OPTION_PROVINCE, (province), "PP",                                      \
            "speak for one province, two digits (default: the centre, for all)", 0, 0 \
    }
#define OPTION_OUTPUT(format)                                                                   \
    {                                                                                           \
        "format", OPTION_FORMAT, (format), "FORMAT", "table, csv or json (default table)", 0, 0 \
    }

#endif
