/* lmdb_pages -- see lmdb_pages.h. */
#include "world/linux/lmdb_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/le.h"

/* ---- the format, as LMDB 0.9 writes it on a 64-bit machine ---------------------------------- */

#define PAGE_SIZE      4096u
#define PAGE_HEAD_SIZE 16u /* Number (8), pad (2), flags (2), lower (2), upper (2). */
#define PAGE_NONE      UINT64_MAX
#define META_PAGES     2u

#define PAGE_BRANCH   0x01u
#define PAGE_LEAF     0x02u
#define PAGE_OVERFLOW 0x04u
#define PAGE_META     0x08u

#define NODE_HEAD_SIZE 8u /* Size or page (4), flags or page's upper part (2), key size (2). */
#define NODE_BIG       1u /* The value is a page number: it has pages of its own. */
#define NODE_TABLE     2u /* The value describes a table. */

#define META_MAGIC   0xbeefc0deu
#define META_VERSION 1u

enum { /* From the front of a meta page. */
    META_OFFSET_MAGIC = 16,
    META_OFFSET_VERSION = 20,
    META_OFFSET_PAGE_SIZE = 40, /* In what the table of free pages does not use. */
    META_OFFSET_FREE = 40,
    META_OFFSET_MAIN = 88,
    META_OFFSET_LAST_PAGE = 136,
    META_OFFSET_TXN = 144,
};

#define TABLE_SIZE       48u
#define TABLE_DEPTH_MAX  32u /* LMDB's cursors go no deeper. */
#define FREE_TABLE_FLAGS 8u  /* Its keys are native integers. */
#define KEY_SIZE_MAX     511u

/* How LMDB describes a table. */
struct table {
    const char *name;
    uint32_t pad; /* Of the free pages' table: the page size. */
    uint16_t flags;
    uint16_t depth;
    uint64_t branches, leaves, overflows, entries;
    uint64_t root;
};

static struct table table_read(const uint8_t *in, const char *name)
{
    return (struct table){
        .name = name,
        .pad = le_load32(in),
        .flags = le_load16(in + 4),
        .depth = le_load16(in + 6),
        .branches = le_load64(in + 8),
        .leaves = le_load64(in + 16),
        .overflows = le_load64(in + 24),
        .entries = le_load64(in + 32),
        .root = le_load64(in + 40),
    };
}

/* ---- the walk -------------------------------------------------------------------------------- */

enum tree {
    TREE_FREE, /* Commit -> pages it freed. */
    TREE_MAIN, /* Name -> table. */
    TREE_OURS,
};

struct walk {
    const char *path;
    int fd;
    uint64_t file_pages; /* Whole ones. */
    uint64_t pages;      /* By the meta page. */
    uint64_t txn;        /* The newest commit. */
    uint8_t *taken;      /* A bit a page. */
    uint64_t taken_count;
    const char *const *names;
    uint32_t name_count;
    struct lmdb_pages result;
    struct problem *problem;
    uint8_t *buffers; /* A page for each level of a tree, and of the main tree above it. */
};

/* What is counted while a tree is walked. */
struct tree_walk {
    enum tree kind;
    const struct table *table;
    struct table seen;
    uint8_t *buffers;
};

