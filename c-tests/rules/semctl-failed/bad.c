/* Gives it to user -1, as if that meant "unchanged". */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    struct semid_ds state;
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0 || semctl(id, 0, IPC_STAT, &state) != 0)
        return 1;
    state.sem_perm.uid = (uid_t)-1;
    if (semctl(id, 0, IPC_SET, &state) != 0) /* faulty */
        perror("owner");
    return semctl(id, 0, IPC_RMID);
}
