#include "types/error.h"

const char *error_text(uint32_t code)
{
    switch (code) {
#define X(number, symbol, english, chinese) \
    case number:                            \
        return english;
#include "types/error.def"
#undef X
    default:
        return "unknown code";
    }
}

const char *error_text_zh(uint32_t code)
{
    switch (code) {
#define X(number, symbol, english, chinese) \
    case number:                            \
        return chinese;
#include "types/error.def"
#undef X
    default:
        return "未知代码";
    }
}

const char *error_symbol(uint32_t code)
{
    switch (code) {
#define X(number, symbol, english, chinese) \
    case number:                            \
        return #symbol;
#include "types/error.def"
#undef X
    default:
        return "UNKNOWN";
    }
}
