/* Gives room for the state. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    struct semid_ds state;
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0 || semctl(id, 0, IPC_STAT, &state) != 0) {
        perror("state");
        return 1;
    }
    return semctl(id, 0, IPC_RMID);
}
