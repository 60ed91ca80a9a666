/* Asks for the state, and gives no room for it. */
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
    if (semctl(id, 0, IPC_STAT, NULL) != 0) /* faulty */
        perror("state");
    return semctl(id, 0, IPC_RMID);
}
