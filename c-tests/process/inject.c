/* Calls that are made to fail, as inject.sh orders it: each word does something and says what came of it. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* An errno that none of the calls gives. */
#define STRANGE EXDEV
/* What errno is before a call. */
#define BEFORE 77

static size_t page;
static int made_to_fail, wrong;

enum gives { MINUS_ONE, POINTER, NOTHING, ITSELF };

static void judge(const char *name, enum gives gives, intptr_t value, int error)
{
    int fails = gives == NOTHING ? value == 0 : gives == ITSELF ? value == STRANGE : value == -1;
    int is_right = fails && error == (gives == ITSELF ? BEFORE : STRANGE);
    made_to_fail += is_right;
    if (!is_right) {
        wrong++;
        printf("%s gives %ld, errno %d\n", name, (long)value, error);
    }
}

/* Makes a call that would change nothing that matters if it were made. */
#define TRY(gives, name, call)                                                                                         \
    do {                                                                                                               \
        errno = BEFORE;                                                                                                \
        intptr_t value = (intptr_t)(call);                                                                             \
        judge(name, gives, value, errno);                                                                              \
    } while (0)

int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);
int pkey_mprotect(void *, size_t, int, int);

static void *idle(void *argument) { return argument; }

static void try_each(void)
{
    char *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    judge("mmap", POINTER, (intptr_t)memory, errno);
    static char data[1 << 16] __attribute__((aligned(1 << 12)));
    unsigned char resident[64];
    struct sembuf operation = {0, 1, IPC_NOWAIT};
    struct timespec now = {0, 0};
    struct {
        long kind;
        char text[8];
    } message = {1, ""};
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    pthread_rwlock_t rwlock;
    pthread_barrier_t barrier;
    pthread_spinlock_t spin;
    sem_t semaphore;
    pthread_t thread;

    TRY(POINTER, "mmap64", mmap64(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    TRY(MINUS_ONE, "munmap", munmap(data, 1));
    TRY(POINTER, "mremap", mremap(data, page, page, 0));
    TRY(MINUS_ONE, "mprotect", mprotect(data, page, PROT_READ | PROT_WRITE));
    TRY(MINUS_ONE, "pkey_mprotect", pkey_mprotect(data, page, PROT_READ | PROT_WRITE, -1));
    TRY(MINUS_ONE, "msync", msync(data, page, MS_ASYNC));
    TRY(MINUS_ONE, "madvise", madvise(data, page, MADV_NORMAL));
    TRY(ITSELF, "posix_madvise", posix_madvise(data, page, POSIX_MADV_NORMAL));
    TRY(MINUS_ONE, "mincore", mincore(data, page, resident));
    TRY(MINUS_ONE, "mlock", mlock(data, page));
    TRY(MINUS_ONE, "mlock2", mlock2(data, page, 0));
    TRY(MINUS_ONE, "munlock", munlock(data, page));
    TRY(MINUS_ONE, "mlockall", mlockall(MCL_CURRENT));
    TRY(MINUS_ONE, "munlockall", munlockall());
    TRY(MINUS_ONE, "brk", brk(sbrk(0)));
    TRY(POINTER, "sbrk", sbrk(0));
    TRY(MINUS_ONE, "ftok", ftok("/", 1));
    TRY(MINUS_ONE, "shmget", shmget(IPC_PRIVATE, page, IPC_CREAT | 0600));
    TRY(POINTER, "shmat", shmat(0, NULL, 0));
    TRY(MINUS_ONE, "shmdt", shmdt(data));
    TRY(MINUS_ONE, "shmctl", shmctl(0, IPC_STAT, (struct shmid_ds *)data));
    TRY(MINUS_ONE, "semget", semget(IPC_PRIVATE, 1, IPC_CREAT | 0600));
    TRY(MINUS_ONE, "semop", semop(0, &operation, 1));
    TRY(MINUS_ONE, "semtimedop", semtimedop(0, &operation, 1, &now));
    TRY(MINUS_ONE, "semctl", semctl(0, 0, GETVAL));
    TRY(MINUS_ONE, "msgget", msgget(IPC_PRIVATE, IPC_CREAT | 0600));
    TRY(MINUS_ONE, "msgsnd", msgsnd(0, &message, 1, IPC_NOWAIT));
    TRY(MINUS_ONE, "msgrcv", msgrcv(0, &message, 1, 0, IPC_NOWAIT));
    TRY(MINUS_ONE, "msgctl", msgctl(0, IPC_STAT, (struct msqid_ds *)data));
    TRY(MINUS_ONE, "shm_open", shm_open("/mapsan-inject", O_RDWR | O_CREAT, 0600));
    TRY(MINUS_ONE, "shm_unlink", shm_unlink("/mapsan-inject"));
    TRY(NOTHING, "sem_open", sem_open("/mapsan-inject", O_CREAT, 0600, 1));
    TRY(MINUS_ONE, "sem_unlink", sem_unlink("/mapsan-inject"));
    TRY(MINUS_ONE, "sem_init", sem_init(&semaphore, 0, 1));
    TRY(MINUS_ONE, "sem_destroy", sem_destroy(&semaphore));
    TRY(MINUS_ONE, "memfd_create", (int)memfd_create("inject", 0));
    TRY(MINUS_ONE, "open", open("/", O_RDONLY));
    TRY(MINUS_ONE, "open64", open64("/", O_RDONLY));
    TRY(MINUS_ONE, "__open_2", __open_2("/", O_RDONLY));
    TRY(MINUS_ONE, "__open64_2", __open64_2("/", O_RDONLY));
    TRY(MINUS_ONE, "openat", openat(AT_FDCWD, "/", O_RDONLY));
    TRY(MINUS_ONE, "openat64", openat64(AT_FDCWD, "/", O_RDONLY));
    TRY(MINUS_ONE, "__openat_2", __openat_2(AT_FDCWD, "/", O_RDONLY));
    TRY(MINUS_ONE, "__openat64_2", __openat64_2(AT_FDCWD, "/", O_RDONLY));
    TRY(MINUS_ONE, "creat", creat("/dev/null", 0600));
    TRY(MINUS_ONE, "creat64", creat64("/dev/null", 0600));
    TRY(ITSELF, "pthread_create", pthread_create(&thread, NULL, idle, NULL));
    TRY(ITSELF, "pthread_mutex_init", pthread_mutex_init(&mutex, NULL));
    TRY(ITSELF, "pthread_mutex_destroy", pthread_mutex_destroy(&mutex));
    TRY(ITSELF, "pthread_cond_init", pthread_cond_init(&condition, NULL));
    TRY(ITSELF, "pthread_cond_destroy", pthread_cond_destroy(&condition));
    TRY(ITSELF, "pthread_rwlock_init", pthread_rwlock_init(&rwlock, NULL));
    TRY(ITSELF, "pthread_rwlock_destroy", pthread_rwlock_destroy(&rwlock));
    TRY(ITSELF, "pthread_barrier_init", pthread_barrier_init(&barrier, NULL, 1));
    TRY(ITSELF, "pthread_barrier_destroy", pthread_barrier_destroy(&barrier));
    TRY(ITSELF, "pthread_spin_init", pthread_spin_init(&spin, 0));
    TRY(ITSELF, "pthread_spin_destroy", pthread_spin_destroy(&spin));
    printf("%d made to fail, %d not\n", made_to_fail, wrong);
}

/* One mapping: "x" if it fails with ENOMEM. */
static char once(void)
{
    errno = 0;
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return errno == ENOMEM ? 'x' : '?';
    munmap(memory, page);
    return '.';
}

/* Exported, so that its name is known, and away from once. */
__attribute__((noinline)) char at_site(void)
{
    errno = 0;
    void *memory = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char result = memory == MAP_FAILED ? 'x' : '.';
    if (memory != MAP_FAILED)
        munmap(memory, page);
    return result;
}

__attribute__((noinline)) static char by_one_way(void)
{
    char result = at_site();
    __asm__ volatile("");
    return result;
}

__attribute__((noinline)) static char by_another_way(void)
{
    char result = at_site();
    __asm__ volatile("nop");
    return result;
}

static void *by_thread(void *argument)
{
    *(char *)argument = by_one_way();
    return argument;
}

static void say(char what) { CHECK(write(1, &what, 1) == 1, "%d", errno); }

static void await(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "%d", status);
}

/* One call in the process, in a child of fork, in one of vfork that execs this again, and in one of posix_spawn. */
static void by_processes(char *self)
{
    char *again[] = {self, "1", NULL};
    extern char **environ;
    say(once());
    pid_t child = fork();
    if (child == 0) {
        say(once());
        _exit(0);
    }
    await(child);
    child = vfork();
    if (child == 0) {
        execv(self, again);
        _exit(1);
    }
    await(child);
    CHECK(posix_spawn(&child, self, NULL, NULL, again, environ) == 0, "%d", errno);
    await(child);
    say(once());
}

static int failed;
static void *many(void *argument)
{
    for (int turn = 0; turn < 1000; turn++)
        if (once() == 'x')
            __atomic_add_fetch(&failed, 1, __ATOMIC_RELAXED);
    return argument;
}

/* A thousand calls in each of four threads and, at once, in each of two children of each. */
static void *with_children(void *argument)
{
    pid_t children[2];
    for (int index = 0; index < 2; index++) {
        children[index] = fork();
        if (children[index] == 0) {
            failed = 0;
            many(NULL);
            _exit(failed);
        }
    }
    many(argument);
    for (int index = 0; index < 2; index++) {
        int status;
        waitpid(children[index], &status, 0);
        __atomic_add_fetch(&failed, WEXITSTATUS(status), __ATOMIC_RELAXED);
    }
    return argument;
}

static void by_threads(void)
{
    pthread_t threads[4];
    for (int index = 0; index < 4; index++)
        CHECK(pthread_create(&threads[index], NULL, with_children, NULL) == 0, "%d", index);
    for (int index = 0; index < 4; index++)
        pthread_join(threads[index], NULL);
    printf("%d of 12000", failed);
}

/* What libc and the loader map and open for themselves, each in the way of a program that knows nothing of it. */
static void by_libc(void)
{
    void *volatile memory = malloc(1 << 22);
    CHECK(memory != NULL, "malloc");
    free(memory);
    void *library = dlopen("libm.so.6", RTLD_NOW);
    CHECK(library != NULL, "%s", dlerror());
    dlclose(library);
    sem_t *semaphore = sem_open("/mapsan-inject-libc", O_CREAT, 0600, 1);
    CHECK(semaphore != SEM_FAILED, "%d", errno);
    sem_close(semaphore);
    sem_unlink("/mapsan-inject-libc");
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, idle, NULL) == 0, "pthread_create");
    pthread_join(thread, NULL);
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL, "%d", errno);
    fclose(file);
    CHECK(system("exit 0") == 0, "system");
    say(once());
}

