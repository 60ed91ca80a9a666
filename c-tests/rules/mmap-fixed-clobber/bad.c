/* Maps its table at a page that it takes for its own: that of a buffer which malloc has given.
 * mapsan-vary: it was .* */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t size = 8192;
    char *buffer = malloc(4 * size);
    if (buffer == NULL) {
        perror("malloc");
        return EXIT_FAILURE;
    }
    char *place = (char *)(((uintptr_t)buffer + 4095) & ~(uintptr_t)4095);
    char *table = mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); /* faulty */
    if (table == MAP_FAILED)
        perror("mmap");
    else
        munmap(table, size);
    _Exit(EXIT_SUCCESS);
}
