/* csv: every form the contract allows, every form it refuses, and the way back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/csv.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "types/civil.h"
#include "types/error.h"
#include "types/money.h"

/* The text in memory of its own size, so that a sanitizer sees a byte read too many. */
struct text {
    uint8_t *data;
    size_t size;
    struct csv_reader reader;
    struct csv_row row;
    struct csv_error error;
};

static struct text *text_new_sized(const void *data, size_t size)
{
    struct text *text = malloc(sizeof(*text));
    assert_non_null(text);
    text->data = malloc(size == 0 ? 1 : size);
    assert_non_null(text->data);
    memcpy(text->data, data, size);
    text->size = size;
    return text;
}

static struct text *text_new(const char *data)
{
    return text_new_sized(data, strlen(data));
}

static void text_free(struct text *text)
{
    free(text->data);
    free(text);
}

static bool begin(struct text *text)
{
    return csv_begin(&text->reader, (struct bytes){text->data, text->size}, &text->error);
}

static enum csv_status next(struct text *text)
{
    return csv_next(&text->reader, &text->row, &text->error);
}

static void assert_bytes(struct bytes bytes, const char *want)
{
    assert_int_equal(bytes.size, strlen(want));
    assert_memory_equal(bytes.data, want, bytes.size);
}

/* One column, one value, its outcome. */
static enum csv_status read_one(const char *column, const char *value, struct csv_row *ret_row,
                                struct csv_error *ret_error)
{
    char lines[1024];
    snprintf(lines, sizeof(lines), "msgid,%s\nM1,%s\n", column, value);
    struct text *text = text_new(lines);
    assert_true(begin(text));
    const enum csv_status status = next(text);
    if (status == CSV_ROW) *ret_row = text->row;
    if (status == CSV_ERROR) *ret_error = text->error;
    assert_int_equal(next(text), CSV_END);
    text_free(text);
    return status;
}

static void any_order_and_missing_columns(void **state)
{
    (void)state;
    struct text *text = text_new("hifp_pay,setl_id,insutype,setl_time,refd_setl_flag,psn_no\n"
                                 "1.5,S1,310,2025-03-01 08:00:01,1,34\n"
                                 ",,,,,\n");
    assert_true(begin(text));
    assert_int_equal(next(text), CSV_ROW);
    assert_int_equal(text->row.line, 2);
    assert_false(text->row.is_correction);
    assert_int_equal(text->row.settlement.amounts[AMOUNT_HIFP], 150);
    assert_bytes(text->row.settlement.setl_id, "S1");
    assert_bytes(text->row.settlement.msgid, "");
    assert_bytes(text->row.psn_no, "34");
    assert_int_equal(text->row.settlement.insutype, 310);
    assert_true(text->row.settlement.refd_setl_flag);
    int64_t want;
    assert_true(civil_parse_datetime("2025-03-01 08:00:01", 19, &want));
    assert_int_equal(text->row.settlement.setl_time, want);

    assert_int_equal(next(text), CSV_ROW);
    assert_int_equal(text->row.settlement.amounts[AMOUNT_HIFP], 0);
    assert_int_equal(text->row.settlement.setl_time, 0);
    assert_false(text->row.settlement.refd_setl_flag);
    assert_int_equal(csv_offset(&text->reader), text->size);
    assert_int_equal(next(text), CSV_END);
    text_free(text);
}

static void line_ends_mark_and_last_line(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "msgid,oth_pay\nA,1\nB,2\n",
        "msgid,oth_pay\nA,1\nB,2",
        "msgid,oth_pay\r\nA,1\r\nB,2\r\n",
        "msgid,oth_pay\r\nA,1\r\nB,2\r",
        "\xef\xbb\xbfmsgid,oth_pay\nA,1\nB,2\n",
        "\xef\xbb\xbf\"msgid\",\"oth_pay\"\r\n\"A\",\"1\"\r\n\"B\",\"2\"",
        "\n\r\nmsgid,oth_pay\n\nA,1\r\n\r\n\nB,2\n\n\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct text *text = text_new(texts[i]);
        assert_true(begin(text));
        assert_int_equal(next(text), CSV_ROW);
        assert_bytes(text->row.settlement.msgid, "A");
        assert_int_equal(text->row.settlement.amounts[AMOUNT_OTH], 100);
        assert_int_equal(next(text), CSV_ROW);
        assert_bytes(text->row.settlement.msgid, "B");
        assert_int_equal(text->row.settlement.amounts[AMOUNT_OTH], 200);
        assert_int_equal(next(text), CSV_END);
        text_free(text);
    }
}

