/* lmdb_pages -- looks through the pages of an LMDB file before LMDB is let near it.
 *
 * LMDB believes what its pages say: a page number outside the file, a node that reaches beyond its
 * page or a tree that leads back to itself end in SIGSEGV, SIGBUS or for ever. It has no checksums
 * either. So the file is read here first, by ordinary reads and with every number bounded:
 *
 *   (G1) both meta pages are LMDB's, of this page size, and of two commits in a row;
 *   (G2) every page of every tree is of the kind and depth its parent and its table say, its nodes
 *        fill it exactly and their keys ascend, inside the bounds that the parents name;
 *   (G3) every page is in use once, or free once, and never both: so a damaged list of free pages
 *        cannot make a later commit write over what is in use;
 *   (G4) tables have our names, our flags, and as many pages and entries as they say.
 *
 * What is inside of values is not its business: those are compared with the journal by
 * `qingfen verify`, and records carry sums of their own. Reads all tree pages and 16 bytes of each
 * value that has pages of its own. Knows LMDB 0.9's format on disk and nothing of ours. */
#ifndef WORLD_LINUX_LMDB_PAGES_H
#define WORLD_LINUX_LMDB_PAGES_H

#include "types/bytes.h"
#include "world/linux/problem.h"

struct lmdb_pages {
    uint64_t pages; /* All of them, */
    uint64_t free;  /* and those nobody uses. */
    uint64_t trees; /* Pages of trees, that were read whole. */
};

/* Looks at `path`, of which `names` (`count` of them) are the tables there may be. 0; -ENOENT when
 * there is no such file or it is empty (LMDB begins a new one); -EUCLEAN with a sentence that names
 * file and offset; or what the system says about reading it. Nobody may write to it meanwhile. */
int lmdb_pages_check(const char *path, const char *const *names, uint32_t count,
                     struct lmdb_pages *ret_pages, struct problem *problem);

#endif
