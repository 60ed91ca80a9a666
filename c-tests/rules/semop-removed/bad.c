/* The parent removes the set while its child waits for a ticket. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    pid_t worker = id < 0 ? -1 : fork();
    if (worker == 0) {
        struct sembuf take = {0, -1, 0};
        if (semop(id, &take, 1) != 0) /* faulty */
            perror("worker");
        fflush(NULL);
        _exit(0);
    }
    while (worker > 0 && semctl(id, 0, GETNCNT) == 0)
        usleep(1000);
    if (worker < 0 || semctl(id, 0, IPC_RMID) != 0)
        return 1;
    return waitpid(worker, NULL, 0) != worker;
}