static void headers_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header, *text, *column;
    } cases[] = {
        {"", "no header line", NULL},
        {"\xef\xbb\xbf", "no header line", NULL},
        {"\n\n", "no header line", NULL},
        {"msgid,wat\n", "unknown column", "wat"},
        {"msgid,\n", "unknown column", ""},
        {"msgid,MSGID\n", "unknown column", "MSGID"},
        {"msgid, setl_id\n", "unknown column", " setl_id"},
        {"msgid,setl_id,msgid\n", "column stands there twice", "msgid"},
        {"msgid,\"setl_id\n", "a quote is not closed", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct text *text = text_new(cases[i].header);
        assert_false(begin(text));
        assert_string_equal(text->error.text, cases[i].text);
        assert_int_equal(text->error.code, ERROR_MALFORMED);
        if (cases[i].column != NULL) assert_bytes(text->error.column, cases[i].column);
        text_free(text);
    }
}

static void every_column_and_one_more(void **state)
{
    (void)state;
    char header[2048] = "";
    for (int i = 0; i < CSV_COLUMN_COUNT; i++) {
        strcat(header, csv_column_name((enum csv_column)i));
        if (i + 1 < CSV_COLUMN_COUNT) strcat(header, ",");
    }
    struct text *text = text_new(header);
    assert_true(begin(text));
    assert_int_equal(next(text), CSV_END);
    text_free(text);

    strcat(header, ",extra,extra");
    text = text_new(header);
    assert_false(begin(text));
    assert_bytes(text->error.column, "extra");
    text_free(text);
}

static void amounts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t fen;
    } good[] = {
        {"", 0},
        {"0", 0},
        {"-0", 0},
        {"1", 100},
        {"1.5", 150},
        {"1.50", 150},
        {"+2.01", 201},
        {"-3.07", -307},
        {"0.01", 1},
        {"-.0", INT64_MIN},
        {"007", 700},
        {"99999999999999.99", FEN_AMOUNT_MAX},
        {"-99999999999999.99", -FEN_AMOUNT_MAX},
        {"0000000000000000000000000001.10", 110},
    };
    static const char *const bad[] = {"1.005", "1e3", "\"1,000\"", " 1", "1 ",  ".5",   "1.",  "-",
                                      "+",     "--1", "1.2.3",     "x",  "1.x", "1.2x", "0x1", "."};
    static const char *const far[] = {"100000000000000", "-100000000000000.00",
                                      "99999999999999999999999999999999.99"};
    struct csv_row row;
    struct csv_error error;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const enum csv_status status = read_one("maf_pay", good[i].text, &row, &error);
        assert_int_equal(status, good[i].fen == INT64_MIN ? CSV_ERROR : CSV_ROW);
        if (status == CSV_ROW) assert_int_equal(row.settlement.amounts[AMOUNT_MAF], good[i].fen);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_one("maf_pay", bad[i], &row, &error), CSV_ERROR);
        assert_int_equal(error.code, ERROR_MALFORMED);
        assert_string_equal(error.field, "maf_pay");
        assert_int_equal(error.line, 2);
    }
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
        assert_int_equal(read_one("maf_pay", far[i], &row, &error), CSV_ERROR);
        assert_int_equal(error.code, ERROR_AMOUNT_RANGE);
        assert_string_equal(error.field, "maf_pay");
    }
}

static void times_numbers_and_flags(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"setl_time", "2025-02-29 08:00:00"},
        {"setl_time", "2025-03-01T08:00:00"},
        {"setl_time", "2025-03-01 24:00:00"},
        {"setl_time", "2025-03-01 08:60:00"},
        {"setl_time", "2025-03-01 08:00:60"},
        {"setl_time", "2025-03-01 8:00:00"},
        {"setl_time", "2025-03-01"},
        {"setl_time", "2025-13-01 08:00:00"},
        {"setl_time", "2025-03-01 0a:00:00"},
        {"setl_time", "2025/03/01 08:00:00"},
        {"insutype", "31O"},
        {"insutype", "-310"},
        {"insutype", "4294967606"},
        {"med_type", "1.1"},
        {"refd_setl_flag", "2"},
        {"refd_setl_flag", "true"},
        {"refd_setl_flag", "00"},
        {"infno", "2602"},
        {"infno", "26010"},
    };
    struct csv_row row;
    struct csv_error error;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(read_one(bad[i][0], bad[i][1], &row, &error), CSV_ERROR);
        assert_int_equal(error.code, ERROR_MALFORMED);
        assert_string_equal(error.field, bad[i][0]);
    }
    assert_int_equal(read_one("setl_time", "2024-02-29 23:59:59", &row, &error), CSV_ROW);
    assert_int_equal(read_one("infno", "2207", &row, &error), CSV_ROW);
    assert_false(row.is_correction);
}

