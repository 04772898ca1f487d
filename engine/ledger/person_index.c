#include "ledger/person_index.h"

#include <errno.h>

#include "ledger/radix.h"
#include "types/ensure.h"
#include "util/le.h"

#define KEY_SIZE    16
#define NUMBER_SIZE 8
#define SEQ_BITS    24
#define SEQ_MAX     ((UINT64_C(1) << SEQ_BITS) - 1) /* Of a number: seq - run. */
#define PERSON_BITS 40
#define BITS_FROM   4 /* In psn_key; what is before it leads to the shard. */

uint64_t person_bits(struct bytes psn_key)
{
    if (psn_key.size != PSN_KEY_SIZE) return 0;
    return be_load64(psn_key.data + BITS_FROM) >> (64 - PERSON_BITS);
}

static struct bytes make_key(uint8_t key[KEY_SIZE], uint64_t run, uint64_t number)
{
    be_store64(key, run);
    be_store64(key + 8, number);
    return (struct bytes){key, KEY_SIZE};
}

/* -- writing -------------------------------------------------------------------------------- */

/* How many numbers a run holds; stops counting where it is not short any more. */
static int count_run(struct store_txn *txn, uint64_t run, uint32_t *ret_count)
{
    uint8_t key[KEY_SIZE];
    struct bytes found;
    struct bytes value;
    uint64_t number = 0;

    *ret_count = 0;
    while (*ret_count < PERSON_RUN_SEAL) {
        const int r =
            store_txn_ceiling(txn, STORE_PERSON, make_key(key, run, number), &found, &value);
        if (r == -ENOENT) return 0;
        if (r != 0) return r;
        if (found.size != KEY_SIZE || value.size == 0 || value.size % NUMBER_SIZE != 0) {
            return -EUCLEAN;
        }
        if (be_load64(found.data) != run) return 0;
        *ret_count += (uint32_t)(value.size / NUMBER_SIZE);
        number = be_load64(found.data + 8) + 1;
        if (number == 0) return 0; /* That was the last one there can be. */
    }
    return 0;
}

/* The run that entries `first_seq` to `last_seq` can go to, and how many numbers it holds; else
 * *ret_run is left as it was and *ret_count 0. */
static int short_run(struct store_txn *txn, uint64_t first_seq, uint64_t last_seq,
                     uint64_t *ret_run, uint32_t *ret_count)
{
    uint8_t key[KEY_SIZE];
    struct bytes found;
    struct bytes value;

    *ret_count = 0;
    int r =
        store_txn_floor(txn, STORE_PERSON, make_key(key, UINT64_MAX, UINT64_MAX), &found, &value);
    if (r == -ENOENT) return 0;
    if (r != 0) return r;
    if (found.size != KEY_SIZE || be_load64(found.data) >= first_seq) return -EUCLEAN;
    const uint64_t run = be_load64(found.data);
    if (last_seq - run > SEQ_MAX) return 0;
    r = count_run(txn, run, ret_count);
    if (*ret_count >= PERSON_RUN_SEAL) *ret_count = 0;
    if (*ret_count != 0) *ret_run = run;
    return r;
}

/* Reads the `count` numbers of a run and removes its chunks. */
static int take_run(struct store_txn *txn, uint64_t run, uint64_t *numbers, uint32_t count)
{
    uint8_t key[KEY_SIZE];
    struct bytes found;
    struct bytes value;

    for (uint32_t taken = 0; taken < count;) {
        int r = store_txn_ceiling(txn, STORE_PERSON, make_key(key, run, 0), &found, &value);
        if (r != 0) return r;
        const uint64_t first = be_load64(found.data + 8);
        for (size_t at = 0; at < value.size; at += NUMBER_SIZE)
            numbers[taken++] = le_load64(value.data + at);
        r = store_delete(txn, STORE_PERSON, make_key(key, run, first));
        if (r != 0) return r;
    }
    return 0;
}

static int put_run(struct store_txn *txn, uint64_t run, const uint64_t *numbers, uint32_t count)
{
    uint8_t value[PERSON_CHUNK_COUNT * NUMBER_SIZE];
    uint8_t key[KEY_SIZE];

    for (uint32_t i = 0, part = 0; i < count; i += part) {
        part = count - i < PERSON_CHUNK_COUNT ? count - i : PERSON_CHUNK_COUNT;
        for (uint32_t k = 0; k < part; k++)
            le_store64(value + (size_t)k * NUMBER_SIZE, numbers[i + k]);
        const int r = store_append(txn, STORE_PERSON, make_key(key, run, numbers[i]),
                                   (struct bytes){value, (size_t)part * NUMBER_SIZE});
        if (r != 0) return r;
    }
    return 0;
}

int person_index_put(struct store_txn *txn, uint64_t first_seq, uint64_t last_seq,
                     struct id *records, struct id *scratch, uint32_t count, uint32_t room)
{
    /* Half as long as the records: so much less to move about while they are sorted. */
    uint64_t *numbers = (uint64_t *)scratch;
    uint64_t run = first_seq;
    uint32_t before;

    ENSURE(last_seq - first_seq <= SEQ_MAX);
    if (count == 0) return 0;
    int r = short_run(txn, first_seq, last_seq, &run, &before);
    if (r != 0) return r;
    if (before != 0) {
        ENSURE(before <= room - count);
        r = take_run(txn, run, numbers, before);
        if (r != 0) return r;
    }
    for (uint32_t i = 0; i < count; i++)
        numbers[before + i] = records[i].hash << SEQ_BITS | (records[i].seq - run);
    count += before;
    numbers = radix_sort_numbers(numbers, (uint64_t *)records, count, SEQ_BITS);
    return put_run(txn, run, numbers, count);
}

