/* Compares what mmap returns with MAP_FAILED. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *buffer = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (munmap(buffer, 4096) != 0)
        perror("munmap");
    return EXIT_SUCCESS;
}
