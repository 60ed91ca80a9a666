/* What the library costs plain memory access, and how many mappings it adds.
 *
 *   access EMPTY.so LIBRARY.so: runs itself under each in turn, and tells the medians. */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS 61
#define BYTES (64UL << 20)

struct result {
    double nanoseconds;
    long mappings;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The time of an access in a walk over mapped memory, in nanoseconds. */
static struct result measure(void)
{
    struct result result = {0, 0};
    FILE *maps = fopen("/proc/self/maps", "r");
    for (int byte; maps != NULL && (byte = getc(maps)) != EOF;)
        result.mappings += byte == '\n';
    volatile unsigned char *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        exit(1);
    memset((void *)memory, 1, BYTES);
    double start = now();
    for (int round = 0; round < 4; round++)
        for (size_t at = 0; at < BYTES; at += 64)
            memory[at]++;
    result.nanoseconds = (now() - start) / (4.0 * (double)(BYTES / 64));
    return result;
}

static struct result run(const char *self, const char *library)
{
    char preload[4096];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    char *arguments[] = {(char *)self, "child", NULL}, *environment[] = {preload, "MAPSAN_OPTIONS=leaks=0", NULL};
    int ends[2];
    pid_t child;
    struct result result;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (pipe(ends) != 0 || posix_spawn_file_actions_adddup2(&actions, ends[1], 1) != 0 ||
        posix_spawn(&child, self, &actions, NULL, arguments, environment) != 0)
        exit(1);
    close(ends[1]);
    if (read(ends[0], &result, sizeof result) != sizeof result)
        exit(1);
    close(ends[0]);
    waitpid(child, NULL, 0);
    return result;
}

int main(int count, char **arguments)
{
    if (count == 2) {
        struct result result = measure();
        return write(1, &result, sizeof result) != sizeof result;
    }
    if (count != 3)
        return 2;
    static double times[2][RUNS], ratios[RUNS];
    long mappings[2] = {0, 0};
    for (int i = 0; i < RUNS; i++) {
        for (int which = 0; which < 2; which++) {
            struct result result = run(arguments[0], arguments[which + 1]);
            times[which][i] = result.nanoseconds;
            mappings[which] = result.mappings;
        }
        ratios[i] = times[1][i] / times[0][i];
    }
    qsort(times[0], RUNS, sizeof(double), ascending);
    qsort(times[1], RUNS, sizeof(double), ascending);
    qsort(ratios, RUNS, sizeof(double), ascending);
    printf("plain memory access: %.2f ns with an empty library, %.2f ns with this one, ratio %.3f (ceiling 1.00)\n",
           times[0][RUNS / 2], times[1][RUNS / 2], ratios[RUNS / 2]);
    printf("mappings at the start of main: %ld with an empty library, %ld with this one\n", mappings[0], mappings[1]);
    return 0;
}
