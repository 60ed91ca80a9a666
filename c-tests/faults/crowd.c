/* Ten thousand threads at once: crowd FILE. How much memory and how many mappings the process has while they live is written to
 * FILE; all of them end. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 10000 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int begun, has_other, ends;

static void *one(void *unused)
{
    stack_t now;
    int told = sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE);
    pthread_mutex_lock(&lock);
    begun++;
    has_other += !told;
    pthread_cond_broadcast(&changed);
    while (!ends)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return unused;
}

static long field(const char *name)
{
    char line[256];
    long value = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            value = atol(line + strlen(name));
    if (status != NULL)
        fclose(status);
    return value;
}

static long mappings(void)
{
    long lines = 0;
    int letter;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && (letter = getc_unlocked(maps)) != EOF)
        lines += letter == '\n';
    if (maps != NULL)
        fclose(maps);
    return lines;
}

int main(int count, char **words)
{
    static pthread_t threads[MANY];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 64 * 1024);
    int made = 0, error = 0;
    if (count != 2)
        return 64;
    while (made < MANY && (error = pthread_create(&threads[made], &attributes, one, NULL)) == 0)
        made++;
    pthread_mutex_lock(&lock);
    while (begun < made)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    FILE *file = fopen(words[1], "w");
    if (file == NULL)
        return 3;
    fprintf(file, "%ld %ld\n", mappings(), field("VmRSS:"));
    fclose(file);
    pthread_mutex_lock(&lock);
    ends = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < made; i++)
        if (pthread_join(threads[i], NULL) != 0)
            return 4;
    if (made < MANY) {
        printf("SKIPPED: %d threads at most (%s); ulimit -u, kernel.threads-max, kernel.pid_max, vm.max_map_count and the "
               "cgroup's pids.max have to allow %d\n", made, strerror(error), MANY);
        return 77;
    }
    printf("%d threads, %d with an alternate stack\n", begun, has_other);
    return 0;
}
