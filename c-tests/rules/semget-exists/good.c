/* The key is its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(0x4d53, 1, IPC_CREAT | IPC_EXCL | 0600);
    if (id < 0) {
        perror("semget");
        return 1;
    }
    return semctl(id, 0, IPC_RMID);
}
