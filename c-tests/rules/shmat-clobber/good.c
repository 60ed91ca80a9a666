/* Attaches a segment where the kernel likes, and one in a place that mmap has reserved. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

int main(void)
{
    size_t size = 8192;
    int id = shmget(0x4d62, size, IPC_CREAT | 0600);
    char *place = mmap(NULL, 4 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (id == -1 || place == MAP_FAILED) {
        perror("place");
        return EXIT_FAILURE;
    }
    char *first = shmat(id, NULL, 0);
    char *second = shmat(id, place + size, SHM_REMAP);
    if (first == (void *)-1 || second != place + size)
        perror("shmat");
    first[0] = 1;
    int status = second[0] == 1 ? EXIT_SUCCESS : EXIT_FAILURE;
    shmdt(first);
    munmap(place, 4 * size); /* the place is the program's own, with the segment in it */
    return shmctl(id, IPC_RMID, NULL) == 0 ? status : EXIT_FAILURE;
}
