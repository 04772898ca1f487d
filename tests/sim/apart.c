#include "tests/sim/apart.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "types/ensure.h"

/* The first line with a word in it; sanitizers begin with a rule of "=". */
static void read_words(FILE *from, char *out, size_t room)
{
    rewind(from);
    while (fgets(out, (int)room, from) != NULL) {
        out[strcspn(out, "\n")] = '\0';
        if (out[0] != '\0' && strspn(out, "=") != strlen(out)) return;
    }
    out[0] = '\0';
}

static void live_here(const struct sim_plan *plan, uint32_t seconds, FILE *words,
                      struct sim_outcome *outcome)
{
    const struct rlimit limit = {seconds, seconds + 1};
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CPU, &limit);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)dup2(fileno(words), STDERR_FILENO);
    sim_live(plan, outcome);
    _exit(EXIT_SUCCESS);
}

static void describe_end(int status, FILE *words, struct sim_outcome *outcome)
{
    char text[FINDING_SIZE - 64];
    read_words(words, text, sizeof text);
    outcome->failed = true;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) {
        snprintf(outcome->what, sizeof outcome->what, "the history does not end");
    } else if (text[0] != '\0') {
        snprintf(outcome->what, sizeof outcome->what, "the process died: %s", text);
    } else {
        snprintf(outcome->what, sizeof outcome->what, "the process died without a word");
    }
}

void sim_live_apart(const struct sim_plan *plan, uint32_t seconds, struct sim_outcome *ret_outcome)
{
    struct sim_outcome *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    FILE *words = tmpfile();
    int status;
    ENSURE(shared != MAP_FAILED && words != NULL);
    fflush(NULL);
    const pid_t child = fork();
    ENSURE(child >= 0);
    if (child == 0) live_here(plan, seconds, words, shared);
    while (waitpid(child, &status, 0) < 0)
        ENSURE(errno == EINTR);
    *ret_outcome = *shared;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS)
        describe_end(status, words, ret_outcome);
    fclose(words);
    munmap(shared, sizeof *shared);
}
