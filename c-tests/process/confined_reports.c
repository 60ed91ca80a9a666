/* Reports beside and inside sandboxes: a pipe that nobody reads, and a filter that comes while a report is being written. The
 * program starts itself anew, with such a pipe as standard error, to which findings go. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOAD BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LENGTH(array) (sizeof array / sizeof *array)
#define MUST(condition) do { if (!(condition)) _exit(__LINE__ % 125 + 1); } while (0)

/* A report to a pipe without a reader, where SIGPIPE can't be held back. */
static void without_a_reader(void)
{
    struct sock_filter filter[] = {
        LOAD, ALLOW(SYS_mmap), ALLOW(SYS_munmap), ALLOW(SYS_write), ALLOW(SYS_fstat), ALLOW(SYS_statx), ALLOW(SYS_close),
        ALLOW(SYS_ppoll), ALLOW(SYS_rt_sigreturn), ALLOW(SYS_exit_group), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {LENGTH(filter), filter};
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
    MUST(munmap((void *)1, 4096) == -1 && errno == EINVAL);
}

/* The same, where all is let through but what takes a signal away again. */
static void without_a_reader_or_sigtimedwait(void)
{
    struct sock_filter filter[] = {
        LOAD, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigtimedwait, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {LENGTH(filter), filter};
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
    MUST(munmap((void *)1, 4096) == -1 && errno == EINVAL);
}

static volatile sig_atomic_t caught;
static atomic_bool reporting;

static void handler(int signal) { caught = signal; }

static void *confine(void *unused)
{
    struct sock_filter filter[] = {LOAD, ALLOW(SYS_pause), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
    struct sock_fprog program = {LENGTH(filter), filter};
    while (!reporting)
        ;
    usleep(100000);
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
    for (;;)
        pause();
    return unused;
}

/* Another thread confines itself while this one waits for the reader of its report: signals reach it afterwards. */
static void beside_a_report(void)
{
    sigset_t mask;
    pthread_t thread;
    MUST(signal(SIGUSR1, handler) != SIG_ERR);
    MUST(pthread_create(&thread, NULL, confine, NULL) == 0);
    reporting = true;
    MUST(munmap((void *)1, 4096) == -1 && errno == EINVAL);
    usleep(300000);
    MUST(pthread_sigmask(SIG_SETMASK, NULL, &mask) == 0 && !sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGTERM));
    MUST(raise(SIGUSR1) == 0 && caught == SIGUSR1);
}

static const struct { const char *name; void (*go)(void); bool reader; } ways[] = {
    {"without a reader", without_a_reader, false},
    {"without a reader or rt_sigtimedwait", without_a_reader_or_sigtimedwait, false},
    {"beside a report", beside_a_report, true},
};

int main(int words, char **word)
{
    alarm(20);
    if (words == 2) {
        int way = atoi(word[1]);
        MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
        ways[way].go();
        _exit(0);
    }
    int failed = 0;
    for (size_t i = 0; i < LENGTH(ways); i++) {
        int ends[2];
        CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "%s", strerror(errno));
        while (write(ends[1], "", 1) == 1)
            ;
        CHECK(fcntl(ends[1], F_SETFL, 0) == 0, "%s", strerror(errno));
        pid_t pid = fork();
        CHECK(pid != -1, "%s", strerror(errno));
        if (pid == 0) {
            char way[] = {(char)('0' + i), 0};
            unsetenv("MAPSAN_OPTIONS");
            dup2(ends[1], 2);
            execl("/proc/self/exe", word[0], way, NULL);
            _exit(124);
        }
        close(ends[1]);
        if (!ways[i].reader)
            close(ends[0]);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid, "%s", strerror(errno));
        if (status != 0) {
            printf("%s: status %#x\n", ways[i].name, status);
            failed = 1;
        }
        if (ways[i].reader)
            close(ends[0]);
    }
    return failed;
}
