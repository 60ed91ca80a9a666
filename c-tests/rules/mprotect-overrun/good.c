/* Code is written and then sealed, by the length that was mapped. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

int main(void)
{
    size_t size = (4 << 20) + 16 * PAGE; /* larger than the holes between libraries */
    char *names = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *code = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (names == MAP_FAILED || code == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (code + size != names) {
        puts("the kernel put them elsewhere");
        return 77;
    }
    memset(code, 0xc3, size);
    if (mprotect(code, size, PROT_READ | PROT_EXEC) != 0)
        perror("mprotect");
    strcpy(names, "the next mapping can still be written");
    if (munmap(code, size) != 0 || munmap(names, size) != 0)
        perror("munmap");
    return EXIT_SUCCESS;
}
