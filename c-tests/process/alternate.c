/* What a program sees of alternate signal stacks, and of handlers that are to run on them: printed, to be the same with the
 * library and without. */
#define _GNU_SOURCE
#pragma GCC diagnostic ignored "-Wdeprecated-declarations" /* siginterrupt */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#define SIZE 65536

static char own[SIZE], other[SIZE], again[SIZE];

static const char *name_of(const void *start)
{
    return start == NULL ? "none" : start == own ? "own" : start == other ? "other" : start == again ? "again" : "unknown";
}

static void show(const char *when)
{
    stack_t told;
    memset(&told, 0x55, sizeof told);
    int status = sigaltstack(NULL, &told);
    printf("%s: %d, %s, %#x, %zu\n", when, status, name_of(told.ss_sp), (unsigned)told.ss_flags, told.ss_size);
}

static void set(const char *what, void *start, size_t size, int flags)
{
    stack_t wanted = {.ss_sp = start, .ss_size = size, .ss_flags = flags}, before;
    memset(&before, 0x55, sizeof before);
    errno = 0;
    int status = sigaltstack(&wanted, &before);
    printf("%s: %d, %s", what, status, strerror(errno));
    if (status == 0)
        printf(", before %s, %#x, %zu", name_of(before.ss_sp), (unsigned)before.ss_flags, before.ss_size);
    printf("\n");
}

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static void states(void)
{
    show("at first");
    set("too small", own, 16, 0);
    set("bad flags", own, SIZE, 0x40);
    show("after refusals");
    set("own", own, SIZE, 0);
    show("own");
    set("other, disarming", other, SIZE, (int)SS_AUTODISARM);
    show("other");
    set("on", own, SIZE, SS_ONSTACK);
    show("on");
    set("disabled", own, SIZE, SS_DISABLE);
    show("disabled");
    set("disabled again", NULL, 0, SS_DISABLE);
    show("disabled again");
    set("disabled, disarming", NULL, 0, SS_DISABLE | (int)SS_AUTODISARM);
    show("disabled, disarming");
    set("disabled", NULL, 0, SS_DISABLE);
    /* One structure for both, and addresses that are none. */
    stack_t both = {.ss_sp = own, .ss_size = SIZE};
    stack_t *volatile same = &both;
    int status = sigaltstack(same, same);
    printf("both: %d, %s\n", status, name_of(both.ss_sp));
    printf("bad new: %d, %d\n", sigaltstack((stack_t *)8, NULL), errno == EFAULT);
    stack_t wanted = {.ss_sp = again, .ss_size = SIZE};
    printf("bad old: %d, %d\n", sigaltstack(&wanted, (stack_t *)8), errno == EFAULT);
    show("bad old");
    set("disabled", NULL, 0, SS_DISABLE);
}

/* Which stack a handler is on. */
static uintptr_t main_low, main_high;

static const char *where(const void *at)
{
    uintptr_t address = (uintptr_t)at;
    if (address >= (uintptr_t)own && address < (uintptr_t)own + SIZE)
        return "own";
    if (address >= main_low && address < main_high)
        return "the thread's";
    return "another";
}

static volatile sig_atomic_t nested;
static sigjmp_buf out;
static volatile double sums[4];

static void handler(int signal, siginfo_t *info, void *context)
{
    char here = 0;
    (void)context;
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    printf("handler: %d, on %s stack, code %d, value %d, aligned %d, blocked %d %d\n", signal, where(&here),
           info->si_code, info->si_code == SI_QUEUE ? info->si_value.sival_int : 0,
           ((uintptr_t)__builtin_frame_address(0) & 15) == 0, sigismember(&mask, SIGUSR1), sigismember(&mask, SIGUSR2));
    show("in the handler");
    sums[0] = sums[1] * 1.5;
    if (nested) {
        nested = 0;
        raise(SIGUSR2);
    }
}

static void plain(int signal)
{
    char here = 0;
    printf("plain: %d, on %s stack\n", signal, where(&here));
}

static void leave(int signal)
{
    (void)signal;
    siglongjmp(out, 1);
}

static void told(const char *when, int signal)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    sigaction(signal, NULL, &action);
    const char *which = action.sa_handler == SIG_DFL                                  ? "default"
                        : action.sa_handler == SIG_IGN                                ? "ignored"
                        : (void *)action.sa_sigaction == (void *)handler              ? "handler"
                        : action.sa_handler == plain                                  ? "plain"
                        : action.sa_handler == leave                                  ? "leave"
                                                                                      : "unknown";
    printf("%s: %s, %#x, %d\n", when, which, (unsigned)action.sa_flags & ~0x04000000u,
           sigismember(&action.sa_mask, SIGUSR2));
}

