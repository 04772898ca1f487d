/* qingfen -- the command line: finds the command and hands over.
 *
 * Must not know the engine, only names. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "util/processor.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help; /* One line. */
};

/* clang-format off -- a table is read as a table */
static const struct command commands[] = {
    {"init", cmd_init, "make a store"},
    {"gen", cmd_gen, "write the national workload to a file"},
    {"send", cmd_send, "send settlements from CSV or pb files"},
    {"call", cmd_call, "send any message as JSON, print its reply as JSON"},
    {"clock", cmd_clock, "show the engine's clock, or move a manual one"},
    {"period", cmd_period, "months and their batches: cut, compute, publish, sign, notice"},
    {"recon", cmd_recon, "reconcile with the provinces: totals, lists, differences (对账)"},
    {"confirm", cmd_confirm, "the payee confirms, holds back or deducts (确认)"},
    {"exception", cmd_exception, "records that differ from their cell"},
    {"dispute", cmd_dispute, "a payer contests a record (争议)"},
    {"notice", cmd_notice, "payment notices, the money on them, ageing (通知书, 账龄)"},
    {"prefund", cmd_prefund, "deposits, their use and alerts (预付金)"},
    {"wallet", cmd_wallet, "orders about wallets, transfers, payments, pushes (医保钱包)"},
    {"premium", cmd_premium, "premiums paid from a wallet (缴费)"},
    {"outbox", cmd_outbox, "what the engine has to say to provinces and the platform"},
    {"calendar", cmd_calendar, "what is due, late or coming, and who must act (日程)"},
    {"setting", cmd_setting, "the numbers a decree may change"},
    {"book", cmd_book, "the cycle's accounts, and whether they hold"},
    {"report", cmd_report, "who pays whom, and for what"},
    {"document", cmd_document, "official papers of a month: tables, notices, all of them"},
    {"person", cmd_person, "what a person may ask: wallet, records, year, statement (医保钱包)"},
    {"show", cmd_show, "one settlement with its postings and history"},
    {"status", cmd_status, "the engine and its shards"},
    {"explain", cmd_explain, "what an error code means, in English and Chinese"},
    {"verify", cmd_verify, "check a store that is not in use"},
    {"backup", cmd_backup, "copy what is new in a store, also while its engine runs"},
    {"restore", cmd_restore, "make a store out of a backup, up to a time"},
    {"load", cmd_load, "put load on the engine and measure it"},
};
/* clang-format on */

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_commands(FILE *out)
{
    fprintf(out, "usage: qingfen COMMAND [OPTIONS] …\n\n"
                 "Qingfen (清分) clears medical insurance settlements between provinces.\n\n"
                 "commands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    }
    fprintf(out,
            "\n'qingfen help COMMAND' and 'qingfen COMMAND --help' say more; 'qingfen --version'"
            "\nprints the version. Exit status: 0 done, 1 failed or refused, 2 wrong usage.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(commands[i].name, name) == 0) return &commands[i];
    }
    return NULL;
}

static int refuse_command(const char *name)
{
    fprintf(stderr, "qingfen: '%s' is not a command", name);
    const char *before = "; did you mean ";
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (!word_is_near(name, commands[i].name)) continue;
        fprintf(stderr, "%s'%s'", before, commands[i].name);
        before = " or ";
    }
    fprintf(stderr, "%s\nsee 'qingfen --help'\n", before[0] == ';' ? "" : "?");
    return EXIT_USAGE;
}

static int help_on(const char *name)
{
    const struct command *command = find_command(name);
    if (command == NULL) return refuse_command(name);
    char word[32];
    char help[] = "--help";
    snprintf(word, sizeof(word), "%s", name);
    char *argv[] = {word, help, NULL};
    return command->run(2, argv);
}

int main(int argc, char **argv)
{
    if (!processor_suffices()) {
        fprintf(stderr, "qingfen: " PROCESSOR_TOO_OLD "\n");
        return EXIT_FAILED;
    }
    signal(SIGPIPE, SIG_IGN); /* A lost peer is an error of the call that met it. */
    signal(SIGXFSZ, SIG_IGN); /* So is a limit of file sizes. */
    if (argc < 2) {
        print_commands(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
        if (argc > 2) return help_on(argv[2]);
        print_commands(stdout);
        return EXIT_DONE;
    }
    if (strcmp(name, "--version") == 0) {
        printf("qingfen %s\n", QINGFEN_VERSION);
        return EXIT_DONE;
    }
    const struct command *command = find_command(name);
    if (command == NULL) return refuse_command(name);

    const int status = command->run(argc - 1, argv + 1);
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    fprintf(stderr, "qingfen: cannot write the output\n");
    return EXIT_FAILED;
}
