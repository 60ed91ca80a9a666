/* Reads its standard input to the end: each run gets all of it. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    char line[100];
    int lines = 0;
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (text == MAP_FAILED)
        return perror("mmap"), 1;
    while (fgets(line, sizeof line, stdin) != NULL)
        lines++;
    if (lines != 3)
        text = (char *)1;
    strcpy(text, "all");
    printf("%s of %d lines\n", text, lines);
    munmap(text, 4096);
    return 0;
}
