/* Makes a new file and writes into its mapping, without giving the file a length first. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int fd = open("counters", O_RDWR | O_CREAT, 0600);
    int *counters = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counters == MAP_FAILED) {
        perror("counters");
        return EXIT_FAILURE;
    }
    counters[3] = 1; /* faulty */
    return EXIT_SUCCESS;
}
