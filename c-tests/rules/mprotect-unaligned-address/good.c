/* Protects the page that a table has to itself. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    char *table = page;
    if (mprotect(table, 4096, PROT_READ) != 0)
        perror("mprotect");
    return munmap(page, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
