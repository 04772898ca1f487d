/* A store's folder: made whole or not at all, read strictly, opened by one engine at a time. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "world/linux/layout.h"

static char base[TEMP_FOLDER_SIZE];
static char dir[TEMP_FOLDER_SIZE + 16];
static struct problem problem;

static const struct layout_file files[] = {
    {"provinces.csv", {(const uint8_t *)"code\n34\n", 8}},
    {"settings.csv", {NULL, 0}},
};

static int make_base(void **state)
{
    (void)state;
    temp_folder_make(base);
    snprintf(dir, sizeof dir, "%s/store", base);
    memset(&problem, 0, sizeof problem);
    return 0;
}

static int remove_base(void **state)
{
    (void)state;
    temp_folder_remove(base);
    return 0;
}

static void create(uint32_t shards)
{
    assert_int_equal(layout_create(dir, shards, 1772459940123, files, 2, &problem), 0);
}

static void write_text(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool there(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void assert_says(const char *words)
{
    if (strstr(problem.text, words) == NULL) fail_msg("\"%s\" not in: %s", words, problem.text);
}

static void what_is_made_opens(void **state)
{
    (void)state;
    create(3);
    struct layout layout;
    assert_int_equal(layout_open(dir, &layout, &problem), 0);
    assert_int_equal(layout.shards, 3);
    assert_true(layout.created_ms == 1772459940000);
    assert_string_equal(layout.folder, dir);
    assert_memory_not_equal(layout.store_id, layout.hash_key, 16);

    char path[LAYOUT_PATH_MAX], text[16] = "";
    layout_table_path(&layout, "provinces.csv", path);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text, file), 8);
    fclose(file);
    assert_string_equal(text, "code\n34\n");
    assert_true(there("tables/settings.csv"));
    assert_true(there("shard-0002/journal"));
    assert_true(there("shard-0000/state"));
    assert_false(there("shard-0003"));
    assert_false(there("qingfen.store.new"));
    layout_journal_path(&layout, 2, path);
    assert_non_null(strstr(path, "/store/shard-0002/journal"));
    layout_state_path(&layout, 0, path);
    assert_non_null(strstr(path, "/store/shard-0000/state"));
    expect_assert_failure(layout_state_path(&layout, 64, path));
    expect_assert_failure(layout_table_path(&layout, "../x", path));
}

static void no_two_stores_have_the_same_id(void **state)
{
    (void)state;
    struct layout first, second;
    create(1);
    assert_int_equal(layout_open(dir, &first, &problem), 0);
    strcat(dir, "2/");
    create(64);
    assert_int_equal(layout_open(dir, &second, &problem), 0);
    assert_memory_not_equal(first.store_id, second.store_id, STORE_ID_SIZE);
    assert_memory_not_equal(first.hash_key, second.hash_key, LAYOUT_HASH_KEY_SIZE);
}

static void an_empty_folder_is_taken_and_a_full_one_is_not(void **state)
{
    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    char path[256];
    snprintf(path, sizeof path, "%s/lost+found", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    create(1);
    assert_int_equal(layout_create(dir, 1, 0, files, 2, &problem), -EEXIST);
    assert_says("is a store already");

    strcat(dir, "/lock"); /* A file. */
    assert_int_equal(layout_create(dir, 1, 0, files, 2, &problem), -EEXIST);
    assert_says("is there and is not a folder");

    snprintf(dir, sizeof dir, "%s/store2", base);
    assert_int_equal(mkdir(dir, 0700), 0);
    write_text("precious", "x");
    assert_int_equal(layout_create(dir, 1, 0, files, 2, &problem), -ENOTEMPTY);
    assert_says("it holds \"precious\"");
    assert_true(there("precious"));
    assert_false(there("tables"));
}

