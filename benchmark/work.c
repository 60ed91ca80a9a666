/* The work on which tools are compared: prints the time of each in nanoseconds, `anonymous file shmget`. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(int count, char **words)
{
    int rounds = count > 1 ? atoi(words[1]) : 10000;
    FILE *temporary = tmpfile();
    if (temporary == NULL || ftruncate(fileno(temporary), 4096) != 0)
        return 1;
    int segment = shmget(0x4d43, 4096, IPC_CREAT | 0600);
    double start = now();
    for (int i = 0; i < rounds; i++)
        munmap(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
    double anonymous = now();
    for (int i = 0; i < rounds; i++)
        munmap(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(temporary), 0), 4096);
    double file = now();
    for (int i = 0; i < rounds; i++)
        if (shmget(0x4d43, 4096, 0600) != segment)
            return 1;
    double get = now();
    FILE *out = count > 2 ? fopen(words[2], "w") : stdout;
    if (out == NULL)
        return 1;
    fprintf(out, "%.0f %.0f %.0f\n", (anonymous - start) / rounds, (file - anonymous) / rounds, (get - file) / rounds);
    fclose(out);
    return shmctl(segment, IPC_RMID, NULL);
}
