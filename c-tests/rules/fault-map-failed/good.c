/* Compares what mmap gives with MAP_FAILED, and takes it as it comes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *cache = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (cache == MAP_FAILED) {
        perror("cache");
        return EXIT_FAILURE;
    }
    cache[0] = 1;
    munmap(cache, 1 << 20);
    return EXIT_SUCCESS;
}
