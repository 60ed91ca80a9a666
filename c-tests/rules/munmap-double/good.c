/* Unmaps a table when it is done, and not again on its way out. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t size = 1 << 16;
    char *table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    table[0] = 1;
    if (munmap(table, size) != 0)
        perror("done");
    table = NULL;
    if (table != NULL && munmap(table, size) != 0)
        perror("way out");
    return EXIT_SUCCESS;
}
