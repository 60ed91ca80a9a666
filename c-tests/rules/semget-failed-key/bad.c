/* mapsan: disable=ftok-path */
/* Uses the key -1 of an ftok that failed: a set that every program with this mistake shares. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    key_t key = ftok("no such file", 'A');
    int id = semget(key, 1, IPC_CREAT | 0600); /* faulty */
    if (id < 0) {
        perror("semget");
        return 1;
    }
    return semctl(id, 0, IPC_RMID);
}
