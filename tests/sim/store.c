/* store -- see store.h.
 *
 * A table is a B+tree whose nodes are shared between versions: a commit, the reader's view and the
 * transaction at work each hold a root. Who wants to change a node that somebody else can see
 * copies it first. Items are never changed at all. */
#include "tests/sim/store.h"

#include <errno.h>
#include <stdlib.h>

#include "types/ensure.h"

#define KEY_MAX   511
#define SLOTS     64
#define MAP_FIRST (UINT64_C(1) << 20)
#define MILLION   1000000

#define READ_ERRORS_MAX 32 /* In its life. */

/* A key with its value. */
struct item {
    uint32_t refs;
    uint32_t key_size;
    uint32_t value_size;
    uint8_t bytes[]; /* The key, then the value. */
};

struct node {
    uint32_t refs;
    uint32_t count; /* Never 0. */
    bool leaf;
    struct item *items[SLOTS];    /* Of a leaf: what is in it. Else: nothing below that child is
                                   * less, but for the first one. */
    struct node *children[SLOTS]; /* Of no leaf. */
};

struct store_txn {
    struct store *store;
    struct node *roots[STORE_TABLE_COUNT]; /* NULL: empty. */
    uint64_t used;
    int failed; /* 0, or the first error. */
};

struct store {
    struct prng *prng;
    store_stops_fn *stops;
    void *context;
    struct store_faults faults;
    uint64_t fault_count;
    uint32_t read_errors;
    uint64_t commit_errors;
    bool disk_full;
    bool filled;
    uint64_t map_bytes;
    uint64_t used; /* Bytes of keys and values. */
    struct node *committed[STORE_TABLE_COUNT];
    struct node *read[STORE_TABLE_COUNT];
    bool reading;
    struct store_txn write;
    bool writing;
};

/* ---- nodes --------------------------------------------------------------------------------- */

static struct item *item_new(struct bytes key, struct bytes value)
{
    struct item *item = malloc(sizeof *item + key.size + value.size);
    ENSURE(item != NULL);
    item->refs = 1;
    item->key_size = (uint32_t)key.size;
    item->value_size = (uint32_t)value.size;
    memcpy(item->bytes, key.data, key.size);
    if (value.size != 0) memcpy(item->bytes + key.size, value.data, value.size);
    return item;
}

static void item_drop(struct item *item)
{
    if (--item->refs == 0) free(item);
}

static struct item *item_share(struct item *item)
{
    item->refs++;
    return item;
}

static struct bytes item_key(const struct item *item)
{
    return (struct bytes){item->bytes, item->key_size};
}

static struct bytes item_value(const struct item *item)
{
    return (struct bytes){item->bytes + item->key_size, item->value_size};
}

