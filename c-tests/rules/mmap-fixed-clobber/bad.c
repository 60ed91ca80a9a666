/* Maps its table at an address that it takes for free: the end of the heap, aligned. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    size_t size = 8192;
    char *end = sbrk(1 << 16);
    char *place = (char *)(((uintptr_t)end + 8191) & ~(uintptr_t)4095);
    char *table = mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); /* faulty */
    if (table == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    table[0] = 1;
    return munmap(table, size) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
