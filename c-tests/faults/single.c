/* Faults of single causes: single CASE PLUGIN. Each ends by its signal; 77: the case can't be had here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE 4096
#define RW (PROT_READ | PROT_WRITE)

static const char *plugin;

static void skip(const char *why)
{
    printf("SKIPPED: %s\n", why);
    exit(77);
}

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(70);
    }
}

static char *map(size_t length, int prot, int flags, int fd)
{
    char *mapped = mmap(NULL, length, prot, flags, fd, 0);
    check(mapped != MAP_FAILED, "mmap");
    return mapped;
}

static char *anonymous(size_t pages, int prot) { return map(pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1); }

static int file(off_t length)
{
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    check(fd >= 0 && ftruncate(fd, length) == 0, "file");
    return fd;
}

/* The accesses have a size of their own, whatever the compiler would make of them. */
static void read_byte(const void *at) { (void)*(const volatile char *)at; }
static void read_word(const void *at) { (void)*(const volatile uint32_t *)at; }
static void write_byte(void *at) { *(volatile char *)at = 1; }

/* A jump that nothing returns from: in assembly, so that it is a call, and no tail call. */
static void call(void *at)
{
    ((void (*)(void))at)();
    __asm__ volatile("" ::: "memory");
}

/* dlclose. */

static void *opened(const char *name)
{
    void *library = dlopen(plugin, RTLD_NOW);
    void *symbol = library == NULL ? NULL : dlsym(library, name);
    check(symbol != NULL, "dlopen");
    dlclose(library);
    return symbol;
}

static void library(void) { call(opened("seven")); }
static void library_data(void) { read_byte((char *)opened("greeting") + 1); }