static int compare(struct bytes a, struct bytes b)
{
    const size_t size = a.size < b.size ? a.size : b.size;
    const int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static struct node *node_new(bool leaf)
{
    struct node *node = malloc(sizeof *node);
    ENSURE(node != NULL);
    node->refs = 1;
    node->count = 0;
    node->leaf = leaf;
    return node;
}

static void node_drop(struct node *node)
{
    if (node == NULL || --node->refs != 0) return;
    for (uint32_t i = 0; i < node->count; i++) {
        item_drop(node->items[i]);
        if (!node->leaf) node_drop(node->children[i]);
    }
    free(node);
}

static struct node *node_share(struct node *node)
{
    if (node != NULL) node->refs++;
    return node;
}

/* The node in `place`, to be changed: a copy when somebody else can see it. */
static struct node *node_own(struct node **place)
{
    struct node *node = *place;
    if (node->refs == 1) return node;
    struct node *copy = node_new(node->leaf);
    copy->count = node->count;
    for (uint32_t i = 0; i < node->count; i++) {
        copy->items[i] = item_share(node->items[i]);
        if (!node->leaf) copy->children[i] = node_share(node->children[i]);
    }
    node->refs--;
    *place = copy;
    return copy;
}

/* Index of the first item from `low` on that is not less than the key. */
static uint32_t lower_bound(const struct node *node, uint32_t low, struct bytes key)
{
    uint32_t high = node->count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (compare(item_key(node->items[middle]), key) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The child under which the key is, if anywhere: the last one whose item is not greater. The first
 * child's item is not asked, for less may stand below it, and so before the second one's. */
static uint32_t child_of(const struct node *node, struct bytes key)
{
    const uint32_t at = lower_bound(node, 1, key);
    if (at < node->count && compare(item_key(node->items[at]), key) == 0) return at;
    return at - 1;
}

/* ---- finding ------------------------------------------------------------------------------- */

static const struct item *find(const struct node *node, struct bytes key)
{
    while (node != NULL && !node->leaf)
        node = node->children[child_of(node, key)];
    if (node == NULL) return NULL;
    const uint32_t at = lower_bound(node, 0, key);
    if (at == node->count || compare(item_key(node->items[at]), key) != 0) return NULL;
    return node->items[at];
}

static const struct item *find_last(const struct node *node)
{
    while (!node->leaf)
        node = node->children[node->count - 1];
    return node->items[node->count - 1];
}

static const struct item *find_first(const struct node *node)
{
    while (!node->leaf)
        node = node->children[0];
    return node->items[0];
}

static const struct item *find_floor(const struct node *node, struct bytes key)
{
    if (node == NULL) return NULL;
    if (node->leaf) {
        const uint32_t at = lower_bound(node, 0, key);
        if (at < node->count && compare(item_key(node->items[at]), key) == 0)
            return node->items[at];
        return at == 0 ? NULL : node->items[at - 1];
    }
    const uint32_t child = child_of(node, key);
    const struct item *item = find_floor(node->children[child], key);
    return item != NULL || child == 0 ? item : find_last(node->children[child - 1]);
}

static const struct item *find_ceiling(const struct node *node, struct bytes key)
{
    if (node == NULL) return NULL;
    if (node->leaf) {
        const uint32_t at = lower_bound(node, 0, key);
        return at == node->count ? NULL : node->items[at];
    }
    const uint32_t child = child_of(node, key);
    const struct item *item = find_ceiling(node->children[child], key);
    if (item != NULL || child + 1 == node->count) return item;
    return find_first(node->children[child + 1]);
}

/* ---- changing ------------------------------------------------------------------------------ */

static void slot_open(struct node *node, uint32_t at)
{
    const size_t behind = node->count - at;
    memmove(node->items + at + 1, node->items + at, behind * sizeof node->items[0]);
    if (!node->leaf)
        memmove(node->children + at + 1, node->children + at, behind * sizeof node->children[0]);
    node->count++;
}

static void slot_close(struct node *node, uint32_t at)
{
    const size_t behind = node->count - at - 1;
    memmove(node->items + at, node->items + at + 1, behind * sizeof node->items[0]);
    if (!node->leaf)
        memmove(node->children + at, node->children + at + 1, behind * sizeof node->children[0]);
    node->count--;
}

/* Halves a full node; all but the last stay when keys ascend. */
static struct node *split(struct node *node, bool ascending)
{
    struct node *right = node_new(node->leaf);
    const uint32_t keep = ascending ? SLOTS - 1 : SLOTS / 2;
    right->count = node->count - keep;
    memcpy(right->items, node->items + keep, right->count * sizeof right->items[0]);
    if (!node->leaf)
        memcpy(right->children, node->children + keep, right->count * sizeof right->children[0]);
    node->count = keep;
    return right;
}

/* Puts the item under the node, which is not full; takes it. */
static void insert(struct node *node, struct item *item, uint64_t *used)
{
    const struct bytes key = item_key(item);
    if (node->leaf) {
        const uint32_t at = lower_bound(node, 0, key);
        if (at < node->count && compare(item_key(node->items[at]), key) == 0) {
            *used -= node->items[at]->key_size + node->items[at]->value_size;
            item_drop(node->items[at]);
        } else {
            slot_open(node, at);
        }
        node->items[at] = item;
        return;
    }
    uint32_t child = child_of(node, key);
    struct node *below = node_own(&node->children[child]);
    if (below->count == SLOTS) {
        struct node *right = split(below, compare(item_key(below->items[SLOTS - 1]), key) < 0);
        slot_open(node, child + 1);
        node->children[child + 1] = right;
        node->items[child + 1] = item_share(right->items[0]);
        child = child_of(node, key);
    }
    insert(node_own(&node->children[child]), item, used);
}

static void tree_put(struct node **root, struct item *item, uint64_t *used)
{
    if (*root == NULL) *root = node_new(true);
    struct node *top = node_own(root);
    if (top->count == SLOTS) {
        struct node *above = node_new(false);
        above->count = 1;
        above->items[0] = item_share(top->items[0]);
        above->children[0] = top;
        *root = above;
    }
    insert(*root, item, used);
}

/* Removes a key that is there. */
static void tree_delete(struct node **place, struct bytes key, uint64_t *used)
{
    struct node *node = node_own(place);
    uint32_t at;
    if (node->leaf) {
        at = lower_bound(node, 0, key);
        *used -= node->items[at]->key_size + node->items[at]->value_size;
    } else {
        at = child_of(node, key);
        tree_delete(&node->children[at], key, used);
        if (node->children[at] != NULL) return;
    }
    item_drop(node->items[at]);
    slot_close(node, at);
    if (node->count != 0) return;
    free(node);
    *place = NULL;
}

static void roots_drop(struct node *roots[STORE_TABLE_COUNT])
{
    for (int i = 0; i < STORE_TABLE_COUNT; i++) {
        node_drop(roots[i]);
        roots[i] = NULL;
    }
}

static void roots_share(struct node *to[STORE_TABLE_COUNT], struct node *from[STORE_TABLE_COUNT])
{
    for (int i = 0; i < STORE_TABLE_COUNT; i++)
        to[i] = node_share(from[i]);
}

/* ---- the store ----------------------------------------------------------------------------- */

struct store *sim_store_new(struct prng *prng, store_stops_fn *stops, void *context)
{
    struct store *store = calloc(1, sizeof *store);
    ENSURE(store != NULL);
    store->prng = prng;
    store->stops = stops;
    store->context = context;
    store->map_bytes = MAP_FIRST;
    store->reading = true;
    return store;
}

void sim_store_crash(struct store *store)
{
    if (store->writing) roots_drop(store->write.roots);
    store->writing = false;
    roots_drop(store->read);
    store->reading = false;
    store->map_bytes = MAP_FIRST + 4 * store->used;
    store->filled = false;
}

void sim_store_free(struct store *store)
{
    if (store == NULL) return;
    sim_store_crash(store);
    roots_drop(store->committed);
    free(store);
}

void sim_store_set_faults(struct store *store, const struct store_faults *faults)
{
    store->faults = *faults;
}

void sim_store_set_full(struct store *store, bool full)
{
    store->disk_full = full;
}

uint64_t sim_store_faults(const struct store *store)
{
    return store->fault_count;
}

uint64_t sim_store_commit_errors(const struct store *store)
{
    return store->commit_errors;
}

static bool happens(struct store *store, uint32_t of_million)
{
    if (of_million == 0 || prng_below(store->prng, MILLION) >= of_million) return false;
    store->fault_count++;
    return true;
}

/* As often as a disk has it, and no more: a start that reads much shall come to its end, too. */
static bool cannot_read(struct store *store)
{
    if (store->read_errors == READ_ERRORS_MAX || !happens(store, store->faults.read_error))
        return false;
    store->read_errors++;
    return true;
}

/* ---- reading ------------------------------------------------------------------------------- */

int store_refresh(struct store *store)
{
    roots_drop(store->read);
    roots_share(store->read, store->committed);
    store->reading = true;
    return 0;
}

static int give(const struct item *item, struct bytes *ret_key, struct bytes *ret_value)
{
    if (item == NULL) return -ENOENT;
    if (ret_key != NULL) *ret_key = item_key(item);
    *ret_value = item_value(item);
    return 0;
}

static bool bad_key(struct bytes key)
{
    return key.size == 0 || key.size > KEY_MAX;
}

int store_get(struct store *store, enum store_table table, struct bytes key,
              struct bytes *ret_value)
{
    if (!store->reading || cannot_read(store)) return -EIO;
    return bad_key(key) ? -EINVAL : give(find(store->read[table], key), NULL, ret_value);
}

int store_floor(struct store *store, enum store_table table, struct bytes key,
                struct bytes *ret_key, struct bytes *ret_value)
{
    if (!store->reading || cannot_read(store)) return -EIO;
    return give(find_floor(store->read[table], key), ret_key, ret_value);
}

int store_ceiling(struct store *store, enum store_table table, struct bytes key,
                  struct bytes *ret_key, struct bytes *ret_value)
{
    if (!store->reading || cannot_read(store)) return -EIO;
    return give(find_ceiling(store->read[table], key), ret_key, ret_value);
}

int store_reserve(struct store *store, size_t bytes)
{
    ENSURE(!store->writing);
    const uint64_t wanted = 3 * (uint64_t)bytes + store->used;
    if (wanted <= store->map_bytes && !store->filled) return 0;
    store->map_bytes = wanted < 2 * store->map_bytes ? 2 * store->map_bytes : wanted;
    store->filled = false;
    return store_refresh(store);
}

/* ---- writing ------------------------------------------------------------------------------- */

int store_begin(struct store *store, struct store_txn **ret_txn)
{
    ENSURE(!store->writing);
    store->writing = true;
    store->write = (struct store_txn){.store = store, .used = store->used};
    roots_share(store->write.roots, store->committed);
    *ret_txn = &store->write;
    return 0;
}

/* Remembers the first error: nothing goes on after it. */
static int fail(struct store_txn *txn, int error)
{
    if (error == -ENOSPC) txn->store->filled = true;
    txn->failed = error;
    return error;
}

static int put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value)
{
    struct store *store = txn->store;
    const uint64_t used = txn->used + key.size + value.size;
    if (used > store->map_bytes || happens(store, store->faults.map_full))
        return fail(txn, -ENOSPC);
    txn->used = used;
    tree_put(&txn->roots[table], item_new(key, value), &txn->used);
    return 0;
}

int store_put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value)
{
    if (txn->failed != 0) return txn->failed;
    return bad_key(key) ? -EINVAL : put(txn, table, key, value);
}

int store_append(struct store_txn *txn, enum store_table table, struct bytes key,
                 struct bytes value)
{
    if (txn->failed != 0) return txn->failed;
    if (bad_key(key)) return -EINVAL;
    const struct node *root = txn->roots[table];
    if (root != NULL && compare(item_key(find_last(root)), key) >= 0) return fail(txn, -EEXIST);
    return put(txn, table, key, value);
}

int store_txn_get(struct store_txn *txn, enum store_table table, struct bytes key,
                  struct bytes *ret_value)
{
    if (txn->failed != 0) return txn->failed;
    return bad_key(key) ? -EINVAL : give(find(txn->roots[table], key), NULL, ret_value);
}

int store_txn_floor(struct store_txn *txn, enum store_table table, struct bytes key,
                    struct bytes *ret_key, struct bytes *ret_value)
{
    if (txn->failed != 0) return txn->failed;
    return give(find_floor(txn->roots[table], key), ret_key, ret_value);
}

int store_txn_ceiling(struct store_txn *txn, enum store_table table, struct bytes key,
                      struct bytes *ret_key, struct bytes *ret_value)
{
    if (txn->failed != 0) return txn->failed;
    return give(find_ceiling(txn->roots[table], key), ret_key, ret_value);
}

int store_delete(struct store_txn *txn, enum store_table table, struct bytes key)
{
    if (txn->failed != 0) return txn->failed;
    if (bad_key(key)) return -EINVAL;
    if (find(txn->roots[table], key) == NULL) return 0;
    tree_delete(&txn->roots[table], key, &txn->used);
    return 0;
}

void store_abort(struct store_txn *txn)
{
    roots_drop(txn->roots);
    txn->store->writing = false;
}

static void land(struct store *store)
{
    roots_drop(store->committed);
    memcpy(store->committed, store->write.roots, sizeof store->committed);
    memset(store->write.roots, 0, sizeof store->write.roots);
    store->used = store->write.used;
    store->writing = false;
}

int store_commit(struct store_txn *txn)
{
    struct store *store = txn->store;
    int r = txn->failed;
    bool lands = r == 0;
    if (r == 0 && store->disk_full) {
        store->fault_count++;
        r = -ENOSPC;
        lands = false;
    }
    if (r == 0 && store->stops != NULL && store->stops(store->context)) {
        r = -EIO;
        lands = prng_chance(store->prng, 500);
    } else if (r == 0 && happens(store, store->faults.commit_error)) {
        store->commit_errors++;
        r = -EIO;
        lands = prng_chance(store->prng, 500);
    }
    if (lands) {
        land(store);
    } else {
        store_abort(txn);
    }
    return r;
}

int store_clear(struct store *store)
{
    struct store_txn *txn = NULL;
    int r = store_begin(store, &txn);
    if (r != 0) return r;
    roots_drop(txn->roots);
    txn->used = 0;
    r = store_commit(txn);
    return r != 0 ? r : store_refresh(store);
}
