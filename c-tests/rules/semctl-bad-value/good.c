/* Starts with as many as there can be. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0 || semctl(id, 0, SETVAL, 32767) != 0)
        return 1;
    return semctl(id, 0, IPC_RMID);
}
