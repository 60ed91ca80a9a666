/* Asks to change a mapping down to its growing end, and the mapping does not grow. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (mprotect(memory, 4096, PROT_READ | PROT_GROWSDOWN) != 0) /* faulty */
        perror("mprotect");
    return munmap(memory, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
