/* Leaves the mode out of the flags. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT); /* faulty */
    if (id < 0) {
        perror("semget");
        return 1;
    }
    return semctl(id, 0, IPC_RMID);
}
