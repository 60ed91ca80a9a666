/* Opens a file for reading, and changes a private copy. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    if (fd < 0) {
        perror("settings");
        return EXIT_FAILURE;
    }
    char *settings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (settings == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    settings[0] = '#';
    return munmap(settings, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
