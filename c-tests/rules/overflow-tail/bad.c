/* mapsan: harden=tail */
/* Copies a line into a mapping, which has no room for its newline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    char line[101];
    memset(line, 'x', 100);
    line[100] = '\n';
    char *copy = mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) {
        perror("copy");
        return EXIT_FAILURE;
    }
    memcpy(copy, line, sizeof line);
    munmap(copy, 100); /* faulty */
    return EXIT_SUCCESS;
}
