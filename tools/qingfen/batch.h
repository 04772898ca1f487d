/* batch -- the way of a month's batch (清算批次), as verbs of `qingfen period`. */
#ifndef QINGFEN_BATCH_H
#define QINGFEN_BATCH_H

/* Each as in commands.h; argv[0] is the verb. */
int batch_show(int argc, char **argv);
int batch_lines(int argc, char **argv);
int batch_compute(int argc, char **argv);
int batch_publish(int argc, char **argv);
int batch_sign(int argc, char **argv);
int batch_object(int argc, char **argv);
int batch_close_signing(int argc, char **argv);
int batch_notice(int argc, char **argv);
int batch_abort(int argc, char **argv);
int batch_unwind(int argc, char **argv);
int batch_archive(int argc, char **argv);

#endif
