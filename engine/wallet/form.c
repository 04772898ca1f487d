/* form -- what every order must look like before its chapter reads it. By table: which field has
 * which form stands in types/wallet_fields.def. */
#include "types/civil.h"
#include "types/province.h"
#include "types/wallet_fields.h"
#include "types/wire.h"
#include "util/eight.h"
#include "util/table_text.h"
#include "wallet/wallet.h"

#define WALLET_FEN_MAX INT64_C(10000000000000) /* 100 billion yuan, either sign. */

static void wrong(const struct wallet_field *field, struct failures *failures, enum check what,
                  int64_t got, int64_t want)
{
    failures_add(failures, ERROR_MALFORMED, field->number, what, got, want);
}

/* -- views ---------------------------------------------------------------------------------- */

static void check_id(const struct wallet_field *field, struct failures *failures, struct bytes view)
{
    if (view.size > field->most) {
        wrong(field, failures, CHECK_LENGTH, (int64_t)view.size, field->most);
        return;
    }
    if (!all_visible(view)) {
        wrong(field, failures, CHECK_CHARSET, (int64_t)visible_front(view), 0);
    }
}

static void check_text(const struct wallet_field *field, struct failures *failures,
                       struct bytes view)
{
    if (view.size > field->most) {
        wrong(field, failures, CHECK_LENGTH, (int64_t)view.size, field->most);
    } else if (!table_text_sound(view)) {
        wrong(field, failures, CHECK_CHARSET, CHARSET_TEXT, 0);
    }
}

static void check_view(const struct wallet_field *field, struct failures *failures,
                       struct bytes view)
{
    if (view.size == 0) {
        if (field->need == NEED_NEED) wrong(field, failures, CHECK_MISSING, 0, 0);
    } else if (field->form == FORM_KEY) {
        if (view.size != PSN_KEY_SIZE) {
            wrong(field, failures, CHECK_LENGTH, (int64_t)view.size, PSN_KEY_SIZE);
        }
    } else if (field->form == FORM_TEXT) {
        check_text(field, failures, view);
    } else {
        check_id(field, failures, view);
    }
}

/* -- numbers -------------------------------------------------------------------------------- */

static void check_area(const struct wallet_field *field, struct failures *failures, uint32_t admdvs)
{
    if (admdvs < 100000 || admdvs > 999999) {
        wrong(field, failures, CHECK_RANGE, admdvs, admdvs < 100000 ? 100000 : 999999);
    } else if (province_of_area(admdvs) == PROVINCE_NONE) {
        wrong(field, failures, CHECK_KNOWN, admdvs, 0);
    }
}

static bool is_date(uint32_t yyyymmdd)
{
    const struct civil day = {.year = (int32_t)(yyyymmdd / 10000),
                              .month = (int32_t)(yyyymmdd / 100 % 100),
                              .day = (int32_t)(yyyymmdd % 100)};
    int64_t ms;
    return yyyymmdd <= 99991231 && civil_to_ms(&day, &ms);
}

static void check_range(const struct wallet_field *field, struct failures *failures, int64_t value,
                        int64_t least, int64_t most)
{
    if (value < least) wrong(field, failures, CHECK_RANGE, value, least);
    if (value > most) wrong(field, failures, CHECK_RANGE, value, most);
}

static void check_number(const struct wallet_field *field, struct failures *failures, int64_t value)
{
    if (value == 0) {
        if (field->need == NEED_NEED) wrong(field, failures, CHECK_MISSING, 0, 0);
        return;
    }
    switch ((enum wallet_form)field->form) {
    case FORM_AREA:
        check_area(field, failures, (uint32_t)value);
        return;
    case FORM_CHOICE:
        check_range(field, failures, value, 1, field->most);
        return;
    case FORM_DATE:
        if (!is_date((uint32_t)value)) wrong(field, failures, CHECK_RANGE, value, 99991231);
        return;
    case FORM_YEAR:
        check_range(field, failures, value, 2000, 2999);
        return;
    case FORM_TIME:
        check_range(field, failures, value, 0, CIVIL_LATEST_MS);
        return;
    case FORM_FEN:
        check_range(field, failures, value, -WALLET_FEN_MAX, WALLET_FEN_MAX);
        return;
    case FORM_FEN_UP:
        check_range(field, failures, value, 0, WALLET_FEN_MAX);
        return;
    case FORM_ANY:
    case FORM_ID:
    case FORM_KEY:
    case FORM_TEXT:
        return;
    }
}

/* -- fields --------------------------------------------------------------------------------- */

static struct bytes view_at(const struct wallet_order *order, const struct wallet_field *field)
{
    struct bytes view;
    memcpy(&view, (const uint8_t *)order + field->offset, sizeof view);
    return view;
}

static int64_t number_at(const struct wallet_order *order, const struct wallet_field *field)
{
    const uint8_t *member = (const uint8_t *)order + field->offset;
    if (field->form == FORM_FEN || field->form == FORM_FEN_UP || field->form == FORM_TIME) {
        int64_t value;
        memcpy(&value, member, sizeof value);
        return value;
    }
    uint32_t value;
    memcpy(&value, member, sizeof value);
    return value;
}

/* What nearly every field is: the others are looked at again, and say what is wrong with them. */
static inline bool view_fits(const struct wallet_field *field, struct bytes view)
{
    if (view.size == 0) return field->need != NEED_NEED;
    if (field->form == FORM_ID) return view.size <= field->most && all_visible(view);
    return field->form == FORM_KEY && view.size == PSN_KEY_SIZE;
}

static inline bool number_fits(const struct wallet_field *field, int64_t value)
{
    if (value == 0) return field->need != NEED_NEED;
    if (field->form == FORM_CHOICE) return value <= field->most;
    if (field->form == FORM_FEN_UP) return value >= 0 && value <= WALLET_FEN_MAX;
    return field->form == FORM_ANY;
}

static inline bool is_view(const struct wallet_field *field)
{
    return field->form == FORM_ID || field->form == FORM_KEY || field->form == FORM_TEXT;
}

void wallet_order_check(const struct wallet_order *order, struct failures *failures)
{
    const struct wallet_field *either = NULL; /* The first of several ways to say whom is meant. */
    bool taken = false;                       /* One of them was. */
    for (const struct wallet_field *field = wallet_fields(order->type); field->number != 0;
         field++) {
        if (is_view(field)) {
            const struct bytes view = view_at(order, field);
            if (!view_fits(field, view)) check_view(field, failures, view);
            if (field->need != NEED_EITHER) continue;
            taken |= view.size != 0;
            if (either == NULL) either = field;
        } else if (field->form != FORM_ANY || field->need == NEED_NEED) {
            const int64_t value = number_at(order, field);
            if (!number_fits(field, value)) check_number(field, failures, value);
        }
    }
    if (either != NULL && !taken) {
        failures_add(failures, ERROR_MALFORMED, either->number, CHECK_MISSING, 0, 0);
    }
    /* A settlement's number is its person's: without pay_id it takes both. */
    if (order->type == MESSAGE_WLT_PAY_REVERSE && order->pay_id.size == 0 &&
        order->psn_key.size == 0) {
        failures_add(failures, ERROR_MALFORMED, WALLET_FIELD(order->type, psn_key), CHECK_MISSING,
                     0, 0);
    }
}
