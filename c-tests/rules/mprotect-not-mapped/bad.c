/* Protects more than is mapped: the second page has been unmapped.
 * mapsan-vary: the next mapping above is .* */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || munmap(pages + 4096, 4096) != 0) {
        perror("pages");
        return EXIT_FAILURE;
    }
    if (mprotect(pages, 8192, PROT_READ) != 0) /* faulty */
        perror("mprotect");
    return munmap(pages, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
