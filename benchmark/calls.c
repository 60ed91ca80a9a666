/* What a checked call costs, as a ratio to the raw one in the same run.
 *
 * Run it under the library (see benchmark/run): the names of the calls are then the library's, and libc's own are
 * found in libc.so.6 by dlsym. Rounds of both alternate, so that what the machine does meanwhile meets both; the
 * median of the rounds' ratios is told. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 301
#define MOST_THREADS 8

struct calls {
    void *(*mmap)(void *, size_t, int, int, int, off_t);
    int (*munmap)(void *, size_t);
    key_t (*ftok)(const char *, int);
    int (*shmget)(key_t, size_t, int);
    void *(*shmat)(int, const void *, int);
    int (*shmdt)(const void *);
    int (*shmctl)(int, int, struct shmid_ds *);
    int (*madvise)(void *, size_t, int);
};

static int file, segment;
static const key_t key = 0x4d42;

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(1);
    }
}

static void anonymous(const struct calls *c)
{
    void *p = c->mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(p != MAP_FAILED && c->munmap(p, 4096) == 0, "anonymous pair");
}

static __attribute__((noinline)) void descend(const struct calls *c, volatile int frames)
{
    if (frames > 0)
        descend(c, frames - 1);
    else
        anonymous(c);
    __asm__ volatile("" ::: "memory"); /* no tail call */
}

static void below_frames(const struct calls *c) { descend(c, 50); }

static void shared_file(const struct calls *c)
{
    void *p = c->mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    check(p != MAP_FAILED && c->munmap(p, 4096) == 0, "shared file pair");
}

static void attach(const struct calls *c)
{
    void *p = c->shmat(segment, NULL, 0);
    check(p != (void *)-1 && c->shmdt(p) == 0, "shmat+shmdt");
}

static void cycle(const struct calls *c)
{
    int id = c->shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *p = c->shmat(id, NULL, 0);
    check(p != (void *)-1 && c->shmdt(p) == 0 && c->shmctl(id, IPC_RMID, NULL) == 0, "segment cycle");
}

static void get(const struct calls *c)
{
    check(c->shmget(key, 4096, IPC_CREAT | 0600) == segment, "shmget");
}

static void state(const struct calls *c)
{
    struct shmid_ds state;
    check(c->shmctl(segment, IPC_STAT, &state) == 0, "IPC_STAT");
}

static void make_key(const struct calls *c)
{
    check(c->ftok("/etc/passwd", 1) != -1, "ftok");
}

/* As allocators do. */
static void give_back(const struct calls *c)
{
    static char page[2 * 4096];
    char *whole = page + 4096 - (size_t)page % 4096;
    *(volatile char *)whole = 1;
    check(c->madvise(whole, 4096, MADV_DONTNEED) == 0, "MADV_DONTNEED");
}

static void bad_descriptor(const struct calls *c)
{
    check(c->mmap(NULL, 4096, PROT_READ, MAP_SHARED, -1, 0) == MAP_FAILED, "EBADF");
}

static void zero_length(const struct calls *c)
{
    check(c->mmap(NULL, 0, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED, "EINVAL");
}

static void unaligned_offset(const struct calls *c)
{
    check(c->mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 100) == MAP_FAILED, "EINVAL");
}

static volatile int stop;

static void *neighbour(void *calls)
{
    while (!stop)
        anonymous(calls);
    return NULL;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values)
{
    qsort(values, ROUNDS, sizeof *values, ascending);
    return values[ROUNDS / 2];
}

static double round_of(void (*body)(const struct calls *), const struct calls *calls, int times)
{
    double start = seconds();
    for (int i = 0; i < times; i++)
        body(calls);
    return (seconds() - start) / times * 1e9;
}

static void measure(const char *name, void (*body)(const struct calls *), int times, double ceiling,
                    const struct calls *raw, const struct calls *checked, int threads)
{
    static double before[ROUNDS], with[ROUNDS], ratio[ROUNDS];
    for (int i = -10; i < ROUNDS; i++) {
        double costs[2];
        for (int turn = 0; turn < 2; turn++) {
            int second = (i + turn) & 1; /* each goes first every other time */
            const struct calls *calls = second ? checked : raw;
            pthread_t neighbours[MOST_THREADS - 1];
            stop = 0;
            for (int thread = 1; thread < threads; thread++)
                check(pthread_create(&neighbours[thread - 1], NULL, neighbour, (void *)calls) == 0, "thread");
            costs[second] = round_of(body, calls, times);
            stop = 1;
            for (int thread = 1; thread < threads; thread++)
                pthread_join(neighbours[thread - 1], NULL);
        }
        if (i >= 0) {
            before[i] = costs[0];
            with[i] = costs[1];
            ratio[i] = costs[1] / costs[0];
        }
    }
    printf("| %s | %.0f | %.0f | %.3f | %.2f |\n", name, median(before), median(with), median(ratio), ceiling);
    fflush(stdout);
}

/* Resident memory, in bytes. */
static long resident(void)
{
    long size, pages = 0;
    FILE *statm = fopen("/proc/self/statm", "r");
    check(statm != NULL && fscanf(statm, "%ld %ld", &size, &pages) == 2 && fclose(statm) == 0, "/proc/self/statm");
    return pages * sysconf(_SC_PAGESIZE);
}

static char **live;

