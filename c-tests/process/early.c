/* Calls at times when the runtime is not relocated (a resolver) or may not have started (a constructor). */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <stddef.h>

int early_resolver, early_constructor;

static int calls_work(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || mprotect(page, 4096, PROT_READ) != 0 || munmap(page, 4096) != 0)
        return 0;
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || close(null) != 0 || openat(AT_FDCWD, "/dev/null/none", O_RDONLY) != -1)
        return 0;
    if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        return 0;
    return shmget(0x7e57, 0, 0) == -1 && shmdt((void *)4096) == -1;
}

static int answer(void) { return 42; }

static int (*resolve(void))(void)
{
    early_resolver = calls_work() ? 1 : -1;
    return answer;
}

int early_answer(void) __attribute__((ifunc("resolve")));

__attribute__((constructor)) static void construct(void)
{
    errno = 0;
    early_constructor = calls_work() && errno == EINVAL ? 1 : -1;
}
