/* Makes a shared mapping writable whose file was opened for reading and writing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = open("settings", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        perror("settings");
    char *settings = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (settings == MAP_FAILED) {
        perror("settings");
        return EXIT_FAILURE;
    }
    if (mprotect(settings, 4096, PROT_READ | PROT_WRITE) != 0)
        perror("mprotect");
    return munmap(settings, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
