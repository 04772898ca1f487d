#include "types/wallet_fields.h"

#include "types/wire.h"

/* clang-format off */
#define MESSAGE(symbol) static const struct wallet_field fields_##symbol[] = {
#define F(number_, name_, kind, member, form_, need_, most_) \
    {.number = number_, .form = FORM_##form_, .need = NEED_##need_, .most = most_, \
     .offset = offsetof(struct wallet_order, member), .name = #name_},
#define END {.number = 0}};
#include "types/wallet_fields.def"
#undef MESSAGE
#undef F
#undef END
/* clang-format on */

const struct wallet_field *wallet_fields(uint16_t type)
{
    switch (type) {
#define MESSAGE(symbol)    \
    case MESSAGE_##symbol: \
        return fields_##symbol;
#define F(number, name, kind, member, form, need, most)
#define END
#include "types/wallet_fields.def"
#undef MESSAGE
#undef F
#undef END
    case MESSAGE_WLT_UNFREEZE:
        return fields_WLT_FREEZE;
    case MESSAGE_TRSF_DECLINE:
        return fields_TRSF_ACCEPT;
    default:
        return NULL;
    }
}

uint32_t wallet_field(uint16_t type, size_t offset)
{
    const struct wallet_field *field = wallet_fields(type);
    while (field != NULL && field->number != 0 && field->offset != offset)
        field++;
    return field == NULL ? 0 : field->number;
}

const char *wallet_field_name(uint16_t type, uint32_t number)
{
    const struct wallet_field *field = wallet_fields(type);
    if (number == 0 || field == NULL) return "";
    while (field->number != 0 && field->number != number)
        field++;
    return field->number == 0 ? "" : field->name;
}
