/* cache_line -- how much of memory the processor fetches at once, for who lays things out by it or
 * asks for them ahead of their use. */
#ifndef UTIL_CACHE_LINE_H
#define UTIL_CACHE_LINE_H

#define CACHE_LINE 64 /* Bytes; so has every x86-64. */

#endif
