/* Storms: what a busy program does to the library at its worst, for a bounded time. A storm judges what it can see itself;
 * storm.sh judges what was said meanwhile.
 *
 *   storm signals|forks|clones|cancellations|closing|descriptors|findings|mappings|starved|stopped
 *   SECONDS [LOG]
 *
 * descriptors unlinks LOG and its folder half-way. 60,000 mappings are made, or for 10 seconds and more as many as vm.max_map_count allows, up to 1,000,000. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define THREADS 6

static atomic_bool over;
static double end;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Whether a storm goes on: until its time is over, and longer where a slow machine has not done enough by then. */
static bool goes_on(unsigned long done, unsigned long enough) { return done < enough || seconds() < end; }

static _Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("storm: ", stderr);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (%s)\n", strerror(errno));
    _exit(1);
}

#define CHECK(what) ((what) ? (void)0 : fail("line %d: %s", __LINE__, #what))

static void *map(size_t pages) { return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

/* What every thread of a storm does: maps, writes, moves, splits, and finds what it wrote. */
static void work_once(unsigned *random)
{
    size_t pages = 2 + rand_r(random) % 6;
    uint64_t *memory = map(pages);
    CHECK(memory != MAP_FAILED);
    uint64_t stamp = (uint64_t)(uintptr_t)memory ^ (uint64_t)(uintptr_t)random;
    memory[0] = stamp;
    if (rand_r(random) % 4 == 0) {
        memory = mremap(memory, pages * PAGE, pages * 3 * PAGE, MREMAP_MAYMOVE);
        CHECK(memory != MAP_FAILED);
        pages *= 3;
    }
    CHECK(mprotect((char *)memory + PAGE, PAGE, PROT_READ) == 0);
    CHECK(memory[0] == stamp);
    CHECK(munmap((char *)memory + PAGE, (pages - 1) * PAGE) == 0);
    CHECK(memory[0] == stamp);
    CHECK(munmap(memory, PAGE) == 0);
}

static void *work(void *seed)
{
    unsigned random = (unsigned)(uintptr_t)seed;
    while (!over)
        work_once(&random);
    return NULL;
}

static void start(pthread_t *threads, int count, void *(*body)(void *))
{
    for (intptr_t i = 0; i < count; i++)
        CHECK((errno = pthread_create(&threads[i], NULL, body, (void *)(i + 1))) == 0);
}

static void join(pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++)
        CHECK((errno = pthread_join(threads[i], NULL)) == 0);
}

/* ---- signals: handlers that map, as fast as they can be sent ---- */

static atomic_ulong handled;

static void handler(int signal)
{
    (void)signal;
    int before = errno;
    char *memory = map(3);
    CHECK(memory != MAP_FAILED);
    memory[0] = 1;
    CHECK(munmap(memory + PAGE, PAGE) == 0);
    CHECK(munmap(memory, PAGE) == 0 && munmap(memory + 2 * PAGE, PAGE) == 0);
    handled++;
    errno = before;
}

static void signals(void)
{
    pthread_t threads[THREADS];
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    start(threads, THREADS, work);
    while (goes_on(handled, 100)) {
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_kill(threads[i], SIGUSR1) == 0);
        usleep(20); /* faster, and the threads do nothing but handle signals, with the library or without */
    }
    over = 1;
    join(threads, THREADS);
}

/* ---- forks, clones: children, made while other threads are in the middle of calls; clones run no atfork handlers ---- */

static int child(void)
{
    unsigned random = 1;
    for (int i = 0; i < 5; i++)
        work_once(&random);
    return 0;
}

static atomic_ulong children;
static int clones;

static void *spawn(void *which)
{
    while (!over) {
        pid_t pid;
        switch ((intptr_t)which % 2 + (clones ? 2 : 0)) {
        case 0:
            pid = fork();
            break;
        case 2:
            pid = _Fork();
            break;
        case 3:
            pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL); /* libc knows nothing of it */
            break;
        default:
            pid = vfork();
            if (pid == 0) {
                void *memory = map(1);
                _exit(memory == MAP_FAILED || munmap(memory, PAGE) != 0);
            }
        }
        CHECK(pid != -1);
        if (pid == 0) {
            alarm(20);
            _exit(child());
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid);
        if (status != 0)
            fail("a child ended with status %#x", status);
        children++;
    }
    return NULL;
}

