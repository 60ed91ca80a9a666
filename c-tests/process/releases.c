/* Releases that take away what is not theirs: each in a child, which ends in the callback with the verdict. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <mapsan.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW (PROT_READ | PROT_WRITE)

static char data[16 * PAGE] __attribute__((aligned(4096)));

static char *map(size_t size) { return mmap(NULL, size, RW, ANONYMOUS, -1, 0); }
static char *page_of(uintptr_t address) { return (char *)(address & ~(PAGE - 1)); }
static void fix(void *at, size_t size) { mmap(at, size, RW, ANONYMOUS | MAP_FIXED, -1, 0); }

static char *attach(void)
{
    int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
    char *p = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    return p;
}

static void heap(void) { munmap(page_of((uintptr_t)malloc(100000)) + PAGE, PAGE); }
static void stack(void) { char here[100]; memset(here, 1, sizeof here); munmap(page_of((uintptr_t)here), PAGE); }
static void *in_thread(void *unused) { stack(); return unused; }
static void thread(void) { pthread_t t; pthread_create(&t, NULL, in_thread, NULL); pthread_join(t, NULL); }
static void object(void) { munmap(page_of((uintptr_t)&qsort), PAGE); }
static void own_data(void) { fix(data + PAGE, PAGE); }
static void libs_data(void) { fix(page_of((uintptr_t)stdout), PAGE); }
static void fix_heap(void) { fix(page_of((uintptr_t)malloc(100000)) + PAGE, PAGE); }
static void fix_segment(void) { fix(attach() + PAGE, PAGE); }
static void segment(void) { munmap(attach(), 4 * PAGE); }
static void part_of_segment(void) { munmap(attach() + PAGE, PAGE); }
static void null(void) { munmap(NULL, PAGE); }
static void walked_away(void) { char *p = map(PAGE); munmap(p + 100000 * PAGE, PAGE); }
static void twice(void) { char *p = map(2 * PAGE); munmap(p, 2 * PAGE); munmap(p, 2 * PAGE); }
static void twice_a_part(void) { char *p = map(2 * PAGE); munmap(p, 2 * PAGE); munmap(p, PAGE); }
static void twice_the_head(void) { char *p = map(2 * PAGE); munmap(p, PAGE); munmap(p, PAGE); }
static void after_a_move(void)
{
    char *p = map(2 * PAGE), *q = mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, map(2 * PAGE));
    munmap(q, 2 * PAGE);
    munmap(p, 2 * PAGE);
}

/* Two mappings side by side, which the kernel placed. */
static char *pair(void)
{
    munmap(map(64 * PAGE), 64 * PAGE);
    char *upper = mmap(NULL, 2 * PAGE, PROT_READ, ANONYMOUS, -1, 0);
    char *lower = mmap(NULL, 2 * PAGE, RW, ANONYMOUS, -1, 0);
    if (lower + 2 * PAGE != upper)
        _exit(77);
    return lower;
}

static void overrun(void) { munmap(pair(), 3 * PAGE); }
static void overrun_from_within(void) { munmap(pair() + PAGE, 2 * PAGE); }
static void overrun_by_a_byte(void) { munmap(pair(), 2 * PAGE + 1); }
static void fix_into_next(void) { fix(pair(), 3 * PAGE); }

static const struct { const char *name; void (*run)(void); const char *rule; int severity; } cases[] = {
    {"heap", heap, "munmap-foreign", MAPSAN_ERROR},
    {"stack", stack, "munmap-foreign", MAPSAN_ERROR},
    {"a thread's stack", thread, "munmap-foreign", MAPSAN_ERROR},
    {"a library", object, "munmap-foreign", MAPSAN_ERROR},
    {"a segment", segment, "munmap-foreign", MAPSAN_ERROR},
    {"part of a segment", part_of_segment, "munmap-foreign", MAPSAN_WARNING},
    {"MAP_FIXED over own data", own_data, "mmap-fixed-clobber", MAPSAN_WARNING},
    {"MAP_FIXED over a library's data", libs_data, "mmap-fixed-clobber", MAPSAN_ERROR},
    {"MAP_FIXED over the heap", fix_heap, "mmap-fixed-clobber", MAPSAN_ERROR},
    {"MAP_FIXED over a segment", fix_segment, "mmap-fixed-clobber", MAPSAN_ERROR},
    {"MAP_FIXED into the next mapping", fix_into_next, "mmap-fixed-clobber", MAPSAN_ERROR},
    {"NULL", null, "munmap-not-mapped", MAPSAN_ERROR},
    {"nothing", walked_away, "munmap-not-mapped", MAPSAN_WARNING},
    {"twice", twice, "munmap-double", MAPSAN_ERROR},
    {"twice, a part", twice_a_part, "munmap-double", MAPSAN_ERROR},
    {"twice, the head", twice_the_head, "munmap-double", MAPSAN_ERROR},
    {"after a move", after_a_move, "munmap-double", MAPSAN_ERROR},
    {"overrun", overrun, "munmap-overrun", MAPSAN_ERROR},
    {"overrun from within", overrun_from_within, "munmap-overrun", MAPSAN_ERROR},
    {"overrun by a byte", overrun_by_a_byte, "munmap-overrun", MAPSAN_ERROR},
};

static void judge(const struct mapsan_finding *finding, void *number)
{
    int i = (int)(intptr_t)number;
    if (finding->severity == MAPSAN_NOTE)
        return; /* shmctl-remove-attached, of what only prepares the case */
    if (strcmp(finding->rule, cases[i].rule) != 0 || (int)finding->severity != cases[i].severity) {
        printf("%s: [%s] %s\n", cases[i].name, finding->rule, finding->message);
        fflush(stdout);
        _exit(1);
    }
    _exit(0);
}

int main(void)
{
    typedef mapsan_callback (*setter)(mapsan_callback, void *);
    setter set = (setter)dlsym(RTLD_DEFAULT, "mapsan_set_callback");
    int wrong = 0;
    CHECK(set != NULL, "the program runs without the library");
    alarm(50);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pid_t child = fork();
        if (child == 0) {
            set(judge, (void *)(intptr_t)i);
            cases[i].run();
            set(NULL, NULL);
            _exit(2);
        }
        int status;
        waitpid(child, &status, 0);
        if (status != 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 77)) {
            printf("%s: status %#x, and %s is due\n", cases[i].name, (unsigned)status, cases[i].rule);
            wrong++;
        }
    }
    return wrong != 0;
}
