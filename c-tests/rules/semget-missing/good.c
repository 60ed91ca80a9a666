/* The set is there before it is looked for. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int made = semget(0x4d53, 1, IPC_CREAT | IPC_EXCL | 0600);
    int id = semget(0x4d53, 1, 0600);
    if (made < 0 || id < 0) {
        perror("semget");
        return 1;
    }
    return semctl(made, 0, IPC_RMID);
}
