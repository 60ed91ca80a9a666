/* Subtracts the start from the end. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *start = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    char *end = start + 8192;
    if (munmap(start, (size_t)(end - start)) != 0)
        perror("munmap");
    return EXIT_SUCCESS;
}
