#include "tools/documents/capitals.h"

#include <stdbool.h>
#include <string.h>

#include "types/ensure.h"

#define WAN UINT64_C(10000)
#define YI  UINT64_C(100000000)

static const char *const digits[10] = {"零", "壹", "贰", "叁", "肆", "伍", "陆", "柒", "捌", "玖"};

struct spelling {
    char *out;
    size_t used;
};

static void put(struct spelling *spelling, const char *text)
{
    const size_t size = strlen(text);
    ENSURE(spelling->used + size < CAPITALS_SIZE);
    memcpy(spelling->out + spelling->used, text, size + 1);
    spelling->used += size;
}

/* 1..9999. Zeros between two digits are one 零, those at the end none. */
static void put_group(struct spelling *spelling, uint64_t number)
{
    static const char *const places[4] = {"仟", "佰", "拾", ""};
    uint64_t scale = 1000;
    bool is_begun = false;
    bool is_zero_owed = false;
    for (int i = 0; i < 4; i++, scale /= 10) {
        const uint64_t digit = number / scale % 10;
        if (digit == 0) {
            is_zero_owed = is_begun;
            continue;
        }
        if (is_zero_owed) put(spelling, digits[0]);
        put(spelling, digits[digit]);
        put(spelling, places[i]);
        is_begun = true;
        is_zero_owed = false;
    }
}

/* 1 and more. What stands behind 亿 or 万 is led by 零 when its own first place is empty. */
static void put_number(struct spelling *spelling, uint64_t number)
{
    const uint64_t unit = number >= YI ? YI : WAN;
    if (number < WAN) {
        put_group(spelling, number);
        return;
    }
    put_number(spelling, number / unit);
    put(spelling, unit == YI ? "亿" : "万");
    const uint64_t rest = number % unit;
    if (rest == 0) return;
    if (rest < unit / 10) put(spelling, digits[0]);
    put_number(spelling, rest);
}

char *capitals_format(int64_t fen, char ret_text[CAPITALS_SIZE])
{
    struct spelling spelling = {.out = ret_text};
    ret_text[0] = '\0';
    /* INT64_MIN has no positive int64 counterpart; its magnitude does fit unsigned. */
    const uint64_t magnitude = fen < 0 ? -(uint64_t)fen : (uint64_t)fen;
    const uint64_t yuan = magnitude / 100;
    const uint64_t jiao = magnitude / 10 % 10;
    const uint64_t rest = magnitude % 10;

    if (fen < 0) put(&spelling, "红字");
    if (yuan != 0) {
        put_number(&spelling, yuan);
        put(&spelling, "圆");
    } else if (magnitude == 0) {
        put(&spelling, "零圆");
    }
    if (jiao != 0) {
        put(&spelling, digits[jiao]);
        put(&spelling, "角");
    }
    if (rest == 0) {
        put(&spelling, "整");
        return ret_text;
    }
    if (jiao == 0 && yuan != 0) put(&spelling, digits[0]);
    put(&spelling, digits[rest]);
    put(&spelling, "分");
    return ret_text;
}
