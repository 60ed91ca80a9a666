/* What the library adds to a fork whose child ends at once, and to a whole small program, against an empty preloaded
 * library.
 *
 *   processes EMPTY.so LIBRARY.so: runs itself under each in turn, and tells the median and the worst of the rounds. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FORK_ROUNDS 41
#define FORKS 201
#define PROGRAM_ROUNDS 41
#define PROGRAMS 21
#define MOST 201

static double microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1e6 * (double)now.tv_sec + 1e-3 * (double)now.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, count, sizeof(double), ascending);
    return values[count / 2];
}

/* fork, _exit in the child, and wait: the median of many goes to standard output. */
static int forks(void)
{
    static double times[FORKS];
    for (int i = 0; i < FORKS; i++) {
        double start = microseconds();
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child < 0 || waitpid(child, NULL, 0) != child)
            return 1;
        times[i] = microseconds() - start;
    }
    double middle = median(times, FORKS);
    return write(1, &middle, sizeof middle) != sizeof middle;
}

/* A small program: map, fork, write from the child, wait, print, unmap. */
static int small(void)
{
    char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    pid_t child = fork();
    if (child == 0) {
        strcpy(shared, "hello");
        _exit(0);
    }
    if (child < 0 || waitpid(child, NULL, 0) != child)
        return 1;
    printf("%s\n", shared);
    return munmap(shared, 8192);
}

/* Runs this program under a library, with standard output to a descriptor or nowhere. */
static void run(const char *library, const char *what, int output)
{
    char preload[4096];
    snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
    char *arguments[] = {"processes", (char *)what, NULL}, *environment[] = {preload, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (output >= 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1);
    else
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    pid_t child;
    int status;
    if (posix_spawn(&child, "/proc/self/exe", &actions, NULL, arguments, environment) != 0 ||
        waitpid(child, &status, 0) != child || status != 0)
        exit(1);
    posix_spawn_file_actions_destroy(&actions);
}

static double one_of_forks(const char *library)
{
    int ends[2];
    double middle;
    if (pipe(ends) != 0)
        exit(1);
    run(library, "forks", ends[1]);
    if (read(ends[0], &middle, sizeof middle) != sizeof middle)
        exit(1);
    close(ends[0]);
    close(ends[1]);
    return middle;
}

/* Programs alternate singly, so that both meet the same machine. */
static void some_programs(char **libraries, double *middles)
{
    static double times[2][PROGRAMS];
    for (int i = 0; i < PROGRAMS; i++)
        for (int which = 0; which < 2; which++) {
            double start = microseconds();
            run(libraries[which], "small", -1);
            times[which][i] = microseconds() - start;
        }
    for (int which = 0; which < 2; which++)
        middles[which] = median(times[which], PROGRAMS);
}

static void tell(const char *what, double (*times)[MOST], int rounds, const char *ceiling)
{
    static double ratios[MOST];
    for (int i = 0; i < rounds; i++)
        ratios[i] = times[1][i] / times[0][i];
    double empty = median(times[0], rounds), library = median(times[1], rounds), ratio = median(ratios, rounds);
    printf("%s: %.0f us with an empty library, %.0f us with this one, ratio %.2f, worst of %d rounds %.2f (ceiling %s)\n",
           what, empty, library, ratio, rounds, ratios[rounds - 1], ceiling);
}

int main(int count, char **arguments)
{
    if (count == 2)
        return strcmp(arguments[1], "forks") == 0 ? forks() : small();
    if (count != 3)
        return 2;
    static double times[2][MOST];
    for (int i = 0; i < FORK_ROUNDS; i++)
        for (int which = 0; which < 2; which++)
            times[which][i] = one_of_forks(arguments[which + 1]);
    tell("fork, _exit and wait", times, FORK_ROUNDS, "1.10");
    for (int i = 0; i < PROGRAM_ROUNDS; i++) {
        double middles[2];
        some_programs(&arguments[1], middles);
        times[0][i] = middles[0];
        times[1][i] = middles[1];
    }
    tell("a small program (start, map, fork, print, wait, unmap)", times, PROGRAM_ROUNDS, "1.08");
    return 0;
}
