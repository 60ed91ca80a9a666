/* What the library adds to the start of a process and to its resident memory, above an empty preloaded library.
 *
 *   start EMPTY.so LIBRARY.so: runs itself many times under each in turn, and tells the medians. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RUNS 1001

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

/* Pages of the process that are resident and its own, in KiB: those of a library's code are shared by all. */
static long resident(void)
{
    char line[256];
    long own = 0, value;
    FILE *file = fopen("/proc/self/smaps_rollup", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "Private_Dirty: %ld", &value) == 1 || sscanf(line, "Rss: %ld", &value) == 1)
            if (strncmp(line, "Rss", 3) == 0)
                own = value;
    return own;
}

static double run(const char *self, const char *library, long *memory)
{
    char preload[4096];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    char *arguments[] = {(char *)self, "child", NULL}, *environment[] = {preload, NULL};
    int ends[2];
    pid_t child;
    if (pipe(ends) != 0)
        exit(1);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    double start = seconds();
    if (posix_spawn(&child, self, &actions, NULL, arguments, environment) != 0)
        exit(1);
    close(ends[1]);
    char byte;
    if (read(ends[0], &byte, 1) != 1) /* written at the start of main */
        exit(1);
    double took = (seconds() - start) * 1e6;
    if (read(ends[0], memory, sizeof *memory) != sizeof *memory)
        exit(1);
    close(ends[0]);
    waitpid(child, NULL, 0);
    return took;
}

int main(int count, char **arguments)
{
    if (count == 2) {
        if (write(1, "", 1) != 1)
            return 1;
        long memory = resident();
        return write(1, &memory, sizeof memory) != sizeof memory;
    }
    if (count != 3)
        return 2;
    static double times[2][RUNS], memories[2][RUNS];
    for (int i = 0; i < RUNS; i++)
        for (int which = 0; which < 2; which++) {
            long memory;
            times[which][i] = run("/proc/self/exe", arguments[which + 1], &memory);
            memories[which][i] = (double)memory;
        }
    for (int which = 0; which < 2; which++) {
        qsort(times[which], RUNS, sizeof(double), ascending);
        qsort(memories[which], RUNS, sizeof(double), ascending);
    }
    printf("start of a process: %.0f us with an empty library, %+.0f us with this one (ceiling +60)\n",
           times[0][RUNS / 2], times[1][RUNS / 2] - times[0][RUNS / 2]);
    printf("resident memory: %.0f KiB with an empty library, %+.0f KiB with this one (ceiling +512)\n",
           memories[0][RUNS / 2], memories[1][RUNS / 2] - memories[0][RUNS / 2]);
    return 0;
}
