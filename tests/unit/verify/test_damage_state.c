/* test_damage_state -- a small state, and its pages damaged in turn. `verify` must name each wrong
 * bit, but for those that mean nothing: this test reads the pages by itself and knows which.
 * Nothing may crash or hang on the way, and a start must give what the journal says.
 *
 * WITHOUT MEANING  what LMDB 0.9 never reads, or what it reads nowhere but in itself:
 *   free pages, and pages behind the last one       unused room in a page, between its two ends
 *   the pad of a page's head, of a node's end       what follows a value on its last own page
 *   the older meta page, but its kind, commit and page size    map address and map size
 *   the first key of a branch page                  a separator that still separates
 *   a list of free pages behind its last one        a table's description in the older meta page
 *
 * Takes a bit of each byte of LMDB's own structures and of one in 5 of what values hold. In the
 * environment, QINGFEN_DAMAGE_ALL=1 takes every bit of every byte: a million verifications, some
 * minutes; QINGFEN_DAMAGE_PART=2/3 takes the second of three parts, for as many processes.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define SHARDS        1
#define SEGMENT_BYTES (64u * 1024 + SEGMENT_HEAD_SIZE)
#include "tests/unit/verify/store_writer.h"

#define PAGE 4096u

int verify_deep(const char *dir, FILE *out);

int verify_deep(const char *dir, FILE *out)
{
    (void)dir;
    (void)out;
    return 0;
}

static char dir[TEMP_FOLDER_SIZE];
static uint8_t *pages; /* Shard 0's data.mdb, mapped. */
static size_t pages_size;

/* What a byte means: of all but NOTHING a wrong bit must be found. */
enum {
    NOTHING,
    STRUCTURE,
    VALUE
};
static uint8_t *meaning; /* A byte each. */
static size_t format_at; /* Where the state says which format it has. */

/* A few of everything, in two checkpoints, so that there are free pages too. */
static void live_a_day(struct writer *w)
{
    struct record r;
    ask(w, (struct request){.type = REQUEST_CLOCK, .instant_ms = MARCH_14 + 20 * MS_PER_DAY});
    for (uint32_t n = 0; n < 70; n += 2) {
        ask_message(w, MESSAGE_SETL_POST, encoded(make_record(&r, n, n, MARCH_14)), ERROR_OK);
        if (n % 8 != 0) /* Marks on more than a page: their table has a branch. */
            ask_message(w, MESSAGE_SETL_ADJUST, adjustment_of(&r, r.setl_id, r.setl_id, -7),
                        ERROR_OK);
        if (n % 6 == 0) {
            make_refund(make_record(&r, n, 1000 + n, MARCH_14), n, 100);
            ask_message(w, MESSAGE_SETL_POST, encoded(&r), ERROR_OK);
        }
        if (n == 24) assert_int_equal(shard_checkpoint(w->shard), 0);
    }
    decide(w, 1);
    make_record(&r, w->number, 5000, MARCH_14);
    ask_message(w, MESSAGE_CORRECTION, correction_of(&r, r.setl_id), ERROR_OK);
    ask(w, (struct request){.type = REQUEST_CUT, .period = 202503});
    ask(w, (struct request){.type = REQUEST_CUT_RELEASE});
    assert_int_equal(shard_checkpoint(w->shard), 0);
}

/* -- which bytes mean something, read without the engine's walker ----------------------------- */

static uint32_t at16(size_t at)
{
    return le_load16(pages + at);
}

static void mean(size_t from, size_t size)
{
    memset(meaning + from, STRUCTURE, size);
}

enum tree {
    TREE_FREE,
    TREE_NAMES,
    TREE_OURS
};

static void mean_tree(uint64_t root, uint32_t depth, enum tree kind);

static void mean_page(uint64_t number, uint32_t level, uint32_t depth, enum tree kind)
{
    const size_t page = number * PAGE;
    const bool branch = level + 1 < depth;
    const uint32_t count = (at16(page + 12) - 16) / 2;
    mean(page, 8);                      /* Its number, not its pad: */
    mean(page + 10, 6);                 /* kind, lower, upper, */
    mean(page + 16, (size_t)2 * count); /* and where its nodes are. */
    for (uint32_t i = 0; i < count; i++) {
        const size_t node = page + at16(page + 16 + 2 * (size_t)i);
        const uint32_t key_size = at16(node + 6);
        mean(node, 8);
        if (branch) { /* Its key may be any that separates: only some of its bits mean something. */
            mean_page(le_load32(pages + node) | (uint64_t)at16(node + 4) << 32, level + 1, depth,
                      kind);
            continue;
        }
        const size_t value = node + 8 + key_size;
        const bool big = (at16(node + 4) & 1) != 0;
        const size_t content = big ? le_load64(pages + value) * PAGE + 16 : value;
        const uint32_t size =
            kind == TREE_FREE ? 8 + 8 * le_load32(pages + content) : le_load32(pages + node);
        mean(node + 8, key_size);
        if (big) {
            mean(value, 8);
            mean(content - 16, 8);
            mean(content - 6, 6);
        }
        if (kind == TREE_OURS && size == sizeof(struct shard_meta) && key_size == 4 &&
            memcmp(pages + node + 8, "meta", key_size) == 0) {
            format_at = content;
        }
        memset(meaning + content, kind == TREE_OURS ? VALUE : STRUCTURE, size);
        if (kind == TREE_NAMES)
            mean_tree(le_load64(pages + value + 40), at16(value + 6), TREE_OURS);
    }
}

