/* Passes the number of elements. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    static struct sembuf all[100];
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0 || semop(id, all, sizeof all / sizeof *all) != 0)
        return 1;
    return semctl(id, 0, IPC_RMID);
}
