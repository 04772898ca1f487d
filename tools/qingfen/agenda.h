/* agenda -- what is due, late or coming, in words and groups. Pure: it is given items. */
#ifndef QINGFEN_AGENDA_H
#define QINGFEN_AGENDA_H

#include <stddef.h>

/* The groups, in the order in which they are printed. */
enum agenda_group {
    AGENDA_TODAY,  /* 今日 */
    AGENDA_LATE,   /* 逾期 */
    AGENDA_ALARM,  /* 预警 */
    AGENDA_COMING, /* 将到期 */
    AGENDA_DONE,   /* 已完成 */
    AGENDA_GROUP_COUNT,
};

/* The group of a severity ("DONE", "COMING", "TODAY", "LATE", "ALARM"); an unknown one, of a newer
 * engine, is an alarm: it must not be overlooked. */
enum agenda_group agenda_group_of(const char *severity);

/* "today 今日" …; static memory. */
const char *agenda_group_name(enum agenda_group group);

/* What is to be done, in English with the Chinese term, for the key of an item ("recon", "sign",
 * …); the key itself when it is not known. Static memory, or the key. */
const char *agenda_text(const char *what);

#endif
