/* Seals only what stays until the end of the process, and unmaps the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *scratch = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (scratch == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (munmap(scratch, 4096) != 0)
        perror("munmap");
    return EXIT_SUCCESS;
}
