/* mmap's result is used without being compared: where memory is short, the program dies. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* faulty */

    strcpy(text, "shared");
    puts(text);
    munmap(text, 4096);
    return 0;
}
