/* Fuzz: any bytes as each order and query of the clearing cycle; the first byte says which. What is
 * taken stays inside the limits that everybody behind it relies on, and is the same a second time.
 */
#include "codec/cycle.h"
#include "codec/cycle_query.h"
#include "types/cell.h"
#include "types/ensure.h"
#include "types/province.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint16_t types[] = {
    MESSAGE_RECON_DAY,       MESSAGE_RECON_LIST,     MESSAGE_PERIOD_CUT,
    MESSAGE_BATCH_STEP,      MESSAGE_CLR_CONFIRM,    MESSAGE_DISPUTE_OPEN,
    MESSAGE_BATCH_SIGN,      MESSAGE_PAY_REPORT,     MESSAGE_PREFUND_SET,
    MESSAGE_CLR_WITHDRAW,    MESSAGE_RECOVERY,       MESSAGE_DISPUTE_REPLY,
    MESSAGE_DISPUTE_RESOLVE, MESSAGE_RECEIPT_REPORT, MESSAGE_NOTICE_REISSUE,
    MESSAGE_PREFUND_APPLY,   MESSAGE_PREFUND_DECIDE, MESSAGE_YEAR_CLOSE,
    MESSAGE_SETTING_SET,     MESSAGE_BATCH_GET,      MESSAGE_NOTICE_LIST,
    MESSAGE_DISPUTE_LIST,    MESSAGE_PREFUND_LIST,   MESSAGE_DIFFERENCE_LIST,
    MESSAGE_CALENDAR_GET,    MESSAGE_AREA_REPORT,    MESSAGE_EXCEPTION_LIST,
    MESSAGE_CELL_LIST,       MESSAGE_SETTING_LIST,   MESSAGE_BOOK_GET,
};

static void ended(const char *text, size_t room)
{
    ENSURE(memchr(text, 0, room) != NULL);
}

static void known_province(uint8_t index)
{
    ENSURE(index < PROVINCE_COUNT || index == PROVINCE_CENTRE || index == PROVINCE_UNKNOWN);
}

static void sound_ref(const struct record_ref *ref)
{
    ENSURE(ref->size >= 1);
    ENSURE(ref->size <= 30);
    ENSURE(strlen(ref->setl_id) == ref->size);
    ended(ref->setl_id, sizeof ref->setl_id);
}

static void rows_laws(const struct order *order)
{
    for (uint32_t i = 0; i < order->row_count; i++) {
        if (order->type == MESSAGE_RECON_DAY) {
            const struct cell_key *key = &order->totals[i].cell;
            ENSURE(key->payer < PROVINCE_COUNT);
            ENSURE(key->payee < PROVINCE_COUNT);
            ENSURE(key->line != 0);
            ENSURE(key->line < LINE_END);
            ENSURE(key->insurance < INSURANCE_COUNT);
        } else if (order->type == MESSAGE_RECON_LIST) {
            sound_ref(&order->items[i].ref);
            ENSURE(order->items[i].refund <= 1);
        } else {
            ENSURE(order->type == MESSAGE_CLR_CONFIRM);
            sound_ref(&order->confirms[i].ref);
            ENSURE(order->confirms[i].cnfm_flag <= 1);
        }
    }
}

static void order_laws(uint16_t type, struct bytes body)
{
    struct order order;
    struct order again;
    const char *field = NULL;
    if (!order_decode(type, 34, body, &order, &field)) {
        ENSURE(field != NULL);
        ENSURE(order.rows == NULL);
        return;
    }
    known_province(order.acting);
    known_province(order.payer);
    known_province(order.payee);
    ENSURE(order.line < LINE_END);
    ENSURE(order.insurance < INSURANCE_COUNT || order.insurance == 0xff);
    ended(order.msgid, sizeof order.msgid);
    ended(order.number, sizeof order.number);
    ended(order.bank_ref, sizeof order.bank_ref);
    ended(order.text, sizeof order.text);
    ENSURE(order.msgid[0] != '\0' || (type == MESSAGE_RECON_DAY && order.row_count == 0));
    ENSURE((order.row_count != 0) == (order.rows != NULL));
    if (order.ref.size != 0) sound_ref(&order.ref);
    rows_laws(&order);

    ENSURE(order_decode(type, 34, body, &again, &field));
    ENSURE(again.hash == order.hash);
    ENSURE(again.row_count == order.row_count);
    order_free(&again);
    order_free(&order);
}

static void query_laws(uint16_t type, struct bytes body)
{
    struct query query;
    if (!query_decode(type, body, &query)) return;
    ENSURE(query.type == type);
    ended(query.state, sizeof query.state);
    ended(query.kind, sizeof query.kind);
    ended(query.number, sizeof query.number);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const uint16_t type = types[data[0] % (sizeof types / sizeof types[0])];
    const struct bytes body = {data + 1, size - 1};
    if (order_type(type)) {
        order_laws(type, body);
    } else {
        ENSURE(query_type(type));
        query_laws(type, body);
    }
    return 0;
}
