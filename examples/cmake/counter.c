/* Counts in a mapped file, without a mistake. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 4096) != 0)
        return EXIT_FAILURE;
    int *counter = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    if (counter == MAP_FAILED)
        return EXIT_FAILURE;
    counter[0]++;
    return munmap(counter, 4096);
}
