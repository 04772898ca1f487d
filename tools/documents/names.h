/* names -- codes as an official document writes them: whole names, no English.
 *
 * Areas come from the list that was built in (deploy/tables/areas.csv). Knows no messages. */
#ifndef DOCUMENTS_NAMES_H
#define DOCUMENTS_NAMES_H

#include <stdint.h>

#define NAMES_SIZE 96 /* Bytes, any text below that is written to a buffer, with its end mark. */

/* "安徽省", "内蒙古自治区" of an index 0..31; else the clearing account's name. Static memory. */
const char *names_province(uint8_t index);

/* "安徽省合肥市" of a six-digit area; an area below a known prefecture is "安徽省合肥市（340103）",
 * an unknown one its code. Gives `ret_text`. */
char *names_area(uint32_t admdvs, char ret_text[NAMES_SIZE]);

/* "住院" of enum line; "其他" for what is none. Static memory. */
const char *names_line(uint32_t line);

/* "职工" of 310 and so on; "其他" for what is none. Static memory. */
const char *names_insutype(uint32_t insutype);

/* "全额清算" of "gross" and so on; the name itself when it is none. */
const char *names_mode(const char *mode);

/* "待付款" of "DUE" and so on, for notices; the name itself when it is none. */
const char *names_notice_state(const char *state);

/* "仅就医地有" of "ONLY_PAYEE" and so on; the name itself when it is none. */
const char *names_difference(const char *kind);

/* "2026年03月" of 202603, "2026年" of 2026. Gives `ret_text`. */
char *names_period(uint32_t period, char ret_text[NAMES_SIZE]);

/* "2026年03月05日" of 20260305; empty for 0. Gives `ret_text`. */
char *names_day(uint32_t day, char ret_text[NAMES_SIZE]);

/* The same of an instant, in Shanghai; empty for 0. Gives `ret_text`. */
char *names_day_of(int64_t unix_ms, char ret_text[NAMES_SIZE]);

#endif