/* Whether an access raises SIGBUS, tried in a child. */
static int is_lost(volatile char *at, int writes)
{
    pid_t child = fork();
    if (child == 0) {
        if (writes)
            *at = 1;
        else
            (void)*at;
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child, "%d", errno);
    CHECK(status == 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS), "%d", status);
    return status != 0;
}

static void by_memory(void)
{
    char name[] = "inject-XXXXXX";
    int fd = mkstemp(name);
    unlink(name);
    char byte = 5;
    CHECK(ftruncate(fd, 4 * page) == 0 && pwrite(fd, &byte, 1, 0) == 1, "%d", errno);
    static const struct {
        const char *name;
        int prot, flags;
        int of_file;
    } KINDS[] = {
        {"anonymous", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0},
        {"shared", PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, 0},
        {"file", PROT_READ | PROT_WRITE, MAP_SHARED, 1},
        {"private", PROT_READ | PROT_WRITE, MAP_PRIVATE, 1},
        {"read-only", PROT_READ, MAP_SHARED, 1},
    };
    for (size_t index = 0; index < sizeof(KINDS) / sizeof(*KINDS); index++) {
        int writes = KINDS[index].prot & PROT_WRITE;
        char *memory = mmap(NULL, 4 * page - 100, KINDS[index].prot, KINDS[index].flags, KINDS[index].of_file ? fd : -1, 0);
        CHECK(memory != MAP_FAILED, "%s %d", KINDS[index].name, errno);
        printf("%s %d%d%d%d ", KINDS[index].name, is_lost(memory, writes), is_lost(memory + page, 0),
               is_lost(memory + 2 * page, 0), is_lost(memory + 4 * page - 1, writes));
        /* It is as another mapping is. */
        CHECK(mprotect(memory, page, PROT_READ) == 0, "%d", errno);
        CHECK(munmap(memory, 4 * page) == 0, "%d", errno);
    }
    int id = shmget(IPC_PRIVATE, 3 * page, IPC_CREAT | 0600);
    char *memory = shmat(id, NULL, 0);
    CHECK(memory != (void *)-1, "%d", errno);
    printf("segment %d%d ", is_lost(memory, 1), is_lost(memory + 3 * page - 1, 0));
    shmctl(id, IPC_RMID, NULL);
    struct stat status;
    CHECK(fstat(fd, &status) == 0 && status.st_size == (off_t)(4 * page), "%ld", (long)status.st_size);
    CHECK(pread(fd, &byte, 1, 0) == 1 && byte != 0, "%d", byte);
}

