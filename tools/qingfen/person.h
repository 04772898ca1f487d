/* person -- the edge's key maker, found and opened for a command, with the warning people need. */
#ifndef QINGFEN_PERSON_H
#define QINGFEN_PERSON_H

#include "tools/edge/psn_key.h"

/* Opens the maker with the key of `path` (NULL: the environment's, else the demonstration key, and
 * then says so on stderr). NULL, and why was said on stderr. Freed with psn_key_free(). */
struct psn_key_maker *person_open(const char *command, const char *path);

#endif
