/* Grows a buffer in place, and its neighbour is in the way. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *two = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (two == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    char *grown = mremap(two, 4096, 8192, 0); /* faulty */
    if (grown == MAP_FAILED)
        perror("mremap");
    return munmap(two, 8192) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
