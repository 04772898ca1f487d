/* confirm -- the payee's confirmation (确认): of cells, of single records, taken back, recovered.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/qingfen/commands.h"
#include "tools/qingfen/cycle_csv.h"
#include "tools/qingfen/file_text.h"
#include "tools/qingfen/progress.h"
#include "tools/qingfen/rejects.h"
#include "tools/qingfen/tell.h"
#include "types/ensure.h"
#include "types/wire.h"
#include "util/checksum.h"

#define PAGE_ROWS_NAME "confirm.page_rows"
#define PAGE_ROWS_MAX  1000

/* Confirmations out of a file. */
struct confirms {
    struct record_row *rows; /* Owned. */
    size_t count;
    size_t room;
    uint64_t digest; /* Of the file. */
};

static bool read_rows(const char *command, const char *path, struct bytes text,
                      struct confirms *confirms)
{
    static struct csv_pick pick; /* Large. */
    uint64_t bad = 0;
    enum csv_pick_status status = CSV_PICK_BAD;
    bool is_readable = confirms_begin(&pick, text);
    do {
        struct record_row row;
        if (is_readable) status = confirms_next(&pick, &row);
        if (status == CSV_PICK_BAD && ++bad <= REJECTS_SHOWN) {
            fprintf(stderr, "qingfen %s: %s: line %llu: %s\n", command, path,
                    (unsigned long long)pick.line, pick.text);
        }
        if (status != CSV_PICK_ROW) continue;
        if (confirms->count == confirms->room) {
            confirms->room = confirms->room == 0 ? 1024 : confirms->room * 2;
            confirms->rows = realloc(confirms->rows, confirms->room * sizeof(*confirms->rows));
            NEED_MEMORY(confirms->rows);
        }
        confirms->rows[confirms->count++] = row;
    } while (is_readable && status != CSV_PICK_END);
    if (bad > 0) {
        fprintf(stderr, "qingfen %s: %llu bad lines; nothing was sent\n", command,
                (unsigned long long)bad);
    }
    return bad == 0;
}

static bool read_file(const char *command, const char *path, struct confirms *confirms)
{
    struct bytes text;
    const int r = file_text_read(path, &text);
    if (r != 0) {
        fprintf(stderr, "qingfen %s: %s: %s\n", command, path, strerror(-r));
        return false;
    }
    confirms->digest = checksum_hash64(0, text.data, text.size);
    const bool is_good = read_rows(command, path, text, confirms);
    free((void *)(uintptr_t)text.data);
    return is_good;
}

/* Rows of a page as the engine's setting has it now; 0: why was said. */
static uint32_t ask_page_rows(struct talk *talk)
{
    const Qingfen__V1__SettingList request = QINGFEN__V1__SETTING_LIST__INIT;
    Qingfen__V1__SettingListReply *reply = (Qingfen__V1__SettingListReply *)talk_ask(
        talk, &request.base, MESSAGE_SETTING_LIST, &qingfen__v1__setting_list_reply__descriptor);
    if (reply == NULL) return 0;
    uint32_t rows = 0;
    if (ask_status(talk->command, reply->code, reply->text) == EXIT_DONE) {
        for (size_t i = 0; i < reply->n_settings; i++) {
            const Qingfen__V1__SettingInfo *setting = reply->settings[i];
            if (strcmp(setting->name, PAGE_ROWS_NAME) != 0) continue;
            if (setting->value >= 1 && setting->value <= PAGE_ROWS_MAX) {
                rows = (uint32_t)setting->value;
            }
        }
        if (rows == 0)
            fprintf(stderr, "qingfen %s: no setting %s\n", talk->command, PAGE_ROWS_NAME);
    }
    qingfen__v1__setting_list_reply__free_unpacked(reply, NULL);
    return rows;
}

/* The msgid of a page: the same whenever the same file is sent in pages of the same size for the
 * same month and province, so that it can be sent again as a whole. */
static void page_msgid(const struct confirms *confirms, const Qingfen__V1__ClrConfirm *order,
                       uint32_t page_rows, size_t page, char ret_msgid[MSGID_TEXT_SIZE])
{
    const uint64_t parts[] = {confirms->digest, order->period, order->province, page_rows};
    snprintf(ret_msgid, MSGID_TEXT_SIZE, "C%016llx%013zu",
             (unsigned long long)checksum_hash64(1, parts, sizeof(parts)), page % 1000000000);
}

static Qingfen__V1__OrderReply *send_page(struct talk *talk, const Qingfen__V1__ClrConfirm *order,
                                          char *msgid, const struct record_row *rows, size_t count)
{
    Qingfen__V1__ClrConfirm page = *order;
    Qingfen__V1__ConfirmItem items[PAGE_ROWS_MAX];
    Qingfen__V1__ConfirmItem *pointers[PAGE_ROWS_MAX];
    for (size_t i = 0; i < count; i++) {
        qingfen__v1__confirm_item__init(&items[i]);
        items[i].insu_admdvs = rows[i].insu_admdvs;
        items[i].setl_id = borrowed(rows[i].setl_id);
        items[i].cnfm_flag = rows[i].cnfm_flag;
        items[i].deduct_amt = rows[i].deduct;
        items[i].det_type = rows[i].det_type;
        pointers[i] = &items[i];
    }
    page.msgid = msgid;
    page.n_items = count;
    page.items = pointers;
    return tell_over(talk, &page.base, MESSAGE_CLR_CONFIRM);
}

