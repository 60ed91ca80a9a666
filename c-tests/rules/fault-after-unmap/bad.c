/* Keeps a pointer into a buffer that is unmapped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    char *buffer = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        perror("buffer");
        return EXIT_FAILURE;
    }
    strcpy(buffer + 100, "name");
    const char *name = buffer + 100;
    munmap(buffer, 8192);
    if (name[0] == 'n') /* faulty */
        puts("hello");
    return EXIT_SUCCESS;
}
