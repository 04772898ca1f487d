/* words -- codes of the wire in words for people: provinces, lines, insurance classes, months. */
#ifndef QINGFEN_WORDS_H
#define QINGFEN_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define WORDS_SIZE 64 /* Bytes, any of the texts below with its end mark. */

/* "34 安徽"; 0 gives "-- 清算户 clearing". Gives `ret_text`; so do the others. */
char *words_province(uint32_t code, char ret_text[WORDS_SIZE]);

/* "340000 安徽" for a six-digit area. */
char *words_area(uint32_t admdvs, char ret_text[WORDS_SIZE]);

/* "2 outpatient 门诊" */
char *words_line(uint32_t line, char ret_text[WORDS_SIZE]);

/* "310 employee 职工" */
char *words_insutype(uint32_t insutype, char ret_text[WORDS_SIZE]);

/* Side of a relation: "giver 共济人", "receiver 被共济人". */
char *words_side(uint32_t side, char ret_text[WORDS_SIZE]);

/* "3 child 子女" for what the receiver of a relation is. */
char *words_relative(uint32_t rlts_code, char ret_text[WORDS_SIZE]);

/* "PaHold" for a type that stands in outboxes; else the number. */
char *words_message(uint32_t type, char ret_text[WORDS_SIZE]);

/* "2025-03"; 0 gives "-". */
char *words_period(uint32_t yyyymm, char ret_text[WORDS_SIZE]);

/* "2025-03" of a month, "2025" of a year alone; 0 gives "-". */
char *words_month_or_year(uint32_t period, char ret_text[WORDS_SIZE]);

/* "2025-03-14"; 0 gives "-". */
char *words_day(uint32_t yyyymmdd, char ret_text[WORDS_SIZE]);

/* "2025-03-01 08:00:00" in Shanghai; 0 gives "-". */
char *words_time(int64_t unix_ms, char ret_text[WORDS_SIZE]);

/* "2025-03-01T08:00:00+08:00", for programs; INT64_MIN, no time at all, gives "". */
char *words_stamp(int64_t unix_ms, char ret_text[WORDS_SIZE]);

#endif
