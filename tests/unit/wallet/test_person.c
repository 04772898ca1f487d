/* Persons as they are packed: lots of one giver stand in a run, whatever breaks it begins another,
 * and bytes that are no such run are refused. */
#include "tests/lib/unit.h"
#include "wallet/person.h"

#define HEAD  (sizeof(struct person_head))
#define FRONT (4 + 40) /* Of a run: head of the group, what its lots have in common. */
#define PART  16       /* Of each lot. */

static struct person person;
static struct person again;
static uint8_t packed[PERSON_PACKED_MAX];

static struct lot lot_of(uint32_t number)
{
    return (struct lot){
        .number = number,
        .origin_admdvs = 530100,
        .origin = {{1, 2, 3}},
        .from = {{4, 5, 6}},
        .amount = 100 + number,
        .accepted_ms = 1000 * (int64_t)number,
    };
}

static void fill(uint32_t first, uint32_t count)
{
    person_clear(&person, (struct psn_key){{7}});
    for (uint32_t i = 0; i < count; i++)
        person.lots[person.lot_count++] = lot_of(first + i);
}

/* It comes back whole, and takes so many bytes behind its head. */
static void packs_to(size_t size)
{
    assert_int_equal(person_pack(&person, packed), HEAD + size);
    const struct bytes bytes = {packed, HEAD + size};
    assert_true(person_unpack(bytes, person.key, &again));
    assert_int_equal(again.lot_count, person.lot_count);
    assert_memory_equal(again.lots, person.lots, person.lot_count * sizeof person.lots[0]);
    assert_true(person_unpack_counts(bytes, person.key, &again));
    assert_int_equal(again.lot_count, person.lot_count);
    for (size_t cut = HEAD + 1; cut < HEAD + FRONT + PART && cut < bytes.size; cut++)
        assert_false(person_unpack((struct bytes){packed, cut}, person.key, &again));
}

static void lots_of_a_giver_are_a_run(void **state)
{
    (void)state;
    fill(1, 0);
    packs_to(0);
    fill(1, 1);
    packs_to(FRONT + PART);
    fill(9, 12);
    packs_to(FRONT + 12 * PART);
    fill(1, LOTS_MAX);
    packs_to(FRONT + LOTS_MAX * PART);
    fill(UINT32_MAX - 2, 3);
    packs_to(FRONT + 3 * PART);
}

static void what_differs_begins_another(void **state)
{
    (void)state;
    fill(1, 6);
    person.lots[3].number = 40; /* 4 is gone, … */
    person.lots[4].number = 41;
    person.lots[5].number = 42;
    packs_to(2 * FRONT + 6 * PART);
    fill(1, 6);
    person.lots[5].origin.bytes[15] ^= 1; /* … the money another's, … */
    packs_to(2 * FRONT + 6 * PART);
    fill(1, 6);
    person.lots[0].from.bytes[0] ^= 1; /* … passed on by another, … */
    packs_to(2 * FRONT + 6 * PART);
    fill(1, 6);
    person.lots[2].origin_admdvs = 510100; /* … from another area, there and back. */
    packs_to(3 * FRONT + 6 * PART);
    fill(1, LOTS_MAX);
    for (uint32_t i = 0; i < LOTS_MAX; i++)
        person.lots[i].number = 2 * i;
    packs_to(LOTS_MAX * (FRONT + PART));
}

static void no_more_lots_than_there_may_be(void **state)
{
    uint8_t twice[2 * sizeof packed];
    (void)state;
    fill(1, LOTS_MAX);
    const size_t size = person_pack(&person, packed);
    memcpy(twice, packed, size);
    fill(LOTS_MAX + 1, 1);
    const size_t more = person_pack(&person, packed) - HEAD;
    memcpy(twice + size, packed + HEAD, more);
    assert_true(person_unpack((struct bytes){twice, size}, person.key, &again));
    assert_false(person_unpack((struct bytes){twice, size + more}, person.key, &again));
    assert_false(person_unpack_counts((struct bytes){twice, size + more}, person.key, &again));
}

static void other_sizes_are_refused(void **state)
{
    (void)state;
    for (unsigned size = 0; size <= sizeof(struct lot); size++) {
        fill(1, 2);
        memset(packed, 0, HEAD + FRONT + 2 * sizeof(struct lot));
        (void)person_pack(&person, packed);
        packed[HEAD + 2] = (uint8_t)size; /* And so many bytes follow. */
        const struct bytes bytes = {packed, HEAD + FRONT + 2 * size};
        assert_int_equal(person_unpack(bytes, person.key, &again), size == PART);
        assert_int_equal(person_unpack_counts(bytes, person.key, &again), size == PART);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lots_of_a_giver_are_a_run),
        cmocka_unit_test(what_differs_begins_another),
        cmocka_unit_test(no_more_lots_than_there_may_be),
        cmocka_unit_test(other_sizes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