static void install(int signal, void (*function)(int), int flags)
{
    struct sigaction action = {.sa_handler = function, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    if (function == NULL) {
        action.sa_sigaction = handler;
        sigaddset(&action.sa_mask, SIGUSR2);
    }
    printf("install: %d\n", sigaction(signal, &action, NULL));
}

static void handlers(void)
{
    char here = 0;
    main_low = (uintptr_t)&here - SIZE, main_high = (uintptr_t)&here + 4096;
    install(SIGUSR1, NULL, SA_ONSTACK | SA_SIGINFO);
    install(SIGUSR2, plain, SA_ONSTACK);
    told("usr1", SIGUSR1);
    told("usr2", SIGUSR2);
    sums[1] = 3;
    double kept = sums[1] / 7;
    raise(SIGUSR1);
    printf("kept %d\n", kept == 3.0 / 7);
    pthread_sigqueue(pthread_self(), SIGUSR1, (union sigval){.sival_int = 42});
    raise(SIGUSR2);
    nested = 1;
    raise(SIGUSR1);
    /* Used up by the first one. */
    install(SIGUSR2, plain, SA_ONSTACK | (int)SA_RESETHAND);
    raise(SIGUSR2);
    told("used up", SIGUSR2);
    /* Waited for with another mask. */
    sigset_t usr1, before, after;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, &before);
    raise(SIGUSR1);
    sigset_t open = before;
    sigdelset(&open, SIGUSR1);
    printf("sigsuspend: %d\n", sigsuspend(&open) == -1 && errno == EINTR);
    pthread_sigmask(SIG_SETMASK, &before, &after);
    printf("blocked after it: %d\n", sigismember(&after, SIGUSR1));
    /* Left by a jump, twice. */
    install(SIGUSR2, leave, SA_ONSTACK | SA_NODEFER);
    for (volatile int i = 0; i < 2; i++) {
        if (sigsetjmp(out, 1) == 0)
            raise(SIGUSR2);
        else
            show("after the jump");
    }
    /* Set and replaced by the others that tell what was there. */
    install(SIGUSR2, plain, SA_ONSTACK);
    siginterrupt(SIGUSR2, 0);
    told("siginterrupt", SIGUSR2);
    printf("signal: %d\n", signal(SIGUSR2, SIG_IGN) == plain);
    told("ignored", SIGUSR2);
    printf("refused: %d\n", sigaction(SIGKILL, &(struct sigaction){.sa_handler = plain, .sa_flags = SA_ONSTACK}, NULL));
    /* On a stack of the program's own. */
    install(SIGUSR1, NULL, SA_ONSTACK | SA_SIGINFO);
    set("own", own, SIZE, 0);
    raise(SIGUSR1);
    set("disabled", NULL, 0, SS_DISABLE);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_DFL);
}

static void *thread(void *name)
{
    printf("-- %s\n", (const char *)name);
    states();
    handlers();
    return NULL;
}

static void *child_of_thread(void *unused)
{
    (void)unused;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        printf("-- child of a thread\n");
        show("inherited");
        handlers();
        pthread_t more;
        if (pthread_create(&more, NULL, thread, "thread of a child") != 0)
            _exit(3);
        pthread_join(more, NULL);
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("child: %#x\n", (unsigned)status);
    return NULL;
}

static int c11(void *ends)
{
    show("in a thread of thrd_create");
    if (ends != NULL)
        thrd_exit(-7);
    return 42;
}

static void c11_threads(void)
{
    for (int ends = 0; ends < 2; ends++) {
        thrd_t created;
        int result = 0;
        if (thrd_create(&created, c11, ends ? (void *)"" : NULL) != thrd_success || thrd_join(created, &result) != thrd_success)
            exit(3);
        printf("thrd_join: %d\n", result);
    }
}

static pthread_barrier_t all;

static void *one_of_many(void *unused)
{
    stack_t now;
    int status = sigaltstack(NULL, &now);
    pthread_barrier_wait(&all);
    return (void *)(intptr_t)(status == 0 && now.ss_sp == NULL && now.ss_flags == SS_DISABLE && unused == NULL);
}

int main(void)
{
    states();
    /* Many at once, in rounds, so that places are used again. */
    enum { MANY = 200 };
    for (int round = 0; round < 3; round++) {
        pthread_t threads[MANY];
        pthread_barrier_init(&all, NULL, MANY);
        int good = 0;
        for (int i = 0; i < MANY; i++)
            if (pthread_create(&threads[i], NULL, one_of_many, NULL) != 0)
                return 3;
        for (int i = 0; i < MANY; i++) {
            void *result;
            pthread_join(threads[i], &result);
            good += result != NULL;
        }
        printf("many: %d\n", good);
        pthread_barrier_destroy(&all);
    }
    c11_threads();
    thread("main");
    pthread_t more;
    if (pthread_create(&more, NULL, thread, "thread") != 0)
        return 3;
    pthread_join(more, NULL);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        thread("child");
        fflush(stdout);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    printf("child: %#x\n", (unsigned)status);
    if (pthread_create(&more, NULL, child_of_thread, NULL) != 0)
        return 3;
    pthread_join(more, NULL);
    return 0;
}
