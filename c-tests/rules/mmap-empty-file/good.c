/* Shares a counter through a new file, and forgets to give the file its length. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = open("counter", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (ftruncate(fd, sizeof(long)) != 0) {
        perror("ftruncate");
        return EXIT_FAILURE;
    }
    long *counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counter == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    close(fd);
    munmap(counter, sizeof *counter);
    return unlink("counter") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
