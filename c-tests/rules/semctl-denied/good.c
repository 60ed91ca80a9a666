/* Its owner removes it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int made = semget(IPC_PRIVATE, 1, IPC_CREAT | 0666);
    if (made < 0)
        return 1;
    return semctl(made, 0, IPC_RMID);
}
