/* Compiles a function into memory of its own, frees that, and calls the function once more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef __x86_64__
static const unsigned char seven[] = {0xb8, 7, 0, 0, 0, 0xc3}; /* mov $7,%eax; ret */
#elif defined __riscv
static const unsigned char seven[] = {0x13, 5, 0x70, 0, 0x67, 0x80, 0, 0}; /* li a0, 7; ret */
#else
static const unsigned char seven[] = {0xe0, 0, 0x80, 0x52, 0xc0, 3, 0x5f, 0xd6}; /* mov w0,#7; ret */
#endif

int main(void)
{
    void *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (code == MAP_FAILED) {
        perror("code");
        return EXIT_FAILURE;
    }
    memcpy(code, seven, sizeof seven);
    __builtin___clear_cache(code, (char *)code + sizeof seven);
    if (mprotect(code, 4096, PROT_READ | PROT_EXEC) != 0) {
        puts("no code can be made here");
        return 77;
    }
    int (*compiled)(void) = (int (*)(void))code;
    int first = compiled();
    munmap(code, 4096);
    return first == 7 && compiled() == 7 ? EXIT_SUCCESS : EXIT_FAILURE; /* faulty */
}
