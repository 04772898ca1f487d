/* status -- the engine and its shards, at a glance. */
#include <stdio.h>

#include "centre.pb-c.h"
#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/words.h"
#include "types/civil.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "status [OPTIONS]",
    .about =
        "Prints the engine's version, clock and store, and a line for every shard. With --timings\n"
        "what its threads spent their time on since the engine's start: counts and totals only\n"
        "grow, so two such tables can be subtracted. Exit status 1 when it cannot be reached.\n",
    .examples = "  qingfen status\n  qingfen status --to 10.0.0.7:7040 --format json\n"
                "  qingfen status --timings\n",
};

static void print_engine(const Qingfen__V1__StatusReply *reply)
{
    char now[CIVIL_ISO_SIZE];
    char month[WORDS_SIZE];
    civil_format_iso(reply->now, now);
    printf("qingfend %s\n", reply->version);
    printf("  clock        %s (%s)\n", now, reply->manual_clock ? "manual" : "system");
    printf("  store        ");
    for (size_t i = 0; i < reply->store_id.len; i++) {
        printf("%02x", reply->store_id.data[i]);
    }
    printf(", %u shard%s\n", reply->shards, reply->shards == 1 ? "" : "s");
    printf("  cut through  %s\n", words_period(reply->cut_through, month));
    if (reply->closed_year != 0) printf("  closed year  %u\n", reply->closed_year);
    putchar('\n');
}

static void print_shards(const Qingfen__V1__StatusReply *reply)
{
    const struct table_column columns[] = {
        {"shard", TABLE_RIGHT},    {"decisions", TABLE_RIGHT}, {"durable", TABLE_RIGHT},
        {"merged", TABLE_RIGHT},   {"accepted", TABLE_RIGHT},  {"dup", TABLE_RIGHT},
        {"rejected", TABLE_RIGHT}, {"blocks", TABLE_RIGHT},    {"journal MB", TABLE_RIGHT},
        {"conns", TABLE_RIGHT},
    };
    struct table *table = table_new(columns, 10);
    for (size_t i = 0; i < reply->n_shard; i++) {
        const Qingfen__V1__ShardStatus *s = reply->shard[i];
        const uint64_t numbers[] = {
            s->last_seq, s->durable_seq, s->checkpoint_seq,          s->accepted, s->duplicate,
            s->rejected, s->blocks,      s->journal_bytes / 1000000, s->sessions};
        table_cell(table, "%u", s->shard);
        for (size_t n = 0; n < 9; n++) {
            char text[YUAN_SIZE];
            table_cell(table, "%s", count_format_grouped(numbers[n], text));
        }
    }
    table_print(table, stdout);
    table_free(table);
}

static void print_csv(const Qingfen__V1__StatusReply *reply)
{
    puts("shard,last_seq,durable_seq,checkpoint_seq,journal_bytes,accepted,duplicate,rejected,"
         "blocks,checkpoints,sessions,soft_failures,memory_bytes,unreadable");
    for (size_t i = 0; i < reply->n_shard; i++) {
        const Qingfen__V1__ShardStatus *s = reply->shard[i];
        const uint64_t numbers[] = {
            s->last_seq,      s->durable_seq,  s->checkpoint_seq, s->journal_bytes, s->accepted,
            s->duplicate,     s->rejected,     s->blocks,         s->checkpoints,   s->sessions,
            s->soft_failures, s->memory_bytes, s->unreadable};
        printf("%u", s->shard);
        for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
            printf(",%llu", (unsigned long long)numbers[n]);
        }
        putchar('\n');
    }
}

/* Nearly all of a stage's times are below this, in microseconds: the upper end of the bucket in
 * which the 99th of 100 lies, or the longest of all. */
static uint64_t nearly_all_us(const Qingfen__V1__StageTiming *timing)
{
    const uint64_t max_us = (timing->max_ns + 999) / 1000;
    const uint64_t most = timing->count - timing->count / 100;
    uint64_t seen = 0;
    for (size_t i = 0; i < timing->n_histogram; i++) {
        seen += timing->histogram[i];
        const uint64_t end_us = UINT64_C(1) << i;
        if (seen >= most) return end_us < max_us ? end_us : max_us;
    }
    return max_us;
}

