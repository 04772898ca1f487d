#include "codec/cycle_query.h"

#include "centre.pb-c.h"
#include "codec/packing.h"
#include "cycle.pb-c.h"
#include "types/wire.h"

#define ASK(TYPE, type)                                                                        \
    Qingfen__V1__##TYPE *m = qingfen__v1__##type##__unpack(pb_memory(), body.size, body.data); \
    if (m == NULL) return false;                                                               \
    bool fits = true
#define ASKED(type)                                \
    qingfen__v1__##type##__free_unpacked(m, NULL); \
    return fits

static bool copy_word(char *out, size_t room, const char *word)
{
    const size_t size = strlen(word);
    if (size >= room) return false;
    memcpy(out, word, size);
    return true;
}

static bool ask_batch(struct bytes body, struct query *query)
{
    ASK(BatchGet, batch_get);
    query->period = m->period;
    query->version = m->version;
    query->number_of = m->number;
    query->offset = m->offset;
    query->limit = m->limit;
    query->province = m->province;
    ASKED(batch_get);
}

static bool ask_notices(struct bytes body, struct query *query)
{
    ASK(NoticeList, notice_list);
    query->province = m->province;
    query->period = m->period;
    query->offset = m->offset;
    query->limit = m->limit;
    fits = copy_word(query->kind, sizeof query->kind, m->kind) &&
           copy_word(query->state, sizeof query->state, m->state) &&
           copy_word(query->number, sizeof query->number, m->number);
    ASKED(notice_list);
}

static bool ask_disputes(struct bytes body, struct query *query)
{
    ASK(DisputeList, dispute_list);
    query->province = m->province;
    query->period = m->period;
    query->offset = m->offset;
    query->limit = m->limit;
    fits = copy_word(query->state, sizeof query->state, m->state);
    ASKED(dispute_list);
}

static bool ask_prefunds(struct bytes body, struct query *query)
{
    ASK(PrefundList, prefund_list);
    query->province = m->province;
    query->period = m->period;
    query->offset = m->offset;
    query->limit = m->limit;
    ASKED(prefund_list);
}

static bool ask_differences(struct bytes body, struct query *query)
{
    ASK(DifferenceList, difference_list);
    query->province = m->province;
    query->period = m->period;
    query->day = m->date;
    query->counterpart = m->counterpart;
    query->flag = m->closed_too;
    query->offset = m->offset;
    query->limit = m->limit;
    ASKED(difference_list);
}

static bool ask_calendar(struct bytes body, struct query *query)
{
    ASK(CalendarGet, calendar_get);
    query->period = m->month;
    query->province = m->province;
    ASKED(calendar_get);
}

static bool ask_areas(struct bytes body, struct query *query)
{
    ASK(AreaReport, area_report);
    query->period = m->period;
    query->province = m->province;
    query->flag = m->receivable;
    query->offset = m->offset;
    query->limit = m->limit;
    ASKED(area_report);
}

static bool ask_exceptions(struct bytes body, struct query *query)
{
    ASK(ExceptionList, exception_list);
    query->province = m->province;
    query->period = m->period;
    query->offset = m->offset;
    query->limit = m->limit;
    fits = copy_word(query->state, sizeof query->state, m->state);
    ASKED(exception_list);
}

static bool ask_cells(struct bytes body, struct query *query)
{
    ASK(CellList, cell_list);
    query->period = m->period;
    query->province = m->province;
    query->offset = m->offset;
    query->limit = m->limit;
    ASKED(cell_list);
}

static bool ask_settings(struct bytes body, struct query *query)
{
    ASK(SettingList, setting_list);
    (void)query;
    ASKED(setting_list);
}

static bool ask_book(struct bytes body, struct query *query)
{
    ASK(BookGet, book_get);
    query->payer = m->payer;
    query->payee = m->payee;
    ASKED(book_get);
}

typedef bool ask_fn(struct bytes body, struct query *query);

static ask_fn *asker_of(uint16_t type)
{
    switch (type) {
    case MESSAGE_BATCH_GET:
        return ask_batch;
    case MESSAGE_NOTICE_LIST:
        return ask_notices;
    case MESSAGE_DISPUTE_LIST:
        return ask_disputes;
    case MESSAGE_PREFUND_LIST:
        return ask_prefunds;
    case MESSAGE_DIFFERENCE_LIST:
        return ask_differences;
    case MESSAGE_CALENDAR_GET:
        return ask_calendar;
    case MESSAGE_AREA_REPORT:
        return ask_areas;
    case MESSAGE_EXCEPTION_LIST:
        return ask_exceptions;
    case MESSAGE_CELL_LIST:
        return ask_cells;
    case MESSAGE_SETTING_LIST:
        return ask_settings;
    case MESSAGE_BOOK_GET:
        return ask_book;
    default:
        return NULL;
    }
}

bool query_type(uint16_t type)
{
    return asker_of(type) != NULL;
}

bool query_decode(uint16_t type, struct bytes body, struct query *ret_query)
{
    ask_fn *ask = asker_of(type);
    memset(ret_query, 0, sizeof *ret_query);
    ret_query->type = type;
    return ask != NULL && ask(body, ret_query);
}
