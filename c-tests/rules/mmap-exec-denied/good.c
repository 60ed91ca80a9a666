/* Maps code from a file on a mount that lets it be executed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int fd = open("/proc/self/exe", O_RDONLY);
    if (fd < 0) {
        perror("plugin");
        return EXIT_FAILURE;
    }
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    if (code == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return munmap(code, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
