/* Blocks all signals that are ignored by default but SIGCHLD, which it handles: each that it gets is of a child that has ended. */
#include "race.h"

static volatile sig_atomic_t ended, others;

static void handle(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    if (info->si_code == CLD_EXITED)
        ended++;
    else
        others++;
}

int main(void)
{
    volatile long *count = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(count != MAP_FAILED);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGURG);
    sigaddset(&blocked, SIGWINCH);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0);
    double end = now() + 3;
    pid_t counts = fork();
    CHECK(counts >= 0);
    while (counts == 0) {
        for (int i = 0; i < 1000; i++)
            ++*count;
        if (now() > end)
            _exit(0);
    }
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
    int started = 0;
    while (now() < end - 0.5) {
        for (int i = 0; i < 100000; i++)
            ++*count;
        /* What it ends with is no descriptor, even where it looks like one. */
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0)
            _exit(++started % 64);
        started++;
        CHECK(waitpid(child, NULL, 0) == child);
    }
    printf("%d children, SIGCHLD of %d, %d others\n", started, (int)ended, (int)others);
    CHECK(waitpid(counts, NULL, 0) == counts);
    return ended >= started && others == 0 ? 0 : 1;
}
