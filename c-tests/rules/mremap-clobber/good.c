/* Moves a table that has become full to a larger place, which mmap has reserved. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t size = 8192;
    char *table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *place = mmap(NULL, 4 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED || place == MAP_FAILED) {
        perror("table");
        return EXIT_FAILURE;
    }
    table[0] = 1;
    table = mremap(table, size, 2 * size, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    if (table == MAP_FAILED)
        perror("mremap");
    return munmap(place, 4 * size) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
