/* Opens the file for writing alone, since it only wants to write the mapping. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = open("output", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0) {
        perror("output");
        return EXIT_FAILURE;
    }
    char *out = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0); /* faulty */
    if (out == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
