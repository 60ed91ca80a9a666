/* R20: a thread with PTHREAD_STACK_MIN, a handler on MINSIGSTKSZ, and how much stack the calls really use. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#define PAINT 0xa5
#define AREA 12000

static volatile int good;

static void *on_small_stack(void *unused)
{
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    good = page != MAP_FAILED && munmap(page, 4096) == 0 && fail_at(1);
    return unused;
}

static void handler(int signal) { (void)signal; good = fail_at(2); }

/* Where the painted stack lies: `paint` and `used` have the same frame, one after the other. */
static volatile unsigned char *painted;

/* Fills the stack below with a pattern that the next call overwrites where it uses it. */
static __attribute__((noinline)) void paint(void)
{
    volatile unsigned char area[AREA];
    for (int i = 0; i < AREA; i++)
        area[i] = PAINT;
    uintptr_t lowest = (uintptr_t)area; /* as a number: the array is looked at after its life */
    painted = (volatile unsigned char *)lowest;
}

/* How much of the painted stack is no longer so. */
static __attribute__((noinline)) int used(void)
{
    int untouched = 0;
    while (untouched < AREA && painted[untouched] == PAINT)
        untouched++;
    return AREA - untouched;
}

static __attribute__((noinline)) int stack_of_success(void)
{
    paint();
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page, 4096);
    return used();
}

/* A file, which is looked at after the call. */
static __attribute__((noinline)) int stack_of_file(void)
{
    int file = open("/proc/self/exe", O_RDONLY);
    paint();
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    munmap(page, 4096);
    int all = used();
    close(file);
    return all;
}

static __attribute__((noinline)) int stack_of_report(int site)
{
    paint();
    fail_at(site);
    return used();
}

/* A failure whose explanation asks the kernel for the list of mappings. */
static __attribute__((noinline)) int stack_of_facts(void)
{
    paint();
    mprotect((void *)4096, 4096, PROT_READ);
    return used();
}

/* What makes the library ask what is there before the call, though nothing is wrong: parts of a reservation, committed one
 * by one and released together, or replaced. */
static __attribute__((noinline)) int stack_of_pieces(int replace)
{
    char *room = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(room, 4096, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(room + 8192, 4096, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    paint();
    if (replace)
        mmap(room, 16384, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    else
        munmap(room, 16384);
    int all = used();
    munmap(room, 1 << 20);
    return all;
}

/* A release that is told. */
static __attribute__((noinline)) int stack_of_loss(void)
{
    /* Too large for the holes between libraries, so that the second lies right below the first. */
    const size_t length = 64 << 20;
    char *above = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *below = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(below + length == above, "they are not neighbours");
    paint();
    munmap(below, length + 4096);
    int all = used();
    munmap(above, length);
    return all;
}

/* Successes of the other calls, on memory and a segment that are there. */
static char *memory;
static int segment;

static void protects(void) { CHECK(mprotect(memory, 4096, PROT_READ) == 0, "%s", strerror(errno)); }
static void writes_back(void) { CHECK(msync(memory, 4096, MS_ASYNC) == 0, "%s", strerror(errno)); }
static void makes_key(void) { CHECK(ftok("/proc/self/exe", 7) != -1, "%s", strerror(errno)); }
static void attaches(void) { CHECK(shmdt(shmat(segment, NULL, 0)) == 0, "%s", strerror(errno)); }
static void gets_elsewhere(void)
{
    /* The kernel passes over a hint that is taken. */
    CHECK(mmap(memory, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED, "%s", strerror(errno));
}
static void asks_segment(void)
{
    static struct shmid_ds state;
    CHECK(shmctl(segment, IPC_STAT, &state) == 0, "%s", strerror(errno));
}
static void makes_segment(void)
{
    int made = shmget(IPC_PRIVATE, 4096, 0600);
    CHECK(shmctl(made, IPC_RMID, NULL) == 0, "%s", strerror(errno));
}
static void shrinks(void)
{
    char *pages = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(mremap(pages, 65536, 4096, 0) == pages, "%s", strerror(errno));
}
static void moves(void)
{
    char *to = memory + 65536;
    CHECK(mremap(memory, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to, "%s", strerror(errno));
}

static const struct {
    const char *what;
    void (*calls)(void);
    int limit;
} others[] = {
    {"mprotect", protects, 512},       {"msync", writes_back, 512},     {"ftok", makes_key, 640},
    {"shmctl", asks_segment, 512},     {"shmget", makes_segment, 1024}, {"shmat and shmdt", attaches, 1024},
    {"a hint", gets_elsewhere, 1024},  {"mremap", shrinks, 1280},       {"mremap to a fixed address", moves, 2048},
};

static void others_stay_below_their_limits(void)
{
    memory = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    segment = shmget(IPC_PRIVATE, 4096, 0600);
    CHECK(memory != MAP_FAILED && segment != -1, "%s", strerror(errno));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        others[i].calls(); /* the loader binds names at the first call, on this stack */
        if (others[i].calls == moves)
            memory += 65536;
        paint();
        others[i].calls();
        int bytes = used();
        printf("%s: %d bytes of stack\n", others[i].what, bytes);
        CHECK(bytes < others[i].limit, "%s uses %d bytes of stack, above %d", others[i].what, bytes, others[i].limit);
    }
    shmctl(segment, IPC_RMID, NULL);
}

int main(void)
{
    alarm(50);
    stack_of_success(); /* the loader binds names at the first call, on this stack */
    mprotect(NULL, 0, PROT_READ);
    stack_of_file();
    int success = stack_of_success(), file = stack_of_file(), report = stack_of_report(3), facts = stack_of_facts();
    printf("bytes of stack: %d for a success, %d with a file, %d for a report, %d for one with facts\n", success, file, report,
           facts);
    int released = stack_of_pieces(0), replaced = stack_of_pieces(1), loss = stack_of_loss();
    printf("%d for pieces released, %d for pieces replaced, %d for an overrun\n", released, replaced, loss);
    CHECK(released < 2048 && replaced < 2048, "a look uses %d and %d bytes", released, replaced);
    CHECK(loss < 4096, "an overrun uses %d bytes", loss);
    CHECK(success < 512, "a success uses %d bytes", success);
    CHECK(file < 512, "a success with a file uses %d bytes", file);
    CHECK(report < 4096, "a report uses %d bytes", report);
    CHECK(facts < 4096, "a report with facts uses %d bytes", facts);

    others_stay_below_their_limits();

    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0, "PTHREAD_STACK_MIN is refused");
    CHECK(pthread_create(&thread, &attributes, on_small_stack, NULL) == 0, "no thread");
    pthread_join(thread, NULL);
    CHECK(good, "the calls of the small thread went wrong");

    /* The signal frame alone takes most of MINSIGSTKSZ on processors with wide registers: ask for what is left. */
    size_t least = (size_t)sysconf(_SC_MINSIGSTKSZ);
    stack_t stack = {.ss_sp = malloc(least + 4096), .ss_size = least + 4096};
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    good = 0;
    CHECK(sigaltstack(&stack, NULL) == 0 && sigaction(SIGUSR1, &action, NULL) == 0, "%s", strerror(errno));
    raise(SIGUSR1);
    CHECK(good, "the calls of the handler went wrong");
    CHECK(findings(2) == 5, "%lu errors", findings(2));
    return 0;
}
