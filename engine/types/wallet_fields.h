/* wallet_fields -- which field of which message is which member of struct wallet_order, and what
 * its value must look like. One list (wallet_fields.def) behind bytes, form and the names in
 * failures. */
#ifndef TYPES_WALLET_FIELDS_H
#define TYPES_WALLET_FIELDS_H

#include "types/wallet.h"

enum wallet_form {
    FORM_ANY,    /* What fits its kind on the wire. */
    FORM_ID,     /* Visible ASCII, at most `most` bytes. */
    FORM_KEY,    /* PSN_KEY_SIZE bytes. */
    FORM_TEXT,   /* UTF-8 without control characters, at most `most` bytes. */
    FORM_AREA,   /* Six digits, the first two a participant's. */
    FORM_CHOICE, /* 1..most */
    FORM_DATE,   /* yyyymmdd, a day there is. */
    FORM_YEAR,   /* 2000..2999 */
    FORM_TIME,   /* Milliseconds since the epoch. */
    FORM_FEN,    /* Within N(16,2). */
    FORM_FEN_UP, /* And not below zero. */
};

enum wallet_need {
    NEED_MAY,
    NEED_NEED,
    NEED_EITHER, /* One of those so marked must be there. */
};

struct wallet_field {
    uint8_t number; /* In the .proto; 0: the end of a list. */
    uint8_t form;   /* enum wallet_form */
    uint8_t need;   /* enum wallet_need */
    uint8_t most;
    uint16_t offset; /* In struct wallet_order. */
    const char *name;
};

/* A message's fields by ascending number, ended by number 0; NULL when the type is none of
 * wallet, premium, pushes and outboxes. */
const struct wallet_field *wallet_fields(uint16_t type);

/* Field number of a member of struct wallet_order in that type, by its offset; 0: not in it. */
uint32_t wallet_field(uint16_t type, size_t offset);

/* For failures: WALLET_FIELD(order->type, amount). */
#define WALLET_FIELD(type, member) wallet_field(type, offsetof(struct wallet_order, member))

/* Name of a field, "trsf_amt"; "" when unknown. */
const char *wallet_field_name(uint16_t type, uint32_t number);

#endif
