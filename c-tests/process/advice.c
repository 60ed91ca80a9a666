/* madvise(2) gives what it gives without the library, and what it takes with the rest of a page is told by call site: one that has
 * given many such advices does not hide another. */
#define _GNU_SOURCE
#include "check.h"
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL
#define WARNINGS 1
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static char *map(size_t pages)
{
    char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED, "%s", strerror(errno));
    return memory;
}

/* Calls that take the rest of a page in which nothing is, more often than a site is looked at each time. */
static void give_back_nothing(char *memory)
{
    for (int i = 0; i < 3000; i++) {
        memory[i % 100] = 1;
        CHECK(madvise(memory, 100, MADV_DONTNEED) == 0 && memory[i % 100] == 0, "%s", strerror(errno));
    }
    CHECK(findings(WARNINGS) == 0, "%lu warnings", findings(WARNINGS));
}

static void give_back_too_much(char *memory)
{
    memory[200] = 1;
    CHECK(madvise(memory, 100, MADV_DONTNEED) == 0 && memory[200] == 0, "%s", strerror(errno));
    CHECK(findings(WARNINGS) == 1, "%lu warnings", findings(WARNINGS));
}

/* A guard takes the rest, too (Linux 6.13). */
static void guard_too_much(char *memory)
{
    memory[200] = 1;
    if (madvise(memory, 100, MADV_GUARD_INSTALL) == 0)
        CHECK(findings(WARNINGS) == 2, "%lu warnings", findings(WARNINGS));
    munmap(memory, PAGE);
}

static void values(char *memory)
{
    errno = 77;
    CHECK(madvise(memory, 0, MADV_DONTNEED) == 0 && madvise(memory, PAGE, MADV_NORMAL) == 0 && errno == 77, "%d", errno);
    CHECK(madvise(memory + 1, PAGE, MADV_DONTNEED) == -1 && errno == EINVAL, "%d", errno);
    CHECK(madvise(memory, PAGE, 12345) == -1 && errno == EINVAL, "%d", errno);
    CHECK(madvise(memory, PAGE, -1) == -1 && errno == EINVAL, "%d", errno);
    munmap(memory + PAGE, PAGE);
    memory[0] = 1;
    /* The rest is advised all the same. */
    CHECK(madvise(memory, 2 * PAGE, MADV_DONTNEED) == -1 && errno == ENOMEM && memory[0] == 0, "%d", errno);
    /* Many times, so that those after which the mappings are counted are among them. */
    for (int i = 0; i < 1000; i++)
        CHECK(madvise(memory, PAGE, i % 2 ? MADV_RANDOM : MADV_NORMAL) == 0, "%s", strerror(errno));
    munmap(memory, PAGE);
}

int main(void)
{
    char *memory = map(1);
    give_back_nothing(memory);
    give_back_too_much(memory);
    munmap(memory, PAGE);
    guard_too_much(map(1));
    values(map(2));
    return 0;
}
