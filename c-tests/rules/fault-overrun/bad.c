/* Fills a buffer by one byte too many, and runs into the guard behind it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t size = 4 * 4096;
    char *buffer = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED || mprotect(buffer + size, 4096, PROT_NONE) != 0) {
        perror("buffer");
        return EXIT_FAILURE;
    }
    for (size_t i = 0; i <= size; i++)
        buffer[i] = 'x'; /* faulty */
    return EXIT_SUCCESS;
}