static void a_failure_leaves_no_trace(void **state)
{
    (void)state;
    static const struct layout_file bad[] = {{"good.csv", {NULL, 0}}, {"../bad.csv", {NULL, 0}}};
    static const struct layout_file twice[] = {{"a.csv", {NULL, 0}}, {"a.csv", {NULL, 0}}};
    assert_int_equal(layout_create(dir, 2, 0, bad, 2, &problem), -EINVAL);
    assert_says("\"../bad.csv\" is not a name");
    assert_int_equal(access(dir, F_OK), -1);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(layout_create(dir, 2, 0, twice, 2, &problem), -EEXIST);
    assert_false(there("tables"));
    assert_int_equal(access(dir, F_OK), 0); /* It was there before. */
    create(2);
}

static void odd_arguments_are_refused(void **state)
{
    (void)state;
    assert_int_equal(layout_create(dir, 0, 0, NULL, 0, &problem), -EINVAL);
    assert_int_equal(layout_create(dir, 65, 0, NULL, 0, &problem), -EINVAL);
    assert_says("1 to 64 shards, not 65");
    assert_int_equal(layout_create("", 1, 0, NULL, 0, NULL), -EINVAL);
    char longest[LAYOUT_FOLDER_MAX + 1];
    memset(longest, 'a', LAYOUT_FOLDER_MAX);
    longest[LAYOUT_FOLDER_MAX] = '\0';
    assert_int_equal(layout_create(longest, 1, 0, NULL, 0, &problem), -ENAMETOOLONG);
    strcat(dir, "/deep/er");
    assert_int_equal(layout_create(dir, 1, 0, NULL, 0, &problem), -ENOENT);
    struct layout layout;
    assert_int_equal(layout_open(base, &layout, &problem), -ENOENT);
    assert_says("is not a store");
}

#define ID   "store_id=00112233445566778899aabbccddeeff\n"
#define KEY  "hash_key=ffeeddccbbaa99887766554433221100\n"
#define REST "shards=1\n" KEY "created=2026-03-02T21:59:00+08:00\n"

static void the_store_file_is_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"format=1\n" ID REST, NULL},
        {"# c\n\nformat=1\n" REST ID, NULL},
        {"", "does not end with a whole line"},
        {"format=1\n" ID "shards=1\n" KEY "created=2026-03-02T21:59:00+08:00", "whole line"},
        {"format=2\n" ID REST, "qingfen.store:1: this store has format 2, this program reads"},
        {"format=x\n" ID REST, "qingfen.store:1: format must be a number"},
        {"format=1 \n" ID REST, ":1: format must be"},
        {"format=1\n" ID REST "more=1\n", "qingfen.store:6: unknown name \"more\""},
        {"format=1\n" ID ID REST, "qingfen.store:3: store_id is there a second time"},
        {"format=1\n" REST, "store_id is missing"},
        {"format=1\nstore_id=0011\n" REST, ":2: store_id must be 32 hex digits"},
        {"format=1\nstore_id=00112233445566778899aabbccddeefg\n" REST, ":2: store_id must be"},
        {"format=1\nstore_id=00112233445566778899AABBCCDDEEFF\n" REST, ":2: store_id must be"},
        {"format=1\n" ID KEY "shards=0\ncreated=2026-03-02T21:59:00+08:00\n", ":4: shards must"},
        {"format=1\n" ID KEY "shards=65\ncreated=2026-03-02T21:59:00+08:00\n", ":4: shards must"},
        {"format=1\n" ID KEY "shards=01\ncreated=2026-03-02T21:59:00+08:00\n", ":4: shards must"},
        {"format=1\n" ID KEY "shards=1\ncreated=yesterday\n", ":5: created must be a time"},
        {"format=1\r\n" ID REST, ":1: format must be"},
        {"garbage\n", ":1: this line is not name=value"},
        {"format=1\n" ID REST "# \nx\n", ":7: this line"},
    };
    create(1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct layout layout;
        memset(&problem, 0, sizeof problem);
        write_text("qingfen.store", cases[i].text);
        int r = layout_open(dir, &layout, &problem);
        if (cases[i].says == NULL) {
            assert_int_equal(r, 0);
            assert_int_equal(layout.store_id[1], 0x11);
            assert_int_equal(layout.hash_key[15], 0x00);
        } else {
            assert_int_equal(r, -EUCLEAN);
            assert_says(cases[i].says);
        }
    }
}

