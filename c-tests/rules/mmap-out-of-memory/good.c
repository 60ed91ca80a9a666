/* Wants a cache that its limit (ulimit -v) leaves room for. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

int main(void)
{
    struct rlimit limit = {256ul << 20, 256ul << 20};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        perror("setrlimit");
        return EXIT_FAILURE;
    }
    size_t size = limit.rlim_cur / 4;
    void *cache = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (cache == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return munmap(cache, size) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
