/* Starts with more tickets than a semaphore can count. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    if (semctl(id, 0, SETVAL, 40000) != 0) /* faulty */
        perror("semctl");
    return semctl(id, 0, IPC_RMID);
}
