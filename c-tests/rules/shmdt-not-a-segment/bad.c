/* Detaches memory that came from mmap. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>

int main(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (shmdt(memory) != 0) /* faulty */
        perror("shmdt");
    return munmap(memory, 4096) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
