/* Every body once, small, with its known checksum: a benchmark that changed its work is no longer
 * comparable with last month's figures, and this is where one finds out. The workload is part of
 * the work: when it changes, so do the sums; what the test prints can be put in their place. */
#include <stdio.h>

#include "bench/bodies.h"
#include "tests/lib/unit.h"

#define SMALL 3000 /* Operations. */

static const uint64_t known[] = {
    UINT64_C(7643248358031107659),  /* settlement_decode */
    UINT64_C(14587582087367816942), /* settlement_encode */
    UINT64_C(15403779158624815199), /* content_hash */
    UINT64_C(3000),                 /* rules_check */
    UINT64_C(12946692490858654470), /* posting */
    UINT64_C(16572396270221998343), /* book_post */
    UINT64_C(27962592),             /* directory_find_add */
    UINT64_C(672416),               /* delta_append_ids */
    UINT64_C(22827286194),          /* entry_encode */
    UINT64_C(13094717450378041957), /* block_seal */
    UINT64_C(2508169439809080896),  /* netting_four_modes */
    UINT64_C(3449),                 /* store_merge */
    UINT64_C(13693117332834711128), /* shard */
    UINT64_C(13693117332834711128), /* shard_and_merge */
    UINT64_C(13243410609681643904), /* shard_replay */
    UINT64_C(7965996553769316200),  /* cycle_cut */
    UINT64_C(6856539300189484145),  /* cycle_payment */
    UINT64_C(9481087093440713044),  /* transfer */
};

static void bodies_do_the_work_they_did(void **state)
{
    const struct bench_clock clock = {NULL, NULL, NULL};
    bool same = true;
    (void)state;
    for (size_t i = 0; i < bench_body_count; i++) {
        const struct bench_body *body = &bench_bodies[i];
        void *prepared = body->prepare(SMALL);
        const uint64_t sum = body->run(prepared, SMALL, &clock);
        body->finish(prepared);
        printf("    UINT64_C(%llu), /* %s */\n", (unsigned long long)sum, body->name);
        same = same && i < sizeof known / sizeof known[0] && sum == known[i];
    }
    assert_true(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bodies_do_the_work_they_did)};
    return cmocka_run_group_tests_name("bench/bodies", tests, NULL, NULL);
}
