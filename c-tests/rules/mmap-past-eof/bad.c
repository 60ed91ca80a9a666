/* mapsan: enable=pedantic */
/* Maps a window of fixed size over a shorter file: what lies past its last page can't be touched. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    if (file == NULL || ftruncate(fileno(file), 100) != 0) {
        perror("data");
        return EXIT_FAILURE;
    }
    char *window = mmap(NULL, 65536, PROT_READ, MAP_SHARED, fileno(file), 0); /* faulty */
    if (window == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    printf("first byte %d\n", window[0]);
    return munmap(window, 65536) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
