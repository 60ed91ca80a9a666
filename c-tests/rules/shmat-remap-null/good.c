/* Replaces memory that it has reserved for the segment. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

int main(void)
{
    void *reserved = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (reserved == MAP_FAILED || id < 0) {
        perror("memory");
        return EXIT_FAILURE;
    }
    void *memory = shmat(id, reserved, SHM_REMAP);
    if (memory == (void *)-1 || shmdt(memory) != 0)
        perror("segment");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
