/* What mature programs do with these calls, and no tool may call wrong: each pattern leaves no error and no warning. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static char *map(size_t size, int prot) { return mmap(NULL, size, prot, ANONYMOUS, -1, 0); }

static void trim_to_align(void)
{
    size_t size = 1 << 20, align = 1 << 20;
    char *whole = map(size + align, PROT_NONE);
    char *start = (char *)(((uintptr_t)whole + align - 1) & ~(align - 1));
    if (start > whole)
        munmap(whole, (size_t)(start - whole));
    munmap(start + size, (size_t)(whole + align - start));
    mprotect(start, size, RW);
    munmap(start, size);
}

static void holes_and_the_whole(void)
{
    char *p = map(16 * PAGE, RW);
    munmap(p + 4 * PAGE, 4 * PAGE);
    munmap(p + 12 * PAGE, 4 * PAGE);
    munmap(p, 16 * PAGE);
    munmap(p, 16 * PAGE); /* what went piece by piece, once more as a whole */
}

static void commit_in_a_reservation(void)
{
    char *p = map(64 * PAGE, PROT_NONE);
    for (int i = 0; i < 32; i++)
        mmap(p + 2 * i * PAGE, PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0);
    mmap(p + 3 * PAGE, 9 * PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0); /* over several at once */
    mmap(p + 2 * PAGE, 5 * PAGE, PROT_NONE, ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    munmap(p, 7 * PAGE);
    munmap(p, 64 * PAGE);
}

static void two_in_a_freed_reservation(void)
{
    char *p = map(16 * PAGE, PROT_NONE);
    munmap(p, 16 * PAGE);
    mmap(p, 4 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0);
    mmap(p + 4 * PAGE, 4 * PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0);
    munmap(p, 6 * PAGE); /* one and part of its neighbour: both were put there on purpose */
    munmap(p, 16 * PAGE);
}

static void ring_buffer(void)
{
    int fd = memfd_create("ring", MFD_CLOEXEC);
    CHECK(ftruncate(fd, 4 * PAGE) == 0, "%m");
    char *p = map(8 * PAGE, PROT_NONE);
    mmap(p, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    mmap(p + 4 * PAGE, 4 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0);
    close(fd);
    p[0] = 7;
    CHECK(p[4 * PAGE] == 7, "no ring");
    munmap(p, 8 * PAGE);
}

static void grown_beside(void)
{
    char *p = map(4 * PAGE, RW);
    char *q = mmap(p + 4 * PAGE, 4 * PAGE, RW, ANONYMOUS, -1, 0); /* by hint, as an allocator grows */
    if (q == p + 4 * PAGE)
        munmap(p, 6 * PAGE), munmap(p + 6 * PAGE, 2 * PAGE);
    else
        munmap(p, 4 * PAGE), munmap(q, 4 * PAGE);
}

static void chunks_of_one_site(void)
{
    char *chunks[8];
    for (int i = 0; i < 8; i++)
        chunks[i] = map(8 * PAGE, i % 2 ? PROT_READ : RW);
    for (int i = 7; i >= 0; i--)
        if (i == 0 || chunks[i] + 8 * PAGE != chunks[i - 1])
            munmap(chunks[i], 8 * PAGE);
        else
            munmap(chunks[i], 12 * PAGE), munmap(chunks[i - 1] + 4 * PAGE, 4 * PAGE), i--;
}

static void ragged_lengths(void)
{
    char *p = map(0x50, RW);
    munmap(p, 8);
    p = map(2 * PAGE + 1, RW);
    munmap(p, 3 * PAGE);
}

static void what_was_mapped_raw(void)
{
    char *p = (char *)syscall(SYS_mmap, NULL, 8 * PAGE, RW, ANONYMOUS, -1, 0);
    mprotect(p, PAGE, PROT_READ);
    munmap(p, 4 * PAGE);
    mmap(p + 4 * PAGE, PAGE, PROT_NONE, ANONYMOUS | MAP_FIXED, -1, 0);
    munmap(p, 8 * PAGE);
    p = map(4 * PAGE, RW);
    syscall(SYS_munmap, p, 4 * PAGE);
    char *q = mmap(p, 4 * PAGE, RW, ANONYMOUS, -1, 0);
    munmap(q, 4 * PAGE);
}

static void probing(void)
{
    for (uintptr_t at = 0x300000000000; at < 0x300000000000 + (16 << 20); at += 1 << 20) {
        void *p = mmap((void *)at, PAGE, RW, ANONYMOUS, -1, 0);
        munmap(p, PAGE);
        munmap((void *)at, PAGE); /* clears what it asked for */
    }
    void *p = map(PAGE, RW);
    CHECK(mmap(p, PAGE, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED, "not refused");
    munmap(p, PAGE);
    msync((void *)0x310000000000, PAGE, MS_ASYNC);
}

static void *guard_in_own_stack(void *unused)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    /* As a Java machine does: guard pages into the unused part of libc's stack, and out again. */
    mmap((char *)low + 4 * PAGE, 4 * PAGE, PROT_NONE, ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    mprotect((char *)low + 4 * PAGE, 4 * PAGE, RW);
    mmap((char *)low + 4 * PAGE, 4 * PAGE, RW, ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    return unused;
}

static void *unmap_there(void *p) { munmap(p, 4 * PAGE); return NULL; }

static void threads(void)
{
    pthread_t thread;
    for (int i = 0; i < 3; i++) {
        pthread_create(&thread, NULL, guard_in_own_stack, NULL);
        pthread_join(thread, NULL);
    }
    pthread_create(&thread, NULL, unmap_there, map(4 * PAGE, RW));
    pthread_join(thread, NULL);
}

static void files(void)
{
    char name[] = "patterns-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    char *p = mmap(NULL, 1 << 20, RW, MAP_SHARED, fd, 0); /* far past its end, and the file grows below it */
    CHECK(ftruncate(fd, 1 << 20) == 0, "%m");
    p[PAGE] = 1;
    char *q = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
    CHECK(q[0] == 1, "another file");
    munmap(q, 2 * PAGE);
    munmap(p, 1 << 20);
    close(fd);
}

static void moves(void)
{
    char *p = map(4 * PAGE, RW);
    p = mremap(p, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    p = mremap(p, 64 * PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    char *room = map(8 * PAGE, PROT_NONE);
    p = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room + 2 * PAGE);
    CHECK(p == room + 2 * PAGE, "%m");
    munmap(room, 8 * PAGE);
}

static void segments(void)
{
    int id = shmget(IPC_PRIVATE, 4 * PAGE - 10, IPC_CREAT | 0600);
    char *p = shmat(id, NULL, 0), *q = shmat(id, NULL, SHM_RDONLY);
    shmctl(id, IPC_RMID, NULL);
    char *r = shmat(id, NULL, 0);
    shmdt(q);
    if (fork() == 0) {
        shmdt(p); /* inherited: both sides detach it once */
        _exit(findings(1) + findings(2) != 0);
    }
    int status;
    wait(&status);
    CHECK(status == 0, "the child has findings");
    shmdt(p);
    char *room = map(4 * PAGE, PROT_NONE);
    CHECK(shmat(id, room, SHM_REMAP) == room, "%m");
    shmdt(room);
    shmdt(r);
}

static void inherited(void)
{
    char *p = map(4 * PAGE, RW);
    if (fork() == 0) {
        munmap(p, 4 * PAGE);
        _exit(findings(1) + findings(2) != 0);
    }
    int status;
    wait(&status);
    CHECK(status == 0, "the child has findings");
    munmap(p, 4 * PAGE);
    pid_t child = vfork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
}

/* What allocators and runtimes advise: pages that they give back, advice that the kernel may not have, memory that children are
 * not to get. */
static void advice(void)
{
    char *p = map(64 * PAGE, RW);
    for (int i = 0; i < 1000; i++) {
        p[i % 64 * PAGE] = 1;
        madvise(p + i % 64 * PAGE, PAGE, i & 1 ? MADV_DONTNEED : 8 /* MADV_FREE */);
    }
    memset(p, 1, 64 * PAGE);
    madvise(p, 64 * PAGE, MADV_DONTNEED);
    madvise(NULL, 0, 23 /* MADV_POPULATE_WRITE: the JVM asks so whether there is such an advice */);
    madvise(NULL, 0, 77);
    madvise(p, 0, MADV_DONTNEED);
    madvise(p, 64 * PAGE - 100, MADV_DONTNEED); /* nothing lies behind */
    p[63 * PAGE + 200] = 1;
    madvise(p, 63 * PAGE + 201, MADV_DONTNEED); /* nor here: the last byte of it is the last that was written */
    posix_madvise(p, 100, POSIX_MADV_DONTNEED); /* which libc ignores */
    madvise(p, 2 * PAGE, MADV_DONTFORK);
    madvise(p + 8 * PAGE, PAGE, 18 /* MADV_WIPEONFORK */);
    pid_t child = fork();
    if (child == 0) {
        munmap(p, 64 * PAGE); /* as it would in the parent, whether all of it is there or not */
        char *q = mmap(p, 2 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0);
        munmap(q, 2 * PAGE);
        _exit(findings(1) + findings(2) != 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status == 0, "the child has findings");
    child = fork();
    if (child == 0) {
        CHECK(munmap(p, 2 * PAGE) == 0 && munmap(p, 2 * PAGE) == 0, "%m"); /* what it has not got is not there twice */
        _exit(findings(1) + findings(2) != 0);
    }
    waitpid(child, &status, 0);
    CHECK(status == 0, "the child has findings");
    madvise(p, 64 * PAGE, MADV_DOFORK);
    munmap(p, 64 * PAGE);
}

/* The tracker's own memory runs out as well: calls get through, and nothing false is said. */
static void no_room(void)
{
    static char *maps[30000];
    struct rlimit before, tight;
    long pages = 0, count = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    CHECK(statm != NULL && fscanf(statm, "%ld", &pages) == 1 && fclose(statm) == 0, "no statm");
    getrlimit(RLIMIT_AS, &before);
    tight = before;
    tight.rlim_cur = (rlim_t)pages * PAGE + (96UL << 20);
    setrlimit(RLIMIT_AS, &tight);
    while (count < 30000 && (maps[count] = map(PAGE, count & 1 ? PROT_READ : PROT_NONE)) != MAP_FAILED)
        count++;
    CHECK(count > 20000 && count < 30000, "%ld mappings", count);
    for (long i = 0; i < count; i += 2)
        CHECK(munmap(maps[i], PAGE) == 0, "%m");
    for (long i = 1; i < count; i += 2)
        CHECK(munmap(maps[i], PAGE) == 0, "%m");
    setrlimit(RLIMIT_AS, &before);
}

int main(void)
{
    static const struct { const char *name; void (*run)(void); } patterns[] = {
        {"reserve more, trim to align", trim_to_align}, {"holes, then the whole", holes_and_the_whole},
        {"commit inside a reservation", commit_in_a_reservation}, {"a freed reservation", two_in_a_freed_reservation},
        {"a ring buffer of two views", ring_buffer}, {"grown beside by hint", grown_beside},
        {"chunks of one site", chunks_of_one_site}, {"ragged lengths", ragged_lengths},
        {"raw system calls", what_was_mapped_raw}, {"probing for addresses", probing}, {"threads", threads},
        {"files that grow", files}, {"moves", moves}, {"segments", segments}, {"fork and vfork", inherited}, {"advice", advice},
        {"no room", no_room},
    };
    alarm(50);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        patterns[i].run();
        CHECK(findings(1) + findings(2) == 0, "'%s' has findings", patterns[i].name);
    }
    return 0;
}
