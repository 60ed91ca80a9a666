/* mapsan: enable=portability */
/* Passes 0 for "no file": on Linux that is ignored, elsewhere the call fails. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0, 0); /* faulty */
    if (memory == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return munmap(memory, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
