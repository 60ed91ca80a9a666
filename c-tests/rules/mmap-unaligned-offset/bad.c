/* Maps a record in the middle of a file from the record's own offset. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 8192) != 0) {
        perror("records");
        return EXIT_FAILURE;
    }
    off_t record = 100;
    char *data = mmap(NULL, 64, PROT_READ, MAP_PRIVATE, fileno(file), record); /* faulty */
    if (data == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
