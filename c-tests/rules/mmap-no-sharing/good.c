/* Wants memory without a file, for itself alone. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int *counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (counters == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    counters[0] = 1;
    return munmap(counters, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
