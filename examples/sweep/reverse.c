/* Writes the lines of a file from the last to the first. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **words)
{
    struct stat file;
    int open_file = open(count > 1 ? words[1] : "", O_RDONLY);
    if (open_file == -1 || fstat(open_file, &file) == -1) {
        perror("reverse");
        return EXIT_FAILURE;
    }
    size_t length = file.st_size;
    char *text = mmap(NULL, length, PROT_READ, MAP_PRIVATE, open_file, 0);
    if (text == MAP_FAILED) {
        perror("reverse");
        return EXIT_FAILURE;
    }
    for (size_t end = length, start; end > 0; end = start) {
        for (start = end - 1; start > 0 && text[start - 1] != '\n'; start--)
            ;
        fwrite(text + start, 1, end - start, stdout);
    }
    munmap(text, length);
    return EXIT_SUCCESS;
}
