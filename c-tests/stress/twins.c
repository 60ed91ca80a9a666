/* Random arguments, sensible and not: each call is made twice, through the library's hook in one window of addresses
 * and as a raw system call in another. Value, errno and effect (what is mapped where, what it holds) have to be the same.
 *
 *   twins [STEPS [SEED [hardened]]]
 *
 * Hardened, what is mapped without any rights does not count: guards, and what is in quarantine. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096UL
#define PAGES 32UL
#define UNTOUCHED 77 /* errno before each call */
#define CALLS 13

/* The twins: everything that one does to its window the other does to its own. */
enum { HOOKED, RAW, TWINS };
static char *const window[TWINS] = {(char *)0x100000000000, (char *)0x180000000000};
static int segment[TWINS] = {-1, -1};
static key_t key[TWINS];
static int file, unreadable, hardened;
static uint64_t state;

static uint64_t any(void)
{
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return state * 0x2545f4914f6cdd1d;
}

static unsigned long below(unsigned long limit) { return (any() >> 33) % limit; }

#define ONE_OF(...) pick(sizeof((long[]){__VA_ARGS__}) / sizeof(long), (long[]){__VA_ARGS__})
static long pick(size_t count, const long *values) { return values[below(count)]; }

/* What a call is given; addresses in the window count from its start. */
struct step {
    int call;
    int inside, fixed;
    unsigned long address, length, new_address, new_length;
    int prot, flags, fd;
    off_t offset;
};

static unsigned long random_length(void)
{
    switch (below(12)) {
    case 0: return 0;
    case 1: return (unsigned long)-1 - below(PAGE);
    case 2: return 1UL << (47 + below(16));
    case 3: return below(6 * PAGE);
    default: return (1 + below(6)) * PAGE;
    }
}

/* A length that keeps a call from `address` on inside the window, or one that no kernel takes. */
static unsigned long fitting_length(unsigned long address)
{
    unsigned long length = random_length();
    return length > PAGES * PAGE || address + length <= PAGES * PAGE ? length : PAGES * PAGE - address;
}

static struct step random_step(void)
{
    struct step s = {.call = (int)below(CALLS)};
    s.address = below(PAGES) * PAGE + (below(12) == 0 ? below(PAGE) : 0);
    s.inside = below(10) != 0;
    s.length = fitting_length(s.address);
    s.prot = (int)ONE_OF(0, 1, 3, 3, 3, 5, 7, 2, 0x10, 0x1000003, 0x2000003, -1);
    s.fd = (int)ONE_OF(-1, file, file, unreadable, 9999, -100);
    s.offset = ONE_OF(0, 0, PAGE, 3 * PAGE, 100, -4096, 1L << 60);
    s.flags = (int)(ONE_OF(MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE, 0, 7)
                    | ONE_OF(0, MAP_ANONYMOUS, MAP_ANONYMOUS, MAP_ANONYMOUS)
                    | ONE_OF(0, 0, 0, 0, MAP_NORESERVE, MAP_POPULATE, MAP_STACK, MAP_SYNC, MAP_GROWSDOWN, 0x10000000));
    s.fixed = s.inside && below(6) != 0;
    if (s.fixed)
        s.flags |= below(3) ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    s.new_address = below(PAGES) * PAGE + (below(16) == 0 ? 8 : 0);
    s.new_length = fitting_length(s.new_address > s.address ? s.new_address : s.address);
    return s;
}

static int command_of(const struct step *s)
{
    static const int commands[] = {IPC_STAT, IPC_SET, IPC_RMID, SHM_LOCK, SHM_UNLOCK, 12345, -1};
    return commands[s->flags % 7U];
}

/* One that destroys nothing outside of the window: a range that is longer holds all that is mapped above. */
static int advice_of(const struct step *s)
{
    static const int advices[] = {0, 3, 4, 4, 8, 9, 10, 11, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 102, 103, 7, -1};
    int is_short = s->length <= PAGES * PAGE || s->length > (unsigned long)-PAGE;
    return is_short ? advices[(s->new_address / PAGE + s->flags) % (sizeof advices / sizeof *advices)] : MADV_NORMAL;
}

/* As libc's, by the system call. */
static long raw_posix_madvise(void *at, unsigned long length, int advice)
{
    int before = errno, failure = 0;
    if (advice != POSIX_MADV_DONTNEED && syscall(SYS_madvise, at, length, advice) != 0)
        failure = errno;
    errno = before;
    return failure;
}

