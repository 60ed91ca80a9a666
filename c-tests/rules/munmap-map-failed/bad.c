/* mapsan: disable=mmap-zero-length */
/* Compares what mmap returns with NULL, which it never is, and unmaps the failure. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t length = 0;
    void *buffer = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == NULL)
        return EXIT_FAILURE;
    if (munmap(buffer, 4096) != 0) /* faulty */
        perror("munmap");
    return EXIT_SUCCESS;
}
