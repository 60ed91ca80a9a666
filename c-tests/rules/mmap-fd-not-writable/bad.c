/* Opens a file for reading and maps it to change it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int fd = open("settings", O_RDONLY | O_CREAT, 0600);
    if (fd < 0) {
        perror("settings");
        return EXIT_FAILURE;
    }
    char *settings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0); /* faulty */
    if (settings == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
