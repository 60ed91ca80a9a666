/* Makes a new file, gives it a length, and writes into its mapping. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = open("counters", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0) {
        perror("counters");
        return EXIT_FAILURE;
    }
    int *counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counters == MAP_FAILED) {
        perror("counters");
        return EXIT_FAILURE;
    }
    counters[3] = 1;
    munmap(counters, 4096);
    return EXIT_SUCCESS;
}
