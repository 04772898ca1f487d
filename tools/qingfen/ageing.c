#include "tools/qingfen/ageing.h"

enum age age_of(uint32_t late_wd)
{
    if (late_wd == 0) return AGE_NOT_DUE;
    if (late_wd <= 5) return AGE_1_5;
    if (late_wd <= 10) return AGE_6_10;
    if (late_wd <= 20) return AGE_11_20;
    return AGE_OLDER;
}

const char *age_name(enum age age)
{
    static const char *const names[AGE_COUNT] = {"not due", "1-5", "6-10", "11-20", ">20"};
    return age < AGE_COUNT ? names[age] : "";
}

void ageing_add(struct ageing *ageing, uint32_t payer, uint32_t late_wd, int64_t open_fen)
{
    if (open_fen <= 0) return;
    uint8_t index = payer > 99 ? PROVINCE_NONE : province_index(payer);
    if (index == PROVINCE_NONE) index = PROVINCE_COUNT;
    struct ageing_cell *cell = &ageing->cells[index][age_of(late_wd)];
    cell->notices++;
    cell->amount += open_fen;
}

struct ageing_cell ageing_total(const struct ageing *ageing, enum age age)
{
    struct ageing_cell total = {0};
    for (int payer = 0; payer < AGEING_PAYERS; payer++) {
        total.notices += ageing->cells[payer][age].notices;
        total.amount += ageing->cells[payer][age].amount;
    }
    return total;
}
