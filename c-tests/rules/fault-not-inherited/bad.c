/* Keeps a buffer of a device from forked children, with the header that lies on the same page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    char name[1024];
    char buffer[1024];
};

/* As libraries for network cards do: whole pages around the range. */
static int pin(void *start, size_t length)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t low = (size_t)start & ~(page - 1), high = ((size_t)start + length + page - 1) & ~(page - 1);
    return madvise((void *)low, high - low, MADV_DONTFORK);
}

int main(void)
{
    struct job *job = mmap(NULL, sizeof *job, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (job == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    strcpy(job->name, "job 7");
    if (pin(job->buffer, sizeof job->buffer) != 0)
        perror("madvise");
    pid_t child = fork();
    if (child == 0) {
        job->name[0] = 'J'; /* faulty */
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    puts(WIFSIGNALED(status) ? "the child died" : "the child has ended");
    return munmap(job, sizeof *job) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
