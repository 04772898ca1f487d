#include "tools/qingfen/words.h"

#include <stdio.h>

#include "types/cell.h"
#include "types/civil.h"
#include "types/province.h"
#include "types/wallet.h"

char *words_province(uint32_t code, char ret_text[WORDS_SIZE])
{
    const uint8_t index = code > 99 ? PROVINCE_NONE : province_index(code);
    if (code == 0) {
        snprintf(ret_text, WORDS_SIZE, "-- 清算户 clearing");
    } else if (index == PROVINCE_NONE) {
        snprintf(ret_text, WORDS_SIZE, "%02u", code);
    } else {
        snprintf(ret_text, WORDS_SIZE, "%02u %s", code, province_name(index));
    }
    return ret_text;
}

char *words_area(uint32_t admdvs, char ret_text[WORDS_SIZE])
{
    const uint8_t index = province_of_area(admdvs);
    snprintf(ret_text, WORDS_SIZE, "%06u%s%s", admdvs, index == PROVINCE_NONE ? "" : " ",
             index == PROVINCE_NONE ? "" : province_name(index));
    return ret_text;
}

char *words_line(uint32_t line, char ret_text[WORDS_SIZE])
{
    static const char *const names[LINE_END] = {
        [LINE_INPATIENT] = "inpatient 住院",
        [LINE_OUTPATIENT] = "outpatient 门诊",
        [LINE_CHRONIC] = "chronic 门诊慢特病",
        [LINE_PHARMACY] = "pharmacy 药店",
        [LINE_WALLET_CARE] = "wallet care 钱包就医",
        [LINE_PREMIUM_RESIDENT] = "resident premium 居民参保",
        [LINE_PREMIUM_CARE] = "care premium 长护参保",
        [LINE_WALLET_TRANSFER] = "wallet transfer 钱包转账",
    };
    const char *name = line < LINE_END && names[line] != NULL ? names[line] : "";
    snprintf(ret_text, WORDS_SIZE, "%u %s", line, name);
    return ret_text;
}

char *words_insutype(uint32_t insutype, char ret_text[WORDS_SIZE])
{
    const char *name = insutype == 310   ? " employee 职工"
                       : insutype == 390 ? " resident 居民"
                       : insutype == 340 ? " retired 离休"
                       : insutype == 999 ? " other 其他"
                                         : "";
    snprintf(ret_text, WORDS_SIZE, "%u%s", insutype, name);
    return ret_text;
}

char *words_side(uint32_t side, char ret_text[WORDS_SIZE])
{
    snprintf(ret_text, WORDS_SIZE, "%s",
             side == 1   ? "giver 共济人"
             : side == 2 ? "receiver 被共济人"
                         : "-");
    return ret_text;
}

char *words_relative(uint32_t rlts_code, char ret_text[WORDS_SIZE])
{
    static const char *const names[] = {
        "",
        " spouse 配偶",
        " parent 父母",
        " child 子女",
        " sibling 兄弟姐妹",
        " grandparent 祖父母",
        " grandparent 外祖父母",
        " grandchild 孙子女",
        " grandchild 外孙子女",
    };
    const char *name = rlts_code < sizeof names / sizeof names[0] ? names[rlts_code] : "";
    snprintf(ret_text, WORDS_SIZE, "%u%s", rlts_code, name);
    return ret_text;
}

char *words_message(uint32_t type, char ret_text[WORDS_SIZE])
{
    static const struct {
        uint32_t type;
        const char *name;
    } names[] = {
        {OUT_TRSF_NOTICE, "TrsfNotice"}, {OUT_TRSF_RETURNED, "TrsfReturned"},
        {OUT_PA_HOLD, "PaHold"},         {OUT_PA_RELEASE, "PaRelease"},
        {OUT_PA_CONSUME, "PaConsume"},   {OUT_PREM_ADVICE, "PremAdvice"},
        {OUT_PREM_ASK, "PremAsk"},
    };
    snprintf(ret_text, WORDS_SIZE, "0x%04x", type);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].type == type) snprintf(ret_text, WORDS_SIZE, "%s", names[i].name);
    }
    return ret_text;
}

char *words_period(uint32_t yyyymm, char ret_text[WORDS_SIZE])
{
    if (yyyymm == 0) {
        snprintf(ret_text, WORDS_SIZE, "-");
    } else {
        snprintf(ret_text, WORDS_SIZE, "%04u-%02u", yyyymm / 100, yyyymm % 100);
    }
    return ret_text;
}

char *words_month_or_year(uint32_t period, char ret_text[WORDS_SIZE])
{
    if (period == 0 || period > 9999) return words_period(period, ret_text);
    snprintf(ret_text, WORDS_SIZE, "%04u", period);
    return ret_text;
}

char *words_day(uint32_t yyyymmdd, char ret_text[WORDS_SIZE])
{
    if (yyyymmdd == 0) {
        snprintf(ret_text, WORDS_SIZE, "-");
    } else {
        snprintf(ret_text, WORDS_SIZE, "%04u-%02u-%02u", yyyymmdd / 10000, yyyymmdd / 100 % 100,
                 yyyymmdd % 100);
    }
    return ret_text;
}

char *words_time(int64_t unix_ms, char ret_text[WORDS_SIZE])
{
    char text[CIVIL_DATETIME_SIZE] = "-";
    if (unix_ms != 0) civil_format_datetime(unix_ms, text);
    snprintf(ret_text, WORDS_SIZE, "%s", text);
    return ret_text;
}

char *words_stamp(int64_t unix_ms, char ret_text[WORDS_SIZE])
{
    char text[CIVIL_ISO_SIZE] = "";
    if (unix_ms != INT64_MIN) civil_format_iso(unix_ms, text);
    snprintf(ret_text, WORDS_SIZE, "%s", text);
    return ret_text;
}
