/* clear_one_day -- the client library in one small program: sends a day's settlements of a few
 * people, takes one of them back, and says what became of each.
 *
 *     cc clear_one_day.c $(pkg-config --cflags --libs qingfen-client) -o clear_one_day
 *     ./clear_one_day 127.0.0.1:7040
 *
 * Run again it changes nothing: the same ids, so the engine says of each that it knows it. */
#include <qingfen_client.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLEMENTS 1000
#define PEOPLE      100
#define REFUND      SETTLEMENTS /* Its tag: those of the settlements are 0 to 999. */

struct day {
    unsigned accepted;
    unsigned known;
    unsigned refused;
};

/* Called once for each message, when it is durable or refused. */
static void told(void *owner, const struct post_outcome *outcome)
{
    struct day *day = owner;
    if (outcome->code != 0) {
        day->refused++;
        fprintf(stderr, "%llu: %u %s\n", (unsigned long long)outcome->tag, outcome->code,
                outcome->text);
    } else if (outcome->dup) {
        day->known++;
    } else {
        day->accepted++;
    }
}

static struct bytes text_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* Settlement number i of 2025-03-14, of a person from Hefei treated in Shanghai, or with `refund`
 * all of it taken back. The library copies what the views point to before it returns. */
static int send_one(struct post *post, unsigned i, bool refund)
{
    char msgid[32], setl_id[40], original[32];
    /* In real life a keyed hash made at the edge; its first four bytes say the shard. */
    const unsigned person = i % PEOPLE;
    uint8_t psn_key[PSN_KEY_SIZE] = {[0] = (uint8_t)person, [3] = (uint8_t)(person * 41)};
    const int64_t sign = refund ? -1 : 1;
    snprintf(msgid, sizeof(msgid), "H31000000001%s%04u", refund ? "R" : "S", i);
    snprintf(original, sizeof(original), "A340100250314%04u", i);
    snprintf(setl_id, sizeof(setl_id), "%s%s", original, refund ? "R" : "");

    struct settlement settlement = {
        .msgid = text_of(msgid),
        .setl_id = text_of(setl_id),
        .orig_setl_id = refund ? text_of(original) : (struct bytes){0},
        .refd_setl_flag = refund,
        .psn_key = {psn_key, sizeof(psn_key)},
        .fixmedins_code = text_of("H31000000001"),
        .insu_admdvs = 340100,
        .mdtrtarea_admvs = 310000,
        .insutype = 310,
        .med_type = 11,
        .setl_time = INT64_C(1741917600000) + i * 1000,
    };
    settlement.amounts[AMOUNT_HIFP] = sign * 12000; /* Fen. */
    settlement.amounts[AMOUNT_FUND_SUM] = sign * 12000;
    settlement.amounts[AMOUNT_CASH] = sign * 3000;
    settlement.amounts[AMOUNT_PSN_PART] = sign * 3000;
    settlement.amounts[AMOUNT_MEDFEE] = sign * 15000;
    return post_settlement(post, &settlement, refund ? REFUND : i);
}

static int send_day(struct post *post)
{
    for (unsigned i = 0; i < SETTLEMENTS; i++) {
        const int r = send_one(post, i, false);
        if (r != 0) return r;
    }
    /* The same person, so it cannot overtake its original (T2). */
    const int r = send_one(post, 7, true);
    return r != 0 ? r : post_finish(post);
}

int main(int argc, char **argv)
{
    static struct post post;
    struct day day = {0};
    struct fleet_options options = {
        .province = 31, /* Speaks for Shanghai. */
        .batch = 256,
        .window = 4,
        .retry_ns = 10 * NS_PER_SECOND,
    };
    if (argc != 2 || !client_address_parse(argv[1], &options.address)) {
        fprintf(stderr, "usage: clear_one_day HOST:PORT\n");
        return 2;
    }
    if (post_open(&post, options, told, &day) != 0) {
        fprintf(stderr, "clear_one_day: %s\n", post.fleet.text);
        return 1;
    }
    const int r = send_day(&post);
    if (r != 0) fprintf(stderr, "clear_one_day: %s; send it again\n", post.fleet.text);
    post_close(&post);
    printf("accepted=%u known=%u refused=%u\n", day.accepted, day.known, day.refused);
    return r == 0 && day.refused == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
