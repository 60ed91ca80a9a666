/* Computes a length from two positions in the wrong order: a negative number becomes a huge one. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    long start = 8192, end = 4096;
    void *buffer = mmap(NULL, end - start, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* faulty */
    if (buffer == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
