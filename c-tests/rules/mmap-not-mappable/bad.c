/* Maps its input, which is a pipe when it comes from another program. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    if (pipe(ends) != 0) {
        perror("pipe");
        return EXIT_FAILURE;
    }
    void *input = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, ends[0], 0); /* faulty */
    if (input == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
