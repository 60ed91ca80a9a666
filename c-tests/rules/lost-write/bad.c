/* mapsan: harden=tail */
/* Appends to a file through a mapping that is longer than the file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = open("journal", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || write(fd, "one\n", 4) != 4) {
        perror("journal");
        return EXIT_FAILURE;
    }
    char *journal = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (journal == MAP_FAILED) {
        perror("journal");
        return EXIT_FAILURE;
    }
    memcpy(journal + 4, "two\n", 4);
    munmap(journal, 8); /* faulty */
    return EXIT_SUCCESS;
}