/* Makes the call of one twin; its result, as the program sees it. */
static long make(const struct step *s, int twin)
{
    /* Outside the windows are only addresses that nobody has: 0 and the kernel's. */
    char *at = s->inside ? window[twin] + s->address : s->address & PAGE ? NULL : (char *)0xffff800000000000;
    char *to = window[twin] + s->new_address;
    int remap = (int)(s->flags & 7U);
    struct shmid_ds info;
    memset(&info, 0, sizeof info);
    info.shm_perm.mode = 0600;
    switch (s->call) {
    case 0: case 1: case 2:
        return twin == HOOKED ? (long)mmap(at, s->length, s->prot, s->flags, s->fd, s->offset)
                              : syscall(SYS_mmap, at, s->length, s->prot, s->flags, s->fd, s->offset);
    case 3: case 4:
        return twin == HOOKED ? munmap(at, s->length) : syscall(SYS_munmap, at, s->length);
    case 5: {
        /* With PROT_GROWSDOWN a range begins where the next mapping above does, however far: not in the window, then. */
        int prot = s->inside && s->length <= PAGES * PAGE ? s->prot : s->prot & ~(PROT_GROWSDOWN | PROT_GROWSUP);
        return twin == HOOKED ? mprotect(at, s->length, prot) : syscall(SYS_mprotect, at, s->length, prot);
    }
    case 6:
        /* Only where it stays or goes to a fixed place: what the kernel chooses differs. */
        if ((remap & MREMAP_MAYMOVE) != 0 && (remap & MREMAP_FIXED) == 0)
            remap = 0;
        return twin == HOOKED ? (long)mremap(at, s->length, s->new_length, remap, to)
                              : syscall(SYS_mremap, at, s->length, s->new_length, remap, to);
    case 7: {
        int flags = s->flags & 15;
        return twin == HOOKED ? msync(at, s->length, flags) : syscall(SYS_msync, at, s->length, flags);
    }
    case 8: {
        int flags = (s->flags & 1 ? SHM_RDONLY : 0) | (s->flags & 2 ? SHM_REMAP : 0) | (s->flags & 4 ? SHM_RND : 0);
        int id = s->fd == 9999 ? 0x7ffffff0 : segment[twin];
        /* One that fits: three pages from here on. */
        if (s->address > (PAGES - 3) * PAGE || at == NULL)
            at = window[twin];
        return twin == HOOKED ? (long)shmat(id, at, flags) : syscall(SYS_shmat, id, at, flags);
    }
    case 11:
        return twin == HOOKED ? madvise(at, s->length, advice_of(s)) : syscall(SYS_madvise, at, s->length, advice_of(s));
    case 12:
        return twin == HOOKED ? posix_madvise(at, s->length, advice_of(s)) : raw_posix_madvise(at, s->length, advice_of(s));
    case 9:
        return twin == HOOKED ? shmdt(at) : syscall(SYS_shmdt, at);
    default: {
        int command = command_of(s);
        long made = twin == HOOKED ? shmctl(segment[twin], command, &info) : syscall(SYS_shmctl, segment[twin], command, &info);
        if (command == IPC_RMID || segment[twin] == -1) {
            size_t size = s->length < 64 * PAGE ? 3 * PAGE - s->length % PAGE : s->length;
            int flags = (int)(IPC_CREAT | 0600 | (s->flags & 1 ? IPC_EXCL : 0));
            long id = twin == HOOKED ? shmget(key[twin], size, flags) : syscall(SYS_shmget, key[twin], size, flags);
            segment[twin] = (int)id;
            made = 1 + (made == -1) + 2 * (id == -1);
        }
        return made;
    }
    }
}

/* A result as both twins should have it: addresses count from the window. */
static long relative(const struct step *s, long result, int twin)
{
    unsigned long from_window = (unsigned long)result - (unsigned long)window[twin];
    if (result == -1 || (s->call > 2 && s->call != 6 && s->call != 8))
        return result;
    return from_window < 2 * PAGES * PAGE ? (long)from_window : -2;
}

/* What the kernel has in a window, a line each: where, protection, file offset. */
static void describe(const char *maps, int twin, char *out)
{
    *out = '\0';
    for (const char *line = maps; *line != '\0'; line = strchr(line, '\n') + 1) {
        unsigned long start, end, offset;
        char rights[5];
        if (sscanf(line, "%lx-%lx %4s %lx", &start, &end, rights, &offset) != 4)
            exit(2);
        if (start - (unsigned long)window[twin] >= 2 * PAGES * PAGE || (hardened && strncmp(rights, "---", 3) == 0))
            continue;
        out += sprintf(out, "%lx-%lx %s %lx\n", start - (unsigned long)window[twin], end - (unsigned long)window[twin],
                       rights, offset);
    }
}

static void read_maps(char *maps, size_t size)
{
    int maps_file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t filled = 0;
    for (ssize_t got; filled < size - 1 && (got = read(maps_file, maps + filled, size - 1 - filled)) > 0;)
        filled += (size_t)got;
    maps[filled] = '\0';
    close(maps_file);
}

