/* Faults of every cause in every place: faults CAUSE PLACE [recover].
 *
 * The program dies of the fault, or with `recover` gets over it by a handler of its own and ends with 0; in the place
 * `child` its child does, and it ends with the number of the signal. 77: the cause can't be had here. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

/* What the access is to do, and where; `fd` belongs to the mapping at `base`. */
static enum { READ, WRITE, EXECUTE, COPY } access_kind;
static char *volatile target;
static char *base;
static int fd = -1;

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

static char *map(size_t length, int prot, int flags, int file)
{
    char *mapped = mmap(NULL, length, prot, flags, file, 0);
    check(mapped != MAP_FAILED, "mmap");
    return mapped;
}

static char *anonymous(size_t pages) { return map(pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1); }

static int file(off_t length)
{
    fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    check(fd >= 0 && ftruncate(fd, length) == 0, "file");
    return fd;
}

/* The causes. Each leaves `target`. */

static void past_eof(void)
{
    base = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file(100));
    target = base + 2 * PAGE + 5;
}

static void truncated(void)
{
    base = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file(4 * PAGE));
    base[0] = 1;
    if (fork() == 0)
        _exit(truncate("file", 10) != 0);
    wait(NULL);
    target = base + PAGE;
}

static void truncated_private(void)
{
    base = map(2 * PAGE, PROT_READ, MAP_PRIVATE, file(2 * PAGE));
    check(ftruncate(fd, 0) == 0, "ftruncate");
    close(fd);
    target = base + 1;
    access_kind = READ;
}

/* A file that grew after it was mapped, as a second mapping has seen, and shrank again. */
static void truncated_later(void)
{
    base = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file(10));
    check(ftruncate(fd, 4 * PAGE) == 0, "ftruncate");
    munmap(map(PAGE, PROT_READ, MAP_SHARED, fd), PAGE);
    check(ftruncate(fd, 10) == 0, "ftruncate");
    target = base + 3 * PAGE;
}

static void no_space(void)
{
    if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0)
        skip("no mount namespace can be had");
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    check(mkdir("full", 0700) == 0 || errno == EEXIST, "mkdir");
    if (mount("tmpfs", "full", "tmpfs", 0, "size=32k") != 0)
        skip("no filesystem can be mounted");
    check(chdir("full") == 0, "chdir");
    base = map(64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file(64 * PAGE));
    for (int page = 0; page < 8; page++)
        base[page * PAGE] = 1;
    target = base + 8 * PAGE;
}

static void no_huge_page(void)
{
    base = mmap(NULL, 1 << 21, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        skip("no huge pages can be mapped");
    FILE *free_pages = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
    int pages = -1;
    if (free_pages == NULL || fscanf(free_pages, "%d", &pages) != 1 || pages != 0)
        skip("the pool of huge pages is not empty");
    target = base + 77;
}

static void unsupplied(void)
{
    int pager = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS};
    if (pager < 0 || ioctl(pager, UFFDIO_API, &api) != 0)
        skip("userfaultfd(2) is not to be had");
    base = anonymous(2);
    struct uffdio_register range = {{(unsigned long)base, 2 * PAGE}, UFFDIO_REGISTER_MODE_MISSING, 0};
    check(ioctl(pager, UFFDIO_REGISTER, &range) == 0, "UFFDIO_REGISTER");
    target = base;
}

static void protected(void)
{
    base = anonymous(2);
    check(mprotect(base, 2 * PAGE, PROT_READ) == 0, "mprotect");
    target = base + 9;
}

static void read_only_segment(void)
{
    int id = shmget(IPC_PRIVATE, 100, IPC_CREAT | 0600);
    base = shmat(id, NULL, SHM_RDONLY);
    shmctl(id, IPC_RMID, NULL);
    check(base != (void *)-1, "shmat");
    target = base + 9;
}

