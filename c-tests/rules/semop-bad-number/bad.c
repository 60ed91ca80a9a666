/* The second operation is on a semaphore behind the last. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    struct sembuf both[] = {{0, 1, 0}, {2, 1, 0}};
    int id = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    if (semop(id, both, 2) != 0) /* faulty */
        perror("semop");
    return semctl(id, 0, IPC_RMID);
}
