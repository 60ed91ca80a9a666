/* Gives the owner the right to read and write; and tries whether a key is free, for which none is needed. */
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
    int trial = shmget(0x6d5a0001, 1, IPC_CREAT | IPC_EXCL);
    if (trial >= 0)
        shmctl(trial, IPC_RMID, NULL);
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
