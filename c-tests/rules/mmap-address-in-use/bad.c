/* Wants a second arena at the address where the first one lies. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *wanted = (void *)(uintptr_t)0x200000000000;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    void *first = mmap(wanted, 65536, PROT_NONE, flags, -1, 0);
    if (first == MAP_FAILED) {
        perror("first");
        return EXIT_FAILURE;
    }
    void *second = mmap(wanted, 65536, PROT_NONE, flags, -1, 0); /* faulty */
    if (second == MAP_FAILED) {
        perror("second");
        munmap(first, 65536);
        return EXIT_FAILURE;
    }
    return munmap(first, 65536) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
