/* schedule: the slice and the niceness of one thread, read back from the kernel. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/lib/unit.h"
#include "world/linux/schedule.h"

/* What sched_getattr(2) gives in its first 48 bytes. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns, deadline_ns, period_ns;
};

static struct attributes attributes_now(void)
{
    struct attributes attributes = {0};
    assert_int_equal(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0), 0);
    return attributes;
}

/* What a thread was before it asked to be `nicer`, and after it. */
struct thread {
    int nicer;
    struct attributes before, after;
};

static void *ask(void *context)
{
    struct thread *thread = context;
    thread->before = attributes_now();
    schedule_this_thread(thread->nicer);
    thread->after = attributes_now();
    return NULL;
}

static struct thread of_nicer(int nicer)
{
    struct thread thread = {.nicer = nicer};
    pthread_t id;
    assert_int_equal(pthread_create(&id, NULL, ask, &thread), 0);
    assert_int_equal(pthread_join(id, NULL), 0);
    return thread;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

static void test_is_nicer_by_that(void **state)
{
    (void)state;
    const struct attributes here = attributes_now();
    const struct thread nicer = of_nicer(7);
    assert_int_equal(nicer.after.nice, least(here.nice + 7, 19));
    assert_int_equal(of_nicer(19).after.nice, 19); /* From any niceness above 0 it would be more. */
    assert_int_equal(attributes_now().nice, here.nice); /* Nobody else's changed. */
}

static void test_has_the_short_slice(void **state)
{
    (void)state;
    const struct thread thread = of_nicer(0);
    assert_int_equal(thread.after.nice, thread.before.nice);
    assert_int_equal(thread.after.policy, SCHED_OTHER);
    if (thread.before.slice_ns == 0) skip(); /* A kernel that does not say does not ask either. */
    assert_int_equal(thread.after.slice_ns, SCHEDULE_SLICE_NS);
}

static cpu_set_t set_of(uint64_t bits)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (int i = 0; i < 64; i++)
        if (bits >> i & 1) CPU_SET(i, &set);
    return set;
}

static void test_each_shard_has_its_place_when_they_are_scarce(void **state)
{
    (void)state;
    const cpu_set_t three = set_of(0x64); /* 2, 5 and 6. */
    assert_int_equal(schedule_place(&three, 0, 1), -1);
    assert_int_equal(schedule_place(&three, 0, 2), 2);
    assert_int_equal(schedule_place(&three, 1, 2), 5);
    assert_int_equal(schedule_place(&three, 2, 3), 6);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(schedule_place(&three, i, 4), -1);
    const cpu_set_t four = set_of(UINT64_C(0xf) << 60);
    assert_int_equal(schedule_place(&four, 1, 2), -1); /* One for each keeper too. */
    assert_int_equal(schedule_place(&four, 2, 3), 62);
    const cpu_set_t none = set_of(0);
    assert_int_equal(schedule_place(&none, 0, 1), -1);
}

static void *stay(void *context)
{
    cpu_set_t *set = context;
    schedule_stay(0, (uint32_t)CPU_COUNT(set));
    if (sched_getaffinity(0, sizeof *set, set) != 0) CPU_ZERO(set);
    return NULL;
}

static void test_stays_there_alone(void **state)
{
    (void)state;
    cpu_set_t before, here, there;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    there = before;
    pthread_t id;
    assert_int_equal(pthread_create(&id, NULL, stay, &there), 0);
    assert_int_equal(pthread_join(id, NULL), 0);
    assert_int_equal(CPU_COUNT(&there), 1);
    assert_true(CPU_ISSET(schedule_place(&before, 0, (uint32_t)CPU_COUNT(&before)), &there));
    assert_int_equal(sched_getaffinity(0, sizeof here, &here), 0);
    assert_true(CPU_EQUAL(&here, &before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_nicer_by_that),
        cmocka_unit_test(test_has_the_short_slice),
        cmocka_unit_test(test_each_shard_has_its_place_when_they_are_scarce),
        cmocka_unit_test(test_stays_there_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
