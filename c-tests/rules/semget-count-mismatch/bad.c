/* Asks for four semaphores of a set that has two. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int made = semget(0x4d53, 2, IPC_CREAT | IPC_EXCL | 0600);
    if (made < 0)
        return 1;
    if (semget(0x4d53, 4, IPC_CREAT | 0600) < 0) /* faulty */
        perror("semget");
    return semctl(made, 0, IPC_RMID);
}
