/* init -- makes a store: its folder, its identity, its code tables. */
#include <stdio.h>
#include <time.h>

#include "deploy/embedded_tables.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "world/linux/layout.h"

static const struct command_help help = {
    .usage = "init --data DIR [--shards N]",
    .about =
        "Makes a store in DIR, which must not exist or be empty. The number of shards is fixed\n"
        "for the life of the store: one for each core that is to work on it. The code tables\n"
        "(provinces, areas, insurance types, settings, ...) are put into DIR/tables; edit them\n"
        "there before the engine starts, they are checked at every start.\n",
    .examples = "  qingfen init --data /var/lib/qingfen --shards 2\n",
};

#define FILES_MAX 16

int cmd_init(int argc, char **argv)
{
    const char *data = NULL;
    uint64_t shards = 1;
    int words;
    const struct option_spec specs[] = {
        {"data", OPTION_TEXT, &data, "DIR", "where to make the store", 0, 0},
        {"shards", OPTION_NUMBER, &shards, "N", "shards, 1..64 (default 1)", 1, LAYOUT_SHARDS_MAX},
        {0},
    };
    const int said = options_read(argc, argv, &help, specs, &words);
    if (said != OPTIONS_GO) return said;
    if (words != 0) return options_refuse(&help, "init takes no word '%s'", argv[0]);
    if (data == NULL) return options_refuse(&help, "--data is missing");

    struct layout_file files[FILES_MAX];
    struct problem problem;
    for (size_t i = 0; i < embedded_table_count && i < FILES_MAX; i++) {
        files[i].name = embedded_tables[i].name;
        files[i].text = (struct bytes){embedded_tables[i].data, embedded_tables[i].size};
    }
    const int r = layout_create(data, (uint32_t)shards, (int64_t)time(NULL) * 1000, files,
                                embedded_table_count, &problem);
    if (r != 0) {
        fprintf(stderr, "qingfen init: %s\n", problem.text);
        return EXIT_FAILED;
    }
    printf("made a store of %u shard%s in %s\n", (unsigned)shards, shards == 1 ? "" : "s", data);
    return EXIT_DONE;
}
