/* R15: the library takes no signal of the program's: dispositions, mask and alternate stack are as without it, a fault
 * ends the program by the same signal, and a handler that mends the fault lets it go on. */
#define _GNU_SOURCE
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* sigset */
#include "check.h"
#include "sites.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static void handler(int signal) { (void)signal; caught++; fail_at(9); }

static int same(const struct sigaction *one, const struct sigaction *other)
{
    return one->sa_handler == other->sa_handler && one->sa_flags == other->sa_flags &&
           memcmp(&one->sa_mask, &other->sa_mask, 8) == 0;
}

/* Everything that sets and asks for dispositions says of the signal of a fault what it says of another one. */
static void dispositions(int fault, int other)
{
    int signals[2] = {fault, other};
    struct sigaction before[2], after[2];
    for (int step = 0; step < 8; step++) {
        void (*old[2])(int);
        memset(before, 0, sizeof before);
        memset(after, 0, sizeof after);
        for (int i = 0; i < 2; i++) {
            struct sigaction action = {.sa_handler = step % 2 == 0 ? SIG_DFL : handler};
            sigemptyset(&action.sa_mask);
            sigaddset(&action.sa_mask, SIGUSR1);
            old[i] = SIG_ERR;
            if (step < 2) {
                action.sa_flags = SA_RESTART;
                CHECK(sigaction(signals[i], &action, &before[i]) == 0, "%s", strerror(errno));
            } else if (step == 2) {
                before[i] = action; /* one structure for both */
                struct sigaction *volatile both = &before[i];
                CHECK(sigaction(signals[i], both, both) == 0, "%s", strerror(errno));
            } else if (step < 5) {
                old[i] = signal(signals[i], action.sa_handler);
            } else if (step < 7) {
                old[i] = sysv_signal(signals[i], action.sa_handler);
            } else {
                old[i] = sigset(signals[i], action.sa_handler);
            }
            CHECK(sigaction(signals[i], NULL, &after[i]) == 0, "%s", strerror(errno));
        }
        CHECK(old[0] == old[1], "step %d, signal %d", step, fault);
        if (step < 3)
            CHECK(same(&before[0], &before[1]), "step %d, signal %d", step, fault);
        CHECK(same(&after[0], &after[1]) || step >= 3, "step %d, signal %d", step, fault);
        CHECK(after[0].sa_handler == after[1].sa_handler, "step %d, signal %d", step, fault);
    }
    CHECK(signal(fault, SIG_DFL) == handler && signal(fault, SIG_DFL) == SIG_DFL, "signal %d", fault);
    CHECK(sigaction(fault, (void *)0, NULL) == 0, "%s", strerror(errno));
    CHECK(signal(fault, SIG_ERR) == SIG_ERR || signal(fault, SIG_DFL) != SIG_ERR, "signal %d", fault);
}

static char *wall, *page;
static int fd;

/* Makes room for an access that was refused. */
static void mend(int signal, siginfo_t *info, void *context)
{
    (void)context;
    caught++;
    char *at = info->si_addr;
    if (signal == SIGSEGV && at >= wall && at < wall + 4096)
        mprotect(wall, 4096, PROT_READ | PROT_WRITE);
    else if (signal != SIGBUS || at < page || at >= page + 4096 || ftruncate(fd, 4096) != 0)
        _exit(3);
}

static void mending(void)
{
    struct sigaction action = {.sa_sigaction = mend, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    wall = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(wall != MAP_FAILED && page != MAP_FAILED, "%s", strerror(errno));
    caught = 0;
    unsigned long before = findings(2);
    *(volatile char *)wall = 1;
    *(volatile char *)page = 1;
    CHECK(caught == 2 && findings(2) == before, "%d faults mended, %lu findings", (int)caught, findings(2));
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
}

/* A signal that was sent ends a thread's wait with another mask, too. */
static void while_suspended(void)
{
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        sigset_t blocked, empty;
        sigemptyset(&empty);
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGSEGV);
        sigprocmask(SIG_BLOCK, &blocked, NULL);
        raise(SIGSEGV);
        sigsuspend(&empty);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x", status);
}

int main(void)
{
    for (int round = 0; round < 2; round++) {
        for (int signal = 1; signal < 32; signal++) {
            struct sigaction action;
            if (sigaction(signal, NULL, &action) == 0)
                CHECK(action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN, "signal %d has a handler", signal);
        }
        sigset_t mask;
        sigprocmask(SIG_BLOCK, NULL, &mask);
        for (int signal = 1; signal < 32; signal++)
            CHECK(!sigismember(&mask, signal), "signal %d is blocked", signal);
        stack_t stack;
        sigaltstack(NULL, &stack);
        CHECK(stack.ss_flags == SS_DISABLE, "there is an alternate stack");
        fail_at(round); /* the same after a report */
    }
    dispositions(SIGSEGV, SIGUSR2);
    dispositions(SIGBUS, SIGVTALRM);
    mending();
    while_suspended();
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND};
    sigaction(SIGUSR1, &action, NULL);
    caught = 0;
    raise(SIGUSR1);
    CHECK(caught == 1, "the program's handler ran %d times", (int)caught);
    int fatal[] = {SIGSEGV, SIGBUS, SIGABRT};
    for (unsigned i = 0; i < sizeof fatal / sizeof *fatal; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct rlimit none = {0, 0};
            setrlimit(RLIMIT_CORE, &none);
            if (fatal[i] == SIGSEGV)
                *(volatile int *)8 = 1;
            raise(fatal[i]);
            _exit(0);
        }
        int status;
        CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == fatal[i],
              "status %#x for signal %d", status, fatal[i]);
    }
    return 0;
}
