/* Looks at what open() returned before it maps the file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    if (fd < 0) {
        perror("open");
        return EXIT_FAILURE;
    }
    void *data = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd); /* the mapping stays */
    if (data == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return munmap(data, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
