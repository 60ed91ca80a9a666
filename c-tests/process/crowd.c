/* A process that comes near its limit on mappings, in each way that adds one: crowd WAY. It ends with 0; 77: there may be
   too many. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define RW (PROT_READ | PROT_WRITE)
#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static size_t limit;

static char *map(size_t pages, int prot, int flags)
{
    char *mapped = mmap(NULL, pages * PAGE, prot, flags, -1, 0);
    if (mapped == MAP_FAILED) {
        perror("mmap");
        exit(70);
    }
    return mapped;
}

/* Each second page of one mapping is closed: two mappings more, until there are so many hundredths of the limit. */
static char *protect(size_t hundredths)
{
    size_t pages = limit / 100 * hundredths;
    char *memory = map(pages + 2, RW, PRIVATE);
    for (size_t page = 0; page + 1 < pages; page += 2)
        if (mprotect(memory + page * PAGE, PAGE, PROT_NONE) != 0) {
            perror("mprotect");
            exit(70);
        }
    return memory;
}

static void by_mprotect(void) { protect(90); }
static void few(void) { protect(75); }

static void advise(int advice)
{
    size_t pages = limit / 100 * 90;
    char *memory = map(pages + 2, RW, PRIVATE);
    for (size_t page = 0; page < pages; page += 2)
        if (madvise(memory + page * PAGE, PAGE, advice) != 0) {
            perror("madvise");
            exit(70);
        }
}

static void by_madvise(void) { advise(MADV_DONTFORK); }
static void by_other_advice(void) { advise(MADV_DONTDUMP); }

static void by_munmap(void)
{
    char *memory = map(2 * limit, RW, PRIVATE);
    for (size_t page = 0; page < 2 * (limit / 100 * 90); page += 2)
        munmap(memory + page * PAGE, PAGE);
}

static void by_mmap(void)
{
    for (size_t i = 0; i < limit / 100 * 90; i++)
        map(1, i % 2 ? PROT_READ : RW, PRIVATE);
}

static void by_fixed(void)
{
    char *memory = map(limit, PROT_NONE, PRIVATE);
    for (size_t page = 0; page < limit / 100 * 90; page += 2)
        if (mmap(memory + page * PAGE, PAGE, RW, PRIVATE | MAP_FIXED, -1, 0) == MAP_FAILED)
            exit(70);
}

/* What the kernel joins is one mapping, however many calls made it. */
static void joined(void)
{
    for (size_t i = 0; i < limit; i++)
        map(1, RW, PRIVATE);
}

/* What was one mapping is parted by calls that leave no range more: half of them is unmapped. */
static void parted(void)
{
    size_t pages = limit / 100 * 190;
    char **page = calloc(pages, sizeof *page);
    for (size_t i = 0; i < pages; i++)
        page[i] = map(1, RW, PRIVATE);
    for (size_t i = 0; i < pages; i += 2)
        munmap(page[i], PAGE);
    free(page);
}

/* A child is not told what its parent was. */
static void in_children(void)
{
    char *memory = protect(85);
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) {
            munmap(memory, (limit / 100 * 85 + 2) * PAGE);
            protect(90);
            _exit(0);
        }
        int status = 1;
        waitpid(child, &status, 0);
        if (status != 0)
            exit(70);
    }
}

static void up_to_it(void)
{
    char *memory = protect(95);
    size_t more = limit / 10;
    memory = map(2 * more, RW, PRIVATE);
    for (size_t page = 0; page < 2 * more; page += 2)
        if (mprotect(memory + page * PAGE, PAGE, PROT_READ) != 0) {
            /* In the middle of a piece, which would be three: there is no mapping for it. */
            char *piece = memory + (page + 4) * PAGE;
            printf("%d %d\n", errno == ENOMEM, munmap(piece, PAGE) == -1 && errno == ENOMEM);
            return;
        }
    exit(70);
}

static const struct {
    const char *name;
    void (*run)(void);
} ways[] = {
    {"mprotect", by_mprotect}, {"few", few}, {"madvise", by_madvise}, {"advice", by_other_advice}, {"munmap", by_munmap}, {"mmap", by_mmap}, {"fixed", by_fixed}, {"joined", joined},
    {"parted", parted}, {"children", in_children}, {"limit", up_to_it},
};

int main(int count, char **words)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    if (file == NULL || fscanf(file, "%zu", &limit) != 1 || limit > 300000 || limit < 10000) {
        printf("SKIPPED: vm.max_map_count is %zu; sysctl vm.max_map_count=65530\n", limit);
        return 77;
    }
    fclose(file);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (count == 2 && strcmp(words[1], ways[i].name) == 0) {
            ways[i].run();
            return 0;
        }
    return 64;
}
