/* Maps a whole file, and the file is empty: its size, 0, becomes the length. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

int main(void)
{
    FILE *file = tmpfile();
    struct stat status;
    if (file == NULL || fstat(fileno(file), &status) != 0) {
        perror("input");
        return EXIT_FAILURE;
    }
    void *text = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fileno(file), 0); /* faulty */
    if (text == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
