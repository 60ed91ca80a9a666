/* Removes its set when it is done, and once more on its way out. */
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
    if (semctl(id, 0, IPC_RMID) != 0) /* faulty */
        perror("way out");
    return 0;
}
