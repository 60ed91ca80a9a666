/* R15: the library takes no signal of the program's: dispositions, mask and alternate stack are as without it, and a
 * fault ends the program by the same signal. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static void handler(int signal) { (void)signal; caught++; fail_at(9); }

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
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESETHAND};
    sigaction(SIGUSR1, &action, NULL);
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
