/* mapsan: enable=security */
/* Writes generated code first, and makes it executable when it is complete. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    code[0] = '\xc3';
    if (mprotect(code, 4096, PROT_READ | PROT_EXEC) != 0) {
        perror("mprotect");
        return EXIT_FAILURE;
    }
    return munmap(code, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