/* What another mapping has taken the place of. */
static void library_replaced(void)
{
    char *seven = opened("seven");
    char *page = (char *)((uintptr_t)seven & -(uintptr_t)PAGE);
    check(mmap(page, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == page, "mmap there");
    call(seven);
}

/* A library that is loaded twice is removed by the second dlclose. */
static void library_twice(void)
{
    void *first = dlopen(plugin, RTLD_NOW), *second = dlopen(plugin, RTLD_NOW);
    check(first != NULL && second == first, "dlopen");
    int (*seven)(void) = (int (*)(void))dlsym(first, "seven");
    dlclose(first);
    check(seven() == 7, "still loaded");
    dlclose(second);
    call((void *)seven);
}

/* Jumps. */

static void jump_null(void) { call(NULL); }
static void jump_wild(void) { call((void *)0x123400005000); }
static void jump_outside(void) { call((void *)0x4141414141414141); }
static void jump_return_outside(void)
{
#ifdef __x86_64__
    __asm__ volatile("movabs $0x4141414141414141, %%rax\n\tpush %%rax\n\tret" ::: "rax");
#else
    skip("x86-64 alone");
#endif
}

static void jump_kernel(void) { call((void *)0xffff900000000000); }
static void jump_heap(void) { call(malloc(100)); }
static void jump_data(void) { call(anonymous(1, RW) + 8); }

/* A return address that was overwritten: no caller is left on the stack. */
static void jump_return(void)
{
#ifdef __x86_64__
    __asm__ volatile("push $0\n\tpush $0x7777000\n\tret");
#else
    skip("x86-64 alone");
#endif
}

/* Pointers that stand for a failure. */

static void fail(int error)
{
    if (error == ENOMEM) {
        check(mmap(NULL, (size_t)1 << 47, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == error, "ENOMEM");
    } else if (error == EINVAL) {
        check(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == error, "EINVAL");
    } else {
        check(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 999, 0) == MAP_FAILED && errno == error, "EBADF");
    }
}

static void failed_word(void) { fail(EBADF), read_word((char *)MAP_FAILED + 16); }
static void failed_byte(void) { fail(EBADF), read_byte((char *)MAP_FAILED + 16); }
static void failed_string(void) { fail(EBADF), printf("%s\n", (char *)MAP_FAILED); }
/* A string behind the fields of a header, past which the address is a small one. */
static void failed_header(void) { fail(EBADF), puts((char *)MAP_FAILED + 4); }
/* The compiler is to know neither the length nor the text. */
static size_t (*volatile length_of)(const char *) = strlen;
static int (*volatile scan)(const char *, const char *, ...) = sscanf;
static int (*volatile print)(const char *, ...) = printf;
static void failed_length(void) { fail(EBADF), length_of(MAP_FAILED); }
static void failed_scan(void) { int number; fail(EBADF), scan(MAP_FAILED, "%d", &number); }
static void failed_format(void) { fail(EBADF), print("%d: %s\n", 1, (char *)MAP_FAILED); }
static void negated_length(void) { fail(ENOMEM), length_of((char *)-ENOMEM); }
static void negated(void) { fail(ENOMEM), read_byte((char *)-ENOMEM); }
static void negated_field(void) { fail(EINVAL), read_word((char *)-EINVAL + 64); }
static void negated_or_not(void) { fail(EBADF), read_word((char *)-EBADF + 64); }
static void null_field(void) { fail(EBADF), read_word((char *)16); }
static void null_itself(void) { fail(EBADF), read_word(NULL); }
static void not_failed(void) { read_byte((char *)MAP_FAILED + 16); }

/* Protections. */

static void heap(void)
{
    char *page;
    check(posix_memalign((void **)&page, PAGE, PAGE) == 0 && mprotect(page, PAGE, PROT_READ) == 0, "heap");
    write_byte(page + 9);
}

static void constant(void) { write_byte((char *)(uintptr_t) "constant"); }

/* The protection of an older mapping at the same address. */
static void older_mprotect(void)
{
    char *page = anonymous(1, RW);
    check(mprotect(page, PAGE, PROT_READ) == 0 && munmap(page, PAGE) == 0, "older");
    check(mmap(page, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == page, "mmap there");
    write_byte(page);
}

static void read_only_file(void)
{
    close(file(PAGE));
    write_byte(map(PAGE, PROT_READ, MAP_SHARED, open("file", O_RDONLY)));
}

static void unwritten_file(void) { write_byte(map(PAGE, PROT_READ, MAP_SHARED, file(PAGE))); }

static void deep_in_reservation(void)
{
    char *all = anonymous(256, PROT_NONE);
    check(mprotect(all, PAGE, RW) == 0, "mprotect");
    write_byte(all + 100 * PAGE);
}

static void key(void)
{
    char *page = anonymous(1, RW);
    int number = pkey_alloc(0, PKEY_DISABLE_WRITE);
    if (number < 0 || pkey_mprotect(page, PAGE, RW, number) != 0)
        skip("no protection keys");
    write_byte(page);
}

/* A mapping that was asked for right behind another, and lies elsewhere. */
static void hint(void)
{
    char *room = anonymous(8, PROT_NONE);
    check(munmap(room, 8 * PAGE) == 0, "munmap");
    char *first = mmap(room, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    char *guard = mmap(room + 2 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(first == room && guard == room + 2 * PAGE, "mmap there");
    check(mmap(room + 2 * PAGE, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != guard, "a hint");
    memset(first + 2 * PAGE - 8, 'x', 16);
}

/* Stacks. */

static ucontext_t back, fibre;

static int deep(int n)
{
    volatile char room[1024];
    room[0] = (char)n;
    return n > 0 ? deep(n - 1) + room[0] : 0;
}

static void fibre_body(void) { printf("%d\n", deep(100000)); }

static void alternate_stack(void)
{
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    check(sigaltstack(&stack, NULL) == 0, "sigaltstack");
}

static void run_on(char *stack, size_t size)
{
    alternate_stack();
    getcontext(&fibre);
    fibre.uc_stack.ss_sp = stack;
    fibre.uc_stack.ss_size = size;
    fibre.uc_link = &back;
    makecontext(&fibre, fibre_body, 0);
    swapcontext(&back, &fibre);
}

static void stack_guarded(void)
{
    char *stack = anonymous(64, RW);
    check(mprotect(stack, PAGE, PROT_NONE) == 0, "guard");
    run_on(stack + PAGE, 63 * PAGE);
}

static void stack_bare(void)
{
    char *stack = mmap((char *)0x123450000000, 64 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(stack != MAP_FAILED, "mmap at an address");
    run_on(stack, 64 * PAGE);
}

/* The main thread's, down to a page that the program has put there. */
static void stack_of_main(void)
{
    struct rlimit limit = {1 << 20, 1 << 20};
    check(setrlimit(RLIMIT_STACK, &limit) == 0, "setrlimit");
    alternate_stack();
    printf("%d\n", deep(100000));
}

/* An index that runs out of a buffer on such a stack at its other end is none of the stack's. */
static void above_stack_body(void) { write_byte((char *)fibre.uc_stack.ss_sp + fibre.uc_stack.ss_size); }

static void above_stack(void)
{
    char *stack = mmap((char *)0x123450000000, 64 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(stack != MAP_FAILED, "mmap at an address");
    alternate_stack();
    getcontext(&fibre);
    fibre.uc_stack.ss_sp = stack;
    fibre.uc_stack.ss_size = 64 * PAGE;
    makecontext(&fibre, above_stack_body, 0);
    swapcontext(&back, &fibre);
}

/* Files. */

static void *raw_map(int fd)
{
    void *mapped = (void *)-1L;
#ifdef __x86_64__
    register long flags __asm__("r10") = MAP_SHARED, file __asm__("r8") = fd, offset __asm__("r9") = 0;
    __asm__ volatile("syscall"
                     : "=a"(mapped)
                     : "a"(SYS_mmap), "D"(0), "S"(PAGE), "d"(RW), "r"(flags), "r"(file), "r"(offset)
                     : "rcx", "r11", "memory");
#else
    skip("x86-64 alone");
#endif
    return mapped;
}

static void raw_file(void) { write_byte(raw_map(file(0))); }

static void raw_shrunk(void)
{
    int fd = file(PAGE);
    char *mapped = raw_map(fd);
    mapped[0] = 1;
    check(ftruncate(fd, 0) == 0, "ftruncate");
    write_byte(mapped);
}

/* Mapped short; a longer file, mapped before, was shortened first. */
static void short_from_the_start(void)
{
    int fd = file(2 * PAGE);
    map(2 * PAGE, RW, MAP_SHARED, fd);
    check(ftruncate(fd, 10) == 0, "ftruncate");
    write_byte(map(2 * PAGE, RW, MAP_SHARED, fd) + PAGE);
}

/* The file is short at the access, and has its length when the signal is delivered: a tracer sees to that in between. */
static void lengthen_at_the_fault(int fd)
{
    int ready[2];
    pid_t self = getpid();
    check(pipe(ready) == 0, "pipe");
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    if (fork() == 0) {
        int status = 0;
        char answer = ptrace(PTRACE_SEIZE, self, 0, 0) == 0;
        check(write(ready[1], &answer, 1) == 1, "write");
        while (answer && waitpid(self, &status, __WALL) == self && WIFSTOPPED(status)) {
            int signal = WSTOPSIG(status);
            if (signal == SIGBUS)
                ftruncate(fd, 2 * PAGE);
            ptrace(signal == SIGBUS ? PTRACE_DETACH : PTRACE_CONT, self, 0, signal == SIGTRAP ? 0 : signal);
            if (signal == SIGBUS)
                break;
        }
        _exit(0);
    }
    char answer = 0;
    check(read(ready[0], &answer, 1) == 1, "read");
    if (!answer)
        skip("ptrace(2) is not available");
}

static void passing(void)
{
    int fd = file(2 * PAGE);
    char *mapped = map(2 * PAGE, RW, MAP_SHARED, fd);
    mapped[PAGE] = 1;
    lengthen_at_the_fault(fd);
    check(ftruncate(fd, 10) == 0, "ftruncate");
    write_byte(mapped + PAGE);
}

static void passing_first(void)
{
    int fd = file(0);
    char *mapped = map(2 * PAGE, RW, MAP_SHARED, fd);
    lengthen_at_the_fault(fd);
    write_byte(mapped + PAGE);
}

/* Misaligned on purpose, where the processor is told to mind. */
static void misaligned(void)
{
#ifdef __x86_64__
    char *page = anonymous(1, RW);
    __asm__ volatile("pushf\n\torq $0x40000, (%%rsp)\n\tpopf\n\tmovl $1, 1(%0)" ::"r"(page) : "memory", "cc");
#else
    skip("x86-64 alone");
#endif
}

/* malloc's functions get what a mapping call gave. */

static char *alone(void) /* a mapping before which there never was one that the library has seen */
{
    char *room = (char *)syscall(SYS_mmap, NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(syscall(SYS_munmap, room, 3 * PAGE) == 0, "munmap");
    char *mapped = mmap(room + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(mapped == room + PAGE, "mmap there");
    return mapped;
}

static void freed(void) { free(alone()); }
static void reallocated(void) { check(realloc(alone(), 100) == NULL, "realloc"); }

static void freed_segment(void)
{
    int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
    char *there = alone();
    check(syscall(SYS_munmap, there, PAGE) == 0, "munmap");
    char *memory = shmat(id, there, 0);
    shmctl(id, IPC_RMID, NULL);
    check(memory == there, "shmat there");
    free(memory);
}

static void before_a_mapping(void) { (void)*(volatile uint64_t *)(alone() - 8); }

/* Faults of damaged pointers: what could find the damage. */

static void *volatile nowhere = (void *)16;

static void damaged(void)
{
    anonymous(1, RW);
    read_byte(nowhere);
}

static void damaged_beyond(void) /* where no address is told */
{
#ifdef __x86_64__
    anonymous(1, RW);
    read_byte((void *)0x4141414141414141);
#else
    skip("x86-64 alone");
#endif
}

static void damaged_reader(void)
{
    anonymous(1, PROT_READ);
    read_byte(nowhere);
}

static void damaged_neighbour(void) /* no guard has room before what the program has placed */
{
    char *room = (char *)syscall(SYS_mmap, NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 2; i++)
        mmap(room + i * PAGE, PAGE, i == 0 ? RW : PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    read_byte(nowhere);
}

static void past_requested(void)
{
    char *mapped = map(100, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    mapped[100] = 1;
    read_byte(nowhere);
}

static void past_file(void)
{
    char *mapped = map(PAGE, RW, MAP_SHARED, file(10));
    mapped[10] = 1;
    read_byte(nowhere);
}

static void made_shorter(void)
{
    char *mapped = anonymous(2, RW);
    memset(mapped, 1, 2 * PAGE);
    check(mremap(mapped, 2 * PAGE, 100, 0) == mapped, "mremap");
    read_byte(nowhere);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"library", library}, {"library-data", library_data}, {"library-replaced", library_replaced},
    {"library-twice", library_twice}, {"jump-null", jump_null}, {"jump-wild", jump_wild}, {"jump-outside", jump_outside},
    {"jump-return-outside", jump_return_outside},
    {"jump-kernel", jump_kernel}, {"jump-heap", jump_heap}, {"jump-data", jump_data}, {"jump-return", jump_return},
    {"failed-word", failed_word}, {"failed-byte", failed_byte}, {"failed-string", failed_string}, {"failed-header", failed_header}, {"negated", negated},
    {"negated-field", negated_field}, {"negated-or-not", negated_or_not}, {"null-field", null_field}, {"null", null_itself}, {"not-failed", not_failed},
    {"heap", heap}, {"constant", constant}, {"older-mprotect", older_mprotect}, {"read-only-file", read_only_file},
    {"unwritten-file", unwritten_file}, {"deep-in-reservation", deep_in_reservation}, {"key", key}, {"hint", hint},
    {"stack-guarded", stack_guarded}, {"stack-bare", stack_bare}, {"stack-of-main", stack_of_main},
    {"above-stack", above_stack}, {"raw-file", raw_file}, {"raw-shrunk", raw_shrunk},
    {"short-from-the-start", short_from_the_start}, {"passing", passing}, {"passing-first", passing_first},
    {"misaligned", misaligned}, {"failed-length", failed_length}, {"failed-scan", failed_scan}, {"failed-format", failed_format},
    {"negated-length", negated_length}, {"freed", freed}, {"reallocated", reallocated}, {"freed-segment", freed_segment},
    {"before-a-mapping", before_a_mapping}, {"damaged", damaged}, {"damaged-beyond", damaged_beyond},
    {"damaged-reader", damaged_reader}, {"damaged-neighbour", damaged_neighbour}, {"past-requested", past_requested},
    {"past-file", past_file}, {"made-shorter", made_shorter},
};

int main(int count, char **words)
{
    alarm(20);
    if (count != 3)
        return 64;
    plugin = words[2];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(words[1], cases[i].name) == 0) {
            cases[i].run();
            return 71;
        }
    return 64;
}
