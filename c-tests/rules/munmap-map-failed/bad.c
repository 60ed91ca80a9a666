/* Compares what mmap returns with NULL, which it never is, and unmaps the failure. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    /* As a library would that makes the system call by itself. */
    void *buffer = (void *)syscall(SYS_mmap, NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == NULL)
        return EXIT_FAILURE;
    if (munmap(buffer, 4096) != 0) /* faulty */
        perror("munmap");
    return EXIT_SUCCESS;
}
