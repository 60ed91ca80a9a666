/* Checks the order of two positions before it takes their difference as a length. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    long start = 4096, end = 8192;
    if (end <= start) {
        fputs("empty range\n", stderr);
        return EXIT_FAILURE;
    }
    size_t length = (size_t)(end - start);
    void *buffer = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return munmap(buffer, length) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
