/* Counts them from 0. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    for (int number = 0; number < 2; number++)
        if (semctl(id, number, SETVAL, 1) != 0)
            perror("semctl");
    return semctl(id, 0, IPC_RMID);
}
