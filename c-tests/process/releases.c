/* Releases that take away what is not theirs, and some that look so: each in a child, which ends in the callback with the
 * verdict. A case without a rule is silent, notes aside. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <mapsan.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
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

/* The same, anonymous, private and of one protection, from two call sites. */
static char *twins(void)
{
    munmap(map(64 * PAGE), 64 * PAGE);
    char *upper = mmap(NULL, 2 * PAGE, RW, ANONYMOUS, -1, 0);
    char *lower = map(2 * PAGE);
    if (lower + 2 * PAGE != upper)
        _exit(77);
    return lower;
}

static void merged(void) { munmap(twins() + PAGE, 2 * PAGE); }
static void fix_merged(void) { fix(twins(), 3 * PAGE); }

/* The page of the calling thread's control block. */
static char *own_block(void) { return page_of((uintptr_t)pthread_self()); }
static void block(void) { munmap(own_block(), PAGE); }
static void fix_block(void) { fix(own_block(), PAGE); }

/* One call that fails, over what may not be taken away. */
static void past_user_space(void) { munmap((void *)0x1000, 1UL << 47); }
static void kernel_half(void) { munmap((void *)0xffff800000000000UL, PAGE); }
static void fix_past_user_space(void) { mmap((void *)0x1000, 1UL << 47, RW, ANONYMOUS | MAP_FIXED, -1, 0); }
static void fix_past_a_limit(void)
{
    struct rlimit none = {0, RLIM_INFINITY};
    char *heap = page_of((uintptr_t)malloc(100000)) + PAGE;
    setrlimit(RLIMIT_AS, &none);
    mmap(heap, 64 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0);
    _exit(0); /* whatever is said of the failure */
}

static void moved_to(char *place) { mremap(map(PAGE), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place); }
static void move_to_heap(void) { moved_to(page_of((uintptr_t)malloc(100000)) + PAGE); }
static void move_to_library(void) { moved_to(page_of((uintptr_t)stdout)); }
static void move_to_next(void) { char *p = pair(); mremap(map(3 * PAGE), 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p); }
static void move_to_part(void) { char *p = mmap(NULL, 8 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0); moved_to(p + PAGE); }
static void move_to_reserved(void) { char *p = mmap(NULL, 8 * PAGE, PROT_NONE, ANONYMOUS, -1, 0); moved_to(p + PAGE); }

static void attach_over(char *place)
{
    int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
    /* Removed before: a process that has lost its heap may not come to that. It can be attached as long as it is. */
    shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    shmat(id, place, SHM_REMAP);
}
static void attach_over_heap(void) { attach_over(page_of((uintptr_t)malloc(100000)) + PAGE); }
static void attach_inside(void) { char *p = mmap(NULL, 8 * PAGE, PROT_NONE, ANONYMOUS, -1, 0); attach_over(p + PAGE); munmap(p, 8 * PAGE); }
static void fix_attached_inside(void) { char *p = mmap(NULL, 8 * PAGE, PROT_NONE, ANONYMOUS, -1, 0); attach_over(p + PAGE); fix(p, 4 * PAGE); }

/* Memory that the program took by sbrk for itself. */
static char *broken(void)
{
    char *start = page_of((uintptr_t)sbrk(0) + PAGE - 1);
    if (brk(start + 8 * PAGE) != 0)
        _exit(77);
    return start;
}
static void unmap_broken(void) { munmap(broken() + PAGE, PAGE); }
static void fix_broken(void) { fix(broken() + PAGE, PAGE); }

static void alternate(void)
{
    stack_t stack = {.ss_sp = map(16 * PAGE), .ss_size = 16 * PAGE};
    sigaltstack(&stack, NULL);
    munmap(stack.ss_sp, 16 * PAGE);
}
static void alternate_disabled(void)
{
    stack_t stack = {.ss_sp = map(16 * PAGE), .ss_size = 16 * PAGE}, none = {.ss_flags = SS_DISABLE};
    sigaltstack(&stack, NULL);
    sigaltstack(&none, NULL);
    munmap(stack.ss_sp, 16 * PAGE);
}

