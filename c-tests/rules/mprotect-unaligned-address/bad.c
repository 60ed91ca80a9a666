/* Protects a table that lies somewhere in a page. */
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
    char *table = page + 64;
    if (mprotect(table, 1024, PROT_READ) != 0) /* faulty */
        perror("mprotect");
    return munmap(page, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
