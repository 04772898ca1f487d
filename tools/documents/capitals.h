/* capitals -- an amount in the capital numerals of Chinese bills (大写金额).
 *
 * The rules are those for filling in bills and settlement vouchers
 * (正确填写票据和结算凭证的基本规定). Where they leave a choice it is made here once, so that an
 * amount has one spelling: 圆, not 元; 整 after 圆 and after 角, never after 分; no 零 where it may
 * be left out.
 *
 * Pure: no memory, no files, no messages. */
#ifndef DOCUMENTS_CAPITALS_H
#define DOCUMENTS_CAPITALS_H

#include <stdint.h>

#define CAPITALS_SIZE 256 /* Bytes, any int64 of fen with its end mark. */

/* 12345 fen give "壹佰贰拾叁圆肆角伍分", 0 gives "零圆整"; below zero "红字" stands in front of the
 * absolute amount. Gives `ret_text`. */
char *capitals_format(int64_t fen, char ret_text[CAPITALS_SIZE]);

#endif
