/* An object for a computation, which outlives it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    const char *name = "/mapsan-leak-shm-object";
    shm_unlink(name);
    int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600); /* faulty */
    if (fd < 0 || ftruncate(fd, 4096) != 0) {
        perror(name);
        return EXIT_FAILURE;
    }
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    memory[0] = 1;
    munmap(memory, 4096);
    return EXIT_SUCCESS;
}