/* Descriptor and address of calls that failed, in others. */
static void use_failed(void)
{
    int fd = shm_open("/mapsan-inject-failed", O_RDWR | O_CREAT, 0600);
    void *memory = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);
    munmap(memory, page);
    void *attached = shmat(shmget(IPC_PRIVATE, page, IPC_CREAT | 0600), NULL, 0);
    shmdt(attached);
}

int main(int count, char **words)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    for (int index = 1; index < count; index++) {
        const char *word = words[index];
        if (strcmp(word, "each") == 0)
            try_each();
        else if (strcmp(word, "processes") == 0)
            by_processes(words[0]);
        else if (strcmp(word, "threads") == 0)
            by_threads();
        else if (strcmp(word, "libc") == 0)
            by_libc();
        else if (strcmp(word, "memory") == 0)
            by_memory();
        else if (strcmp(word, "one-way") == 0)
            say(by_one_way());
        else if (strcmp(word, "another-way") == 0)
            say(by_another_way());
        else if (strcmp(word, "in-thread") == 0) {
            char result;
            pthread_t thread;
            CHECK(pthread_create(&thread, NULL, by_thread, &result) == 0, "pthread_create");
            pthread_join(thread, NULL);
            say(result);
        } else if (strcmp(word, "touch") == 0)
            *(volatile char *)mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) = 1;
        else if (strcmp(word, "failed") == 0)
            use_failed();
        else
            for (int turn = atoi(word); turn > 0; turn--)
                say(once());
        fflush(stdout);
    }
    return 0;
}
