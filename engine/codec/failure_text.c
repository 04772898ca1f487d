#include "codec/failure_text.h"

#include "codec/messages.h"
#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "types/civil.h"
#include "types/wallet.h"
#include "types/wire.h"
#include "util/text.h"

const char *check_name(uint32_t check)
{
    static const char *const names[CHECK_COUNT] = {
        [CHECK_NONE] = "",           [CHECK_E1] = "E1",           [CHECK_E2] = "E2",
        [CHECK_E3] = "E3",           [CHECK_E4] = "E4",           [CHECK_E5] = "E5",
        [CHECK_E6] = "E6",           [CHECK_MISSING] = "missing", [CHECK_LENGTH] = "length",
        [CHECK_CHARSET] = "charset", [CHECK_RANGE] = "range",     [CHECK_KNOWN] = "known",
        [CHECK_REFUND] = "refund",   [CHECK_MATCH] = "match",     [CHECK_STATE] = "state",
        [CHECK_PLACE] = "place",
    };
    return check < CHECK_COUNT ? names[check] : "";
}

static void add_identity_text(struct text *text, const char *name, const struct failure *failure)
{
    text_add(text, check_name(failure->check));
    text_add(text, ": ");
    text_add(text, name);
    text_add(text, " is ");
    text_add_yuan(text, failure->got);
    text_add(text, " but its parts make ");
    text_add_yuan(text, failure->want);
    text_add(text, " (off by ");
    int64_t off;
    if (__builtin_sub_overflow(failure->got, failure->want, &off)) {
        text_add(text, "more than fits");
    } else {
        text_add_yuan(text, off);
    }
    text_add(text, ")");
}

static void add_got_want(struct text *text, const char *name, const char *got_text, int64_t got,
                         const char *want_text, int64_t want)
{
    text_add(text, name);
    text_add(text, got_text);
    text_add_int(text, got);
    text_add(text, want_text);
    text_add_int(text, want);
}

static void add_yuan_got_want(struct text *text, const char *name, const char *got_text,
                              int64_t got, const char *want_text, int64_t want)
{
    text_add(text, name);
    text_add(text, got_text);
    text_add_yuan(text, got);
    text_add(text, want_text);
    text_add_yuan(text, want);
}

static bool is_amount_field(uint16_t type, uint32_t field)
{
    const struct wire_table *table = message_table(type);
    if (table == NULL || field >= WIRE_FIELDS) return false;
    return table->fields[field].kind == WIRE_S64 || table->fields[field].kind == WIRE_S64_SENT;
}

/* False for ids, keys and no field at all: a number is not what such a field says. */
static bool is_number_field(uint16_t type, uint32_t field)
{
    const struct wire_table *table = message_table(type);
    if (table == NULL || field >= WIRE_FIELDS) return false;
    return table->fields[field].kind != WIRE_NONE && table->fields[field].kind != WIRE_BYTES;
}

static bool is_time_field(const char *name)
{
    return strcmp(name, "eff_at") == 0 || strcmp(name, "eff_from") == 0;
}

/* From here on codes are of wallets and persons (docs/rules.md, Error codes). */
#define WALLET_CODES 3000

/* What the number of a failure is, in words; NULL: it speaks for itself. */
static const char *state_words(uint32_t code, int64_t got)
{
    static const char *const wallets[] = {NULL, "OPEN", "FROZEN", "CLOSING", "CLOSED"};
    static const char *const insured[] = {"not pushed", "normal", "paused", "ended"};
    switch (code) {
    case ERROR_WALLET_CLOSED:
    case ERROR_RECEIVER_NO_WALLET:
        return got >= WALLET_NONE && got <= WALLET_CLOSED ? wallets[got] : NULL;
    case ERROR_INSURED_STATE:
        return got >= 0 && got <= INSURED_ENDED ? insured[got] : NULL;
    case ERROR_TRANSFER_ENDED:
        return got > 0 && got <= STAS_RETURNED ? wallet_stas_text((uint32_t)got) : NULL;
    default:
        return NULL;
    }
}

static void add_value(struct text *text, int64_t value, bool money, bool time)
{
    char iso[CIVIL_ISO_SIZE];
    if (money) {
        text_add_yuan(text, value);
    } else if (time) {
        civil_format_iso(value, iso);
        text_add(text, iso);
    } else {
        text_add_int(text, value);
    }
}

/* A wallet's refusal is about what a number means and seldom about the number: field, what is
 * wrong, and in brackets the number and what it was held against. */
static void add_wallet_text(struct text *text, uint16_t type, const char *name, bool money,
                            const struct failure *failure)
{
    const bool time = is_time_field(name);
    const bool matched = failure->check == CHECK_MATCH || failure->check == CHECK_RANGE;
    const char *words =
        failure->check == CHECK_STATE ? state_words(failure->code, failure->got) : NULL;
    if (name[0] != '\0') {
        text_add(text, name);
        text_add(text, ": ");
    }
    if (failure->code == ERROR_RULE_INVALID && failure->got == 0 && failure->want == 0) {
        text_add(text, "there is no such ");
        text_add(text, name);
        return;
    }
    text_add(text, error_text(failure->code));
    if (words == NULL && (matched ? failure->got == failure->want : failure->got == 0)) return;
    if (words == NULL && !matched && !is_number_field(type, failure->field)) return;
    text_add(text, " (");
    if (words != NULL) {
        text_add(text, words);
    } else {
        add_value(text, failure->got, money, time);
    }
    if (matched) {
        text_add(text, failure->check == CHECK_MATCH ? ", it should be " : ", the bound is ");
        add_value(text, failure->want, money, time);
    }
    text_add(text, ")");
}