static void quotes(void **state)
{
    (void)state;
    struct text *text = text_new("msgid,setl_id,dise_codg\n"
                                 "\"a,b\",\"say \"\"hi\"\"\",\"\"\n"
                                 "\"two\nlines\",x,\"\"\"\"\n"
                                 "last,y,z\n");
    assert_true(begin(text));
    assert_int_equal(next(text), CSV_ROW);
    assert_bytes(text->row.settlement.msgid, "a,b");
    assert_bytes(text->row.settlement.setl_id, "say \"hi\"");
    assert_bytes(text->row.settlement.dise_codg, "");
    assert_int_equal(next(text), CSV_ROW);
    assert_bytes(text->row.settlement.msgid, "two\nlines");
    assert_bytes(text->row.settlement.dise_codg, "\"");
    assert_int_equal(next(text), CSV_ROW);
    assert_int_equal(text->row.line, 5);
    assert_bytes(text->row.settlement.msgid, "last");
    text_free(text);
}

/* A bad line is an error of its own; the line after it is read. */
static void bad_lines_do_not_spoil_the_next(void **state)
{
    (void)state;
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"one", "fewer fields than the header has columns"},
        {"one,two,three", "more fields than the header has columns"},
        {"\"a\"b,2", "text behind a closing quote"},
        {"a\"b,2", "a quote inside a field that is not quoted"},
        {" \"a\",2", "a quote inside a field that is not quoted"},
        {"M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,M,"
         "\"M\"\"\"",
         "more fields than the header has columns"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char lines[512];
        snprintf(lines, sizeof(lines), "msgid,setl_id\nA,1\n%s\nB,2\n", cases[i].line);
        struct text *text = text_new(lines);
        assert_true(begin(text));
        assert_int_equal(next(text), CSV_ROW);
        assert_int_equal(next(text), CSV_ERROR);
        assert_string_equal(text->error.text, cases[i].text);
        assert_int_equal(text->error.line, 3);
        assert_int_equal(next(text), CSV_ROW);
        assert_int_equal(text->row.line, 4);
        assert_bytes(text->row.settlement.msgid, "B");
        text_free(text);
    }
}

static void field_length_and_open_quote(void **state)
{
    (void)state;
    char field[300];
    struct csv_row row;
    struct csv_error error;

    memset(field, 'x', sizeof(field));
    field[CSV_FIELD_MAX] = '\0';
    assert_int_equal(read_one("setl_id", field, &row, &error), CSV_ROW);
    field[CSV_FIELD_MAX] = 'x';
    field[CSV_FIELD_MAX + 1] = '\0';
    assert_int_equal(read_one("setl_id", field, &row, &error), CSV_ERROR);
    assert_string_equal(error.text, "field longer than 255 bytes");
    field[0] = '"';
    field[CSV_FIELD_MAX + 1] = '"';
    field[CSV_FIELD_MAX + 2] = '\0';
    assert_int_equal(read_one("setl_id", field, &row, &error), CSV_ROW);
    field[CSV_FIELD_MAX + 1] = 'x';
    field[CSV_FIELD_MAX + 2] = '"';
    field[CSV_FIELD_MAX + 3] = '\0';
    assert_int_equal(read_one("setl_id", field, &row, &error), CSV_ERROR);

    struct text *text = text_new("msgid\n\"open");
    assert_true(begin(text));
    assert_int_equal(next(text), CSV_ERROR);
    assert_string_equal(text->error.text, "a quote is not closed");
    assert_int_equal(next(text), CSV_END);
    text_free(text);
}

static void corrections(void **state)
{
    (void)state;
    char out[CSV_LINE_MAX * 3];
    const struct correction correction = {
        .msgid = bytes_of("M2"),
        .omsgid = bytes_of("M1"),
        .oinfno = bytes_of("2207"),
        .sender_admdvs = 310000,
        .inf_time = civil_month_start_ms(202503),
    };
    const struct settlement settlement = {.msgid = bytes_of("M3")};
    size_t size = csv_write_header(true, out);
    size += csv_write_correction(&correction, bytes_of("34010001"), 340100, out + size);
    size += csv_write_settlement(&settlement, bytes_of("34010002"), true, out + size);

    struct text *text = text_new_sized(out, size);
    assert_true(begin(text));
    assert_int_equal(next(text), CSV_ROW);
    assert_true(text->row.is_correction);
    assert_bytes(text->row.correction.msgid, "M2");
    assert_bytes(text->row.correction.omsgid, "M1");
    assert_bytes(text->row.correction.oinfno, "2207");
    assert_int_equal(text->row.correction.sender_admdvs, 310000);
    assert_int_equal(text->row.correction.inf_time, correction.inf_time);
    assert_bytes(text->row.psn_no, "34010001");
    assert_int_equal(next(text), CSV_ROW);
    assert_false(text->row.is_correction);
    assert_bytes(text->row.settlement.msgid, "M3");
    assert_int_equal(next(text), CSV_END);
    text_free(text);
}

