/* A parent that makes a child for each job, and looks how it has ended. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static int job(int number)
{
    int *result = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (result == MAP_FAILED)
        return 1;
    *result = number;
    return 0;
}

static int hurried_job(int number)
{
    int *result = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* unchecked */

    *result = number;
    return 0;
}

int main(void)
{
    int failed = 0;

    for (int i = 0; i < 4; i++) {
        int status;

        if (fork() == 0)
            _exit(i == 3 ? hurried_job(i) : job(i));
        if (wait(&status) == -1 || status != 0)
            failed++;
    }
    if (failed > 0)
        fprintf(stderr, "%d jobs have failed\n", failed);
    puts("done");
    return failed > 0;
}
