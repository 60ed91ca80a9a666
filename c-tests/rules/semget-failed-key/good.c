/* Looks at what ftok returns before it is used. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    key_t key = ftok("/", 'A');
    if (key == -1) {
        perror("ftok");
        return 1;
    }
    int id = semget(key, 1, IPC_CREAT | 0600);
    if (id < 0) {
        perror("semget");
        return 1;
    }
    return semctl(id, 0, IPC_RMID);
}