static void a_store_file_has_a_bound(void **state)
{
    (void)state;
    struct layout layout;
    char text[4098] = "format=1\n" ID REST;
    create(1);
    memset(text + strlen(text), '#', 4096 - strlen(text));
    text[4095] = '\n';
    write_text("qingfen.store", text);
    assert_int_equal(layout_open(dir, &layout, &problem), 0);
    text[4096] = '\n';
    write_text("qingfen.store", text);
    assert_int_equal(layout_open(dir, &layout, &problem), -EUCLEAN);
    assert_says("qingfen.store: it is longer than 4096 bytes");
}

static void missing_folders_are_named(void **state)
{
    (void)state;
    create(2);
    char path[256];
    struct layout layout;
    snprintf(path, sizeof path, "%s/shard-0001/state", dir);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(layout_open(dir, &layout, &problem), -EUCLEAN);
    assert_says("shard-0001/state: this folder is missing");
    write_text("shard-0001/state", "");
    assert_int_equal(layout_open(dir, &layout, &problem), -EUCLEAN);
    assert_says("is not a folder");
}

static void one_engine_or_many_readers(void **state)
{
    (void)state;
    int engine = -1, reader = -1, other = -1;
    char pid[32];
    create(1);
    assert_int_equal(layout_lock(dir, true, &engine, &problem), 0);
    assert_int_equal(layout_lock(dir, true, &other, &problem), -EBUSY);
    snprintf(pid, sizeof pid, "in use by process %ld;", (long)getpid());
    assert_says(pid);
    assert_int_equal(layout_lock(dir, false, &other, &problem), -EBUSY);
    assert_says(pid);
    assert_int_equal(other, -1);
    layout_unlock(engine);

    assert_int_equal(layout_lock(dir, false, &reader, &problem), 0);
    assert_int_equal(layout_lock(dir, false, &other, &problem), 0);
    assert_int_equal(layout_lock(dir, true, &engine, &problem), -EBUSY);
    assert_says("is being read by another program");
    layout_unlock(reader);
    layout_unlock(other);
    assert_int_equal(layout_lock(dir, true, &engine, &problem), 0);
    layout_unlock(engine);
    layout_unlock(-1);
}

/* Whoever holds the lock and has not said who it is. */
static void a_lock_without_a_number(void **state)
{
    (void)state;
    char path[256];
    int other = -1;
    create(1);
    snprintf(path, sizeof path, "%s/lock", dir);
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(layout_lock(dir, true, &other, &problem), -EBUSY);
    assert_says("is in use by another process");
    assert_int_equal(other, -1);
    close(fd);
}

static void a_dead_engine_leaves_no_lock(void **state)
{
    (void)state;
    create(1);
    int fd = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) _exit(layout_lock(dir, true, &fd, &problem) == 0 ? 7 : 1);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_int_equal(layout_lock(dir, true, &fd, &problem), 0);
    layout_unlock(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_base, remove_base)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_made_opens),
        TEST(no_two_stores_have_the_same_id),
        TEST(an_empty_folder_is_taken_and_a_full_one_is_not),
        TEST(a_failure_leaves_no_trace),
        TEST(odd_arguments_are_refused),
        TEST(the_store_file_is_read_strictly),
        TEST(a_store_file_has_a_bound),
        TEST(missing_folders_are_named),
        TEST(one_engine_or_many_readers),
        TEST(a_lock_without_a_number),
        TEST(a_dead_engine_leaves_no_lock),
    };
    return cmocka_run_group_tests_name("world/layout", tests, NULL, NULL);
}
