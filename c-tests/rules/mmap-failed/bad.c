/* Asks for synchronous mapping of persistent memory, which an ordinary file does not have. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 4096) != 0) {
        perror("journal");
        return EXIT_FAILURE;
    }
    int flags = MAP_SHARED_VALIDATE | MAP_SYNC;
    void *journal = mmap(NULL, 4096, PROT_READ | PROT_WRITE, flags, fileno(file), 0); /* faulty */
    if (journal == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
