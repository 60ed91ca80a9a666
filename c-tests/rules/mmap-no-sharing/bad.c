/* Wants memory without a file, and forgets to say whose it is. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int *counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS, -1, 0); /* faulty */
    if (counters == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
