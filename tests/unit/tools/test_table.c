#include <stdlib.h>

#include "tests/lib/unit.h"
#include "tools/client/table.h"

static void chinese_takes_two_columns(void **state)
{
    (void)state;
    assert_int_equal(text_columns(""), 0);
    assert_int_equal(text_columns("34"), 2);
    assert_int_equal(text_columns("34 安徽"), 7);
    assert_int_equal(text_columns("清算户（全额）"), 14);
    assert_int_equal(text_columns("é…"), 2);
    assert_int_equal(text_columns("e\xcc\x81"), 1);  /* A combining accent takes none. */
    assert_int_equal(text_columns("a\xff\xe5z"), 4); /* Bytes that are no UTF-8 take one each. */
    assert_int_equal(text_columns("\xe5\xae"), 2);   /* Cut off in the middle. */
}

static void columns_stand_under_their_titles(void **state)
{
    (void)state;
    const struct table_column columns[] = {
        {"省", TABLE_LEFT}, {"yuan", TABLE_RIGHT}, {"x", TABLE_LEFT}};
    struct table *table = table_new(columns, 3);
    table_cell(table, "34 %s", "安徽");
    table_cell(table, "%s", "1,234.00");
    table_cell(table, "%s", "");
    table_cell(table, "11 北京市");
    table_cell(table, "%d", 7);
    table_cell(table, "end");
    table_rule(table);
    table_cell(table, "%s", "");
    table_cell(table, "%s", "");
    table_cell(table, "z");

    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    table_print(table, out);
    fclose(out);
    table_free(table);
    assert_string_equal(text, "省             yuan  x\n"
                              "---------  --------  ---\n"
                              "34 安徽    1,234.00\n"
                              "11 北京市         7  end\n"
                              "---------  --------  ---\n"
                              "                     z\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chinese_takes_two_columns),
        cmocka_unit_test(columns_stand_under_their_titles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
