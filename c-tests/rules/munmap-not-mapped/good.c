/* Frees a buffer of malloc and then leaves it at that. */
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
    printf("%zu\n", size);
    free(buffer);
    return EXIT_SUCCESS;
}
