/* province -- the 32 participants of the clearing and their dense index.
 *
 * 31 provinces (省级行政区) and the XPCC (新疆生产建设兵团, 66), in the order of their two-digit
 * codes (GB/T 2260). Arrays use the index, files and wire the code (docs/rules.md, Participants).
 */
#ifndef TYPES_PROVINCE_H
#define TYPES_PROVINCE_H

#include <stdint.h>

#define PROVINCE_COUNT 32
#define PROVINCE_NONE  0xff

/* Two-digit code of each index. */
extern const uint8_t province_codes[PROVINCE_COUNT];

/* Index of a two-digit code, PROVINCE_NONE when it takes no part (71, 81, 82, 99, …). */
uint8_t province_index(uint32_t code);

/* Index of the province of a six-digit area code (admdvs 医保区划), or PROVINCE_NONE. */
uint8_t province_of_area(uint32_t admdvs);

/* Chinese short name, "安徽"; static memory. */
const char *province_name(uint8_t index);

#endif
