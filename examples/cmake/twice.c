/* Unmaps twice. */
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return EXIT_FAILURE;
    munmap(page, 4096);
    munmap(page, 4096);
    return EXIT_SUCCESS;
}
