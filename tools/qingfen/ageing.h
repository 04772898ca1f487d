/* ageing -- how late money is (账龄): what payers have not sent, by working days past the day it
 * was due. Pure: it is given numbers. */
#ifndef QINGFEN_AGEING_H
#define QINGFEN_AGEING_H

#include <stdint.h>

#include "types/province.h"

enum age {
    AGE_NOT_DUE = 0,
    AGE_1_5,
    AGE_6_10,
    AGE_11_20,
    AGE_OLDER,
    AGE_COUNT,
};

#define AGEING_PAYERS (PROVINCE_COUNT + 1) /* The last is the clearing account. */

struct ageing {
    struct ageing_cell {
        uint64_t notices;
        int64_t amount; /* Fen not yet sent. */
    } cells[AGEING_PAYERS][AGE_COUNT];
};

/* The age of something `late_wd` working days past its day. */
enum age age_of(uint32_t late_wd);

/* "not due", "1-5", …; static memory. */
const char *age_name(enum age age);

/* Adds a notice: payer's two-digit code (0: the clearing account; a code that takes no part is
 * counted there, too), what is not sent of it (nothing is added when not above 0). */
void ageing_add(struct ageing *ageing, uint32_t payer, uint32_t late_wd, int64_t open_fen);

/* The sum over payers of an age. */
struct ageing_cell ageing_total(const struct ageing *ageing, enum age age);

#endif
