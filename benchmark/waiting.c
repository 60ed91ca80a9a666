/* What the library costs threads that map without pause, and so wait for each other, as a ratio to the raw calls.
 *
 *   waiting THREADS BUSY [MILLISECONDS [fifo]]: THREADS threads map and unmap a page, with BUSY threads in endless loops
 *   beside them. Raw and hooked calls alternate each MILLISECONDS (4), fifty times a run; the median and the worst of 20
 *   runs are told. With `fifo` the busy threads are real-time ones, which the kernel stops for 50 ms of each second.
 *
 * Run it under the library (see benchmark/run): the names of the calls are then the library's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RUNS 20
#define TURNS 50
#define MOST 256

static void *(*raw_mmap)(void *, size_t, int, int, int, off_t);
static int (*raw_munmap)(void *, size_t);
static atomic_int hooked, stop;
static struct { atomic_ulong pairs[2]; char apart[112]; } counts[MOST];

static void *map(void *number)
{
    atomic_ulong *pairs = counts[(size_t)number].pairs;
    while (!stop) {
        int how = hooked;
        void *p = (how ? mmap : raw_mmap)(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED || (how ? munmap : raw_munmap)(p, 4096) != 0)
            exit(1);
        atomic_fetch_add_explicit(&pairs[how], 1, memory_order_relaxed);
    }
    return NULL;
}

static void *loop(void *fifo)
{
    struct sched_param first = {.sched_priority = 1};
    if (fifo != NULL && sched_setscheduler(0, SCHED_FIFO, &first) != 0)
        perror("SCHED_FIFO");
    while (!stop)
        ;
    return NULL;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static unsigned long pairs(int how, int threads)
{
    unsigned long sum = 0;
    for (int i = 0; i < threads; i++)
        sum += counts[i].pairs[how];
    return sum;
}

/* How much longer a hooked pair takes than a raw one. */
static double run(int threads, long milliseconds)
{
    double time[2] = {0, 0};
    unsigned long before[2] = {pairs(0, threads), pairs(1, threads)};
    for (int turn = 0; turn < 2 * TURNS; turn++) {
        hooked = turn & 1;
        double start = now();
        usleep((useconds_t)milliseconds * 1000);
        time[turn & 1] += now() - start;
    }
    double raw = (double)(pairs(0, threads) - before[0]), of_library = (double)(pairs(1, threads) - before[1]);
    return (time[1] / of_library) / (time[0] / raw);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **arguments)
{
    int threads = count > 1 ? atoi(arguments[1]) : 2, busy = count > 2 ? atoi(arguments[2]) : 0;
    long milliseconds = count > 3 ? atol(arguments[3]) : 4;
    void *fifo = count > 4 && strcmp(arguments[4], "fifo") == 0 ? (void *)1 : NULL;
    void *libc = dlopen("libc.so.6", RTLD_NOW);
    *(void **)&raw_mmap = dlsym(libc, "mmap");
    *(void **)&raw_munmap = dlsym(libc, "munmap");
    if (raw_mmap == NULL || raw_munmap == NULL || threads < 1 || threads > MOST || busy < 0 || busy > MOST)
        return 2;
    /* The one that measures must get its processor when it asks for it. */
    struct sched_param second = {.sched_priority = 2};
    sched_setscheduler(0, SCHED_FIFO, &second);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED);
    pthread_t thread;
    for (long i = 0; i < threads; i++)
        if (pthread_create(&thread, &attributes, map, (void *)i) != 0)
            return 2;
    for (int i = 0; i < busy; i++)
        if (pthread_create(&thread, &attributes, loop, fifo) != 0)
            return 2;
    double ratios[RUNS];
    run(threads, milliseconds);
    for (int i = 0; i < RUNS; i++)
        ratios[i] = run(threads, milliseconds);
    qsort(ratios, RUNS, sizeof *ratios, ascending);
    printf("%d threads that map without pause, %d busy loops beside%s: ratio %.2f (ceiling 1.05), the worst of %d runs %.2f"
           " (ceiling 1.10)\n", threads, busy, fifo != NULL ? " (real-time)" : "", ratios[RUNS / 2], RUNS, ratios[RUNS - 1]);
    fflush(stdout);
    _exit(0);
}
