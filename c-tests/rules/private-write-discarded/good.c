/* mapsan: harden=private */
/* Counts in a file that is mapped shared. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = open("counter", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 3 * 4096) != 0) {
        perror("counter");
        return EXIT_FAILURE;
    }
    int *counter = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counter == MAP_FAILED) {
        perror("counter");
        return EXIT_FAILURE;
    }
    counter[0]++;
    munmap(counter, 3 * 4096);
    return EXIT_SUCCESS;
}
