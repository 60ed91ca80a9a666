/* R6, R7: children of fork, _Fork, raw clone and vfork, made while other threads are inside reports. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int stop;

static void *report(void *first)
{
    for (int site = (int)(long)first; !stop; site = (site + 1) % 192)
        fail_at(site);
    return NULL;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* What a child does: a call that works, and a mistake at a site that is new in this process. */
static void child(int number)
{
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(page == MAP_FAILED || munmap(page, 4096) != 0 || !fail_at(192 + number % 64));
}

static void await(pid_t pid, const char *kind)
{
    int status;
    CHECK(pid > 0, "%s: %s", kind, strerror(errno));
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: status %#x", kind,
          status);
}

int main(void)
{
    pthread_t threads[2];
    alarm(55);
    for (long i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, report, (void *)(i * 96)) == 0, "no thread");
    double start = seconds();
    for (int i = 0; i < 200; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (findings(2) != 0)
                _exit(2); /* a child counts its own */
            child(i);
        }
        await(pid, "fork");
    }
    CHECK(seconds() - start < 20, "200 forks took %.1f s", seconds() - start);
    for (int i = 0; i < 20; i++) {
        pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (pid == 0)
            child(i);
        await(pid, "raw clone");
        if ((pid = vfork()) == 0)
            _exit(!fail_at(200));
        await(pid, "vfork");
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
