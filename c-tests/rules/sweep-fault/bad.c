/* mapsan: memory */
/* The program dies where its file is cut, or has no room on the disk, while it is mapped. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    char *text;

    if (file == NULL || ftruncate(fileno(file), 4096) == -1) {
        perror("tmpfile");
        return 1;
    }
    text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0); /* faulty */
    if (text == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    text[0] = 'a';
    munmap(text, 4096);
    fclose(file);
    return 0;
}
