/* Grows a buffer that has been unmapped already.
 * mapsan-vary: the next mapping above is .* */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED || munmap(buffer, 4096) != 0) {
        perror("buffer");
        return EXIT_FAILURE;
    }
    buffer = mremap(buffer, 4096, 8192, MREMAP_MAYMOVE); /* faulty */
    if (buffer == MAP_FAILED)
        perror("mremap");
    return EXIT_SUCCESS;
}