/* A thread that waits for ever, or for one byte, on a stack of libc's or of the program's. */
static int gate[2];
static char *volatile on_stack;
static stack_t of_thread;
static void *waits(void *unused)
{
    char here[3 * PAGE];
    here[0] = 1;
    if (of_thread.ss_sp != NULL)
        sigaltstack(&of_thread, NULL);
    on_stack = here;
    while (read(gate[0], here, 1) < 0)
        ;
    return unused;
}
static pthread_t waiting(char *stack, size_t size)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    if (stack != NULL)
        pthread_attr_setstack(&attributes, stack, size);
    if (pipe(gate) != 0 || pthread_create(&thread, &attributes, waits, NULL) != 0)
        _exit(77);
    while (on_stack == NULL)
        usleep(1000);
    usleep(20000);
    return thread;
}
static void let_go(pthread_t thread)
{
    if (write(gate[1], "", 1) != 1)
        _exit(77);
    pthread_join(thread, NULL);
}
static void others_block(void) { munmap(page_of((uintptr_t)waiting(NULL, 0)), PAGE); }
static void others_stack(void)
{
    waiting(NULL, 0);
    /* A thread that is not in a system call at that moment is not seen; this one soon is. */
    munmap(page_of((uintptr_t)on_stack + 2 * PAGE), PAGE);
}
static void fix_others_stack(void) { waiting(NULL, 0); fix(page_of((uintptr_t)on_stack + 2 * PAGE), PAGE); }
static void guard_others_stack(void)
{
    pthread_t thread = waiting(NULL, 0);
    char *bottom;
    size_t size;
    pthread_attr_t attributes;
    pthread_getattr_np(thread, &attributes);
    pthread_attr_getstack(&attributes, (void **)&bottom, &size);
    fix(bottom + 4 * PAGE, PAGE);
    let_go(thread);
}
static void own_stack_running(void)
{
    char *stack = map(64 * PAGE);
    waiting(stack, 64 * PAGE);
    munmap(stack, 64 * PAGE);
}
static void own_stack_joined(void)
{
    char *stack = map(64 * PAGE);
    let_go(waiting(stack, 64 * PAGE));
    munmap(stack, 64 * PAGE);
}
static void others_alternate(void)
{
    of_thread = (stack_t){.ss_sp = map(16 * PAGE), .ss_size = 16 * PAGE};
    waiting(NULL, 0);
    munmap(of_thread.ss_sp, 16 * PAGE);
}
static void joined_alternate(void)
{
    of_thread = (stack_t){.ss_sp = map(16 * PAGE), .ss_size = 16 * PAGE};
    let_go(waiting(NULL, 0));
    munmap(of_thread.ss_sp, 16 * PAGE);
}

