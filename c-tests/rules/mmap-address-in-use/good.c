/* Puts a second arena behind the first one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *wanted = (char *)(uintptr_t)0x200000000000;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    void *first = mmap(wanted, 65536, PROT_NONE, flags, -1, 0);
    if (first == MAP_FAILED) {
        perror("first");
        return EXIT_FAILURE;
    }
    void *second = mmap(wanted + 65536, 65536, PROT_NONE, flags, -1, 0);
    if (second == MAP_FAILED) {
        perror("second");
        return EXIT_FAILURE;
    }
    return munmap(wanted, 2 * 65536) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
