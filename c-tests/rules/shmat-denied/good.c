/* Attaches to read what its mode lets it read. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0644);
    if (id < 0) {
        perror("server");
        return EXIT_FAILURE;
    }
    void *memory = shmat(id, NULL, SHM_RDONLY);
    if (memory == (void *)-1 || shmdt(memory) != 0)
        perror("segment");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
