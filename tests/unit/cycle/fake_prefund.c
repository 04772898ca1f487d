/* fake_prefund -- the prefund chapter, for tests of batches that have no prefunds: weak, so that
 * the real one takes its place wherever it is linked. */
#include "cycle/cycle_internal.h"

#define REFUSES(name)                                          \
    __attribute__((weak)) bool name(struct judgement *j)       \
    {                                                          \
        return refuse(j, ERROR_UNKNOWN_TYPE, "not this test"); \
    }

REFUSES(judge_prefund_set)
REFUSES(judge_prefund_apply)
REFUSES(judge_prefund_decide)

__attribute__((weak)) void prefund_settled(struct judgement *j, const struct notice_row *notice)
{
    (void)j;
    (void)notice;
}