static void print_timings(const Qingfen__V1__ShardStatus *shard)
{
    const struct table_column columns[] = {
        {"stage", TABLE_LEFT}, {"count", TABLE_RIGHT},  {"total ms", TABLE_RIGHT},
        {"mean", TABLE_RIGHT}, {"p99 <", TABLE_RIGHT},  {"max us", TABLE_RIGHT},
        {"own", TABLE_RIGHT},  {"> 1 ms", TABLE_RIGHT}, {"> 5 ms", TABLE_RIGHT},
    };
    struct table *table = table_new(columns, 9);
    for (size_t i = 0; i < shard->n_timings; i++) {
        const Qingfen__V1__StageTiming *t = shard->timings[i];
        const uint64_t numbers[] = {t->count,
                                    t->total_ns / 1000000,
                                    t->count == 0 ? 0 : t->total_ns / t->count / 1000,
                                    nearly_all_us(t),
                                    t->max_ns / 1000,
                                    t->max_cpu_ns / 1000,
                                    t->above_1ms,
                                    t->above_5ms};
        table_cell(table, "%s", t->stage);
        for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++) {
            char text[YUAN_SIZE];
            table_cell(table, "%s", count_format_grouped(numbers[n], text));
        }
    }
    printf("\nshard %u: what its loop and its keeper did, times in us\n", shard->shard);
    table_print(table, stdout);
    table_free(table);
}

static void print_timings_csv(const Qingfen__V1__StatusReply *reply)
{
    printf("shard,stage,count,total_ns,max_ns,max_cpu_ns,above_1ms,above_5ms,below_1us");
    const size_t buckets = reply->n_shard == 0 ? 0 : reply->shard[0]->timings[0]->n_histogram;
    for (size_t i = 1; i < buckets; i++)
        printf(",from_%lluus", 1ull << (i - 1));
    putchar('\n');
    for (size_t i = 0; i < reply->n_shard; i++) {
        for (size_t s = 0; s < reply->shard[i]->n_timings; s++) {
            const Qingfen__V1__StageTiming *t = reply->shard[i]->timings[s];
            printf("%u,%s,%llu,%llu,%llu,%llu,%llu,%llu", reply->shard[i]->shard, t->stage,
                   (unsigned long long)t->count, (unsigned long long)t->total_ns,
                   (unsigned long long)t->max_ns, (unsigned long long)t->max_cpu_ns,
                   (unsigned long long)t->above_1ms, (unsigned long long)t->above_5ms);
            for (size_t n = 0; n < t->n_histogram; n++)
                printf(",%llu", (unsigned long long)t->histogram[n]);
            putchar('\n');
        }
    }
}

int cmd_status(int argc, char **argv)
{
    struct client_address address = options_address();
    enum format format = FORMAT_TABLE;
    bool timings = false;
    const struct option_spec specs[] = {
        OPTION_TO(&address),
        {"timings", OPTION_FLAG, &timings, NULL, "what the shards' threads took for each stage", 0,
         0},
        OPTION_OUTPUT(&format),
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);

    const Qingfen__V1__StatusGet request = QINGFEN__V1__STATUS_GET__INIT;
    ProtobufCMessage *answer = ask_once("status", &address, 0, &request.base, MESSAGE_STATUS_GET,
                                        &qingfen__v1__status_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__StatusReply *reply = (const Qingfen__V1__StatusReply *)answer;
    status = ask_status("status", reply->code, reply->text);
    if (format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && format == FORMAT_CSV && timings) {
        print_timings_csv(reply);
    } else if (status == EXIT_DONE && format == FORMAT_CSV) {
        print_csv(reply);
    } else if (status == EXIT_DONE) {
        print_engine(reply);
        print_shards(reply);
        for (size_t i = 0; timings && i < reply->n_shard; i++)
            print_timings(reply->shard[i]);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}
