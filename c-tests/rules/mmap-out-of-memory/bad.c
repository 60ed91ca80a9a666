/* Wants a cache of 1 GiB under a limit (ulimit -v) of a quarter of that.
 * mapsan-vary: [\d.]+ [KM]iB in use */
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
    void *cache = mmap(NULL, 1ul << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* faulty */
    if (cache == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
