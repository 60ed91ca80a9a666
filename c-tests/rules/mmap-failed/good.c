/* Maps an ordinary file shared, and makes it durable with msync. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 4096) != 0) {
        perror("journal");
        return EXIT_FAILURE;
    }
    char *journal = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    if (journal == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    strcpy(journal, "begin");
    if (msync(journal, 4096, MS_SYNC) != 0)
        perror("msync");
    return munmap(journal, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