/* -- reading -------------------------------------------------------------------------------- */

struct person_cursor person_cursor_from(struct bytes psn_key, uint64_t from_seq, bool descending)
{
    return (struct person_cursor){
        .bits = person_bits(psn_key), .seq = from_seq, .descending = descending};
}

/* A chunk of a run. */
struct chunk {
    uint64_t run;
    struct bytes numbers;
};

static bool chunk_from(int r, struct bytes found, struct bytes value, struct chunk *ret_chunk)
{
    if (r == -ENOENT) return false;
    NEED_STORE(r, "be read");
    ENSURE(found.size == KEY_SIZE);
    ENSURE(value.size != 0 && value.size % NUMBER_SIZE == 0);
    *ret_chunk = (struct chunk){.run = be_load64(found.data), .numbers = value};
    return true;
}

/* The chunk of the last key up to (run, number). */
static bool chunk_to(struct store *store, uint64_t run, uint64_t number, struct chunk *ret_chunk)
{
    uint8_t key[KEY_SIZE];
    struct bytes found;
    struct bytes value;
    const int r = store_floor(store, STORE_PERSON, make_key(key, run, number), &found, &value);
    return chunk_from(r, found, value, ret_chunk);
}

/* The chunk of the first key from (run, number) on. */
static bool chunk_on(struct store *store, uint64_t run, uint64_t number, struct chunk *ret_chunk)
{
    uint8_t key[KEY_SIZE];
    struct bytes found;
    struct bytes value;
    const int r = store_ceiling(store, STORE_PERSON, make_key(key, run, number), &found, &value);
    return chunk_from(r, found, value, ret_chunk);
}

static uint64_t number_at(struct bytes numbers, size_t place)
{
    return le_load64(numbers.data + place * NUMBER_SIZE);
}

/* How many numbers of a chunk are less than `number`. */
static size_t numbers_below(struct bytes numbers, uint64_t number)
{
    size_t low = 0;
    size_t high = numbers.size / NUMBER_SIZE;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (number_at(numbers, middle) < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The least number of the run that is not less. */
static bool number_from(struct store *store, uint64_t run, uint64_t number, uint64_t *ret_number)
{
    struct chunk chunk;
    if (chunk_to(store, run, number, &chunk) && chunk.run == run) {
        const size_t place = numbers_below(chunk.numbers, number);
        if (place < chunk.numbers.size / NUMBER_SIZE) {
            *ret_number = number_at(chunk.numbers, place);
            return true;
        }
    }
    if (!chunk_on(store, run, number, &chunk) || chunk.run != run) return false;
    *ret_number = number_at(chunk.numbers, 0);
    return true;
}

/* The greatest number of the run that is not greater. */
static bool number_to(struct store *store, uint64_t run, uint64_t number, uint64_t *ret_number)
{
    struct chunk chunk;
    if (!chunk_to(store, run, number, &chunk) || chunk.run != run) return false;
    size_t place = numbers_below(chunk.numbers, number);
    if (place == chunk.numbers.size / NUMBER_SIZE || number_at(chunk.numbers, place) != number) {
        place--; /* The key is its first number, and that is not greater. */
    }
    *ret_number = number_at(chunk.numbers, place);
    return true;
}

static enum person_found next_up(struct store *store, struct person_cursor *cursor,
                                 uint64_t *ret_seq)
{
    struct chunk chunk;
    uint64_t number;

    if (!chunk_to(store, cursor->seq, UINT64_MAX, &chunk)) { /* Before the first run. */
        if (!chunk_on(store, 0, 0, &chunk)) return PERSON_END;
        cursor->seq = chunk.run;
    }
    const uint64_t run = chunk.run;
    const uint64_t from = cursor->seq - run;
    if (from <= SEQ_MAX && number_from(store, run, cursor->bits << SEQ_BITS | from, &number) &&
        number >> SEQ_BITS == cursor->bits) {
        *ret_seq = run + (number & SEQ_MAX);
        cursor->seq = *ret_seq + 1;
        return PERSON_FOUND;
    }
    if (!chunk_on(store, run + 1, 0, &chunk)) return PERSON_END;
    cursor->seq = chunk.run;
    return PERSON_NOT_HERE;
}

static enum person_found next_down(struct store *store, struct person_cursor *cursor,
                                   uint64_t *ret_seq)
{
    struct chunk chunk;
    uint64_t number;

    if (!chunk_to(store, cursor->seq, UINT64_MAX, &chunk)) return PERSON_END;
    const uint64_t run = chunk.run;
    const uint64_t to = cursor->seq - run < SEQ_MAX ? cursor->seq - run : SEQ_MAX;
    if (number_to(store, run, cursor->bits << SEQ_BITS | to, &number) &&
        number >> SEQ_BITS == cursor->bits) {
        *ret_seq = run + (number & SEQ_MAX);
        cursor->seq = *ret_seq - 1;
        return PERSON_FOUND;
    }
    cursor->seq = run - 1;
    return PERSON_NOT_HERE;
}

enum person_found person_index_next(struct store *store, struct person_cursor *cursor,
                                    uint64_t *ret_seq)
{
    return cursor->descending != 0 ? next_down(store, cursor, ret_seq)
                                   : next_up(store, cursor, ret_seq);
}
