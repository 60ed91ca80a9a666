/* Passes a negative length, the result of a subtraction in the wrong order. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *start = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    char *end = start + 8192;
    if (munmap(start, start - end) != 0) /* faulty */
        perror("munmap");
    return munmap(start, 8192) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
