/* Writes a file out after unmapping it.
 * mapsan-vary: the next mapping above is .* */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 4096) != 0) {
        perror("data");
        return EXIT_FAILURE;
    }
    char *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    if (data == MAP_FAILED || munmap(data, 4096) != 0) {
        perror("data");
        return EXIT_FAILURE;
    }
    if (msync(data, 4096, MS_SYNC) != 0) /* faulty */
        perror("msync");
    return EXIT_SUCCESS;
}
