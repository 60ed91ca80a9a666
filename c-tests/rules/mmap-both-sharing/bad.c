/* Swaps protection and flags: prot becomes 1 and flags PROT_READ|PROT_WRITE, which is 3. */
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
    char *data = mmap(NULL, 4096, MAP_SHARED, PROT_READ | PROT_WRITE, fileno(file), 0); /* faulty */
    if (data == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    printf("first byte %d\n", data[0]);
    return munmap(data, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