static void mean_tree(uint64_t root, uint32_t depth, enum tree kind)
{
    if (root != UINT64_MAX) mean_page(root, 0, depth, kind);
}

static void find_meaning(void)
{
    const size_t newer = le_load64(pages + PAGE + 144) > le_load64(pages + 144) ? PAGE : 0;
    for (size_t meta = 0; meta <= PAGE; meta += PAGE) {
        mean(meta, 8);
        mean(meta + 10, 2);  /* Kind; */
        mean(meta + 16, 8);  /* magic, version; */
        mean(meta + 40, 4);  /* size of a page; */
        mean(meta + 144, 8); /* commit. */
    }
    mean(newer + 40, 104); /* Both tables and the last page. */
    mean_tree(le_load64(pages + newer + 40 + 40), at16(newer + 40 + 6), TREE_FREE);
    mean_tree(le_load64(pages + newer + 88 + 40), at16(newer + 88 + 6), TREE_NAMES);
}

/* -- one store for all tests ------------------------------------------------------------------ */

static void map_pages(void)
{
    char path[LAYOUT_PATH_MAX + 32];
    struct stat status;
    snprintf(path, sizeof path, "%s/shard-0000/state/data.mdb", dir);
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    pages_size = (size_t)status.st_size;
    pages = mmap(NULL, pages_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(pages, MAP_FAILED);
    close(fd);
}

static int set_up(void **state)
{
    (void)state;
    store_write(dir, live_a_day);
    map_pages();
    meaning = calloc(pages_size, 1);
    assert_non_null(meaning);
    find_meaning();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    munmap(pages, pages_size);
    free(meaning);
    temp_folder_remove(dir);
    return 0;
}

static char said[1024]; /* By the last verify, on stderr. */

/* Exit 1 must come with a sentence. */
static int quiet_verify(void)
{
    static FILE *nowhere;
    FILE *const out = stdout, *const err = stderr;
    if (nowhere == NULL) nowhere = fopen("/dev/null", "w");
    memset(said, 0, sizeof said);
    stdout = nowhere;
    stderr = fmemopen(said, sizeof said, "w");
    const int status = run_verify(dir, NULL);
    fclose(stderr);
    stdout = out;
    stderr = err;
    if (status == 1) assert_non_null(strstr(said, "qingfen verify: "));
    return status;
}

/* -- the tests -------------------------------------------------------------------------------- */

/* Which bytes this process takes: the part of QINGFEN_DAMAGE_PART. */
struct part {
    size_t number; /* From 0. */
    size_t of;
};

static struct part part_of_all(void)
{
    const char *text = getenv("QINGFEN_DAMAGE_PART");
    struct part part = {0, 1};
    char rest;
    if (text == NULL) return part;
    if (sscanf(text, "%zu/%zu%c", &part.number, &part.of, &rest) != 2 || part.number == 0 ||
        part.number > part.of) {
        fail_msg("QINGFEN_DAMAGE_PART: %s is no part such as 1/2", text);
    }
    part.number--;
    return part;
}

/* Without QINGFEN_DAMAGE_ALL: is it one of the sample? */
static bool is_sampled(size_t at, uint32_t bit)
{
    const size_t every = meaning[at] == STRUCTURE ? 1 : meaning[at] == VALUE ? 5 : 131;
    return at % every == 0 && at / every % 8 == bit;
}

/* A wrong bit in the newer commit's number may make it the one before the other: then LMDB goes on
 * from that one, whose pages are whole, and the journal brings the rest. Nothing is lost or wrong.
 */
static bool leads_back(size_t at)
{
    const uint64_t first = le_load64(pages + 144), second = le_load64(pages + PAGE + 144);
    return at < 2 * PAGE && at % PAGE / 8 == 144 / 8 &&
           (first > second ? first % 2 == 0 && first - second == 1
                           : second % 2 == 1 && second - first == 1);
}

/* A wrong bit may make the format one of before: then the state counts as empty, and is made anew
 * from the journal. */
static bool begins_anew(size_t at)
{
    return at - format_at < sizeof(uint32_t) && shard_meta_is_old(le_load32(pages + format_at));
}

static void every_wrong_bit_is_found(void **state)
{
    (void)state;
    const bool all = getenv("QINGFEN_DAMAGE_ALL") != NULL;
    const struct part part = part_of_all();
    uint64_t found = 0, quiet = 0;
    if (quiet_verify() != 0) fail_msg("%s", said);
    for (size_t at = part.number; at < pages_size; at += part.of) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            if (!all && !is_sampled(at, bit)) continue;
            pages[at] ^= (uint8_t)(1u << bit);
            const int status = quiet_verify();
            const bool older = leads_back(at) || begins_anew(at);
            pages[at] ^= (uint8_t)(1u << bit);
            if (meaning[at] != NOTHING && status != 1 && !older)
                fail_msg("page %zu (kind %u) byte %zu bit %u, near \"%.8s\": exit %d", at / PAGE,
                         at16(at / PAGE * PAGE + 10), at % PAGE, bit, (char *)pages + (at & ~7u),
                         status);
            if (status == 1)
                found++;
            else
                quiet++;
            assert_true(status == 0 || status == 1);
        }
    }
    if (quiet_verify() != 0) fail_msg("%s", said);
    print_message("%zu bytes, %llu bits found, %llu without meaning\n", pages_size,
                  (unsigned long long)found, (unsigned long long)quiet);
}

