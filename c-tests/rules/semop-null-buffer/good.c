/* Passes one. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    struct sembuf give = {0, 1, 0};
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0 || semop(id, &give, 1) != 0)
        return 1;
    return semctl(id, 0, IPC_RMID);
}
