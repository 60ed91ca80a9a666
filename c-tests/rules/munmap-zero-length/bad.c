/* Unmaps with a length that was set to 0 too early. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t length = 8192;
    void *buffer = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    length = 0;
    if (munmap(buffer, length) != 0) /* faulty */
        perror("munmap");
    return munmap(buffer, 8192) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
