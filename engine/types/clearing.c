#include "types/clearing.h"

const char *batch_state_name(uint8_t state)
{
    static const char *const names[] = {
        [BATCH_OPEN] = "OPEN",           [BATCH_CUT] = "CUT",         [BATCH_COMPUTED] = "COMPUTED",
        [BATCH_PUBLISHED] = "PUBLISHED", [BATCH_SIGNED] = "SIGNED",   [BATCH_NOTICED] = "NOTICED",
        [BATCH_PAYING] = "PAYING",       [BATCH_SETTLED] = "SETTLED", [BATCH_ARCHIVED] = "ARCHIVED",
        [BATCH_ABORTED] = "ABORTED",
    };
    return state < sizeof names / sizeof names[0] ? names[state] : "";
}