/* The walker by itself, which every start asks, finds all that is LMDB's own in the meta pages and
 * in the pages' heads, bit by bit. */
static void every_bit_of_heads_is_found(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER_SIZE + 32];
    struct lmdb_pages sum;
    struct problem problem;
    snprintf(folder, sizeof folder, "%s/shard-0000/state", dir);
    assert_int_equal(store_check(folder, &sum, &problem), 0);
    assert_true(sum.free > 0);
    for (size_t at = 0; at < pages_size; at++) {
        if (meaning[at] != STRUCTURE || (at >= 2 * PAGE && at % PAGE >= 16)) continue;
        for (uint32_t bit = 0; bit < 8; bit++) {
            pages[at] ^= (uint8_t)(1u << bit);
            const int r = store_check(folder, &sum, &problem);
            const bool older = leads_back(at);
            pages[at] ^= (uint8_t)(1u << bit);
            if (older) continue;
            if (r != -EUCLEAN)
                fail_msg("page %zu byte %zu bit %u: %d", at / PAGE, at % PAGE, bit, r);
            assert_non_null(strstr(problem.text, "data.mdb"));
        }
    }
}

/* The pages end at the last one: no bit of this state may lead to just the one behind it. */
static void the_page_behind_the_last_is_none(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER_SIZE + 32];
    struct lmdb_pages sum;
    struct problem problem;
    snprintf(folder, sizeof folder, "%s/shard-0000/state", dir);
    const size_t newer = le_load64(pages + PAGE + 144) > le_load64(pages + 144) ? PAGE : 0;
    const uint64_t last = le_load64(pages + newer + 136);
    const uint64_t root = le_load64(pages + newer + 88 + 40);
    le_store64(pages + newer + 88 + 40, last + 1);
    assert_int_equal(store_check(folder, &sum, &problem), -EUCLEAN);
    assert_non_null(strstr(problem.text, "it names page"));
    le_store64(pages + newer + 88 + 40, root);
    assert_int_equal(store_check(folder, &sum, &problem), 0);
}

/* A state that lost its position holds rows that would be counted twice. */
static void a_state_without_a_position_is_begun_anew(void **state)
{
    (void)state;
    char path[LAYOUT_PATH_MAX];
    struct writer w;
    struct layout layout;
    struct store *store;
    struct store_txn *txn;
    struct bytes key, value;
    assert_int_equal(layout_open(dir, &layout, NULL), 0);
    layout_state_path(&layout, 0, path);
    assert_int_equal(store_open(path, false, false, &store), 0);
    assert_int_equal(store_begin(store, &txn), 0);
    assert_int_equal(store_delete(txn, STORE_META, bytes_of("meta")), 0);
    assert_int_equal(store_commit(txn), 0);
    store_close(store);
    assert_int_equal(quiet_verify(), 1);
    assert_non_null(strstr(said, "rows and no position"));
    writer_open(&w, dir, 0);
    assert_int_equal(store_refresh(w.store), 0);
    assert_int_equal(store_ceiling(w.store, STORE_CELL, (struct bytes){NULL, 0}, &key, &value),
                     -ENOENT);
    writer_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_of_heads_is_found),
        cmocka_unit_test(every_wrong_bit_is_found),
        cmocka_unit_test(the_page_behind_the_last_is_none),
        cmocka_unit_test(a_state_without_a_position_is_begun_anew),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
