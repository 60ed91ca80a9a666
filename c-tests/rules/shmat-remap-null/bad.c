/* Wants to replace what is mapped, and does not say where. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    void *memory = shmat(id, NULL, SHM_REMAP); /* faulty */
    if (memory == (void *)-1)
        perror("shmat");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
