/* cmd_gen -- `qingfen gen`: a month of the national workload as a file. */
#ifndef QINGFEN_CMD_GEN_H
#define QINGFEN_CMD_GEN_H

/* argv[0] is "gen". Data to stdout or --out, a summary to stderr. Exit status 0, 1 when the output
 * cannot be written, 2 when what was asked makes no sense. */
int cmd_gen(int argc, char **argv);

#endif
