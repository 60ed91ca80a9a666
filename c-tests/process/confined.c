/* Sandboxes that kill for whatever the program itself does not need, made in every way: it lives and dies under the library as it
 * does without. Each way is gone by a child, which confines itself, uses memory, and ends.
 *
 *   confined          every way
 *   confined status   confines itself, finds a mistake, and exits with 0 */
#define _GNU_SOURCE
#include "check.h"
#include "mapsan.h"
#include "sites.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define LOAD BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)
#define LENGTH(array) (sizeof array / sizeof *array)

/* What the program needs, and last the answer to everything else. */
static struct sock_filter filter[] = {
    LOAD, ALLOW(SYS_mmap), ALLOW(SYS_munmap), ALLOW(SYS_mremap), ALLOW(SYS_mprotect), ALLOW(SYS_msync), ALLOW(SYS_shmat),
    ALLOW(SYS_shmdt), ALLOW(SYS_shmctl), ALLOW(SYS_write), ALLOW(SYS_fstat), ALLOW(SYS_rt_sigreturn), ALLOW(SYS_exit_group),
    ANSWER(SECCOMP_RET_KILL_PROCESS),
};
static struct sock_fprog program = {LENGTH(filter), filter};
static int file, segment;
static volatile sig_atomic_t caught;
static unsigned long (*count)(int);

/* A child says by its status how far it came: more might take calls that it may not make. */
#define MUST(condition) do { if (!(condition)) _exit(__LINE__ % 125 + 1); } while (0)

static void use_memory(void)
{
    for (int i = 0; i < 3; i++) {
        char *whole = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        MUST(whole != MAP_FAILED);
        whole[0] = 1;
        MUST(msync(whole, PAGE, MS_ASYNC) == 0 && mprotect(whole, PAGE, PROT_READ) == 0 && munmap(whole + PAGE, PAGE) == 0);
        char *longer = mremap(whole, PAGE, 3 * PAGE, MREMAP_MAYMOVE);
        MUST(longer != MAP_FAILED && munmap(longer, 3 * PAGE) == 0);
        void *attached = shmat(segment, NULL, 0);
        struct shmid_ds state;
        MUST(attached != (void *)-1 && shmctl(segment, IPC_STAT, &state) == 0 && shmdt(attached) == 0);
        /* Mistakes: each has its errno, whatever an explanation would take. */
        MUST(fail_at(i) && errno == EINVAL);
        MUST(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 777, 0) == MAP_FAILED && errno == EBADF);
        MUST(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 1) == MAP_FAILED && errno == EINVAL);
        MUST(munmap((void *)(PAGE / 2), PAGE) == -1 && errno == EINVAL);
        MUST(shmdt(attached) == -1 && errno == EINVAL);
        MUST(shmat(-1, NULL, 0) == (void *)-1 && errno == EINVAL);
    }
    MUST(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0) != MAP_FAILED); /* left behind */
    MUST(caught == 0);
    MUST(count == NULL || count(2) >= 3);
}

static void by_prctl(void)
{
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
    use_memory();
}

static void by_seccomp(void)
{
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
    use_memory();
}

static void caught_it(int signal) { caught = signal; }

static void with_a_handler(void)
{
    MUST(signal(SIGSYS, caught_it) != SIG_ERR);
    filter[LENGTH(filter) - 1].k = SECCOMP_RET_TRAP;
    by_seccomp();
}

/* A supervisor who never answers: what goes to it waits for ever. */
static void with_a_supervisor(void)
{
    filter[LENGTH(filter) - 1].k = SECCOMP_RET_USER_NOTIF;
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program) >= 0);
    use_memory();
}

/* A filter lets everything through but what looks at files, a later one kills for everything else. */
static void with_two(void)
{
    struct sock_filter first[] = {
        LOAD, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statx, 0, 1), ANSWER(SECCOMP_RET_ERRNO | EPERM), ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog one = {LENGTH(first), first};
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &one, 0, 0) == 0);
    by_prctl();
}

static void by_prctl_by_number(void)
{
    MUST(syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
    use_memory();
}

/* Answers that the filter makes up: descriptor 0 for every open(2). */
static void with_made_up_answers(void)
{
    struct stat there;
    MUST(close(0) == 0 && open("/dev/null", O_RDONLY) == 0);
    filter[LENGTH(filter) - 1].k = SECCOMP_RET_ERRNO;
    by_seccomp();
    MUST(fstat(0, &there) == 0);
}

/* Arguments count, too: those of the program's own calls are not changed into others. */
static void with_flags(void)
{
    struct sock_filter first[] = {
        LOAD, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0), ANSWER(SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_FIXED, 0, 1), ANSWER(SECCOMP_RET_KILL_PROCESS), ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog one = {LENGTH(first), first};
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &one, 0, 0) == 0);
    by_prctl();
}

