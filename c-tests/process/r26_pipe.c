/* R26: findings go to a pipe whose reader is gone, to a full pipe, and to a closed descriptor. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The part under test, started anew with standard error as it was prepared. */
static int covered(void)
{
    for (int site = 0; site < 3; site++) {
        errno = 0;
        CHECK(fail_at(site) && errno == EINVAL, "errno %d", errno);
    }
    sigset_t pending;
    sigpending(&pending);
    CHECK(!sigismember(&pending, SIGPIPE), "a SIGPIPE was left behind");
    CHECK(findings(2) == 3, "%lu errors", findings(2));
    return 42;
}

enum kind { GONE, FULL_NONBLOCKING, FULL_BLOCKING, CLOSED };

static void run(char *self, enum kind kind, const char *name)
{
    int ends[2];
    CHECK(pipe(ends) == 0, "%s", strerror(errno));
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pid_t child = fork();
    if (child == 0) {
        unsetenv("MAPSAN_OPTIONS");
        if (kind == FULL_NONBLOCKING || kind == FULL_BLOCKING) {
            fcntl(ends[1], F_SETFL, O_NONBLOCK);
            char byte = 0;
            while (write(ends[1], &byte, 1) == 1)
                ;
            fcntl(ends[1], F_SETFL, kind == FULL_NONBLOCKING ? O_NONBLOCK : 0);
        } else {
            close(ends[0]);
        }
        dup2(ends[1], 2);
        if (kind == CLOSED)
            close(2);
        execl("/proc/self/exe", self, "covered", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    if (kind == GONE || kind == CLOSED)
        close(ends[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 42, "%s: status %#x", name,
          status);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK(end.tv_sec - start.tv_sec < 8, "%s: it took %ld seconds", name, (long)(end.tv_sec - start.tv_sec));
    if (kind == FULL_NONBLOCKING || kind == FULL_BLOCKING)
        close(ends[0]);
}

int main(int count, char **arguments)
{
    if (count > 1)
        return covered();
    alarm(50);
    run(arguments[0], GONE, "a reader that is gone");
    run(arguments[0], FULL_NONBLOCKING, "a full non-blocking pipe");
    run(arguments[0], FULL_BLOCKING, "a full pipe");
    run(arguments[0], CLOSED, "a closed descriptor");
    return 0;
}
