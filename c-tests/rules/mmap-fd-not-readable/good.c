/* Opens the file for reading and writing, which every writable shared mapping needs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = open("output", O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0) {
        perror("output");
        return EXIT_FAILURE;
    }
    char *out = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0);
    if (out == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    strcpy(out, "done\n");
    return munmap(out, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
