#include "world/linux/read_fault.h"

#include <signal.h>
#include <unistd.h>

#include "types/ensure.h"
#include "world/linux/journal_view.h"
#include "world/linux/read_try.h"

/* A sentence put together without anything that a handler may not call. */
struct sentence {
    char text[512];
    size_t size;
};

static void say(struct sentence *sentence, const char *words)
{
    while (*words != '\0' && sentence->size < sizeof sentence->text)
        sentence->text[sentence->size++] = *words++;
}

/* With zeros in front up to so many digits. */
static void say_number(struct sentence *sentence, uint64_t number, size_t digits)
{
    char text[21];
    size_t at = sizeof text - 1;
    text[at] = '\0';
    do {
        text[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (sizeof text - 1 - at < digits)
        text[--at] = '0';
    say(sentence, text + at);
}

static void say_where(struct sentence *sentence, const siginfo_t *info)
{
    uint32_t shard;
    uint32_t segment;
    uint64_t offset;
    if (info->si_code != BUS_ADRERR) {
        say(sentence, "memory has failed (SIGBUS)");
    } else if (journal_view_find(info->si_addr, &shard, &segment, &offset)) {
        say(sentence, "shard ");
        say_number(sentence, shard, 1);
        say(sentence, ": journal segment ");
        say_number(sentence, segment, 8);
        say(sentence, ".qfj cannot be read at offset ");
        say_number(sentence, offset, 1);
    } else {
        say(sentence, "the state of a shard cannot be read");
    }
    if (info->si_code == BUS_ADRERR)
        say(sentence, ": its disk gives an error, or it was cut short");
}

static void on_bus_error(int signal, siginfo_t *info, void *context)
{
    struct sentence sentence = {.size = 0};
    (void)signal;
    (void)context;
    if (info->si_code == BUS_ADRERR) read_try_failed(info->si_addr);
    say(&sentence, "qingfend: ");
    say_where(&sentence, info);
    say(&sentence, "; stopping\n");
    const ssize_t written = write(STDERR_FILENO, sentence.text, sentence.size);
    (void)written;
    _exit(1);
}

void read_fault_watch(void)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    ENSURE(sigaction(SIGBUS, &action, NULL) == 0);
}
