/* Moves a table that has become full into a larger buffer, which malloc has given.
 * mapsan-vary: it was .* */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t size = 8192;
    char *table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *buffer = malloc(4 * size);
    if (table == MAP_FAILED || buffer == NULL) {
        perror("table");
        return EXIT_FAILURE;
    }
    table[0] = 1;
    char *place = (char *)(((uintptr_t)buffer + 4095) & ~(uintptr_t)4095);
    table = mremap(table, size, 2 * size, MREMAP_MAYMOVE | MREMAP_FIXED, place); /* faulty */
    if (table == MAP_FAILED)
        perror("mremap");
    else
        munmap(table, 2 * size);
    _Exit(EXIT_SUCCESS);
}
