/* The command stands in the place of another argument. */
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
    if (semctl(id, IPC_RMID, 1000) != 0) /* faulty */
        perror("command");
    return semctl(id, 0, IPC_RMID);
}
