/* The semaphores of a set of two are 0 and 1. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    struct sembuf both[] = {{0, 1, 0}, {1, 1, 0}};
    int id = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    if (id < 0 || semop(id, both, 2) != 0)
        return 1;
    return semctl(id, 0, IPC_RMID);
}
