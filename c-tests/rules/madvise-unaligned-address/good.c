/* Advises how it reads, with the address of the mapping. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

struct table {
    size_t used;
    char rows[65536 - sizeof(size_t)];
};

int main(void)
{
    struct table *table = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (madvise(table, sizeof *table, MADV_SEQUENTIAL) != 0)
        perror("madvise");
    return munmap(table, sizeof *table) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
