/* Grows a buffer while it is mapped. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        perror("buffer");
        return EXIT_FAILURE;
    }
    buffer = mremap(buffer, 4096, 8192, MREMAP_MAYMOVE);
    if (buffer == MAP_FAILED) {
        perror("mremap");
        return EXIT_FAILURE;
    }
    return munmap(buffer, 8192) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
