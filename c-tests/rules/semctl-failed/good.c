/* Changes what is to change, and leaves the owner as IPC_STAT gave it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    struct semid_ds state;
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0 || semctl(id, 0, IPC_STAT, &state) != 0 || semctl(id, 0, IPC_SET, &state) != 0) {
        perror("owner");
        return 1;
    }
    return semctl(id, 0, IPC_RMID);
}
