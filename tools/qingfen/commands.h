/* commands -- every word of `qingfen`, as a function.
 *
 * Each takes what the user wrote from the command's own name on (argv[0] is "send", "gen", …),
 * prints data to stdout and everything else to stderr, knows `--help`, and gives the exit status.
 */
#ifndef QINGFEN_COMMANDS_H
#define QINGFEN_COMMANDS_H

/* docs/commands.md, Exit status, says it for people; qingfend and verify keep to it, too. */
enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* Refused, out of reach, in use, found wrong, or it cannot be written. */
    EXIT_USAGE = 2,  /* What was asked, or a file, key or store that it names, is none; nothing was
                      * done. */
};

int cmd_backup(int argc, char **argv);
int cmd_book(int argc, char **argv);
int cmd_calendar(int argc, char **argv);
int cmd_call(int argc, char **argv);
int cmd_clock(int argc, char **argv);
int cmd_confirm(int argc, char **argv);
int cmd_dispute(int argc, char **argv);
int cmd_document(int argc, char **argv);
int cmd_exception(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_gen(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_load(int argc, char **argv);
int cmd_notice(int argc, char **argv);
int cmd_outbox(int argc, char **argv);
int cmd_period(int argc, char **argv);
int cmd_person(int argc, char **argv);
int cmd_prefund(int argc, char **argv);
int cmd_premium(int argc, char **argv);
int cmd_recon(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_restore(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_setting(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_wallet(int argc, char **argv);

#endif
