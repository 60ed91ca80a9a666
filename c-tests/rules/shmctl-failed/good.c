/* Asks for the state by an index below the highest that is in use. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    struct shm_info info;
    struct shmid_ds state;
    int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);
    if (id < 0 || highest < 0 || shmctl(highest, SHM_STAT, &state) < 0)
        perror("shmctl");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