/* How the pages of a file went. */
struct pages_result {
    size_t pages;
    size_t accepted;
    size_t repeated;
    size_t refused;
};

static void print_result(enum format format, const struct pages_result *result)
{
    const size_t numbers[] = {result->pages, result->accepted, result->repeated, result->refused};
    static const char *const names[] = {"pages", "accepted", "repeated", "refused"};
    if (format == FORMAT_CSV) puts("pages,accepted,repeated,refused");
    for (size_t i = 0; i < 4; i++) {
        if (format == FORMAT_TABLE) printf("%s%s=%zu", i == 0 ? "" : " ", names[i], numbers[i]);
        if (format == FORMAT_CSV) printf("%s%zu", i == 0 ? "" : ",", numbers[i]);
        if (format == FORMAT_JSON) printf("%s\"%s\":%zu", i == 0 ? "{" : ",", names[i], numbers[i]);
    }
    puts(format == FORMAT_JSON ? "}" : "");
}

/* Sends page after page; a refused one does not stop the others. */
static int send_pages(const struct speaker *speaker, const Qingfen__V1__ClrConfirm *order,
                      const struct confirms *confirms)
{
    struct talk talk;
    struct progress progress;
    struct pages_result result = {0};
    if (!talk_open(&talk, speaker->command, &speaker->address, speaker->as)) return EXIT_FAILED;
    const uint32_t page_rows = ask_page_rows(&talk);
    int status = page_rows == 0 ? EXIT_FAILED : EXIT_DONE;

    progress_begin(&progress);
    for (size_t first = 0; status == EXIT_DONE && first < confirms->count; first += page_rows) {
        const size_t left = confirms->count - first;
        const size_t count = left < page_rows ? left : page_rows;
        char msgid[MSGID_TEXT_SIZE];
        page_msgid(confirms, order, page_rows, ++result.pages, msgid);
        progress_show(&progress, first, confirms->count, first);
        Qingfen__V1__OrderReply *reply =
            send_page(&talk, order, msgid, confirms->rows + first, count);
        if (reply == NULL) {
            status = EXIT_FAILED;
            break;
        }
        result.accepted += reply->code == 0 && !reply->dup;
        result.repeated += reply->code == 0 && reply->dup;
        result.refused += reply->code != 0;
        if (reply->code != 0) {
            progress_end(&progress);
            fprintf(stderr, "page %zu, rows %zu to %zu: ", result.pages, first + 1, first + count);
            ask_status(speaker->command, reply->code, reply->text);
        }
        qingfen__v1__order_reply__free_unpacked(reply, NULL);
    }
    progress_end(&progress);
    talk_close(&talk);
    if (page_rows != 0) print_result(speaker->format, &result);
    if (status != EXIT_DONE) {
        fputs("  send the file again: pages that were taken are recognised\n", stderr);
    }
    return status == EXIT_DONE && result.refused == 0 ? EXIT_DONE : EXIT_FAILED;
}

static const struct command_help confirm_help = {
    .usage = "confirm YYYY-MM --as PP [--payer PP] [--line N] [--insutype N] [OPTIONS]\n"
             "       qingfen confirm YYYY-MM --as PP --file FILE.csv [OPTIONS]\n"
             "       qingfen confirm withdraw YYYY-MM --as PP --otransid MSGID [OPTIONS]\n"
             "       qingfen confirm recover --as PP --no NO --insu AREA --setl-id ID\n"
             "                       --amount YUAN --det-type N [OPTIONS]",
    .about =
        "The payee's confirmation (确认). Without a file: the month's cells, all or those named.\n"
        "With --file: single records (3261), in pages of confirm.page_rows rows; columns\n"
        "insu_admdvs, setl_id, cnfm_flag (0 holds the record back, 1 confirms it), and deduct_amt\n"
        "(yuan) with det_type for a deduction (10 审核, 20 稽核, 30 预付金抵扣, 40 预留金暂扣, 99\n"
        "其他). A page is taken or refused as a whole; a file may be sent again, pages that were\n"
        "taken are recognised. 'confirm withdraw --help' and 'confirm recover --help' say more.\n",
    .examples = "  qingfen confirm 2025-03 --as 31\n"
                "  qingfen confirm 2025-03 --as 31 --payer 34 --line 1 --insutype 310\n"
                "  qingfen confirm 2025-03 --as 31 --file held.csv\n",
};