/* The number of CHECK_PLACE. */
static void add_place_text(struct text *text, const struct failure *failure)
{
    const uint64_t place = (uint64_t)failure->want;
    text_add(text, error_text(failure->code));
    text_add(text, ": shard ");
    text_add_int(text, (int64_t)(place >> 56));
    text_add(text, ", entry ");
    text_add_int(text, failure->got);
    text_add(text, ", segment ");
    text_add_int(text, (int64_t)(place >> 32 & 0xffffff));
    text_add(text, ", offset ");
    text_add_int(text, (int64_t)(place & 0xffffffff));
}

/* What is wrong with one field by itself. False: it is another check. */
static bool add_field_text(struct text *text, const char *name, bool money,
                           const struct failure *failure)
{
    switch ((enum check)failure->check) {
    case CHECK_MISSING:
        text_add(text, name);
        text_add(text, " is missing");
        return true;
    case CHECK_LENGTH:
        add_got_want(text, name, " has ", failure->got, " bytes, allowed are ", failure->want);
        return true;
    case CHECK_CHARSET:
        text_add(text, name);
        if (failure->got == CHARSET_TEXT) {
            text_add(text, " is not UTF-8, or holds a control character");
            return true;
        }
        text_add(text, " holds something else than visible ASCII at byte ");
        text_add_int(text, failure->got);
        return true;
    case CHECK_RANGE:
        if (money) {
            add_yuan_got_want(text, name, " is ", failure->got, ", the bound is ", failure->want);
        } else {
            add_got_want(text, name, " is ", failure->got, ", the bound is ", failure->want);
        }
        return true;
    case CHECK_KNOWN:
        text_add(text, name);
        text_add(text, " ");
        text_add_int(text, failure->got);
        text_add(text, " is not in the tables");
        return true;
    default:
        return false;
    }
}

/* What is wrong with amounts together. False: it is another check. */
static bool add_amounts_text(struct text *text, const char *name, const struct failure *failure)
{
    switch ((enum check)failure->check) {
    case CHECK_E1:
    case CHECK_E2:
    case CHECK_E3:
    case CHECK_E4:
    case CHECK_E6:
        add_identity_text(text, name, failure);
        return true;
    case CHECK_E5:
        text_add(text, "E5: ");
        text_add(text, name);
        text_add(text, " is ");
        text_add_yuan(text, failure->got);
        text_add(text, failure->got > 0 ? ", a refund's amounts are zero or negative"
                                        : ", a settlement's amounts are zero or positive");
        return true;
    case CHECK_REFUND:
        add_yuan_got_want(text, name, ": with this one refunds come to ", failure->got,
                          ", the original has ", failure->want);
        return true;
    default:
        return false;
    }
}

static void add_match_text(struct text *text, const char *name, bool money,
                           const struct failure *failure)
{
    if (failure->got != failure->want && money) {
        add_yuan_got_want(text, name, " is ", failure->got, ", it should be ", failure->want);
        return;
    }
    if (failure->got != failure->want) {
        add_got_want(text, name, " is ", failure->got, ", it should be ", failure->want);
        return;
    }
    text_add(text, name);
    text_add(text, failure->got == 0 ? " names the same person" : " is that already");
}

/* Of the wallet's rules the text says what the code means, too. */
static bool tells_its_rule(const struct failure *failure, bool money)
{
    const bool of_rule = failure->code == ERROR_RULE_INVALID && failure->check == CHECK_NONE;
    const bool of_wallet =
        failure->code >= WALLET_CODES && !(money && failure->check == CHECK_RANGE);
    return of_rule ||
           (of_wallet && (failure->check == CHECK_STATE || failure->check == CHECK_MATCH ||
                          failure->check == CHECK_RANGE));
}

void failure_text(uint16_t type, const struct failure *failure, char *ret_text, size_t size)
{
    struct text text = text_begin(ret_text, size);
    const char *name = message_field_name(type, failure->field);
    const bool money = is_amount_field(type, failure->field);

    if (tells_its_rule(failure, money)) {
        add_wallet_text(&text, type, name, money, failure);
    } else if (failure->check == CHECK_MATCH) {
        add_match_text(&text, name, money, failure);
    } else if (failure->check == CHECK_PLACE) {
        add_place_text(&text, failure);
    } else if (!add_field_text(&text, name, money, failure) &&
               !add_amounts_text(&text, name, failure)) {
        if (name[0] != '\0') {
            text_add(&text, name);
            text_add(&text, ": ");
        }
        text_add(&text, error_text(failure->code));
    }
}
