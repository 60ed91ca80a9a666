/* Maps ordinary pages, and advises the kernel to use huge ones where it can. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t size = 16ul << 20;
    void *pool = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pool == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (madvise(pool, size, MADV_HUGEPAGE) != 0)
        puts("no transparent huge pages here");
    return munmap(pool, size) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
