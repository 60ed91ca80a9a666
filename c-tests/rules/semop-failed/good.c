/* Gives back what it has taken; that there is none at the moment is an answer. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    struct sembuf take = {0, -1, IPC_NOWAIT}, give = {0, 1, 0};
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0 || semop(id, &give, 1) != 0 || semop(id, &take, 1) != 0)
        return 1;
    if (semop(id, &take, 1) == 0 || errno != EAGAIN)
        return 1;
    return semctl(id, 0, IPC_RMID);
}