static void *idle(void *unused)
{
    pause();
    return unused;
}

/* A thread that is confined already keeps the others from being: nothing is installed, and its number comes back. */
static void *confine_alone(void *ready)
{
    struct sock_filter all[] = {ANSWER(SECCOMP_RET_ALLOW)};
    struct sock_fprog nothing = {LENGTH(all), all};
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &nothing, 0, 0) == 0);
    *(atomic_bool *)ready = true;
    return idle(NULL);
}

/* What is refused is as good as not asked for: the calls of an explanation are made as before. */
static void refused(void)
{
    struct sock_fprog nothing = {0, filter}, nowhere = {LENGTH(filter), (struct sock_filter *)8};
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &nothing, 0, 0) == -1 && errno == EINVAL);
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &nowhere) == -1 && errno == EFAULT);
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1 && errno == EFAULT);
    MUST(prctl(PR_SET_SECCOMP, 77, &program, 0, 0) == -1 && errno == EINVAL);
    static atomic_bool ready;
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, confine_alone, &ready) == 0);
    while (!ready)
        ;
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) > 0);
    use_memory();
    if (count != NULL) {
        struct mapsan_finding found;
        int (*last)(struct mapsan_finding *) = (int (*)(struct mapsan_finding *))dlsym(RTLD_DEFAULT, "mapsan_last_finding");
        MUST(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, 778, 0) == MAP_FAILED);
        MUST(last(&found) == 1 && strcmp(found.message, "descriptor 778 is not open") == 0);
    }
}

static atomic_bool created, confined;

static void *confine(void *unused)
{
    /* pthread_create has calls of its own to make when the thread runs already. */
    while (!created)
        ;
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
    confined = true;
    for (;;)
        ; /* it may not even end */
    return unused;
}

/* One thread confines all others. */
static void by_a_thread(void)
{
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, confine, NULL) == 0);
    created = true;
    while (!confined)
        ;
    use_memory();
}

static atomic_int mapping;

static void *map_for_ever(void *unused)
{
    for (mapping++;;) {
        void *memory = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, file, 0);
        MUST(memory != MAP_FAILED && munmap(memory, 2 * PAGE) == 0);
    }
    return unused;
}

/* The others map files while they are confined. */
static void while_others_map(void)
{
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        MUST(pthread_create(&threads[i], NULL, map_for_ever, NULL) == 0);
    while (mapping < 3)
        ;
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0);
    use_memory();
}

static void *fail_everywhere(void *number)
{
    mapping++;
    while (mapping < 5)
        ;
    for (int site = (int)(intptr_t)number * 64;; site++)
        MUST(fail_at(site % 256) && errno == EINVAL);
    return NULL;
}

/* The others have findings while they are confined, and signals may not be blocked or let in from then on. */
static void while_others_report(void)
{
    struct sock_filter masks[] = {
        LOAD, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 0, 1), ANSWER(SECCOMP_RET_KILL_PROCESS), ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog of_masks = {LENGTH(masks), masks};
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; i++)
        MUST(pthread_create(&threads[i], NULL, fail_everywhere, (void *)i) == 0);
    while (mapping < 4)
        ;
    mapping++;
    usleep(2000);
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &of_masks) == 0);
    usleep(20000);
    by_prctl();
}

static void *probe(void *unused)
{
    for (;;)
        MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == -1 && errno == EFAULT);
    return unused;
}

/* A program that asks whether there is seccomp keeps its handlers. */
static void beside_a_probe(void)
{
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, probe, NULL) == 0);
    for (int i = 0; i < 50000; i++) {
        struct sigaction set = {.sa_handler = caught_it}, there;
        MUST(sigaction(SIGSEGV, &set, NULL) == 0);
        MUST(sigaction(SIGSEGV, NULL, &there) == 0 && there.sa_handler == caught_it);
        MUST(signal(SIGSEGV, SIG_DFL) == caught_it);
    }
}

/* Filters that are refused, and that are installed again and again, cost no more than once. */
static void many(void)
{
    struct sock_filter bad[200] = {LOAD}, good[] = {ANSWER(SECCOMP_RET_ALLOW)};
    for (size_t i = 1; i < LENGTH(bad); i++)
        bad[i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)i, 0, 0);
    struct sock_fprog refused_one = {LENGTH(bad), bad}, installed = {LENGTH(good), good};
    for (int i = 0; i < 2000; i++)
        MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &refused_one, 0, 0) == -1 && errno == EINVAL);
    for (int i = 0; i < 200; i++)
        MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &installed, 0, 0) == 0);
    use_memory();
}

/* What was released is free, though nothing can be unmapped any more. */
static void without_munmap(void)
{
    struct sock_filter first[] = {
        LOAD, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_munmap, 0, 1), ANSWER(SECCOMP_RET_ERRNO | EPERM), ANSWER(SECCOMP_RET_ALLOW),
    };
    struct sock_fprog one = {LENGTH(first), first};
    char *memory = mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(memory != MAP_FAILED && munmap(memory + 4 * PAGE, 4 * PAGE) == 0);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &one, 0, 0) == 0);
    MUST(mmap(memory + 4 * PAGE, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == memory + 4 * PAGE);
}

