/* Fuzz: any bytes as a CSV of settlements. What is read is inside the text or the reader, errors
 * say where and why, the reader always comes to the end, and a row that is written again reads as
 * the same row. */
#include <stdint.h>

#include "codec/csv.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/money.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(const struct csv_reader *reader, struct bytes view)
{
    const char *start = (const char *)view.data;
    ENSURE(view.size <= CSV_FIELD_MAX);
    if (view.size == 0) return;
    if (start >= reader->text && start + view.size <= reader->end) return;
    const char *scratch = (const char *)reader->scratch; /* All of it, not the first line alone. */
    ENSURE(start >= scratch);
    ENSURE(start + view.size <= scratch + sizeof(reader->scratch));
}

static void check_settlement(const struct csv_reader *reader, const struct csv_row *row)
{
    const struct settlement *settlement = &row->settlement;
    static struct csv_reader again;
    struct csv_row copy;
    struct csv_error error;
    char out[CSV_LINE_MAX * 2];

    check_view(reader, settlement->msgid);
    check_view(reader, settlement->setl_id);
    check_view(reader, settlement->dise_codg);
    check_view(reader, row->psn_no);
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        ENSURE(settlement->amounts[i] <= FEN_AMOUNT_MAX);
        ENSURE(settlement->amounts[i] >= -FEN_AMOUNT_MAX);
    }

    size_t size = csv_write_header(false, out);
    size += csv_write_settlement(settlement, row->psn_no, false, out + size);
    ENSURE(size <= sizeof(out));
    ENSURE(csv_begin(&again, (struct bytes){(const uint8_t *)out, size}, &error));
    ENSURE(csv_next(&again, &copy, &error) == CSV_ROW);
    ENSURE(bytes_equal(copy.settlement.msgid, settlement->msgid));
    ENSURE(bytes_equal(copy.settlement.orig_setl_id, settlement->orig_setl_id));
    ENSURE(bytes_equal(copy.psn_no, row->psn_no));
    ENSURE(copy.settlement.setl_time == settlement->setl_time);
    ENSURE(copy.settlement.med_type == settlement->med_type);
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++)
        ENSURE(i == AMOUNT_HIFDM || copy.settlement.amounts[i] == settlement->amounts[i]);
    ENSURE(csv_next(&again, &copy, &error) == CSV_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct csv_reader reader;
    static struct csv_row row;
    struct csv_error error = {0};
    enum csv_status status;
    size_t offset = 0;

    if (!csv_begin(&reader, (struct bytes){data, size}, &error)) {
        ENSURE(error.code == ERROR_MALFORMED);
        ENSURE(error.text != NULL);
        return 0;
    }
    ENSURE(reader.column_count >= 1);
    ENSURE(reader.column_count <= CSV_COLUMN_COUNT);
    while ((status = csv_next(&reader, &row, &error)) != CSV_END) {
        ENSURE(csv_offset(&reader) > offset); /* Every call moves on, so it ends. */
        offset = csv_offset(&reader);
        ENSURE(offset <= size);
        if (status == CSV_ROW && !row.is_correction) check_settlement(&reader, &row);
        if (status == CSV_ERROR) {
            ENSURE(error.code == ERROR_MALFORMED || error.code == ERROR_AMOUNT_RANGE);
            ENSURE(error.text != NULL);
            ENSURE(error.line >= 2);
        }
    }
    return 0;
}
