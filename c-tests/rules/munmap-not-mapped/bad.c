/* Frees a buffer of malloc and then unmaps its pages, too.
 * mapsan-vary: next mapping above is .* */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t size = 64 << 20;
    char *buffer = malloc(size);
    if (buffer == NULL) {
        perror("malloc");
        return EXIT_FAILURE;
    }
    buffer[0] = 1;
    char *pages = (char *)(((uintptr_t)buffer + 4096) & ~(uintptr_t)4095);
    free(buffer);
    if (munmap(pages, size - 8192) != 0) /* faulty */
        perror("munmap");
    return EXIT_SUCCESS;
}
