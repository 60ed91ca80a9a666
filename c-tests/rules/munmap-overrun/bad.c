/* Two mappings, which the kernel puts side by side; the length of the lower one is counted twice. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t count = (1 << 20) + 4096, size = count * sizeof(int); /* larger than the holes between libraries */
    int *upper = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int *lower = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (upper == MAP_FAILED || lower == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (lower + count != upper) {
        puts("the kernel put them elsewhere");
        return 77;
    }
    if (munmap(lower, size + size / 2) != 0) /* faulty */
        perror("munmap");
    if (munmap(upper + count / 2, size / 2) != 0)
        perror("munmap");
    return EXIT_SUCCESS;
}