#define DAMAGE(walk, page, format, ...)                                                     \
    problem_set((walk)->problem, -EUCLEAN, "%s, offset %" PRIu64 ": " format, (walk)->path, \
                (uint64_t)(page)*PAGE_SIZE, ##__VA_ARGS__)

static int read_bytes(struct walk *walk, uint64_t offset, void *ret_bytes, size_t size)
{
    size_t got = 0;
    while (got < size) {
        const ssize_t n =
            pread(walk->fd, (uint8_t *)ret_bytes + got, size - got, (off_t)(offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            return problem_set(walk->problem, n < 0 ? -errno : -EUCLEAN,
                               "%s, offset %" PRIu64 ": cannot read: %s", walk->path, offset + got,
                               n < 0 ? strerror(errno) : "the file ends here");
        got += (size_t)n;
    }
    return 0;
}

/* Marks `count` pages from `page` on as used by something on page `by`. */
static int take(struct walk *walk, uint64_t page, uint64_t count, uint64_t by)
{
    if (page < META_PAGES || page >= walk->pages || count > walk->pages - page)
        return DAMAGE(walk, by, "it names page %" PRIu64 ", and there are %" PRIu64, page,
                      walk->pages);
    for (uint64_t i = page; i < page + count; i++) {
        if ((walk->taken[i / 8] >> i % 8 & 1) != 0)
            return DAMAGE(walk, by, "it names page %" PRIu64 ", which is used elsewhere", i);
        walk->taken[i / 8] |= (uint8_t)(1u << i % 8);
    }
    walk->taken_count += count;
    return 0;
}

/* A key on a page, borrowed from its buffer. */
struct node {
    struct bytes key;
    uint32_t value_size; /* Of a leaf. */
    uint16_t flags;      /* Of a leaf. */
    uint64_t child;      /* Of a branch. */
    const uint8_t *value;
    size_t size; /* Of the page's bytes. */
};

static int compare_keys(enum tree kind, struct bytes a, struct bytes b)
{
    if (kind == TREE_FREE) {
        const uint64_t first = le_load64(a.data), second = le_load64(b.data);
        return (first > second) - (first < second);
    }
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Reads node `index` of a page whose head is sound; false when it leaves the page. */
static bool node_read(const uint8_t *page, uint32_t index, bool branch, struct node *ret_node)
{
    const uint32_t upper = le_load16(page + 14);
    const uint32_t at = le_load16(page + PAGE_HEAD_SIZE + 2 * index);
    if (at < upper || at % 2 != 0 || at > PAGE_SIZE - NODE_HEAD_SIZE) return false;
    const uint8_t *in = page + at;
    const uint32_t low = le_load32(in);
    const uint16_t flags = le_load16(in + 4);
    const uint32_t key_size = le_load16(in + 6);
    const size_t room = PAGE_SIZE - at - NODE_HEAD_SIZE;
    if (key_size > KEY_SIZE_MAX || key_size > room) return false;
    *ret_node = (struct node){
        .key = {in + NODE_HEAD_SIZE, key_size},
        .value = in + NODE_HEAD_SIZE + key_size,
        .size = NODE_HEAD_SIZE + key_size,
    };
    if (branch) {
        ret_node->child = low | (uint64_t)flags << 32;
    } else {
        const size_t inside = (flags & NODE_BIG) != 0 ? 8 : low;
        if (inside > room - key_size) return false;
        ret_node->value_size = low;
        ret_node->flags = flags;
        ret_node->size += inside;
    }
    ret_node->size = (ret_node->size + 1) & ~(size_t)1;
    return at + ret_node->size <= PAGE_SIZE;
}

/* A value with pages of its own: takes them and looks at the first one's head. */
static int walk_overflow(struct walk *walk, struct tree_walk *tree, uint64_t by, uint64_t page,
                         uint32_t size)
{
    uint8_t head[PAGE_HEAD_SIZE];
    int r = take(walk, page, 1, by);
    if (r == 0) r = read_bytes(walk, page * PAGE_SIZE, head, sizeof head);
    if (r != 0) return r;
    const uint64_t needed = (PAGE_HEAD_SIZE + (uint64_t)size + PAGE_SIZE - 1) / PAGE_SIZE;
    const uint32_t count = le_load32(head + 12);
    if (le_load64(head) != page || le_load16(head + 10) != PAGE_OVERFLOW || count < needed)
        return DAMAGE(walk, page, "table %s: not the first page of a value of %u bytes",
                      tree->table->name, size);
    if (count > 1) r = take(walk, page + 1, count - 1, page);
    if (r != 0) return r;
    if (page + needed > walk->file_pages)
        return DAMAGE(walk, page, "table %s: a value reaches beyond the end of the file",
                      tree->table->name);
    tree->seen.overflows += count;
    return 0;
}

/* A list of free pages: how many (8), then their numbers, descending. */
static int walk_free_list(struct walk *walk, uint64_t by, struct bytes list)
{
    const uint64_t count = list.size < 8 ? UINT64_MAX : le_load64(list.data);
    if (list.size % 8 != 0 || count > list.size / 8 - 1)
        return DAMAGE(walk, by, "%s", "a list of free pages has a wrong length");
    uint64_t before = UINT64_MAX;
    for (uint64_t i = 1; i <= count; i++) {
        const uint64_t page = le_load64(list.data + 8 * i);
        if (page >= before) return DAMAGE(walk, by, "%s", "a list of free pages is out of order");
        const int r = take(walk, page, 1, by);
        if (r != 0) return r;
        before = page;
    }
    walk->result.free += count;
    return 0;
}

/* The same when the list has pages of its own. */
static int walk_big_free_list(struct walk *walk, uint64_t by, uint64_t page, uint32_t size)
{
    uint8_t *list = malloc(size);
    if (list == NULL) return problem_set(walk->problem, -ENOMEM, "not enough memory");
    int r = read_bytes(walk, page * PAGE_SIZE + PAGE_HEAD_SIZE, list, size);
    if (r == 0) r = walk_free_list(walk, by, (struct bytes){list, size});
    free(list);
    return r;
}

static int walk_tree(struct walk *walk, enum tree kind, const struct table *table,
                     uint8_t *buffers);

/* An entry of the main tree: a table of ours. */
static int walk_named(struct walk *walk, uint64_t by, const struct node *node)
{
    for (uint32_t i = 0; i < walk->name_count; i++) {
        if (!bytes_equal(node->key, bytes_of(walk->names[i]))) continue;
        if (node->flags != NODE_TABLE || node->value_size != TABLE_SIZE) break;
        const struct table table = table_read(node->value, walk->names[i]);
        return walk_tree(walk, TREE_OURS, &table, walk->buffers);
    }
    return DAMAGE(walk, by, "%s", "an entry of the list of tables is not one of ours");
}

static int walk_value(struct walk *walk, struct tree_walk *tree, uint64_t by,
                      const struct node *node)
{
    const bool big = (node->flags & NODE_BIG) != 0;
    const uint64_t page = big ? le_load64(node->value) : 0;
    tree->seen.entries++;
    if (big) {
        const int r = walk_overflow(walk, tree, by, page, node->value_size);
        if (r != 0) return r;
    }
    if (tree->kind == TREE_MAIN) return walk_named(walk, by, node);
    if ((node->flags & ~NODE_BIG) != 0)
        return DAMAGE(walk, by, "table %s: a value of an unknown kind", tree->table->name);
    if (tree->kind == TREE_OURS) return 0;
    const uint64_t txn = le_load64(node->key.data);
    if (txn == 0 || txn > walk->txn)
        return DAMAGE(walk, by, "%s", "free pages of a commit that never was");
    return big ? walk_big_free_list(walk, by, page, node->value_size)
               : walk_free_list(walk, by, (struct bytes){node->value, node->value_size});
}

static bool head_sound(const uint8_t *page, uint64_t number, bool branch)
{
    const uint32_t lower = le_load16(page + 12), upper = le_load16(page + 14);
    const uint32_t nodes = lower < PAGE_HEAD_SIZE ? 0 : (lower - PAGE_HEAD_SIZE) / 2;
    return le_load64(page) == number &&
           le_load16(page + 10) == (branch ? PAGE_BRANCH : PAGE_LEAF) && lower % 2 == 0 &&
           lower <= upper && upper <= PAGE_SIZE && nodes >= (branch ? 2 : 1);
}

/* Both bounds may be missing: {NULL, 0} below and above everything. `low` itself is inside. */
struct bounds {
    struct bytes low, high;
};

static bool key_fits(const struct tree_walk *tree, struct bytes key, const struct bytes *before,
                     const struct bounds *bounds)
{
    if (tree->kind == TREE_FREE ? key.size != 8 : key.size == 0) return false;
    if (before != NULL && compare_keys(tree->kind, *before, key) >= 0) return false;
    if (bounds->low.data != NULL && compare_keys(tree->kind, key, bounds->low) < 0) return false;
    return bounds->high.data == NULL || compare_keys(tree->kind, key, bounds->high) < 0;
}

static int walk_page(struct walk *walk, struct tree_walk *tree, uint64_t number, uint32_t level,
                     uint64_t by, const struct bounds *bounds);

/* The nodes of a page that stands in its level's buffer. The first key of a branch says nothing:
 * LMDB never looks at it. */
static int walk_nodes(struct walk *walk, struct tree_walk *tree, uint64_t number, uint32_t level,
                      const struct bounds *bounds)
{
    const uint8_t *page = tree->buffers + (size_t)level * PAGE_SIZE;
    const bool branch = level + 1 < tree->table->depth;
    const uint32_t count = (le_load16(page + 12) - PAGE_HEAD_SIZE) / 2;
    struct bytes before;
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct node node, next;
        const bool has_key = !branch || i > 0;
        if (!node_read(page, i, branch, &node) ||
            (has_key && !key_fits(tree, node.key, i > (branch ? 1u : 0u) ? &before : NULL, bounds)))
            return DAMAGE(walk, number, "table %s: node %u is out of order or leaves its page",
                          tree->table->name, i);
        used += node.size;
        before = node.key;
        int r;
        if (branch) {
            struct bounds inner = *bounds;
            if (i > 0) inner.low = node.key;
            if (i + 1 < count) {
                if (!node_read(page, i + 1, true, &next))
                    return DAMAGE(walk, number, "table %s: node %u leaves its page",
                                  tree->table->name, i + 1);
                if (!key_fits(tree, next.key, NULL, bounds))
                    return DAMAGE(walk, number, "table %s: node %u is out of order",
                                  tree->table->name, i + 1);
                inner.high = next.key;
            }
            r = walk_page(walk, tree, node.child, level + 1, number, &inner);
        } else {
            r = walk_value(walk, tree, number, &node);
        }
        if (r != 0) return r;
    }
    if (used != PAGE_SIZE - le_load16(page + 14))
        return DAMAGE(walk, number, "table %s: the page's nodes do not fill it", tree->table->name);
    return 0;
}

static int walk_page(struct walk *walk, struct tree_walk *tree, uint64_t number, uint32_t level,
                     uint64_t by, const struct bounds *bounds)
{
    uint8_t *page = tree->buffers + (size_t)level * PAGE_SIZE;
    const bool branch = level + 1 < tree->table->depth;
    int r = take(walk, number, 1, by);
    if (r == 0) r = read_bytes(walk, number * PAGE_SIZE, page, PAGE_SIZE);
    if (r != 0) return r;
    if (!head_sound(page, number, branch))
        return DAMAGE(walk, number, "table %s: not a %s page", tree->table->name,
                      branch ? "branch" : "leaf");
    if (branch)
        tree->seen.branches++;
    else
        tree->seen.leaves++;
    walk->result.trees++;
    return walk_nodes(walk, tree, number, level, bounds);
}

static int walk_tree(struct walk *walk, enum tree kind, const struct table *table, uint8_t *buffers)
{
    const bool empty = table->root == PAGE_NONE;
    const uint16_t flags = kind == TREE_FREE ? FREE_TABLE_FLAGS : 0;
    const uint32_t pad = kind == TREE_FREE ? PAGE_SIZE : 0;
    if (table->flags != flags || table->pad != pad || table->depth > TABLE_DEPTH_MAX ||
        (table->depth == 0) != empty)
        return problem_set(walk->problem, -EUCLEAN, "%s: table %s makes no sense", walk->path,
                           table->name);
    struct tree_walk tree = {.kind = kind, .table = table, .buffers = buffers};
    const struct bounds everything = {{NULL, 0}, {NULL, 0}};
    const int r = empty ? 0 : walk_page(walk, &tree, table->root, 0, 0, &everything);
    if (r != 0) return r;
    if (tree.seen.branches != table->branches || tree.seen.leaves != table->leaves ||
        tree.seen.overflows != table->overflows || tree.seen.entries != table->entries)
        return problem_set(walk->problem, -EUCLEAN,
                           "%s: table %s has %" PRIu64 " entries on %" PRIu64 " pages and says "
                           "%" PRIu64 " on %" PRIu64,
                           walk->path, table->name, tree.seen.entries,
                           tree.seen.branches + tree.seen.leaves + tree.seen.overflows,
                           table->entries, table->branches + table->leaves + table->overflows);
    return 0;
}

/* ---- the meta pages -------------------------------------------------------------------------- */

/* Reads both and gives the newer one: the commit that LMDB will begin from. */
static int read_metas(struct walk *walk, uint8_t ret_meta[PAGE_SIZE])
{
    uint8_t metas[META_PAGES][PAGE_SIZE];
    uint64_t txns[META_PAGES];
    for (uint32_t i = 0; i < META_PAGES; i++) {
        const int r = read_bytes(walk, (uint64_t)i * PAGE_SIZE, metas[i], PAGE_SIZE);
        if (r != 0) return r;
        if (le_load64(metas[i]) != i || le_load16(metas[i] + 10) != PAGE_META ||
            le_load32(metas[i] + META_OFFSET_MAGIC) != META_MAGIC ||
            le_load32(metas[i] + META_OFFSET_VERSION) != META_VERSION ||
            /* LMDB divides by the first one's, also when the second is the newer. */
            le_load32(metas[i] + META_OFFSET_PAGE_SIZE) != PAGE_SIZE)
            return DAMAGE(walk, i, "%s", "not a meta page of LMDB 0.9");
        txns[i] = le_load64(metas[i] + META_OFFSET_TXN);
    }
    const uint32_t newer = txns[1] > txns[0];
    const bool fresh = txns[0] == 0 && txns[1] == 0;
    if (!fresh && (txns[newer] % META_PAGES != newer || txns[newer] - txns[1 - newer] != 1))
        return DAMAGE(walk, newer, "commits %" PRIu64 " and %" PRIu64 " do not follow one another",
                      txns[0], txns[1]);
    walk->txn = txns[newer];
    memcpy(ret_meta, metas[newer], PAGE_SIZE);
    return 0;
}

static int walk_all(struct walk *walk)
{
    uint8_t meta[PAGE_SIZE] = {0};
    int r = read_metas(walk, meta);
    if (r != 0) return r;
    const uint64_t last = le_load64(meta + META_OFFSET_LAST_PAGE);
    if (last < META_PAGES - 1 || last >= UINT32_MAX)
        return DAMAGE(walk, walk->txn % 2, "the last page is said to be %" PRIu64, last);
    walk->pages = last + 1;
    walk->taken = calloc(walk->pages / 8 + 1, 1);
    walk->buffers = malloc((size_t)2 * TABLE_DEPTH_MAX * PAGE_SIZE);
    if (walk->taken == NULL || walk->buffers == NULL)
        return problem_set(walk->problem, -ENOMEM, "not enough memory");

    const struct table free_pages = table_read(meta + META_OFFSET_FREE, "(free pages)");
    const struct table names = table_read(meta + META_OFFSET_MAIN, "(tables)");
    r = walk_tree(walk, TREE_FREE, &free_pages, walk->buffers);
    if (r == 0)
        r = walk_tree(walk, TREE_MAIN, &names, walk->buffers + (size_t)TABLE_DEPTH_MAX * PAGE_SIZE);
    if (r != 0) return r;
    for (uint64_t i = META_PAGES; i < walk->pages && walk->taken_count + META_PAGES != walk->pages;
         i++) {
        if ((walk->taken[i / 8] >> i % 8 & 1) == 0)
            return DAMAGE(walk, i, "page %" PRIu64 " is neither in use nor free", i);
    }
    walk->result.pages = walk->pages;
    return 0;
}

int lmdb_pages_check(const char *path, const char *const *names, uint32_t count,
                     struct lmdb_pages *ret_pages, struct problem *problem)
{
    struct walk walk = {
        .path = path, .names = names, .name_count = count, .problem = problem, .fd = -1};
    struct stat status = {0};
    walk.fd = open(path, O_RDONLY | O_CLOEXEC);
    int r = walk.fd < 0 || fstat(walk.fd, &status) != 0 ? -errno : 0;
    if (r == -ENOENT || (r == 0 && status.st_size == 0)) {
        r = -ENOENT;
    } else if (r != 0) {
        problem_set(problem, r, "%s: cannot open: %s", path, strerror(-r));
    } else {
        walk.file_pages = (uint64_t)status.st_size / PAGE_SIZE;
        r = walk_all(&walk);
    }
    if (walk.fd >= 0) close(walk.fd);
    free(walk.taken);
    free(walk.buffers);
    if (r == 0) *ret_pages = walk.result;
    return r;
}
