/* The descriptor is not looked at; that the mapping fails for it is. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int file = memfd_create("descriptor", MFD_CLOEXEC); /* unchecked */
    char *text;

    if (ftruncate(file, 4096) == -1)
        perror("ftruncate");
    text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (text == MAP_FAILED)
        return perror("mmap"), 1;
    text[0] = 'a';
    puts("done");
    munmap(text, 4096);
    close(file);
    return 0;
}
