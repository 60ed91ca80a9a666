/* Gives back the pages of a cache that is locked in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    char *cache = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (cache == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (mlock(cache, 16384) != 0) {
        puts("skipped: 16 KiB can't be locked in memory here (ulimit -l)");
        return 77;
    }
    memset(cache, 'x', 16384);
    if (madvise(cache, 16384, MADV_DONTNEED) != 0) /* faulty */
        perror("madvise");
    return munmap(cache, 16384) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
