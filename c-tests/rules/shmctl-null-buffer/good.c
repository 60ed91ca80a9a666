/* Asks for the state of a segment, and gives room for it. */
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
    struct shmid_ds state;
    if (shmctl(id, IPC_STAT, &state) != 0)
        perror("shmctl");
    else
        printf("%zu bytes\n", state.shm_segsz);
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
