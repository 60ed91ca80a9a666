/* Has no operations to pass. */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    if (semop(id, NULL, 1) != 0) /* faulty */
        perror("semop");
    return semctl(id, 0, IPC_RMID);
}