/* A child that libc knows nothing of. */
static void by_a_clone(void)
{
    long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    MUST(pid != -1);
    if (pid == 0) {
        by_seccomp();
        exit(0);
    }
    int status;
    MUST(waitpid((pid_t)pid, &status, 0) == pid);
    if (status != 0)
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 126);
}

/* read, write and exit alone. */
static void strict(void)
{
    MUST(fail_at(9));
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0);
    MUST(write(file, "strict", 6) == 6);
    MUST(syscall(SYS_exit, 0) == 0);
}

/* ---- faults: the process ends by them, whatever its handlers may do ---- */

static void fault(void)
{
    volatile char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 1;
}

static void faults(void)
{
    by_prctl();
    fault();
}

static void faults_without_return(void)
{
    for (size_t i = 0; i < LENGTH(filter); i++)
        if (filter[i].k == SYS_rt_sigreturn)
            filter[i].k = SYS_write;
    faults();
}

static void faults_after_a_reset(void)
{
    MUST(signal(SIGSEGV, caught_it) == SIG_DFL && signal(SIGSEGV, SIG_DFL) == caught_it);
    faults();
}

static void faults_in_strict_mode(void)
{
    volatile char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0) == 0);
    *page = 1;
}

static void *confine_one(void *unused)
{
    MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0);
    confined = true;
    for (;;)
        ;
    return unused;
}

/* This thread is not confined. */
static void faults_beside(void)
{
    pthread_t thread;
    MUST(pthread_create(&thread, NULL, confine_one, NULL) == 0);
    while (!confined)
        ;
    fault();
}

static void faults_after_vfork(void)
{
    pid_t pid = vfork();
    if (pid == 0) {
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0);
        syscall(SYS_exit, 0);
    }
    MUST(waitpid(pid, NULL, 0) == pid);
    fault();
}

int main(int words, char **word)
{
    static const struct { const char *name; void (*go)(void); int ends; } ways[] = {
        {"prctl", by_prctl, 0}, {"seccomp", by_seccomp, 0}, {"prctl by its number", by_prctl_by_number, 0},
        {"with a handler of SIGSYS", with_a_handler, 0}, {"with a supervisor", with_a_supervisor, 0},
        {"with made-up answers", with_made_up_answers, 0}, {"a filter of flags", with_flags, 0},
        {"while others report", while_others_report, 0}, {"while others report, again", while_others_report, 0},
        {"beside a probe", beside_a_probe, 0}, {"many", many, 0}, {"without munmap", without_munmap, 0}, {"two filters", with_two, 0},
        {"filters that are refused", refused, 0}, {"a thread for all threads", by_a_thread, 0},
        {"while others map", while_others_map, 0}, {"while others map, again", while_others_map, 0},
        {"while others map, a third time", while_others_map, 0}, {"a raw child", by_a_clone, 0}, {"strict mode", strict, 0},
        {"a fault", faults, SIGSEGV}, {"a fault without rt_sigreturn", faults_without_return, SIGSEGV},
        {"a fault after a reset", faults_after_a_reset, SIGSEGV}, {"a fault in strict mode", faults_in_strict_mode, SIGSEGV},
        {"a fault beside a confined thread", faults_beside, SIGSEGV},
        {"a fault after a confined child of vfork", faults_after_vfork, SIGSEGV},
    };
    (void)word;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    count = (unsigned long (*)(int))dlsym(RTLD_DEFAULT, "mapsan_count");
    alarm(50);
    file = fileno(tmpfile());
    CHECK(ftruncate(file, 2 * PAGE) == 0, "%s", strerror(errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        SKIP("seccomp is not to be had here: %s", strerror(errno));
    segment = shmget(IPC_PRIVATE, PAGE, 0600);
    CHECK(segment != -1, "%s", strerror(errno));
    if (words > 1) {
        by_prctl();
        return shmctl(segment, IPC_RMID, NULL) != 0;
    }
    int failed = 0;
    for (size_t i = 0; i < LENGTH(ways); i++) {
        fflush(stdout);
        pid_t pid = fork();
        CHECK(pid != -1, "%s", strerror(errno));
        if (pid == 0) {
            alarm(5);
            ways[i].go();
            exit(0);
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid, "%s", strerror(errno));
        if (status != ways[i].ends) {
            printf("%s: %s %d\n", ways[i].name, WIFSIGNALED(status) ? "killed by signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
            failed = 1;
        }
    }
    CHECK(shmctl(segment, IPC_RMID, NULL) == 0, "%s", strerror(errno));
    return failed;
}
