/* Removes each set after its use. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    for (int made = 0; made < 5; made++) {
        int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
        if (id < 0 || semctl(id, 0, IPC_RMID) != 0) {
            perror("semget");
            return 1;
        }
    }
    return 0;
}
