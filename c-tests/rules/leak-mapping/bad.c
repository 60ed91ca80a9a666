/* Maps a buffer for each of three rounds, and keeps them all. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    for (int round = 0; round < 3; round++) {
        char *buffer = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* faulty */
        if (buffer == MAP_FAILED) {
            perror("mmap");
            return EXIT_FAILURE;
        }
        buffer[0] = 1;
    }
    return EXIT_SUCCESS;
}