static void forks(void)
{
    pthread_t workers[2], parents[4];
    start(workers, 2, work);
    start(parents, 4, spawn);
    while (goes_on(children, 20))
        usleep(10000);
    over = 1;
    join(workers, 2);
    join(parents, 4);
}

static void cloned(void)
{
    clones = 1;
    forks();
}

/* ---- cancellations: threads that are cancelled wherever they are ---- */

static void *_Atomic held[THREADS];

static void *cancelled(void *number)
{
    unsigned random = (unsigned)(uintptr_t)number;
    for (;;) {
        int before;
        char *memory = map(2);
        held[(intptr_t)number - 1] = memory;
        msync(memory, PAGE, MS_ASYNC); /* a cancellation point */
        msync(memory + 1, PAGE, MS_ASYNC); /* and one with a finding */
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
        CHECK(munmap(memory, 2 * PAGE) == 0);
        held[(intptr_t)number - 1] = NULL;
        work_once(&random);
        pthread_setcancelstate(before, NULL);
    }
}

static void cancellations(void)
{
    unsigned random = 1, rounds = 0;
    for (; goes_on(rounds, 20); rounds++) {
        pthread_t threads[THREADS];
        start(threads, THREADS, cancelled);
        usleep(rand_r(&random) % 2000);
        for (int i = 0; i < THREADS; i++)
            CHECK((errno = pthread_cancel(threads[i])) == 0);
        for (int i = 0; i < THREADS; i++) {
            void *result;
            CHECK((errno = pthread_join(threads[i], &result)) == 0 && result == PTHREAD_CANCELED);
            if (held[i] != NULL)
                CHECK(munmap(held[i], 2 * PAGE) == 0);
            held[i] = NULL;
        }
    }
}

/* ---- findings: as many as there are call sites, again and again ---- */

#define ONE munmap((void *)0, 0);
#define TEN ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void *find(void *number)
{
    (void)number;
    HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
    return NULL;
}

static void findings(void)
{
    pthread_t threads[THREADS];
    do {
        start(threads, THREADS, find);
        join(threads, THREADS);
    } while (seconds() < end);
}

/* ---- closing: all descriptors are closed, all the time, while findings are written ---- */

static void *close_all(void *unused)
{
    for (unsigned times = 1; !over; times++) {
        closefrom(3);
        if (times % 100 == 0)
            usleep(1); /* or it would depend on the scheduler alone whether a write ever comes through */
    }
    return unused;
}

static void closing(void)
{
    pthread_t closer;
    start(&closer, 1, close_all);
    find(NULL);
    over = 1;
    join(&closer, 1);
}

/* ---- descriptors: all are closed and used again before each finding, as a daemon does that takes every number for its
 * own ---- */

#undef ONE
#define ONE descriptors_are_mine(); munmap((void *)1, 1);

enum { FILES = 30, LOWEST_COPY = 100, ALL = 1024 };

static char *log_path;

static void descriptors_are_mine(void)
{
    static int files[FILES], times;
    if (++times == 50 && log_path != NULL)
        CHECK(unlink(log_path) == 0 && rmdir(dirname(log_path)) == 0);
    for (int i = 0; i < FILES && files[0] != 0; i++) {
        char text[16];
        if (pread(files[i], text, sizeof text, 0) != 5 || memcmp(text, "mine\n", 5) != 0)
            fail("somebody wrote into a file of the program");
    }
    closefrom(3);
    for (int i = 0; i < FILES; i++) {
        files[i] = memfd_create("mine", MFD_CLOEXEC);
        CHECK(files[i] != -1 && write(files[i], "mine\n", 5) == 5);
    }
    long limit = sysconf(_SC_OPEN_MAX);
    for (int fd = LOWEST_COPY; fd < ALL && fd < limit; fd++)
        CHECK(dup2(files[fd % FILES], fd) == fd);
}

static void descriptors(void)
{
    HUNDRED
    do {
        TEN
    } while (seconds() < end);
    descriptors_are_mine();
}

/* ---- mappings: a great many, and then a crash ---- */

