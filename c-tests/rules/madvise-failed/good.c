/* Unlocks the pages of a cache before it gives them back, and asks first whether the kernel has an advice. */
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
    if (munlock(cache, 16384) != 0 || madvise(cache, 16384, MADV_DONTNEED) != 0)
        perror("madvise");
    printf("advice 7: %d\n", madvise(NULL, 0, 7));
    return munmap(cache, 16384) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
