/* What hardened mode must not change: same CASE prints what its calls gave, by name, so that two runs can be compared. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static void tell(const char *what, int good) { printf("%s: %s\n", what, good ? "ok" : strerrorname_np(errno)); }

static char *map(size_t length, int prot, int flags)
{
    char *mapped = mmap(NULL, length, prot, flags, -1, 0);
    tell("mmap", mapped != MAP_FAILED);
    return mapped;
}

/* A limit on data refuses what it refuses, and counts as it counts. */
static void data_limit(void)
{
    char *small = map(PAGE, READ_WRITE, ANONYMOUS);
    struct rlimit limit = {8 << 20, 8 << 20};
    setrlimit(RLIMIT_DATA, &limit);
    map(64 << 20, READ_WRITE, ANONYMOUS);
    map(64 << 20, PROT_READ, ANONYMOUS);
    map(64 << 20, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS);
    char *fits = map(1 << 20, READ_WRITE, ANONYMOUS);
    memset(fits, 1, 1 << 20);
    tell("mremap", mremap(small, PAGE, 64 << 20, MREMAP_MAYMOVE) != MAP_FAILED);
    tell("munmap", munmap(fits, 1 << 20) == 0);
}

static void space_limit(void)
{
    struct rlimit limit = {256 << 20, 256 << 20};
    setrlimit(RLIMIT_AS, &limit);
    map(1 << 20, PROT_NONE, ANONYMOUS);
    map(512 << 20, PROT_NONE, ANONYMOUS);
    map(1 << 20, READ_WRITE, ANONYMOUS);
}

/* The lowest mapping has nothing below it. */
static void hole_below(void)
{
    unsigned char pages[2];
    tell("mincore", mincore(map(PAGE, READ_WRITE, ANONYMOUS) - PAGE, 2 * PAGE, pages) == 0);
    tell("madvise", madvise(map(PAGE, PROT_READ, ANONYMOUS) - PAGE, 2 * PAGE, MADV_NORMAL) == 0);
    errno = 0;
    printf("posix_madvise: %d, %d\n", posix_madvise(map(PAGE, READ_WRITE, ANONYMOUS) - PAGE, 2 * PAGE, POSIX_MADV_NORMAL), errno);
    tell("mlock", mlock(map(PAGE, PROT_READ, ANONYMOUS) - PAGE, 2 * PAGE) == 0);
    tell("mlock2", mlock2(map(PAGE, PROT_READ, ANONYMOUS) - PAGE, 2 * PAGE, MLOCK_ONFAULT) == 0);
    tell("munlock", munlock(map(PAGE, READ_WRITE, ANONYMOUS) - PAGE, 2 * PAGE) == 0);
    tell("msync", msync(map(PAGE, PROT_READ, ANONYMOUS) - PAGE, 2 * PAGE, MS_ASYNC) == 0);
    tell("mprotect", mprotect(map(PAGE, READ_WRITE, ANONYMOUS) - PAGE, 2 * PAGE, PROT_READ) == 0);
}

/* Memory that grows downwards does so whatever was mapped and unmapped below it. */
static void grow(char *start, int pages)
{
    for (int i = 1; i <= pages; i++)
        *(volatile char *)(start - i * PAGE) = 1;
}

static void grows_over_released(void)
{
    size_t length = 4 << 20;
    char *area = map(length, PROT_NONE, ANONYMOUS | MAP_NORESERVE);
    munmap(area, length);
    char *start = area + length - 2 * PAGE;
    tell("MAP_GROWSDOWN", mmap(start, 2 * PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0) == start);
    grow(start, 200);
    puts("grown");
}

static void grows_where_released_later(void)
{
    size_t length = 4 << 20;
    char *area = map(length, PROT_NONE, ANONYMOUS | MAP_NORESERVE);
    char *start = area + length - 2 * PAGE;
    tell("MAP_GROWSDOWN", mmap(start, 2 * PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0) == start);
    munmap(area, length - 2 * PAGE);
    grow(start, 200);
    puts("grown");
}

/* The stack, too. */
static void stack_over_released(void)
{
    char here;
    char *below = (char *)(((size_t)&here & ~(PAGE - 1)) - (4 << 20));
    char *mapped = mmap(below, 16 * PAGE, READ_WRITE, ANONYMOUS, -1, 0);
    tell("mmap below the stack", mapped == below);
    munmap(mapped, 16 * PAGE);
    volatile char *deep = __builtin_alloca(5 << 20);
    for (size_t at = 0; at < 5 << 20; at += PAGE)
        deep[(5 << 20) - 1 - at] = 1;
    puts("deep");
}

/* Until there are no mappings left, by calls of all kinds that split them. */
static void mappings_used_up(int (*split)(char *page))
{
    size_t pages = 140000, done = 0;
    for (int i = 0; i < 8; i++)
        map(PAGE, i % 2 ? PROT_READ : READ_WRITE, ANONYMOUS);
    char *pool = map(pages * PAGE, READ_WRITE, ANONYMOUS | MAP_NORESERVE);
    while (done < pages && split(pool + done * PAGE) == 0)
        done += 2;
    tell("split", done == pages);
    /* One more may fit, by how many the library has of its own. */
    int more = 0;
    while (more < 8 && mmap(NULL, PAGE, more % 2 ? PROT_READ : PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
        more++;
    tell("mmap", more == 8);
    tell("munmap", munmap(pool, pages * PAGE) == 0);
}
static int keep(char *page) { return madvise(page, PAGE, MADV_DONTFORK); }
static int lock(char *page) { return mlock2(page, PAGE, MLOCK_ONFAULT); }
static int protect(char *page) { return mprotect(page, PAGE, PROT_READ); }
static void used_up_by_madvise(void) { mappings_used_up(keep); }
static void used_up_by_mlock(void) { mappings_used_up(lock); }
static void used_up_by_mprotect(void) { mappings_used_up(protect); }

/* What is locked is counted without us. */
static void locked(void)
{
    struct rlimit limit = {4 << 20, 4 << 20};
    setrlimit(RLIMIT_MEMLOCK, &limit);
    if (setgid(65534) != 0 || setuid(65534) != 0 || mlockall(MCL_FUTURE) != 0) {
        tell("mlockall", 0);
        return;
    }
    int count = 0;
    while (count < 10000 && mmap(NULL, PAGE, count % 2 ? PROT_READ : READ_WRITE, ANONYMOUS, -1, 0) != MAP_FAILED)
        count++;
    tell("mmap", 0);
    /* All that the limit allows, but for some pages that the library has of its own. */
    puts(count >= 950 ? "enough" : "too few");
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"data-limit", data_limit}, {"space-limit", space_limit}, {"hole-below", hole_below},
    {"grows-over-released", grows_over_released}, {"grows-where-released-later", grows_where_released_later},
    {"stack-over-released", stack_over_released}, {"used-up-by-madvise", used_up_by_madvise},
    {"used-up-by-mlock", used_up_by_mlock}, {"used-up-by-mprotect", used_up_by_mprotect}, {"locked", locked},
};

int main(int count, char **words)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (count > 1 && strcmp(words[1], cases[i].name) == 0) {
            cases[i].run();
            return 0;
        }
    fputs("usage: same CASE\n", stderr);
    return 64;
}
