/* Removes its set once, and remembers it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0 || semctl(id, 0, IPC_RMID) != 0) {
        perror("done");
        return 1;
    }
    id = -1;
    if (id >= 0 && semctl(id, 0, IPC_RMID) != 0)
        perror("way out");
    return 0;
}