static int confirm(int argc, char **argv)
{
    struct speaker speaker = speaker_new("confirm");
    uint32_t payer = 0;
    uint64_t line = 0;
    uint64_t insutype = 0;
    uint32_t period;
    const char *file = NULL;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"payer", OPTION_PROVINCE, &payer, "PP", "only cells of this payer", 0, 0},
        {"line", OPTION_NUMBER, &line, "N", "only of this line: 1 inpatient, 2 outpatient …", 1,
         99},
        {"insutype", OPTION_NUMBER, &insutype, "N", "only of this class: 310, 390, 340, 999", 1,
         999},
        {"file", OPTION_TEXT, &file, "FILE", "confirm or hold single records ('-' is stdin)", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    int status = options_read(argc, argv, &confirm_help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(&confirm_help, "one month is needed, such as 2025-03");
    }
    if ((speaker.as != 0) == (speaker.province != 0)) {
        return options_refuse(&confirm_help,
                              "who confirms? --as PP, or for the centre --province PP");
    }
    Qingfen__V1__ClrConfirm order = QINGFEN__V1__CLR_CONFIRM__INIT;
    order.province = speaker.as != 0 ? speaker.as : speaker.province;
    order.period = period;
    if (file == NULL) {
        order.payer = payer;
        order.line = (uint32_t)line;
        order.insutype = (uint32_t)insutype;
        return tell(&speaker, &order.base, MESSAGE_CLR_CONFIRM);
    }
    if (payer != 0 || line != 0 || insutype != 0 || speaker.msgid != NULL) {
        return options_refuse(&confirm_help,
                              "--payer, --line, --insutype and --msgid do not go with --file");
    }
    struct confirms confirms = {0};
    if (!read_file("confirm", file, &confirms)) {
        status = EXIT_USAGE;
    } else {
        status = send_pages(&speaker, &order, &confirms);
    }
    free(confirms.rows);
    return status;
}

static int confirm_withdraw(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "confirm withdraw",
        .usage = "confirm withdraw YYYY-MM --as PP --otransid MSGID [OPTIONS]",
        .about = "Takes a confirmation back (3262), before the cut. MSGID is that of the\n"
                 "confirmation: give confirmations a --msgid of your own to have it at hand.\n",
        .examples = "  qingfen confirm withdraw 2025-03 --as 31 --otransid CONF-31-202503\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t period;
    const char *otransid = NULL;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"otransid", OPTION_TEXT, &otransid, "MSGID", "of the confirmation", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(&help, "one month is needed, such as 2025-03");
    }
    if (otransid == NULL) return options_refuse(&help, "--otransid is needed");
    Qingfen__V1__ClrWithdraw order = QINGFEN__V1__CLR_WITHDRAW__INIT;
    order.province = speaker.province;
    order.period = period;
    order.otransid = borrowed(otransid);
    return tell(&speaker, &order.base, MESSAGE_CLR_WITHDRAW);
}

static int confirm_recover(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "confirm recover",
        .usage = "confirm recover --as PP --no NO --insu AREA --setl-id ID --amount YUAN\n"
                 "                               --det-type N [OPTIONS]",
        .about = "A violation found after clearing (违规扣款): the amount reduces the pair's next\n"
                 "batch. Kinds: 10 审核, 20 稽核, 30 预付金抵扣, 40 预留金暂扣, 99 其他.\n",
        .examples = "  qingfen confirm recover --as 31 --no R2025-3 --insu 340100 --setl-id S17 "
                    "--amount 320 --det-type 20\n",
    };
    struct speaker speaker = speaker_new(help.name);
    const char *number = NULL;
    uint32_t area = 0;
    const char *setl_id = NULL;
    int64_t amount = 0;
    uint64_t det_type = 0;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"no", OPTION_TEXT, &number, "NO", "number of the recovery, at most 30 characters", 0, 0},
        {"insu", OPTION_AREA, &area, "AREA", "insured area of the record, six digits", 0, 0},
        {"setl-id", OPTION_TEXT, &setl_id, "ID", "of the record", 0, 0},
        {"amount", OPTION_YUAN, &amount, "YUAN", "what the payer gets back", 0, 0},
        {"det-type", OPTION_NUMBER, &det_type, "N", "10, 20, 30, 40 or 99", 1, 99},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (number == NULL || area == 0 || setl_id == NULL || amount == 0 || det_type == 0) {
        return options_refuse(&help, "--no, --insu, --setl-id, --amount and --det-type are needed");
    }
    Qingfen__V1__Recovery order = QINGFEN__V1__RECOVERY__INIT;
    order.province = speaker.province;
    order.recovery_no = borrowed(number);
    order.insu_admdvs = area;
    order.setl_id = borrowed(setl_id);
    order.amount = amount;
    order.det_type = (uint32_t)det_type;
    return tell(&speaker, &order.base, MESSAGE_RECOVERY);
}

int cmd_confirm(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"withdraw", confirm_withdraw, "take a confirmation back"},
        {"recover", confirm_recover, "a violation found after clearing"},
        {NULL, NULL, NULL},
    };
    const struct verb *verb = verbs_find(argc, argv, verbs);
    return verb == NULL ? confirm(argc, argv) : verb->run(argc - 1, argv + 1);
}
