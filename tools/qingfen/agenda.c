#include "tools/qingfen/agenda.h"

#include <string.h>

enum agenda_group agenda_group_of(const char *severity)
{
    if (strcmp(severity, "TODAY") == 0) return AGENDA_TODAY;
    if (strcmp(severity, "LATE") == 0) return AGENDA_LATE;
    if (strcmp(severity, "COMING") == 0) return AGENDA_COMING;
    if (strcmp(severity, "DONE") == 0) return AGENDA_DONE;
    return AGENDA_ALARM;
}

const char *agenda_group_name(enum agenda_group group)
{
    static const char *const names[AGENDA_GROUP_COUNT] = {"today 今日", "late 逾期", "alarms 预警",
                                                          "coming 将到期", "done 已完成"};
    return group < AGENDA_GROUP_COUNT ? names[group] : "";
}

/* clang-format off -- a table is read as a table */
static const struct {
    const char *what;
    const char *text;
} texts[] = {
    {"recon", "reconcile the month 对账"},
    {"confirm", "confirm and declare 确认申报"},
    {"cut", "cut the month 记账截止"},
    {"compute", "compute the tables 清分"},
    {"publish", "publish the tables 公示"},
    {"sign", "sign the tables 签章"},
    {"objection", "an objection is open 异议"},
    {"notice", "issue the notices 发通知书"},
    {"file", "file with finance 向财政申请"},
    {"transfer", "transfer the money 拨付"},
    {"feedback", "report the transfer 反馈"},
    {"archive", "archive the batch 归档"},
    {"dispute-reply", "answer the dispute 争议答复"},
    {"dispute-resolve", "decide the dispute 争议裁定"},
    {"hold-overage", "carried over too long 超期延后"},
    {"prefund-year", "set year's deposits 年度预付金"},
    {"prefund-yellow", "deposit use yellow 黄色预警"},
    {"prefund-red", "deposit use is red 红色预警"},
    {"emergency-window", "increase is possible 紧急调增"},
    {"emergency", "decide on increase 紧急调增"},
    {"year-cut", "clear the whole year 年度清算"},
};
/* clang-format on */

const char *agenda_text(const char *what)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(texts[i].what, what) == 0) return texts[i].text;
    }
    return what;
}
