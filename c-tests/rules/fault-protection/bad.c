/* Seals a table with mprotect, and writes to it once more. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int *table = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED) {
        perror("table");
        return EXIT_FAILURE;
    }
    table[1100] = 1;
    if (mprotect(table, 2 * 4096, PROT_READ) != 0)
        perror("seal");
    table[1100] = 2; /* faulty */
    return EXIT_SUCCESS;
}
