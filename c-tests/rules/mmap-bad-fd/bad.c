/* Does not look at what open() returned: the file is not there, and the descriptor is -1. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int fd = open("no such file", O_RDONLY);
    void *data = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0); /* faulty */
    if (data == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
