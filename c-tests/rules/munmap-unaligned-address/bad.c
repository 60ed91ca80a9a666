/* Unmaps the pointer with which it walked through the data. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    for (int line = 0; line < 10; line++)
        *text++ = '\n';
    if (munmap(text, 4096) != 0) /* faulty */
        perror("munmap");
    return munmap(text - 10, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
