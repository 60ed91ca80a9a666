/* Makes a shared mapping writable whose file was opened for reading. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    if (close(creat("settings", 0600)) != 0 || truncate("settings", 4096) != 0)
        perror("settings");
    int fd = open("settings", O_RDONLY);
    char *settings = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (settings == MAP_FAILED) {
        perror("settings");
        return EXIT_FAILURE;
    }
    if (mprotect(settings, 4096, PROT_READ | PROT_WRITE) != 0) /* faulty */
        perror("mprotect");
    return munmap(settings, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
