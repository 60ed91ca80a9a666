/* Uses up a stack, of the kind that the argument says. What happens is told by the library, or not (single.sh). */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#define SIZE (256 * 1024)
#define PAGE 4096

static int third(int depth);

__attribute__((noinline)) static int self(int depth)
{
    volatile int kept = depth;
    return self(depth + 1) + kept;
}

__attribute__((noinline)) static int first(int depth)
{
    volatile char kept[100];
    kept[0] = (char)depth;
    return third(depth + 1) + kept[0];
}

__attribute__((noinline)) static int second(int depth)
{
    volatile int kept = depth;
    return first(depth + 1) + kept;
}

__attribute__((noinline)) static int third(int depth)
{
    volatile int kept = depth;
    return second(depth + 1) + kept;
}

__attribute__((noinline)) static int in_libc(int depth)
{
    char text[64];
    snprintf(text, sizeof text, "%d %f", depth, depth * 1.5);
    return in_libc(depth + 1) + text[0];
}

/* A frame that is larger than any stack here, of which the lowest byte is used first. */
__attribute__((noinline)) static int large(void)
{
    volatile char bytes[64 << 20];
    bytes[0] = 1;
    return bytes[0];
}

/* One that steps over the guard of its thread, into what the kernel has put below. */
__attribute__((noinline)) static int over_guard(void)
{
    volatile char bytes[1 << 20];
    bytes[0] = 1;
    return bytes[0];
}

/* One that comes to what lies below its stack and the guard. */
__attribute__((noinline)) static int wide(void)
{
    volatile char bytes[300 << 10];
    bytes[0] = 1;
    return bytes[0];
}

__attribute__((noinline)) static int mapping(int depth)
{
    volatile int kept = depth;
    void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page, PAGE);
    return mapping(depth + 1) + kept;
}

/* Room for a few calls is left when the library is called. */
__attribute__((noinline)) static int bottom(char *low, size_t left, size_t length)
{
    volatile char here = 1;
    if ((size_t)((char *)&here - low) > left)
        return bottom(low, left, length) + here;
    void *page = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return bottom(low, left > 32 ? left - 32 : 0, length) + (page == MAP_FAILED);
}

static void *run_bottom(void *length)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    return (void *)(long)bottom(low, 3000, (size_t)length);
}

/* Takes the lower half of its own stack away, unseen or not. */
static void *run_halved(void *unseen)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    if (unseen != NULL ? syscall(SYS_munmap, low, size / 2) : munmap(low, size / 2))
        exit(3);
    return (void *)(long)self(0);
}

/* And all of it, with its control block, without which nothing can be told. */
static void *run_bare(void *unused)
{
    pthread_attr_t attributes;
    void *low;
    size_t size;
    pthread_getattr_np(pthread_self(), &attributes);
    pthread_attr_getstack(&attributes, &low, &size);
    syscall(SYS_munmap, low, size);
    return unused;
}

static int c11(void *unused) { return self(0) + (unused != NULL); }

static void no_proc(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        umount2("/proc", MNT_DETACH) != 0) {
        printf("SKIPPED: /proc can't be taken away here (root alone may)\n");
        exit(77);
    }
}

/* Opening is refused, or nearly all is. */
static void filter(int strict)
{
    struct sock_filter opens[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_filter nearly_all[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    };
    struct sock_fprog program = {4, strict ? nearly_all : opens};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        printf("SKIPPED: no seccomp filter can be installed here: it needs CONFIG_SECCOMP_FILTER\n");
        exit(77);
    }
}

/* The page of the main thread's own block is taken away, which libc needs. */
static void no_block(void)
{
    unsigned long own = (unsigned long)__builtin_thread_pointer() & -(unsigned long)PAGE;
    syscall(SYS_munmap, own, PAGE);
}

static void *run_after_main(void *main_thread)
{
    pthread_join(*(pthread_t *)main_thread, NULL);
    return (void *)(long)self(0);
}

static void *run_self(void *unused) { return (void *)(long)(self(0) + (unused != NULL)); }
static void *run_large(void *unused) { return (void *)(long)(large() + (unused != NULL)); }
static void *run_over_guard(void *unused) { return (void *)(long)(over_guard() + (unused != NULL)); }
static void *run_wide(void *unused) { return (void *)(long)(wide() + (unused != NULL)); }
static void *run_mapping(void *unused) { return (void *)(long)(mapping(0) + (unused != NULL)); }
static void handler(int signal) { self(signal); }

static void ended(int signal)
{
    static const char told[] = "the program's own handler\n";
    ssize_t written = write(STDOUT_FILENO, told, sizeof told - 1);
    _exit(written > 0 && signal == SIGSEGV ? 7 : 8);
}

/* A stack above other memory, of which a large frame comes to a part that can't be written. */
static char *stack_above_others(void)
{
    char *all = mmap(NULL, 2 * SIZE + 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all, SIZE, PROT_READ) || mprotect(all + SIZE + PAGE, PAGE, PROT_NONE))
        exit(3);
    return all + SIZE + 3 * PAGE;
}

static void in_thread(void *(*function)(void *), void *stack, void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    if (stack != NULL)
        pthread_attr_setstack(&attributes, stack, SIZE);
    else
        pthread_attr_setstacksize(&attributes, SIZE);
    if (pthread_create(&thread, &attributes, function, argument) == 0)
        pthread_join(thread, NULL);
}

