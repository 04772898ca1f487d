#include "types/province.h"

/* A table is read as a table. */
/* clang-format off */
const uint8_t province_codes[PROVINCE_COUNT] = {
    11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41,
    42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 66,
};

static const char *const names[PROVINCE_COUNT] = {
    "北京", "天津", "河北", "山西", "内蒙古", "辽宁", "吉林", "黑龙江", "上海", "江苏", "浙江",
    "安徽", "福建", "江西", "山东", "河南",   "湖北", "湖南", "广东",   "广西", "海南", "重庆",
    "四川", "贵州", "云南", "西藏", "陕西",   "甘肃", "青海", "宁夏",   "新疆", "兵团",
};

#define NO PROVINCE_NONE
static const uint8_t index_of_code[100] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 0,  1,  2,  3,  4,  NO, NO, NO, NO,
    NO, 5,  6,  7,  NO, NO, NO, NO, NO, NO, NO, 8,  9,  10, 11, 12, 13, 14, NO, NO,
    NO, 15, 16, 17, 18, 19, 20, NO, NO, NO, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO,
    NO, 26, 27, 28, 29, 30, 31, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
};
/* clang-format on */

uint8_t province_index(uint32_t code)
{
    return code < 100 ? index_of_code[code] : PROVINCE_NONE;
}

uint8_t province_of_area(uint32_t admdvs)
{
    if (admdvs < 100000 || admdvs > 999999) return PROVINCE_NONE;
    return index_of_code[admdvs / 10000];
}

const char *province_name(uint8_t index)
{
    return index < PROVINCE_COUNT ? names[index] : "—";
}
