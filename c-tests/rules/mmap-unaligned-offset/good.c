/* Maps a record in the middle of a file: from the start of its page, with what lies before it. */
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
    off_t record = 100, before = record % sysconf(_SC_PAGESIZE);
    size_t length = 64 + (size_t)before;
    char *page = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fileno(file), record - before);
    if (page == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    char *data = page + before;
    printf("first byte %d\n", data[0]);
    return munmap(page, length) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