/* SIZE bytes for a stack, with a guard below them. */
static char *stack_above(int advice)
{
    char *all = mmap(NULL, SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        exit(3);
    if (advice == 0 ? mprotect(all, PAGE, PROT_NONE) : madvise(all, PAGE, advice)) {
        printf("SKIPPED: no such guard here: it needs Linux 6.13 (MADV_GUARD_INSTALL)\n");
        exit(77);
    }
    return all + PAGE;
}

static ucontext_t back, fiber;
static void on_fiber(void) { third(0); }

static void in_fiber(char *stack)
{
    getcontext(&fiber);
    fiber.uc_stack.ss_sp = stack;
    fiber.uc_stack.ss_size = SIZE;
    fiber.uc_link = &back;
    makecontext(&fiber, on_fiber, 0);
    swapcontext(&back, &fiber);
}

static void on_alternate(char *stack, size_t size)
{
    stack_t alternate = {.ss_sp = stack, .ss_size = size};
    sigaltstack(&alternate, NULL);
}

static void handle(int signal, void (*function)(int))
{
    struct sigaction action = {.sa_handler = function, .sa_flags = SA_ONSTACK};
    sigaction(signal, &action, NULL);
}

/* A handler that is to run on an alternate stack, set when this thread has run for a while. */
static void *run_after_handler(void *unused)
{
    handle(SIGUSR1, handler);
    return run_self(unused);
}

static const char *wanted;
static int is(const char *name) { return strcmp(wanted, name) == 0; }

__attribute__((constructor)) static void before_main(void)
{
    const char *when = getenv("STACKS_EARLY");
    if (when != NULL)
        self(0);
}

int main(int count, char **arguments)
{
    wanted = count > 1 ? arguments[1] : "";
    setvbuf(stdout, NULL, _IONBF, 0);
    /* The same limit wherever it runs, which is smaller than the large frame. */
    struct rlimit limit = {8 << 20, 8 << 20};
    if (getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != 8 << 20) {
        limit.rlim_cur = 8 << 20;
        if (setrlimit(RLIMIT_STACK, &limit) == 0)
            execv("/proc/self/exe", arguments);
        return 3;
    }
    if (is("main"))
        self(0);
    else if (is("three"))
        third(0);
    else if (is("large"))
        large();
    else if (is("libc"))
        in_libc(0);
    else if (is("hook"))
        in_thread(run_mapping, NULL, NULL);
    else if (is("early"))
        setenv("STACKS_EARLY", "1", 1), execv("/proc/self/exe", arguments);
    else if (is("thread"))
        in_thread(run_self, NULL, NULL);
    else if (is("thread-large"))
        in_thread(run_large, NULL, NULL);
    else if (is("over-guard"))
        in_thread(run_over_guard, NULL, NULL);
    else if (is("others-below"))
        in_thread(run_wide, stack_above_others(), NULL);
    else if (is("thread-stack"))
        in_thread(run_self, stack_above(0), NULL);
    else if (is("fiber"))
        in_fiber(stack_above(0));
    else if (is("fiber-advised"))
        in_fiber(stack_above(MADV_GUARD_INSTALL));
    else if (is("handler"))
        signal(SIGUSR1, handler), raise(SIGUSR1);
    else if (is("alternate"))
        on_alternate(stack_above(0), SIZE), handle(SIGUSR1, handler), raise(SIGUSR1);
    else if (is("child")) {
        int status = 0;
        if (fork() == 0)
            self(0);
        wait(&status);
        raise(WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL);
    } else if (is("hook-bottom"))
        in_thread(run_bottom, NULL, (void *)PAGE);
    else if (is("hook-failing"))
        in_thread(run_bottom, NULL, NULL);
    else if (is("halved"))
        in_thread(run_halved, stack_above(0), NULL);
    else if (is("halved-unseen"))
        in_thread(run_halved, stack_above(0), "");
    else if (is("bare"))
        in_thread(run_bare, stack_above(0), NULL);
    else if (is("c11")) {
        thrd_t thread;
        if (thrd_create(&thread, c11, NULL) == thrd_success)
            thrd_join(thread, NULL);
    } else if (is("no-proc"))
        no_proc(), self(0);
    else if (is("no-proc-thread"))
        no_proc(), in_thread(run_self, NULL, NULL);
    else if (is("no-proc-fiber"))
        no_proc(), in_fiber(stack_above(0));
    else if (is("no-proc-handler"))
        no_proc(), signal(SIGUSR1, handler), raise(SIGUSR1);
    else if (is("filter"))
        filter(0), self(0);
    else if (is("filter-thread"))
        filter(0), in_thread(run_self, NULL, NULL);
    else if (is("filter-strict"))
        filter(1), self(0);
    else if (is("no-block"))
        no_block(), self(0);
    else if (is("handler-before"))
        signal(SIGSEGV, ended), signal(SIGSEGV, SIG_DFL), self(0);
    else if (is("handler-later"))
        handle(SIGUSR1, handler), self(0);
    else if (is("handler-later-thread"))
        in_thread(run_after_handler, NULL, NULL);
    else if (is("after-main")) {
        pthread_t main_thread = pthread_self(), thread;
        pthread_create(&thread, NULL, run_after_main, &main_thread);
        pthread_exit(NULL);
    } else if (is("own-handler"))
        handle(SIGSEGV, ended), self(0);
    else if (is("own-handler-thread"))
        handle(SIGSEGV, ended), in_thread(run_self, NULL, NULL);
    else if (is("own-alternate"))
        on_alternate(malloc(SIZE), SIZE), handle(SIGSEGV, ended), self(0);
    else if (is("obstacle")) {
        char here;
        char *page = (char *)((unsigned long)(&here - (1 << 20)) & -(unsigned long)PAGE);
        if (mmap(page, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == page)
            self(0);
    } else if (is("index")) {
        /* No stack is used up: an index below an array on it that runs out of a fiber's. */
        char *stack = stack_above(0);
        *(volatile char *)(stack - 1) = 1;
    }
    return 0;
}
