/* Maps a file shared and prints how it starts. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = open("test", O_RDWR);
    if (fd < 0) {
        perror("open");
        return EXIT_FAILURE;
    }
    char *text = mmap(NULL, 2048, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (text == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    close(fd);
    printf("read=%.10s\n", text);
    return munmap(text, 2048) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
