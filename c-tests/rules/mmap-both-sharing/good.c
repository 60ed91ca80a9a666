/* Protection first, then one kind of sharing. */
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
    if (data == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    printf("first byte %d\n", data[0]);
    return munmap(data, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
