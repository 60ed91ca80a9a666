/* mmap's result is compared with MAP_FAILED before it is used. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (text == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    strcpy(text, "shared");
    puts(text);
    munmap(text, 4096);
    return 0;
}