static void mappings(void)
{
    long most = 65530, count = 0, wanted = end - seconds() < 9 ? 60000 : 1000000;
    FILE *limit = fopen("/proc/sys/vm/max_map_count", "r");
    CHECK(limit != NULL && fscanf(limit, "%ld", &most) == 1 && fclose(limit) == 0);
    char **all = malloc((size_t)most * sizeof *all);
    char *last;
    while ((last = mmap(NULL, PAGE, count & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED
           && count + 1 < wanted)
        all[count++] = last;
    CHECK(count + 1 == wanted || count > most / 2);
    CHECK(last != MAP_FAILED || errno == ENOMEM);
    for (long i = 0; i < 1000; i++)
        CHECK(munmap(all[i * (count / 1000)], PAGE) == 0);
    fprintf(stderr, "storm: %ld mappings\n", count);
    *(volatile char *)all[count / 1000] = 1; /* unmapped above */
}

/* ---- starved: threads that map while others take their processors; all that was mapped is known afterwards ---- */

static void *take_processor(void *priority)
{
    /* Where that is allowed, as real-time threads, which the kernel stops for 50 ms of each second. */
    struct sched_param parameters = {.sched_priority = (int)(intptr_t)priority};
    (void)pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
    while (!over)
        ;
    return NULL;
}

static void starved(void)
{
    enum { MAPPING = 200, BUSY = 2 };
    static pthread_t threads[MAPPING], busy[BUSY];
    long (*dump)(int) = (long (*)(int))dlsym(RTLD_DEFAULT, "mapsan_dump_mappings");
    int null = open("/dev/null", O_WRONLY);
    CHECK(dump != NULL && null >= 0);
    long before = dump(null);
    start(threads, MAPPING, work);
    pthread_attr_t own;
    CHECK(pthread_attr_init(&own) == 0 && pthread_attr_setinheritsched(&own, PTHREAD_EXPLICIT_SCHED) == 0);
    for (int i = 0; i < BUSY; i++)
        CHECK((errno = pthread_create(&busy[i], &own, take_processor, (void *)(intptr_t)1)) == 0);
    while (goes_on(0, 0))
        usleep(10000);
    over = 1;
    join(busy, BUSY);
    join(threads, MAPPING);
    CHECK(dump(null) == before);
}

/* ---- stopped: a thread that is stopped anywhere, as collectors do by a signal, while the thread that stops it maps ---- */

static atomic_ulong stops, resumed, looks;

static void stop_here(int signal)
{
    (void)signal;
    unsigned long mine = ++stops;
    while (resumed < mine)
        usleep(100);
}

/* Looks at all mappings again and again, for most of the time inside the library, however few they are. */
static void *look(void *unused)
{
    unsigned long (*check)(void) = (unsigned long (*)(void))dlsym(RTLD_DEFAULT, "mapsan_check_leaks");
    CHECK(check != NULL);
    for (; !over; looks++)
        check();
    return unused;
}

static void stopped(void)
{
    /* A look asks the kernel about each: of many, a few rounds would take a busy machine a minute. */
    for (long i = 0; i < 1000; i++)
        CHECK(mmap(NULL, PAGE, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
    long (*dump)(int) = (long (*)(int))dlsym(RTLD_DEFAULT, "mapsan_dump_mappings");
    int null = open("/dev/null", O_WRONLY);
    CHECK(dump != NULL && null >= 0);
    struct sigaction action = {.sa_handler = stop_here, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    long before = dump(null);
    pthread_t thread;
    start(&thread, 1, look);
    unsigned random = 1;
    for (unsigned long done = 1; goes_on(done, 20); done++) {
        CHECK(pthread_kill(thread, SIGUSR1) == 0);
        while (stops < done)
            usleep(20);
        work_once(&random);
        resumed = done;
        for (unsigned long looked = looks; looks < looked + 2;)
            usleep(20);
        for (unsigned pause = rand_r(&random) % 2000; pause > 0; pause--)
            atomic_signal_fence(memory_order_seq_cst);
    }
    over = 1;
    join(&thread, 1);
    CHECK(dump(null) == before);
}

int main(int count, char **words)
{
    static const struct { const char *name; void (*body)(void); } storms[] = {
        {"signals", signals}, {"forks", forks}, {"clones", cloned}, {"cancellations", cancellations},
        {"closing", closing}, {"descriptors", descriptors}, {"findings", findings}, {"mappings", mappings},
        {"starved", starved}, {"stopped", stopped},
    };
    if (count != 3 && count != 4)
        return fputs("usage: storm KIND SECONDS [LOG]\n", stderr), 2;
    log_path = words[3];
    end = seconds() + atof(words[2]);
    for (size_t i = 0; i < sizeof storms / sizeof *storms; i++)
        if (strcmp(words[1], storms[i].name) == 0)
            return storms[i].body(), 0;
    return fprintf(stderr, "storm: there is no storm '%s'\n", words[1]), 2;
}
