/* mapsan: enable=security */
/* Makes room for generated code that can be written and executed at once. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    int prot = PROT_READ | PROT_WRITE | PROT_EXEC;
    void *code = mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* faulty */
    if (code == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return munmap(code, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