static void header_is_the_contract(void **state)
{
    (void)state;
    static const char contract[] =
        "msgid,setl_id,mdtrt_id,psn_no,insutype,med_type,clr_type,insu_admdvs,mdtrtarea_admvs,"
        "fixmedins_code,setl_time,medfee_sumamt,fund_pay_sumamt,hifp_pay,cvlserv_pay,hifes_pay,"
        "hifmi_pay,hifob_pay,maf_pay,oth_pay,psn_part_amt,acct_pay,acct_mulaid_pay,wlt_pay,"
        "psn_cash_pay,hosp_part_amt,refd_setl_flag,orig_setl_id,dise_codg";
    char out[CSV_LINE_MAX];
    size_t size = csv_write_header(false, out);
    assert_int_equal(size, sizeof(contract));
    assert_memory_equal(out, contract, sizeof(contract) - 1);
    assert_int_equal(out[size - 1], '\n');
}

static void written_lines_read_back(void **state)
{
    (void)state;
    static const char letters[] = "aZ09,\"\n\r -";
    struct prng prng = {1};
    for (int round = 0; round < 2000; round++) {
        struct settlement settlement = {0};
        char ids[6][40];
        struct bytes *views[] = {&settlement.msgid,        &settlement.setl_id,
                                 &settlement.mdtrt_id,     &settlement.fixmedins_code,
                                 &settlement.orig_setl_id, &settlement.dise_codg};
        for (int i = 0; i < 6; i++) {
            views[i]->size = prng_below(&prng, 31);
            views[i]->data = (uint8_t *)ids[i];
            for (size_t j = 0; j < views[i]->size; j++)
                ids[i][j] = letters[prng_below(&prng, sizeof(letters) - 1)];
        }
        for (int i = 0; i < AMOUNT_HOSP_PART + 1; i++)
            if (i != AMOUNT_HIFDM)
                settlement.amounts[i] =
                    (int64_t)prng_below(&prng, FEN_AMOUNT_MAX >> prng_below(&prng, 50)) *
                    (prng_chance(&prng, 500) ? 1 : -1);
        settlement.insutype = (uint32_t)prng_below(&prng, 1000);
        settlement.med_type = (uint32_t)prng_below(&prng, 1000000);
        settlement.insu_admdvs = (uint32_t)prng_below(&prng, 1000000);
        settlement.refd_setl_flag = prng_chance(&prng, 500);
        settlement.setl_time = (int64_t)prng_below(&prng, 4000000000) * 1000;

        char out[CSV_LINE_MAX * 2], again[CSV_LINE_MAX];
        const size_t head = csv_write_header(false, out);
        const size_t size = csv_write_settlement(&settlement, bytes_of("34"), false, out + head);
        struct text *text = text_new_sized(out, head + size);
        assert_true(begin(text));
        assert_int_equal(next(text), CSV_ROW);
        for (int i = 0; i < AMOUNT_COUNT; i++)
            assert_int_equal(text->row.settlement.amounts[i], settlement.amounts[i]);
        assert_int_equal(text->row.settlement.setl_time, settlement.setl_time);
        assert_int_equal(
            csv_write_settlement(&text->row.settlement, text->row.psn_no, false, again), size);
        assert_memory_equal(again, out + head, size);
        assert_int_equal(next(text), CSV_END);
        text_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_missing_columns),
        cmocka_unit_test(line_ends_mark_and_last_line),
        cmocka_unit_test(headers_that_are_refused),
        cmocka_unit_test(every_column_and_one_more),
        cmocka_unit_test(amounts),
        cmocka_unit_test(times_numbers_and_flags),
        cmocka_unit_test(quotes),
        cmocka_unit_test(bad_lines_do_not_spoil_the_next),
        cmocka_unit_test(field_length_and_open_quote),
        cmocka_unit_test(corrections),
        cmocka_unit_test(header_is_the_contract),
        cmocka_unit_test(written_lines_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
