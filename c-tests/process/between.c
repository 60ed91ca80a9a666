/* What stands between this library and libc is called as without it; what only libc has is called as libc's own. */
#define _GNU_SOURCE
#include "check.h"
#include <sys/mman.h>
#include <unistd.h>

extern int between_calls, between_advices;

int main(void)
{
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED, "%d", errno);
    CHECK(mprotect(memory, 4096, PROT_READ) == 0 && between_calls == 100, "%d calls of mprotect", between_calls / 100);
    CHECK(madvise(memory, 8192, MADV_DONTNEED) == 0 && between_advices == 1, "%d calls of madvise", between_advices);
    CHECK(madvise(memory, 0, MADV_NORMAL) == 0 && between_advices == 2, "%d calls of madvise", between_advices);
    CHECK(munmap(memory, 8192) == 0 && between_calls == 101, "%d calls of munmap", between_calls % 100);
    CHECK(munmap(memory + 1, 4096) == -1 && errno == EINVAL && between_calls == 102, "%d", errno);
    CHECK(findings(2) == 1, "%lu findings", findings(2));
    return 0;
}
