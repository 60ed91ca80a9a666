/* Writes out the one record that it has changed, from the record's own address. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 4096) != 0) {
        perror("records");
        return EXIT_FAILURE;
    }
    char *records = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    if (records == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    char *record = strcpy(records + 128, "new");
    if (msync(record, 128, MS_SYNC) != 0) /* faulty */
        perror("msync");
    return munmap(records, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
