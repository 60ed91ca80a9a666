/* Waits for the write. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 4096) != 0) {
        perror("log");
        return EXIT_FAILURE;
    }
    char *log = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    if (log == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (msync(log, 4096, MS_SYNC) != 0)
        perror("msync");
    return munmap(log, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