/* The first bytes of a page; those of one that can't be read are a number of their own. */
static uint64_t contents(int twin, unsigned long page)
{
    uint64_t bytes = 0;
    struct iovec to = {&bytes, sizeof bytes}, from = {window[twin] + page * PAGE, sizeof bytes};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == sizeof bytes ? bytes : 0xdead;
}

static void fill(int twin, unsigned long page, uint64_t bytes)
{
    struct iovec from = {&bytes, sizeof bytes}, to = {window[twin] + page * PAGE, sizeof bytes};
    process_vm_writev(getpid(), &from, 1, &to, 1, 0);
}

static char maps[1 << 20], shape[TWINS][1 << 16];

int main(int count, char **words)
{
    long steps = count > 1 ? atol(words[1]) : 20000;
    uint64_t seed = count > 2 ? strtoull(words[2], NULL, 10) : 1;
    hardened = count > 3;
    if (getenv("LD_PRELOAD") != NULL && dlsym(RTLD_DEFAULT, "mapsan_version") == NULL)
        return fputs("twins: LD_PRELOAD names no library that could be loaded\n", stderr), 2;
    char name[] = "/tmp/twinsXXXXXX";
    file = mkstemp(name);
    unreadable = open(name, O_WRONLY);
    unlink(name);
    if (file < 0 || unreadable < 0 || ftruncate(file, 5 * PAGE) != 0)
        return perror("twins: /tmp"), 2;
    key[HOOKED] = 0x7717 + 2 * getpid();
    key[RAW] = key[HOOKED] + 1;
    int good = 1;
    long done[CALLS][2] = {{0}};
    state = seed * 0x9e3779b97f4a7c15 | 1;
    for (long step = 0; step < steps && good; step++) {
        struct step s = random_step();
        long result[TWINS];
        int failure[TWINS];
        for (int twin = 0; twin < TWINS; twin++) {
            errno = UNTOUCHED;
            result[twin] = make(&s, twin);
            failure[twin] = errno;
            if (result[twin] == -1 && failure[twin] == UNTOUCHED)
                failure[twin] = -1;
        }
        done[s.call][s.call == 12 ? result[HOOKED] == 0 : result[HOOKED] != -1]++;
        long there[TWINS] = {relative(&s, result[HOOKED], HOOKED), relative(&s, result[RAW], RAW)};
        /* A hint is one: what is in quarantine may keep a mapping away from it, or one that grows down from the hint. */
        if (hardened && s.call <= 2 && !s.fixed && result[HOOKED] != -1 && result[RAW] != -1)
            there[HOOKED] = there[RAW] = -2;
        good = there[HOOKED] == there[RAW] && failure[HOOKED] == failure[RAW];
        /* What the kernel placed itself goes again. */
        if (good && there[HOOKED] == -2) {
            unsigned long length = s.length;
            good = munmap((void *)result[HOOKED], length) == 0 && syscall(SYS_munmap, result[RAW], length) == 0;
        }
        read_maps(maps, sizeof maps);
        describe(maps, HOOKED, shape[HOOKED]);
        describe(maps, RAW, shape[RAW]);
        good &= strcmp(shape[HOOKED], shape[RAW]) == 0;
        unsigned long page = below(PAGES);
        good &= contents(HOOKED, page) == contents(RAW, page);
        page = below(PAGES);
        fill(HOOKED, page, (uint64_t)step), fill(RAW, page, (uint64_t)step);
        if (!good)
            printf("twins: seed %lu, step %ld: call %d at %s%lx, length %lx, prot %x, flags %x, fd %d, offset %lx, to %lx, "
                   "length %lx\nhooked: %lx errno %d\n%sraw: %lx errno %d\n%s",
                   (unsigned long)seed, step, s.call, s.inside ? "window+" : "outside ", s.address, s.length, (unsigned)s.prot,
                   (unsigned)s.flags, s.fd, (unsigned long)s.offset, s.new_address, s.new_length, (unsigned long)result[HOOKED],
                   failure[HOOKED], shape[HOOKED], (unsigned long)result[RAW], failure[RAW], shape[RAW]);
    }
    for (int twin = 0; twin < TWINS; twin++)
        if (segment[twin] != -1)
            syscall(SYS_shmctl, segment[twin], IPC_RMID, NULL);
    /* A test that makes only calls which fail, or only such as succeed, would show little. */
    for (int call = 0; good && steps >= 20000 && call < CALLS; call++)
        if (done[call][0] < 20 || done[call][1] < 20)
            return printf("twins: call %d failed %ld and succeeded %ld times\n", call, done[call][0], done[call][1]), 1;
    return good ? 0 : 1;
}
