/* read_try -- looks whether mapped bytes can be read, and lives on when they cannot.
 *
 * A disk that gives an error under a mapping, or a file that became shorter, comes as SIGBUS. Who
 * can go on without the bytes tries them first; everybody else ends with read_fault.h. Must not
 * know whose bytes they are. */
#ifndef WORLD_LINUX_READ_TRY_H
#define WORLD_LINUX_READ_TRY_H

#include "types/bytes.h"

/* Looks at each page of them. 0, or -EIO when one cannot be read: where read_fault_watch() was
 * called, else the signal ends the process. What was read is in memory then, and is read again from
 * there; should the kernel have thrown it out meanwhile and the disk fail, that is a read fault. */
int read_try(struct bytes bytes);

/* For the signal's handler: goes back to who tries that address, on its own thread, and does not
 * return then. It was called with SIGBUS not blocked. */
void read_try_failed(const void *address);

#endif
