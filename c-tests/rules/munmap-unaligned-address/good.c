/* Keeps the pointer that mmap returned, and walks with another. */
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
    char *at = text;
    for (int line = 0; line < 10; line++)
        *at++ = '\n';
    if (munmap(text, 4096) != 0)
        perror("munmap");
    return EXIT_SUCCESS;
}
