/* R27: nothing is trusted that the program may have moved, unmapped or shut: the vDSO, and the headers, tables and call
 * frame information of loaded objects. What the program does here is correct, but for the calls that are there to fail. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct range {
    unsigned long start, end;
};

static struct range find(const char *name)
{
    struct range found = {0, 0};
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096];
    for (unsigned long start, end; fgets(line, sizeof line, maps) != NULL;) {
        if (strstr(line, name) == NULL || sscanf(line, "%lx-%lx", &start, &end) != 2)
            continue;
        found.start = found.start == 0 ? start : found.start;
        found.end = end;
    }
    fclose(maps);
    return found;
}

/* How many errors and warnings there are; asked without the tables of this program, which may be shut. */
static unsigned long (*count)(int);

static unsigned long found(void)
{
    return count(2) + count(1);
}

static void calls(void)
{
    for (int i = 0; i < 3; i++) {
        char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        page[0] = 1;
        mprotect(page, 4096, PROT_READ);
        munmap(page, 8192);
    }
}

static void move(struct range what, int raw)
{
    size_t length = what.end - what.start;
    void *room = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *old = (void *)what.start, *moved;
    int flags = MREMAP_MAYMOVE | MREMAP_FIXED;
    if (raw)
        moved = (void *)syscall(SYS_mremap, old, length, length, flags, room);
    else
        moved = mremap(old, length, length, flags, room);
    if (moved != room)
        _exit(77);
    calls();
}

static void vdso_moved(void)
{
    move(find("[vdso]"), 0);
}

static void vdso_moved_unseen(void)
{
    move(find("[vdso]"), 1);
}

static void vdso_unmapped(void)
{
    struct range vdso = find("[vdso]"), vvar = find("[vvar");
    if (munmap((void *)vdso.start, vdso.end - vdso.start) != 0 || munmap((void *)vvar.start, vvar.end - vvar.start) != 0)
        _exit(77);
    calls();
}

/* What the loader says of the program itself. */
static struct dl_phdr_info program;

static int first(struct dl_phdr_info *info, size_t size, void *unused)
{
    (void)size, (void)unused;
    program = *info;
    return 1;
}

static struct range segment(unsigned type)
{
    dl_iterate_phdr(first, NULL);
    for (int i = 0; i < program.dlpi_phnum; i++)
        if (program.dlpi_phdr[i].p_type == type) {
            unsigned long start = program.dlpi_addr + program.dlpi_phdr[i].p_vaddr;
            return (struct range){start & ~4095ul, (start + program.dlpi_phdr[i].p_memsz + 4095) & ~4095ul};
        }
    _exit(77);
}

extern const char __ehdr_start[];

/* A call that fails is explained, with a list of callers. */
static void explained(unsigned long before)
{
    if (!fail_at(0) || found() != before + 1)
        _exit(4);
}

static void header_shut(void)
{
    if (mprotect((void *)__ehdr_start, 4096, PROT_NONE) != 0)
        _exit(77);
    explained(0);
}

static void header_covered(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    syscall(SYS_mmap, __ehdr_start, 4096, PROT_READ, flags, -1, 0l);
    explained(0);
}

static void header_of_another(void)
{
    /* libc's, whose header says other things. */
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[4096], *path = NULL;
    while (path == NULL && fgets(line, sizeof line, maps) != NULL)
        path = strstr(line, "libc.so.6") != NULL ? strchr(line, '/') : NULL;
    fclose(maps);
    if (path == NULL)
        _exit(77);
    path[strlen(path) - 1] = '\0';
    int fd = open(path, O_RDONLY);
    syscall(SYS_mmap, __ehdr_start, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0l);
    close(fd);
    explained(0);
}

/* The table and the descriptions by which stacks are unwound; strings may lie in these pages, too. */
static void frames_shut(void)
{
    struct range frames = segment(PT_GNU_EH_FRAME);
    unsigned long before = found();
    if (mprotect((void *)frames.start, frames.end - frames.start, PROT_NONE) != 0)
        _exit(77);
    /* Not by fail_at: its table of jumps lies there. */
    int failed = mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
    mprotect((void *)frames.start, frames.end - frames.start, PROT_READ);
    if (!failed || found() != before + 1)
        _exit(4);
}

static void child_of(void (*act)(void), const char *what, unsigned long expected)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        act();
        _exit(found() == expected ? 0 : 3);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        return; /* this machine does not allow it */
    CHECK(status == 0, "%s: status %#x", what, status);
}

int main(void)
{
    alarm(50);
    CHECK(findings(2) == 0, "%lu errors", findings(2));
    count = (unsigned long (*)(int))dlsym(RTLD_DEFAULT, "mapsan_count");
    child_of(vdso_moved, "the vDSO has moved", 0);
    child_of(vdso_moved_unseen, "the vDSO has moved unseen", 0);
    child_of(vdso_unmapped, "the vDSO is unmapped", 0);
    child_of(header_shut, "the program's header is shut", 1);
    child_of(header_covered, "something lies over the program's header", 1);
    child_of(header_of_another, "another header lies over the program's", 1);
    child_of(frames_shut, "the call frame information is shut", 1);
    return 0;
}