/* Mappings that the kernel keeps apart, because no neighbours have the same protection. */
static void fill(const struct calls *c, long from, long to)
{
    for (long i = from; i < to; i++) {
        live[i] = c->mmap(NULL, 4096, i & 1 ? PROT_READ : PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check(live[i] != MAP_FAILED, "live mappings: raise vm.max_map_count");
    }
}

static double empty(const struct calls *c, long count)
{
    double start = seconds();
    for (long i = 0; i < count; i++)
        check(c->munmap(live[i], 4096) == 0, "munmap");
    return seconds() - start;
}

static void shuffle(long count)
{
    for (long i = count - 1; i > 0; i--) {
        long j = (long)(((unsigned long)rand() << 16 ^ (unsigned long)rand()) % (unsigned long)(i + 1));
        char *other = live[i];
        live[i] = live[j];
        live[j] = other;
    }
}

static long map_limit(void)
{
    long limit = 65530;
    FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
    if (file != NULL && fscanf(file, "%ld", &limit) == 1)
        fclose(file);
    return limit;
}

/* The pair beside many live mappings, and what one of them costs in memory. */
static void live_mappings(const struct calls *raw, const struct calls *checked)
{
    static const struct { long count; double ceiling; } steps[] = {{10, 1.06}, {10000, 1.08}, {60000, 1.08}, {1000000, 1.10}};
    long done = 0, before = resident();
    live = malloc(1000000 * sizeof *live);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char name[100];
        long count = steps[i].count;
        if (count + 1000 > map_limit()) {
            printf("| anonymous pair, %ld live mappings | - | - | - | vm.max_map_count is %ld |\n", count, map_limit());
            break;
        }
        fill(checked, done, count);
        done = count;
        snprintf(name, sizeof name, "anonymous pair, %ld live mappings", count);
        measure(name, anonymous, 200, steps[i].ceiling, raw, checked, 1);
        if (count >= 10000)
            printf("| memory per live mapping, of %ld | - | - | %ld bytes | 128 |\n", count,
                   (resident() - before) / count - (long)sizeof *live);
    }
    empty(checked, done);
    double costs[2], ratio[9];
    for (int turn = 0; turn < 9; turn++) {
        for (int second = 0; second < 2; second++) {
            fill(second ? checked : raw, 0, 60000);
            shuffle(60000);
            costs[second] = empty(second ? checked : raw, 60000);
        }
        ratio[turn] = costs[1] / costs[0];
    }
    qsort(ratio, 9, sizeof *ratio, ascending);
    printf("| unmapping 60,000 in random order | %.0f | %.0f | %.3f | 1.25 |\n", costs[0] / 60000 * 1e9,
           costs[1] / 60000 * 1e9, ratio[4]);
}

int main(void)
{
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    check(libc != NULL, "libc.so.6");
    struct calls checked = {mmap, munmap, ftok, shmget, shmat, shmdt, shmctl, madvise};
    struct calls raw = {dlsym(libc, "mmap"),  dlsym(libc, "munmap"), dlsym(libc, "ftok"),  dlsym(libc, "shmget"),
                        dlsym(libc, "shmat"), dlsym(libc, "shmdt"),  dlsym(libc, "shmctl"), dlsym(libc, "madvise")};
    if (dlsym(RTLD_DEFAULT, "mapsan_version") == NULL)
        fputs("without the library: both columns are libc's, and the ratios show the noise\n", stderr);
    FILE *temporary = tmpfile();
    check(temporary != NULL && ftruncate(fileno(temporary), 4096) == 0, "file");
    file = fileno(temporary);
    segment = shmget(key, 4096, IPC_CREAT | 0600);
    check(segment >= 0, "segment");

    puts("| case | raw ns | checked ns | ratio | ceiling |\n| --- | ---: | ---: | ---: | ---: |");
    measure("anonymous `mmap`+`munmap` pair", anonymous, 200, 1.06, &raw, &checked, 1);
    measure("shared file pair", shared_file, 200, 1.15, &raw, &checked, 1);
    measure("`shmat`+`shmdt`", attach, 200, 1.08, &raw, &checked, 1);
    measure("`shmget`+`shmat`+`shmdt`+`IPC_RMID`", cycle, 100, 1.08, &raw, &checked, 1);
    measure("`shmget` of an existing key", get, 1000, 1.06, &raw, &checked, 1);
    measure("`shmctl(IPC_STAT)`", state, 1000, 1.06, &raw, &checked, 1);
    measure("`ftok`", make_key, 500, 1.06, &raw, &checked, 1);
    measure("`madvise(MADV_DONTNEED)` of a page that was written", give_back, 1000, 1.03, &raw, &checked, 1);
    measure("anonymous pair, two threads", anonymous, 200, 1.08, &raw, &checked, 2);
    measure("anonymous pair, four threads", anonymous, 100, 1.08, &raw, &checked, 4);
    measure("anonymous pair, eight threads", anonymous, 50, 1.08, &raw, &checked, 8);
    measure("anonymous pair, below 50 frames", below_frames, 200, 1.06, &raw, &checked, 1);
    measure("a repeated failure: EBADF", bad_descriptor, 1000, 3, &raw, &checked, 1);
    measure("a repeated failure: length 0", zero_length, 1000, 3, &raw, &checked, 1);
    measure("a repeated failure: unaligned offset (libc refuses it)", unaligned_offset, 1000, 3, &raw, &checked, 1);
    live_mappings(&raw, &checked);
    return shmctl(segment, IPC_RMID, NULL);
}
