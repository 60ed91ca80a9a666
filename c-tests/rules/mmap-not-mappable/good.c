/* Maps its input only if that is a file, and reads it otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(void)
{
    int ends[2];
    struct stat status;
    if (pipe(ends) != 0 || fstat(ends[0], &status) != 0 || write(ends[1], "text", 4) != 4) {
        perror("pipe");
        return EXIT_FAILURE;
    }
    char buffer[16];
    if (!S_ISREG(status.st_mode)) {
        printf("read %zd bytes\n", read(ends[0], buffer, sizeof buffer));
        return EXIT_SUCCESS;
    }
    void *input = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, ends[0], 0);
    return input == MAP_FAILED ? EXIT_FAILURE : EXIT_SUCCESS;
}
