/* Takes the failure of a search, -1 pages, for a page number: the offset is negative. */
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
    off_t page = -1, size = sysconf(_SC_PAGESIZE);
    void *data = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fileno(file), page * size); /* faulty */
    if (data == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
