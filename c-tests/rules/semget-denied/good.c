/* Asks only to read, which the mode allows. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int made = semget(0x4d53, 1, IPC_CREAT | IPC_EXCL | 0644);
    if (made < 0 || semget(0x4d53, 1, 0400) != made) {
        perror("semget");
        return 1;
    }
    return semctl(made, 0, IPC_RMID);
}
