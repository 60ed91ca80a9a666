/* Asks for memory at a fixed address that is no page's start. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    void *wanted = (void *)(uintptr_t)0x200000001234;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    void *arena = mmap(wanted, 65536, PROT_READ | PROT_WRITE, flags, -1, 0); /* faulty */
    if (arena == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
