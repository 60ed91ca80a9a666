/* What a fork and the end of a child that does nothing touch of the library's memory: each page is a fault, and mostly a
 * copy, for each of the processes that a shell or a server makes by the thousand. Compared with a child that the library
 * doesn't know of, made and ended by raw system calls. */
#include "check.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 50
#define MOST 32 /* pages a child, of which libc has some twelve */

static long faults_of_children(void)
{
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    return usage.ru_minflt;
}

static long by_libc(void)
{
    long before = faults_of_children();
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        CHECK(child > 0 && waitpid(child, NULL, 0) == child, "%s", strerror(errno));
    }
    return faults_of_children() - before;
}

static long by_raw_calls(void)
{
    long before = faults_of_children();
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
        if (child == 0)
            syscall(SYS_exit_group, 0);
        CHECK(child > 0 && waitpid(child, NULL, 0) == child, "%s", strerror(errno));
    }
    return faults_of_children() - before;
}

int main(void)
{
    /* A parent that has mapped has more to inherit, but its child has made none of it. */
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED, "%s", strerror(errno));
    by_libc(), by_raw_calls(); /* what is bound lazily */
    long with = by_libc(), without = by_raw_calls();
    CHECK(with - without <= (long)MOST * CHILDREN, "%ld pages more a child", (with - without) / CHILDREN);
    CHECK(munmap(page, 4096) == 0, "%s", strerror(errno));
    return 0;
}
