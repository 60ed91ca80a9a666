/* R28: a thread's own control block is gone: told before, and the program dies with the signal, code and address that it
 * would have had without the library. Each way is run without the library first. */
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long pointer(void)
{
    unsigned long own;
#ifdef __x86_64__
    __asm__("mov %%fs:0, %0" : "=r"(own));
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(own));
#endif
    return own;
}

static int way;

/* Takes the page of the block away; what libc does next needs it. Where the block was is told first. */
static void *take(void *unused)
{
    (void)unused;
    unsigned long own = pointer();
    char *page = (char *)(own & ~4095ul);
    if (write(3, &own, sizeof own) != sizeof own)
        _exit(2);
    if (way & 2)
        mmap(page, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    else
        munmap(page, 4096);
    write(1, "", 0);
    _exit(3);
}

/* In the main thread, or in another; with an alternate stack, or without. */
static _Noreturn void covered(int which)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    way = which;
    if (which & 4) {
        stack_t other = {.ss_sp = malloc(SIGSTKSZ * 4), .ss_size = SIGSTKSZ * 4};
        sigaltstack(&other, NULL);
    }
    if (!(which & 1))
        take(NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, take, NULL);
    /* Not pthread_join, which reads the block itself: either thread might fault first. */
    for (;;)
        pause();
}

struct end {
    int status, stops, signal, code;
    long distance; /* from the block */
};

static struct end run(char *self, int which, const char *preload)
{
    int ends[2];
    CHECK(pipe(ends) == 0, "%s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 3);
        setenv("MAPSAN_OPTIONS", "log_path=/dev/null", 1);
        /* Else the kernel itself writes to the block when the thread has lost its processor, and ends it for that. */
        setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
        if (preload != NULL)
            setenv("LD_PRELOAD", preload, 1);
        else
            unsetenv("LD_PRELOAD");
        ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        char number[2] = {(char)('0' + which), '\0'};
        execl("/proc/self/exe", self, number, (char *)NULL);
        _exit(127);
    }
    struct end end = {0};
    siginfo_t info = {0};
    int is_first = 1;
    for (;;) {
        pid_t who = waitpid(-1, &end.status, __WALL);
        CHECK(who > 0, "%s", strerror(errno));
        if (!WIFSTOPPED(end.status)) {
            if (who == child)
                break;
            continue;
        }
        if (is_first)
            ptrace(PTRACE_SETOPTIONS, who, NULL, (void *)PTRACE_O_TRACECLONE);
        is_first = 0;
        int signal = WSTOPSIG(end.status);
        if (signal == SIGSEGV || signal == SIGBUS) {
            end.stops++;
            ptrace(PTRACE_GETSIGINFO, who, NULL, &info);
        } else {
            signal = 0;
        }
        ptrace(PTRACE_CONT, who, NULL, (void *)(long)signal);
    }
    unsigned long own = 0;
    CHECK(read(ends[0], &own, sizeof own) == sizeof own, "the block was not told");
    close(ends[0]), close(ends[1]);
    end.signal = info.si_signo, end.code = info.si_code;
    end.distance = (long)((unsigned long)info.si_addr - own);
    return end;
}

int main(int count, char **arguments)
{
    if (count > 1)
        covered(arguments[1][0] - '0');
    alarm(50);
    const char *library = getenv("LD_PRELOAD");
    CHECK(library != NULL, "it takes the library preloaded");
    char path[4096];
    snprintf(path, sizeof path, "%s", library);
    for (int which = 0; which < 8; which++) {
        struct end raw = run(arguments[0], which, NULL), with = run(arguments[0], which, path);
        CHECK(WIFSIGNALED(raw.status), "without the library: status %#x", raw.status);
        CHECK(with.status == raw.status, "way %d: status %#x, not %#x", which, with.status, raw.status);
        CHECK(with.signal == raw.signal && with.code == raw.code, "way %d: signal %d, code %d, not %d, %d", which,
              with.signal, with.code, raw.signal, raw.code);
        CHECK(with.distance == raw.distance, "way %d: at %ld, not %ld", which, with.distance, raw.distance);
        CHECK(with.stops <= 2, "way %d: %d signals", which, with.stops);
    }
    return 0;
}
