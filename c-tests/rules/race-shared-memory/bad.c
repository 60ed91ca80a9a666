/* Parent and child count in shared memory, and nothing keeps them apart: what one adds between the other's read and
   write is lost. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    volatile long *count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (count == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    pid_t child = fork();
    for (long i = 0; i < 300 * 1000 * 1000; i++)
        (*count)++; /* faulty */
    if (child > 0)
        wait(NULL);
    return 0;
}
