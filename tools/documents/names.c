#include "tools/documents/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/embedded_tables.h"
#include "types/cell.h"
#include "types/civil.h"
#include "types/province.h"

static const char *const provinces[PROVINCE_COUNT] = {
    "北京市",           "天津市",           "河北省", "山西省", "内蒙古自治区", "辽宁省",
    "吉林省",           "黑龙江省",         "上海市", "江苏省", "浙江省",       "安徽省",
    "福建省",           "江西省",           "山东省", "河南省", "湖北省",       "湖南省",
    "广东省",           "广西壮族自治区",   "海南省", "重庆市", "四川省",       "贵州省",
    "云南省",           "西藏自治区",       "陕西省", "甘肃省", "青海省",       "宁夏回族自治区",
    "新疆维吾尔自治区", "新疆生产建设兵团",
};

const char *names_province(uint8_t index)
{
    return index < PROVINCE_COUNT ? provinces[index] : "跨省清算专户";
}

/* Looks a code up in areas.csv, "admdvs,name" lines; *ret_size bytes of its name, or NULL. The
 * table has some 400 lines and a month a few hundred areas: reading it through is cheap enough. */
static const char *find_area(uint32_t admdvs, int *ret_size)
{
    const struct embedded_file *file = NULL;
    for (size_t i = 0; i < embedded_table_count; i++) {
        if (strcmp(embedded_tables[i].name, "areas.csv") == 0) file = &embedded_tables[i];
    }
    if (file == NULL) return NULL;

    char wanted[16];
    snprintf(wanted, sizeof wanted, "%06u,", admdvs % 1000000);
    const char *at = (const char *)file->data;
    const char *const end = at + file->size;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL) stop = end;
        if (stop - at > 7 && memcmp(at, wanted, 7) == 0) {
            *ret_size = (int)(stop - at) - 7;
            return at + 7;
        }
        at = stop + 1;
    }
    return NULL;
}

char *names_area(uint32_t admdvs, char ret_text[NAMES_SIZE])
{
    const uint8_t index = province_of_area(admdvs);
    const char *const province = index == PROVINCE_NONE ? "" : provinces[index];
    const int province_size = (int)strlen(province);
    const uint32_t prefecture = admdvs / 100 * 100;
    int size = 0;
    const char *name = find_area(admdvs, &size);
    const bool is_exact = name != NULL;
    if (!is_exact && prefecture % 10000 != 0) name = find_area(prefecture, &size);

    if (admdvs == 0) {
        snprintf(ret_text, NAMES_SIZE, "无统筹区归属");
        return ret_text;
    }
    if (name == NULL || index == PROVINCE_NONE) {
        snprintf(ret_text, NAMES_SIZE, "%06u", admdvs);
        return ret_text;
    }
    /* Some names already begin with their province's. */
    const bool is_whole = size >= province_size && memcmp(name, province, province_size) == 0;
    if (is_exact) {
        snprintf(ret_text, NAMES_SIZE, "%s%.*s", is_whole ? "" : province, size, name);
    } else {
        snprintf(ret_text, NAMES_SIZE, "%s%.*s（%06u）", is_whole ? "" : province, size, name,
                 admdvs);
    }
    return ret_text;
}

const char *names_line(uint32_t line)
{
    static const char *const names[LINE_END] = {
        [LINE_INPATIENT] = "住院",          [LINE_OUTPATIENT] = "普通门诊",
        [LINE_CHRONIC] = "门诊慢特病",      [LINE_PHARMACY] = "药店购药",
        [LINE_WALLET_CARE] = "钱包就医",    [LINE_PREMIUM_RESIDENT] = "居民参保缴费",
        [LINE_PREMIUM_CARE] = "长护险缴费", [LINE_WALLET_TRANSFER] = "钱包转账",
    };
    return line < LINE_END && names[line] != NULL ? names[line] : "其他";
}

const char *names_insutype(uint32_t insutype)
{
    return insutype == 310 ? "职工" : insutype == 390 ? "居民" : insutype == 340 ? "离休" : "其他";
}

struct word {
    const char *from;
    const char *to;
};

/* `words` ends with a NULL. */
static const char *translate(const struct word *words, const char *from)
{
    for (; words->from != NULL; words++) {
        if (strcmp(words->from, from) == 0) return words->to;
    }
    return from;
}

const char *names_mode(const char *mode)
{
    static const struct word words[] = {
        {"gross", "全额清算"},
        {"bilateral", "双边轧差"},
        {"multilateral", "多边净额"},
        {"multilateral-direct", "多边净额（直接划拨）"},
        {0},
    };
    return translate(words, mode);
}

const char *names_notice_state(const char *state)
{
    static const struct word words[] = {
        {"DUE", "待付款"},     {"OVERDUE", "逾期未付"}, {"PAID", "已付款待确认"},
        {"SETTLED", "已结清"}, {"CANCELLED", "已作废"}, {0},
    };
    return translate(words, state);
}

const char *names_difference(const char *kind)
{
    static const struct word words[] = {
        {"ONLY_PAYEE", "仅就医地有"}, {"ONLY_PAYER", "仅参保地有"}, {"AMOUNT", "金额不符"},
        {"FLAG", "退费标志不符"},     {"DUPLICATE", "重复"},        {0},
    };
    return translate(words, kind);
}

char *names_period(uint32_t period, char ret_text[NAMES_SIZE])
{
    if (period > 9999) {
        snprintf(ret_text, NAMES_SIZE, "%04u年%02u月", period / 100, period % 100);
    } else {
        snprintf(ret_text, NAMES_SIZE, "%04u年", period);
    }
    return ret_text;
}

char *names_day(uint32_t day, char ret_text[NAMES_SIZE])
{
    ret_text[0] = '\0';
    if (day == 0) return ret_text;
    snprintf(ret_text, NAMES_SIZE, "%04u年%02u月%02u日", day / 10000, day / 100 % 100, day % 100);
    return ret_text;
}

char *names_day_of(int64_t unix_ms, char ret_text[NAMES_SIZE])
{
    return names_day(unix_ms == 0 ? 0 : civil_day(unix_ms), ret_text);
}
