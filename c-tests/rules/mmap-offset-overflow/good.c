/* Looks at a page number before it maps that page. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 8192) != 0) {
        perror("pages");
        return EXIT_FAILURE;
    }
    off_t page = 1, size = sysconf(_SC_PAGESIZE);
    if (page < 0 || page >= 2) {
        fputs("no such page\n", stderr);
        return EXIT_FAILURE;
    }
    void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fileno(file), page * size);
    if (data == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return munmap(data, (size_t)size) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
