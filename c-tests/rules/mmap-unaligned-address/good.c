/* Asks for memory at a fixed address: the start of a page. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *wanted = (void *)(uintptr_t)0x200000000000;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    void *arena = mmap(wanted, 65536, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (arena == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return munmap(arena, 65536) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
