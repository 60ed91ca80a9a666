/* sweep: --memory */
/* The file may be cut, and the disk may be full: of two mappings one is only read by read(2). */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    char *text, *unused;

    if (file == NULL || ftruncate(fileno(file), 8192) == -1)
        return perror("tmpfile"), 1;
    text = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0); /* fault */
    if (text == MAP_FAILED)
        return perror("mmap"), 1;
    unused = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fileno(file), 0);
    if (unused == MAP_FAILED)
        return perror("mmap"), 1;
    memset(text, 'a', 8192);
    puts("done");
    munmap(unused, 8192);
    munmap(text, 8192);
    fclose(file);
    return 0;
}