static void uncommitted(void)
{
    base = map(1 << 24, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
    check(mprotect(base, PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
    target = base + (1 << 23);
}

static void data_as_code(void)
{
    base = anonymous(1);
    target = base + 16;
    access_kind = EXECUTE;
}

static void unmapped(void)
{
    base = anonymous(3);
    munmap(base, 3 * PAGE);
    target = base + PAGE + 3;
}

static void unmapped_code(void)
{
    unmapped();
    access_kind = EXECUTE;
}

static void moved(void)
{
    base = anonymous(2);
    char *room = anonymous(64);
    check(mremap(base, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room) == room, "mremap");
    target = base + 1;
}

static void detached(void)
{
    int id = shmget(IPC_PRIVATE, 2 * PAGE, IPC_CREAT | 0600);
    base = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    check(base != (void *)-1 && shmdt(base) == 0, "shmdt");
    target = base + PAGE;
}

static void failed(void)
{
    base = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 999, 0);
    target = base;
}

static void failed_field(void)
{
    failed();
    target = base + 8;
}

static void failed_segment(void)
{
    base = shmat(123456, NULL, 0);
    target = base;
    access_kind = COPY;
}


/* Where nothing was ever mapped: next to what was unmapped it would be after-unmap. */
static void past_mapping(void)
{
    base = (char *)0x123450000000;
    base = mmap(base, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    check(base != MAP_FAILED, "mmap at an address");
    target = base + PAGE;
}

static void before_mapping(void)
{
    past_mapping();
    target = base - 1;
}

static void into_guard(void)
{
    base = map(8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    check(mprotect(base + 2 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
    target = base + 6 * PAGE;
}

static const struct cause {
    const char *name;
    void (*prepare)(void);
} causes[] = {
    {"past-eof", past_eof},         {"truncated", truncated},     {"truncated-private", truncated_private},
    {"truncated-later", truncated_later}, {"no-space", no_space}, {"no-huge-page", no_huge_page},
    {"unsupplied", unsupplied},     {"protected", protected},     {"read-only-segment", read_only_segment},
    {"uncommitted", uncommitted},   {"data-as-code", data_as_code}, {"unmapped", unmapped},
    {"unmapped-code", unmapped_code}, {"moved", moved},           {"detached", detached},
    {"failed", failed},             {"failed-field", failed_field}, {"failed-segment", failed_segment},
    {"past-mapping", past_mapping}, {"before-mapping", before_mapping}, {"into-guard", into_guard},
};

/* The access. Exported, so that the library can name it. */
__attribute__((noinline)) void faulting_access(void)
{
    switch (access_kind) {
    case READ:
        (void)*(volatile char *)target;
        break;
    case WRITE:
        *(volatile char *)target = 1;
        break;
    case EXECUTE:
        ((void (*)(void))(uintptr_t)target)();
        break;
    case COPY:
        strcpy(target, "hello world");
        break;
    }
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

static sigjmp_buf before;

static void recover(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    if (info->si_addr != NULL)
        siglongjmp(before, 1);
}

static void survive(void)
{
    if (sigsetjmp(before, 1) == 0) {
        faulting_access();
        puts("the access did not fault");
        exit(71);
    }
}

static int recovers;

static void act(void)
{
    if (recovers)
        survive();
    else
        faulting_access();
}

static void *thread(void *unused)
{
    act();
    return unused;
}

static void handler(int signal)
{
    (void)signal;
    act();
}

/* A stack whose frames lead nowhere: the return address and the frame pointer of the access are nonsense. */
static void broken(void)
{
#ifdef __x86_64__
    __asm__ volatile("mov $0x1234, %%rbp\n\tpush $0x77\n\tpush $0x7777777\n\tjmp faulting_access" ::: "memory");
#else
    __asm__ volatile("mov x29, #0x1234\n\tmov x30, #0x7770\n\tb faulting_access" ::: "memory");
#endif
}

static void once(int signal) { (void)signal; }

/* What the program has done to the signals before the access. */
static void set_dispositions(const char *place)
{
    struct sigaction action = {.sa_handler = once}, before[2];
    int signals[2] = {SIGSEGV, SIGBUS};
    sigset_t both;
    sigemptyset(&both);
    for (int i = 0; i < 2; i++) {
        sigaddset(&both, signals[i]);
        if (strcmp(place, "restored") == 0) {
            sigaction(signals[i], &action, &before[i]);
            sigaction(signals[i], &before[i], NULL);
        } else if (strcmp(place, "reset") == 0) {
            signal(signals[i], once);
            signal(signals[i], SIG_DFL);
        } else if (strcmp(place, "once") == 0) {
            action.sa_flags = SA_RESETHAND;
            sigaction(signals[i], &action, NULL);
        } else if (strcmp(place, "ignored") == 0) {
            signal(signals[i], SIG_IGN);
        }
    }
    if (strcmp(place, "blocked") == 0)
        sigprocmask(SIG_BLOCK, &both, NULL);
}

static void alternate_stack(size_t size)
{
    stack_t stack = {.ss_sp = malloc(size), .ss_size = size};
    check(stack.ss_sp != NULL && sigaltstack(&stack, NULL) == 0, "sigaltstack");
}

int main(int count, char **words)
{
    const char *place = count > 2 ? words[2] : "";
    recovers = count > 3 && strcmp(words[3], "recover") == 0;
    const struct cause *cause = NULL;
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++)
        if (count > 1 && strcmp(words[1], causes[i].name) == 0)
            cause = &causes[i];
    if (cause == NULL) {
        fputs("usage: faults CAUSE PLACE [recover]\n", stderr);
        return 64;
    }
    alarm(20);
    access_kind = WRITE;
    if (recovers) {
        struct sigaction action = {.sa_sigaction = recover, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
        check(sigaction(SIGSEGV, &action, NULL) == 0 && sigaction(SIGBUS, &action, NULL) == 0, "sigaction");
    }
    if (strcmp(place, "child") == 0) {
        pid_t child = fork();
        if (child != 0) {
            int status;
            waitpid(child, &status, 0);
            return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
        }
    }
    cause->prepare();
    set_dispositions(place);
    if (strcmp(place, "small") == 0) {
        /* Room for the kernel's frame, and 1 KiB for a handler. */
        alternate_stack((size_t)sysconf(_SC_MINSIGSTKSZ) + 1024);
        act();
    } else if (strcmp(place, "threads") == 0) {
        pthread_t others[8];
        for (int i = 0; i < 8; i++)
            check(pthread_create(&others[i], NULL, thread, NULL) == 0, "pthread_create");
        for (int i = 0; i < 8; i++)
            pthread_join(others[i], NULL);
    } else if (strcmp(place, "thread") == 0) {
        pthread_t other;
        check(pthread_create(&other, NULL, thread, NULL) == 0, "pthread_create");
        pthread_join(other, NULL);
    } else if (strcmp(place, "handler") == 0) {
        /* With the least that the kernel takes, and a little for the handler itself. */
        alternate_stack((size_t)sysconf(_SC_MINSIGSTKSZ) * 2 + 4096);
        struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
        check(sigaction(SIGUSR1, &action, NULL) == 0 && raise(SIGUSR1) == 0, "SIGUSR1");
    } else if (strcmp(place, "broken") == 0) {
        broken();
    } else {
        act();
    }
    return 0;
}
