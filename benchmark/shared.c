/* Programs with a fixed amount of work, on which the cost of `mapsan race` is measured (see benchmark/races).
 *
 *   shared alone WORK          computes in private memory, WORK times 4,096 steps
 *   shared counter WORK        two processes count in one word of shared memory, WORK steps each
 *   shared server WORK CHILDREN  forks so many children, one after the other, that do WORK times 4,096 steps and count
 *                              themselves in shared memory, with an atomic */
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct memory {
    volatile long count;
    char apart[120];
    atomic_long children;
};

static unsigned long compute(long work)
{
    static unsigned long table[4096];
    for (long i = 0; i < work; i++)
        for (unsigned long j = 0; j < 4096; j++)
            table[j] = table[(j * 7) & 4095] * 6364136223846793005UL + j;
    return table[work & 4095];
}

static int counter(struct memory *memory, long work)
{
    pid_t child = fork();
    if (child < 0)
        return 1;
    for (long i = 0; i < work; i++)
        memory->count++;
    if (child == 0)
        _exit(0);
    int status;
    return waitpid(child, &status, 0) != child || status != 0;
}

static int server(struct memory *memory, long work, long children)
{
    for (long i = 0; i < children; i++) {
        pid_t child = fork();
        if (child < 0)
            return 1;
        if (child == 0) {
            atomic_fetch_add(&memory->children, (long)(compute(work) | 1) & 1);
            _exit(0);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status != 0)
            return 1;
    }
    return memory->children != children;
}

int main(int count, char **words)
{
    if (count < 3) {
        fprintf(stderr, "usage: shared alone|counter|server WORK [CHILDREN]\n");
        return 2;
    }
    long work = atol(words[2]);
    if (strcmp(words[1], "alone") == 0)
        return printf("%lu\n", compute(work)) < 0;
    struct memory *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 1;
    if (strcmp(words[1], "counter") == 0)
        return counter(memory, work);
    return server(memory, work, count > 3 ? atol(words[3]) : 2000);
}