/* What runtimes do with their own text: copied, replaced, copied back. */
__attribute__((aligned(4096), section(".text.moved"))) static int moved(int n) { return n + 1; }
__attribute__((aligned(4096), section(".text.moved"))) static int moved_end(void) { return 1; }
static void move_text(void)
{
    size_t size = (uintptr_t)moved_end - (uintptr_t)moved;
    char *text = (char *)(uintptr_t)moved, *copy = map(size);
    memcpy(copy, text, size);
    mmap(text, size, RW | PROT_EXEC, ANONYMOUS | MAP_FIXED, -1, 0);
    memcpy(text, copy, size);
    munmap(copy, size);
    if (moved(1) != 2)
        _exit(3);
}
static void move_text_by_mremap(void)
{
    size_t size = (uintptr_t)moved_end - (uintptr_t)moved;
    char *text = (char *)(uintptr_t)moved, *copy = mmap(NULL, size, RW | PROT_EXEC, ANONYMOUS, -1, 0);
    memcpy(copy, text, size);
    mremap(copy, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, text);
    if (moved(1) != 2)
        _exit(3);
}
static void vdso(void)
{
    uintptr_t start = getauxval(AT_SYSINFO_EHDR);
    if (start == 0)
        _exit(77);
    munmap((char *)start, PAGE);
    _exit(0);
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
    {"MAP_FIXED over a library's data", libs_data, "mmap-fixed-clobber", MAPSAN_WARNING},
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
    {"over merged neighbours", merged, "munmap-overrun", MAPSAN_WARNING},
    {"MAP_FIXED over merged neighbours", fix_merged, "mmap-fixed-clobber", MAPSAN_WARNING},
    {"the thread's control block", block, "munmap-foreign", MAPSAN_ERROR},
    {"MAP_FIXED over the thread's control block", fix_block, "mmap-fixed-clobber", MAPSAN_ERROR},
    {"past the user's half", past_user_space, "munmap-bad-range", MAPSAN_ERROR},
    {"in the kernel's half", kernel_half, "munmap-bad-range", MAPSAN_ERROR},
    {"MAP_FIXED past the user's half", fix_past_user_space, NULL, 0},
    {"MAP_FIXED past a limit", fix_past_a_limit, NULL, 0},
    {"mremap over the heap", move_to_heap, "mremap-clobber", MAPSAN_ERROR},
    {"mremap over a library", move_to_library, "mremap-clobber", MAPSAN_WARNING},
    {"mremap into the next mapping", move_to_next, "mremap-clobber", MAPSAN_ERROR},
    {"mremap into another's mapping", move_to_part, "mremap-clobber", MAPSAN_ERROR},
    {"mremap into a reservation", move_to_reserved, NULL, 0},
    {"shmat over the heap", attach_over_heap, "shmat-clobber", MAPSAN_ERROR},
    {"a reservation with a segment in it", attach_inside, NULL, 0},
    {"MAP_FIXED over a reservation with a segment in it", fix_attached_inside, NULL, 0},
    {"memory of brk", unmap_broken, "munmap-foreign", MAPSAN_WARNING},
    {"MAP_FIXED over memory of brk", fix_broken, "mmap-fixed-clobber", MAPSAN_WARNING},
    {"a registered alternate stack", alternate, "munmap-foreign", MAPSAN_ERROR},
    {"another thread's control block", others_block, "munmap-foreign", MAPSAN_ERROR},
    {"another thread's stack in use", others_stack, "munmap-foreign", MAPSAN_ERROR},
    {"MAP_FIXED over another thread's stack in use", fix_others_stack, "mmap-fixed-clobber", MAPSAN_ERROR},
    {"MAP_FIXED at the far end of another thread's stack", guard_others_stack, NULL, 0},
    {"a running thread's stack of the program's", own_stack_running, "munmap-foreign", MAPSAN_ERROR},
    {"a joined thread's stack of the program's", own_stack_joined, NULL, 0},
    {"another thread's alternate stack", others_alternate, "munmap-foreign", MAPSAN_ERROR},
    {"a joined thread's alternate stack", joined_alternate, NULL, 0},
    {"an alternate stack out of use", alternate_disabled, NULL, 0},
    {"text to other pages", move_text, NULL, 0},
    {"text to other pages by mremap", move_text_by_mremap, NULL, 0},
    {"the vDSO", vdso, NULL, 0},
    {"overrun by a byte", overrun_by_a_byte, "munmap-overrun", MAPSAN_ERROR},
};

static void judge(const struct mapsan_finding *finding, void *number)
{
    int i = (int)(intptr_t)number;
    if (finding->severity == MAPSAN_NOTE)
        return; /* shmctl-remove-attached, of what only prepares the case */
    if (cases[i].rule == NULL || strcmp(finding->rule, cases[i].rule) != 0 || (int)finding->severity != cases[i].severity) {
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
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            set(judge, (void *)(intptr_t)i);
            cases[i].run();
            set(NULL, NULL);
            _exit(cases[i].rule == NULL ? 0 : 2);
        }
        int status;
        waitpid(child, &status, 0);
        if (status != 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 77)) {
            printf("%s: status %#x, and %s is due\n", cases[i].name, (unsigned)status, cases[i].rule == NULL ? "silence" : cases[i].rule);
            wrong++;
        }
    }
    return wrong != 0;
}
