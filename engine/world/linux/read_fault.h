/* read_fault -- says which file it was when one that is looked at through memory cannot be read.
 *
 * The journal's segments (journal_view.h) and the state (LMDB) are mapped: a disk that gives an
 * error, or a file that somebody made shorter, comes as SIGBUS where a read() would have said -EIO.
 */
#ifndef WORLD_LINUX_READ_FAULT_H
#define WORLD_LINUX_READ_FAULT_H

/* From here on such a signal ends the process with a sentence on stderr, and with code 1; but for
 * what somebody tries to read (read_try.h). */
void read_fault_watch(void);

#endif
